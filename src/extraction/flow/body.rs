//! The text of a page, a note or a box while it is put together.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Behind a cell and behind a row, while the table is not finished. No text holds them: control characters are left out.
pub(super) const CELL_END: char = '\u{1f}';
const ROW_END: char = '\u{1e}';
/// A cell of more lines is a part of a page that a table only holds in place.
const MOST_CELL_LINES: usize = 12;

#[derive(Default)]
pub(super) struct Body {
    pub out: String,
    pub line_start: usize,
    pub rows: Vec<Row>,
    /// A space that is only written when something follows it in its line.
    pub space: bool,
    /// A page break that waits for the end of a row.
    pub waiting: bool,
    /// The length of `out` after the last page break.
    pub page_start: usize,
}

pub(super) struct Row {
    pub start: usize,
    /// A page ended right before it.
    pub is_first: bool,
}

impl Body {
    pub fn at_start(&self) -> bool {
        self.out.len() == self.line_start
    }

    /// Ends the line in composed form, NFC, without white space at its end. Empty lines are left out.
    pub fn line(&mut self) {
        self.space = false;
        let words = self.out.get(self.line_start..).unwrap_or_default();
        if is_nfc_quick(words.chars()) != IsNormalized::Yes {
            let composed: String = words.nfc().collect();
            self.out.truncate(self.line_start);
            self.out.push_str(&composed);
        }
        let end = self.line_start + self.out.get(self.line_start..).unwrap_or_default().trim_end().len();
        self.out.truncate(end);
        if !self.at_start() {
            self.out.push('\n');
            self.line_start = self.out.len();
        }
    }

    /// Lines that are finished.
    pub fn block(&mut self, lines: &str) {
        self.out.push_str(lines);
        self.out.push('\n');
        self.line_start = self.out.len();
    }

    pub fn end_row(&mut self) {
        let Some(Row { start, .. }) = self.rows.pop() else { return };
        let region = self.out.split_off(start.min(self.out.len()));
        let cells: Vec<&str> = region.trim_end_matches([CELL_END, '\n']).split(CELL_END).map(str::trim_end).collect();
        // A table that only lays out a page is read as what it holds.
        let is_layout = cells.len() == 1
            || region.contains(ROW_END)
            || cells.iter().any(|cell| cell.lines().count() > MOST_CELL_LINES);
        let lines = cells.iter().flat_map(|cell| cell.lines()).map(|line| line.trim_end_matches(ROW_END));
        if is_layout {
            for line in lines.filter(|line| !line.is_empty()) {
                self.out.push_str(line);
                self.out.push('\n');
            }
        } else if cells.iter().any(|cell| !cell.is_empty()) {
            for (index, cell) in cells.iter().enumerate() {
                if index > 0 {
                    self.out.push('\t');
                }
                for (line, words) in cell.lines().enumerate() {
                    if line > 0 {
                        self.out.push(' ');
                    }
                    self.out.push_str(words);
                }
            }
            self.out.push('\n');
        }
        if !self.rows.is_empty() && self.out.ends_with('\n') {
            self.out.pop();
            self.out.push(ROW_END);
            self.out.push('\n');
        }
        self.line_start = self.out.len();
    }

    pub fn finish(mut self) -> String {
        while !self.rows.is_empty() {
            self.line();
            self.end_row();
        }
        self.line();
        self.out.truncate(self.out.trim_end().len());
        self.out
    }
}
