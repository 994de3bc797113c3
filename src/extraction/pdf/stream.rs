//! Streams, decoded under a cap (PDF 32000-1 section 7.4).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::{Decompress, FlushDecompress, Status};
use hayro_syntax::Filter;
use hayro_syntax::object::{Array, Dict, Object, Stream};

use super::filter;
use crate::extraction::Limits;
use crate::failure::{Failure, FailureCode};

/// Decodes streams and counts what they cost.
pub(super) struct Streams {
    limits: Limits,
    inflater: Decompress,
    page_bytes: u64,
    /// Of all threads that read the document.
    document_bytes: Arc<AtomicU64>,
    /// Set when a limit was passed; nothing is decoded from then on.
    pub failure: Option<Failure>,
    /// Whether the last stream broke off before its end.
    ended_early: bool,
    /// Whether content of the page is missing, because its stream broke off.
    pub is_cut: bool,
}

impl Streams {
    pub(super) fn new(limits: Limits, document_bytes: Arc<AtomicU64>) -> Self {
        Self {
            limits,
            inflater: Decompress::new(false),
            page_bytes: 0,
            document_bytes,
            failure: None,
            ended_early: false,
            is_cut: false,
        }
    }

    /// Begins a page: what was counted for the one before no longer matters.
    pub(super) fn begin_page(&mut self) {
        self.page_bytes = 0;
        self.is_cut = false;
    }

    /// Like [`Streams::decode`], for content that is to be read: its missing end is noted.
    pub(super) fn decode_content(&mut self, stream: &Stream<'_>) -> Option<Vec<u8>> {
        self.ended_early = false;
        let decoded = self.decode(stream);
        self.is_cut |= self.ended_early;
        decoded
    }

    /// The whole decoded content, or nothing when it is not to be had. What can be decoded of a broken stream counts.
    pub(super) fn decode(&mut self, stream: &Stream<'_>) -> Option<Vec<u8>> {
        if self.failure.is_some() {
            return None;
        }
        let filters = stream.filters();
        let raw = stream.raw_data();
        let mut data: Option<Vec<u8>> = None;
        for filter in &filters {
            let input = data.as_deref().unwrap_or(&raw);
            let cap = self.room();
            let decoded = match filter {
                Filter::FlateDecode => self.inflate(input, cap),
                Filter::LzwDecode => filter::lzw(input, early_change(stream.dict()), cap),
                Filter::Ascii85Decode => filter::ascii85(input, cap),
                Filter::AsciiHexDecode => filter::ascii_hex(input, cap),
                Filter::RunLengthDecode => filter::run_length(input, cap),
                Filter::Crypt => Some(input.to_vec()),
                Filter::CcittFaxDecode | Filter::Jbig2Decode | Filter::DctDecode | Filter::JpxDecode => return None,
            };
            let Some(decoded) = decoded else {
                self.fail(cap);
                return None;
            };
            self.count(decoded.len());
            data = Some(decoded);
        }
        let data = data.unwrap_or_else(|| {
            self.count(raw.len());
            raw.into_owned()
        });
        if has_predictor(stream.dict()) {
            // Its size is known to be within the limits by now.
            return stream.decoded_data().ok().map(std::borrow::Cow::into_owned);
        }
        Some(data)
    }

    fn room(&self) -> usize {
        let page = self.limits.page_bytes.saturating_sub(self.page_bytes);
        let document = self.limits.document_bytes.saturating_sub(self.document_bytes.load(Ordering::Relaxed));
        usize::try_from(self.limits.stream_bytes.min(page).min(document)).unwrap_or(usize::MAX)
    }

    fn count(&mut self, bytes: usize) {
        self.page_bytes = self.page_bytes.saturating_add(bytes as u64);
        self.document_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn fail(&mut self, cap: usize) {
        let Limits { stream_bytes, page_bytes, document_bytes, .. } = self.limits;
        let detail = format!(
            "a stream decodes to more than {cap} bytes, which is all that was left of {stream_bytes} for a stream, \
             {page_bytes} for a page and {document_bytes} for a document"
        );
        self.failure = Some(Failure::new(FailureCode::LimitDecompressed, detail));
    }

    /// Section 7.4.4. The header of two bytes is passed over and the checksum not looked at: writers get both wrong.
    /// Nothing when the output would pass the cap.
    fn inflate(&mut self, data: &[u8], cap: usize) -> Option<Vec<u8>> {
        let has_header = matches!(data, [method, flags, ..] if method & 0x0f == 8 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0);
        let skipped = if has_header { 2 } else { 0 };
        let (mut decoded, mut is_whole) = self.inflate_raw(data.get(skipped..).unwrap_or_default(), cap)?;
        if decoded.is_empty() && !has_header && data.len() > 2 {
            (decoded, is_whole) = self.inflate_raw(&data[2..], cap)?;
        }
        self.ended_early |= !is_whole && !data.is_empty();
        Some(decoded)
    }

    /// What comes out, and whether it ended where its writer ended it.
    fn inflate_raw(&mut self, data: &[u8], cap: usize) -> Option<(Vec<u8>, bool)> {
        self.inflater.reset(false);
        let mut decoded = Vec::with_capacity(data.len().saturating_mul(4).clamp(256, cap.max(256)));
        loop {
            let consumed = usize::try_from(self.inflater.total_in()).unwrap_or(usize::MAX);
            let rest = data.get(consumed..).unwrap_or_default();
            let before = decoded.len();
            match self.inflater.decompress_vec(rest, &mut decoded, FlushDecompress::None) {
                Ok(Status::StreamEnd) => return (decoded.len() <= cap).then_some((decoded, true)),
                Ok(_) if decoded.len() > cap => return None,
                Ok(_) if decoded.len() == decoded.capacity() => {
                    decoded.reserve(decoded.capacity().min(cap.saturating_sub(decoded.len()) + 1).max(64));
                }
                Ok(_) if decoded.len() > before => {}
                // Out of input, or broken: what came so far is kept.
                // A writer that flushed and never finished has left a mark that all is there (RFC 1951 section 3.2.4).
                Ok(_) => return Some((decoded, data.ends_with(&[0, 0, 0xff, 0xff]))),
                Err(_) => return Some((decoded, false)),
            }
        }
    }
}

fn parameters<'a>(dict: &Dict<'a>) -> impl Iterator<Item = Dict<'a>> {
    let object = dict.get::<Object<'a>>(b"DecodeParms").or_else(|| dict.get::<Object<'a>>(b"DP"));
    let (single, several) = match object {
        Some(Object::Dict(dict)) => (Some(dict), None),
        Some(Object::Array(array)) => (None, Some(array)),
        _ => (None, None),
    };
    let several = several.into_iter().flat_map(|array: Array<'a>| array.iter::<Object<'a>>());
    single.into_iter().chain(several.filter_map(Object::into_dict))
}

fn has_predictor(dict: &Dict<'_>) -> bool {
    parameters(dict).any(|parameters| parameters.get::<i32>(b"Predictor").is_some_and(|predictor| predictor > 1))
}

fn early_change(dict: &Dict<'_>) -> bool {
    parameters(dict).find_map(|parameters| parameters.get::<i32>(b"EarlyChange")).is_none_or(|early| early != 0)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, ZlibEncoder};

    use super::*;

    fn zlib(data: &[u8]) -> Vec<u8> {
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
        let mut streams = Streams::new(Limits::default(), Arc::default());
        for (name, input) in [
            ("whole", compressed.clone()),
            ("bad checksum", bad_checksum),
            ("bad header", bad_header),
            ("no header", deflate(&data)),
            ("followed by junk", [&compressed[..], b"junk"].concat()),
        ] {
            assert_eq!(streams.inflate(&input, 1 << 20).as_deref(), Some(&data[..]), "{name}");
            assert!(!streams.ended_early, "{name}");
        }
        assert_eq!(streams.inflate(&compressed, data.len()).map(|decoded| decoded.len()), Some(data.len()));
        assert_eq!(streams.inflate(&compressed, data.len() - 1), None);
        let cut = streams.inflate(&compressed[..compressed.len() / 2], 1 << 20).unwrap();
        assert!(streams.ended_early && data.starts_with(&cut) && !cut.is_empty());
    }
}
