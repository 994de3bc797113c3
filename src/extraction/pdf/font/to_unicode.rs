//! `ToUnicode` `CMap`s (PDF 32000-1 section 9.10.3), read more patiently than they are specified.
//!
//! What is accepted beyond the specification, because writers produce it: destinations of one byte, destinations that
//! are numbers or glyph names, CID operators in place of `bf` ones, sections without an end or a count, ranges whose
//! bounds have different lengths, strings in parentheses.

use super::glyph_name;
use crate::extraction::pdf::lexer::{Lexer, Token};

/// From character codes to text.
#[derive(Debug, Default)]
pub(super) struct ToUnicode {
    /// Sorted by their first code; of two that hold a code, the later one counts.
    ranges: Vec<Range>,
    texts: String,
}

#[derive(Debug, Clone, Copy)]
struct Range {
    first: u32,
    last: u32,
    /// Where its text lies in `texts`. The last character grows with the code.
    start: u32,
    end: u32,
}

/// A map larger than this is made to do harm: a code has at most four bytes, a font rarely 65,536 glyphs.
const MAX_RANGES: usize = 1 << 18;

/// Ranges before the nearest one that are looked at, for maps whose ranges overlap.
const MAX_OVERLAP: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Section {
    None,
    Chars,
    Ranges,
}

/// One operand of a section.
#[derive(Debug, Clone, Copy)]
enum Operand<'a> {
    Bytes(usize, usize),
    Number(u32),
    Name(&'a [u8]),
}

impl ToUnicode {
    pub(super) fn parse(data: &[u8]) -> Self {
        let mut map = Self::default();
        let mut lexer = Lexer::new(data);
        let mut decoded = Vec::new();
        let mut operands: Vec<Operand<'_>> = Vec::new();
        let mut section = Section::None;
        // Within the array of a range: the code its next element is for.
        let mut array: Option<u32> = None;
        while map.ranges.len() < MAX_RANGES {
            let Some(token) = lexer.next(&mut decoded) else {
                break;
            };
            let operand = match token {
                Token::Keyword(keyword) => {
                    section = match keyword {
                        b"beginbfchar" | b"begincidchar" => Section::Chars,
                        b"beginbfrange" | b"begincidrange" => Section::Ranges,
                        _ => Section::None,
                    };
                    operands.clear();
                    decoded.clear();
                    array = None;
                    continue;
                }
                Token::ArrayOpen if operands.len() == 2 => {
                    array = map.code(&operands, 0, &decoded);
                    continue;
                }
                Token::ArrayClose => {
                    array = None;
                    operands.clear();
                    decoded.clear();
                    continue;
                }
                _ if section == Section::None => {
                    decoded.clear();
                    continue;
                }
                Token::Decoded(start, end) => Operand::Bytes(start, end),
                Token::Plain(start, end) => {
                    let from = decoded.len();
                    decoded.extend_from_slice(&data[start..end]);
                    Operand::Bytes(from, decoded.len())
                }
                Token::Number(number) => Operand::Number(whole(number)),
                Token::Name(name) => Operand::Name(name),
                _ => continue,
            };
            if let Some(code) = &mut array {
                map.insert(*code, *code, operand, &decoded);
                *code = code.saturating_add(1);
                continue;
            }
            operands.push(operand);
            let complete = operands.len() == if section == Section::Chars { 2 } else { 3 };
            if complete {
                let first = map.code(&operands, 0, &decoded);
                let last = if section == Section::Chars { first } else { map.code(&operands, 1, &decoded) };
                if let (Some(first), Some(last)) = (first, last) {
                    map.insert(first, last, operand, &decoded);
                }
                operands.clear();
                decoded.clear();
            }
        }
        map.ranges.sort_by_key(|range| range.first);
        map
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    #[allow(clippy::unused_self)]
    fn code(&self, operands: &[Operand<'_>], at: usize, decoded: &[u8]) -> Option<u32> {
        match *operands.get(at)? {
            Operand::Bytes(start, end) if (1..=4).contains(&(end - start)) => {
                Some(decoded[start..end].iter().fold(0, |code, byte| code << 8 | u32::from(*byte)))
            }
            Operand::Number(number) => Some(number),
            _ => None,
        }
    }

    fn insert(&mut self, first: u32, last: u32, text: Operand<'_>, decoded: &[u8]) {
        let start = self.texts.len();
        match text {
            Operand::Bytes(from, to) => push_utf16(&mut self.texts, &decoded[from..to]),
            Operand::Number(number) => self.texts.extend(char::from_u32(number)),
            Operand::Name(name) => {
                if let Some(text) = glyph_name::text(&String::from_utf8_lossy(name)) {
                    self.texts.push_str(&text);
                }
            }
        }
        let bounds = (u32::try_from(start), u32::try_from(self.texts.len()));
        if let (Ok(start), Ok(end)) = bounds
            && start < end
            && first <= last
        {
            self.ranges.push(Range { first, last, start, end });
        }
    }

    /// The codes that read as this one character.
    pub(super) fn codes_of(&self, wanted: char) -> impl Iterator<Item = u32> {
        let code = move |range: &Range| {
            let mut text = self.texts.get(range.start as usize..range.end as usize)?.chars();
            let offset = u32::from(wanted).checked_sub(u32::from(text.next()?))?;
            let code = range.first.checked_add(offset).filter(|code| *code <= range.last)?;
            text.next().is_none().then_some(code)
        };
        self.ranges.iter().filter_map(code)
    }

    /// The text of a code. Control characters and U+FFFD say that the writer did not know either.
    pub(super) fn get(&self, code: u32) -> Option<String> {
        let after = self.ranges.partition_point(|range| range.first <= code);
        let candidates = self.ranges[after.saturating_sub(MAX_OVERLAP)..after].iter().rev();
        let range = candidates.into_iter().find(|range| code <= range.last)?;
        let text = self.texts.get(range.start as usize..range.end as usize)?;
        let offset = code - range.first;
        let text = if offset == 0 {
            text.to_owned()
        } else {
            let last = text.chars().next_back()?;
            let grown = char::from_u32(u32::from(last).checked_add(offset)?)?;
            let mut text = text[..text.len() - last.len_utf8()].to_owned();
            text.push(grown);
            text
        };
        let says_nothing = |c: char| c == char::REPLACEMENT_CHARACTER || c.is_control() && !c.is_whitespace();
        (!text.chars().all(says_nothing)).then_some(text)
    }
}

/// A number of a `CMap`; `CMap`s hold no fractions and no negative numbers.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(number: f32) -> u32 {
    number as u32
}

/// UTF-16, high byte first. A single byte is one unit; so is a first byte that makes the count odd.
fn push_utf16(text: &mut String, bytes: &[u8]) {
    let (odd, rest) = bytes.split_at(bytes.len() % 2);
    let pairs = rest.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let units = odd.iter().map(|byte| u16::from(*byte)).chain(pairs);
    text.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_and_unusual_forms() {
        let cases: &[(&str, u32, Option<&str>)] = &[
            ("2 beginbfchar <41> <0061> <0042> <0062> endbfchar", 0x42, Some("b")),
            ("1 beginbfrange <10> <20> <0041> endbfrange", 0x12, Some("C")),
            ("1 beginbfrange <10> <20> <0041> endbfrange", 0x21, None),
            ("1 beginbfrange<0010><0012>[<0041><00660069><0043>]endbfrange", 0x11, Some("fi")),
            ("1 beginbfchar <01> <D83DDE00> endbfchar", 1, Some("😀")),
            // Unusual.
            ("beginbfchar <01> <41> endbfchar", 1, Some("A")),
            ("beginbfchar <01> 65 endbfchar", 1, Some("A")),
            ("beginbfchar 1 /eacute endbfchar", 1, Some("é")),
            ("beginbfchar (a) (\\0b) endbfchar", 0x61, Some("b")),
            ("begincidrange <00> <ff> 0 endcidrange", 0x41, Some("A")),
            ("beginbfrange <0041> <42> <0061>", 0x42, Some("b")),
            ("beginbfrange <01> <05> <00E1> <03> <03> <00ED> endbfrange", 3, Some("í")),
            ("beginbfrange <01> <05> <00E1> <03> <03> <00ED> endbfrange", 4, Some("ä")),
            ("begincodespacerange <00> <ff> endcodespacerange beginbfchar <01> <0041>", 1, Some("A")),
            // Nothing to be had.
            ("beginbfchar <01> <0000> <02> <FFFD> <03> <> endbfchar", 1, None),
            ("beginbfchar <01> <0000> <02> <FFFD> <03> <> endbfchar", 2, None),
            ("beginbfchar <20> <0003> endbfchar", 0x20, None),
            ("beginbfrange <05> <01> <0041> endbfrange", 3, None),
            ("beginbfrange <00> <ffffffff> <0041> endbfrange", 0xffff_fff0, None),
        ];
        for (text, code, expected) in cases {
            assert_eq!(ToUnicode::parse(text.as_bytes()).get(*code).as_deref(), *expected, "{text}");
        }
        assert!(ToUnicode::parse(b"\xff\x00 not a CMap ((").is_empty());
    }
}
