//! The operators that show text, and what they need (PDF 32000-1 sections 8.4, 8.10, 9.4 and 14.6).

use std::rc::Rc;

use hayro_syntax::object::{Array, Dict, FromBytes, MaybeRef, Name, Object, Stream};
use hayro_syntax::page::Resources;

use super::clip::Path;
use super::content::{Content, Element, Operator};
use super::fonts::Fonts;
use super::forms::{Forms, Id};
use super::geometry::{Matrix, Point, Rectangle};
use super::layout::{Layout, Run, SPACE_FROM};
use super::lexer::unescaped;
use super::optional::Hidden;
use super::pictures::{self, Picture};
use super::quality::Tally;
use super::stream::{Missing, Streams};
use super::text_state::{GraphicsState, TextObject};
use crate::extraction::Limits;
use crate::failure::{Failure, FailureCode};

/// Most saved graphics states; what is saved beyond is forgotten, as its `Q` will be.
const MAX_SAVED: usize = 4096;
/// The rendering mode of text that is neither filled nor stroked (table 106).
const INVISIBLE: f32 = 3.0;

/// Most images of a page that are looked at one by one.
const MAX_PICTURES: usize = 64;

/// What is kept from page to page.
pub(super) struct Document<'d, 'a> {
    pub fonts: &'d mut Fonts<'a>,
    pub forms: &'d mut Forms,
    pub streams: &'d mut Streams,
    pub hidden: &'d Hidden,
    pub limits: &'d Limits,
}

/// Interprets the content of one page.
pub(super) struct PageReader<'d, 'a> {
    document: Document<'d, 'a>,
    pub layout: Layout,
    pub tally: Tally,
    /// The images that are large enough to show text.
    pub pictures: Vec<Picture>,
    visible: Rectangle,
    state: GraphicsState,
    object: TextObject,
    path: Path,
    /// What each `BMC` and `BDC` that is open has begun.
    marked: Vec<Marked>,
    /// How many of them hide their content.
    hidden: usize,
    operators: u64,
    /// The forms that are being drawn, by object number.
    forms: Vec<Id>,
    /// Strings, images and forms that were shown: what a form must be without for it to have no effect.
    shown: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marked {
    Plain,
    Hidden,
    Replaced,
}

/// Names of the operators that matter.
mod operator {
    use super::Operator;

    macro_rules! operators {
        ($($name:ident $operator:literal)+) => { $(pub(super) const $name: Operator = Operator::named($operator);)+ };
    }

    operators! {
        SAVE b"q" RESTORE b"Q" CONCATENATE b"cm" EXT_G_STATE b"gs" X_OBJECT b"Do"
        BEGIN_TEXT b"BT"
        FONT b"Tf" CHAR_SPACING b"Tc" WORD_SPACING b"Tw" HORIZONTAL_SCALE b"Tz" LEADING b"TL" RISE b"Ts" RENDERING_MODE b"Tr"
        MOVE b"Td" MOVE_LEADING b"TD" MATRIX b"Tm" NEXT_LINE b"T*"
        SHOW b"Tj" SHOW_ARRAY b"TJ" SHOW_LINE b"'" SHOW_LINE_SPACED b"\""
        BEGIN_MARKED b"BMC" BEGIN_MARKED_PROPERTIES b"BDC" END_MARKED b"EMC"
        RECTANGLE b"re" BEGIN_PATH b"m" CLIP b"W" CLIP_EVEN_ODD b"W*" END_PATH b"n"
        STROKE b"S" CLOSE_STROKE b"s" FILL b"f" FILL_OLD b"F" FILL_EVEN_ODD b"f*" FILL_STROKE b"B"
        FILL_STROKE_EVEN_ODD b"B*" CLOSE_FILL_STROKE b"b" CLOSE_FILL_STROKE_EVEN_ODD b"b*" SHADING b"sh"
        INLINE_IMAGE b"EI"
    }
}

impl<'d, 'a> PageReader<'d, 'a> {
    pub(super) fn new(document: Document<'d, 'a>, visible: Rectangle) -> Self {
        Self {
            document,
            layout: Layout::new(visible),
            tally: Tally::default(),
            pictures: Vec::new(),
            visible,
            state: GraphicsState::new(Matrix::IDENTITY, visible),
            object: TextObject::BEGIN,
            path: Path::default(),
            marked: Vec::new(),
            hidden: 0,
            operators: 0,
            forms: Vec::new(),
            shown: 0,
        }
    }

    /// Interprets a content stream.
    ///
    /// # Errors
    /// `LIMIT_MEMORY` when the page has more operators than allowed.
    pub(super) fn interpret(&mut self, data: &[u8], resources: &Resources<'a>) -> Result<(), Failure> {
        let mut content = Content::new(data);
        let mut saved: Vec<GraphicsState> = Vec::new();
        let mut forgotten = 0_usize;
        // Fonts by their name in the resources at hand: there are few, and they are chosen again and again.
        let mut fonts: Vec<(&[u8], usize)> = Vec::new();
        while let Some(operator) = content.next_operator() {
            self.operators += 1;
            if self.operators > self.document.limits.page_operators {
                let detail = format!("more than {} operators on a page", self.document.limits.page_operators);
                return Err(Failure::new(FailureCode::LimitMemory, detail));
            }
            let operands = &content.operands;
            match operator {
                operator::SHOW | operator::SHOW_ARRAY => self.show_elements(&content),
                operator::MOVE => {
                    if let Some([x, y]) = operands.numbers() {
                        self.object.next_line(x, y);
                    }
                }
                operator::MOVE_LEADING => {
                    if let Some([x, y]) = operands.numbers() {
                        self.state.text.leading = -y;
                        self.object.next_line(x, y);
                    }
                }
                operator::MATRIX => {
                    if let Some(numbers) = operands.numbers() {
                        self.object.set(Matrix::new(numbers));
                    }
                }
                operator::NEXT_LINE => self.next_line(),
                operator::SHOW_LINE => {
                    self.next_line();
                    self.show_elements(&content);
                }
                operator::SHOW_LINE_SPACED => {
                    if let Some([word, char]) = operands.numbers() {
                        (self.state.text.word_spacing, self.state.text.char_spacing) = (word, char);
                    }
                    self.next_line();
                    self.show_elements(&content);
                }
                operator::FONT => {
                    if let (Some(name), Some(size)) = (operands.name(), operands.number()) {
                        let known = fonts.iter().find(|(known, _)| *known == name).map(|(_, font)| *font);
                        let font = known.unwrap_or_else(|| {
                            let font =
                                self.document.fonts.named(&unescaped(name), &resources.fonts, self.document.streams);
                            fonts.push((name, font));
                            font
                        });
                        (self.state.text.font, self.state.text.size) = (Some(font), size);
                    }
                }
                operator::CHAR_SPACING => set(&mut self.state.text.char_spacing, operands.number()),
                operator::WORD_SPACING => set(&mut self.state.text.word_spacing, operands.number()),
                operator::LEADING => set(&mut self.state.text.leading, operands.number()),
                operator::RISE => set(&mut self.state.text.rise, operands.number()),
                operator::RENDERING_MODE => {
                    self.state.text.invisible =
                        operands.number().is_some_and(|mode| mode.to_bits() == INVISIBLE.to_bits());
                }
                operator::HORIZONTAL_SCALE => {
                    set(&mut self.state.text.horizontal_scale, operands.number().map(|percent| percent / 100.0));
                }
                operator::BEGIN_TEXT => self.object = TextObject::BEGIN,
                operator::SAVE if saved.len() < MAX_SAVED => saved.push(self.state),
                operator::SAVE => forgotten += 1,
                operator::RESTORE if forgotten > 0 => forgotten -= 1,
                operator::RESTORE => self.state = saved.pop().unwrap_or(self.state),
                operator::CONCATENATE => {
                    if let Some(numbers) = operands.numbers() {
                        self.state.ctm = Matrix::new(numbers).then(self.state.ctm);
                    }
                }
                operator::EXT_G_STATE => {
                    if let Some(name) = operands.name() {
                        self.set_ext_g_state(name, resources);
                    }
                }
                operator::X_OBJECT => {
                    if let Some(name) = operands.name() {
                        self.draw_x_object(name, resources)?;
                    }
                }
                operator::RECTANGLE => {
                    if let Some(numbers) = operands.numbers() {
                        self.path.rectangle(numbers, self.state.ctm);
                    }
                }
                operator::BEGIN_PATH => self.path.begin(),
                operator::CLIP | operator::CLIP_EVEN_ODD => self.path.clips(),
                operator::END_PATH | operator::STROKE | operator::CLOSE_STROKE => self.end_path(),
                operator::FILL
                | operator::FILL_OLD
                | operator::FILL_EVEN_ODD
                | operator::FILL_STROKE
                | operator::FILL_STROKE_EVEN_ODD
                | operator::CLOSE_FILL_STROKE
                | operator::CLOSE_FILL_STROKE_EVEN_ODD => {
                    self.tally.fills += 1;
                    self.end_path();
                }
                operator::SHADING => self.tally.fills += 1,
                operator::INLINE_IMAGE => self.tally_image(None),
                operator::BEGIN_MARKED => self.marked.push(Marked::Plain),
                operator::BEGIN_MARKED_PROPERTIES => self.begin_marked(&content, resources),
                operator::END_MARKED => self.end_marked(),
                _ => {}
            }
        }
        Ok(())
    }

    /// What of the page's content is missing.
    ///
    /// # Errors
    /// The limit that was passed while streams were decoded, if one was.
    pub(super) fn check(&self) -> Result<Missing, Failure> {
        let Streams { failure, missing, .. } = &*self.document.streams;
        failure.clone().map_or_else(|| Ok(missing.clone()), Err)
    }

    fn end_path(&mut self) {
        self.state.clip = self.path.end(self.state.clip);
    }

    /// Images fill the unit square of user space (section 8.9.5.1).
    fn tally_image(&mut self, id: Option<Id>) {
        self.shown += 1;
        let square = Rectangle { x0: 0.0, y0: 0.0, x1: 1.0, y1: 1.0 };
        let place = self.state.ctm.apply_to(square).intersection(self.visible);
        self.tally.image(place.area());
        if self.pictures.len() < MAX_PICTURES && pictures::is_large(place, self.visible) {
            self.pictures.push(Picture { place, id });
        }
    }

    fn next_line(&mut self) {
        self.object.next_line(0.0, -self.state.text.leading);
    }

    fn show_elements(&mut self, content: &Content<'_>) {
        self.shown += 1;
        for element in content.operands.elements() {
            match *element {
                Element::Plain(start, end) => self.show(&content.data()[start..end]),
                Element::Decoded(start, end) => self.show(&content.operands.decoded()[start..end]),
                Element::Adjustment(thousandths) => {
                    let text = &self.state.text;
                    let distance = -thousandths * 0.001 * text.size;
                    let font = text.font.map(|font| self.document.fonts.get(font));
                    if font.is_some_and(|font| font.is_vertical) {
                        self.object.advance(0.0, distance);
                    } else {
                        self.object.advance(distance * text.horizontal_scale, 0.0);
                    }
                }
            }
        }
    }

    /// Section 9.4.4.
    fn show(&mut self, string: &[u8]) {
        let text = self.state.text;
        let Some(font) = text.font.map(|font| self.document.fonts.get(font)) else {
            return;
        };
        let matrix = self.object.matrix.then(self.state.ctm);
        // One unit of text space along the line of writing, and how far text space goes for an em.
        let (unit, scale) = if font.is_vertical {
            (Point { x: -matrix.c, y: -matrix.d }, 1.0)
        } else {
            (Point { x: matrix.a, y: matrix.b }, text.horizontal_scale)
        };
        let em = text.size * scale;
        let length = unit.length() * em.abs();
        let size = matrix.expansion() * (text.size * text.size * text.horizontal_scale).abs().sqrt() * font.em;
        let is_readable = self.hidden == 0 && length > 0.0 && size > 0.0;
        if is_readable {
            let sign = em.signum() / unit.length();
            let direction = Point { x: unit.x * sign, y: unit.y * sign };
            let space_from = font.space_from.map_or(SPACE_FROM * size, |gap| gap * length);
            self.layout.visible = self.state.clip;
            self.layout.begin_run(Run { direction, size, space_from, is_vertical: font.is_vertical });
        }
        let origin = matrix.apply(Point { x: 0.0, y: text.rise });
        let code_length = font.code_length();
        let (mut rest, mut moved) = (string, 0.0);
        while let [first, ..] = rest {
            let (code, length) = match code_length {
                Some(1) => (u32::from(*first), 1),
                _ => font.next_code(rest),
            };
            rest = &rest[length..];
            let glyph = font.glyph(code, self.document.streams);
            if is_readable {
                let from = origin.along(unit, moved);
                let to = from.along(unit, glyph.advance * em);
                self.layout.glyph(from, to, glyph.characters, &font.strings);
                self.tally.glyph(glyph.means);
                self.tally.invisible += u64::from(text.invisible);
            }
            let spacing = if length == 1 && code == 32 { text.word_spacing } else { 0.0 };
            moved += (glyph.advance * text.size + text.char_spacing + spacing) * scale;
        }
        if font.is_vertical {
            self.object.advance(0.0, -moved);
        } else {
            self.object.advance(moved, 0.0);
        }
    }

    /// Of the parameters in table 58, only the font is of text.
    fn set_ext_g_state(&mut self, name: &[u8], resources: &Resources<'a>) {
        let Some(dict) = resources.ext_g_states.get::<Dict<'a>>(&*unescaped(name)) else {
            return;
        };
        let Some(array) = dict.get::<Array<'a>>(b"Font") else {
            return;
        };
        let mut items = array.raw_iter();
        let font = match items.next() {
            Some(MaybeRef::Ref(reference)) => {
                let dict = array.iter::<Dict<'a>>().next();
                dict.map(|dict| self.document.fonts.by_reference(reference, &dict, self.document.streams))
            }
            _ => None,
        };
        let size = array.iter::<Object<'_>>().nth(1).and_then(Object::into_f32);
        if let (Some(font), Some(size)) = (font, size) {
            (self.state.text.font, self.state.text.size) = (Some(font), size);
        }
    }

    fn draw_x_object(&mut self, name: &[u8], resources: &Resources<'a>) -> Result<(), Failure> {
        let Some(stream) = resources.x_objects.get::<Stream<'a>>(&*unescaped(name)) else {
            return Ok(());
        };
        let subtype = stream.dict().get::<Name<'_>>(b"Subtype");
        if subtype.is_some_and(|subtype| *subtype == *b"Image") {
            let id = stream.obj_id();
            self.tally_image(Some((id.obj_number, id.gen_number)));
            return Ok(());
        }
        if self.document.hidden.hides_dict(stream.dict()) {
            return Ok(());
        }
        self.draw_form(&stream, resources)
    }

    /// Section 8.10. A form that draws itself is not drawn again within itself.
    fn draw_form(&mut self, stream: &Stream<'a>, parent: &Resources<'a>) -> Result<(), Failure> {
        let id = stream.obj_id();
        let id = (id.obj_number, id.gen_number);
        self.shown += 1;
        if self.forms.len() >= self.document.limits.form_depth || self.forms.contains(&id) {
            return Ok(());
        }
        if let Some(fills) = self.document.forms.inert(id) {
            self.tally.fills += fills;
            return Ok(());
        }
        let Some(data) = self.form_content(id, stream) else {
            return Ok(());
        };
        let (shown, fills) = (self.shown, self.tally.fills);
        let outer = (self.state, self.object, self.marked.len(), self.hidden);
        if let Some(matrix) = stream.dict().get::<Array<'_>>(b"Matrix").and_then(|array| six(&array)) {
            self.state.ctm = Matrix::new(matrix).then(self.state.ctm);
        }
        let bounds = stream.dict().get::<hayro_syntax::object::Rect>(b"BBox").map(super::geometry::rectangle);
        if let Some(bounds) = bounds.filter(|bounds| bounds.area() > 0.0) {
            self.state.clip = self.state.clip.intersection(self.state.ctm.apply_to(bounds));
        }
        let own = stream.dict().get::<Dict<'a>>(b"Resources").map(Resources::new);
        self.forms.push(id);
        let result = self.interpret(&data, own.as_ref().unwrap_or(parent));
        self.forms.pop();
        while self.marked.len() > outer.2 {
            self.end_marked();
        }
        (self.state, self.object, _, self.hidden) = outer;
        if result.is_ok() && self.shown == shown && self.document.streams.missing == Missing::default() {
            self.document.forms.remember_inert(id, self.tally.fills - fills);
        }
        result
    }

    fn form_content(&mut self, id: Id, stream: &Stream<'a>) -> Option<Rc<Vec<u8>>> {
        let Document { forms, streams, .. } = &mut self.document;
        if let Some(content) = forms.content(id) {
            return streams.repeat(content.len()).then_some(content);
        }
        let content = Rc::new(streams.decode_content(stream)?);
        if streams.missing == Missing::default() {
            forms.keep(id, &content);
        }
        Some(content)
    }

    /// The appearance of an annotation, fitted into its rectangle (section 12.5.5, algorithm 8.1).
    pub(super) fn draw_appearance(
        &mut self,
        stream: &Stream<'a>,
        place: Rectangle,
        page: &Resources<'a>,
    ) -> Result<(), Failure> {
        let dict = stream.dict();
        let bounds = dict.get::<hayro_syntax::object::Rect>(b"BBox").map(super::geometry::rectangle);
        let matrix = dict.get::<Array<'_>>(b"Matrix").and_then(|array| six(&array));
        let bounds = matrix.map_or(Matrix::IDENTITY, Matrix::new).apply_to(bounds.unwrap_or(place));
        let stretch = |from: f32, to: f32| if from > 0.0 { to / from } else { 1.0 };
        let x = stretch(bounds.x1 - bounds.x0, place.x1 - place.x0);
        let y = stretch(bounds.y1 - bounds.y0, place.y1 - place.y0);
        let fit = Matrix::new([x, 0.0, 0.0, y, place.x0 - bounds.x0 * x, place.y0 - bounds.y0 * y]);
        self.state = GraphicsState::new(fit, self.visible);
        self.draw_form(stream, page)
    }

    fn begin_marked(&mut self, content: &Content<'_>, resources: &Resources<'a>) {
        let name = content.operands.properties_name();
        let mark = if let Some(name) = name {
            let name = &*unescaped(name);
            let is_hidden =
                resources.properties.get_ref(name).is_some_and(|reference| self.document.hidden.hides(reference));
            let dict = if is_hidden { None } else { resources.properties.get::<Dict<'_>>(name) };
            if is_hidden || dict.as_ref().is_some_and(|dict| self.document.hidden.hides_membership(dict)) {
                Marked::Hidden
            } else {
                self.begin_replacement(dict.as_ref())
            }
        } else {
            self.begin_replacement(content.dict().and_then(Dict::from_bytes).as_ref())
        };
        self.hidden += usize::from(mark == Marked::Hidden);
        self.marked.push(mark);
    }

    /// Only the outermost replacement counts.
    fn begin_replacement(&mut self, properties: Option<&Dict<'_>>) -> Marked {
        let actual = properties.and_then(|dict| dict.get::<hayro_syntax::object::String<'_>>(b"ActualText"));
        match actual {
            Some(text) if !self.marked.contains(&Marked::Replaced) => {
                self.layout.begin_replacement(super::text_string::decode(text.as_bytes()));
                Marked::Replaced
            }
            _ => Marked::Plain,
        }
    }

    fn end_marked(&mut self) {
        match self.marked.pop() {
            Some(Marked::Hidden) => self.hidden = self.hidden.saturating_sub(1),
            Some(Marked::Replaced) => self.layout.end_replacement(),
            Some(Marked::Plain) | None => {}
        }
    }
}

fn set(parameter: &mut f32, number: Option<f32>) {
    if let Some(number) = number {
        *parameter = number;
    }
}

pub(super) fn six(array: &Array<'_>) -> Option<[f32; 6]> {
    let mut numbers = [0.0; 6];
    let mut found = array.iter::<f32>();
    for number in &mut numbers {
        *number = found.next()?;
    }
    Some(numbers)
}
