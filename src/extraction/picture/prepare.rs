//! What is done to every image before OCR sees it: its resolution, its lines, its paper, its rules.

use super::shrink::shrunk_to;
use super::{Bounds, Grey, Picture, letters, levels, resample, rules, skew};

/// Lines that are closer to level than this, in degrees, are left alone: the engine bears it, and letters stay sharp.
const LEVEL: f32 = 0.15;
/// Pixels per inch at which letters of the usual size are read as well as at more, and sooner.
const ENOUGH: f32 = 236.0;
/// Letters of the usual size are at least so high, in inches, as [`letters`] measures them; those of 8 points give 0.06.
const USUAL: f32 = 0.05;
/// An image whose resolution is within so much of what is wanted keeps its pixels.
const NEAR: f32 = 0.95;
/// Enlarged more, an image shows no more.
const MOST_ENLARGED: f32 = 4.0;
/// Resolutions below this are mistakes.
const LEAST_DPI: f32 = 50.0;
/// Paper whose noise reaches less far is quiet.
const QUIET: f32 = 9.0;

/// Levels, brings to size, whitens, and takes the rules off. `dpi` is that of the image across and down.
pub(super) fn prepare(grey: Grey, dpi: (f32, f32), bounds: &Bounds) -> Picture {
    let is_usual = letters::height(&grey, dpi).is_some_and(|height| height >= USUAL);
    let wanted = if is_usual { ENOUGH.min(bounds.dpi as f32) } else { bounds.dpi as f32 };
    let (grey, dpi) = reduced(grey, dpi, wanted);
    let enlarge = |dpi: f32| if dpi >= wanted * NEAR { 1.0 } else { (wanted / dpi.max(LEAST_DPI)).min(MOST_ENLARGED) };
    let (mut across, mut down) = (enlarge(dpi.0), enlarge(dpi.1));
    let pixels = grey.pixels.len() as f32 * across * down;
    let most = (bounds.pixels as f32).min(bounds.heap as f32 / 3.0);
    if pixels > most {
        let back = (most / pixels).sqrt();
        (across, down) = ((across * back).max(1.0), (down * back).max(1.0));
    }
    let result = (dpi.0 * across).min(dpi.1 * down).round();
    let width = (grey.width as f32 * across).round() as usize;
    let height = (grey.height as f32 * down).round() as usize;
    let is_bilevel = levels::is_bilevel(&grey);
    let degrees = skew::measure(&grey, dpi.0 as usize);
    let degrees = if degrees.abs() < LEVEL { 0.0 } else { degrees };
    let mut grey = if degrees == 0.0 && (width, height) == (grey.width, grey.height) {
        grey
    } else {
        resample::resample(&grey, width, height, degrees)
    };
    let is_quiet = !is_bilevel && levels::whiten(&mut grey) < QUIET;
    // In a dense table the engine tells the cells apart by them.
    if is_usual {
        rules::remove(&mut grey, result);
    }
    let number = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let dpi = (result as u32).clamp(70, 1200);
    Picture { width: number(grey.width), height: number(grey.height), dpi, is_quiet, pixels: grey.pixels }
}

/// An image with more pixels per inch than are wanted, shrunk to these.
fn reduced(grey: Grey, dpi: (f32, f32), wanted: f32) -> (Grey, (f32, f32)) {
    let reduce = |length: usize, dpi: f32| {
        if dpi * NEAR > wanted { (length as f32 * wanted / dpi).round().max(1.0) as usize } else { length }
    };
    let (width, height) = (reduce(grey.width, dpi.0), reduce(grey.height, dpi.1));
    if (width, height) == (grey.width, grey.height) {
        return (grey, dpi);
    }
    let reduced = (dpi.0 * width as f32 / grey.width as f32, dpi.1 * height as f32 / grey.height as f32);
    (shrunk_to(&grey, width, height), reduced)
}
