//! Characters that mean something else than themselves: marks of paragraphs, cells, fields ([MS-DOC] sections 2.4.2,
//! 2.4.3 and 2.8.25).

use super::pieces::Piece;
use super::properties::{Paragraph, Properties};
use crate::extraction::flow::{Break, Flow, MOST_TABLES};

/// Fields within fields beyond this are read as text.
const MOST_FIELDS: usize = 256;

/// Turns characters into a flow.
pub(super) struct Characters<'a> {
    properties: &'a Properties,
    sections: &'a [(u32, bool)],
    /// Fields that are open, the innermost last: whether the code is read, and not yet the result.
    fields: Vec<bool>,
    /// The last character was the mark of a cell.
    after_cell: bool,
    /// Nothing of the paragraph was read yet.
    at_start: bool,
    high: Option<u16>,
}

impl<'a> Characters<'a> {
    pub fn new(properties: &'a Properties, sections: &'a [(u32, bool)]) -> Self {
        Self { properties, sections, fields: Vec::new(), after_cell: false, at_start: true, high: None }
    }

    /// Another part of the text begins.
    pub fn reset(&mut self) {
        *self = Self::new(self.properties, self.sections);
    }

    /// Reads the bytes of a piece, the first of which is the character at `position` and the byte at `offset`.
    pub fn take(&mut self, bytes: &[u8], piece: &Piece, position: u32, offset: u64, flow: &mut Flow<'_>) {
        match piece.charset {
            Some(charset) => {
                // Each byte is a character in the code pages that pieces are in.
                for ((position, offset), byte) in (position..).zip(offset..).zip(bytes) {
                    if *byte < 0x80 {
                        self.char(char::from(*byte), position, offset, flow);
                    } else {
                        for c in charset.decode(&[*byte]).chars() {
                            self.char(c, position, offset, flow);
                        }
                    }
                }
            }
            None => {
                for ((position, offset), unit) in (position..).zip((offset..).step_by(2)).zip(bytes.chunks_exact(2)) {
                    let &[low, high] = unit else { continue };
                    let unit = u16::from_le_bytes([low, high]);
                    match unit {
                        0xd800..0xdc00 => self.high = Some(unit),
                        0xdc00..0xe000 => {
                            let units = [self.high.take().unwrap_or(0), unit];
                            if let Some(Ok(c)) = char::decode_utf16(units).next() {
                                self.char(c, position, offset, flow);
                            }
                        }
                        // Symbols of one font, moved to where nothing else is.
                        0xf020..0xf100 => {}
                        _ => {
                            if let Some(c) = char::from_u32(unit.into()) {
                                self.char(c, position, offset, flow);
                            }
                        }
                    }
                }
            }
        }
    }

    fn char(&mut self, c: char, position: u32, offset: u64, flow: &mut Flow<'_>) {
        match c {
            '\u{13}' if self.fields.len() < MOST_FIELDS => return self.fields.push(true),
            '\u{14}' => {
                if let Some(in_code) = self.fields.last_mut() {
                    *in_code = false;
                }
                return;
            }
            '\u{15}' => {
                self.fields.pop();
                return;
            }
            _ => {}
        }
        let ends_paragraph = matches!(c, '\r' | '\u{7}' | '\u{c}');
        let is_invisible = || self.properties.has_invisible() && self.properties.is_invisible(offset);
        if !ends_paragraph && (self.fields.contains(&true) || is_invisible()) {
            return;
        }
        if self.at_start || ends_paragraph {
            let paragraph = self.properties.paragraph(offset);
            if self.at_start {
                self.begin(paragraph, c, flow);
            }
            if ends_paragraph {
                self.end(paragraph, c, position, flow);
            }
        }
        self.at_start = ends_paragraph;
        self.after_cell = c == '\u{7}';
        match c {
            '\u{b}' | '\u{e}' => flow.line(),
            '\t' => flow.tab(),
            '\u{1e}' => flow.char('-'),
            // The anchors of pictures, notes, comments and drawings are control characters.
            c => flow.char(c),
        }
    }

    fn begin(&self, paragraph: Paragraph, first: char, flow: &mut Flow<'_>) {
        if paragraph.begins_page {
            flow.page_unless_first();
        }
        if self.properties.are_known {
            let wanted = paragraph.depth as usize;
            if wanted == 0 && flow.rows() > 0 {
                flow.end_row();
            }
            if !paragraph.ends_row && !paragraph.ends_inner_row {
                for _ in flow.rows()..wanted.min(MOST_TABLES) {
                    flow.begin_row();
                }
            }
        } else if first == '\u{7}' && flow.rows() == 0 && !self.after_cell {
            flow.begin_row();
        }
    }

    fn end(&self, paragraph: Paragraph, mark: char, position: u32, flow: &mut Flow<'_>) {
        match mark {
            '\u{c}' => {
                let end = position.saturating_add(1);
                let section = self.sections.binary_search_by_key(&end, |(end, _)| *end).ok();
                let section = section.and_then(|index| self.sections.get(index));
                if section.is_none_or(|(_, on_page)| *on_page) && flow.depth() == 0 {
                    flow.page(Break::Asked);
                } else {
                    flow.line();
                }
            }
            '\u{7}' if paragraph.ends_row || !self.properties.are_known && self.after_cell => flow.end_row(),
            '\u{7}' => {
                if flow.rows() == 0 {
                    // The table is not known as one: its cells are all that tell it.
                    flow.tab();
                } else {
                    flow.end_cell();
                }
            }
            _ if paragraph.ends_inner_row => flow.end_row(),
            _ if paragraph.ends_inner_cell => flow.end_cell(),
            _ => flow.line(),
        }
    }
}
