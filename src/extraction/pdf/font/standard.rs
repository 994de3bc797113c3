//! Fonts that are not embedded: widths and characters of the 14 standard fonts (PDF 32000-1 section 9.6.2.2).

use std::sync::Arc;

use hayro_cmap::BfString;
use hayro_font::{CMapResolverFn, Font, FontCache, FontGlyph, FontQuery, FontResolverFn};
use hayro_syntax::object::{Dict, Stream};

use crate::extraction::pdf::stream::Streams;

/// The standard font that a font dictionary names, or the one that is most like it.
pub(super) struct StandardFont<'a>(Font<'a>);

impl<'a> StandardFont<'a> {
    pub(super) fn new(dict: &Dict<'a>, streams: &mut Streams) -> Option<Self> {
        // What is read here without a cap must pass one first.
        let descriptor = dict.get::<Dict<'_>>(b"FontDescriptor").unwrap_or_default();
        let own = dict.get::<Stream<'_>>(b"ToUnicode");
        let programs = super::FONT_FILES.iter().filter_map(|key| descriptor.get::<Stream<'_>>(key));
        if own.into_iter().chain(programs).any(|stream| streams.decode(&stream).is_none()) {
            return None;
        }
        let fonts: FontResolverFn = Arc::new(|query| match query {
            FontQuery::Standard(font) => Some(font.get_font_data()),
            FontQuery::Fallback(query) => Some(query.pick_standard_font().get_font_data()),
        });
        let maps: CMapResolverFn = Arc::new(|_| None);
        FontCache::new().font(dict, &fonts, &maps).map(Self)
    }

    /// In thousandths of an em.
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn advance(&self, code: u8) -> f32 {
        self.0.code_advance(u32::from(code)).x as f32
    }

    pub(super) fn text(&self, code: u8) -> Option<String> {
        let code = u32::from(code);
        let FontGlyph::Outline(glyph) = self.0.glyph(self.0.map_code(code), code) else {
            return None;
        };
        glyph.as_unicode().map(|text| match text {
            BfString::Char(c) => c.to_string(),
            BfString::String(text) => text,
        })
    }
}
