//! The text of a document that flows: paragraphs, tables, notes and page breaks, as office files, RTF and HTML tell them
//! one after the other. What comes out looks as the text of a PDF does: a line for each paragraph and for each row of a
//! table, pages separated by U+000C.

use std::collections::HashSet;
use std::mem;

use super::{Limits, OnPage, PAGE_BREAK, Text};
use crate::failure::{Failure, FailureCode};
use body::{Body, CELL_END, Row};

mod body;

/// Tables within tables beyond this are read as paragraphs.
pub(super) const MOST_TABLES: usize = 32;
/// A sign of life is given after so many bytes of text without a page break.
const PAGE_BYTES: usize = 64 * 1024;

/// How a page break is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    /// The author asked for it.
    Asked,
    /// The program that wrote the file broke the page here. It says so after a break that was asked for, too.
    Rendered,
}

/// Puts a text together.
pub(super) struct Flow<'a> {
    body: Body,
    /// Bodies around the aside or note that is being read.
    around: Vec<Body>,
    /// What is printed below the text of this page.
    notes: Vec<String>,
    /// Boxes anchored in the paragraph that is being read.
    asides: Vec<String>,
    heads: Vec<String>,
    feet: Vec<String>,
    /// Heads and feet that were there before.
    repeated: HashSet<String>,
    most_bytes: u64,
    /// Bytes in all that is kept.
    bytes: u64,
    told: usize,
    on_page: &'a OnPage<'a>,
    /// Some of the document could not be read.
    pub partial: bool,
}

/// A place that the text can be cut back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    length: usize,
    rows: usize,
    bodies: usize,
}

impl<'a> Flow<'a> {
    pub fn new(limits: &Limits, on_page: &'a OnPage<'a>) -> Self {
        Self {
            body: Body::default(),
            around: Vec::new(),
            notes: Vec::new(),
            asides: Vec::new(),
            heads: Vec::new(),
            feet: Vec::new(),
            repeated: HashSet::new(),
            most_bytes: limits.text_bytes,
            bytes: 0,
            told: 0,
            on_page,
            partial: false,
        }
    }

    /// Adds text to the line. White space of any kind and length is one space; soft hyphens and control characters are
    /// nothing.
    pub fn text(&mut self, text: &str) {
        for c in text.chars() {
            self.char(c);
        }
    }

    pub fn char(&mut self, c: char) {
        let c = match c {
            '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}' => return,
            '\u{2011}' => '-',
            c if c.is_whitespace() => {
                self.body.space = true;
                return;
            }
            c if c.is_control() => return,
            c => c,
        };
        if self.bytes >= self.most_bytes {
            self.bytes += 1;
            return;
        }
        let body = &mut self.body;
        if mem::take(&mut body.space) && !body.at_start() && !body.out.ends_with(['\t', ' ']) {
            body.out.push(' ');
            self.bytes += 1;
        }
        body.out.push(c);
        self.bytes += c.len_utf8() as u64;
    }

    pub fn tab(&mut self) {
        if !self.body.at_start() {
            self.body.space = false;
            self.body.out.push('\t');
            self.bytes += 1;
        }
    }

    /// Ends the line, if there is one.
    pub fn line(&mut self) {
        self.body.line();
        if self.around.is_empty() && !self.asides.is_empty() {
            for aside in mem::take(&mut self.asides) {
                self.body.block(&aside);
            }
        }
        if self.around.is_empty() && self.body.out.len() >= self.told + PAGE_BYTES {
            self.tell();
        }
    }

    pub fn begin_row(&mut self) {
        self.line();
        if self.body.rows.len() < MOST_TABLES {
            let start = self.body.out.len();
            self.body.rows.push(Row { start, is_first: self.body.page_start == start });
        }
    }

    /// Rows that are open, those of tables around this one included.
    pub fn rows(&self) -> usize {
        self.body.rows.len()
    }

    pub fn end_cell(&mut self) {
        self.line();
        if !self.body.rows.is_empty() {
            self.body.out.push(CELL_END);
            self.bytes += 1;
            self.body.line_start = self.body.out.len();
        }
    }

    /// Makes one line of the row, its cells separated by tabs.
    pub fn end_row(&mut self) {
        self.line();
        self.body.end_row();
        if self.body.rows.is_empty() && mem::take(&mut self.body.waiting) {
            self.page(Break::Rendered);
        }
    }

    /// Begins a page. Within a row it waits for the row's end, unless nothing of the row is there yet.
    pub fn page(&mut self, known: Break) {
        if !self.around.is_empty() {
            return self.line();
        }
        self.line();
        let body = &mut self.body;
        match body.rows.first() {
            Some(row) if row.is_first => return,
            Some(row) if body.out.len() > row.start => {
                body.waiting = true;
                return;
            }
            _ => {}
        }
        if known == Break::Rendered && body.out.len() == body.page_start {
            return;
        }
        self.end_page();
        self.body.out.push(PAGE_BREAK);
        self.bytes += 1;
        let start = self.body.out.len();
        self.body.line_start = start;
        self.body.page_start = start;
        for row in &mut self.body.rows {
            *row = Row { start, is_first: true };
        }
        self.tell();
    }

    /// Begins a page, unless the document begins here.
    pub fn page_unless_first(&mut self) {
        if self.around.is_empty() && (self.body.page_start > 0 || !self.body.out.is_empty()) {
            self.page(Break::Asked);
        }
    }

    /// What follows, up to [`Self::end_aside`], is a text box: it comes after the paragraph that it is anchored in.
    pub fn begin_aside(&mut self) {
        self.around.push(mem::take(&mut self.body));
    }

    pub fn end_aside(&mut self) {
        if let Some(text) = self.end_body() {
            self.asides.push(text);
        }
    }

    /// What follows, up to [`Self::end_note`], is printed below the page.
    pub fn begin_note(&mut self) {
        self.around.push(mem::take(&mut self.body));
    }

    pub fn end_note(&mut self) {
        if let Some(text) = self.end_body() {
            self.notes.push(text);
        }
    }

    /// A note that was read before.
    pub fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }

    /// What follows, up to [`Self::end_head`] or [`Self::end_foot`], is printed on many pages, and read once.
    pub fn begin_head(&mut self) {
        self.around.push(mem::take(&mut self.body));
    }

    pub fn end_head(&mut self) {
        if let Some(text) = self.end_repeated() {
            self.heads.push(text);
        }
    }

    pub fn end_foot(&mut self) {
        if let Some(text) = self.end_repeated() {
            self.feet.push(text);
        }
    }

    /// What was begun last, unless it was there before, or is the number of a page and no more.
    fn end_repeated(&mut self) -> Option<String> {
        let text = self.end_body()?;
        (text.contains(char::is_alphabetic) && self.repeated.insert(text.clone())).then_some(text)
    }

    /// Ends what was begun last, and hands it out.
    pub fn end_body(&mut self) -> Option<String> {
        let outer = self.around.pop()?;
        let text = mem::replace(&mut self.body, outer).finish();
        (!text.is_empty()).then_some(text)
    }

    /// Asides, notes, heads and feet that are open.
    pub fn depth(&self) -> usize {
        self.around.len()
    }

    pub fn mark(&self) -> Mark {
        Mark { length: self.body.out.len(), rows: self.body.rows.len(), bodies: self.around.len() }
    }

    /// Bytes of text since then.
    pub fn since(&self, mark: Mark) -> usize {
        self.body.out.len().saturating_sub(mark.length)
    }

    /// Takes back what was added since then. Whether it could: what has ended a page or a row stays.
    pub fn cut(&mut self, mark: Mark) -> bool {
        let body = &mut self.body;
        if mark.bodies != self.around.len() || mark.rows > body.rows.len() || mark.length < body.page_start {
            return false;
        }
        body.rows.truncate(mark.rows);
        if body.out.is_char_boundary(mark.length) {
            body.out.truncate(mark.length);
        }
        body.line_start = body.line_start.min(body.out.len());
        body.space = true;
        true
    }

    /// # Errors
    /// `LIMIT_MEMORY` when the text has passed its limit.
    pub fn check(&self) -> Result<(), Failure> {
        if self.bytes < self.most_bytes {
            return Ok(());
        }
        let detail = format!("more than {} bytes of text", self.most_bytes);
        Err(Failure::new(FailureCode::LimitMemory, detail))
    }

    /// The whole text; `EMPTY_OBJECT` is for the caller to tell.
    ///
    /// # Errors
    /// `LIMIT_MEMORY` when the text has passed its limit.
    pub fn finish(mut self) -> Result<Text, Failure> {
        // Of a document that breaks off.
        while !self.around.is_empty() {
            self.end_aside();
        }
        while !self.body.rows.is_empty() {
            self.end_row();
        }
        self.line();
        self.end_page();
        self.check()?;
        let mut text = self.body.out;
        if !self.feet.is_empty() {
            push_blocks(&mut text, &self.feet);
        }
        if !self.heads.is_empty() {
            let mut heads = String::new();
            push_blocks(&mut heads, &self.heads);
            if !text.starts_with([PAGE_BREAK, '\n']) && !text.is_empty() {
                heads.push('\n');
            }
            text.insert_str(0, &heads);
        }
        text.truncate(text.trim_end_matches(['\n', PAGE_BREAK]).len());
        let pages = text.matches(PAGE_BREAK).count() + 1;
        Ok(Text { partial: self.partial, ..Text::new(text, pages) })
    }

    /// Puts the notes below the page that ends.
    fn end_page(&mut self) {
        let body = &mut self.body;
        body.out.truncate(body.out.trim_end_matches('\n').len().max(body.page_start));
        if !self.notes.is_empty() {
            push_blocks(&mut body.out, &mem::take(&mut self.notes));
        }
        body.line_start = body.out.len();
    }

    fn tell(&mut self) {
        self.told = self.body.out.len();
        (self.on_page)();
    }
}

fn push_blocks(out: &mut String, blocks: &[String]) {
    for block in blocks {
        if !out.is_empty() && !out.ends_with(['\n', PAGE_BREAK]) {
            out.push('\n');
        }
        out.push_str(block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flowed(write: impl FnOnce(&mut Flow<'_>)) -> Text {
        let mut flow = Flow::new(&Limits::default(), &|| {});
        write(&mut flow);
        flow.finish().unwrap()
    }

    fn row(flow: &mut Flow<'_>, cells: &[&[&str]]) {
        flow.begin_row();
        for cell in cells {
            for line in *cell {
                flow.text(line);
                flow.line();
            }
            flow.end_cell();
        }
        flow.end_row();
    }

    #[test]
    fn a_paragraph_is_a_line_and_white_space_is_one_space() {
        let text = flowed(|flow| {
            flow.text("  Art. 1\u{ba}\u{a0} \n Fica");
            flow.text(" no\u{ad}meado\u{7}, a\u{303}o");
            flow.line();
            flow.line();
            flow.text("segunda\u{2011}feira ");
            flow.tab();
            flow.text(" 8h ");
        });
        assert_eq!((text.text.as_str(), text.pages), ("Art. 1\u{ba} Fica nomeado, \u{e3}o\nsegunda-feira\t8h", 1));
    }

    #[test]
    fn a_row_is_a_line_unless_its_table_lays_out_the_page() {
        let text = flowed(|flow| {
            flow.text("Quadro");
            row(flow, &[&["Item"], &["Valor", "(R$)"], &[], &["x"], &[]]);
            row(flow, &[&[], &[]]);
            row(flow, &[&["um texto", "em uma caixa"]]);
            row(flow, &[&["menu"], &["linha"; 13]]);
            flow.begin_row();
            flow.text("fora");
            flow.end_cell();
            row(flow, &[&["a"], &["b"]]);
            flow.end_cell();
            flow.end_row();
        });
        let column = "linha\n".repeat(13);
        let expected = format!("Quadro\nItem\tValor (R$)\t\tx\num texto\nem uma caixa\nmenu\n{column}fora\na\tb");
        assert_eq!(text.text, expected);
    }

    #[test]
    fn pages_break_once_and_not_within_a_row() {
        let text = flowed(|flow| {
            flow.page(Break::Rendered);
            flow.text("um");
            flow.page(Break::Asked);
            flow.page(Break::Rendered);
            flow.text("dois");
            flow.line();
            flow.begin_row();
            flow.page(Break::Rendered);
            flow.text("a");
            flow.end_cell();
            flow.page(Break::Rendered);
            flow.text("b");
            flow.end_cell();
            flow.end_row();
            flow.begin_row();
            flow.text("c");
            flow.page(Break::Rendered);
            flow.text("d");
            flow.end_cell();
            flow.end_row();
            flow.text("fim");
            flow.page(Break::Asked);
        });
        assert_eq!((text.text.as_str(), text.pages), ("um\u{c}dois\u{c}a\tb\nc\nd\u{c}fim", 4));
    }

    #[test]
    fn notes_end_their_page_and_heads_come_once() {
        let text = flowed(|flow| {
            for _ in 0..2 {
                flow.begin_head();
                flow.text("Di\u{e1}rio");
                flow.end_head();
                flow.begin_head();
                flow.text("P\u{e1}gina");
                flow.end_foot();
            }
            flow.begin_head();
            flow.text("- 3 -");
            flow.end_foot();
            flow.text("corpo");
            flow.begin_note();
            flow.text("nota");
            flow.end_note();
            flow.begin_aside();
            flow.text("caixa");
            flow.end_aside();
            flow.text(" segue");
            flow.page(Break::Asked);
            flow.text("fim");
        });
        assert_eq!(text.text, "Di\u{e1}rio\ncorpo segue\ncaixa\nnota\u{c}fim\nP\u{e1}gina");
    }

    #[test]
    fn what_is_taken_back_takes_its_rows_along_and_no_page() {
        let text = flowed(|flow| {
            flow.text("antes");
            flow.line();
            let mark = flow.mark();
            flow.begin_row();
            flow.text("menu");
            assert_eq!(flow.since(mark), 4);
            assert!(flow.cut(mark));
            flow.text("depois");
            let late = flow.mark();
            flow.page(Break::Asked);
            assert!(!flow.cut(late));
            flow.text("fim");
        });
        assert_eq!(text.text, "antes\ndepois\u{c}fim");
    }

    #[test]
    fn a_text_over_its_limit_is_none() {
        let mut flow = Flow::new(&Limits { text_bytes: 8, ..Limits::default() }, &|| {});
        flow.text("1234567");
        assert!(flow.check().is_ok());
        flow.text("89abcdef");
        assert!(flow.body.out.len() <= 8);
        assert_eq!(flow.finish().unwrap_err().code, FailureCode::LimitMemory);
    }
}
