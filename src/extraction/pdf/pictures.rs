//! Images on a page that has text, which may show more text: a scanned annex below a heading, a table pasted as a picture.

use rustc_hash::FxHashMap;

use super::forms::Id;
use super::geometry::{Point, Rectangle};
use super::layout::Line;
use super::page::Outcome;

/// Share of the page from which on an image may show text that is worth reading: a scanned page below a heading does,
/// mastheads, advertisements (up to 0.57 in real gazettes), emblems and signatures are smaller.
const LARGE_FROM: f32 = 0.65;
/// An image with more bytes of text on it is a background.
const TEXT_BYTES: usize = 60;
/// An image on more pages than this is a letterhead or a background.
const REPEATED_FROM: usize = 3;

/// An image on a page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Picture {
    /// In page space; what lies outside of the page is cut away.
    pub place: Rectangle,
    /// None for inline images.
    pub id: Option<Id>,
}

/// Whether an image at this place of a page is large enough to be looked at.
pub(super) fn is_large(place: Rectangle, page: Rectangle) -> bool {
    place.area() >= page.area() * LARGE_FROM
}

/// Those of the large images on which no text lies.
pub(super) fn without_text(pictures: &[Picture], lines: &[Line]) -> Vec<Option<Id>> {
    let on = |place: Rectangle, line: &&Line| {
        let middle = Point { x: (line.from.x + line.to.x) / 2.0, y: (line.from.y + line.to.y) / 2.0 };
        (place.x0..=place.x1).contains(&middle.x) && (place.y0..=place.y1).contains(&middle.y)
    };
    let bytes = |place| lines.iter().filter(|line| on(place, line)).map(|line| line.end - line.start).sum::<usize>();
    pictures.iter().filter(|picture| bytes(picture.place) <= TEXT_BYTES).map(|picture| picture.id).collect()
}

/// Images that come again and again in a document.
#[derive(Debug)]
pub(super) struct Repeated(FxHashMap<Id, usize>);

impl Repeated {
    pub(super) fn of(pages: &[Outcome]) -> Self {
        let mut seen = FxHashMap::default();
        for id in pages.iter().flat_map(|page| &page.pictures).flatten() {
            *seen.entry(*id).or_default() += 1;
        }
        Self(seen)
    }

    /// Whether the page has an image of its own among these.
    pub(super) fn leaves_any(&self, pictures: &[Option<Id>]) -> bool {
        pictures.iter().any(|id| id.is_none_or(|id| self.0.get(&id).copied().unwrap_or(0) < REPEATED_FROM))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_with_text_on_it_is_a_background() {
        let place = Rectangle { x0: 0.0, y0: 0.0, x1: 100.0, y1: 100.0 };
        let line = |x, bytes| Line {
            start: 0,
            end: bytes,
            from: Point { x, y: 50.0 },
            to: Point { x: x + 40.0, y: 50.0 },
            direction: Point { x: 1.0, y: 0.0 },
            size: 10.0,
            is_replaced: false,
        };
        let picture = Picture { place, id: Some((7, 0)) };
        for (lines, left) in [
            (vec![], 1),
            (vec![line(10.0, 20)], 1),
            (vec![line(200.0, 500)], 1),
            (vec![line(10.0, 40), line(20.0, 40)], 0),
        ] {
            assert_eq!(without_text(&[picture], &lines).len(), left, "{lines:?}");
        }
        let page = Rectangle { x1: 600.0, y1: 800.0, ..place };
        assert!(!is_large(place, page) && is_large(Rectangle { x1: 580.0, y1: 560.0, ..place }, page));
    }
}
