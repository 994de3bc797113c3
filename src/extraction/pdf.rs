//! The text of a PDF, in the order of its content streams.
//!
//! `hayro` interprets the pages; what it cannot open is mended by `lopdf` first. Both stay behind [`read`].

use std::sync::Arc;

use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect, Vec2};
use hayro_interpret::util::x_y_advances;
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, RenderContent, SoftMask, interpret, interpret_page,
};
use hayro_syntax::content::TypedIter;
use hayro_syntax::object::dict::keys::CONTENTS;
use hayro_syntax::object::{Array, Object, Stream};
use hayro_syntax::page::Page;
use hayro_syntax::{DecryptionError, LoadPdfError, Pdf};

use super::{Limits, PAGE_BREAK, Text, sniff};
use crate::failure::{Failure, FailureCode};

/// Reads every page.
///
/// # Errors
/// `ENCRYPTED`, `NO_PAGES`, `PDF_DAMAGED`, `NEEDS_OCR`, or `LIMIT_MEMORY` when the text passes its limit.
pub(super) fn read(content: &Arc<Vec<u8>>, limits: &Limits) -> Result<Text, Failure> {
    let (pdf, recovered) = match Pdf::new(content.clone()) {
        Ok(pdf) if !pdf.pages().is_empty() => (pdf, !has_intact_tail(content)),
        Err(LoadPdfError::Decryption(DecryptionError::PasswordProtected)) => return Err(encrypted()),
        _ => (mend(content)?, true),
    };
    let text = Text { recovered, ..read_pages(&pdf, limits)? };
    if !text.is_blank() {
        return Ok(text);
    }
    let pages = text.pages;
    Err(match last_startxref(content) {
        Some(_) => Failure::new(FailureCode::NeedsOcr, format!("no text on its pages, {pages} in number")),
        None => Failure::new(
            FailureCode::PdfDamaged,
            format!("its end is missing, and no text is on what is left: {pages} pages"),
        ),
    })
}

fn encrypted() -> Failure {
    Failure::new(FailureCode::Encrypted, "it does not open with an empty password")
}

/// Loads with a more patient parser and writes the document anew, decrypted and with a fresh cross-reference table.
fn mend(content: &[u8]) -> Result<Pdf, Failure> {
    let damaged = |error: &dyn std::fmt::Display| Failure::new(FailureCode::PdfDamaged, error.to_string());
    let mut document = match lopdf::Document::load_mem(content) {
        Ok(document) => document,
        Err(lopdf::Error::InvalidPassword) => return Err(encrypted()),
        Err(error) => return Err(damaged(&error)),
    };
    if document.is_encrypted() && document.decrypt("").is_err() {
        return Err(encrypted());
    }
    if document.get_pages().is_empty() {
        return Err(Failure::new(FailureCode::NoPages, "its page tree is empty"));
    }
    let mut mended = Vec::with_capacity(content.len());
    document.save_to(&mut mended).map_err(|error| damaged(&error))?;
    drop(document);
    match Pdf::new(mended) {
        Ok(pdf) if !pdf.pages().is_empty() => Ok(pdf),
        _ => Err(damaged(&"no page of it can be read, not even after rebuilding its structure")),
    }
}

/// The offset after the last `startxref`, which stands at the end of every whole file (PDF 32000-1 section 7.5.5).
fn last_startxref(content: &[u8]) -> Option<usize> {
    const KEYWORD: &[u8] = b"startxref";
    const TAIL_BYTES: usize = 2048;
    let tail = &content[content.len().saturating_sub(TAIL_BYTES)..];
    let at = tail.windows(KEYWORD.len()).rposition(|window| window == KEYWORD)?;
    let after = tail[at + KEYWORD.len()..].trim_ascii_start();
    let digits = after.iter().take_while(|b| b.is_ascii_digit()).count();
    std::str::from_utf8(&after[..digits]).ok()?.parse().ok()
}

/// Whether the end of the file points at a cross-reference table or stream (PDF 32000-1 sections 7.5.4 and 7.5.8). If
/// not, the reader has found the objects by searching the whole file.
fn has_intact_tail(content: &[u8]) -> bool {
    // Offsets count from `%PDF` when something stands before it.
    let junk = content.windows(4).take(1024).position(|window| window == b"%PDF").unwrap_or(0);
    let points_well = |offset: usize| {
        let target = content.get(offset..).map(<[u8]>::trim_ascii_start);
        target.is_some_and(|target| target.starts_with(b"xref") || sniff::begins_with_object(target))
    };
    last_startxref(content).is_some_and(|offset| points_well(offset) || points_well(offset.saturating_add(junk)))
}

fn read_pages(pdf: &Pdf, limits: &Limits) -> Result<Text, Failure> {
    let pages = pdf.pages();
    let cache = InterpreterCache::new();
    let mut text = String::new();
    for (i, page) in pages.iter().enumerate() {
        if i > 0 {
            text.push(PAGE_BREAK);
        }
        let room = usize::try_from(limits.text_bytes).unwrap_or(usize::MAX).saturating_sub(text.len());
        let mut writer = TextWriter::new(room);
        interpret_content(pdf, page, &cache, &mut writer);
        if writer.is_full() {
            let detail = format!("more than {} bytes of text up to page {}", limits.text_bytes, i + 1);
            return Err(Failure::new(FailureCode::LimitMemory, detail));
        }
        text.push_str(writer.text.trim_end());
    }
    Ok(Text::new(text, pages.len()))
}

/// Interprets a page's content, then what its annotations show. The content is decoded here because [`Page`] would
/// keep every page's for as long as the document is open.
fn interpret_content<'a>(pdf: &'a Pdf, page: &Page<'a>, cache: &InterpreterCache<'a>, writer: &mut TextWriter) {
    let context = |settings| {
        // Neither the place of the page nor its clip matters to text.
        Context::new(Affine::IDENTITY, Rect::new(0.0, 0.0, 1.0, 1.0), cache, pdf.xref(), settings)
    };
    let stream = decoded_content(page);
    interpret(TypedIter::new(&stream), page.resources(), &mut context(InterpreterSettings::default()), writer);
    drop(stream);
    let settings = InterpreterSettings { render_content: RenderContent::ANNOTATIONS, ..Default::default() };
    interpret_page(page, &mut context(settings), writer);
}

/// PDF 32000-1 section 7.8.2: one stream, or several that are read as one with white space between them.
fn decoded_content(page: &Page<'_>) -> Vec<u8> {
    let decoded = |stream: Stream<'_>| stream.decoded_data().map(std::borrow::Cow::into_owned).unwrap_or_default();
    match page.raw().get::<Object<'_>>(CONTENTS) {
        Some(Object::Stream(stream)) => decoded(stream),
        Some(Object::Array(array)) => join(&array, decoded),
        _ => Vec::new(),
    }
}

fn join<'a>(array: &Array<'a>, decoded: impl Fn(Stream<'a>) -> Vec<u8>) -> Vec<u8> {
    array.iter::<Stream<'a>>().fold(Vec::new(), |mut content, stream| {
        content.append(&mut decoded(stream));
        content.push(b' ');
        content
    })
}

/// Where the last glyph ended, in page space.
#[derive(Debug, Clone, Copy)]
struct Pen {
    end: Point,
    /// Of length 1, along the line of writing.
    direction: Vec2,
}

/// What stands between two glyphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap {
    None,
    Space,
    NewLine,
}

/// Gaps from here on, in font sizes, are spaces.
const SPACE_FROM: f64 = 0.15;
/// Gaps from here on, in font sizes and in any direction, begin a new line: of a table, or of another column.
const NEW_LINE_FROM: f64 = 0.8;

/// `along` the line of writing and `across` it, both in font sizes, from the end of a glyph to the origin of the next.
fn gap(along: f64, across: f64) -> Gap {
    if across.abs() >= NEW_LINE_FROM || along.abs() >= NEW_LINE_FROM {
        Gap::NewLine
    } else if along >= SPACE_FROM {
        Gap::Space
    } else {
        Gap::None
    }
}

/// Collects the glyphs of one page.
struct TextWriter {
    text: String,
    room: usize,
    pen: Option<Pen>,
    /// Number of glyphs and place of the run that was filled last.
    filled: Option<(usize, Affine)>,
}

impl TextWriter {
    fn new(room: usize) -> Self {
        Self { text: String::new(), room, pen: None, filled: None }
    }

    fn is_full(&self) -> bool {
        self.text.len() > self.room
    }

    fn glyph(&mut self, glyph: &Glyph<'_>, transform: Affine, writing_mode: WritingMode) {
        // One em is 1,000 units of glyph space (PDF 32000-1 section 9.2.4).
        let origin = transform * Point::ZERO;
        let (right, up) = x_y_advances(&transform);
        let size = up.hypot() * 1000.0;
        let (unit, advance) = match writing_mode {
            WritingMode::Horizontal => (right, advance_width(glyph)),
            WritingMode::Vertical => (-up, 1000.0),
        };
        let length = unit.hypot();
        if !(size > 0.0 && length > 0.0 && origin.is_finite()) {
            return;
        }
        let direction = unit / length;
        if let Some(pen) = self.pen {
            let moved = origin - pen.end;
            let turned = pen.direction.dot(direction) < 0.9;
            match gap(moved.dot(pen.direction) / size, moved.cross(pen.direction) / size) {
                _ if turned => self.new_line(),
                Gap::NewLine => self.new_line(),
                Gap::Space => self.space(),
                Gap::None => {}
            }
        }
        match glyph.as_unicode() {
            Some(BfString::Char(c)) => self.push(c),
            Some(BfString::String(chars)) => chars.chars().for_each(|c| self.push(c)),
            None => self.push(char::REPLACEMENT_CHARACTER),
        }
        self.pen = Some(Pen { end: origin + unit * advance, direction });
    }

    fn push(&mut self, c: char) {
        match c {
            '\u{fb00}' => self.text.push_str("ff"),
            '\u{fb01}' => self.text.push_str("fi"),
            '\u{fb02}' => self.text.push_str("fl"),
            '\u{fb03}' => self.text.push_str("ffi"),
            '\u{fb04}' => self.text.push_str("ffl"),
            '\u{fb05}' | '\u{fb06}' => self.text.push_str("st"),
            '\u{ad}' => {}
            c if c.is_whitespace() => self.space(),
            c if c.is_control() => {}
            c => self.text.push(c),
        }
    }

    fn space(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with([' ', '\n']) {
            self.text.push(' ');
        }
    }

    fn new_line(&mut self) {
        self.text.truncate(self.text.trim_end_matches(' ').len());
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }
}

fn advance_width(glyph: &Glyph<'_>) -> f64 {
    // Fonts without widths are substituted ones; half an em is about a letter.
    let width = match glyph {
        Glyph::Outline(glyph) => glyph.advance_width(),
        Glyph::Type3(glyph) => glyph.advance_width(),
    };
    width.map_or(500.0, f64::from)
}

impl<'a> Device<'a> for TextWriter {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        let Some(first) = run.glyphs().first() else { return };
        if self.is_full() {
            return;
        }
        // Text that is filled and stroked comes twice.
        let place = (run.glyphs().len(), props.transform * first.transform());
        if matches!(mode, DrawMode::Stroke(_)) && self.filled == Some(place) {
            return;
        }
        self.filled = Some(place);
        for glyph in run.glyphs() {
            self.glyph(glyph, props.transform * glyph.transform(), run.writing_mode());
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
