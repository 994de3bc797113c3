//! Clipping by rectangles (PDF 32000-1 section 8.5.4).
//!
//! Writers clip cells, columns and pages by rectangles. Paths of another shape clip nothing here: to read a text that
//! cannot be seen is the smaller mistake.

use super::geometry::{Matrix, Point, Rectangle};

/// The path that is being made, as far as clipping needs it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Path {
    /// Round all of its rectangles, in page space.
    bounds: Option<Rectangle>,
    /// It has more than upright rectangles.
    is_other: bool,
    /// `W` or `W*` was read.
    clips: bool,
}

impl Path {
    /// `re`
    pub(super) fn rectangle(&mut self, [x, y, width, height]: [f32; 4], ctm: Matrix) {
        let (a, b) = (ctm.apply(Point { x, y }), ctm.apply(Point { x: x + width, y: y + height }));
        let is_upright = (ctm.b == 0.0 && ctm.c == 0.0) || (ctm.a == 0.0 && ctm.d == 0.0);
        self.is_other |= !is_upright;
        let rectangle = Rectangle { x0: a.x.min(b.x), y0: a.y.min(b.y), x1: a.x.max(b.x), y1: a.y.max(b.y) };
        self.bounds = Some(self.bounds.map_or(rectangle, |bounds| bounds.union(rectangle)));
    }

    /// `m`
    pub(super) fn begin(&mut self) {
        self.is_other = true;
    }

    /// `W` and `W*`
    pub(super) fn clips(&mut self) {
        self.clips = true;
    }

    /// The path was painted or not: what can be seen from now on, of what could be seen before.
    pub(super) fn end(&mut self, visible: Rectangle) -> Rectangle {
        match std::mem::take(self) {
            Self { bounds: Some(bounds), is_other: false, clips: true } => visible.intersection(bounds),
            _ => visible,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_clip_and_other_paths_do_not() {
        let page = Rectangle { x0: 0.0, y0: 0.0, x1: 100.0, y1: 100.0 };
        let scaled = Matrix::new([2.0, 0.0, 0.0, -2.0, 0.0, 100.0]);
        let half = Rectangle { x0: 0.0, y0: 0.0, x1: 50.0, y1: 100.0 };
        let mut path = Path::default();
        path.rectangle([0.0, 0.0, 25.0, 50.0], scaled);
        assert_eq!(path.end(page), page, "no W");
        path.rectangle([0.0, 0.0, 25.0, 50.0], scaled);
        path.clips();
        assert_eq!(path.end(page), half);
        path.rectangle([0.0, 0.0, 5.0, 5.0], scaled);
        path.rectangle([20.0, 45.0, 5.0, 5.0], scaled);
        path.clips();
        assert_eq!(path.end(page), half, "several");
        path.begin();
        path.rectangle([0.0, 0.0, 5.0, 5.0], scaled);
        path.clips();
        assert_eq!(path.end(page), page, "another shape");
        path.rectangle([0.0, 0.0, 5.0, 5.0], Matrix::new([0.7, 0.7, -0.7, 0.7, 0.0, 0.0]));
        path.clips();
        assert_eq!(path.end(page), page, "turned");
        path.clips();
        assert_eq!(path.end(page), page, "no path");
    }
}
