//! Columns, found from the white rivers between them.
//!
//! Most writers show text in the order in which it is read, and then nobody knows that order better. It is given up only
//! where it cannot be meant: when line after line jumps across a river that runs down the page and back again, or when
//! lines go up the page.

use super::geometry::Point;
use super::layout::Line;

/// Fewer lines are no columns.
const LINES: usize = 12;
/// A line shorter than this, in font sizes, may be a cell of a table.
const LONG: f32 = 12.0;
/// Share of the long lines that must jump for the order of the content to be given up.
const JUMPING: f32 = 0.5;
/// Share of the lines of a column that must fill it.
const FILLED: f32 = 0.6;
/// Narrowest river, in font sizes.
const RIVER: f32 = 0.7;
/// Share of a page's long lines that each side of a river must have.
const SIDE: f32 = 0.2;

/// A line on an upright page: `x0..x1` along its base line at `y`, which grows downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    x0: f32,
    x1: f32,
    y: f32,
    size: f32,
}

impl Span {
    fn new(line: &Line, right: Point) -> Self {
        let down = Point { x: right.y, y: -right.x };
        let (from, to) = (line.from.dot(right), line.to.dot(right));
        Self { x0: from.min(to), x1: from.max(to), y: line.from.dot(down), size: line.size }
    }

    fn is_long(&self) -> bool {
        self.x1 - self.x0 >= LONG * self.size
    }

    fn crosses(&self, x: f32) -> bool {
        self.x0 < x && x < self.x1
    }
}

/// The order in which the lines are to be read, where it is not the one they come in: indices into `lines`. Lines that
/// run another way than most, such as stamps along the margin, come first if they stand first, else last.
pub(super) fn reading_order(lines: &[Line]) -> Option<Vec<usize>> {
    let right = usual_direction(lines)?;
    let runs_so = |line: &Line| line.direction.dot(right) > 0.99;
    let (usual, others): (Vec<usize>, Vec<usize>) = (0..lines.len()).partition(|i| runs_so(&lines[*i]));
    let spans: Vec<Span> = usual.iter().map(|i| Span::new(&lines[*i], right)).collect();
    let order = order_of(&spans)?;
    let leading = others.iter().take_while(|i| **i < usual[0]).count();
    let (before, after) = others.split_at(leading);
    let ordered = order.into_iter().map(|i| usual[i]);
    Some(before.iter().copied().chain(ordered).chain(after.iter().copied()).collect())
}

/// The direction of most lines, where there is one.
fn usual_direction(lines: &[Line]) -> Option<Point> {
    let runs = |line: &Line, direction: Point| line.direction.dot(direction) > 0.99;
    // Only a majority outlasts such a vote (Boyer and Moore 1981).
    let (mut candidate, mut lead) = (lines.first()?.direction, 0_usize);
    for line in lines {
        match (runs(line, candidate), lead) {
            (true, _) => lead += 1,
            (false, 0) => (candidate, lead) = (line.direction, 1),
            (false, _) => lead -= 1,
        }
    }
    let count = lines.iter().filter(|line| runs(line, candidate)).count();
    (2 * count > lines.len()).then_some(candidate)
}

fn order_of(spans: &[Span]) -> Option<Vec<usize>> {
    if spans.len() < LINES {
        return None;
    }
    let long: Vec<Span> = spans.iter().filter(|span| span.is_long()).copied().collect();
    if long.len() < LINES {
        return None;
    }
    // Of two columns that come row by row, every other step leads to the other side.
    let steps = long.len() - 1;
    if share(count_steps(&long, is_beside), steps / 2) >= JUMPING {
        let rivers = rivers(&long);
        (!rivers.is_empty() && are_filled(&long, &rivers)).then(|| by_columns(spans, &rivers))
    } else if share(count_steps(&long, is_above), steps) >= JUMPING {
        Some(by_columns(spans, &rivers(&long)))
    } else {
        None
    }
}

fn count_steps(long: &[Span], is_jump: fn(&Span, &Span) -> bool) -> usize {
    long.windows(2).filter(|pair| is_jump(&pair[0], &pair[1])).count()
}

/// Whether the step from one line to the next stays on its height and leaves its column.
fn is_beside(before: &Span, after: &Span) -> bool {
    (before.y - after.y).abs() < 0.5 * after.size && (after.x0 >= before.x1 || after.x1 <= before.x0)
}

/// Whether the step from one line to the next leads up within a column.
fn is_above(before: &Span, after: &Span) -> bool {
    before.y - after.y > 0.5 * after.size && after.x0 < before.x1 && before.x0 < after.x1
}

/// Whether most lines reach from one side of their column to the other, as running text does and cells do not.
fn are_filled(long: &[Span], rivers: &[f32]) -> bool {
    (0..=rivers.len()).all(|column| {
        let lines = || {
            let of_column = |span: &&Span| rivers.iter().filter(|river| span.x0 >= **river).count() == column;
            long.iter().filter(of_column).filter(|span| !rivers.iter().any(|river| span.crosses(*river)))
        };
        let left = lines().fold(f32::INFINITY, |least, span| least.min(span.x0));
        let right = lines().fold(f32::NEG_INFINITY, |most, span| most.max(span.x1));
        let full = lines().filter(|span| span.x0 - left < 3.0 * span.size && right - span.x1 < span.size).count();
        share(full, lines().count()) >= FILLED
    })
}

/// Counts of lines fit an `f32`.
#[allow(clippy::cast_precision_loss)]
fn share(part: usize, whole: usize) -> f32 {
    part as f32 / whole.max(1) as f32
}

/// The middles of the rivers that part the long lines, from left to right.
fn rivers(long: &[Span]) -> Vec<f32> {
    let mut edges: Vec<(f32, i32)> = Vec::with_capacity(2 * long.len());
    for span in long {
        edges.push((span.x0, 1));
        edges.push((span.x1, -1));
    }
    edges.sort_by(|a, b| a.0.total_cmp(&b.0));
    let size = long.iter().map(|span| span.size).sum::<f32>() / share(long.len(), 1);
    // A few headings may cross a river.
    let bridges = i32::try_from(long.len() / 20).unwrap_or(0);
    let (mut depth, mut rivers) = (0, Vec::new());
    let mut banks: Option<f32> = None;
    for (x, change) in edges {
        if let Some(start) = banks
            && depth <= bridges
            && x - start >= RIVER * size
        {
            let middle = f32::midpoint(start, x);
            let left = long.iter().filter(|span| span.x1 <= middle).count();
            let right = long.iter().filter(|span| span.x0 >= middle).count();
            if share(left.min(right), long.len()) >= SIDE {
                rivers.push(middle);
            }
        }
        depth += change;
        banks = (depth <= bridges).then_some(x);
    }
    rivers
}

/// Lines that cross a river part the page into bands. Within a band, columns go from left to right.
fn by_columns(spans: &[Span], rivers: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by(|a, b| spans[*a].y.total_cmp(&spans[*b].y));
    // Band, column and row of each line: rows are lines on about the same height.
    let mut places: Vec<(usize, usize, usize, usize)> = Vec::with_capacity(order.len());
    let (mut band, mut row, mut row_y) = (0, 0, f32::NEG_INFINITY);
    for index in order {
        let span = &spans[index];
        if span.y - row_y > 0.3 * span.size {
            row += 1;
            row_y = span.y;
        }
        if rivers.iter().any(|river| span.crosses(*river)) {
            places.push((band + 1, 0, row, index));
            band += 2;
        } else {
            let column = rivers.iter().filter(|river| span.x0 >= **river).count();
            places.push((band, column, row, index));
        }
    }
    let key = |place: &(usize, usize, usize, usize)| (place.0, place.1, place.2);
    places.sort_by(|a, b| key(a).cmp(&key(b)).then(spans[a.3].x0.total_cmp(&spans[b.3].x0)));
    places.into_iter().map(|place| place.3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(x: f32, y: f32, width: f32) -> Line {
        Line {
            start: 0,
            end: 0,
            from: Point { x, y },
            to: Point { x: x + width, y },
            direction: Point { x: 1.0, y: 0.0 },
            size: 10.0,
            is_replaced: false,
        }
    }

    /// Rows from the top: two columns of ten lines below a heading.
    fn rows() -> Vec<Line> {
        let mut lines = vec![line(50.0, 700.0, 500.0)];
        for row in 0..10_u8 {
            let y = 680.0 - 12.0 * f32::from(row);
            lines.push(line(50.0, y, 240.0));
            lines.push(line(310.0, y, 240.0));
        }
        lines
    }

    #[test]
    fn columns_shown_row_by_row_are_read_one_by_one() {
        let order = reading_order(&rows()).unwrap();
        let expected: Vec<usize> = std::iter::once(0).chain((1..21).step_by(2)).chain((2..21).step_by(2)).collect();
        assert_eq!(order, expected);
    }

    #[test]
    fn lines_shown_upwards_are_read_downwards() {
        let lines: Vec<Line> = (0..20_u8).map(|row| line(50.0, 100.0 + 12.0 * f32::from(row), 400.0)).collect();
        assert_eq!(reading_order(&lines), Some((0..20).rev().collect()));
    }

    #[test]
    fn a_stamp_along_the_margin_changes_nothing() {
        let stamp = Line { direction: Point { x: 0.0, y: 1.0 }, ..line(590.0, 100.0, 0.0) };
        let rows = rows();
        let expected = reading_order(&rows).unwrap();
        let last = [&rows[..], &[stamp]].concat();
        assert_eq!(reading_order(&last).unwrap(), [&expected[..], &[21]].concat());
        let first = [&[stamp], &rows[..]].concat();
        let shifted: Vec<usize> = std::iter::once(0).chain(expected.iter().map(|i| i + 1)).collect();
        assert_eq!(reading_order(&first).unwrap(), shifted);
    }

    #[test]
    fn an_order_that_may_be_meant_is_kept() {
        let columns: Vec<Line> = {
            let rows = rows();
            rows.iter().skip(1).step_by(2).chain(rows.iter().skip(2).step_by(2)).copied().collect()
        };
        let table: Vec<Line> =
            rows().iter().map(|row| Line { to: Point { x: row.from.x + 60.0, ..row.to }, ..*row }).collect();
        let turned: Vec<Line> = rows()
            .iter()
            .enumerate()
            .map(|(i, row)| Line { direction: Point { x: 0.0, y: if i % 2 == 0 { 1.0 } else { -1.0 } }, ..*row })
            .collect();
        for (name, lines) in [("column by column", columns), ("cells", table), ("turned", turned)] {
            assert_eq!(reading_order(&lines), None, "{name}");
        }
        assert_eq!(reading_order(&[]), None);
    }
}
