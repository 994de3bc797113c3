//! Bands of columns that the content shows row by row.
//!
//! A river is a place where the lines of a column begin, with white space to the left of it. From one line that crosses
//! a river to the next, it parts the page into a band of columns. A band is read column by column when its lines jump
//! across the rivers and back, and when running text fills its columns; the cells of a table do not.

use super::geometry::Point;
use super::layout::{Line, Rift};

/// Fewer rows are no band, and fewer lines no column.
const ROWS: usize = 5;
const COLUMN_LINES: usize = 4;
/// Lines on about the same height, in font sizes, are a row.
const SAME_ROW: f32 = 0.3;
/// White space from here on, in font sizes, ends a band.
const BLANK: f32 = 5.0;
/// Narrowest river, in font sizes.
const RIVER: f32 = 0.4;
/// How far, in font sizes, lines of a column begin from each other, and a line reaches over a river without crossing it.
const EDGE: f32 = 0.3;
/// Narrowest column, in font sizes; tables have columns of figures.
const COLUMN: f32 = 9.0;
/// What share of a column's width a line of text has at least, and the indentation of a paragraph in font sizes.
const FULL: f32 = 0.6;
const INDENTATION: f32 = 3.0;
/// Words of a justified line stand this far apart at most, in font sizes.
const JUSTIFIED: f32 = 2.0;
/// Share of a column's lines that must be such.
const FILLED: f32 = 0.7;
/// Share of the steps that could lead to the next column and must.
const JUMPING: f32 = 0.5;
/// Share of a band that another river must run through as well.
const ALONG: f32 = 0.6;

/// A line, or what of it stands in one column: `x0..x1` along its base line at `y`, which grows downwards.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    /// Its index in the content's order.
    pub index: usize,
    pub line: Line,
    pub x0: f32,
    pub x1: f32,
    pub y: f32,
}

impl Piece {
    pub(super) fn new(index: usize, line: Line, right: Point) -> Self {
        let down = Point { x: right.y, y: -right.x };
        let (from, to) = (line.from.dot(right), line.to.dot(right));
        Self { index, line, x0: from.min(to), x1: from.max(to), y: line.from.dot(down) }
    }

    fn width(&self) -> f32 {
        self.x1 - self.x0
    }
}

/// White space within a row.
#[derive(Debug, Clone, Copy)]
struct Gap {
    x0: f32,
    x1: f32,
}

/// Pieces on one height, from left to right, and the white space among them.
#[derive(Debug, Default)]
struct Row {
    pieces: Vec<Piece>,
    gaps: Vec<Gap>,
}

impl Row {
    fn y(&self) -> f32 {
        self.pieces.first().map_or(0.0, |piece| piece.y)
    }

    fn size(&self) -> f32 {
        self.pieces.iter().map(|piece| piece.line.size).fold(0.0, f32::max)
    }

    /// How wide the white space is that a river runs through.
    fn gap_at(&self, river: f32) -> Option<f32> {
        self.gaps.iter().find(|gap| gap.x0 <= river && river <= gap.x1).map(|gap| gap.x1 - gap.x0)
    }

    fn is_crossed_at(&self, river: f32) -> bool {
        let crosses = |piece: &Piece| {
            let over = EDGE * piece.line.size;
            piece.x0 < river - over && river + over < piece.x1
        };
        self.gap_at(river).is_none() && self.pieces.iter().any(crosses)
    }
}

/// Rows that a river runs through.
#[derive(Debug, Clone, Copy)]
struct Run {
    river: f32,
    first: usize,
    /// Not of the run any more.
    end: usize,
    /// Rows with text on both sides.
    gaps: usize,
    /// How wide the river is, added up over them.
    white: f32,
}

/// The bands of a page that are to be read column by column, each as its pieces in that order.
pub(super) fn find(pieces: &[Piece], rifts: &[Rift], right: Point) -> Vec<Vec<Piece>> {
    let rows = rows(pieces, rifts, right);
    let rivers = rivers(&rows);
    let mut runs: Vec<Run> = rivers.iter().flat_map(|river| runs(&rows, *river)).collect();
    // Numbers of a list are parted from their text as well, but not as widely.
    runs.sort_by(|a, b| b.white.total_cmp(&a.white).then(a.first.cmp(&b.first)));
    let mut taken = vec![false; rows.len()];
    let mut bands = Vec::new();
    for run in &runs {
        if taken[run.first..run.end].contains(&true) {
            continue;
        }
        let band = &rows[run.first..run.end];
        let runs_along = |other: &&Run| {
            let shared = run.end.min(other.end).saturating_sub(run.first.max(other.first));
            share(shared, run.end - run.first) >= ALONG
        };
        // Of two that would leave no room for a column between them, the one that more rows have.
        let narrow = COLUMN * band.first().map_or(0.0, Row::size) / 2.0;
        let left = band.iter().flat_map(|row| &row.pieces).fold(f32::INFINITY, |least, piece| least.min(piece.x0));
        let along: Vec<f32> = runs.iter().filter(runs_along).map(|other| other.river).collect();
        let mut rivers: Vec<f32> = Vec::new();
        for other in &along {
            if rivers.iter().chain([&left]).all(|river| (river - other).abs() >= narrow) {
                rivers.push(*other);
            }
        }
        rivers.sort_by(f32::total_cmp);
        let columns = by_columns(band, &rivers, &along, rifts, right)
            .or_else(|| by_columns(band, &[run.river], &along, rifts, right));
        if let Some(columns) = columns {
            taken[run.first..run.end].fill(true);
            bands.push(columns);
        }
    }
    bands
}

fn rows(pieces: &[Piece], rifts: &[Rift], right: Point) -> Vec<Row> {
    let mut sorted = pieces.to_vec();
    sorted.sort_by(|a, b| a.y.total_cmp(&b.y));
    let mut rows: Vec<Row> = Vec::new();
    for piece in sorted {
        match rows.last_mut() {
            Some(row) if piece.y - row.y() <= SAME_ROW * piece.line.size => row.pieces.push(piece),
            _ => rows.push(Row { pieces: vec![piece], gaps: Vec::new() }),
        }
    }
    for row in &mut rows {
        row.pieces.sort_by(|a, b| a.x0.total_cmp(&b.x0));
        let wide = RIVER * row.size();
        let between = row.pieces.windows(2).map(|pair| Gap { x0: pair[0].x1, x1: pair[1].x0 });
        let within = row.pieces.iter().flat_map(|piece| {
            of_line(rifts, piece.index).map(|rift| Gap { x0: rift.left.dot(right), x1: rift.right.dot(right) })
        });
        row.gaps = between.chain(within).filter(|gap| gap.x1 - gap.x0 >= wide).collect();
    }
    rows
}

/// The rifts of one line; all are sorted by their lines.
fn of_line(rifts: &[Rift], line: usize) -> impl Iterator<Item = &Rift> {
    let start = rifts.partition_point(|rift| rift.line < line);
    rifts[start..].iter().take_while(move |rift| rift.line == line)
}

/// Where the lines of a column may begin: just left of where many gaps end.
fn rivers(rows: &[Row]) -> Vec<f32> {
    let mut ends: Vec<(f32, f32)> =
        rows.iter().flat_map(|row| row.gaps.iter().map(|gap| (gap.x1, row.size()))).collect();
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut rivers = Vec::new();
    let mut start = 0;
    for i in 1..=ends.len() {
        let (first, size) = ends[start];
        if i < ends.len() && ends[i].0 - first <= EDGE * size {
            continue;
        }
        if i - start >= ROWS {
            rivers.push(first - 0.05 * size);
        }
        start = i;
        if start == ends.len() {
            break;
        }
    }
    rivers
}

fn runs(rows: &[Row], river: f32) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut open: Option<Run> = None;
    for (i, row) in rows.iter().enumerate() {
        let is_far = i > 0 && row.y() - rows[i - 1].y() > BLANK * row.size();
        let is_crossed = row.is_crossed_at(river);
        if is_far || is_crossed {
            runs.extend(open.take());
        }
        let gap = row.gap_at(river);
        if gap.is_some() && open.is_none() {
            open = Some(Run { river, first: i, end: i, gaps: 0, white: 0.0 });
        }
        if let Some(run) = &mut open {
            run.end = i + 1;
            run.gaps += usize::from(gap.is_some());
            run.white += gap.unwrap_or(0.0);
        }
    }
    runs.extend(open);
    runs.retain(|run| run.gaps >= ROWS);
    runs
}

/// The pieces of a band, column by column, if that is how they are meant. `along` are all rivers of the band, `rivers`
/// those that part columns.
fn by_columns(band: &[Row], rivers: &[f32], along: &[f32], rifts: &[Rift], right: Point) -> Option<Vec<Piece>> {
    let mut columns: Vec<Vec<Piece>> = vec![Vec::new(); rivers.len() + 1];
    let column_of = |piece: &Piece| rivers.iter().filter(|river| piece.x0 >= **river).count();
    let (mut possible, mut content) = (0, Vec::new());
    for row in band {
        let before: Vec<usize> = columns.iter().map(Vec::len).collect();
        for piece in row.pieces.iter().flat_map(|piece| split(piece, rivers, rifts, right)) {
            let column = column_of(&piece);
            columns[column].push(piece);
            content.push((piece, column));
        }
        let reached = columns.iter().zip(before).filter(|(column, before)| column.len() > *before).count();
        possible += reached.saturating_sub(1);
    }
    content.sort_by_key(|(piece, _)| (piece.index, piece.line.start));
    let jumps = |pair: &&[(Piece, usize)]| {
        let ((a, from), (b, to)) = (pair[0], pair[1]);
        from != to && (a.y - b.y).abs() <= SAME_ROW * b.line.size
    };
    let jumped = content.windows(2).filter(jumps).count();
    (share(jumped, possible) >= JUMPING && columns.iter().all(|column| is_text(column, along)))
        .then(|| columns.concat())
}

/// Whether running text fills a column.
fn is_text(column: &[Piece], along: &[f32]) -> bool {
    let lines = justified(column, along);
    let left = lines.iter().fold(f32::INFINITY, |least, line| least.min(line.x0));
    let right = lines.iter().fold(f32::NEG_INFINITY, |most, line| most.max(line.x1));
    let width = right - left;
    let is_full = |line: &&Piece| line.width() >= FULL * width && line.x0 - left <= INDENTATION * line.line.size;
    let wide = lines.iter().filter(|line| width >= COLUMN * line.line.size).count();
    lines.len() >= COLUMN_LINES
        && share(wide, lines.len()) > 0.5
        && share(lines.iter().filter(is_full).count(), lines.len()) >= FILLED
}

/// The lines of a column: pieces that only wide spaces part are one. What a river parts are cells.
fn justified(column: &[Piece], along: &[f32]) -> Vec<Piece> {
    let mut lines: Vec<Piece> = Vec::with_capacity(column.len());
    for piece in column {
        let size = piece.line.size;
        match lines.last_mut() {
            Some(line)
                if (piece.y - line.y).abs() <= SAME_ROW * size
                    && (0.0..JUSTIFIED * size).contains(&(piece.x0 - line.x1))
                    && !along.iter().any(|river| (line.x1..=piece.x0).contains(river)) =>
            {
                line.x1 = piece.x1;
            }
            _ => lines.push(*piece),
        }
    }
    lines
}

/// What of a piece stands to the left and to the right of rivers: text of two columns that was joined to one line.
fn split(piece: &Piece, rivers: &[f32], rifts: &[Rift], right: Point) -> Vec<Piece> {
    let mut parts = vec![*piece];
    for rift in of_line(rifts, piece.index) {
        let gap = Gap { x0: rift.left.dot(right), x1: rift.right.dot(right) };
        let is_river = rivers.iter().any(|river| gap.x0 <= *river && *river <= gap.x1);
        if let Some(whole) = parts.last_mut().filter(|_| is_river) {
            let rest = Line { start: rift.at, from: rift.right, ..whole.line };
            let rest = Piece { line: rest, x0: gap.x1, ..*whole };
            *whole = Piece { line: Line { end: rift.at, to: rift.left, ..whole.line }, x1: gap.x0, ..*whole };
            parts.push(rest);
        }
    }
    parts
}

/// Counts of lines fit an `f32`.
#[allow(clippy::cast_precision_loss)]
fn share(part: usize, whole: usize) -> f32 {
    part as f32 / whole.max(1) as f32
}
