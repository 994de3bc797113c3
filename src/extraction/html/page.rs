//! A page, tag by tag: which tags end a line, which make a table, and what within them does not belong to the text.

use html5gum::emitters::callback::CallbackEvent;

use super::error_page::{self, Seen};
use super::regions::{Kind, Regions};
use super::{Flow, Html};
use crate::extraction::flow::MOST_TABLES;
use crate::failure::Failure;

/// As much of an attribute as is looked at.
const MOST_VALUE_BYTES: usize = 512;
/// As much of a title.
const MOST_TITLE_BYTES: usize = 1024;

pub(super) struct Page<'a> {
    flow: Flow<'a>,
    tag: Tag,
    regions: Regions,
    /// Tables that are open, the innermost last.
    tables: Vec<Table>,
    /// White space of text counts.
    preformatted: usize,
    in_title: bool,
    /// In what is no text: scripts, styles, text fields.
    unread: Option<Vec<u8>>,
    seen: Seen,
}

#[derive(Default)]
struct Tag {
    name: Vec<u8>,
    attribute: Attribute,
    /// `role`, `class` and `id`, in lower case.
    words: String,
    style: String,
    kind: String,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Attribute {
    #[default]
    Other,
    Word,
    Style,
    Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Table {
    in_row: bool,
    in_cell: bool,
}

/// Elements whose text is none of the page: code, what only some browsers show, controls.
const UNREAD: &[&[u8]] = &[
    b"script",
    b"style",
    b"noscript",
    b"template",
    b"svg",
    b"textarea",
    b"select",
    b"iframe",
    b"noframes",
    b"noembed",
    b"object",
    b"canvas",
    b"audio",
    b"video",
];

/// Elements that begin and end a line (HTML section 15.3).
const BLOCKS: &[&[u8]] = &[
    b"address",
    b"article",
    b"aside",
    b"blockquote",
    b"body",
    b"caption",
    b"center",
    b"dd",
    b"details",
    b"dialog",
    b"dir",
    b"div",
    b"dl",
    b"dt",
    b"fieldset",
    b"figcaption",
    b"figure",
    b"footer",
    b"form",
    b"h1",
    b"h2",
    b"h3",
    b"h4",
    b"h5",
    b"h6",
    b"header",
    b"hgroup",
    b"hr",
    b"legend",
    b"li",
    b"main",
    b"menu",
    b"nav",
    b"ol",
    b"optgroup",
    b"option",
    b"p",
    b"pre",
    b"search",
    b"section",
    b"summary",
    b"table",
    b"tbody",
    b"tfoot",
    b"thead",
    b"title",
    b"ul",
    b"xmp",
];

impl<'a> Page<'a> {
    pub fn new(flow: Flow<'a>) -> Self {
        Self {
            flow,
            tag: Tag::default(),
            regions: Regions::default(),
            tables: Vec::new(),
            preformatted: 0,
            in_title: false,
            unread: None,
            seen: Seen::default(),
        }
    }

    pub fn take(&mut self, event: &CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.tag.name = name.to_vec();
                self.tag.words.clear();
                self.tag.style.clear();
                self.tag.kind.clear();
                self.tag.attribute = Attribute::Other;
            }
            CallbackEvent::AttributeName { name } => {
                self.tag.attribute = match *name {
                    b"role" | b"class" | b"id" => Attribute::Word,
                    b"style" => Attribute::Style,
                    b"type" => Attribute::Kind,
                    _ => Attribute::Other,
                };
            }
            CallbackEvent::AttributeValue { value } => {
                let value = value.get(..MOST_VALUE_BYTES).unwrap_or(value);
                let value = String::from_utf8_lossy(value).to_ascii_lowercase();
                match self.tag.attribute {
                    Attribute::Other => {}
                    Attribute::Word => {
                        self.tag.words.push(' ');
                        self.tag.words.push_str(&value);
                    }
                    Attribute::Style => self.tag.style = value,
                    Attribute::Kind => self.tag.kind = value,
                }
            }
            CallbackEvent::CloseStartTag { self_closing } => self.open(*self_closing),
            CallbackEvent::EndTag { name } => self.close(name),
            CallbackEvent::String { value } => self.text(&String::from_utf8_lossy(value)),
            CallbackEvent::Comment { .. } | CallbackEvent::Doctype { .. } | CallbackEvent::Error(_) => {}
        }
    }

    /// The text, or what the server said instead of one.
    pub fn finish(self) -> Result<Html, Failure> {
        self.flow.check()?;
        let text = self.flow.finish()?;
        Ok(match error_page::judge(&self.seen, &text) {
            Some(said) => Html::ErrorPage(said),
            None => Html::Gazette(text),
        })
    }

    fn open(&mut self, self_closing: bool) {
        if self.unread.is_some() {
            return;
        }
        let tag = std::mem::take(&mut self.tag);
        let name = tag.name.as_slice();
        if UNREAD.contains(&name) {
            // Text fields and frames are text to the tokenizer up to their end, whatever the slash says; drawings are not.
            if !(self_closing && name == b"svg") {
                self.unread = Some(name.to_vec());
            }
            return;
        }
        if name == b"input" && tag.kind == "password" {
            self.seen.asks_for_password = true;
        }
        if is_page_break(&tag.style, "before") {
            self.flow.page_unless_first();
        }
        match name {
            b"title" => self.in_title = true,
            b"br" => self.flow.line(),
            b"a" => self.regions.open_link(&self.flow),
            b"pre" | b"xmp" | b"listing" | b"plaintext" => {
                self.flow.line();
                self.preformatted += 1;
            }
            b"table" => {
                self.flow.line();
                self.tables.push(Table::default());
            }
            b"tr" => self.begin_row(),
            b"td" | b"th" => self.begin_cell(),
            _ if BLOCKS.contains(&name) => self.flow.line(),
            _ => {}
        }
        if let Some(kind) = kind(name, &tag.words) {
            self.regions.open(name, kind, &self.flow, self.tables.len());
        } else {
            self.regions.nest(name);
        }
    }

    fn close(&mut self, name: &[u8]) {
        if let Some(unread) = &self.unread {
            if unread == name {
                self.unread = None;
            }
            return;
        }
        match name {
            b"title" => self.in_title = false,
            b"a" => self.regions.close_link(&self.flow),
            b"pre" | b"xmp" | b"listing" => {
                self.preformatted = self.preformatted.saturating_sub(1);
                self.flow.line();
            }
            b"td" | b"th" => self.end_cell(),
            b"tr" => self.end_row(),
            b"table" => {
                self.end_row();
                self.tables.pop();
                self.flow.line();
            }
            // A stray end of a paragraph is an empty one.
            _ if BLOCKS.contains(&name) => self.flow.line(),
            _ => {}
        }
        if let Some(tables) = self.regions.close(name, &mut self.flow) {
            self.tables.truncate(tables);
        }
    }

    fn text(&mut self, text: &str) {
        if self.unread.is_some() {
            return;
        }
        if self.in_title {
            let room = MOST_TITLE_BYTES.saturating_sub(self.seen.title.len());
            self.seen.title.extend(text.chars().take(room));
            return;
        }
        if self.preformatted == 0 {
            return self.flow.text(text);
        }
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.flow.line();
            }
            for (index, column) in line.split('\t').enumerate() {
                if index > 0 {
                    self.flow.tab();
                }
                self.flow.text(column);
            }
        }
    }

    fn begin_row(&mut self) {
        self.end_row();
        if self.flow.rows() < MOST_TABLES
            && let Some(table) = self.tables.last_mut()
        {
            *table = Table { in_row: true, in_cell: false };
            self.flow.begin_row();
        } else {
            self.flow.line();
        }
    }

    fn begin_cell(&mut self) {
        if self.tables.last().is_some_and(|table| !table.in_row) {
            self.begin_row();
        }
        self.end_cell();
        match self.tables.last_mut() {
            Some(table) if table.in_row => table.in_cell = true,
            _ => self.flow.line(),
        }
    }

    fn end_cell(&mut self) {
        match self.tables.last_mut() {
            Some(table) if table.in_cell => {
                table.in_cell = false;
                self.flow.end_cell();
            }
            _ => self.flow.line(),
        }
    }

    fn end_row(&mut self) {
        if self.tables.last().is_some_and(|table| table.in_row) {
            self.end_cell();
            if let Some(table) = self.tables.last_mut() {
                table.in_row = false;
            }
            self.flow.end_row();
        }
    }
}

/// `page-break-before: always` of CSS 2, `break-before: page` of CSS 3. The print of an office program is full of them.
fn is_page_break(style: &str, side: &str) -> bool {
    let mut declarations = style.split(';').filter_map(|declaration| declaration.split_once(':'));
    declarations.any(|(property, value)| {
        let property = property.trim().trim_start_matches("page-");
        let asks = ["always", "page", "left", "right"].contains(&value.trim());
        property == format!("break-{side}") && asks
    })
}

/// Whether an element may be no part of the page's text.
fn kind(name: &[u8], words: &str) -> Option<Kind> {
    // Marks of notes are left out of other formats, too.
    let is_mark = |word: &str| word.contains("footnote") || word.contains("endnote");
    if matches!(name, b"a" | b"span") && words.split(' ').any(is_mark) {
        return Some(Kind::Navigation);
    }
    let has = |wanted: &[&str]| words.split([' ', '-', '_']).any(|word| wanted.contains(&word));
    if name == b"nav" || name == b"button" || words.split(' ').any(|word| word == "navigation") {
        return Some(Kind::Navigation);
    }
    let may_be = matches!(name, b"header" | b"footer" | b"aside" | b"menu")
        || matches!(name, b"div" | b"ul" | b"ol" | b"table" | b"section" | b"td")
            && has(&[
                "menu",
                "nav",
                "navbar",
                "navigation",
                "breadcrumb",
                "breadcrumbs",
                "sidebar",
                "footer",
                "rodape",
                "rodapé",
                "topo",
                "header",
                "cabecalho",
                "toolbar",
                "pagination",
                "paginacao",
                "social",
                "compartilhar",
            ]);
    may_be.then_some(Kind::Links)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extraction::Limits;

    fn read(html: &str) -> String {
        match super::super::read(html.as_bytes(), &Limits::default(), &|| {}).unwrap() {
            Html::Gazette(text) => text.text,
            Html::ErrorPage(said) => format!("ERROR {said}"),
        }
    }

    const SENTENCE: &str =
        "O Prefeito Municipal, no uso de suas atribuições legais, resolve nomear os servidores abaixo.";

    #[test]
    fn blocks_are_lines_and_rows_are_lines() {
        let html = format!(
            "<!DOCTYPE html><title>Di&aacute;rio</title><style>p {{}}</style><body><h1>Portaria  n&ordm;\n1</h1><p>{SENTENCE}<p>Art.&nbsp;1<sup>o</sup> \
             Fica<br>revogado.<table><thead><tr><th>Item<th>Valor<tbody><tr><td><p>A</p><td>R$ 1,00<tr><td>B\
             <td></table><pre>um  dois\n\ttr\u{ea}s</pre><script>if (a < b) {{ '<p>' }}</script><ul><li>a<li>b</ul>"
        );
        let expected = format!(
            "Portaria nº 1\n{SENTENCE}\nArt. 1o Fica\nrevogado.\nItem\tValor\nA\tR$ 1,00\nB\num dois\ntrês\na\nb"
        );
        assert_eq!(read(&html), expected);
    }

    #[test]
    fn navigation_is_left_out_where_it_is_one() {
        let html = format!(
            "<header><h1>Prefeitura de Serra Clara</h1></header><nav><a href=a>In\u{ed}cio</a></nav>\
             <div class='main menu-topo'><div><a href=b>Leis</a> <a href=c>Contas</a></div></div>\
             <div role=navigation>Voc\u{ea} est\u{e1} aqui</div><main><p>{SENTENCE}</p><div class=menu>{SENTENCE} \
             <a href=d>anexo</a></div></main><footer><ul><li><a href=e>Contato</a><li><a>Mapa</a></ul></footer>\
             <nav><p>sem fim"
        );
        assert_eq!(read(&html), format!("Prefeitura de Serra Clara\n{SENTENCE}\n{SENTENCE} anexo\nsem fim"));
    }

    #[test]
    fn marks_of_notes_are_no_text() {
        let html = format!(
            "<p>{SENTENCE}<a class=sdfootnoteanc href=x><sup>1</sup></a><p><a href=y><span class=MsoFootnoteReference>[1]</span></a>\
             Nota"
        );
        assert_eq!(read(&html), format!("{SENTENCE}\nNota"));
    }

    #[test]
    fn broken_and_deep_pages_are_read() {
        assert_eq!(read(&format!("<html><td>{SENTENCE}<tr></table></div><p <b>fim")), format!("{SENTENCE}\nfim"));
        assert_eq!(read(&format!("{}{SENTENCE}", "<div><table><tr><td>".repeat(60_000))), SENTENCE);
        assert_eq!(read(&format!("{SENTENCE}{}", "<div class=menu>".repeat(60_000))), SENTENCE);
        let page = format!(
            "<p>{SENTENCE}<p style='color:red; page-break-before: always'>dois<br style='page-break-before:always'>três"
        );
        assert_eq!(read(&page), format!("{SENTENCE}\u{c}dois\u{c}três"));
    }
}
