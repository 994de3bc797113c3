//! Where an inline image ends (PDF 32000-1 section 8.9.7).
//!
//! Its bytes may hold `EI` by chance, and writers leave out the white space around it. So the end is computed where the
//! entries allow it, else it is the first `EI` that content follows. What comes after an image is never given up.

use super::content::is_operator;
use super::lexer::{Lexer, Token};

/// Bytes after `EI` that are read to find out whether they are content.
const PROBE_BYTES: usize = 256;
/// Operators that tell content from image data.
const PROBE_OPERATORS: usize = 3;

/// `BI` was read: skips the image's entries, `ID`, its data, and `EI`. Without `ID` there is no image, and nothing is
/// skipped.
pub(super) fn skip(lexer: &mut Lexer<'_>) -> bool {
    let begin = lexer.position();
    let Some(entries) = Entries::read(lexer) else {
        lexer.jump(begin);
        return false;
    };
    let start = lexer.position();
    let data = &lexer.data()[start..];
    lexer.jump(start + entries.end(data).unwrap_or(data.len()));
    true
}

/// The entries of table 93 that say how long the data is.
#[derive(Debug, Default)]
struct Entries<'a> {
    width: u64,
    height: u64,
    bits: u64,
    components: Option<u64>,
    /// The first filter.
    filter: Option<&'a [u8]>,
}

impl<'a> Entries<'a> {
    /// Up to `ID`, and that as well. Nothing when another operator comes first.
    fn read(lexer: &mut Lexer<'a>) -> Option<Self> {
        let mut entries = Self::default();
        let mut strings = Vec::new();
        let (mut key, mut depth): (Option<&[u8]>, usize) = (None, 0);
        loop {
            let token = lexer.next(&mut strings)?;
            match token {
                Token::Keyword(b"true") if matches!(key, Some(b"IM" | b"ImageMask")) => {
                    (entries.bits, entries.components) = (1, Some(1));
                }
                Token::Keyword(b"true" | b"false" | b"null") => {}
                Token::Keyword(name) if name.starts_with(b"ID") => {
                    lexer.jump(lexer.position() - name.len() + 2);
                    return Some(entries);
                }
                Token::Keyword(_) => return None,
                Token::ArrayOpen => depth += 1,
                Token::ArrayClose => depth = depth.saturating_sub(1),
                Token::Name(name) if key.is_none() => {
                    key = Some(name);
                    continue;
                }
                Token::Name(name) => entries.set_name(key.unwrap_or_default(), name),
                Token::Number(number) => entries.set_number(key.unwrap_or_default(), number),
                _ => {}
            }
            if depth == 0 {
                key = None;
            }
        }
    }

    /// Values are names or arrays of names, of which the first one counts.
    fn set_name(&mut self, key: &[u8], name: &'a [u8]) {
        match key {
            b"F" | b"Filter" => self.filter = self.filter.or(Some(name)),
            b"CS" | b"ColorSpace" => {
                self.components = self.components.or(match name {
                    b"G" | b"DeviceGray" | b"CalGray" | b"I" | b"Indexed" => Some(1),
                    b"RGB" | b"DeviceRGB" | b"CalRGB" => Some(3),
                    b"CMYK" | b"DeviceCMYK" => Some(4),
                    _ => None,
                });
            }
            _ => {}
        }
    }

    /// Sizes are whole and small.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn set_number(&mut self, key: &[u8], number: f32) {
        match key {
            b"W" | b"Width" => self.width = number as u64,
            b"H" | b"Height" => self.height = number as u64,
            b"BPC" | b"BitsPerComponent" => self.bits = number as u64,
            _ => {}
        }
    }

    /// The offset after the `EI` that ends the data, which begins after `ID`.
    fn end(&self, data: &[u8]) -> Option<usize> {
        self.computed_end(data)
            .or_else(|| marks(data).find(|at| reads_on(&data[at + 2..])).map(|at| at + 2))
            .or_else(|| marks(data).find(|at| is_white(at.checked_sub(1).map(|at| data[at]))).map(|at| at + 2))
            .or_else(|| marks(data).next().map(|at| at + 2))
            .or_else(|| content_in(data))
    }

    /// The end that follows from the size of the image, or from the mark that ends its data.
    fn computed_end(&self, data: &[u8]) -> Option<usize> {
        match self.filter {
            Some(b"A85" | b"ASCII85Decode") => {
                let at = data.windows(2).position(|pair| pair == b"~>")?;
                mark_after(data, at + 2).or(Some(at + 2))
            }
            Some(b"AHx" | b"ASCIIHexDecode") => {
                let at = data.iter().position(|byte| *byte == b'>')?;
                mark_after(data, at + 1).or(Some(at + 1))
            }
            Some(_) => None,
            None => {
                let row = self.width.checked_mul(self.components?)?.checked_mul(self.bits)?.div_ceil(8);
                let size = usize::try_from(row.checked_mul(self.height)?).ok().filter(|size| *size > 0)?;
                // One white space character stands after `ID`; some writers put a line end of two there.
                [1, 2, 0].into_iter().find_map(|white| mark_after(data, size.checked_add(white)?))
            }
        }
    }
}

fn is_white(byte: Option<u8>) -> bool {
    byte.is_none_or(|byte| b"\0\t\n\x0c\r ".contains(&byte))
}

/// The offset after an `EI` that stands at `at`, or after some white space from there on.
fn mark_after(data: &[u8], at: usize) -> Option<usize> {
    const WHITE: usize = 4;
    let rest = data.get(at..)?;
    let white = rest.iter().take(WHITE).take_while(|byte| is_white(Some(**byte))).count();
    let after = rest[white..].strip_prefix(b"EI")?;
    is_white(after.first().copied()).then_some(at + white + 2)
}

/// Where `EI` stands with white space, or nothing, behind it.
fn marks(data: &[u8]) -> impl Iterator<Item = usize> {
    memchr::memmem::find_iter(data, b"EI").filter(|at| is_white(data.get(at + 2).copied()))
}

/// Whether what comes next is content: operators that exist.
fn reads_on(data: &[u8]) -> bool {
    operators_ahead(data).is_some()
}

/// How many operators come next, of those that are looked at; nothing when something else comes.
fn operators_ahead(data: &[u8]) -> Option<usize> {
    const NO_ZEROS: usize = 4;
    let window = &data[..data.len().min(PROBE_BYTES)];
    // White space by its class; but here rather the black of an image.
    if window.iter().take(NO_ZEROS).any(|byte| *byte == 0) {
        return None;
    }
    let (mut lexer, mut strings) = (Lexer::new(window), Vec::new());
    let mut operators = 0;
    while operators < PROBE_OPERATORS {
        match lexer.next(&mut strings) {
            Some(Token::Keyword(b"true" | b"false" | b"null")) => {}
            // The window may end within a name.
            Some(Token::Keyword(_)) if lexer.position() == window.len() && window.len() < data.len() => break,
            Some(Token::Keyword(name)) if is_operator(name) => operators += 1,
            Some(Token::Keyword(_)) => return None,
            Some(_) => {}
            None => break,
        }
    }
    Some(operators)
}

/// Where content goes on behind an image without an end.
fn content_in(data: &[u8]) -> Option<usize> {
    let mut begins = memchr::memmem::find_iter(data, b"BT");
    begins.find(|at| {
        let stands_alone = is_white(at.checked_sub(1).map(|at| data[at])) && is_white(data.get(at + 2).copied());
        stands_alone && operators_ahead(&data[*at..]).is_some_and(|operators| operators > 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left behind the image that a content begins with.
    fn rest(content: &[u8]) -> String {
        let mut lexer = Lexer::new(content);
        assert_eq!(lexer.next(&mut Vec::new()), Some(Token::Keyword(b"BI")));
        skip(&mut lexer);
        String::from_utf8_lossy(&content[lexer.position()..]).trim().to_owned()
    }

    #[test]
    fn images_end_where_content_goes_on() {
        let cases: &[(&str, &[u8])] = &[
            ("usual", b"BI /W 1 /H 1 /CS /G /BPC 8 ID \x80\nEI "),
            ("ASCII 85", b"BI /W 1 /H 1 /CS /G /BPC 8 /F /A85 ID 5l~>EI "),
            ("ASCII 85 without EI", b"BI /W 1 /H 1 /F [/A85 /Fl] ID 5l~> "),
            ("hexadecimal", b"BI /W 1 /H 1 /F /AHx ID 80>EI "),
            ("binary before EI", b"BI /W 1 /H 1 /CS /G /BPC 8 ID \x80EI "),
            ("binary before EI, size not known", b"BI /W 1 /H 1 /CS /Own /BPC 8 ID \x80EI "),
            ("a mask", b"BI /W 8 /H 1 /IM true /BPC 1 ID \x81EI "),
            ("a mask and its decoding", b"BI /W 8 /H 1 /IM true /D [1 0] ID \x81EI "),
            ("colours of a table", b"BI /W 2 /H 1 /BPC 8 /CS [/I /RGB 1 <000000FFFFFF>] ID \0\x01\nEI "),
            ("EI in the data", b"BI /W 6 /H 1 /CS /G /BPC 8 ID  EI Q \nEI "),
            (
                "EI in packed data",
                b"BI /W 6 /H 1 /CS /G /BPC 8 /F /Fl ID \xff EI \x81\x02 EI \0\0\0\0\0\0 zEI\n\x01\nEI ",
            ),
            ("a line end of two", b"BI /W 1 /H 1 /CS /G /BPC 8 ID\r\n\x80\r\nEI "),
            ("a wrong size", b"BI /W 9 /H 9 /CS /G /BPC 8 ID \x80\nEI "),
            ("no image", b"BI "),
            ("never ends", b"BI /W 1 /H 1 /F /DCT ID \xff\xd8 BT\x01 \xff "),
        ];
        for (name, image) in cases {
            for after in ["Q", "BT (fim) Tj ET", "BT (\u{c7}\u{c3}O) Tj ET", "(fim) Tj", "BT (fim"] {
                let bare = matches!(*name, "never ends") && !after.contains("Tj ET");
                let expected = if bare { "" } else { after };
                assert_eq!(rest(&[image, after.as_bytes()].concat()), expected, "{name}");
            }
        }
        assert_eq!(rest(b"BI /W 1 /H 1 ID \x80 EI abc def Q"), "abc def Q", "operators that do not exist");
        assert_eq!(rest(b"BI /W 1 BT (a) Tj ET"), "/W 1 BT (a) Tj ET", "no data");
        assert_eq!(rest(b"BI /W 1 /H 1 ID \x80 EI"), "", "nothing more");
    }
}
