//! One page: its content, then what its annotations show.

use hayro_syntax::object::{Array, Dict, Name, Object, Rect, Stream};
use hayro_syntax::page::Page;

use super::forms::Id;
use super::geometry::{self, Rectangle};
use super::order;
use super::pictures;
use super::quality::{self, Verdict};
use super::reader::{Document, PageReader};
use super::stream::{Missing, Streams};
use crate::failure::Failure;

/// The text of one page.
#[derive(Debug)]
pub(super) struct PageText {
    pub text: String,
    pub outcome: Outcome,
}

/// What came of one page beside its text.
#[derive(Debug)]
pub(super) struct Outcome {
    pub verdict: Verdict,
    /// It is a scan, and its text only what was stamped onto it.
    pub is_stamped_scan: bool,
    /// It is a scan whose text OCR has put there before.
    pub is_ocr_layer: bool,
    /// Something is painted on it.
    pub is_painted: bool,
    /// Images on it that may show text, and have none.
    pub pictures: Vec<Option<Id>>,
    pub missing: Missing,
}

/// Reads a page. One that is too heavy is read as far as its own limits allow.
///
/// # Errors
/// `LIMIT_DECOMPRESSED`, when the document's limit was passed.
pub(super) fn read_page<'a>(page: &Page<'a>, document: Document<'_, 'a>) -> Result<PageText, Failure> {
    document.streams.begin_page();
    let content = decoded_content(page, document.streams);
    let visible = visible(page);
    let mut reader = PageReader::new(document, visible);
    let mut result = reader.interpret(&content, page.resources());
    drop(content);
    if result.is_ok() {
        result = draw_annotations(page, &mut reader);
    }
    let mut missing = reader.check()?;
    if let Err(limit) = result {
        missing.limit.get_or_insert(limit);
    }
    let (tally, pictures) = (reader.tally, std::mem::take(&mut reader.pictures));
    let (page_text, lines, rifts) = reader.layout.finish();
    let text = order::write(&page_text, &lines, &rifts);
    let verdict = quality::judge(&tally, &text, visible.area());
    let is_stamped_scan = quality::is_stamped_scan(&tally, &lines, visible);
    let is_ocr_layer = quality::is_ocr_layer(&tally, visible.area());
    let is_painted = tally.image_area > 0.0 || tally.fills > 0 || tally.glyphs > 0;
    let pictures = pictures::without_text(&pictures, &lines);
    let outcome = Outcome { verdict, is_stamped_scan, is_ocr_layer, is_painted, pictures, missing };
    Ok(PageText { text, outcome })
}

/// The crop box; everything, where it is empty by mistake.
pub(super) fn visible(page: &Page<'_>) -> Rectangle {
    let visible = geometry::rectangle(page.intersected_crop_box());
    if visible.area() > 1.0 { visible } else { Rectangle::EVERYWHERE }
}

/// Section 7.8.2: one stream, or several that are read as one with white space between them.
pub(super) fn decoded_content(page: &Page<'_>, streams: &mut Streams) -> Vec<u8> {
    match page.raw().get::<Object<'_>>(b"Contents") {
        Some(Object::Stream(stream)) => streams.decode_content(&stream).unwrap_or_default(),
        Some(Object::Array(array)) => {
            let mut content = Vec::new();
            for stream in array.iter::<Object<'_>>().filter_map(Object::into_stream) {
                let Some(mut decoded) = streams.decode_content(&stream) else {
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
