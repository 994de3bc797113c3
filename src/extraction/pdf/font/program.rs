//! What embedded font programs tell about their glyphs: TrueType, Type 1 and CFF (PDF 32000-1 section 9.9).

use std::sync::Arc;

use rustc_hash::FxHashMap;
use skrifa::GlyphId;
use skrifa::font::glyph::outline::{DrawMemory, DrawOptions, PathElement};
use skrifa::font::{Font, Kind};

use super::glyph_name;

/// A parsed font program. Its maps are built when they are asked for.
pub(super) struct Program {
    font: Font,
    /// From glyphs to characters, from the program's Unicode `cmap`.
    characters: Option<FxHashMap<u32, char>>,
}

impl Program {
    pub(super) fn parse(data: Vec<u8>) -> Option<Self> {
        let data: Arc<dyn AsRef<[u8]> + Send + Sync> = Arc::new(data);
        Font::new(data, 0).map(|font| Self { font, characters: None })
    }

    fn is_sfnt(&self) -> bool {
        matches!(self.font.kind(), Kind::Sfnt(..))
    }

    /// The glyph of a code of a simple font, by the program's own encoding or `cmap` (section 9.6.6.4).
    pub(super) fn glyph_of_code(&self, code: u8) -> Option<u32> {
        let charmap = self.font.charmap();
        let code = u32::from(code);
        let find = |ids: (u16, u16), offsets: &[u32]| {
            let encoding = charmap.encodings().find(|encoding| encoding.sfnt_ids() == Some(ids))?;
            offsets.iter().find_map(|offset| charmap.map_code(encoding, code + offset))
        };
        let glyph = if self.is_sfnt() {
            find((3, 0), &[0xf000, 0, 0xf100, 0xf200]).or_else(|| find((1, 0), &[0])).or_else(|| find((3, 1), &[0]))
        } else {
            let unicode = |encoding: &skrifa::raw::model::charmap::Encoding| {
                encoding.kind() == skrifa::raw::model::charmap::EncodingKind::Unicode
            };
            let native = charmap.encodings().find(|encoding| !unicode(encoding))?;
            charmap.map_code(native, code)
        };
        glyph.map(GlyphId::to_u32)
    }

    /// The glyph with a name.
    pub(super) fn glyph_of_name(&self, name: &str) -> Option<u32> {
        self.font.glyph_by_name(name).map(GlyphId::to_u32)
    }

    /// The glyph of a CID, for programs whose glyphs carry CIDs; in others they are numbered.
    pub(super) fn glyph_of_cid(&self, cid: u32) -> u32 {
        if self.is_sfnt() { cid } else { self.font.glyph_by_cid(cid).map_or(cid, GlyphId::to_u32) }
    }

    /// Whether a glyph exists and has no outline.
    pub(super) fn is_empty(&self, glyph: u32) -> bool {
        let glyphs = self.font.outline_glyphs();
        let mut path: Vec<PathElement> = Vec::new();
        let drawn = glyphs
            .get(GlyphId::new(glyph))
            .is_some_and(|outline| outline.draw(&DrawOptions::default(), DrawMemory::Scratch, &mut path).is_ok());
        drawn && path.is_empty()
    }

    /// What a glyph reads as: by its name, else by the character that the program's `cmap` shows it for.
    pub(super) fn text_of_glyph(&mut self, glyph: u32) -> Option<String> {
        if glyph == 0 {
            return None;
        }
        let name = self.font.glyph_name(GlyphId::new(glyph)).filter(|name| !name.is_synthesized());
        if let Some(text) = name.and_then(|name| glyph_name::text(name.as_str())) {
            return Some(text);
        }
        let font = &self.font;
        let characters = self.characters.get_or_insert_with(|| characters(font));
        characters.get(&glyph).map(char::to_string)
    }
}

/// Several characters may show one glyph; the first in a plane of letters is taken, spaces and private ones last.
fn characters(font: &Font) -> FxHashMap<u32, char> {
    let charmap = font.charmap();
    let mut characters = FxHashMap::default();
    // A symbol map's characters are codes, and a Macintosh one's are what the font was made from.
    if charmap.unicode_is_symbol() {
        return characters;
    }
    let limit = font.num_glyphs() as usize + 0x1_0000;
    for (code, glyph) in charmap.unicodes().take(limit) {
        let Some(c) = char::from_u32(code).filter(|c| !c.is_control()) else {
            continue;
        };
        let is_poor = |c: char| c.is_whitespace() || matches!(c, '\u{ad}' | '\u{e000}'..='\u{f8ff}');
        characters
            .entry(glyph.to_u32())
            .and_modify(|kept| {
                if is_poor(*kept) && !is_poor(c) {
                    *kept = c;
                }
            })
            .or_insert(c);
    }
    characters
}
