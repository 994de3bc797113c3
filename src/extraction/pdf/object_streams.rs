//! Object streams and cross-reference streams, measured before anybody inflates them (PDF 32000-1 sections 7.5.7, 7.5.8).
//!
//! They are decoded by the libraries that find objects, without a cap, and kept. So whoever holds more than is allowed is
//! turned away at the door.

use std::sync::Arc;

use flate2::{Decompress, FlushDecompress, Status};
use memchr::memmem;

use crate::extraction::mapped::FileBytes;
use crate::failure::{Failure, FailureCode};

/// Deflate makes no more than this of a byte.
const LARGEST_RATIO: u64 = 1032;
/// Bytes that are searched at a time.
const WINDOW: usize = 8 << 20;
const LONGEST_TYPE: usize = 8;
/// Bytes before and after the type within which the rest of the dictionary is looked for.
const DICTIONARY: usize = 2048;

/// Adds up what the object streams of a file decode to.
///
/// # Errors
/// `LIMIT_DECOMPRESSED` when it is more than `limit` bytes.
pub(super) fn check(file: &Arc<FileBytes>, limit: u64) -> Result<(), Failure> {
    let content = (**file).as_ref();
    let streams: Vec<Found<'_>> = types(file).into_iter().filter_map(|at| find(content, at)).collect();
    let most = streams.iter().map(Found::most).fold(0, u64::saturating_add);
    if most <= limit {
        return Ok(());
    }
    let mut left = limit;
    for found in &streams {
        match measure(found, left) {
            Some(bytes) => left -= bytes,
            None => {
                let detail = format!("its {} object streams decode to more than {limit} bytes", streams.len());
                return Err(Failure::new(FailureCode::LimitDecompressed, detail));
            }
        }
    }
    Ok(())
}

/// Where the types of such streams stand. What was searched is given back: most of it is images.
fn types(file: &Arc<FileBytes>) -> Vec<usize> {
    let content = (**file).as_ref();
    let mut found = Vec::new();
    for start in (0..content.len()).step_by(WINDOW) {
        // A type may begin in one window and end in the next.
        let window = &content[start..content.len().min(start + WINDOW + LONGEST_TYPE)];
        for kind in [&b"/ObjStm"[..], b"/XRef"] {
            found.extend(memmem::find_iter(window, kind).map(|at| start + at).filter(|at| *at < start + WINDOW));
        }
        if content.len() > WINDOW {
            file.release(start, window.len());
        }
    }
    found
}

/// One object stream.
struct Found<'a> {
    raw: &'a [u8],
    /// How many times its content is deflated.
    rounds: u32,
}

impl Found<'_> {
    /// More than it can decode to.
    fn most(&self) -> u64 {
        (self.raw.len() as u64).saturating_mul(LARGEST_RATIO.saturating_pow(self.rounds))
    }
}

/// The stream whose dictionary has a type at `at`.
fn find(content: &[u8], at: usize) -> Option<Found<'_>> {
    let after = &content[at..];
    let keyword = memmem::find(&after[..after.len().min(DICTIONARY)], b"stream")?;
    let raw = &after[keyword + b"stream".len()..];
    let raw = &raw[..memmem::find(raw, b"endstream").unwrap_or(raw.len())];
    let raw = raw.strip_prefix(b"\r\n").or_else(|| raw.strip_prefix(b"\n")).unwrap_or(raw);
    // The filter may stand before the type.
    let before = &content[at.saturating_sub(DICTIONARY)..at];
    let before = &before[memmem::rfind(before, b" obj").unwrap_or(0)..];
    let rounds = |dictionary: &[u8]| {
        memmem::find_iter(dictionary, b"/FlateDecode").count() + memmem::find_iter(dictionary, b"/Fl ").count()
    };
    let rounds = rounds(before) + rounds(&after[..keyword]);
    Some(Found { raw, rounds: u32::try_from(rounds).unwrap_or(u32::MAX) })
}

/// How many bytes come out in all rounds; nothing when more than `limit`.
fn measure(found: &Found<'_>, limit: u64) -> Option<u64> {
    let mut data = found.raw.to_vec();
    let mut total = 0;
    for round in 1..=found.rounds {
        let keep = round < found.rounds;
        let (bytes, decoded) = inflate(&data, limit - total, keep)?;
        total += bytes;
        data = decoded;
    }
    Some(total)
}

/// Counts what comes out, and keeps it if another round needs it.
fn inflate(data: &[u8], limit: u64, keep: bool) -> Option<(u64, Vec<u8>)> {
    let mut inflater = Decompress::new(true);
    let mut window = vec![0; 64 * 1024];
    let mut kept = Vec::new();
    loop {
        let (consumed, before) = (inflater.total_in(), inflater.total_out());
        let rest = data.get(usize::try_from(consumed).ok()?..).unwrap_or_default();
        let status = inflater.decompress(rest, &mut window, FlushDecompress::None);
        let produced = inflater.total_out() - before;
        if inflater.total_out() > limit {
            return None;
        }
        if keep {
            kept.extend_from_slice(window.get(..usize::try_from(produced).ok()?)?);
        }
        let goes_on = matches!(status, Ok(Status::Ok)) && (produced > 0 || inflater.total_in() > consumed);
        if !goes_on {
            return Some((inflater.total_out(), kept));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    fn zlib(data: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn object(dictionary: &str, data: &[u8]) -> Vec<u8> {
        [b"1 0 obj <<", dictionary.as_bytes(), b">> stream\r\n", data, b"\nendstream endobj\n"].concat()
    }

    #[test]
    fn bombs_are_turned_away() {
        const MIB: u64 = 1 << 20;
        let bomb = zlib(&vec![0; 3 << 20]);
        let twice = zlib(&bomb);
        let single = object("/Type /ObjStm /Filter /FlateDecode", &bomb);
        let cases: &[(&str, Vec<u8>, u64, bool)] = &[
            ("small", object("/Type/ObjStm/Filter/FlateDecode", &zlib(b"1 0")), MIB, true),
            ("large, and allowed", single.clone(), 4 * MIB, true),
            ("large", single.clone(), 2 * MIB, false),
            ("several that add up", [single.clone(), single.clone()].concat(), 4 * MIB, false),
            ("filter first", object("/Filter /FlateDecode /Type /XRef", &bomb), 2 * MIB, false),
            ("chained", object("/Type /ObjStm /Filter [/FlateDecode /FlateDecode]", &twice), 2 * MIB, false),
            ("another stream", object("/Filter /FlateDecode", &bomb), MIB, true),
        ];
        for (name, file, limit, passes) in cases {
            let result = check(&Arc::new(FileBytes::Owned(file.clone())), *limit);
            assert_eq!(result.is_ok(), *passes, "{name}: {result:?}");
        }
    }
}
