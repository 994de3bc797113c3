//! How much a page's text can be trusted.

use super::font::Means;

/// What was seen while a page was read.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Tally {
    pub glyphs: u64,
    pub guessed: u64,
    pub unknown: u64,
    /// Area that images cover, in page space; overlaps count twice.
    pub image_area: f32,
}

impl Tally {
    #[inline]
    pub(super) fn glyph(&mut self, means: Means) {
        self.glyphs += 1;
        match means {
            Means::Known => {}
            Means::Guessed => self.guessed += 1,
            Means::Unknown => self.unknown += 1,
        }
    }

    pub(super) fn image(&mut self, area: f32) {
        self.image_area += area;
    }
}
