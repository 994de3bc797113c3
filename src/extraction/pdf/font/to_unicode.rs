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
    /// Sorted, and none overlaps another.
    ranges: Vec<Range>,
    texts: String,
    /// All of it is text that was moved to where symbols are.
    is_private: bool,
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

/// Where the codes of symbolic TrueType fonts are, U+F000 to U+F0FF; and what of it stands for printable ASCII.
const PRIVATE: u32 = 0xf000;
const PRIVATE_ASCII: std::ops::RangeInclusive<u32> = 0xf020..=0xf07e;

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
        map.part_ranges();
        map
    }

    /// Takes text that lies as a whole among the private characters for symbols as the ASCII it is made from. Not for
    /// fonts of symbols.
    pub(super) fn make_public(&mut self) {
        let is_private = |range: &Range| {
            let grown = range.last - range.first;
            let text = self.texts.get(range.start as usize..range.end as usize).unwrap_or_default();
            let last = text.chars().next_back().map_or(0, u32::from).saturating_add(grown);
            text.chars().map(u32::from).all(|c| PRIVATE_ASCII.contains(&c)) && PRIVATE_ASCII.contains(&last)
        };
        self.is_private = !self.ranges.is_empty() && self.ranges.iter().all(is_private);
    }

    /// Cuts ranges so that none overlaps another: the one that begins last, or stands last, holds a code.
    fn part_ranges(&mut self) {
        if self.ranges.windows(2).all(|pair| pair[0].last < pair[1].first) {
            return;
        }
        let ranges = std::mem::take(&mut self.ranges);
        let mut open: Vec<Range> = Vec::new();
        // The first code that no range was cut for yet; it may be one more than the last code.
        let mut next = 0_u64;
        for range in &ranges {
            self.close(&mut open, &mut next, u64::from(range.first));
            next = u64::from(range.first);
            open.push(*range);
        }
        self.close(&mut open, &mut next, u64::MAX);
    }

    /// Cuts what the open ranges hold of the codes from `next` up to `end`.
    fn close(&mut self, open: &mut Vec<Range>, next: &mut u64, end: u64) {
        while let Some(range) = open.last().copied()
            && *next < end
        {
            let first = u64::from(range.first).max(*next);
            let last = u64::from(range.last).min(end - 1);
            if let (true, Ok(first), Ok(last)) = (first <= last, u32::try_from(first), u32::try_from(last)) {
                self.cut(range, first, last);
                *next = u64::from(last) + 1;
            }
            if u64::from(range.last) < end {
                open.pop();
            } else {
                *next = end;
            }
        }
    }

    /// The part of a range from `first` to `last`.
    fn cut(&mut self, range: Range, first: u32, last: u32) {
        if first == range.first {
            self.ranges.push(Range { last, ..range });
        } else if let Some(text) = self.grown(range, first) {
            let start = self.texts.len();
            self.texts.push_str(&text);
            if let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(self.texts.len())) {
                self.ranges.push(Range { first, last, start, end });
            }
        }
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
        let wanted = u32::from(wanted) + if self.is_private { PRIVATE } else { 0 };
        let code = move |range: &Range| {
            let mut text = self.texts.get(range.start as usize..range.end as usize)?.chars();
            let offset = wanted.checked_sub(u32::from(text.next()?))?;
            let code = range.first.checked_add(offset).filter(|code| *code <= range.last)?;
            text.next().is_none().then_some(code)
        };
        self.ranges.iter().filter_map(code)
    }

    /// The text of a code. Control characters and U+FFFD say that the writer did not know either.
    pub(super) fn get(&self, code: u32) -> Option<String> {
        let after = self.ranges.partition_point(|range| range.first <= code);
        let range = self.ranges.get(after.checked_sub(1)?).filter(|range| code <= range.last)?;
        let mut text = self.grown(*range, code)?;
        if self.is_private {
            text = text.chars().filter_map(|c| char::from_u32(u32::from(c).saturating_sub(PRIVATE))).collect();
        }
        let says_nothing = |c: char| c == char::REPLACEMENT_CHARACTER || c.is_control() && !c.is_whitespace();
        (!text.chars().all(says_nothing)).then_some(text)
    }
}

impl ToUnicode {
    /// The text of a code that a range holds.
    fn grown(&self, range: Range, code: u32) -> Option<String> {
        let text = self.texts.get(range.start as usize..range.end as usize)?;
        let offset = code - range.first;
        if offset == 0 {
            return Some(text.to_owned());
        }
        let last = text.chars().next_back()?;
        let grown = char::from_u32(u32::from(last).checked_add(offset)?)?;
        let mut text = text[..text.len() - last.len_utf8()].to_owned();
        text.push(grown);
        Some(text)
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
    fn ranges_that_overlap() {
        let mut single = String::from("1 beginbfrange <00> <ff> <0041> endbfrange 20 beginbfchar ");
        for code in 0x10..0x24 {
            single.push_str(&format!("<{code:02x}> <{:04x}> ", code + 0x40));
        }
        let map = ToUnicode::parse(single.as_bytes());
        let texts = [0x01, 0x0f, 0x10, 0x23, 0x24, 0x30].map(|code| map.get(code).unwrap());
        assert_eq!(texts, ["B", "P", "P", "c", "e", "q"]);
        assert_eq!(map.get(0x100), None);
        let nested = "beginbfrange <00> <30> <0041> <10> <20> <0061> <12> <14> <0030> <10> <11> <0078> endbfrange";
        let map = ToUnicode::parse(nested.as_bytes());
        let texts = [0x0f, 0x10, 0x11, 0x12, 0x14, 0x15, 0x20, 0x21, 0x30].map(|code| map.get(code).unwrap());
        assert_eq!(texts, ["P", "x", "y", "0", "2", "f", "q", "b", "q"]);
        let whole = ToUnicode::parse(b"beginbfrange <00000000> <ffffffff> <0041> <00000005> <00000005> <0061>");
        assert_eq!([4, 5, 6].map(|code| whole.get(code).unwrap()), ["E", "a", "G"]);
        // As large as maps may be, each code in all ranges.
        let mut wide = String::from("beginbfrange ");
        for code in 0..5000 {
            wide.push_str(&format!("<{code:04x}> <ffff> <0041> "));
        }
        assert_eq!(
            ToUnicode::parse(wide.as_bytes()).get(0x2000).as_deref(),
            char::from_u32(0x41 + 0x2000 - 4999).map(String::from).as_deref()
        );
    }

    #[test]
    fn private_text_is_made_public() {
        let made_public = |map: &str, code| {
            let mut map = ToUnicode::parse(map.as_bytes());
            map.make_public();
            map.get(code)
        };
        assert_eq!(made_public("beginbfrange <20> <7e> <F020>", 0x41).as_deref(), Some("A"));
        assert_eq!(made_public("beginbfchar <01> <F0410062>", 1).as_deref(), Some("\u{f041}b"));
        assert_eq!(made_public("beginbfchar <01> <F041> <02> <F0B7>", 1).as_deref(), Some("\u{f041}"));
        assert_eq!(made_public("beginbfrange <20> <90> <F020>", 0x41).as_deref(), Some("\u{f041}"));
    }

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
