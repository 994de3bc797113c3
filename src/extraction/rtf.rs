//! RTF (Rich Text Format Specification 1.9.1). A document is groups within groups of control words and text; what a
//! group is for, its destination, says whether its text shows.

use std::collections::HashMap;

use super::encoding::Charset;
use super::flow::{Break, Flow};
use super::{Limits, OnPage, Text};
use crate::failure::{Failure, FailureCode};
use tables::{character, of_font_charset};
use tokens::{Token, Tokens};

mod tables;
mod tokens;

/// Code page of a document that names none.
const USUAL_CODE_PAGE: u32 = 1252;
/// Tokens between two signs of life.
const TOKENS_A_TIME: usize = 100_000;

/// What a group's text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Destination {
    Shown,
    /// Does not show, nor does anything in it.
    Hidden,
    /// The table of fonts: names that do not show, and the code page of each.
    Fonts,
    /// The parts of a drawn box: only its text shows.
    Shape,
}

/// What ends with a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    Nothing,
    Head,
    Foot,
    Note,
    Aside,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    destination: Destination,
    ends: Ends,
    charset: Charset,
    /// Bytes that stand for the same as a `\u` before them, for readers that know no Unicode.
    fallback: usize,
    /// Formatted as hidden, or as deleted.
    is_invisible: bool,
    in_table: bool,
    /// Tables within tables that the paragraph is in.
    level: usize,
}

struct Reader<'a, 'f> {
    tokens: Tokens<'a>,
    flow: Flow<'f>,
    group: Group,
    groups: Vec<Group>,
    most_groups: usize,
    document: Charset,
    fonts: HashMap<i32, Charset>,
    font: i32,
    /// Text whose bytes are not decoded yet: some code pages take two for a character.
    bytes: Vec<u8>,
    /// The first half of a character beyond U+FFFF.
    high: Option<u16>,
    /// Bytes left of the fallback of a `\u`.
    passed_over: usize,
    /// `\*` stood before the next word: a reader that does not know it passes over its group.
    is_optional: bool,
    section_on_page: bool,
}

/// # Errors
/// `EMPTY_OBJECT` when it has no text, `LIMIT_MEMORY` when its text or its nesting passes a limit.
pub(super) fn read(content: &[u8], limits: &Limits, on_page: &OnPage<'_>) -> Result<Text, Failure> {
    let document = Charset::of_code_page(USUAL_CODE_PAGE).unwrap_or(Charset::Dos);
    let group = Group {
        destination: Destination::Shown,
        ends: Ends::Nothing,
        charset: document,
        fallback: 1,
        is_invisible: false,
        in_table: false,
        level: 1,
    };
    let mut reader = Reader {
        tokens: Tokens { rest: content },
        flow: Flow::new(limits, on_page),
        group,
        groups: Vec::new(),
        most_groups: limits.nesting,
        document,
        fonts: HashMap::new(),
        font: 0,
        bytes: Vec::new(),
        high: None,
        passed_over: 0,
        is_optional: false,
        section_on_page: true,
    };
    let mut tokens = 0_usize;
    while let Some(token) = reader.tokens.next() {
        reader.take(&token)?;
        reader.flow.check()?;
        tokens += 1;
        if tokens.is_multiple_of(TOKENS_A_TIME) {
            on_page();
        }
    }
    reader.flush();
    // A file that ends within its groups was cut.
    reader.flow.partial = !reader.groups.is_empty();
    let text = reader.flow.finish()?;
    match (text.is_blank(), text.partial) {
        (false, _) => Ok(text),
        (true, true) => Err(Failure::new(FailureCode::FileDamaged, "an RTF document that breaks off before its text")),
        (true, false) => Err(Failure::new(FailureCode::EmptyObject, "an RTF document without text")),
    }
}

impl Reader<'_, '_> {
    fn take(&mut self, token: &Token<'_>) -> Result<(), Failure> {
        let is_optional = std::mem::take(&mut self.is_optional);
        match *token {
            Token::Open => {
                self.flush();
                self.passed_over = 0;
                if self.groups.len() >= self.most_groups {
                    let detail = format!("groups within groups, more than {} deep", self.most_groups);
                    return Err(Failure::new(FailureCode::LimitMemory, detail));
                }
                self.groups.push(self.group);
                self.group.ends = Ends::Nothing;
            }
            Token::Close => {
                self.flush();
                self.passed_over = 0;
                let ends = self.group.ends;
                if let Some(outer) = self.groups.pop() {
                    self.group = outer;
                }
                match ends {
                    Ends::Nothing => {}
                    Ends::Head => self.flow.end_head(),
                    Ends::Foot => self.flow.end_foot(),
                    Ends::Note => self.flow.end_note(),
                    Ends::Aside => self.flow.end_aside(),
                }
            }
            Token::Byte(byte) => {
                if self.passed_over > 0 {
                    self.passed_over -= 1;
                } else if self.shows() {
                    self.open_row();
                    self.bytes.push(byte);
                }
            }
            Token::Symbol(b'*') => self.is_optional = true,
            Token::Symbol(symbol) => {
                if self.passed_over > 0 {
                    self.passed_over -= 1;
                } else if self.shows() {
                    self.flush();
                    match symbol {
                        b'~' => self.char(' '),
                        b'_' => self.char('-'),
                        b'\r' | b'\n' => self.flow.line(),
                        b'\t' => self.flow.tab(),
                        b'\\' | b'{' | b'}' => self.char(char::from(symbol)),
                        _ => {}
                    }
                }
            }
            Token::Word(b"bin", Some(bytes)) => {
                let bytes = usize::try_from(bytes).unwrap_or(0);
                self.tokens.rest = self.tokens.rest.get(bytes..).unwrap_or_default();
            }
            Token::Word(b"u", Some(code)) => self.unicode(code),
            Token::Word(name, _) if self.passed_over > 0 && character(name).is_some() => self.passed_over -= 1,
            Token::Word(name, number) => {
                self.flush();
                self.passed_over = 0;
                self.word(name, number, is_optional);
            }
        }
        Ok(())
    }

    fn shows(&self) -> bool {
        self.group.destination == Destination::Shown && !self.group.is_invisible
    }

    /// A UTF-16 unit, as a signed number. As many bytes as `\uc` says follow for those who do not know it.
    fn unicode(&mut self, code: i32) {
        self.flush();
        self.passed_over = self.group.fallback;
        if !self.shows() {
            return;
        }
        let Ok(unit) = u16::try_from(code.rem_euclid(0x1_0000)) else { return };
        let high = self.high.take();
        match unit {
            0xd800..0xdc00 => self.high = Some(unit),
            0xdc00..0xe000 => {
                let pair = high.map(|high| [high, unit]);
                if let Some(Ok(c)) = pair.and_then(|pair| char::decode_utf16(pair).next()) {
                    self.char(c);
                }
            }
            // A symbol of a font whose codes were moved to where nothing else is.
            0xf020..0xf100 => {}
            _ => {
                if let Some(c) = char::from_u32(u32::from(unit)) {
                    self.char(c);
                }
            }
        }
    }

    fn char(&mut self, c: char) {
        self.open_row();
        self.flow.char(c);
    }

    /// Text of a table opens its row: what defines a row may come before it, behind it, or both.
    fn open_row(&mut self) {
        if self.flow.depth() > 0 {
            return;
        }
        let wanted = if self.group.in_table { self.group.level } else { 0 };
        let rows = self.flow.rows();
        if wanted == 0 && rows > 0 {
            // The row was never ended.
            self.flow.end_row();
        } else if rows < wanted {
            self.flow.begin_row();
        }
    }

    /// Decodes the bytes of text that have come.
    fn flush(&mut self) {
        if !self.bytes.is_empty() {
            let text = self.group.charset.decode(&self.bytes);
            self.bytes.clear();
            self.flow.text(&text);
        }
    }

    fn word(&mut self, name: &[u8], number: Option<i32>, is_optional: bool) {
        let is_on = number != Some(0);
        let page = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
        match name {
            b"ansicpg" => {
                if let Some(charset) = page(number).and_then(Charset::of_code_page) {
                    self.set_document(charset);
                }
            }
            b"mac" => self.set_document(Charset::of_code_page(10_000).unwrap_or(self.document)),
            b"pc" | b"pca" => self.set_document(Charset::Dos),
            b"uc" => self.group.fallback = number.and_then(|number| usize::try_from(number).ok()).unwrap_or(1),
            b"fonttbl" => self.group.destination = Destination::Fonts,
            b"f" => {
                self.font = number.unwrap_or(0);
                if self.group.destination != Destination::Fonts {
                    self.group.charset = self.fonts.get(&self.font).copied().unwrap_or(self.document);
                }
            }
            b"fcharset" if self.group.destination == Destination::Fonts => {
                let charset = match number {
                    Some(2) => Some(Charset::Symbols),
                    number => number.and_then(of_font_charset).and_then(Charset::of_code_page),
                };
                if let Some(charset) = charset {
                    self.fonts.insert(self.font, charset);
                }
            }
            b"cpg" if self.group.destination == Destination::Fonts => {
                if let Some(charset) = page(number).and_then(Charset::of_code_page) {
                    self.fonts.insert(self.font, charset);
                }
            }
            b"plain" => {
                self.group.is_invisible = false;
                self.group.charset = self.document;
            }
            b"v" | b"deleted" => self.group.is_invisible = is_on,
            b"pard" => {
                self.group.in_table = false;
                self.group.level = 1;
            }
            b"intbl" => self.group.in_table = true,
            b"itap" => {
                let level = number.and_then(|number| usize::try_from(number).ok()).unwrap_or(1);
                self.group.in_table = level > 0;
                self.group.level = level.max(1);
            }
            b"sbknone" | b"sbkcol" => self.section_on_page = false,
            b"sectd" | b"sbkpage" | b"sbkodd" | b"sbkeven" => self.section_on_page = true,
            _ if self.is_destination(name, is_optional) => {}
            _ if self.shows() => self.shown(name),
            _ => {}
        }
    }

    fn set_document(&mut self, charset: Charset) {
        self.document = charset;
        self.group.charset = charset;
    }

    /// Whether the word says what its group is for.
    fn is_destination(&mut self, name: &[u8], is_optional: bool) -> bool {
        let group = &mut self.group;
        if group.destination == Destination::Hidden {
            return true;
        }
        match name {
            b"colortbl"
            | b"stylesheet"
            | b"info"
            | b"pict"
            | b"objdata"
            | b"fldinst"
            | b"filetbl"
            | b"private"
            | b"revtbl"
            | b"rsidtbl"
            | b"listtable"
            | b"listoverridetable"
            | b"generator"
            | b"sp"
            | b"shprslt"
            | b"nonesttables"
            | b"xe"
            | b"tc"
            | b"tcn"
            | b"rxe"
            | b"bkmkstart"
            | b"bkmkend"
            | b"template"
            | b"nextfile"
            | b"pgptbl"
            | b"comment"
            | b"annotation"
            | b"datafield"
            | b"ftnsep"
            | b"ftnsepc"
            | b"ftncn"
            | b"aftnsep"
            | b"aftnsepc"
            | b"aftncn"
            | b"objclass"
            | b"objname"
            | b"themedata"
            | b"colorschememapping"
            | b"pntxta"
            | b"pntxtb" => group.destination = Destination::Hidden,
            b"header" | b"headerl" | b"headerr" | b"headerf" | b"footer" | b"footerl" | b"footerr" | b"footerf"
            | b"footnote" => {
                if group.ends == Ends::Nothing && group.destination == Destination::Shown {
                    group.ends = match name.first() {
                        Some(b'h') => Ends::Head,
                        _ if name == b"footnote" => Ends::Note,
                        _ => Ends::Foot,
                    };
                    group.in_table = false;
                    self.flow.begin_note();
                }
            }
            // Known although optional: they hold what shows.
            b"shpinst" => group.destination = Destination::Shape,
            b"shptxt" => {
                if group.destination == Destination::Shape {
                    group.destination = Destination::Shown;
                    if group.ends == Ends::Nothing {
                        group.ends = Ends::Aside;
                        group.in_table = false;
                        self.flow.begin_aside();
                    }
                }
            }
            // Ends a row of a table within a table.
            b"nesttableprops" => {}
            _ if is_optional => group.destination = Destination::Hidden,
            _ => return false,
        }
        true
    }

    fn shown(&mut self, name: &[u8]) {
        match name {
            b"par" => {
                self.open_row();
                self.flow.line();
            }
            b"line" | b"lbr" | b"column" => self.flow.line(),
            b"tab" => {
                self.open_row();
                self.flow.tab();
            }
            b"page" => self.flow.page(Break::Asked),
            b"pagebb" => self.flow.page_unless_first(),
            b"softpage" => self.flow.page(Break::Rendered),
            b"sect" => {
                self.flow.line();
                // What follows says whether it begins a page; most say it at once.
                if self.next_section_begins_page() {
                    self.flow.page(Break::Asked);
                }
            }
            b"cell" | b"nestcell" => {
                self.open_row();
                self.flow.end_cell();
            }
            b"row" | b"nestrow" => self.flow.end_row(),
            _ => {
                if let Some(c) = character(name) {
                    self.char(c);
                }
            }
        }
    }

    /// The properties of a section come before its text, as words like `\sectd\sbknone`.
    fn next_section_begins_page(&self) -> bool {
        const LOOKED_AT: usize = 400;
        let ahead = self.tokens.rest.get(..LOOKED_AT).unwrap_or(self.tokens.rest);
        let has = |word: &[u8]| ahead.windows(word.len()).any(|window| window == word);
        if has(b"\\sectd") || has(b"\\sbk") { !(has(b"\\sbknone") || has(b"\\sbkcol")) } else { self.section_on_page }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(rtf: &[u8]) -> Text {
        read(rtf, &Limits::default(), &|| {}).unwrap()
    }

    #[test]
    fn characters_come_by_code_page_font_and_unicode() {
        let cases: &[(&[u8], &str)] = &[
            (b"{\\rtf1\\ansi\\ansicpg1252 Licita\\'e7\\'e3o n\\'ba 1}", "Licitação nº 1"),
            (b"{\\rtf1\\ansi Licita\xe7\xe3o}", "Licitação"),
            (b"{\\rtf1\\pca Licita\\'87\\'c6o}", "Licitação"),
            (b"{\\rtf1\\ansi\\uc1 S\\u227 ?o\\uc0\\u8211 x {\\uc2\\u231 ??a}\\u-3913 y}", "São–x çay"),
            (b"{\\rtf1\\u55357 ?\\u56521 ?}", "\u{1f4c9}"),
            (b"{\\rtf1{\\fonttbl{\\f0\\fcharset0 A;}{\\f1\\fcharset204 B;}{\\f3\\fcharset2 C;}}\\f1\\'d4{\\f3\\'b7}\\f0\\'d4}", "ФÔ"),
            (b"{\\rtf1 a\\~b\\_c\\-d\\{\\}\\\\\\emdash\\ldblquote x\\rdblquote}", "a b-cd{}\\—“x”"),
            (b"{\\rtf1 a\r\nb\\\nc\\bin3 }}}d}", "ab\ncd"),
        ];
        for (rtf, expected) in cases {
            assert_eq!(text(rtf).text, *expected, "{}", String::from_utf8_lossy(rtf));
        }
    }

    #[test]
    fn what_does_not_show_is_not_read() {
        let rtf = b"{\\rtf1{\\stylesheet{\\s0 Normal;}}{\\info{\\title T}}{\\*\\unknown U}{\\pict\\wmetafile8 0123}\
            {\\field{\\*\\fldinst HYPERLINK \"x\"}{\\fldrslt s\\'edtio}} {\\v oculto}{\\deleted riscado}\
            {\\shp{\\*\\shpinst{\\sp{\\sn n}{\\sv v}}{\\shptxt caixa\\par}}{\\shprslt caixa}} fim\\par{\\*\\bkmkstart b}}";
        assert_eq!(text(rtf).text, "sítio fim\ncaixa");
    }

    #[test]
    fn rows_pages_and_notes() {
        let rtf = b"{\\rtf1{\\header Di\\'e1rio\\par}\\pard Quadro\\par\\trowd\\cellx1\\cellx2\\pard\\intbl a\\par b\\cell c\\cell\
            \\trowd\\cellx1\\row\\pard\\intbl d\\cell\\cell\\row\\pard depois{\\footnote nota}\\par\\page fim\\sect\\sectd\\sbknone x\
            \\sect\\sectd y}";
        let read = text(rtf);
        assert_eq!((read.text.as_str(), read.pages), ("Diário\nQuadro\na b\tc\nd\ndepois\nnota\u{c}fim\nx\u{c}y", 3));
        let nested = b"{\\rtf1\\pard\\intbl fora\\cell\\pard\\intbl\\itap2 a\\nestcell b\\nestcell{\\*\\nesttableprops\\nestrow}\
            {\\nonesttables\\par}\\pard\\intbl\\itap1\\cell\\row}";
        assert_eq!(text(nested).text, "fora\na\tb");
    }

    #[test]
    fn what_is_wrong_has_a_code() {
        let code = |rtf: &[u8]| read(rtf, &Limits::default(), &|| {}).unwrap_err().code;
        assert_eq!(code(&b"{\\rtf1 ".repeat(60_000)), FailureCode::LimitMemory);
        assert_eq!(code(b"{\\rtf1}"), FailureCode::EmptyObject);
        assert_eq!(code(b"{\\rtf1{\\fonttbl"), FailureCode::FileDamaged);
        assert!(text(b"{\\rtf1 texto cortado{").partial);
        assert!(!text(b"{\\rtf1 texto}}}}").partial);
    }
}
