//! Documents of OpenOffice, LibreOffice and others (OpenDocument 1.3, ISO/IEC 26300): texts, and as far as they have
//! paragraphs and tables, sheets and slides.

use std::collections::HashSet;
use std::io::BufRead;

use super::{Node, Xml};
use crate::extraction::flow::{Break, Flow};
use crate::extraction::zip::{Archive, Budget};
use crate::extraction::{Limits, OnPage, Text};
use crate::failure::{Failure, FailureCode};

/// Spaces that one element may stand for (ODF 1.3 part 3 section 6.1.3); more are as good as a tab.
const MOST_SPACES: u32 = 8;

pub(super) fn read(
    archive: &Archive<'_>,
    budget: &Budget,
    limits: &Limits,
    on_page: &OnPage<'_>,
) -> Result<Text, Failure> {
    if let Some(manifest) = archive.find("META-INF/manifest.xml") {
        refuse_encrypted(&mut Xml::new(archive.read(manifest, budget)?, limits))?;
    }
    let mut flow = Flow::new(limits, on_page);
    let mut content = Content::default();
    for name in ["styles.xml", "content.xml"] {
        let Some(member) = archive.find(name) else {
            flow.partial |= name == "content.xml";
            continue;
        };
        let read = archive.read(member, budget).and_then(|bytes| content.read(&mut Xml::new(bytes, limits), &mut flow));
        match read {
            // What is behind the place where a part breaks off is lost, what is before it is not.
            Err(failure) if failure.code == FailureCode::FileDamaged => flow.partial = true,
            other => other?,
        }
    }
    flow.finish()
}

/// A document that is one file of XML (ODF 1.3 part 3 section 3.1.2).
pub(super) fn read_flat(content: &[u8], limits: &Limits, on_page: &OnPage<'_>) -> Result<Text, Failure> {
    let mut flow = Flow::new(limits, on_page);
    match Content::default().read(&mut Xml::new(content, limits), &mut flow) {
        Err(failure) if failure.code == FailureCode::FileDamaged => flow.partial = true,
        other => other?,
    }
    flow.finish()
}

/// A manifest tells of each encrypted part how it was encrypted (ODF 1.3 part 2 section 4.4); with a wholly encrypted
/// package, of its only one.
fn refuse_encrypted<R: BufRead>(manifest: &mut Xml<R>) -> Result<(), Failure> {
    loop {
        match manifest.next() {
            Ok(Some(Node::Open(element))) if element.name() == "encryption-data" => {
                return Err(Failure::new(FailureCode::Encrypted, "an OpenDocument file that asks for a password"));
            }
            Ok(Some(_)) => {}
            Err(failure) if failure.code != FailureCode::FileDamaged => return Err(failure),
            Ok(None) | Err(_) => return Ok(()),
        }
    }
}

/// Where the reader is, and what it knows of styles.
#[derive(Default)]
struct Content {
    /// Paragraphs around this text.
    paragraphs: usize,
    /// Before the body come styles, whose only texts are headers and footers.
    in_body: bool,
    style: Option<String>,
    /// Styles whose paragraphs begin a page, and those after which one begins.
    before: HashSet<String>,
    after: HashSet<String>,
    /// Whether the paragraphs that are open, the innermost last, end a page.
    ends_page: Vec<bool>,
    slides: usize,
}

impl Content {
    fn read<R: BufRead>(&mut self, xml: &mut Xml<R>, flow: &mut Flow<'_>) -> Result<(), Failure> {
        while let Some(node) = xml.next()? {
            if self.take(node, flow) {
                xml.skip()?;
            }
            flow.check()?;
        }
        Ok(())
    }

    /// Whether the element that was opened is to be passed over.
    fn take(&mut self, node: Node<'_>, flow: &mut Flow<'_>) -> bool {
        match node {
            Node::Text(text) if self.paragraphs > 0 => flow.text(&text),
            Node::Text(_) | Node::Other => {}
            Node::Open(element) => match element.full_name() {
                // Deleted text, comments, names of pictures, code.
                "text:tracked-changes"
                | "office:annotation"
                | "svg:title"
                | "svg:desc"
                | "office:forms"
                | "office:scripts"
                | "office:binary-data"
                | "text:note-citation"
                | "presentation:notes"
                | "text:sequence-decls"
                | "text:variable-decls"
                | "text:ruby-text"
                | "table:table-source"
                | "office:settings"
                | "number:text"
                | "office:meta"
                | "config:config-item-set"
                | "table:shapes"
                | "table:tracked-changes" => return true,
                "office:body" => self.in_body = true,
                "style:style" => {
                    self.style = element.attribute("name");
                    if element.attribute("master-page-name").is_some_and(|name| !name.is_empty()) {
                        self.before.extend(self.style.clone());
                    }
                }
                "style:paragraph-properties" | "style:table-properties" => {
                    let is_page = |name: &str| element.attribute(name).is_some_and(|value| value == "page");
                    if is_page("break-before") {
                        self.before.extend(self.style.clone());
                    }
                    if is_page("break-after") {
                        self.after.extend(self.style.clone());
                    }
                }
                "text:p" | "text:h" => {
                    let style = element.attribute("style-name").unwrap_or_default();
                    if self.before.contains(&style) {
                        flow.page_unless_first();
                    }
                    self.ends_page.push(self.after.contains(&style));
                    if self.in_body || flow.depth() > 0 {
                        self.paragraphs += 1;
                    }
                }
                "table:table" => {
                    let style = element.attribute("style-name").unwrap_or_default();
                    if self.before.contains(&style) {
                        flow.page_unless_first();
                    }
                }
                "text:s" if self.paragraphs > 0 => {
                    let count = element.attribute("c").and_then(|count| count.parse().ok()).unwrap_or(1);
                    if count > MOST_SPACES {
                        flow.tab();
                    } else {
                        flow.char(' ');
                    }
                }
                "text:tab" => flow.tab(),
                "text:line-break" => flow.line(),
                "text:soft-page-break" => flow.page(Break::Rendered),
                "table:table-row" => flow.begin_row(),
                "draw:text-box" => flow.begin_aside(),
                "text:note" => flow.begin_note(),
                "style:header" | "style:header-left" | "style:header-first" | "style:footer" | "style:footer-left"
                | "style:footer-first" => flow.begin_head(),
                "draw:page" => {
                    self.slides += 1;
                    if self.slides > 1 {
                        flow.page(Break::Asked);
                    }
                }
                _ => {}
            },
            // Names without their prefix, which is enough for what is closed.
            Node::Close(name) => match name.as_ref() {
                "style" => self.style = None,
                "p" | "h" if !self.ends_page.is_empty() => {
                    self.paragraphs = self.paragraphs.saturating_sub(1);
                    flow.line();
                    if self.ends_page.pop() == Some(true) {
                        flow.page(Break::Asked);
                    }
                }
                "table-cell" | "covered-table-cell" => flow.end_cell(),
                "table-row" => flow.end_row(),
                "text-box" => flow.end_aside(),
                "note" => flow.end_note(),
                "header" | "header-left" | "header-first" => flow.end_head(),
                "footer" | "footer-left" | "footer-first" => flow.end_foot(),
                _ => {}
            },
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(before: &str, body: &str) -> String {
        let flat = format!(
            "<office:document><office:automatic-styles>{before}</office:automatic-styles><office:body><office:text>{body}</office:text>\
             </office:body></office:document>"
        );
        read_flat(flat.as_bytes(), &Limits::default(), &|| {}).unwrap().text
    }

    #[test]
    fn what_shows_is_read_and_nothing_else() {
        let body = "<text:tracked-changes><text:p>apagado</text:p></text:tracked-changes><text:p>um<text:s text:c='3'/>dois<text:tab/>\
            <text:span>três</text:span><office:annotation><text:p>comentário</text:p></office:annotation><text:line-break/>quatro\
            <text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>nota</text:p></text:note-body></text:note>\
            <draw:frame><svg:title>nome</svg:title><draw:text-box><text:p>caixa</text:p></draw:text-box></draw:frame></text:p>\
            <text:h>Cap\u{ad}ítulo</text:h>";
        assert_eq!(text("", body), "um dois\ttrês\nquatro\ncaixa\nCapítulo\nnota");
    }

    #[test]
    fn styles_break_pages_and_hold_heads() {
        let styles = "<style:style style:name='A'><style:paragraph-properties fo:break-before='page'/></style:style>\
            <style:style style:name='B' style:master-page-name='M'/><style:style style:name='C' style:master-page-name=''>\
            <style:paragraph-properties fo:break-after='page'/></style:style><style:master-page><style:header><text:p>cabeça</text:p></style:header>\
            <style:footer><text:p><text:page-number>3</text:page-number></text:p></style:footer></style:master-page>";
        let body = "<text:p text:style-name='B'>a</text:p><text:p text:style-name='A'>b</text:p><text:p text:style-name='C'>c<text:soft-page-break/>d\
            </text:p><text:p>e</text:p><text:p text:style-name='B'>f</text:p>";
        assert_eq!(text(styles, body), "cabeça\na\u{c}b\nc\u{c}d\u{c}e\u{c}f");
    }

    #[test]
    fn sheets_are_rows_and_slides_are_pages() {
        let cell = |text: &str| format!("<table:table-cell><text:p>{text}</text:p></table:table-cell>");
        let row = format!("<table:table-row>{}<table:covered-table-cell/>{}</table:table-row>", cell("a"), cell("b"));
        let body = format!(
            "<draw:page><table:table>{row}{row}</table:table></draw:page><draw:page><text:p>c</text:p></draw:page>"
        );
        assert_eq!(text("", &body), "a\t\tb\na\t\tb\u{c}c");
    }
}
