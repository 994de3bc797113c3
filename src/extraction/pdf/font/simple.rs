//! Simple fonts: Type 1, TrueType and Type 3, with codes of one byte (PDF 32000-1 section 9.6).

use hayro_syntax::object::{Array, Dict, Name, Object, Rect};

use super::encoding::{BaseEncoding, SimpleEncoding};
use super::glyph_name::{self, Habit};
use super::program::Program;
use super::standard::StandardFont;
use super::to_unicode::ToUnicode;
use super::{Lazy, Means, is_space};
use crate::extraction::pdf::stream::Streams;

/// What is needed to fill in a code of the table.
pub(super) struct SimpleFont<'a> {
    encoding: SimpleEncoding,
    to_unicode: ToUnicode,
    widths: Option<Widths>,
    /// From glyph space to text space: a thousandth, but for Type 3.
    scale: f32,
    program: Lazy<Option<Program>>,
    standard: Lazy<Option<StandardFont<'a>>>,
    dict: Dict<'a>,
    is_type3: bool,
    is_embedded: bool,
}

/// How much higher than its widest glyph is wide a font can be.
const TALLEST: f32 = 2.0;

struct Widths {
    first: i64,
    by_code: Vec<f32>,
    missing: f32,
}

impl<'a> SimpleFont<'a> {
    pub(super) fn new(dict: &Dict<'a>, to_unicode: ToUnicode) -> Self {
        let is_type3 = dict.get::<Name<'_>>(b"Subtype").is_some_and(|name| *name == *b"Type3");
        let descriptor = dict.get::<Dict<'_>>(b"FontDescriptor").unwrap_or_default();
        let scale = if is_type3 { font_matrix(dict)[0].abs() } else { 0.001 };
        let is_embedded = super::FONT_FILES.iter().any(|key| descriptor.contains_key(key));
        let mut encoding = SimpleEncoding::read(dict);
        let is_symbolic = descriptor.get::<u32>(b"Flags").is_some_and(|flags| flags & 4 != 0);
        let is_true_type = dict.get::<Name<'_>>(b"Subtype").is_some_and(|name| *name == *b"TrueType");
        if encoding.base == BaseEncoding::BuiltIn && is_true_type && !is_symbolic {
            encoding.base = BaseEncoding::Standard;
        }
        Self {
            encoding,
            to_unicode,
            widths: Widths::read(dict, &descriptor),
            scale,
            program: Lazy::default(),
            standard: Lazy::default(),
            dict: dict.clone(),
            is_type3,
            is_embedded,
        }
    }

    /// How high a line of it is, in text space units at size 1. Type 3 fonts have a glyph space of their own.
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn em(&self) -> f32 {
        if !self.is_type3 {
            return 1.0;
        }
        let [a, _, _, d, ..] = font_matrix(&self.dict);
        let bounds = self.dict.get::<Rect>(b"FontBBox").map_or(0.0, |bounds| bounds.height() as f32) * d.abs();
        let widest =
            self.widths.iter().flat_map(|widths| &widths.by_code).fold(0.0_f32, |most, width| most.max(*width));
        let widest = widest * a.abs();
        // Some boxes are far taller than the letters.
        let em = match (bounds > 0.0, widest > 0.0) {
            (true, true) => bounds.min(TALLEST * widest),
            (true, false) => bounds,
            (false, _) => widest,
        };
        if em > 0.0 { em } else { 1.0 }
    }

    /// In text space units at size 1.
    pub(super) fn advance(&mut self, code: u8, streams: &mut Streams) -> f32 {
        if let Some(widths) = &self.widths {
            return widths.get(code) * self.scale;
        }
        if self.is_type3 {
            return 0.0;
        }
        let scale = self.scale;
        self.standard(streams).map_or(0.5, |font| font.advance(code) * scale)
    }

    /// How wide its space is, in text space units at size 1. No font program is opened for it.
    pub(super) fn space(&mut self, streams: &mut Streams) -> Option<f32> {
        let is_encoded = match self.encoding.difference(b' ') {
            Some(name) => name == "space",
            // Embedded programs may have anything there.
            None if self.encoding.base == BaseEncoding::BuiltIn => !self.is_embedded && !self.is_type3,
            None => self.encoding.base.text(b' ').is_some(),
        };
        let encoded = is_encoded.then_some(b' ');
        let mapped: Vec<u8> = self.to_unicode.codes_of(' ').filter_map(|code| u8::try_from(code).ok()).collect();
        let em = self.em();
        mapped.into_iter().chain(encoded).map(|code| self.advance(code, streams)).find(|width| is_space(width / em))
    }

    fn standard(&mut self, streams: &mut Streams) -> Option<&StandardFont<'a>> {
        let dict = &self.dict;
        self.standard.get_or_insert_with(|| StandardFont::new(dict, streams)).as_ref()
    }

    /// The text of a code by the best means there is.
    pub(super) fn text(&mut self, code: u8, streams: &mut Streams) -> (Option<String>, Means) {
        if let Some(text) = self.to_unicode.get(u32::from(code)) {
            return (Some(text), Means::Known);
        }
        if let Some(name) = self.encoding.difference(code).map(str::to_owned) {
            if name == ".notdef" {
                // Nothing to be seen, but where spaces are shown, words end.
                return ((code == 32).then(|| " ".into()), Means::Known);
            }
            if let Some(found) = self.named(&name, streams) {
                return found;
            }
        } else if let Some(text) = self.encoding.base.text(code) {
            return (Some(text), Means::Known);
        }
        let known = if self.is_embedded {
            self.program(streams).and_then(|program| {
                let glyph = program.glyph_of_code(code)?;
                program.text_of_glyph(glyph)
            })
        } else if self.is_type3 {
            None
        } else {
            self.standard(streams).and_then(|font| font.text(code))
        };
        if known.is_some() {
            return (known, Means::Known);
        }
        match BaseEncoding::WinAnsi.text(code).filter(|_| code >= 0x20) {
            Some(text) => (Some(text), Means::Guessed),
            None => (None, Means::Unknown),
        }
    }

    /// The text of a glyph's name: by the list, by the program, by habit.
    fn named(&mut self, name: &str, streams: &mut Streams) -> Option<(Option<String>, Means)> {
        if let Some(text) = glyph_name::text(name) {
            return Some((Some(text), Means::Known));
        }
        let habit = glyph_name::habit(name);
        if let Some(program) = self.program(streams) {
            let glyph = program.glyph_of_name(name).or(match habit {
                Some(Habit::Glyph(glyph)) => Some(glyph),
                _ => None,
            });
            if let Some(text) = glyph.and_then(|glyph| program.text_of_glyph(glyph)) {
                return Some((Some(text), Means::Known));
            }
        }
        let Some(Habit::Character(number)) = habit else {
            return None;
        };
        let text = match u8::try_from(number) {
            Ok(code) => BaseEncoding::WinAnsi.text(code),
            Err(_) => char::from_u32(number).map(String::from),
        };
        text.map(|text| (Some(text), Means::Guessed))
    }

    fn program(&mut self, streams: &mut Streams) -> Option<&mut Program> {
        let dict = &self.dict;
        let load = || {
            let descriptor = dict.get::<Dict<'_>>(b"FontDescriptor")?;
            super::font_program(&descriptor, streams)
        };
        self.program.get_or_insert_with(load).as_mut()
    }
}

impl Widths {
    fn read(dict: &Dict<'_>, descriptor: &Dict<'_>) -> Option<Self> {
        let array = dict.get::<Array<'_>>(b"Widths")?;
        let number = |object: Object<'_>| object.into_f32().unwrap_or(0.0);
        Some(Self {
            first: dict.get::<i32>(b"FirstChar").map_or(0, i64::from),
            by_code: array.iter::<Object<'_>>().take(256).map(number).collect(),
            missing: descriptor.get::<f32>(b"MissingWidth").unwrap_or(0.0),
        })
    }

    fn get(&self, code: u8) -> f32 {
        let at = usize::try_from(i64::from(code) - self.first).ok();
        at.and_then(|at| self.by_code.get(at)).copied().unwrap_or(self.missing)
    }
}

fn font_matrix(dict: &Dict<'_>) -> [f32; 6] {
    let read = |array: Array<'_>| {
        let mut numbers = array.iter::<f32>();
        Some([numbers.next()?, numbers.next()?, numbers.next()?, numbers.next()?, numbers.next()?, numbers.next()?])
    };
    dict.get::<Array<'_>>(b"FontMatrix").and_then(read).unwrap_or([0.001, 0.0, 0.0, 0.001, 0.0, 0.0])
}
