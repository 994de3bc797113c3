//! The picture of a page, as OCR wants it: grey, upright, its paper white, its lines level and its rules gone, at 236 to 300 pixels per inch.
//!
//! [`page`] finds out what makes up a page of a PDF, [`image`] decodes its one image, [`draw`] draws what is more than
//! that, [`raster`] reads PNG, JPEG and TIFF files. All hand rows to [`shrink`], which never holds more than the picture
//! that comes out. [`prepare`] does the rest: [`letters`] says which resolution it takes, [`skew`] measures, [`resample`] levels and enlarges,
//! [`levels`] whitens, [`rules`] takes off the lines of tables.

// Pixels, shares and resolutions: far from where these casts lose anything that shows.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureCode};

mod draw;
mod image;
mod jpeg;
mod letters;
mod levels;
mod page;
mod prepare;
mod raster;
mod resample;
mod rules;
mod samples;
mod shrink;
mod skew;

pub(super) use page::of_pdf_page;
pub(super) use raster::of_raster_page;

/// A picture ready for the OCR engine: 8 bits of grey a pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    /// Pixels per inch, to be told to the engine.
    pub dpi: u32,
    /// It has greys, and next to no noise on its paper.
    pub is_quiet: bool,
    pub pixels: Vec<u8>,
}

impl Picture {
    /// A binary Netpbm file. The same picture always gives the same bytes.
    #[must_use]
    pub fn to_pnm(&self) -> Vec<u8> {
        let header = format!("P5\n{} {}\n255\n", self.width, self.height);
        let mut file = Vec::with_capacity(header.len() + self.pixels.len());
        file.extend_from_slice(header.as_bytes());
        file.extend_from_slice(&self.pixels);
        file
    }
}

/// How large a picture may become, and what making it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Pixels per inch.
    pub dpi: u32,
    /// Of the picture; an image may have so many times [`Bounds::SHRUNK`] before it is shrunk.
    pub pixels: u64,
    /// Memory that there is for it, in bytes.
    pub heap: u64,
}

impl Bounds {
    /// An image is shrunk to half its resolution and less, but not from any size.
    const SHRUNK: u64 = 4;

    /// # Errors
    /// `LIMIT_MEMORY` when an image of that size is not to be decoded at all.
    fn admit(&self, width: u64, height: u64) -> Result<(), Failure> {
        let most = self.pixels.saturating_mul(Self::SHRUNK);
        if width.saturating_mul(height) > most {
            let detail = format!("an image of {width} x {height} pixels, the limit is {most} pixels");
            return Err(Failure::new(FailureCode::LimitMemory, detail));
        }
        Ok(())
    }

    /// # Errors
    /// `LIMIT_MEMORY` when decoding takes more than there is.
    fn afford(&self, bytes: u64, what: &str) -> Result<(), Failure> {
        if bytes > self.heap {
            let detail = format!("{what} takes {bytes} bytes to decode, there are {}", self.heap);
            return Err(Failure::new(FailureCode::LimitMemory, detail));
        }
        Ok(())
    }
}

/// Grey pixels on their way to become a picture.
#[derive(Debug, Clone, PartialEq)]
struct Grey {
    width: usize,
    height: usize,
    /// Row by row, 0 is black.
    pixels: Vec<u8>,
}

impl Grey {
    fn row(&self, y: usize) -> &[u8] {
        &self.pixels[y * self.width..(y + 1) * self.width]
    }

    /// Rows and columns exchanged where asked for, then mirrored.
    fn oriented(self, transposed: bool, flip_x: bool, flip_y: bool) -> Self {
        if !transposed && !flip_x {
            if !flip_y {
                return self;
            }
            let pixels = self.pixels.chunks_exact(self.width).rev().flatten().copied().collect();
            return Self { pixels, ..self };
        }
        let (width, height) = if transposed { (self.height, self.width) } else { (self.width, self.height) };
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for y in 0..height {
            let y = if flip_y { height - 1 - y } else { y };
            let row = (0..width).map(|x| if flip_x { width - 1 - x } else { x });
            if transposed {
                pixels.extend(row.map(|x| self.pixels[x * self.width + y]));
            } else {
                pixels.extend(row.map(|x| self.pixels[y * self.width + x]));
            }
        }
        Self { width, height, pixels }
    }
}

/// A picture turned clockwise by so many quarters.
pub(super) fn turned(picture: Picture, quarters: u8) -> Picture {
    let Picture { width, height, dpi, is_quiet, pixels } = picture;
    let grey = Grey { width: width as usize, height: height as usize, pixels };
    let grey = match quarters % 4 {
        1 => grey.oriented(true, true, false),
        2 => grey.oriented(false, true, true),
        3 => grey.oriented(true, false, true),
        _ => grey,
    };
    let (width, height) = if quarters % 2 == 1 { (height, width) } else { (width, height) };
    Picture { width, height, dpi, is_quiet, pixels: grey.pixels }
}

/// # Errors
/// Always: why a page has no picture.
fn undecodable<T>(what: &str, why: &dyn std::fmt::Display) -> Result<T, Failure> {
    Err(Failure::new(FailureCode::OcrPartial, format!("{what} could not be decoded: {why}")))
}

#[cfg(test)]
mod tests;
