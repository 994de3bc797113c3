//! Fonts: from the codes of shown strings to text and advances (PDF 32000-1 sections 9.5 to 9.10).
//!
//! A [`Font`] is a table that fills itself: a code is looked up in `CMap`s, encodings and font programs when it comes for
//! the first time, and never again.

use hayro_syntax::object::{Dict, Name, Object, Stream};
use rustc_hash::FxHashMap;

use super::stream::Streams;
use composite::CompositeFont;
use program::Program;
use simple::SimpleFont;
use to_unicode::ToUnicode;

mod characters;
mod composite;
mod encoding;
mod glyph_name;
mod program;
mod simple;
mod standard;
mod to_unicode;

pub(super) use characters::{Characters, Means, SOFT_HYPHEN, Strings, push_clean};

/// Where font descriptors keep their program (table 126).
const FONT_FILES: [&[u8]; 3] = [b"FontFile", b"FontFile2", b"FontFile3"];

/// Widths, in ems, that a space can have. Subset fonts also say 0, and a whole em.
const SPACES: std::ops::RangeInclusive<f32> = 0.15..=0.65;
/// A space counts as no wider than Helvetica's, in ems: where fonts have a wider one, words are set closer than that.
const WIDEST_SPACE: f32 = 0.278;
/// How much of the space's width a gap must have to be one: letters that are set apart have up to 0.65 of it, and words that
/// a line of TeX presses together down to 0.66.
const SHARE_OF_SPACE: f32 = 0.655;

fn is_space(width: f32) -> bool {
    SPACES.contains(&width)
}

/// Something built at its first use.
struct Lazy<T>(Option<T>);

impl<T> Default for Lazy<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Lazy<T> {
    fn get_or_insert_with(&mut self, build: impl FnOnce() -> T) -> &mut T {
        self.0.get_or_insert_with(build)
    }
}

/// What one code shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Glyph {
    /// In text space units at size 1, along the line of writing.
    pub advance: f32,
    pub characters: Characters,
    pub means: Means,
}

/// A font of the document.
pub(super) struct Font<'a> {
    kind: Kind<'a>,
    /// By the code's last byte, in pages by what stands before it.
    pages: Vec<Option<Box<[Option<Glyph>; 256]>>>,
    /// Codes of more than two bytes.
    long: FxHashMap<u32, Glyph>,
    pub strings: Strings,
    pub is_vertical: bool,
    /// How high a line of it is, in text space units at size 1.
    pub em: f32,
    /// Gaps from here on are spaces, in text space units at size 1; nothing when the font has no space to measure by.
    pub space_from: Option<f32>,
}

enum Kind<'a> {
    Simple(Box<SimpleFont<'a>>),
    Composite(Box<CompositeFont<'a>>),
}

impl<'a> Font<'a> {
    pub(super) fn new(dict: &Dict<'a>, streams: &mut Streams) -> Self {
        let to_unicode = read_to_unicode(dict, streams);
        let is_composite = dict.get::<Name<'_>>(b"Subtype").is_some_and(|name| *name == *b"Type0");
        let (kind, is_vertical, em, space) = if is_composite {
            let font = CompositeFont::new(dict, to_unicode, streams);
            let (is_vertical, space) = (font.is_vertical, font.space());
            (Kind::Composite(Box::new(font)), is_vertical, 1.0, space.filter(|_| !is_vertical))
        } else {
            let mut font = SimpleFont::new(dict, to_unicode);
            let (em, space) = (font.em(), font.space(streams));
            (Kind::Simple(Box::new(font)), false, em, space)
        };
        let space_from = space.map(|space| space.min(WIDEST_SPACE * em) * SHARE_OF_SPACE);
        let (pages, long, strings) = (Vec::new(), FxHashMap::default(), Strings::default());
        Self { kind, pages, long, strings, is_vertical, em, space_from }
    }

    /// How many bytes each code has, where that is the same for all.
    #[inline]
    pub(super) fn code_length(&self) -> Option<usize> {
        match &self.kind {
            Kind::Simple(_) => Some(1),
            Kind::Composite(font) => font.is_identity().then_some(2),
        }
    }

    /// The next code of a string, and how many bytes it has. The string is not empty.
    #[inline]
    pub(super) fn next_code(&self, string: &[u8]) -> (u32, usize) {
        match &self.kind {
            Kind::Simple(_) => (u32::from(string[0]), 1),
            Kind::Composite(font) => font.next_code(string),
        }
    }

    #[inline]
    pub(super) fn glyph(&mut self, code: u32, streams: &mut Streams) -> Glyph {
        let page = self.pages.get((code >> 8) as usize);
        match page.and_then(Option::as_ref).and_then(|page| page[(code & 0xff) as usize]) {
            Some(glyph) => glyph,
            None => self.look_up(code, streams),
        }
    }

    #[cold]
    fn look_up(&mut self, code: u32, streams: &mut Streams) -> Glyph {
        if let Some(glyph) = self.long.get(&code) {
            return *glyph;
        }
        let (advance, (text, means)) = match &mut self.kind {
            // Simple fonts have no other codes.
            #[allow(clippy::cast_possible_truncation)]
            Kind::Simple(font) => (font.advance(code as u8, streams), font.text(code as u8, streams)),
            Kind::Composite(font) => (font.advance(code), font.text(code, streams)),
        };
        let characters = match text {
            Some(text) => self.strings.keep(&text),
            None if means == Means::Known => Characters::NONE,
            None => Characters::UNKNOWN,
        };
        let glyph = Glyph { advance, characters, means };
        if code > 0xffff {
            self.long.insert(code, glyph);
        } else {
            let page = (code >> 8) as usize;
            if self.pages.len() <= page {
                self.pages.resize_with(page + 1, || None);
            }
            self.pages[page].get_or_insert_with(|| Box::new([None; 256]))[(code & 0xff) as usize] = Some(glyph);
        }
        glyph
    }
}

/// A stream; or, against the specification, the name of a predefined `CMap`, of which `Identity` means the codes are
/// characters.
fn read_to_unicode(dict: &Dict<'_>, streams: &mut Streams) -> ToUnicode {
    let mut map = match dict.get::<Object<'_>>(b"ToUnicode") {
        Some(Object::Stream(stream)) => streams.decode(&stream).map(|data| ToUnicode::parse(&data)),
        Some(Object::Name(name)) if name.starts_with(b"Identity") => {
            Some(ToUnicode::parse(b"beginbfrange <0001> <ffff> <0001>"))
        }
        _ => None,
    }
    .unwrap_or_default();
    if !is_of_symbols(dict) {
        map.make_public();
    }
    map
}

/// Whether a font's name is that of one whose letters are pictures.
fn is_of_symbols(dict: &Dict<'_>) -> bool {
    let name = dict.get::<Name<'_>>(b"BaseFont").map(|name| name.to_ascii_lowercase()).unwrap_or_default();
    let symbols: [&[u8]; 6] = [b"wingding", b"webding", b"dingbat", b"symbol", b"icon", b"awesome"];
    symbols.iter().any(|symbol| name.windows(symbol.len()).any(|part| part == *symbol))
}

fn font_program(descriptor: &Dict<'_>, streams: &mut Streams) -> Option<Program> {
    let stream = FONT_FILES.iter().find_map(|key| descriptor.get::<Stream<'_>>(key))?;
    Program::parse(streams.decode(&stream)?)
}
