//! Composite fonts: codes of one to four bytes, through a `CMap` to the glyphs of a `CIDFont` (PDF 32000-1 section 9.7).

use hayro_cmap::{BfString, CMap, CMapName, CidFamily, WritingMode, load_embedded};
use hayro_syntax::object::{Array, Dict, Name, Object, Stream};

use super::glyph_name;
use super::program::Program;
use super::to_unicode::ToUnicode;
use super::{Lazy, Means, is_space};
use crate::extraction::pdf::lexer::{Lexer, Token};
use crate::extraction::pdf::stream::Streams;

/// How codes are cut from a string and become CIDs.
enum Encoding {
    /// Two bytes, and the code is the CID.
    Identity,
    Mapped(Box<CMap>, Codespaces),
}

/// What is needed to fill in a code of the table.
pub(super) struct CompositeFont<'a> {
    encoding: Encoding,
    pub is_vertical: bool,
    /// The codes of the encoding are characters already, as in `UniJIS-UTF16-H`.
    codes_are_unicode: bool,
    to_unicode: ToUnicode,
    /// From the CIDs of a known collection to characters.
    from_cid: Lazy<Option<CMap>>,
    collection: Option<CidFamily>,
    advances: Advances,
    vertical_advance: f32,
    cid_to_gid: Lazy<Option<Vec<u8>>>,
    program: Lazy<Option<Program>>,
    descendant: Dict<'a>,
}

impl<'a> CompositeFont<'a> {
    pub(super) fn new(dict: &Dict<'a>, to_unicode: ToUnicode, streams: &mut Streams) -> Self {
        let descendants = dict.get::<Array<'a>>(b"DescendantFonts");
        let descendant = descendants.and_then(|array| array.iter::<Dict<'a>>().next()).unwrap_or_default();
        let name = dict.get::<Name<'_>>(b"Encoding");
        let (cmap, codespaces) = match dict.get::<Object<'_>>(b"Encoding") {
            Some(Object::Name(name)) if !name.starts_with(b"Identity") => {
                let cmap = load_embedded(CMapName::from_bytes(&name)).and_then(|data| CMap::parse(data, load_embedded));
                (cmap, Codespaces::default())
            }
            Some(Object::Stream(stream)) => {
                let data = streams.decode(&stream);
                let cmap = data.as_ref().and_then(|data| CMap::parse(data, load_embedded));
                (cmap, Codespaces::read(data.as_deref().unwrap_or_default()))
            }
            _ => (None, Codespaces::default()),
        };
        let named_vertical = name.as_ref().is_some_and(|name| name.ends_with(b"-V") || **name == *b"V");
        let is_vertical = cmap
            .as_ref()
            .and_then(|cmap| cmap.metadata().writing_mode)
            .map_or(named_vertical, |mode| mode == WritingMode::Vertical);
        let of_encoding = cmap.as_ref().and_then(|cmap| cmap.metadata().character_collection.clone());
        let collection = of_encoding
            .map(|collection| collection.family)
            .filter(|family| family.ucs2_cmap().is_some())
            .or_else(|| collection(&descendant));
        let vertical = descendant.get::<Array<'_>>(b"DW2").and_then(|array| array.iter::<f32>().nth(1));
        Self {
            encoding: cmap.map_or(Encoding::Identity, |cmap| Encoding::Mapped(Box::new(cmap), codespaces)),
            is_vertical,
            codes_are_unicode: name.is_some_and(|name| name.starts_with(b"Uni") && !is_utf8_or_32(&name)),
            to_unicode,
            from_cid: Lazy::default(),
            collection,
            advances: Advances::read(&descendant),
            vertical_advance: vertical.unwrap_or(-1000.0) * 0.001,
            cid_to_gid: Lazy::default(),
            program: Lazy::default(),
            descendant,
        }
    }

    pub(super) fn is_identity(&self) -> bool {
        matches!(self.encoding, Encoding::Identity)
    }

    /// The next code of a string, and how many bytes it has. The string is not empty.
    pub(super) fn next_code(&self, string: &[u8]) -> (u32, usize) {
        let mut code = 0;
        match &self.encoding {
            Encoding::Identity => match string {
                [high, low, ..] => (u32::from(*high) << 8 | u32::from(*low), 2),
                rest => (rest.first().map_or(0, |byte| u32::from(*byte)), 1),
            },
            Encoding::Mapped(cmap, codespaces) => {
                for (length, byte) in (1..=4).zip(string) {
                    code = code << 8 | u32::from(*byte);
                    if cmap.lookup_cid_code(code, length).is_some() {
                        return (code, usize::from(length));
                    }
                }
                // Not in the map, and still a code.
                let code = &string[..codespaces.length(string).min(string.len())];
                (code.iter().fold(0, |all, byte| all << 8 | u32::from(*byte)), code.len())
            }
        }
    }

    fn cid(&self, code: u32) -> u32 {
        match &self.encoding {
            Encoding::Identity => code,
            Encoding::Mapped(cmap, _) => (1..=4).find_map(|length| cmap.lookup_cid_code(code, length)).unwrap_or(0),
        }
    }

    /// In text space units at size 1, along the line of writing: downwards is positive.
    pub(super) fn advance(&self, code: u32) -> f32 {
        if self.is_vertical { self.vertical_advance.abs() } else { self.advances.get(self.cid(code)) * 0.001 }
    }

    /// How wide its space is, in text space units at size 1. No font program is opened for it.
    pub(super) fn space(&self) -> Option<f32> {
        let mapped = self.to_unicode.codes_of(' ');
        let encoded = self.codes_are_unicode.then_some(u32::from(b' '));
        // The collections of known characters all begin with it.
        let first = (self.is_identity() && self.collection.as_ref().is_some_and(|family| family.ucs2_cmap().is_some()))
            .then_some(1);
        mapped.chain(encoded).chain(first).map(|code| self.advance(code)).find(|width| is_space(*width))
    }

    /// The text of a code by the best means there is.
    pub(super) fn text(&mut self, code: u32, streams: &mut Streams) -> (Option<String>, Means) {
        if let Some(text) = self.to_unicode.get(code) {
            return (Some(text), Means::Known);
        }
        if self.codes_are_unicode
            && let Some(text) = from_utf16(code)
        {
            return (Some(text), Means::Known);
        }
        let cid = self.cid(code);
        if let Some(text) = self.collection_text(cid).or_else(|| self.program_text(cid, streams)) {
            return (Some(text), Means::Known);
        }
        if self.to_unicode.is_empty()
            && let Some(text) = guess(cid, self.has_map())
        {
            return (Some(text), Means::Guessed);
        }
        if self.shows_nothing(cid, streams) {
            return (Some(" ".into()), Means::Guessed);
        }
        (None, Means::Unknown)
    }

    /// Whether a glyph that no table explains shows nothing. Maps often leave the space out.
    fn shows_nothing(&mut self, cid: u32, streams: &mut Streams) -> bool {
        match self.program_glyph(cid, streams) {
            Some((program, glyph)) => program.is_empty(glyph),
            // Fonts for Windows and the Macintosh have it there.
            None => cid == SPACE_GLYPH && self.is_identity(),
        }
    }

    /// Whether a stream says which glyphs the CIDs stand for.
    fn has_map(&self) -> bool {
        self.descendant.get::<Stream<'_>>(b"CIDToGIDMap").is_some()
    }

    fn collection_text(&mut self, cid: u32) -> Option<String> {
        let name = self.collection.as_ref()?.ucs2_cmap()?;
        let load = || load_embedded(name).and_then(|data| CMap::parse(data, load_embedded));
        match self.from_cid.get_or_insert_with(load).as_ref()?.lookup_bf_string(cid)? {
            BfString::Char(c) => Some(c.into()),
            BfString::String(text) => Some(text),
        }
    }

    fn program_text(&mut self, cid: u32, streams: &mut Streams) -> Option<String> {
        let (program, glyph) = self.program_glyph(cid, streams)?;
        program.text_of_glyph(glyph)
    }

    /// The glyph of a CID in the font program, where there is one.
    fn program_glyph(&mut self, cid: u32, streams: &mut Streams) -> Option<(&mut Program, u32)> {
        let descendant = &self.descendant;
        let map = self.cid_to_gid.get_or_insert_with(|| {
            let stream = descendant.get::<Stream<'_>>(b"CIDToGIDMap")?;
            streams.decode(&stream)
        });
        let program = self.program.get_or_insert_with(|| {
            let descriptor = descendant.get::<Dict<'_>>(b"FontDescriptor")?;
            super::font_program(&descriptor, streams)
        });
        let program = program.as_mut()?;
        let glyph = match map {
            Some(map) => {
                let at = usize::try_from(cid).ok()?.checked_mul(2)?;
                let pair = map.get(at..at + 2)?;
                u32::from(pair[0]) << 8 | u32::from(pair[1])
            }
            None => program.glyph_of_cid(cid),
        };
        Some((program, glyph))
    }
}

/// The number of the space among glyphs in the usual order.
const SPACE_GLYPH: u32 = 3;

/// The codespace ranges of an embedded `CMap` (section 9.7.6.2): how many bytes a code has, by its first ones.
#[derive(Default)]
struct Codespaces(Vec<(Vec<u8>, Vec<u8>)>);

impl Codespaces {
    /// More are not to be believed.
    const MOST: usize = 256;

    fn read(data: &[u8]) -> Self {
        let (mut lexer, mut strings) = (Lexer::new(data), Vec::new());
        let (mut ranges, mut low, mut inside) = (Vec::new(), None, false);
        while ranges.len() < Self::MOST {
            strings.clear();
            match lexer.next(&mut strings) {
                Some(Token::Keyword(keyword)) => (inside, low) = (keyword == b"begincodespacerange", None),
                Some(Token::Decoded(..)) if inside && (1..=4).contains(&strings.len()) => match low.take() {
                    Some(low) => ranges.push((low, strings.clone())),
                    None => low = Some(strings.clone()),
                },
                Some(_) => {}
                None => break,
            }
        }
        Self(ranges)
    }

    /// The length of the code that a string begins with; where no range says so, that of the shortest codes, else two
    /// as nearly all have.
    fn length(&self, string: &[u8]) -> usize {
        let holds = |(low, high): &&(Vec<u8>, Vec<u8>)| {
            let bounds = low.iter().zip(high).zip(string);
            low.len() <= string.len() && bounds.into_iter().all(|((low, high), byte)| (low..=high).contains(&byte))
        };
        let shortest = || self.0.iter().map(|(low, _)| low.len()).min();
        self.0.iter().find(holds).map(|(low, _)| low.len()).or_else(shortest).unwrap_or(2)
    }
}

/// Fonts for Windows and the Macintosh number their first glyphs alike, as `post` tables of format 1 list them. Writers
/// that leave out every table mostly keep those numbers. Beyond them, numbers that read as letters are taken for such, and
/// so are those of Latin text where glyphs are numbered otherwise (`is_mapped`): some writers take characters for CIDs. Others
/// number by themselves, which gives characters of every script.
fn guess(cid: u32, is_mapped: bool) -> Option<String> {
    if is_mapped {
        let is_latin = |c: &char| !c.is_control() && matches!(c, '\0'..='\u{24f}' | '\u{2010}'..='\u{20bf}');
        return char::from_u32(cid).filter(is_latin).map(String::from);
    }
    let names = skrifa::raw::tables::post::DEFAULT_GLYPH_NAMES;
    match usize::try_from(cid).ok().and_then(|cid| names.get(cid)) {
        Some(name) => glyph_name::text(name),
        None => char::from_u32(cid).filter(|c| c.is_alphanumeric()).map(String::from),
    }
}

/// Predefined `CMap`s over UTF-8 and UTF-32 do not exist in files; embedded ones are read through their own tables.
fn is_utf8_or_32(name: &[u8]) -> bool {
    name.windows(4).any(|part| part == b"UTF8") || name.windows(5).any(|part| part == b"UTF32")
}

/// A code of two bytes, or a surrogate pair.
fn from_utf16(code: u32) -> Option<String> {
    let units = [u16::try_from(code >> 16).ok()?, u16::try_from(code & 0xffff).ok()?];
    let units = if units[0] == 0 { &units[1..] } else { &units[..] };
    String::from_utf16(units).ok().filter(|text| text != "\0")
}

fn collection(descendant: &Dict<'_>) -> Option<CidFamily> {
    let info = descendant.get::<Dict<'_>>(b"CIDSystemInfo")?;
    let registry = info.get::<hayro_syntax::object::String<'_>>(b"Registry")?;
    let ordering = info.get::<hayro_syntax::object::String<'_>>(b"Ordering")?;
    Some(CidFamily::from_registry_ordering(registry.as_bytes(), ordering.as_bytes()))
}

/// The `W` array (section 9.7.4.3), in thousandths of text space units.
#[derive(Default)]
struct Advances {
    /// First and last CID, and where the width of the first one lies in `widths`; sorted.
    runs: Vec<Run>,
    widths: Vec<f32>,
    default: f32,
}

#[derive(Clone, Copy)]
struct Run {
    first: u32,
    last: u32,
    start: usize,
    /// All have the width of the first.
    is_constant: bool,
}

impl Advances {
    fn read(descendant: &Dict<'_>) -> Self {
        let mut table = Self { default: descendant.get::<f32>(b"DW").unwrap_or(1000.0), ..Self::default() };
        let Some(array) = descendant.get::<Array<'_>>(b"W") else {
            return table;
        };
        let mut objects = array.iter::<Object<'_>>();
        while let Some(first) = objects.next() {
            let Some(first) = whole(&first) else { continue };
            let start = table.widths.len();
            match objects.next() {
                Some(Object::Array(widths)) => {
                    table.widths.extend(widths.iter::<f32>());
                    let count = u32::try_from(table.widths.len() - start).unwrap_or(0);
                    if count > 0 {
                        let last = first.saturating_add(count - 1);
                        table.runs.push(Run { first, last, start, is_constant: false });
                    }
                }
                Some(last) => {
                    let width = objects.next().and_then(Object::into_f32);
                    if let (Some(last), Some(width)) = (whole(&last), width) {
                        table.widths.push(width);
                        table.runs.push(Run { first, last, start, is_constant: true });
                    }
                }
                None => break,
            }
        }
        table.runs.sort_by_key(|run| run.first);
        table
    }

    fn get(&self, cid: u32) -> f32 {
        let after = self.runs.partition_point(|run| run.first <= cid);
        let run = after.checked_sub(1).map(|at| self.runs[at]).filter(|run| cid <= run.last);
        let Some(run) = run else { return self.default };
        let offset = if run.is_constant { 0 } else { (cid - run.first) as usize };
        self.widths.get(run.start + offset).copied().unwrap_or(self.default)
    }
}

fn whole(object: &Object<'_>) -> Option<u32> {
    match object {
        Object::Number(number) => u32::try_from(number.as_i64()).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_as_long_as_the_codespace_says() {
        let single = Codespaces::read(b"1 begincodespacerange <00> <ff> endcodespacerange begincidrange <41><7e> 1");
        let mixed = Codespaces::read(b"2 begincodespacerange <00> <80> <8140> <9ffc> endcodespacerange");
        assert_eq!((single.length(b" d"), single.length(b"\xff")), (1, 1));
        assert_eq!((mixed.length(b"ab"), mixed.length(b"\x81\x40"), mixed.length(b"\xff\xff")), (1, 2, 1));
        assert_eq!(Codespaces::read(b"").length(b"ab"), 2);
    }
}
