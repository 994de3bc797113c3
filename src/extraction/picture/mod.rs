//! The picture of a page, as OCR wants it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::mapped::FileBytes;
use crate::failure::{Failure, FailureCode};

/// A picture ready for the OCR engine: 8 bits of grey a pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub dpi: u32,
    pub pixels: Vec<u8>,
}

impl Picture {
    #[must_use]
    pub fn to_pnm(&self) -> Vec<u8> {
        let mut file = format!("P5\n{} {}\n255\n", self.width, self.height).into_bytes();
        file.extend_from_slice(&self.pixels);
        file
    }
}

/// How large a picture may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Pixels per inch.
    pub dpi: u32,
    pub pixels: u64,
}

pub(super) fn of_pdf_page(
    _content: &Arc<FileBytes>,
    _page: usize,
    _bounds: &Bounds,
    _beside: bool,
) -> Result<Vec<Picture>, Failure> {
    Err(Failure::new(FailureCode::OcrPartial, "not yet"))
}

pub(super) fn of_raster_page(_content: &[u8], _page: u32, _bounds: &Bounds) -> Result<Picture, Failure> {
    Err(Failure::new(FailureCode::OcrPartial, "not yet"))
}

pub(super) fn turned(picture: Picture, _quarters: u8) -> Picture {
    picture
}
