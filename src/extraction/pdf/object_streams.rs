//! Object streams and cross-reference streams, measured before anybody inflates them (PDF 32000-1 sections 7.5.7, 7.5.8).
//!
//! They are decoded by the libraries that find objects, without a cap, and kept. So whoever holds more than is allowed is
//! turned away at the door.

use std::sync::Arc;

use memchr::memmem;

use super::filter::{self, Filter};
use super::inflate::{Inflater, Output};
use crate::extraction::mapped::FileBytes;
use crate::failure::{Failure, FailureCode};

/// Bytes that are searched at a time.
const WINDOW: usize = 8 << 20;
const LONGEST_TYPE: usize = 8;
/// Bytes before and after the type within which the rest of the dictionary is looked for.
const DICTIONARY: usize = 2048;

/// Adds up what the object streams of a file decode to.
///
/// # Errors
/// `LIMIT_DECOMPRESSED` when it is more than `limit` bytes.
pub(in crate::extraction) fn check(file: &Arc<FileBytes>, limit: u64) -> Result<(), Failure> {
    let content = (**file).as_ref();
    let streams: Vec<Found<'_>> = types(file).into_iter().filter_map(|at| find(content, at)).collect();
    let most = streams.iter().map(Found::most).fold(0, u64::saturating_add);
    if most <= limit {
        return Ok(());
    }
    let (mut left, mut inflater) = (limit, Inflater::default());
    for found in &streams {
        match measure(found, left, &mut inflater) {
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
    /// As they stand in the dictionary, which is the order in which they are undone.
    filters: Vec<Filter>,
}

impl Found<'_> {
    /// More than it can decode to.
    fn most(&self) -> u64 {
        self.filters.iter().fold(self.raw.len() as u64, |bytes, filter| bytes.saturating_mul(filter.largest_ratio()))
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
    let filters = filters(before).chain(filters(&after[..keyword])).collect();
    Some(Found { raw, filters })
}

/// Those that a dictionary, or a part of one, names.
fn filters(dictionary: &[u8]) -> impl Iterator<Item = Filter> {
    let names = dictionary.split(|byte| *byte == b'/').skip(1);
    names.filter_map(|rest| {
        let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        Filter::named(&rest[..length])
    })
}

/// How many bytes come out of all filters together; nothing when more than `limit`.
fn measure(found: &Found<'_>, limit: u64, inflater: &mut Inflater) -> Option<u64> {
    let mut data = std::borrow::Cow::Borrowed(found.raw);
    let mut left = usize::try_from(limit).unwrap_or(usize::MAX);
    for (i, filter) in found.filters.iter().enumerate() {
        let output = if i + 1 < found.filters.len() { Output::Kept } else { Output::Counted };
        let (bytes, decoded) = match filter {
            Filter::Flate => inflater.inflate(&data, left, output).map(|inflated| (inflated.bytes, inflated.data))?,
            Filter::Brotli => sized(filter::brotli(&data, left)?.0),
            // Codes that grow late make entries of the same length.
            Filter::Lzw => sized(filter::lzw(&data, true, left)?),
            Filter::Ascii85 => sized(filter::ascii85(&data, left)?),
            Filter::AsciiHex => sized(filter::ascii_hex(&data, left)?),
            Filter::RunLength => sized(filter::run_length(&data, left)?),
            Filter::Crypt => continue,
        };
        left -= bytes;
        data = decoded.into();
    }
    Some(limit - left as u64)
}

fn sized(data: Vec<u8>) -> (usize, Vec<u8>) {
    (data.len(), data)
}

#[cfg(test)]
mod tests {
    use super::super::inflate::tests::zlib;
    use super::*;

    /// 3 MiB of zeros.
    const BROTLI_BOMB: &[u8] = b"\x9b\xff\xff\x2f\xf8\x27\x00\xe2\xb1\x40\x20\xf7\xfe\x05";

    /// At least 2 MiB of zeros, and less than 4: each code stands for the entry that it makes, one byte longer than the last.
    fn lzw_bomb() -> Vec<u8> {
        let mut codes = vec![(256, 9), (0, 9)];
        codes.extend((258_u32..2500).map(|code| (code, 32 - (code + 1).leading_zeros())));
        let bits = codes.iter().flat_map(|(code, width)| (0..*width).rev().map(move |bit| code >> bit & 1 == 1));
        let bits: Vec<bool> = bits.collect();
        bits.chunks(8)
            .map(|byte| byte.iter().enumerate().fold(0, |all, (i, bit)| all | u8::from(*bit) << (7 - i)))
            .collect()
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
            ("Brotli", object("/Type/ObjStm/Filter/BrotliDecode", BROTLI_BOMB), 2 * MIB, false),
            ("Brotli, and allowed", object("/Type/ObjStm/Filter/BrotliDecode", BROTLI_BOMB), 4 * MIB, true),
            (
                "run lengths",
                object("/Type/ObjStm/Filter[/FlateDecode/RL]", &zlib(&b"\x81 ".repeat(30_000))),
                2 * MIB,
                false,
            ),
            ("LZW", object("/Type/ObjStm/Filter/LZWDecode", &lzw_bomb()), 2 * MIB, false),
            ("LZW, and allowed", object("/Type/ObjStm/Filter/LZWDecode", &lzw_bomb()), 4 * MIB, true),
            ("another stream", object("/Filter /FlateDecode", &bomb), MIB, true),
        ];
        for (name, file, limit, passes) in cases {
            let result = check(&Arc::new(FileBytes::Owned(file.clone())), *limit);
            assert_eq!(result.is_ok(), *passes, "{name}: {result:?}");
        }
    }
}
