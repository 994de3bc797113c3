//! From placed glyphs to lines of text.
//!
//! Glyphs come in the order of the content. Each is compared with the place where the one before it ended: next to it,
//! it continues the word; a little further, a space goes between; elsewhere, it begins a line. All of it happens as the
//! glyphs come, so the cost is that of writing the text down.

use super::font::{Characters, SOFT_HYPHEN, Strings};
use super::geometry::{Point, Rectangle};

/// Gaps from here on, in font sizes, are spaces, where the font has none to measure them by.
pub(super) const SPACE_FROM: f32 = 0.15;
/// Gaps from here on, in font sizes, along or across the line, begin a new line: of a table, or of another column.
const LINE_FROM: f32 = 0.8;
/// Spaces from here on, in font sizes, may be the white space between two columns.
const RIFT_FROM: f32 = 0.45;
/// Cosine of the largest angle between two glyphs of a line.
const SAME_DIRECTION: f32 = 0.999;
/// The same character again, no further away than this in font sizes, is one that is printed twice to look bold.
const TWICE_WITHIN: f32 = 0.1;
/// Glyphs of the line, back from the end, among which a doubled one is looked for.
const TWICE_AMONG: usize = 256;

/// What the glyphs of one shown string have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// Along the line of writing, of length 1, in page space.
    pub direction: Point,
    /// The font size in page space.
    pub size: f32,
    /// Gaps from here on are spaces, in page space.
    pub space_from: f32,
    pub is_vertical: bool,
}

/// A line, and where it stands on the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    /// Range of the page's text, in bytes.
    pub start: usize,
    pub end: usize,
    /// Where its first glyph begins and its last one ends, on the base line.
    pub from: Point,
    pub to: Point,
    /// Along the line of writing, of length 1.
    pub direction: Point,
    /// The largest font size in it.
    pub size: f32,
    /// Some of it is what the writer says that it reads as, which is in the order of reading.
    pub is_replaced: bool,
}

/// White space within a line that may lie between two columns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rift {
    /// The index of the line.
    pub line: usize,
    /// Where the page's text goes on behind it, in bytes.
    pub at: usize,
    pub left: Point,
    pub right: Point,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap {
    None,
    Space,
    Line,
}

/// Collects the glyphs of one page.
#[derive(Debug)]
pub(super) struct Layout {
    text: String,
    lines: Vec<Line>,
    rifts: Vec<Rift>,
    /// Glyphs outside of it cannot be seen and are not read.
    pub visible: Rectangle,
    run: Run,
    /// Whether the run cannot go on in the line of the one before.
    is_turned: bool,
    /// Where the last glyph ended.
    pen: Point,
    /// The glyphs of the current line, for finding doubled ones.
    glyphs: Vec<(Point, Characters)>,
    /// Text that replaces the glyphs to come, and whether it was written already.
    replacement: Option<(String, bool)>,
}

impl Layout {
    pub(super) fn new(visible: Rectangle) -> Self {
        Self {
            text: String::new(),
            lines: Vec::new(),
            rifts: Vec::new(),
            visible,
            run: Run { direction: Point { x: 1.0, y: 0.0 }, size: 0.0, space_from: 0.0, is_vertical: false },
            is_turned: true,
            pen: Point::default(),
            glyphs: Vec::new(),
            replacement: None,
        }
    }

    pub(super) fn begin_run(&mut self, run: Run) {
        let same = run.is_vertical == self.run.is_vertical;
        let goes_on = self.lines.last().is_some_and(|line| line.direction.dot(run.direction) >= SAME_DIRECTION);
        self.is_turned = !(same && goes_on);
        self.run = run;
    }

    /// Reads `text` in place of the glyphs up to the end of the replacement (`ActualText`, section 14.9.4).
    pub(super) fn begin_replacement(&mut self, text: String) {
        self.replacement = Some((text, false));
    }

    pub(super) fn end_replacement(&mut self) {
        self.replacement = None;
    }

    /// A glyph from `from` to `to` on its base line, in page space.
    #[inline]
    pub(super) fn glyph(&mut self, from: Point, to: Point, characters: Characters, strings: &Strings) {
        if !self.is_visible(from, to) {
            return;
        }
        let size = self.run.size;
        let moved = from.minus(self.pen);
        let along = moved.dot(self.run.direction);
        let across = self.run.direction.cross(moved);
        let gap = if self.is_turned { Gap::Line } else { gap(along, across, &self.run) };
        if along < -SPACE_FROM * size && !self.is_turned && self.is_twice(from, characters) {
            return;
        }
        if self.replacement.is_some() {
            self.replaced(gap, from, to);
            return;
        }
        match gap {
            Gap::None => {}
            Gap::Space => {
                self.space();
                if along >= RIFT_FROM * size {
                    self.rift(from);
                }
            }
            Gap::Line => self.begin_line(from),
        }
        match characters.as_char() {
            Some(' ') => self.space(),
            Some(c) => self.text.push(c),
            None => self.text.push_str(strings.get(characters)),
        }
        self.glyphs.push((from, characters));
        self.move_pen(to);
    }

    fn move_pen(&mut self, to: Point) {
        self.pen = to;
        if let Some(line) = self.lines.last_mut() {
            line.to = to;
            line.size = line.size.max(self.run.size);
        }
    }

    /// A little of the glyph must be on the page, which may also stand on its head.
    fn is_visible(&self, from: Point, to: Point) -> bool {
        let Rectangle { x0, y0, x1, y1 } = self.visible;
        let size = self.run.size;
        // Also false for what is not a number.
        from.x.max(to.x) + size >= x0
            && from.x.min(to.x) - size <= x1
            && from.y.max(to.y) + size >= y0
            && from.y.min(to.y) - size <= y1
    }

    #[cold]
    fn is_twice(&self, from: Point, characters: Characters) -> bool {
        let within = self.run.size * TWICE_WITHIN;
        let recent = self.glyphs.iter().rev().take(TWICE_AMONG);
        let mut twins = recent.filter(|(_, other)| *other == characters);
        twins.any(|(place, _)| (place.x - from.x).abs() < within && (place.y - from.y).abs() < within)
    }

    #[cold]
    fn replaced(&mut self, gap: Gap, from: Point, to: Point) {
        let Some((text, written)) = &mut self.replacement else {
            return;
        };
        let text = if *written { String::new() } else { std::mem::take(text) };
        let begins = !std::mem::replace(written, true);
        if begins {
            match gap {
                Gap::None => {}
                Gap::Space => self.space(),
                Gap::Line => self.begin_line(from),
            }
            if let Some(line) = self.lines.last_mut() {
                line.is_replaced = true;
            }
            // A soft hyphen that is not drawn is none within a line.
            for c in text.chars().filter(|c| *c != SOFT_HYPHEN) {
                super::font::push_clean(&mut self.text, c);
            }
        } else if self.is_turned {
            self.is_turned = false;
        }
        self.move_pen(to);
    }

    fn rift(&mut self, right: Point) {
        let line = self.lines.len().saturating_sub(1);
        self.rifts.push(Rift { line, at: self.text.len(), left: self.pen, right });
    }

    fn space(&mut self) {
        if !self.text.ends_with(' ') {
            self.text.push(' ');
        }
    }

    fn begin_line(&mut self, from: Point) {
        let start = self.text.len();
        if let Some(line) = self.lines.last_mut() {
            line.end = start;
        }
        self.glyphs.clear();
        self.is_turned = false;
        let Run { direction, size, .. } = self.run;
        self.lines.push(Line { start, end: start, from, to: from, direction, size, is_replaced: false });
    }

    /// The text, and the lines and rifts in it in the order of the content.
    pub(super) fn finish(mut self) -> (String, Vec<Line>, Vec<Rift>) {
        if let Some(line) = self.lines.last_mut() {
            line.end = self.text.len();
        }
        (self.text, self.lines, self.rifts)
    }
}

/// `along` the line of writing and `across` it, from the end of a glyph to the beginning of the next.
fn gap(along: f32, across: f32, Run { size, space_from, .. }: &Run) -> Gap {
    if across.abs() >= LINE_FROM * size || along.abs() >= LINE_FROM * size {
        Gap::Line
    } else if along >= *space_from {
        Gap::Space
    } else {
        // Also a little way back: letters that are set closely.
        Gap::None
    }
}
