//! Text strings: text outside of content streams (PDF 32000-1 section 7.9.2.2).

use encoding_rs::{UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// UTF-16 or UTF-8 when a byte order mark says so, else `PDFDocEncoding`, which is Latin-1 for all but punctuation.
pub(super) fn decode(bytes: &[u8]) -> String {
    let (encoding, skipped) = match bytes {
        [0xfe, 0xff, ..] => (UTF_16BE, 2),
        [0xff, 0xfe, ..] => (UTF_16LE, 2),
        [0xef, 0xbb, 0xbf, ..] => (UTF_8, 3),
        _ => (WINDOWS_1252, 0),
    };
    encoding.decode_without_bom_handling(&bytes[skipped..]).0.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        let cases: &[(&[u8], &str)] = &[
            (b"", ""),
            (b"S\xe3o", "São"),
            (b"\xfe\xff\x00S\x00\xe3\x00o", "São"),
            (b"\xff\xfeS\x00\xe3\x00o\x00", "São"),
            (b"\xef\xbb\xbfS\xc3\xa3o", "São"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(decode(bytes), *expected);
        }
    }
}
