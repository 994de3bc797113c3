//! Filters (PDF 32000-1 section 7.4): their names, and how those beside Flate decode.
//!
//! Each gives nothing when its output would pass `cap` bytes, and ends where the data stops making sense.

use std::io::Read;

/// A filter that a reader of text meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    AsciiHex,
    Ascii85,
    Lzw,
    Flate,
    RunLength,
    /// RFC 7932; ISO 32000-2 is to have it.
    Brotli,
    /// Decryption, which is done before anything else.
    Crypt,
}

impl Filter {
    /// By its name or abbreviation (tables 6 and 94). Nothing for those of images, and those that nobody knows.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"ASCIIHexDecode" | b"AHx" => Self::AsciiHex,
            b"ASCII85Decode" | b"A85" => Self::Ascii85,
            b"LZWDecode" | b"LZW" => Self::Lzw,
            b"FlateDecode" | b"Fl" => Self::Flate,
            b"RunLengthDecode" | b"RL" => Self::RunLength,
            b"BrotliDecode" => Self::Brotli,
            b"Crypt" => Self::Crypt,
            _ => return None,
        })
    }

    /// How many bytes a byte can become at most.
    pub(super) fn largest_ratio(self) -> u64 {
        match self {
            Self::AsciiHex | Self::Crypt => 1,
            Self::Ascii85 => 4,
            Self::RunLength => 64,
            Self::Flate => 1032,
            // 12 bits stand for no more than the 4096 bytes of its table's longest entry.
            Self::Lzw => 4096,
            // A few bytes stand for 16 MiB, again and again.
            Self::Brotli => u64::MAX,
        }
    }
}

/// What comes out, and whether it ended where its writer ended it. A window larger than RFC 7932 allows, of up to 1 GiB,
/// counts as passing the cap.
pub(super) fn brotli(data: &[u8], cap: usize) -> Option<(Vec<u8>, bool)> {
    const BUFFER: usize = 16 * 1024;
    const LARGE_WINDOW: u8 = 0x11;
    if data.first().is_some_and(|first| first & 0x7f == LARGE_WINDOW) {
        return None;
    }
    let mut decoder = brotli_decompressor::Decompressor::new(data, BUFFER);
    let (mut decoded, mut buffer) = (Vec::new(), [0; BUFFER]);
    loop {
        match decoder.read(&mut buffer) {
            Ok(0) => return Some((decoded, true)),
            Ok(bytes) if decoded.len() + bytes > cap => return None,
            Ok(bytes) => decoded.extend_from_slice(&buffer[..bytes]),
            Err(_) => return Some((decoded, false)),
        }
    }
}

/// Section 7.4.2.
pub(super) fn ascii_hex(data: &[u8], cap: usize) -> Option<Vec<u8>> {
    let digits = data.iter().take_while(|byte| **byte != b'>').filter_map(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(data.len() / 2);
    let mut high = None;
    for digit in digits {
        // Digits are below 16.
        #[allow(clippy::cast_possible_truncation)]
        let digit = digit as u8;
        match high.take() {
            Some(high) => decoded.push(high << 4 | digit),
            None => high = Some(digit),
        }
    }
    decoded.extend(high.map(|high| high << 4));
    (decoded.len() <= cap).then_some(decoded)
}

/// Section 7.4.3.
pub(super) fn ascii85(data: &[u8], cap: usize) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(data.len().min(cap));
    let data = data.strip_prefix(b"<~").unwrap_or(data);
    let mut group = [84_u32; 5];
    let mut count = 0;
    for byte in data {
        match byte {
            b'z' if count == 0 => decoded.extend([0; 4]),
            b'!'..=b'u' => {
                group[count] = u32::from(byte - b'!');
                count += 1;
            }
            b'~' => break,
            _ => {}
        }
        if count == 5 {
            decoded.extend(word(group));
            (group, count) = ([84; 5], 0);
        }
        if decoded.len() > cap {
            return None;
        }
    }
    // A last group of n characters stands for n - 1 bytes.
    if count > 1 {
        decoded.extend(&word(group)[..count - 1]);
    }
    (decoded.len() <= cap).then_some(decoded)
}

fn word(group: [u32; 5]) -> [u8; 4] {
    group.iter().fold(0_u32, |word, digit| word.wrapping_mul(85).wrapping_add(*digit)).to_be_bytes()
}

/// Section 7.4.5.
pub(super) fn run_length(data: &[u8], cap: usize) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut rest = data;
    while let [length, tail @ ..] = rest {
        let length = usize::from(*length);
        match length {
            128 => break,
            0..128 => {
                let copied = tail.len().min(length + 1);
                decoded.extend_from_slice(&tail[..copied]);
                rest = &tail[copied..];
            }
            _ => {
                let [byte, tail @ ..] = tail else { break };
                decoded.resize(decoded.len() + 257 - length, *byte);
                rest = tail;
            }
        }
        if decoded.len() > cap {
            return None;
        }
    }
    Some(decoded)
}

/// Section 7.4.4. `early` is the `EarlyChange` parameter: codes grow by a bit one code too soon.
pub(super) fn lzw(data: &[u8], early: bool, cap: usize) -> Option<Vec<u8>> {
    const CLEAR: usize = 256;
    const END: usize = 257;
    const FULL: usize = 4096;
    let mut decoded: Vec<u8> = Vec::new();
    // An entry is a range of what was decoded already.
    let mut entries: Vec<(usize, usize)> = Vec::with_capacity(FULL);
    let mut previous: Option<(usize, usize)> = None;
    let (mut bits, mut available, mut width) = (0_u32, 0, 9);
    for byte in data {
        bits = bits << 8 | u32::from(*byte);
        available += 8;
        if available < width {
            continue;
        }
        available -= width;
        let code = (bits >> available & ((1 << width) - 1)) as usize;
        if code == END {
            break;
        }
        if code == CLEAR {
            entries.clear();
            (previous, width) = (None, 9);
            continue;
        }
        let start = decoded.len();
        if code < CLEAR {
            // Below 256.
            #[allow(clippy::cast_possible_truncation)]
            decoded.push(code as u8);
        } else if let Some((from, to)) = entries.get(code - END - 1).copied() {
            decoded.extend_from_within(from..to);
        } else if let Some((from, to)) = previous {
            decoded.extend_from_within(from..to);
            decoded.push(decoded[from]);
        } else {
            break;
        }
        if decoded.len() > cap {
            return None;
        }
        if let Some((from, to)) = previous
            && entries.len() < FULL - END - 1
        {
            // The previous string and the first byte of this one, which follows it.
            entries.push((from, to + 1));
        }
        previous = Some((start, decoded.len()));
        let next = entries.len() + END + 1 + usize::from(early);
        width = match next {
            0..=511 => 9,
            512..=1023 => 10,
            1024..=2047 => 11,
            _ => 12,
        };
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_decode_and_stop_at_the_cap() {
        type Decode = fn(&[u8], usize) -> Option<Vec<u8>>;
        let lzw_early: Decode = |data, cap| lzw(data, true, cap);
        let brotli_whole: Decode = |data, cap| {
            let (decoded, is_whole) = brotli(data, cap)?;
            assert!(is_whole);
            Some(decoded)
        };
        let cases: &[(&str, Decode, &[u8], &[u8])] = &[
            ("hexadecimal", ascii_hex, b"48 65\n6c6C6f>zz", b"Hello"),
            ("hexadecimal, odd", ascii_hex, b"4", b"\x40"),
            ("base 85", ascii85, b"87cURD]i,\"Ebo80~>", b"Hello World!"),
            ("base 85, prefix and rest", ascii85, b"<~87cUR\nDZ~>", b"Hello"),
            ("base 85, z", ascii85, b"z", b"\0\0\0\0"),
            ("run length", run_length, b"\x02abc\xfed\x80junk", b"abcddd"),
            ("run length, cut", run_length, b"\x05ab", b"ab"),
            // The example of section 7.4.4.2.
            ("Brotli", brotli_whole, b"\x1b\x2b\x01\xf8\x25\xc3\xc4\xc6\x62\xb3\x20\x60\xac\x01", &b"abc".repeat(100)),
            ("LZW", lzw_early, b"\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01", b"-----A---B"),
        ];
        for (name, decode, data, expected) in cases {
            assert_eq!(decode(data, expected.len()).as_deref(), Some(*expected), "{name}");
            assert_eq!(decode(data, expected.len() - 1), None, "{name}, capped");
        }
    }

    #[test]
    fn brotli_that_is_cut_or_asks_for_too_much() {
        let bomb = b"\x9b\xff\xff\x2f\xf8\x27\x00\xe2\xb1\x40\x20\xf7\xfe\x05";
        assert_eq!(brotli(bomb, 3 << 20).map(|(decoded, _)| decoded.len()), Some(3 << 20));
        assert_eq!(brotli(bomb, (3 << 20) - 1), None);
        assert_eq!(brotli(&[0x11, 0x1e, 0], 1 << 20), None, "a window of 1 GiB");
        let stored = b"\x0b\x02\x80texto\x03";
        assert_eq!(brotli(stored, 5), Some((b"texto".to_vec(), true)));
        assert_eq!(brotli(&stored[..6], 5), Some((b"tex".to_vec(), false)));
        assert_eq!(brotli(b"", 5), Some((Vec::new(), false)));
    }

    #[test]
    fn names_and_abbreviations() {
        assert_eq!(Filter::named(b"Fl"), Some(Filter::Flate));
        assert_eq!(Filter::named(b"BrotliDecode"), Some(Filter::Brotli));
        assert_eq!((Filter::named(b"DCTDecode"), Filter::named(b"ZstdDecode"), Filter::named(b"")), (None, None, None));
    }
}
