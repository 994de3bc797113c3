//! Encodings of simple fonts (PDF 32000-1 section 9.6.6 and annex D).

use encoding_rs::{Encoding, MACINTOSH, WINDOWS_1252};
use hayro_syntax::object::{Array, Dict, Name, Object};
use skrifa::raw::ps::PredefinedEncoding;

use super::glyph_name;

/// From codes to characters, where no difference names a glyph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BaseEncoding {
    WinAnsi,
    MacRoman,
    MacExpert,
    Standard,
    /// The one the font program brings along.
    BuiltIn,
}

impl BaseEncoding {
    fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"WinAnsiEncoding" => Self::WinAnsi,
            b"MacRomanEncoding" => Self::MacRoman,
            b"MacExpertEncoding" => Self::MacExpert,
            b"StandardEncoding" => Self::Standard,
            _ => return None,
        })
    }

    pub(super) fn text(self, code: u8) -> Option<String> {
        match self {
            // Section D.2, footnotes 3 and 5: bullets fill what is unused, 173 is a hyphen that shows.
            Self::WinAnsi if code == 0xad => Some("-".into()),
            Self::WinAnsi if matches!(code, 0x7f | 0x81 | 0x8d | 0x8f | 0x90 | 0x9d) => Some("•".into()),
            Self::WinAnsi => decode(WINDOWS_1252, code),
            Self::MacRoman => decode(MACINTOSH, code),
            Self::MacExpert => glyph_name::text(PredefinedEncoding::Expert.name(code)),
            Self::Standard => glyph_name::text(PredefinedEncoding::Standard.name(code)),
            Self::BuiltIn => None,
        }
    }
}

fn decode(encoding: &'static Encoding, code: u8) -> Option<String> {
    let byte = [code];
    let (text, _) = encoding.decode_without_bom_handling(&byte);
    (code >= 0x20 && !text.contains(char::REPLACEMENT_CHARACTER)).then(|| text.into_owned())
}

/// The `Encoding` entry of a simple font.
#[derive(Debug)]
pub(super) struct SimpleEncoding {
    pub base: BaseEncoding,
    /// Names of glyphs by code, sorted; the last one of a code counts.
    differences: Vec<(u8, String)>,
}

impl SimpleEncoding {
    pub(super) fn read(font: &Dict<'_>) -> Self {
        let mut encoding = Self { base: BaseEncoding::BuiltIn, differences: Vec::new() };
        match font.get::<Object<'_>>(b"Encoding") {
            Some(Object::Name(name)) => encoding.base = BaseEncoding::named(&name).unwrap_or(encoding.base),
            Some(Object::Dict(dict)) => {
                let base = dict.get::<Name<'_>>(b"BaseEncoding");
                encoding.base = base.and_then(|name| BaseEncoding::named(&name)).unwrap_or(encoding.base);
                if let Some(differences) = dict.get::<Array<'_>>(b"Differences") {
                    encoding.differences = read_differences(&differences);
                }
            }
            _ => {}
        }
        encoding
    }

    /// The glyph's name that stands in `Differences`.
    pub(super) fn difference(&self, code: u8) -> Option<&str> {
        let after = self.differences.partition_point(|(at, _)| *at <= code);
        let (at, name) = self.differences.get(after.checked_sub(1)?)?;
        (*at == code).then_some(name.as_str())
    }
}

fn read_differences(array: &Array<'_>) -> Vec<(u8, String)> {
    let (mut code, mut differences) = (0_i64, Vec::new());
    for object in array.iter::<Object<'_>>() {
        match object {
            Object::Number(number) => code = number.as_i64(),
            Object::Name(name) => {
                if let Ok(code) = u8::try_from(code) {
                    differences.push((code, String::from_utf8_lossy(&name).into_owned()));
                }
                code = code.saturating_add(1);
            }
            _ => {}
        }
    }
    differences.sort_by_key(|(code, _)| *code);
    differences
}

#[cfg(test)]
mod tests {
    use hayro_syntax::object::FromBytes;

    use super::super::push_clean;
    use super::*;

    #[test]
    fn predefined_encodings() {
        let cases = [
            (BaseEncoding::WinAnsi, 0xe7, Some("ç")),
            (BaseEncoding::WinAnsi, 0x80, Some("€")),
            (BaseEncoding::WinAnsi, 0xad, Some("-")),
            (BaseEncoding::WinAnsi, 0x81, Some("•")),
            (BaseEncoding::WinAnsi, 0x07, None),
            (BaseEncoding::MacRoman, 0x8d, Some("ç")),
            (BaseEncoding::Standard, 0x27, Some("’")),
            (BaseEncoding::Standard, 0xae, Some("fi")),
            (BaseEncoding::MacExpert, 0x31, Some("1")),
            (BaseEncoding::BuiltIn, 0x41, None),
        ];
        for (encoding, code, expected) in cases {
            let text = encoding.text(code).map(|text| {
                let mut clean = String::new();
                text.chars().for_each(|c| push_clean(&mut clean, c));
                clean
            });
            assert_eq!(text.as_deref(), expected, "{encoding:?} {code:#x}");
        }
    }

    #[test]
    fn differences_name_glyphs() {
        let dict =
            Dict::from_bytes(b"<</Encoding<</BaseEncoding/MacRomanEncoding/Differences[65/a/b 300/x 65/c -1/y/z]>>>>");
        let encoding = SimpleEncoding::read(&dict.unwrap());
        assert_eq!(encoding.base, BaseEncoding::MacRoman);
        let names = [65, 66, 67, 0].map(|code| encoding.difference(code));
        assert_eq!(names, [Some("c"), Some("b"), None, Some("z")]);
    }
}
