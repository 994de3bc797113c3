//! Draws a page that is more than one image.

use hayro::hayro_interpret::InterpreterSettings;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings};
use hayro_syntax::page::Page;

use super::{Bounds, Grey};
use crate::extraction::pdf::images::Shown;
use crate::failure::{Failure, FailureCode};

/// A pixel of the page takes 4 bytes, a pixel of an image on it that and as many for its colours.
const PAGE_PIXEL: u64 = 5;
const IMAGE_PIXEL: u64 = 8;
/// Drawn less finely, it is better not read.
const LEAST_DPI: f32 = 100.0;

/// The page as grey, and its resolution.
///
/// # Errors
/// `LIMIT_MEMORY` when it needs more than there is.
pub(super) fn draw(page: &Page<'_>, shown: &Shown<'_>, bounds: &Bounds) -> Result<(Grey, f32), Failure> {
    let mut largest = 0;
    for image in &shown.images {
        let side = |key: &[u8]| u64::from(image.stream.dict().get::<u32>(key).unwrap_or(0));
        bounds.admit(side(b"Width"), side(b"Height"))?;
        largest = largest.max(side(b"Width") * side(b"Height"));
    }
    let (width, height) = page.render_dimensions();
    let inches = (width / 72.0 * height / 72.0).max(0.01);
    let left = bounds.heap.saturating_sub(largest.saturating_mul(IMAGE_PIXEL));
    let most = bounds.pixels.min(left / PAGE_PIXEL) as f32;
    let longest = 65_000.0 / (width.max(height) / 72.0).max(0.01);
    let dpi = (bounds.dpi as f32).min((most / inches).sqrt()).min(longest);
    if dpi < LEAST_DPI.min(bounds.dpi as f32) {
        let detail = format!(
            "a page of {width:.0} x {height:.0} points with an image of {largest} pixels takes more memory to draw than the \
             {} bytes that there are",
            bounds.heap
        );
        return Err(Failure::new(FailureCode::LimitMemory, detail));
    }
    let scale = dpi / 72.0;
    let settings = PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE };
    let cache = RenderCache::new();
    let pixmap = hayro::render(page, &cache, &InterpreterSettings::default(), &RenderSettings::default(), &settings);
    let luma = |pixel: &[u8]| (u32::from(pixel[0]) * 77 + u32::from(pixel[1]) * 150 + u32::from(pixel[2]) * 29) >> 8;
    let pixels = pixmap.data_as_u8_slice().chunks_exact(4).map(|pixel| luma(pixel).min(255) as u8).collect();
    let grey = Grey { width: usize::from(pixmap.width()), height: usize::from(pixmap.height()), pixels };
    Ok((grey, dpi))
}
