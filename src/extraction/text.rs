//! Plain text files in the encodings that gazettes come in.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::{Limits, PAGE_BREAK, Text};
use crate::failure::{Failure, FailureCode};

/// Bytes that are looked at to find out the encoding when no byte order mark tells it.
const SAMPLE_BYTES: usize = 4096;

/// Whether the beginning of a file reads as text: in UTF-16, or with next to no control characters.
pub(super) fn is_text(head: &[u8]) -> bool {
    Encoding::for_bom(head).is_some() || utf16_without_mark(head).is_some() || {
        let odd = head.iter().filter(|b| b.is_ascii_control() && !b"\t\n\r\x0c\x1b".contains(b)).count();
        !head.contains(&0) && odd * 50 <= head.len()
    }
}

/// Decodes a text file. Form feeds that are already in it are its page breaks.
///
/// # Errors
/// `EMPTY_OBJECT` when nothing but white space is in it, `LIMIT_MEMORY` when the text passes its limit.
pub(super) fn read(content: &[u8], limits: &Limits) -> Result<Text, Failure> {
    let (decoded, _) = encoding(content).decode_with_bom_removal(content);
    if decoded.len() as u64 > limits.text_bytes {
        let detail = format!("{} bytes of text, the limit is {}", decoded.len(), limits.text_bytes);
        return Err(Failure::new(FailureCode::LimitMemory, detail));
    }
    let text = tidy(&decoded);
    let pages = text.matches(PAGE_BREAK).count() + 1;
    let text = Text::new(text, pages);
    if text.is_blank() {
        return Err(Failure::new(FailureCode::EmptyObject, format!("{} bytes of white space", content.len())));
    }
    Ok(text)
}

/// A byte order mark decides, else a pattern of NULs, else whether it is valid UTF-8; what is left is Windows-1252,
/// which holds Latin-1.
fn encoding(content: &[u8]) -> &'static Encoding {
    Encoding::for_bom(content)
        .map(|(encoding, _)| encoding)
        .or_else(|| utf16_without_mark(content))
        .unwrap_or_else(|| if std::str::from_utf8(content).is_ok() { UTF_8 } else { WINDOWS_1252 })
}

/// Western text in UTF-16 has a NUL in nearly every other byte: the odd ones when the low byte comes first.
fn utf16_without_mark(content: &[u8]) -> Option<&'static Encoding> {
    let sample = &content[..content.len().min(SAMPLE_BYTES)];
    let units = sample.len() / 2;
    let nuls = |parity: usize| sample.iter().skip(parity).step_by(2).filter(|b| **b == 0).count();
    let (high_first, low_first) = (nuls(0), nuls(1));
    let most = |count: usize, other: usize| units > 0 && count * 10 >= units * 7 && other * 10 <= units;
    if most(low_first, high_first) {
        Some(UTF_16LE)
    } else if most(high_first, low_first) {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// Line ends become `\n`, other control characters go, and a form feed at the very end opens no page.
fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => tidied.push('\n'),
            '\n' | '\t' | PAGE_BREAK => tidied.push(c),
            c if c.is_control() => {}
            c => tidied.push(c),
        }
    }
    tidied.truncate(tidied.trim_end_matches([PAGE_BREAK, '\n']).len());
    tidied
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn every_encoding_gives_the_same_text() {
        let text = "Prefeitura de Maceió — licitação nº 12";
        let with_mark = format!("\u{feff}{text}");
        let (latin, _, unmappable) = WINDOWS_1252.encode(text);
        assert!(!unmappable);
        let cases: &[(&str, Vec<u8>)] = &[
            ("UTF-8", text.into()),
            ("UTF-8 with mark", with_mark.clone().into()),
            ("UTF-16LE with mark", utf16(&with_mark, u16::to_le_bytes)),
            ("UTF-16BE with mark", utf16(&with_mark, u16::to_be_bytes)),
            ("UTF-16LE", utf16(text, u16::to_le_bytes)),
            ("UTF-16BE", utf16(text, u16::to_be_bytes)),
            ("Windows-1252", latin.into_owned()),
        ];
        for (name, content) in cases {
            assert!(is_text(content), "{name}");
            assert_eq!(read(content, &Limits::default()).unwrap().text, text, "{name}");
        }
    }

    #[test]
    fn pages_are_what_form_feeds_separate() {
        let cases = [
            ("um", "um", 1),
            ("um\r\n\x0cdois\x0c\n", "um\n\x0cdois", 2),
            ("a\0b\x07\rc\x0c\x0cd", "ab\nc\x0c\x0cd", 3),
        ];
        for (content, text, pages) in cases {
            let read = read(content.as_bytes(), &Limits::default()).unwrap();
            assert_eq!((read.text.as_str(), read.pages), (text, pages));
            assert_eq!(read.characters, text.len() as u64);
        }
    }

    #[test]
    fn blank_and_oversized_texts_are_failures() {
        let limits = Limits { text_bytes: 4, ..Limits::default() };
        for (content, code) in [(" \n\x0c ", FailureCode::EmptyObject), ("cinco", FailureCode::LimitMemory)] {
            assert_eq!(read(content.as_bytes(), &limits).unwrap_err().code, code);
        }
    }
}
