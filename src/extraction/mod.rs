//! From a file to its text. The only door to every reader of a format.

use std::path::Path;

use serde::Serialize;

use crate::failure::Failure;

mod limits;

pub use limits::Limits;

/// The text of one file.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Text {
    /// UTF-8, pages separated by U+000C.
    pub text: String,
    pub pages: u32,
    /// Pages whose text came from OCR.
    pub ocr_pages: u32,
    /// Unicode scalar values in `text`.
    pub characters: u64,
    /// 0..1, where the reader can tell.
    pub quality: Option<f32>,
    /// The file was broken and had to be mended before it could be read.
    pub recovered: bool,
}

/// Reads a file. What it is, is found out from its content; `name` (its key or path) only tells what it claims to be.
///
/// Never panics: a panic of a reader is caught and becomes `EXTRACTOR_PANICKED`.
///
/// # Errors
/// A failure of the catalogue: empty, unreadable, without text, or over a limit. A text is never empty.
pub fn extract(file: &Path, name: &str, limits: &Limits) -> Result<Text, Failure> {
    let _ = (file, name, limits);
    todo!("sniff and dispatch")
}
