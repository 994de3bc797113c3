//! Plain text files in the encodings that gazettes come in.

use std::io::Read;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::encoding::{self, AsUtf8};
use super::{Limits, PAGE_BREAK, Text};
use crate::failure::{Failure, FailureCode};

/// Bytes that are decoded at a time.
const WINDOW: usize = 64 * 1024;

/// Decodes a text file. Form feeds that are already in it are its page breaks.
///
/// # Errors
/// `EMPTY_OBJECT` when nothing but white space is in it, `LIMIT_MEMORY` when the text passes its limit.
pub(super) fn read(content: &[u8], limits: &Limits) -> Result<Text, Failure> {
    let mut decoded = AsUtf8::new(content, encoding::detect(content));
    let mut tidied = Tidied::default();
    let mut window = vec![0; WINDOW];
    // What ends a window in the middle of a character comes first in the next one.
    let mut filled = 0;
    loop {
        let read = decoded.read(window.get_mut(filled..).unwrap_or_default());
        // Nothing that reads from memory fails.
        let read = read.unwrap_or(0);
        let bytes = window.get(..filled + read).unwrap_or_default();
        let valid = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default(),
        };
        tidied.push(valid);
        if tidied.text.len() as u64 > limits.text_bytes {
            let detail = format!("more than {} bytes of text", limits.text_bytes);
            return Err(Failure::new(FailureCode::LimitMemory, detail));
        }
        let taken = valid.len();
        window.copy_within(taken..filled + read, 0);
        filled = filled + read - taken;
        if read == 0 {
            break;
        }
    }
    let text = tidied.finish();
    let pages = text.matches(PAGE_BREAK).count() + 1;
    let text = Text::new(text, pages);
    if text.is_blank() {
        return Err(Failure::new(FailureCode::EmptyObject, format!("{} bytes of white space", content.len())));
    }
    Ok(text)
}

/// A text whose line ends are `\n`, without other control characters.
#[derive(Default)]
struct Tidied {
    text: String,
    after_return: bool,
}

impl Tidied {
    fn push(&mut self, text: &str) {
        for c in text.chars() {
            let after_return = std::mem::replace(&mut self.after_return, c == '\r');
            match c {
                '\n' if after_return => {}
                '\r' | '\n' => self.text.push('\n'),
                '\t' | PAGE_BREAK => self.text.push(c),
                // A soft hyphen says where a word may be parted.
                '\u{ad}' | '\u{feff}' => {}
                c if c.is_control() => {}
                c => self.text.push(c),
            }
        }
    }

    /// A form feed at the very end opens no page.
    fn finish(mut self) -> String {
        self.text.truncate(self.text.trim_end_matches([PAGE_BREAK, '\n']).len());
        if is_nfc_quick(self.text.chars()) == IsNormalized::Yes { self.text } else { self.text.nfc().collect() }
    }
}

#[cfg(test)]
mod tests {
    use encoding_rs::WINDOWS_1252;

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
            assert!(encoding::is_text(content), "{name}");
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
