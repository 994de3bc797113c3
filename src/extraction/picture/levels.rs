//! Whitens paper and blackens ink, however uneven the light.
//!
//! The level of the paper is measured in small squares, and the picture divided by it. What is left of the paper's noise
//! goes white, what is as dark as the page's ink black; the greys of the edges between them stay, because the engine
//! reads letters better with them than without.

use super::Grey;

/// Side of a square, in pixels: less than a line of text.
const SQUARE: usize = 16;
/// A square's paper is brighter than this share of it, in percent.
const SHARE: usize = 60;
/// Squares that are looked at in each direction to find paper beside dark letters.
const REACH: usize = 3;
/// What the paper is brought to.
const PAPER: f32 = 200.0;
/// Noise reaches so many standard deviations below the paper.
const NOISE: f32 = 4.0;
/// Paper darker than this share of what is usual on the page is a dark field, and stays one.
const DARKEST: f32 = 0.45;

/// Whether it has two levels only, so that there is nothing to be done.
pub(super) fn is_bilevel(grey: &Grey) -> bool {
    grey.pixels.iter().all(|pixel| matches!(pixel, 0 | 255))
}

/// Says how far the paper's noise reached, in levels of the picture whose paper is at 200.
pub(super) fn whiten(grey: &mut Grey) -> f32 {
    if grey.width < SQUARE || grey.height < SQUARE {
        return 0.0;
    }
    let (columns, rows) = (grey.width.div_ceil(SQUARE), grey.height.div_ceil(SQUARE));
    let paper = paper(grey, columns, rows);
    let (width, height) = (grey.width, grey.height);
    let mut histogram = [0_u32; 256];
    let mut gain = vec![0.0_f32; width];
    for y in 0..height {
        gains(&paper, columns, rows, y, &mut gain);
        for (pixel, gain) in grey.pixels[y * width..][..width].iter_mut().zip(&gain) {
            *pixel = (f32::from(*pixel) * gain) as u8;
            histogram[usize::from(*pixel)] += 1;
        }
    }
    let (table, noise) = ramp(&histogram);
    for pixel in &mut grey.pixels {
        *pixel = table[usize::from(*pixel)];
    }
    noise
}

/// The level of the paper in each square.
fn paper(grey: &Grey, columns: usize, rows: usize) -> Vec<f32> {
    let mut levels = vec![0_u8; columns * rows];
    for row in 0..rows {
        for column in 0..columns {
            let (x0, x1) = (column * SQUARE, ((column + 1) * SQUARE).min(grey.width));
            let (y0, y1) = (row * SQUARE, ((row + 1) * SQUARE).min(grey.height));
            let mut histogram = [0_u16; 256];
            for y in y0..y1 {
                for pixel in &grey.row(y)[x0..x1] {
                    histogram[usize::from(*pixel)] += 1;
                }
            }
            let mut left = (x1 - x0) * (y1 - y0) * SHARE / 100;
            let level = histogram.iter().position(|count| {
                let count = usize::from(*count);
                let is_here = count > left;
                left = left.saturating_sub(count);
                is_here
            });
            levels[row * columns + column] = level.and_then(|level| u8::try_from(level).ok()).unwrap_or(255);
        }
    }
    // Brightest, then darkest of the brightest: paper closes over letters, and a field that is large stays.
    let closed = filtered(&filtered(&levels, columns, rows, u8::max), columns, rows, u8::min);
    let mut sorted = closed.clone();
    sorted.sort_unstable();
    let least = f32::from(sorted[sorted.len() / 2]) * DARKEST;
    let raised: Vec<f32> = closed.iter().map(|level| f32::from(*level).max(least).max(1.0)).collect();
    smoothed(&smoothed(&raised, columns, rows), columns, rows)
}

/// The brightest or darkest of the squares around each.
fn filtered(levels: &[u8], columns: usize, rows: usize, choose: fn(u8, u8) -> u8) -> Vec<u8> {
    let along = |levels: &[u8], count: usize, stride: usize, lines: usize, line_stride: usize| {
        let mut out = vec![0; levels.len()];
        for line in 0..lines {
            for at in 0..count {
                let near = at.saturating_sub(REACH)..(at + REACH + 1).min(count);
                let chosen = near.map(|at| levels[line * line_stride + at * stride]).reduce(choose);
                out[line * line_stride + at * stride] = chosen.unwrap_or(255);
            }
        }
        out
    };
    let across = along(levels, columns, 1, rows, columns);
    along(&across, rows, columns, columns, 1)
}

/// The mean of each square and its neighbours, two in each direction.
fn smoothed(levels: &[f32], columns: usize, rows: usize) -> Vec<f32> {
    let along = |levels: &[f32], count: usize, stride: usize, lines: usize, line_stride: usize| {
        let mut out = vec![0.0; levels.len()];
        for line in 0..lines {
            for at in 0..count {
                let near = at.saturating_sub(2)..(at + 3).min(count);
                let (from, to) = (near.start, near.end);
                let sum: f32 = near.map(|at| levels[line * line_stride + at * stride]).sum();
                out[line * line_stride + at * stride] = sum / (to - from) as f32;
            }
        }
        out
    };
    let across = along(levels, columns, 1, rows, columns);
    along(&across, rows, columns, columns, 1)
}

/// What each pixel of a row is multiplied by.
fn gains(paper: &[f32], columns: usize, rows: usize, y: usize, gain: &mut [f32]) {
    let place = |at: usize, count: usize| {
        let place = ((at as f32 + 0.5) / SQUARE as f32 - 0.5).clamp(0.0, (count - 1) as f32);
        let first = (place as usize).min(count.saturating_sub(2));
        (first, (first + 1).min(count - 1), place - first as f32)
    };
    let (above, below, part) = place(y, rows);
    let level = |column: usize| {
        let (above, below) = (paper[above * columns + column], paper[below * columns + column]);
        above + (below - above) * part
    };
    let mut known = (usize::MAX, 0.0, 0.0);
    for (x, gain) in gain.iter_mut().enumerate() {
        let (left, right, part) = place(x, columns);
        if known.0 != left {
            known = (left, level(left), level(right));
        }
        *gain = PAPER / (known.1 + (known.2 - known.1) * part);
    }
}

/// From the level of ink to that of the least bright paper, over all greys; and the standard deviation of the paper.
fn ramp(histogram: &[u32; 256]) -> ([u8; 256], f32) {
    let (ink, threshold) = ink(histogram);
    let noise = {
        let paper = PAPER as usize;
        let (mut count, mut squares) = (0.0_f64, 0.0_f64);
        for (distance, pixels) in histogram[paper..].iter().enumerate() {
            count += f64::from(*pixels);
            squares += f64::from(*pixels) * (distance * distance) as f64;
        }
        if count > 0.0 { (squares / count).sqrt() as f32 } else { 0.0 }
    };
    let white = (PAPER - NOISE * noise - 4.0).max(threshold + (PAPER - threshold) * 0.3);
    let black = ink.min(threshold - 5.0).max(0.0);
    let mut table = [0; 256];
    for (level, out) in table.iter_mut().enumerate() {
        *out = ((level as f32 - black) * 255.0 / (white - black).max(1.0)).clamp(0.0, 255.0) as u8;
    }
    (table, noise)
}

/// The mean level of ink, and the threshold between it and paper (Otsu 1979).
fn ink(histogram: &[u32; 256]) -> (f32, f32) {
    let all: f64 = histogram.iter().map(|count| f64::from(*count)).sum();
    let total: f64 = histogram.iter().enumerate().map(|(level, count)| level as f64 * f64::from(*count)).sum();
    let (mut below, mut sum) = (0.0, 0.0);
    let mut best = (0.0, 0.0, 128.0);
    for (level, count) in histogram.iter().enumerate() {
        below += f64::from(*count);
        sum += level as f64 * f64::from(*count);
        // Whole numbers: pixels on this side of the level, and on the other.
        if below < 0.5 || all - below < 0.5 {
            continue;
        }
        let apart = total / all * below - sum;
        let between = apart * apart / (below * (all - below));
        if between > best.0 {
            best = (between, sum / below, level as f64);
        }
    }
    (best.1 as f32, best.2 as f32)
}
