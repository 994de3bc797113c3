//! XML as a row of opened and closed elements and text. Nothing is kept of what was read, nothing refers to a file, and no
//! entity is expanded but the five that XML knows: no document that is read here declares any of its own.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, BufRead, Read};

use quick_xml::Reader;
use quick_xml::errors::Error;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};

use crate::extraction::Limits;
use crate::failure::{Failure, FailureCode};

/// What comes next.
pub(in crate::extraction) enum Node<'a> {
    Open(Element<'a>),
    /// The name without its prefix.
    Close(Cow<'a, str>),
    Text(Cow<'a, str>),
    /// A declaration, an instruction or a comment.
    Other,
}

/// The beginning of an element. One without content is closed by the next node.
pub(in crate::extraction) struct Element<'a>(BytesStart<'a>);

impl Element<'_> {
    /// The name with its prefix, such as `svg:title`.
    pub fn full_name(&self) -> &str {
        self.0.name().into_inner()
    }

    /// The name without its prefix.
    pub fn name(&self) -> &str {
        local(self.full_name())
    }

    /// The attribute of that name, whatever its prefix.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let mut attributes = self.0.attributes();
        let found = attributes.with_checks(false).flatten().find(|it| local(it.key.into_inner()) == name)?;
        Some(quick_xml::escape::unescape(&found.value).map_or_else(|_| found.value.to_string(), Cow::into_owned))
    }

    /// Whether a property such as `<w:vanish/>` holds (ECMA-376 part 1 section 17.17.4).
    pub fn is_on(&self) -> bool {
        self.attribute("val").is_none_or(|value| !matches!(value.as_str(), "0" | "false" | "off"))
    }
}

fn local(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

/// Reads one part of a document.
pub(in crate::extraction) struct Xml<R> {
    reader: Reader<Metered<R>>,
    buffer: Vec<u8>,
    depth: usize,
    deepest: usize,
}

impl<R: BufRead> Xml<R> {
    pub fn new(content: R, limits: &Limits) -> Self {
        let mut reader =
            Reader::from_reader(Metered { inner: content, since: Cell::new(0), most: limits.stream_bytes / 2 });
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.allow_dangling_amp = true;
        Self { reader, buffer: Vec::new(), depth: 0, deepest: limits.nesting }
    }

    /// The next node; nothing at the end.
    ///
    /// # Errors
    /// `FILE_DAMAGED` when it is no XML, `LIMIT_DECOMPRESSED` when it declares entities or whatever is below says so,
    /// `LIMIT_MEMORY` when one piece of it or its nesting passes a limit.
    pub fn next(&mut self) -> Result<Option<Node<'_>>, Failure> {
        self.buffer.clear();
        self.reader.get_ref().since.set(0);
        let event = self.reader.read_event_into(&mut self.buffer).map_err(|error| failure(&error))?;
        Ok(Some(match event {
            Event::Eof if self.depth > 0 => {
                return Err(Failure::new(FailureCode::FileDamaged, "its XML breaks off"));
            }
            Event::Eof => return Ok(None),
            Event::Start(element) | Event::Empty(element) => {
                self.depth += 1;
                if self.depth > self.deepest {
                    let detail = format!("elements within elements, more than {} deep", self.deepest);
                    return Err(Failure::new(FailureCode::LimitMemory, detail));
                }
                Node::Open(Element(element))
            }
            Event::End(element) => {
                self.depth = self.depth.saturating_sub(1);
                Node::Close(Cow::Owned(local(element.name().into_inner()).to_owned()))
            }
            Event::Text(text) => Node::Text(text.into_inner()),
            Event::CData(text) => Node::Text(text.into_inner()),
            Event::GeneralRef(name) => match name.resolve_char_ref() {
                Ok(Some(c)) => Node::Text(Cow::Owned(c.to_string())),
                _ => Node::Text(Cow::Borrowed(resolve_xml_entity(name.as_ref()).unwrap_or_default())),
            },
            Event::DocType(declared) if declared.contains("<!ENTITY") => {
                let detail = "it declares entities of its own, which no office program does";
                return Err(Failure::new(FailureCode::LimitDecompressed, detail));
            }
            Event::DocType(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => Node::Other,
        }))
    }

    /// Passes over the rest of the element that was opened last, its end included.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub fn skip(&mut self) -> Result<(), Failure> {
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside && self.next()?.is_some() {}
        Ok(())
    }
}

fn failure(error: &Error) -> Failure {
    let reported = match error {
        Error::Io(error) => error.get_ref().and_then(|inner| inner.downcast_ref::<Failure>()),
        _ => None,
    };
    reported.cloned().unwrap_or_else(|| Failure::new(FailureCode::FileDamaged, format!("its XML is broken: {error}")))
}

/// Counts what one piece of XML takes: a name, a text or a comment without an end would be kept whole.
struct Metered<R> {
    inner: R,
    since: Cell<u64>,
    most: u64,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.inner.read(into)
    }
}

impl<R: BufRead> BufRead for Metered<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.since.get() > self.most {
            let detail = format!("one piece of its XML is larger than {} bytes", self.most);
            return Err(io::Error::other(Failure::new(FailureCode::LimitMemory, detail)));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.since.set(self.since.get() + bytes as u64);
        self.inner.consume(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(xml: &str, limits: &Limits) -> Result<String, Failure> {
        let mut reader = Xml::new(xml.as_bytes(), limits);
        let mut told = String::new();
        while let Some(node) = reader.next()? {
            match node {
                Node::Open(element) => {
                    let value = element.attribute("val").unwrap_or_default();
                    told.push_str(&format!("<{}{value}{}>", element.name(), if element.is_on() { "" } else { " off" }));
                    if element.full_name() == "x:skipped" {
                        reader.skip()?;
                    }
                }
                Node::Close(name) => told.push_str(&format!("</{name}>")),
                Node::Text(text) => told.push_str(&text),
                Node::Other => {}
            }
        }
        Ok(told)
    }

    #[test]
    fn elements_text_and_references_are_told() {
        let xml = "<?xml version='1.0'?><!DOCTYPE a><w:a w:val='0'>1&#186;&amp;&no;<b val='&lt;'/><!-- no --><![CDATA[<c>]]><x:skipped><d>no</d></x:skipped></w:a>";
        assert_eq!(told(xml, &Limits::default()).unwrap(), "<a0 off>1\u{ba}&<b<></b><c><skipped></a>");
    }

    #[test]
    fn what_is_made_to_do_harm_has_a_code() {
        let limits = Limits { nesting: 100, stream_bytes: 2000, ..Limits::default() };
        let laughs = "<!DOCTYPE a [<!ENTITY b 'ha'><!ENTITY c '&b;&b;'>]><a>&c;</a>";
        let code = |xml: &str| told(xml, &limits).unwrap_err().code;
        assert_eq!(code(laughs), FailureCode::LimitDecompressed);
        assert_eq!(code(&"<a>".repeat(101)), FailureCode::LimitMemory);
        assert_eq!(code(&"x".repeat(9000)), FailureCode::LimitMemory);
        assert_eq!(code("<a><b"), FailureCode::FileDamaged);
        assert!(told(&format!("<a>{}</a>", "<b/>".repeat(9000)), &limits).is_ok());
    }
}
