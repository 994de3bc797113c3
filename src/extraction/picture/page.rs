//! What makes up a page of a PDF: one image, or more than that.

use std::sync::Arc;

use hayro_syntax::page::{Page, Rotation};

use super::draw;
use super::image;
use super::prepare::prepare;
use super::samples::is_masked;
use super::{Bounds, Grey, Picture};
use crate::extraction::Limits;
use crate::extraction::mapped::FileBytes;
use crate::extraction::pdf::geometry::{Point, Rectangle};
use crate::extraction::pdf::images::{self, Placed, Shown};
use crate::extraction::pdf::{object_streams, open};
use crate::failure::{Failure, FailureCode};

/// An image is the page when it covers this share of it.
const COVERS: f32 = 0.5;
/// An image beside text shows something to read only when it covers this share of the page.
const SHOWS_FROM: f32 = 0.005;
/// And has so many pixels across and down.
const LEAST_PIXELS: (u32, u32) = (120, 30);
/// Most images beside text that are looked at.
const MOST_BESIDE: usize = 12;
/// Sheets longer than this, in inches, are mistakes of whoever set the resolution; they are taken for A4.
const LONGEST: f32 = 24.0;
const A4: f32 = 11.7;
/// An image that leans more than this, as the tangent, is drawn.
const LEANS: f32 = 0.02;

/// The pictures of one page, counted from 0: the page's own image where it is one, else the page as it is drawn. With
/// `beside`, the images on it that have no text of their own above them, each a picture.
///
/// # Errors
/// As for reading a PDF; `LIMIT_MEMORY` when an image is too large, `OCR_PARTIAL` when it cannot be decoded.
pub(in crate::extraction) fn of_pdf_page(
    content: &Arc<FileBytes>,
    page: usize,
    bounds: &Bounds,
    beside: bool,
) -> Result<Vec<Picture>, Failure> {
    let limits = Limits::within(bounds.heap, u64::MAX);
    object_streams::check(content, limits.object_stream_bytes)?;
    let opened = open::open(content, &limits)?;
    let Some(page) = opened.pdf.pages().get(page) else {
        let detail = format!("page {} of a document of {}", page + 1, opened.pdf.pages().len());
        return Err(Failure::new(FailureCode::OcrPartial, detail));
    };
    let shown = images::shown(&opened.pdf, page, &limits);
    if beside {
        let readable = shown.images.iter().filter(|image| may_be_read(image, &shown)).take(MOST_BESIDE);
        let pictures: Vec<_> = readable.map(|image| of_image(image, page, bounds)).collect();
        // One that is broken costs none of the others.
        return if pictures.iter().any(Result::is_ok) {
            Ok(pictures.into_iter().flatten().collect())
        } else {
            pictures.into_iter().collect()
        };
    }
    let largest = shown.images.iter().max_by(|a, b| area(a, &shown).total_cmp(&area(b, &shown)));
    let covering = largest.filter(|image| area(image, &shown) >= COVERS * shown.visible.area() && is_square(image));
    if let Some(image) = covering
        && shown.images.len() == 1
        && shown.inline == 0
        && shown.texts.is_empty()
        && !is_masked(image.stream.dict())
    {
        match of_image(image, page, bounds) {
            Err(failure) if failure.code == FailureCode::OcrPartial => {}
            other => return other.map(|picture| vec![picture]),
        }
    }
    match (draw::draw(page, &shown, bounds), covering) {
        (Ok((grey, dpi)), _) => Ok(vec![prepare(grey, (dpi, dpi), bounds)]),
        // Too heavy to be drawn: the image that makes up most of it may still fit.
        (Err(failure), Some(image)) => of_image(image, page, bounds).map_err(|_| failure).map(|picture| vec![picture]),
        (Err(failure), None) => Err(failure),
    }
}

fn area(image: &Placed<'_>, shown: &Shown<'_>) -> f32 {
    image.place.intersection(shown.visible).area()
}

/// Whether its sides are those of the page.
fn is_square(image: &Placed<'_>) -> bool {
    let m = image.matrix;
    let upright = m.b.abs() <= LEANS * m.a.abs() && m.c.abs() <= LEANS * m.d.abs();
    let turned = m.a.abs() <= LEANS * m.b.abs() && m.d.abs() <= LEANS * m.c.abs();
    upright || turned
}

fn may_be_read(image: &Placed<'_>, shown: &Shown<'_>) -> bool {
    let dict = image.stream.dict();
    let pixels = |key: &[u8]| dict.get::<u32>(key).unwrap_or(0);
    let (width, height) = (pixels(b"Width"), pixels(b"Height"));
    let is_large = area(image, shown) >= SHOWS_FROM * shown.visible.area().min(Rectangle::EVERYWHERE.area());
    let has_text = || {
        let mut texts = shown.texts.iter().chain(&shown.hidden_texts);
        texts.any(|text| is_within(*text, image.place))
    };
    is_large
        && is_square(image)
        && width.min(height) >= LEAST_PIXELS.1
        && width.max(height) >= LEAST_PIXELS.0
        && !has_text()
}

fn is_within(point: Point, place: Rectangle) -> bool {
    (place.x0..=place.x1).contains(&point.x) && (place.y0..=place.y1).contains(&point.y)
}

/// The picture of one image, as it lies on the page.
fn of_image(image: &Placed<'_>, page: &Page<'_>, bounds: &Bounds) -> Result<Picture, Failure> {
    // Where a step to the right and a step down in the image lead on the page, whose second axis points up.
    let (right, down) =
        (Point { x: image.matrix.a, y: -image.matrix.b }, Point { x: -image.matrix.c, y: image.matrix.d });
    let quarters = match page.rotation() {
        Rotation::None => 0,
        Rotation::Horizontal => 1,
        Rotation::Flipped => 2,
        Rotation::FlippedHorizontal => 3,
    };
    let turned = |point: Point| (0..quarters).fold(point, |point, _| Point { x: -point.y, y: point.x });
    let (right, down) = (turned(right), turned(down));
    let inches = inches(right.length() / 72.0, down.length() / 72.0);
    let target = |width: usize, height: usize| (shrunk(width, inches.0, bounds), shrunk(height, inches.1, bounds));
    let grey =
        image::decode(&image.stream, page.resources(), bounds, |width, height| fit(target(width, height), bounds))?;
    let dpi = (grey.width as f32 / inches.0, grey.height as f32 / inches.1);
    let is_turned = right.y.abs() > right.x.abs();
    let (grey, dpi): (Grey, _) = if is_turned {
        (grey.oriented(true, down.x < 0.0, right.y < 0.0), (dpi.1, dpi.0))
    } else {
        (grey.oriented(false, right.x < 0.0, down.y < 0.0), dpi)
    };
    Ok(prepare(grey, dpi, bounds))
}

/// What the size of a sheet is meant to be.
pub(super) fn inches(width: f32, height: f32) -> (f32, f32) {
    let longest = width.max(height);
    let factor = if (0.01..=LONGEST).contains(&longest) { 1.0 } else { A4 / longest.max(0.01) };
    ((width * factor).max(0.01), (height * factor).max(0.01))
}

/// Pixels of a side that is no finer than it may be.
pub(super) fn shrunk(pixels: usize, inches: f32, bounds: &Bounds) -> usize {
    const FINER: f32 = 1.05;
    let most = inches * bounds.dpi as f32;
    if pixels as f32 > most * FINER { (most.round() as usize).max(1) } else { pixels }
}

/// The same within the number of pixels that a picture may have.
pub(super) fn fit((width, height): (usize, usize), bounds: &Bounds) -> (usize, usize) {
    let (pixels, most) = (width as f64 * height as f64, bounds.pixels.min(bounds.heap / 3) as f64);
    if pixels <= most {
        return (width, height);
    }
    let back = (most / pixels).sqrt();
    (((width as f64 * back) as usize).max(1), ((height as f64 * back) as usize).max(1))
}
