//! Word and PowerPoint documents (ECMA-376, Office Open XML). A part is read as it comes, nothing of it is kept but text.

use std::collections::HashMap;
use std::io::BufRead;

use super::{Node, Package, Xml, natural};
use crate::extraction::flow::{Break, Flow};
use crate::extraction::zip::{Archive, Budget, Member};
use crate::extraction::{Limits, OnPage, Text};
use crate::failure::{Failure, FailureCode};

/// The parts of a document that hold text, by their names in the archive.
#[derive(Debug, Default, PartialEq)]
pub(in crate::extraction) struct Parts {
    /// The main part; of a presentation, its slides.
    main: Vec<String>,
    heads: Vec<String>,
    feet: Vec<String>,
    /// Footnotes and endnotes.
    notes: Vec<String>,
}

impl Parts {
    /// Those of a document that does not say.
    pub fn usual() -> Self {
        Self { main: vec!["word/document.xml".into()], ..Self::default() }
    }
}

/// What a package is, by the list of the types of its parts (ECMA-376 part 2 section 10.1.2).
pub(super) fn package(
    archive: &Archive<'_>,
    types: &Member,
    budget: &Budget,
    limits: &Limits,
) -> Result<Package, Failure> {
    let mut xml = Xml::new(archive.read(types, budget)?, limits);
    let mut parts = Parts::default();
    let (mut is_word, mut is_slides, mut is_workbook) = (false, false, false);
    while let Some(node) = xml.next()? {
        let Node::Open(element) = node else { continue };
        if element.name() != "Override" {
            continue;
        }
        let (Some(name), Some(kind)) = (element.attribute("PartName"), element.attribute("ContentType")) else {
            continue;
        };
        let name = name.trim_start_matches('/').to_owned();
        // The types of documents, templates, and those with macros differ before the last word only.
        let kind = kind.to_ascii_lowercase();
        let ends = |ending: &str| kind.ends_with(&format!("{ending}+xml"));
        if ends(".main") && kind.contains("word") {
            is_word = true;
            parts.main.push(name);
        } else if ends(".main") && (kind.contains("presentation") || kind.contains("powerpoint")) {
            is_slides = true;
        } else if ends(".main") && (kind.contains("sheet") || kind.contains("excel")) || kind.contains("sheet.binary") {
            is_workbook = true;
        } else if ends(".slide") {
            parts.main.push(name);
        } else if ends(".header") {
            parts.heads.push(name);
        } else if ends(".footer") {
            parts.feet.push(name);
        } else if ends(".footnotes") || ends(".endnotes") {
            parts.notes.push(name);
        }
    }
    for names in [&mut parts.main, &mut parts.heads, &mut parts.feet] {
        names.sort_by_cached_key(|name| natural(name));
        names.dedup();
        names.truncate(limits.archive_members);
    }
    Ok(if is_word {
        Package::Word(parts)
    } else if is_slides {
        Package::PowerPoint(parts)
    } else if is_workbook {
        Package::Other("an Excel workbook")
    } else if archive.find("word/document.xml").is_some() {
        Package::Word(Parts::usual())
    } else {
        Package::Other("an Open XML package that is no document")
    })
}

pub(super) fn read_word(
    archive: &Archive<'_>,
    parts: &Parts,
    budget: &Budget,
    limits: &Limits,
    on_page: &OnPage<'_>,
) -> Result<Text, Failure> {
    let mut flow = Flow::new(limits, on_page);
    let mut notes = HashMap::new();
    for name in &parts.notes {
        let of_notes = is_endnotes(name);
        lenient(archive, name, &mut flow, budget, limits, |xml, flow| read_notes(xml, flow, of_notes, &mut notes))?;
    }
    for (names, is_head) in [(&parts.heads, true), (&parts.feet, false)] {
        for name in names {
            lenient(archive, name, &mut flow, budget, limits, |xml, flow| {
                flow.begin_head();
                let read = read_body(xml, flow, &mut HashMap::new());
                if is_head {
                    flow.end_head();
                } else {
                    flow.end_foot();
                }
                read
            })?;
        }
    }
    let mut is_there = false;
    for name in &parts.main {
        is_there |= archive.find(name).is_some();
        let mut sections = Vec::new();
        if has_sections(archive, name, budget) {
            lenient(archive, name, &mut flow, budget, limits, |xml, _| read_sections(xml, &mut sections))?;
        }
        lenient(archive, name, &mut flow, budget, limits, |xml, flow| {
            read_all(xml, flow, &mut notes, Content { sections, ..Content::default() })
        })?;
    }
    if !is_there {
        return Err(Failure::new(FailureCode::FileDamaged, "its main part is missing"));
    }
    flow.finish()
}

/// A document that is one file of XML, as Word 2003 wrote them, or an archive written out as XML.
pub(super) fn read_flat(content: &[u8], limits: &Limits, on_page: &OnPage<'_>) -> Result<Text, Failure> {
    let mut flow = Flow::new(limits, on_page);
    match read_body(&mut Xml::new(content, limits), &mut flow, &mut HashMap::new()) {
        Err(failure) if failure.code == FailureCode::FileDamaged => flow.partial = true,
        other => other?,
    }
    flow.finish()
}

/// Each slide is a page.
pub(super) fn read_slides(
    archive: &Archive<'_>,
    parts: &Parts,
    budget: &Budget,
    limits: &Limits,
    on_page: &OnPage<'_>,
) -> Result<Text, Failure> {
    let mut flow = Flow::new(limits, on_page);
    for (index, name) in parts.main.iter().enumerate() {
        if index > 0 {
            flow.page(Break::Asked);
        }
        lenient(archive, name, &mut flow, budget, limits, |xml, flow| read_body(xml, flow, &mut HashMap::new()))?;
    }
    flow.finish()
}

fn is_endnotes(name: &str) -> bool {
    name.contains("endnote")
}

/// Reads a part. One that breaks off costs what is behind, and the text is partial; a limit or a password ends it all.
fn lenient<'a, 'r>(
    archive: &Archive<'a>,
    name: &str,
    flow: &mut Flow<'_>,
    budget: &'r Budget,
    limits: &Limits,
    read: impl FnOnce(
        &mut Xml<std::io::BufReader<crate::extraction::zip::Contents<'a, 'r>>>,
        &mut Flow<'_>,
    ) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let found = archive.find(name).map(|member| archive.read(member, budget));
    let result = match found {
        Some(content) => content.and_then(|content| read(&mut Xml::new(content, limits), flow)),
        None => Err(Failure::new(FailureCode::FileDamaged, format!("{name} is missing"))),
    };
    match result {
        Err(failure) if failure.code == FailureCode::FileDamaged => flow.partial = true,
        other => return other,
    }
    Ok(())
}

/// The texts of notes, by their numbers. Those that only draw a line have a type.
fn read_notes<R: BufRead>(
    xml: &mut Xml<R>,
    flow: &mut Flow<'_>,
    of_endnotes: bool,
    notes: &mut Notes,
) -> Result<(), Failure> {
    let mut open: Option<String> = None;
    let mut content = Content::default();
    while let Some(node) = xml.next()? {
        match &node {
            Node::Open(element) if matches!(element.name(), "footnote" | "endnote") => {
                let is_line = element.attribute("type").is_some_and(|kind| kind != "normal");
                open = element.attribute("id");
                if is_line {
                    open = None;
                    xml.skip()?;
                } else {
                    flow.begin_note();
                }
                continue;
            }
            Node::Close(name) if matches!(name.as_ref(), "footnote" | "endnote") => {
                if let (Some(id), Some(text)) = (open.take(), flow.end_body()) {
                    notes.insert((of_endnotes, id), text);
                }
                continue;
            }
            _ => {}
        }
        if content.take(node, flow, notes) == Next::Skip {
            xml.skip()?;
        }
        flow.check()?;
    }
    Ok(())
}

fn read_body<R: BufRead>(xml: &mut Xml<R>, flow: &mut Flow<'_>, notes: &mut Notes) -> Result<(), Failure> {
    read_all(xml, flow, notes, Content::default())
}

fn read_all<R: BufRead>(
    xml: &mut Xml<R>,
    flow: &mut Flow<'_>,
    notes: &mut Notes,
    mut content: Content,
) -> Result<(), Failure> {
    while let Some(node) = xml.next()? {
        if content.take(node, flow, notes) == Next::Skip {
            xml.skip()?;
        }
        flow.check()?;
    }
    Ok(())
}

/// Whether a part is more than one section. Most are not, and need not be read twice.
fn has_sections(archive: &Archive<'_>, name: &str, budget: &Budget) -> bool {
    const MARK: &[u8] = b"<w:sectPr";
    let finder = memchr::memmem::Finder::new(MARK);
    let Some(Ok(mut content)) = archive.find(name).map(|member| archive.read(member, budget)) else { return false };
    let (mut marks, mut end) = (0, Vec::new());
    // What cannot be read here is told by who reads it next.
    while let Ok(window) = content.fill_buf()
        && !window.is_empty()
        && marks < 2
    {
        let length = window.len();
        // One may begin in the window before.
        end.extend_from_slice(window.get(..MARK.len()).unwrap_or(window));
        marks += finder.find_iter(&end).count();
        marks += finder.find_iter(window.get(1..).unwrap_or_default()).count();
        end.clear();
        end.extend_from_slice(window.get(length.saturating_sub(MARK.len() - 1)..).unwrap_or_default());
        content.consume(length);
    }
    marks > 1
}

/// Whether each section begins a page. A section says so at its own end (ECMA-376 part 1 section 17.6.22), which is why
/// all of them must be known before the first one is read.
fn read_sections<R: BufRead>(xml: &mut Xml<R>, sections: &mut Vec<bool>) -> Result<(), Failure> {
    let mut is_open = false;
    while let Some(node) = xml.next()? {
        match node {
            Node::Open(element) if element.name() == "sectPr" => {
                is_open = true;
                sections.push(true);
            }
            Node::Open(element) if is_open && element.name() == "type" => {
                let kind = element.attribute("val");
                if let Some(last) = sections.last_mut() {
                    *last = !matches!(kind.as_deref(), Some("continuous" | "nextColumn"));
                }
            }
            Node::Close(name) if name == "sectPr" => is_open = false,
            _ => {}
        }
    }
    Ok(())
}

/// Whether endnotes, and the note's number -> its text.
type Notes = HashMap<(bool, String), String>;

#[derive(Debug, PartialEq, Eq)]
enum Next {
    Read,
    /// The element that was opened is passed over.
    Skip,
}

/// Where in a part the reader is.
#[derive(Default)]
struct Content {
    in_text: bool,
    /// The properties of the run say that it does not show.
    is_hidden: bool,
    in_run_properties: bool,
    in_paragraph_properties: bool,
    /// Whether each section begins a page.
    sections: Vec<bool>,
    /// The section that is read.
    section: usize,
    /// It ends with the paragraph.
    ends_section: bool,
}

impl Content {
    fn take(&mut self, node: Node<'_>, flow: &mut Flow<'_>, notes: &mut Notes) -> Next {
        match node {
            Node::Text(text) if self.in_text && !self.is_hidden => flow.text(&text),
            Node::Text(_) | Node::Other => {}
            Node::Open(element) => match element.name() {
                "t" => self.in_text = true,
                "pPr" => self.in_paragraph_properties = true,
                "rPr" => self.in_run_properties = true,
                "vanish" if self.in_run_properties && !self.in_paragraph_properties => {
                    self.is_hidden = element.is_on();
                }
                "pageBreakBefore" if self.in_paragraph_properties && element.is_on() => flow.page_unless_first(),
                "sectPr" => self.ends_section = self.in_paragraph_properties,
                "r" => self.is_hidden = false,
                // Stops of a paragraph's tabs are not tabs.
                "tab" | "ptab" if !self.in_paragraph_properties => flow.tab(),
                "br" => match element.attribute("type").as_deref() {
                    Some("page") => flow.page(Break::Asked),
                    _ => flow.line(),
                },
                "cr" => flow.line(),
                "lastRenderedPageBreak" => flow.page(Break::Rendered),
                "noBreakHyphen" => flow.char('-'),
                "sym" => {
                    let code = element.attribute("char").and_then(|code| u32::from_str_radix(&code, 16).ok());
                    // Characters of private use mean something in one font only.
                    if let Some(c) = code.filter(|code| !(0xe000..0xf900).contains(code)).and_then(char::from_u32) {
                        flow.char(c);
                    }
                }
                "tr" => flow.begin_row(),
                "txbxContent" => flow.begin_aside(),
                "footnoteReference" | "endnoteReference" => {
                    let of_endnotes = is_endnotes(element.name());
                    let id = element.attribute("id").unwrap_or_default();
                    if let Some(text) = notes.remove(&(of_endnotes, id)) {
                        flow.note(&text);
                    }
                }
                // What was deleted or moved away, and what older programs show instead.
                "del" | "moveFrom" | "Fallback" | "instrText" | "delText" => return Next::Skip,
                _ => {}
            },
            Node::Close(name) => match name.as_ref() {
                "t" => self.in_text = false,
                "pPr" => self.in_paragraph_properties = false,
                "rPr" => self.in_run_properties = false,
                "r" => self.is_hidden = false,
                "p" => {
                    flow.line();
                    if std::mem::take(&mut self.ends_section) {
                        self.section += 1;
                        if self.sections.get(self.section) == Some(&true) {
                            flow.page(Break::Asked);
                        }
                    }
                }
                "tc" => flow.end_cell(),
                "tr" => flow.end_row(),
                "txbxContent" => flow.end_aside(),
                _ => {}
            },
        }
        Next::Read
    }
}

#[cfg(test)]
mod tests {
    use crate::extraction::zip::tests::Zip;
    use crate::extraction::zip::{Archive, Budget};
    use crate::extraction::{Limits, Text, office};

    const TYPES: &str = "<Types><Default Extension='xml' ContentType='application/xml'/>\
        <Override PartName='/word/document.xml' ContentType='application/vnd.ms-word.document.macroEnabled.main+xml'/>\
        <Override PartName='/word/footnotes.xml' ContentType='application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml'/>\
        <Override PartName='/word/header10.xml' ContentType='application/vnd.openxmlformats-officedocument.wordprocessingml.header+xml'/>\
        <Override PartName='/word/header2.xml' ContentType='application/vnd.openxmlformats-officedocument.wordprocessingml.header+xml'/>\
        <Override PartName='/word/header3.xml' ContentType='application/vnd.openxmlformats-officedocument.wordprocessingml.header+xml'/></Types>";

    fn read(parts: &[(&str, &str)]) -> Text {
        let zip =
            parts.iter().fold(Zip::default(), |zip, (name, part)| zip.add(name.as_bytes(), part.as_bytes())).finish();
        let (limits, budget) = (Limits::default(), Budget::new(1 << 30));
        let archive = Archive::open(&zip, &limits).unwrap();
        let package = office::package(&archive, &budget, &limits).unwrap();
        office::read(&archive, &package, &budget, &limits, &|| {}).unwrap()
    }

    fn word(body: &str) -> String {
        let document = format!("<w:document><w:body>{body}</w:body></w:document>");
        let head = |text: &str| format!("<w:hdr><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:hdr>");
        let notes = "<w:footnotes><w:footnote w:type='separator' w:id='-1'><w:p><w:r><w:t>no</w:t></w:r></w:p></w:footnote>\
            <w:footnote w:id='2'><w:p><w:r><w:footnoteRef/></w:r><w:r><w:t xml:space='preserve'> nota &amp; nota</w:t></w:r></w:p></w:footnote></w:footnotes>";
        let parts = [
            ("[Content_Types].xml", TYPES),
            ("word/header10.xml", &head("dez")),
            ("word/header2.xml", &head("dois")),
            ("word/header3.xml", &head("dois")),
            ("word/footnotes.xml", notes),
            ("word/document.xml", &document),
        ];
        read(&parts).text
    }

    fn run(text: &str) -> String {
        format!("<w:r><w:t>{text}</w:t></w:r>")
    }

    #[test]
    fn what_shows_is_read_and_nothing_else() {
        let body = format!(
            "<w:p><w:pPr><w:tabs><w:tab w:val='left'/></w:tabs><w:rPr><w:vanish/></w:rPr></w:pPr>{}\
             <w:r><w:rPr><w:vanish/></w:rPr><w:t>oculto</w:t></w:r><w:r><w:rPr><w:vanish w:val='0'/></w:rPr><w:t>visto</w:t></w:r>\
             <w:del><w:r><w:delText>x</w:delText></w:r></w:del><w:moveFrom>{}</w:moveFrom><w:ins>{}</w:ins>\
             <w:r><w:tab/><w:t>a</w:t><w:noBreakHyphen/><w:softHyphen/><w:t>b</w:t><w:sym w:font='W' w:char='F0FC'/><w:br/><w:instrText>PAGE</w:instrText></w:r>\
             <w:r><w:footnoteReference w:id='2'/></w:r></w:p>",
            run("um "),
            run("x"),
            run(" inserido")
        );
        assert_eq!(
            word(&body),
            "dois\ndez\num vistoinserido\ta-b\nnota & nota".replace("vistoinserido", "visto inserido")
        );
    }

    #[test]
    fn a_box_comes_once_and_behind_its_paragraph() {
        let inner = format!("<w:txbxContent><w:p>{}</w:p></w:txbxContent>", run("caixa"));
        let body = format!(
            "<w:p>{}<w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing>{inner}</w:drawing></mc:Choice>\
             <mc:Fallback><w:pict>{inner}</w:pict></mc:Fallback></mc:AlternateContent></w:r>{}</w:p><w:p>{}</w:p>",
            run("antes "),
            run("depois"),
            run("fim")
        );
        assert_eq!(word(&body), "dois\ndez\nantes depois\ncaixa\nfim");
    }

    #[test]
    fn a_section_begins_a_page_when_it_says_so_at_its_end() {
        let ends = |kind: &str| format!("<w:p><w:pPr><w:sectPr>{kind}</w:sectPr></w:pPr>{}</w:p>", run("x"));
        let continuous = "<w:type w:val='continuous'/>";
        let body = format!(
            "{}{}{}<w:p>{}</w:p><w:sectPr>{continuous}</w:sectPr>",
            ends(""),
            ends(continuous),
            ends("<w:type w:val='oddPage'/>"),
            run("fim")
        );
        assert_eq!(word(&body), "dois\ndez\nx\nx\u{c}x\nfim");
        let breaks = format!(
            "<w:p><w:pPr><w:pageBreakBefore/></w:pPr>{}<w:r><w:br w:type='page'/></w:r></w:p><w:p><w:r><w:lastRenderedPageBreak/><w:t>b</w:t></w:r></w:p>\
             <w:p><w:r><w:t>c</w:t><w:lastRenderedPageBreak/><w:t>d</w:t></w:r></w:p>",
            run("a")
        );
        assert_eq!(word(&breaks), "dois\ndez\na\u{c}b\nc\u{c}d");
    }

    #[test]
    fn slides_are_pages_in_the_order_of_their_numbers() {
        let slide = |text: &str| format!("<p:sld><a:p><a:r><a:t>{text}</a:t></a:r><a:br/></a:p></p:sld>");
        let kind = "application/vnd.openxmlformats-officedocument.presentationml";
        let types = format!(
            "<Types><Override PartName='/ppt/presentation.xml' ContentType='{kind}.presentation.main+xml'/>\
             <Override PartName='/ppt/slides/slide10.xml' ContentType='{kind}.slide+xml'/>\
             <Override PartName='/ppt/slides/slide9.xml' ContentType='{kind}.slide+xml'/></Types>"
        );
        let text = read(&[
            ("[Content_Types].xml", &types),
            ("ppt/slides/slide10.xml", &slide("dez")),
            ("ppt/slides/slide9.xml", &slide("nove")),
        ]);
        assert_eq!((text.text.as_str(), text.pages), ("nove\u{c}dez", 2));
    }
}
