//! The images that a page shows, and what else lies on it (PDF 32000-1 section 8.9).

use std::borrow::Cow;
use std::sync::Arc;

use hayro_syntax::Pdf;
use hayro_syntax::object::{Array, Dict, Name, Stream};
use hayro_syntax::page::{Page, Resources};

use super::content::{Content, Operator};
use super::geometry::{Matrix, Point, Rectangle};
use super::lexer::unescaped;
use super::optional::Hidden;
use super::page::{decoded_content, visible};
use super::reader::six;
use super::stream::{Streams, filter_names, parameters};
use super::text_state::TextObject;
use crate::extraction::Limits;

/// Images beyond so many are not looked at; a page of more of them is drawn.
const MOST_IMAGES: usize = 1024;
/// Saved matrices beyond so many are forgotten.
const MOST_SAVED: usize = 4096;

/// An image where it was drawn.
pub(in crate::extraction) struct Placed<'a> {
    pub stream: Stream<'a>,
    /// From the unit square of the image to the space of the page, in points.
    pub matrix: Matrix,
    /// The same upright.
    pub place: Rectangle,
}

/// What a page shows.
pub(in crate::extraction) struct Shown<'a> {
    pub visible: Rectangle,
    pub images: Vec<Placed<'a>>,
    /// Inline images, which are not kept.
    pub inline: usize,
    /// Where strings begin that can be seen.
    pub texts: Vec<Point>,
    /// Where strings begin that cannot, as OCR puts them under a scan.
    pub hidden_texts: Vec<Point>,
}

/// Looks at a page and the forms that are drawn on it.
pub(in crate::extraction) fn shown<'a>(pdf: &Pdf, page: &Page<'a>, limits: &Limits) -> Shown<'a> {
    let visible = visible(page);
    let mut looker = Looker {
        shown: Shown { visible, images: Vec::new(), inline: 0, texts: Vec::new(), hidden_texts: Vec::new() },
        streams: Streams::new(*limits, Arc::default()),
        hidden: Hidden::read(pdf),
        limits,
        operators: 0,
        depth: 0,
    };
    let content = decoded_content(page, &mut looker.streams);
    looker.look(&content, page.resources(), Matrix::IDENTITY);
    looker.shown
}

/// How an image is coded: what is left when the filters before its own are undone, the name of its own filter if it has
/// one that only images have, and that filter's parameters.
pub(in crate::extraction) struct Coded<'a> {
    pub data: Cow<'a, [u8]>,
    pub coding: Coding,
    pub parameters: Dict<'a>,
}

/// The filters that only images have (section 7.4), and those that are undone row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::extraction) enum Coding {
    Plain,
    Flate,
    Jpeg,
    Fax,
    Jbig2,
    Jpeg2000,
}

impl Coding {
    fn named(name: &[u8]) -> Self {
        match name {
            b"DCTDecode" | b"DCT" => Self::Jpeg,
            b"CCITTFaxDecode" | b"CCF" => Self::Fax,
            b"JBIG2Decode" => Self::Jbig2,
            b"JPXDecode" => Self::Jpeg2000,
            b"FlateDecode" | b"Fl" => Self::Flate,
            _ => Self::Plain,
        }
    }
}

/// Undoes the filters of an image that stand before its own. `cap` is what they may decode to, in bytes.
pub(in crate::extraction) fn coded<'a>(stream: &Stream<'a>, cap: u64) -> Option<Coded<'a>> {
    let names = filter_names(stream.dict());
    let all: Vec<Dict<'a>> = parameters(stream.dict()).collect();
    let coding = names.last().map_or(Coding::Plain, |name| Coding::named(name));
    let limits = Limits { stream_bytes: cap, page_bytes: cap.saturating_mul(4), ..Limits::default() };
    let mut streams = Streams::new(limits, Arc::default());
    // Absent parameters of a filter may be left out of the array; those of the last are the last.
    let parameters = all.last().cloned().unwrap_or_default();
    let data = match (coding, names.as_slice()) {
        (Coding::Plain, []) => stream.raw_data(),
        (Coding::Plain, _) => Cow::Owned(streams.decode(stream)?),
        (_, [_]) => stream.raw_data(),
        (_, [before @ .., _]) => Cow::Owned(streams.undo(stream, before)?),
        (_, []) => return None,
    };
    Some(Coded { data, coding, parameters })
}

/// Content of another stream that an image refers to, such as its shared symbols; at most `cap` bytes.
pub(in crate::extraction) fn content(stream: &Stream<'_>, cap: u64) -> Option<Vec<u8>> {
    let limits = Limits { stream_bytes: cap, page_bytes: cap, ..Limits::default() };
    Streams::new(limits, Arc::default()).decode(stream)
}

struct Looker<'d, 'a> {
    shown: Shown<'a>,
    streams: Streams,
    hidden: Hidden,
    limits: &'d Limits,
    operators: u64,
    depth: usize,
}

impl<'a> Looker<'_, 'a> {
    fn look(&mut self, data: &[u8], resources: &Resources<'a>, ctm: Matrix) {
        let mut content = Content::new(data);
        let (mut ctm, mut saved) = (ctm, Vec::new());
        let (mut object, mut leading, mut invisible) = (TextObject::BEGIN, 0.0, false);
        while let Some(operator) = content.next_operator() {
            self.operators += 1;
            if self.operators > self.limits.page_operators || self.shown.images.len() >= MOST_IMAGES {
                return;
            }
            let operands = &content.operands;
            match operator {
                SAVE if saved.len() < MOST_SAVED => saved.push(ctm),
                RESTORE => ctm = saved.pop().unwrap_or(ctm),
                CONCATENATE => {
                    if let Some(numbers) = operands.numbers() {
                        ctm = Matrix::new(numbers).then(ctm);
                    }
                }
                BEGIN_TEXT => object = TextObject::BEGIN,
                MATRIX => {
                    if let Some(numbers) = operands.numbers() {
                        object.set(Matrix::new(numbers));
                    }
                }
                MOVE | MOVE_LEADING => {
                    if let Some([x, y]) = operands.numbers() {
                        leading = if operator == MOVE_LEADING { -y } else { leading };
                        object.next_line(x, y);
                    }
                }
                LEADING => leading = operands.number().unwrap_or(leading),
                NEXT_LINE => object.next_line(0.0, -leading),
                RENDERING_MODE => invisible = operands.number() == Some(3.0),
                SHOW | SHOW_ARRAY | SHOW_LINE | SHOW_LINE_SPACED => {
                    if matches!(operator, SHOW_LINE | SHOW_LINE_SPACED) {
                        object.next_line(0.0, -leading);
                    }
                    let place = object.matrix.then(ctm).apply(Point::default());
                    if invisible { &mut self.shown.hidden_texts } else { &mut self.shown.texts }.push(place);
                }
                INLINE_IMAGE => self.shown.inline += 1,
                X_OBJECT => {
                    let object =
                        operands.name().and_then(|name| resources.get_x_object(&Name::new_unescaped(&unescaped(name))));
                    if let Some(stream) = object {
                        self.draw(stream, resources, ctm);
                    }
                }
                _ => {}
            }
        }
    }

    fn draw(&mut self, stream: Stream<'a>, parent: &Resources<'a>, ctm: Matrix) {
        if self.hidden.hides_dict(stream.dict()) {
            return;
        }
        if stream.dict().get::<Name<'_>>(b"Subtype").is_some_and(|subtype| *subtype == *b"Image") {
            let place = ctm.apply_to(Rectangle { x0: 0.0, y0: 0.0, x1: 1.0, y1: 1.0 });
            if place.intersection(self.shown.visible).area() > 0.0 {
                self.shown.images.push(Placed { stream, matrix: ctm, place });
            }
            return;
        }
        if self.depth >= self.limits.form_depth {
            return;
        }
        let Some(data) = self.streams.decode_content(&stream) else { return };
        let matrix = stream.dict().get::<Array<'_>>(b"Matrix").and_then(|array| six(&array));
        let own = stream.dict().get::<Dict<'a>>(b"Resources").map(Resources::new);
        self.depth += 1;
        self.look(&data, own.as_ref().unwrap_or(parent), matrix.map_or(ctm, |matrix| Matrix::new(matrix).then(ctm)));
        self.depth -= 1;
    }
}

const SAVE: Operator = Operator::named(b"q");
const RESTORE: Operator = Operator::named(b"Q");
const CONCATENATE: Operator = Operator::named(b"cm");
const BEGIN_TEXT: Operator = Operator::named(b"BT");
const MATRIX: Operator = Operator::named(b"Tm");
const MOVE: Operator = Operator::named(b"Td");
const MOVE_LEADING: Operator = Operator::named(b"TD");
const LEADING: Operator = Operator::named(b"TL");
const NEXT_LINE: Operator = Operator::named(b"T*");
const RENDERING_MODE: Operator = Operator::named(b"Tr");
const SHOW: Operator = Operator::named(b"Tj");
const SHOW_ARRAY: Operator = Operator::named(b"TJ");
const SHOW_LINE: Operator = Operator::named(b"'");
const SHOW_LINE_SPACED: Operator = Operator::named(b"\"");
const INLINE_IMAGE: Operator = Operator::named(b"EI");
const X_OBJECT: Operator = Operator::named(b"Do");
