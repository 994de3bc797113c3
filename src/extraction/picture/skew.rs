//! How far the lines of a page are from level.
//!
//! Ink is projected along many slopes; along the right one, lines and the white between them part most sharply (Postl
//! 1986). A page at 75 pixels per inch is enough to tell a twentieth of a degree.

use super::Grey;
use super::shrink::shrunk_to;

/// Resolution at which it is measured.
const DPI: usize = 75;
/// Lines that lean more than this, in degrees, are not straightened: it is no scan of a page, or was turned on purpose.
const MOST: f32 = 5.0;
/// Marks darker than their surroundings by less are no ink, and by more count no more.
const FAINT: i32 = 20;
const DARK: i32 = 60;
/// Pixels of an edge that is left out: shadows of the paper's own are straight, too.
const EDGE: usize = 8;
/// With less ink there is nothing to be measured.
const LEAST_MARKS: usize = 500;
/// More are thinned out.
const MOST_MARKS: usize = 60_000;

/// Degrees by which lines fall to the right; negative where they rise.
pub(super) fn measure(grey: &Grey, dpi: usize) -> f32 {
    let reduce = |length: usize| (length * DPI / dpi.max(1)).max(1);
    let small = shrunk_to(grey, reduce(grey.width), reduce(grey.height));
    let marks = marks(&small);
    if marks.len() < LEAST_MARKS {
        return 0.0;
    }
    let mut sums = vec![0.0; small.height + 2 * (small.width / 8 + 4)];
    let mut best = (0.0, 0.0);
    for (step, reach) in [(0.5, MOST), (0.1, 0.5), (0.02, 0.1)] {
        let middle = best.1;
        let steps = (reach / step + 0.5) as i32;
        for n in -steps..=steps {
            let degrees = middle + n as f32 * step;
            let sharpness = sharpness(&marks, degrees, &mut sums);
            if sharpness > best.0 {
                best = (sharpness, degrees);
            }
        }
    }
    best.1
}

/// Places of ink, from the middle of the page's width, and how dark it is.
fn marks(small: &Grey) -> Vec<(f32, f32, f32)> {
    const REACH: usize = 15;
    let (width, height) = (small.width, small.height);
    if width <= 2 * EDGE || height <= 2 * EDGE {
        return Vec::new();
    }
    // Sums over all columns and rows up to one.
    let mut sums = vec![0_u32; (width + 1) * (height + 1)];
    for y in 0..height {
        let mut row = 0;
        for (x, pixel) in small.row(y).iter().enumerate() {
            row += u32::from(*pixel);
            sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1].wrapping_add(row);
        }
    }
    let mut marks = Vec::new();
    for y in EDGE..height - EDGE {
        let (y0, y1) = (y.saturating_sub(REACH), (y + REACH + 1).min(height));
        for x in EDGE..width - EDGE {
            let (x0, x1) = (x.saturating_sub(REACH), (x + REACH + 1).min(width));
            let at = |x: usize, y: usize| sums[y * (width + 1) + x];
            let sum = at(x1, y1).wrapping_add(at(x0, y0)).wrapping_sub(at(x0, y1)).wrapping_sub(at(x1, y0));
            let paper = (sum as usize / ((x1 - x0) * (y1 - y0))) as i32;
            let ink = paper - i32::from(small.row(y)[x]) - FAINT;
            if ink > 0 {
                marks.push((x as f32 - width as f32 / 2.0, y as f32, ink.min(DARK) as f32));
            }
        }
    }
    let every = marks.len().div_ceil(MOST_MARKS).max(1);
    if every > 1 { marks.into_iter().step_by(every).collect() } else { marks }
}

fn sharpness(marks: &[(f32, f32, f32)], degrees: f32, sums: &mut [f32]) -> f32 {
    sums.fill(0.0);
    let slope = degrees.to_radians().tan();
    let middle = (sums.len() / 2) as f32;
    let (offset, last) = (middle - marks.last().map_or(0.0, |mark| mark.1) / 2.0 - EDGE as f32 / 2.0, sums.len() - 2);
    for (x, y, ink) in marks {
        let at = (y - x * slope + offset).max(0.0);
        let row = (at as usize).min(last);
        let part = (at - row as f32).clamp(0.0, 1.0);
        sums[row] += ink * (1.0 - part);
        sums[row + 1] += ink * part;
    }
    sums.windows(2).map(|pair| (pair[1] - pair[0]) * (pair[1] - pair[0])).sum()
}
