//! Takes the rules off a page: lines of tables, of forms, under words. Letters that touch one are not read, or not as what
//! they are, and the engine finds only those rules that stand alone.
//!
//! A rule is a run of ink that is longer than any stroke of a letter, thin, and has paper on both sides. Runs along rows
//! and along columns are found in one pass each; what is as long and not thin is a dark field or a picture, and what is
//! thin between dark things is what light letters have left of a field.

use std::iter::StepBy;
use std::ops::Range;

use super::Grey;

/// Darker is ink, on a picture whose paper is white.
const INK: u8 = 128;
/// Shortest rules, in inches.
const LEAST_ACROSS: f32 = 0.5;
const LEAST_DOWN: f32 = 0.33;
/// Thickest ones, in inches.
const MOST_THICK: f32 = 0.025;

/// Most of what lies beside a rule that may be ink: letters that touch it, and other rules.
const MOST_BESIDE: f32 = 0.4;

const ACROSS: u8 = 1;
const DOWN: u8 = 2;

const ABOVE: u8 = 1;
const BELOW: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

/// Whitens the rules of a picture of that resolution, with their edges.
pub(super) fn remove(grey: &mut Grey, dpi: f32) {
    let (width, height) = (grey.width, grey.height);
    if width == 0 || height == 0 {
        return;
    }
    let thick = ((dpi * MOST_THICK) as usize).max(2);
    let mut marks = vec![0_u8; grey.pixels.len()];
    let least = (dpi * LEAST_ACROSS) as usize;
    for (pixels, marks) in grey.pixels.chunks_exact(width).zip(marks.chunks_exact_mut(width)) {
        for_each_run(
            pixels,
            |pixel| pixel < INK,
            |run| {
                if run.len() >= least {
                    marks[run].fill(ACROSS);
                }
            },
        );
    }
    let least = (dpi * LEAST_DOWN) as usize;
    for_each_column_run(
        &grey.pixels,
        width,
        |pixel| pixel < INK,
        |x, rows| {
            if rows.len() >= least {
                rows.for_each(|y| marks[y * width + x] |= DOWN);
            }
        },
    );
    keep_thin(&mut marks, width, thick);
    keep_beside_paper(grey, &mut marks);
    whiten(grey, &marks);
}

/// Takes the marks off what is thicker than a rule.
fn keep_thin(marks: &mut [u8], width: usize, thick: usize) {
    let mut fields = Vec::new();
    for_each_column_run(
        marks,
        width,
        |mark| mark & ACROSS != 0,
        |x, rows| {
            if rows.len() > thick {
                fields.push((x, rows));
            }
        },
    );
    for (x, rows) in fields {
        rows.for_each(|y| marks[y * width + x] &= !ACROSS);
    }
    for marks in marks.chunks_exact_mut(width) {
        for run in marks.chunk_by_mut(|one, other| (one & DOWN) == (other & DOWN)) {
            if run.len() > thick {
                for mark in run {
                    *mark &= !DOWN;
                }
            }
        }
    }
}

/// Takes the marks off runs that have ink on either side along most of them.
fn keep_beside_paper(grey: &Grey, marks: &mut [u8]) {
    let (width, height) = (grey.width, grey.height);
    let is_ink = |at: usize| grey.pixels[at] < INK;
    // What is beside a rule is told on each of its pixels, from one side of it to the other.
    let mut beside = vec![0_u8; marks.len()];
    for_each_column_run(
        marks,
        width,
        |mark| mark & ACROSS != 0,
        |x, rows| {
            let above = rows.start > 0 && is_ink((rows.start - 1) * width + x);
            let below = rows.end < height && is_ink(rows.end * width + x);
            let told = u8::from(above) * ABOVE + u8::from(below) * BELOW;
            rows.for_each(|y| beside[y * width + x] |= told);
        },
    );
    for (y, row) in marks.chunks_exact(width).enumerate() {
        for_each_run(
            row,
            |mark| mark & DOWN != 0,
            |run| {
                let left = run.start > 0 && is_ink(y * width + run.start - 1);
                let right = run.end < width && is_ink(y * width + run.end);
                let told = u8::from(left) * LEFT + u8::from(right) * RIGHT;
                beside[y * width..][run].iter_mut().for_each(|beside| *beside |= told);
            },
        );
    }
    let is_field = |places: StepBy<Range<usize>>, sides: [u8; 2]| {
        let most = places.len() as f32 * MOST_BESIDE;
        sides.into_iter().any(|side| places.clone().filter(|at| beside[*at] & side != 0).count() as f32 > most)
    };
    let mut fields = Vec::new();
    for (y, row) in marks.chunks_exact(width).enumerate() {
        for_each_run(
            row,
            |mark| mark & ACROSS != 0,
            |run| {
                let places = (y * width + run.start..y * width + run.end).step_by(1);
                if is_field(places.clone(), [ABOVE, BELOW]) {
                    fields.push((places, ACROSS));
                }
            },
        );
    }
    for_each_column_run(
        marks,
        width,
        |mark| mark & DOWN != 0,
        |x, rows| {
            let places = (rows.start * width + x..rows.end * width).step_by(width);
            if is_field(places.clone(), [LEFT, RIGHT]) {
                fields.push((places, DOWN));
            }
        },
    );
    for (places, mark) in fields {
        places.for_each(|at| marks[at] &= !mark);
    }
}

/// Calls `found` for each run of a row that `is_wanted`.
fn for_each_run(row: &[u8], is_wanted: impl Fn(u8) -> bool, mut found: impl FnMut(Range<usize>)) {
    let mut start = 0;
    for run in row.chunk_by(|one, other| is_wanted(*one) == is_wanted(*other)) {
        if run.first().is_some_and(|first| is_wanted(*first)) {
            found(start..start + run.len());
        }
        start += run.len();
    }
}

/// Calls `found` for each run of rows of a column that `is_wanted`.
fn for_each_column_run(
    pixels: &[u8],
    width: usize,
    is_wanted: impl Fn(u8) -> bool,
    mut found: impl FnMut(usize, Range<usize>),
) {
    let mut lengths = vec![0_u32; width];
    let mut end = |x: usize, y: usize, length: &mut u32| {
        if *length > 0 {
            found(x, y - *length as usize..y);
            *length = 0;
        }
    };
    let height = pixels.len() / width;
    for (y, row) in pixels.chunks_exact(width).enumerate() {
        for (x, (pixel, length)) in row.iter().zip(&mut lengths).enumerate() {
            if is_wanted(*pixel) {
                *length += 1;
            } else if *length > 0 {
                end(x, y, length);
            }
        }
    }
    for (x, length) in lengths.iter_mut().enumerate() {
        end(x, height, length);
    }
}

/// Edges of a rule are grey: a pixel more on either side goes, too.
fn whiten(grey: &mut Grey, marks: &[u8]) {
    let (width, height) = (grey.width, grey.height);
    for (at, mark) in marks.iter().enumerate().filter(|(_, mark)| **mark != 0) {
        let (x, y) = (at % width, at / width);
        grey.pixels[at] = 255;
        if mark & ACROSS != 0 {
            if y > 0 {
                grey.pixels[at - width] = 255;
            }
            if y + 1 < height {
                grey.pixels[at + width] = 255;
            }
        }
        if mark & DOWN != 0 {
            if x > 0 {
                grey.pixels[at - 1] = 255;
            }
            if x + 1 < width {
                grey.pixels[at + 1] = 255;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 600;

    /// White, with these rectangles black: left, top, width, height.
    fn picture(rectangles: &[(usize, usize, usize, usize)]) -> Grey {
        let mut grey = Grey { width: WIDTH, height: 400, pixels: vec![255; WIDTH * 400] };
        for (left, top, width, height) in rectangles {
            for y in *top..top + height {
                grey.pixels[y * WIDTH..][*left..left + width].fill(0);
            }
        }
        grey
    }

    fn without_rules(rectangles: &[(usize, usize, usize, usize)]) -> Grey {
        let mut grey = picture(rectangles);
        remove(&mut grey, 240.0);
        grey
    }

    #[test]
    fn rules_go_and_letters_and_fields_stay() {
        let (letter, field) = ((300, 60, 4, 30), (100, 100, 300, 40));
        let rules = [(20, 20, 500, 3), (20, 20, 4, 380), (0, 399, 600, 1), (599, 0, 1, 400)];
        let kept = picture(&[letter, field]);
        assert!(without_rules(&[letter, field]) == kept);
        let all: Vec<_> = rules.into_iter().chain([letter, field]).collect();
        assert!(without_rules(&all) == kept);
    }

    #[test]
    fn what_light_letters_leave_of_a_dark_field_stays() {
        let mut grey = picture(&[(50, 50, 500, 30)]);
        // Letters from the field's fourth row on: what is above them is as thin as a rule.
        for y in 54..76 {
            for x in (60..540).step_by(4) {
                grey.pixels[y * WIDTH + x..][..2].fill(255);
            }
        }
        let before = grey.clone();
        remove(&mut grey, 240.0);
        assert!(grey == before);
    }

    #[test]
    fn a_letter_that_touches_a_rule_loses_what_lies_on_it_alone() {
        let touching = without_rules(&[(20, 60, 500, 3), (300, 63, 4, 30)]);
        assert!(touching == picture(&[(300, 64, 4, 29)]));
    }

    #[test]
    fn the_smallest_pictures_have_no_rules() {
        for (width, height) in [(0, 0), (1, 1), (3, 0)] {
            remove(&mut Grey { width, height, pixels: vec![0; width * height] }, 300.0);
        }
    }
}
