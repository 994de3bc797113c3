//! The order in which the lines of a page are read.
//!
//! Most writers show text in the order in which it is read, and then nobody knows that order better. It is given up only
//! where it cannot be meant: in [`bands`] of columns where line after line jumps across a river and back again, and on
//! pages whose lines go up.

use super::bands::{self, Piece};
use super::geometry::Point;
use super::layout::{Line, Rift};

/// Fewer lines are no columns.
const LINES: usize = 12;
/// Fewer lines that jump are no band of columns.
const JUMPS: usize = 5;
/// A line shorter than this, in font sizes, is no line of a column.
const CELL: f32 = 5.0;
/// A line shorter than this, in font sizes, may be a cell of a table.
const LONG: f32 = 12.0;
/// Share of the long lines that must lead up for the order of the content to be given up.
const LEADING_UP: f32 = 0.5;

/// The lines in the order in which they are to be read, where it is not the one they come in; a line that reaches over
/// two columns comes in parts. Lines that run another way than most, such as stamps along the margin, stay where they
/// stand in the content.
pub(super) fn reading_order(lines: &[Line], rifts: &[Rift]) -> Option<Vec<Line>> {
    let right = usual_direction(lines)?;
    let usual = lines.iter().enumerate().filter(|(_, line)| line.direction.dot(right) > SAME_WAY);
    let pieces: Vec<Piece> = usual.map(|(index, line)| Piece::new(index, *line, right)).collect();
    if pieces.len() < LINES {
        return None;
    }
    if leads_up(&pieces) {
        return Some(downwards(lines, pieces));
    }
    let beside = |pair: &&[Piece]| {
        let size = pair[1].line.size;
        (pair[0].y - pair[1].y).abs() < 0.5 * size && pair.iter().all(|piece| piece.x1 - piece.x0 >= CELL * size)
    };
    if pieces.windows(2).filter(beside).count() + rifts.len() < JUMPS {
        return None;
    }
    let bands = bands::find(&pieces, rifts, right);
    (!bands.is_empty()).then(|| put_bands(lines, &bands))
}

/// Cosine of the largest angle between lines that run the same way.
const SAME_WAY: f32 = 0.99;

/// The direction of most lines, where there is one.
fn usual_direction(lines: &[Line]) -> Option<Point> {
    let runs = |line: &Line, direction: Point| line.direction.dot(direction) > SAME_WAY;
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

/// Whether most steps from one long line to the next lead up within a column.
fn leads_up(pieces: &[Piece]) -> bool {
    let is_long = |piece: &&Piece| piece.x1 - piece.x0 >= LONG * piece.line.size;
    let long: Vec<&Piece> = pieces.iter().filter(is_long).collect();
    let is_above = |pair: &&[&Piece]| {
        let (before, after) = (pair[0], pair[1]);
        before.y - after.y > 0.5 * after.line.size && after.x0 < before.x1 && before.x0 < after.x1
    };
    long.len() >= LINES && {
        // Counts of lines fit an `f32`.
        #[allow(clippy::cast_precision_loss)]
        let share = long.windows(2).filter(is_above).count() as f32 / (long.len() - 1) as f32;
        share >= LEADING_UP
    }
}

/// The pieces from the top to the bottom; other lines stand before them if they come first, else behind.
fn downwards(lines: &[Line], mut pieces: Vec<Piece>) -> Vec<Line> {
    let first = pieces.first().map_or(0, |piece| piece.index);
    let mut is_piece = vec![false; lines.len()];
    for piece in &pieces {
        is_piece[piece.index] = true;
    }
    let mut rows = 0.0;
    pieces.sort_by(|a, b| a.y.total_cmp(&b.y));
    // Lines on about the same height are read from left to right.
    let mut row_y = f32::NEG_INFINITY;
    let mut keyed: Vec<(f32, Piece)> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        if piece.y - row_y > 0.3 * piece.line.size {
            (row_y, rows) = (piece.y, rows + 1.0);
        }
        keyed.push((rows, piece));
    }
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.x0.total_cmp(&b.1.x0)));
    let others = |range: std::ops::Range<usize>| range.filter(|index| !is_piece[*index]).map(|index| lines[index]);
    others(0..first).chain(keyed.into_iter().map(|(_, piece)| piece.line)).chain(others(first..lines.len())).collect()
}

/// The lines in the content's order, but each band as a whole where its first line stands.
fn put_bands(lines: &[Line], bands: &[Vec<Piece>]) -> Vec<Line> {
    let mut band_of: Vec<Option<usize>> = vec![None; lines.len()];
    for (number, band) in bands.iter().enumerate() {
        for piece in band {
            band_of[piece.index] = Some(number);
        }
    }
    let mut put = vec![false; bands.len()];
    let mut ordered = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        match band_of[index] {
            None => ordered.push(*line),
            Some(number) if !std::mem::replace(&mut put[number], true) => {
                ordered.extend(bands[number].iter().map(|piece| piece.line));
            }
            Some(_) => {}
        }
    }
    ordered
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

    /// Rows of columns at these places and of these widths, from the top; `width` says how wide a line is.
    fn rows(count: u8, columns: &[(f32, f32)], width: impl Fn(usize, usize, f32) -> f32) -> Vec<Line> {
        let mut lines = Vec::new();
        for row in 0..count {
            for (i, (x, wide)) in columns.iter().enumerate() {
                lines.push(line(*x, 680.0 - 12.0 * f32::from(row), width(usize::from(row), i, *wide)));
            }
        }
        lines
    }

    const TWO: [(f32, f32); 2] = [(50.0, 240.0), (310.0, 240.0)];

    fn full(_: usize, _: usize, width: f32) -> f32 {
        width
    }

    /// The same lines, column by column.
    fn by_columns(lines: &[Line], columns: usize) -> Vec<Line> {
        (0..columns).flat_map(|column| lines.iter().skip(column).step_by(columns).copied()).collect()
    }

    #[test]
    fn columns_shown_row_by_row_are_read_one_by_one() {
        let ragged = |row: usize, column: usize, width: f32| width * [1.0, 0.8, 0.95, 0.7][(row + column) % 4];
        let paragraphs = |row: usize, _: usize, width: f32| if row.is_multiple_of(2) { width } else { width * 0.62 };
        let three = [(30.0, 170.0), (212.0, 170.0), (394.0, 170.0)];
        let four = [(30.0, 118.0), (166.0, 118.0), (302.0, 118.0), (438.0, 118.0)];
        for (name, lines, columns) in [
            ("two", rows(10, &TWO, full), 2),
            ("ragged", rows(20, &TWO, ragged), 2),
            ("paragraphs of two lines", rows(20, &TWO, paragraphs), 2),
            ("three", rows(10, &three, full), 3),
            ("four narrow ones", rows(20, &four, full), 4),
        ] {
            assert_eq!(reading_order(&lines, &[]), Some(by_columns(&lines, columns)), "{name}");
        }
    }

    #[test]
    fn lines_across_the_page_part_its_bands() {
        let band = rows(10, &TWO, full);
        let lower: Vec<Line> = band.iter().map(|piece| line(piece.from.x, piece.from.y - 200.0, 240.0)).collect();
        let heading = line(50.0, 700.0, 500.0);
        let middle: Vec<Line> = (0..5_u8).map(|row| line(50.0, 550.0 - 12.0 * f32::from(row), 500.0)).collect();
        let lines = [&[heading], &band[..], &middle, &lower].concat();
        let expected = [&[heading], &by_columns(&band, 2)[..], &middle, &by_columns(&lower, 2)].concat();
        assert_eq!(reading_order(&lines, &[]), Some(expected));
        // One column goes on below the other.
        let rest: Vec<Line> = (0..9_u8).map(|row| line(50.0, 560.0 - 12.0 * f32::from(row), 240.0)).collect();
        let lines = [&band[..], &rest].concat();
        let columns = by_columns(&band, 2);
        let (left, right) = columns.split_at(10);
        assert_eq!(reading_order(&lines, &[]), Some([left, &rest, right].concat()));
    }

    #[test]
    fn columns_close_together_are_parted_within_lines() {
        let lines: Vec<Line> = (0..20_u8).map(|row| line(50.0, 680.0 - 12.0 * f32::from(row), 400.0)).collect();
        let lines: Vec<Line> =
            lines.iter().enumerate().map(|(i, line)| Line { start: 10 * i, end: 10 * i + 10, ..*line }).collect();
        let rift = |i: usize, x: f32| {
            let y = lines[i].from.y;
            Rift { line: i, at: 10 * i + 5, left: Point { x: x - 6.0, y }, right: Point { x, y } }
        };
        let rifts: Vec<Rift> = (0..20).map(|i| rift(i, 250.0)).collect();
        let ordered = reading_order(&lines, &rifts).unwrap();
        assert_eq!((ordered.len(), ordered[1].start, ordered[1].end, ordered[20].start), (40, 10, 15, 5));
        // Wide spaces of justified text are not below one another.
        let rifts: Vec<Rift> = (0..20_u8).map(|i| rift(usize::from(i), 150.0 + 10.0 * f32::from(i * 7 % 20))).collect();
        assert_eq!(reading_order(&lines, &rifts), None);
    }

    #[test]
    fn wide_spaces_of_justified_text_make_no_columns() {
        let words = |line: &Line| {
            let part = |from: f32, to: f32| Line {
                from: Point { x: line.from.x + from, ..line.from },
                to: Point { x: line.from.x + to, ..line.from },
                ..*line
            };
            // Where the spaces are differs from line to line.
            let at = 80.0 + (line.from.y * 7.0) % 60.0;
            [part(0.0, at), part(at + 9.0, 240.0)]
        };
        let lines = rows(20, &TWO, full);
        let shown: Vec<Line> = lines.iter().flat_map(words).collect();
        let read: Vec<Line> = by_columns(&lines, 2).iter().flat_map(words).collect();
        assert_eq!(reading_order(&shown, &[]), Some(read));
    }

    #[test]
    fn numbers_before_the_lines_are_no_columns_of_their_own() {
        let three = [(30.0, 170.0), (212.0, 170.0), (394.0, 170.0)];
        let lines = rows(20, &three, full);
        let lines: Vec<Line> =
            lines.iter().enumerate().map(|(i, line)| Line { start: 10 * i, end: 10 * i + 10, ..*line }).collect();
        let after_number = |(i, line): (usize, &Line)| {
            let at = |x: f32| Point { x: line.from.x + x, y: line.from.y };
            Rift { line: i, at: 10 * i + 3, left: at(15.0), right: at(20.0) }
        };
        let rifts: Vec<Rift> = lines.iter().enumerate().map(after_number).collect();
        assert_eq!(reading_order(&lines, &rifts), Some(by_columns(&lines, 3)));
    }

    #[test]
    fn lines_shown_upwards_are_read_downwards() {
        let mut lines: Vec<Line> = (0..20_u8).map(|row| line(50.0, 100.0 + 12.0 * f32::from(row), 400.0)).collect();
        let downwards: Vec<Line> = lines.iter().rev().copied().collect();
        assert_eq!(reading_order(&lines, &[]), Some(downwards.clone()));
        lines.push(stamp());
        assert_eq!(reading_order(&lines, &[]), Some([&downwards[..], &[stamp()]].concat()));
    }

    fn stamp() -> Line {
        Line { direction: Point { x: 0.0, y: 1.0 }, ..line(590.0, 100.0, 0.0) }
    }

    #[test]
    fn a_stamp_along_the_margin_changes_nothing() {
        let rows = rows(10, &TWO, full);
        let expected = by_columns(&rows, 2);
        let last = [&rows[..], &[stamp()]].concat();
        assert_eq!(reading_order(&last, &[]), Some([&expected[..], &[stamp()]].concat()));
        let first = [&[stamp()], &rows[..]].concat();
        assert_eq!(reading_order(&first, &[]), Some([&[stamp()], &expected[..]].concat()));
    }

    #[test]
    fn an_order_that_may_be_meant_is_kept() {
        let table = [(50.0, 200.0), (260.0, 60.0), (330.0, 200.0)];
        let cells = |row: usize, column: usize, width: f32| width * [1.0, 0.4, 0.3, 0.8, 0.5][(row + 2 * column) % 5];
        let turned: Vec<Line> = rows(10, &TWO, full)
            .iter()
            .enumerate()
            .map(|(i, row)| Line { direction: Point { x: 0.0, y: if i % 2 == 0 { 1.0 } else { -1.0 } }, ..*row })
            .collect();
        for (name, lines) in [
            ("column by column", by_columns(&rows(10, &TWO, full), 2)),
            ("a column of figures", rows(20, &table, full)),
            ("cells", rows(20, &TWO, cells)),
            ("narrow cells", rows(20, &[(50.0, 60.0), (310.0, 60.0)], full)),
            ("turned", turned),
            ("few", rows(4, &TWO, full)),
        ] {
            assert_eq!(reading_order(&lines, &[]), None, "{name}");
        }
        assert_eq!(reading_order(&[], &[]), None);
    }
}
