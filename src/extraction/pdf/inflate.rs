//! Deflate, under a cap (PDF 32000-1 section 7.4.4; RFC 1950 and 1951).

use flate2::{Decompress, FlushDecompress, Status};

/// Bytes that are decoded at a time when they are only counted.
const WINDOW: usize = 64 * 1024;

/// Inflates one stream after the other with the same tables.
pub(super) struct Inflater(Decompress);

/// What came out of a stream.
#[derive(Debug, PartialEq)]
pub(super) struct Inflated {
    /// Empty when they were only counted.
    pub data: Vec<u8>,
    pub bytes: usize,
    /// It ended where its writer ended it.
    pub is_whole: bool,
}

/// What becomes of the bytes that come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    Kept,
    Counted,
}

impl Default for Inflater {
    fn default() -> Self {
        Self(Decompress::new(false))
    }
}

impl Inflater {
    /// The header of two bytes is passed over and the checksum not looked at: writers get both wrong. What comes out of a
    /// broken stream before it breaks counts. Nothing when it would pass the cap.
    pub(super) fn inflate(&mut self, data: &[u8], cap: usize, output: Output) -> Option<Inflated> {
        let has_header = matches!(data, [method, flags, ..] if method & 0x0f == 8 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0);
        let skipped = if has_header { 2 } else { 0 };
        let inflated = self.inflate_raw(data.get(skipped..).unwrap_or_default(), cap, output)?;
        match data {
            [_, _, rest @ ..] if inflated.bytes == 0 && !has_header && !rest.is_empty() => {
                self.inflate_raw(rest, cap, output)
            }
            _ => Some(inflated),
        }
    }

    fn inflate_raw(&mut self, input: &[u8], cap: usize, output: Output) -> Option<Inflated> {
        self.0.reset(false);
        let guess = match output {
            Output::Kept => input.len().saturating_mul(4).clamp(256, cap.max(256)),
            Output::Counted => WINDOW,
        };
        let mut data = Vec::with_capacity(guess);
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        loop {
            let rest = input.get(count(self.0.total_in())..).unwrap_or_default();
            let before = count(self.0.total_out());
            let status = self.0.decompress_vec(rest, &mut data, FlushDecompress::None);
            let bytes = count(self.0.total_out());
            if bytes > cap {
                return None;
            }
            let is_whole = match status {
                Ok(Status::StreamEnd) => true,
                Ok(_) if data.len() == data.capacity() => {
                    match output {
                        Output::Kept => data.reserve(data.capacity().min(cap - bytes + 1).max(64)),
                        Output::Counted => data.clear(),
                    }
                    continue;
                }
                Ok(_) if bytes > before => continue,
                // Out of input. A writer that flushed and never finished has left a mark that all is there (RFC 1951
                // section 3.2.4).
                Ok(_) => input.ends_with(&[0, 0, 0xff, 0xff]),
                Err(_) => false,
            };
            if output == Output::Counted {
                data = Vec::new();
            }
            return Some(Inflated { data, bytes, is_whole });
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, ZlibEncoder};

    use super::*;

    /// `FlateDecode`'s format, for the tests of every file here.
    pub(in crate::extraction::pdf) fn zlib(data: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(data: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn inflating_is_patient_and_capped() {
        let data = b"BT (texto) Tj ET ".repeat(5000);
        let compressed = zlib(&data);
        let mut bad_checksum = compressed.clone();
        *bad_checksum.last_mut().unwrap() ^= 1;
        let mut bad_header = compressed.clone();
        bad_header[1] ^= 1;
        let mut inflater = Inflater::default();
        for (name, input) in [
            ("whole", compressed.clone()),
            ("bad checksum", bad_checksum),
            ("bad header", bad_header),
            ("no header", deflate(&data)),
            ("followed by junk", [&compressed[..], b"junk"].concat()),
        ] {
            let kept = inflater.inflate(&input, 1 << 20, Output::Kept).unwrap();
            assert_eq!((&kept.data, kept.bytes, kept.is_whole), (&data, data.len(), true), "{name}");
            let counted = inflater.inflate(&input, 1 << 20, Output::Counted).unwrap();
            assert_eq!(counted, Inflated { data: Vec::new(), ..kept }, "{name}");
        }
        for output in [Output::Kept, Output::Counted] {
            let bytes = |inflater: &mut Inflater, cap| inflater.inflate(&compressed, cap, output).map(|all| all.bytes);
            assert_eq!(bytes(&mut inflater, data.len()), Some(data.len()));
            assert_eq!(bytes(&mut inflater, data.len() - 1), None);
        }
        let cut = inflater.inflate(&compressed[..compressed.len() / 2], 1 << 20, Output::Kept).unwrap();
        assert!(!cut.is_whole && data.starts_with(&cut.data) && !cut.data.is_empty());
    }
}
