//! The text of a PDF. The files here are named in the words of ISO 32000-1.
//!
//! `hayro-syntax` finds the objects, without copying them. Everything from the bytes of a content stream on is ours, and
//! reads only what text needs: [`lexer`] and [`content`] give operators one by one, [`reader`] keeps the text state and
//! places glyphs, [`font`] says what they read as, [`layout`] makes lines of them, [`quality`] says how far to trust
//! the result. One page is in memory at a time.

use std::sync::Arc;

use hayro_syntax::Pdf;
use hayro_syntax::object::{Array, Dict, Name, Object, Rect, Stream};
use hayro_syntax::page::Page;

use super::mapped::FileBytes;
use super::{Limits, PAGE_BREAK, Text};
use crate::failure::{Failure, FailureCode};
use fonts::Fonts;
use optional::Hidden;
use reader::{Document, PageReader};
use stream::Streams;

mod content;
mod filter;
mod font;
mod fonts;
mod geometry;
mod layout;
mod lexer;
mod open;
mod optional;
mod order;
mod quality;
mod reader;
mod stream;
mod text_state;
mod text_string;

/// Reads every page.
///
/// # Errors
/// `ENCRYPTED`, `NO_PAGES`, `PDF_DAMAGED`, `NEEDS_OCR`, `LIMIT_DECOMPRESSED`, or `LIMIT_MEMORY`.
pub(super) fn read(content: &Arc<FileBytes>, limits: &Limits) -> Result<Text, Failure> {
    let opened = open::open(content)?;
    let text = Text { recovered: opened.recovered, ..read_pages(&opened.pdf, limits)? };
    if !text.is_blank() {
        return Ok(text);
    }
    let pages = text.pages;
    Err(match open::last_startxref((**content).as_ref()) {
        Some(_) => Failure::new(FailureCode::NeedsOcr, format!("no text on its pages, {pages} in number")),
        None => Failure::new(
            FailureCode::PdfDamaged,
            format!("its end is missing, and no text is on what is left: {pages} pages"),
        ),
    })
}

fn read_pages(pdf: &Pdf, limits: &Limits) -> Result<Text, Failure> {
    let pages = pdf.pages();
    if pages.len() > limits.pages {
        let detail = format!("{} pages, the limit is {}", pages.len(), limits.pages);
        return Err(Failure::new(FailureCode::LimitMemory, detail));
    }
    let hidden = Hidden::read(pdf);
    let mut streams = Streams::new(*limits);
    let mut fonts = Fonts::default();
    let mut text = String::new();
    for (i, page) in pages.iter().enumerate() {
        if i > 0 {
            text.push(PAGE_BREAK);
        }
        let document = Document { fonts: &mut fonts, streams: &mut streams, hidden: &hidden, limits };
        read_page(page, document, &mut text)?;
        if text.len() as u64 > limits.text_bytes {
            let detail = format!("more than {} bytes of text up to page {}", limits.text_bytes, i + 1);
            return Err(Failure::new(FailureCode::LimitMemory, detail));
        }
    }
    Ok(Text { partial: streams.is_cut, ..Text::new(text, pages.len()) })
}

/// Appends the text of a page.
fn read_page<'a>(page: &Page<'a>, document: Document<'_, 'a>, text: &mut String) -> Result<(), Failure> {
    document.streams.begin_page();
    let content = decoded_content(page, document.streams);
    let visible = geometry::rectangle(page.intersected_crop_box());
    let mut reader = PageReader::new(document, visible);
    reader.interpret(&content, page.resources())?;
    drop(content);
    draw_annotations(page, &mut reader)?;
    reader.check()?;
    let (page_text, lines) = reader.layout.finish();
    order::write(&page_text, &lines, text);
    Ok(())
}

/// Section 7.8.2: one stream, or several that are read as one with white space between them.
fn decoded_content(page: &Page<'_>, streams: &mut Streams) -> Vec<u8> {
    match page.raw().get::<Object<'_>>(b"Contents") {
        Some(Object::Stream(stream)) => streams.decode(&stream).unwrap_or_default(),
        Some(Object::Array(array)) => {
            let mut content = Vec::new();
            for stream in array.iter::<Object<'_>>().filter_map(Object::into_stream) {
                let Some(mut decoded) = streams.decode(&stream) else {
                    continue;
                };
                if content.is_empty() {
                    content = decoded;
                } else {
                    content.append(&mut decoded);
                }
                content.push(b'\n');
            }
            content
        }
        _ => Vec::new(),
    }
}

/// What the annotations of a page show: filled-in form fields, stamps, notes that were typed onto it (section 12.5).
fn draw_annotations<'a>(page: &Page<'a>, reader: &mut PageReader<'_, 'a>) -> Result<(), Failure> {
    const HIDDEN: i32 = 1 << 1;
    const NO_VIEW: i32 = 1 << 5;
    let Some(annotations) = page.raw().get::<Array<'a>>(b"Annots") else {
        return Ok(());
    };
    for annotation in annotations.iter::<Dict<'a>>() {
        let flags = annotation.get::<i32>(b"F").unwrap_or(0);
        let is_popup = annotation.get::<Name<'_>>(b"Subtype").is_some_and(|subtype| *subtype == *b"Popup");
        let appearance = annotation.get::<Dict<'a>>(b"AP").and_then(|appearance| normal(&appearance, &annotation));
        let place = annotation.get::<Rect>(b"Rect").map(geometry::rectangle);
        if let (Some(appearance), Some(place)) = (appearance, place)
            && flags & (HIDDEN | NO_VIEW) == 0
            && !is_popup
        {
            reader.draw_appearance(&appearance, place, page.resources())?;
        }
    }
    Ok(())
}

/// The normal appearance, in the state the annotation is in.
fn normal<'a>(appearance: &Dict<'a>, annotation: &Dict<'a>) -> Option<Stream<'a>> {
    match appearance.get::<Object<'a>>(b"N")? {
        Object::Stream(stream) => Some(stream),
        Object::Dict(states) => {
            let state = annotation.get::<Name<'_>>(b"AS")?;
            states.get::<Stream<'a>>(&*state)
        }
        _ => None,
    }
}
