//! Opening a file: its structure as it is, else mended (PDF 32000-1 sections 7.5 and 7.6).

use std::sync::Arc;

use hayro_syntax::{DecryptionError, LoadPdfError, Pdf};

use crate::extraction::mapped::FileBytes;
use crate::extraction::{Limits, sniff};
use crate::failure::{Failure, FailureCode};

/// An open document.
pub(in crate::extraction) struct Opened {
    pub pdf: Pdf,
    /// Its structure was broken, and was found again by searching.
    pub recovered: bool,
}

/// Opens a file.
///
/// # Errors
/// `ENCRYPTED`, `NO_PAGES` or `PDF_DAMAGED`.
pub(in crate::extraction) fn open(content: &Arc<FileBytes>, limits: &Limits) -> Result<Opened, Failure> {
    match Pdf::new(content.clone()) {
        Ok(pdf) if !pdf.pages().is_empty() => Ok(Opened { pdf, recovered: !has_intact_tail((**content).as_ref()) }),
        Err(LoadPdfError::Decryption(DecryptionError::PasswordProtected)) => Err(encrypted()),
        _ => Ok(Opened { pdf: mend((**content).as_ref(), limits)?, recovered: true }),
    }
}

fn encrypted() -> Failure {
    Failure::new(FailureCode::Encrypted, "it does not open with an empty password")
}

/// Loads with a more patient parser and writes the document anew, decrypted and with a fresh cross-reference table.
fn mend(content: &[u8], limits: &Limits) -> Result<Pdf, Failure> {
    if content.len() as u64 > limits.mended_bytes {
        let detail = format!("its structure is broken, and it is too large to be mended: {} bytes", content.len());
        return Err(Failure::new(FailureCode::PdfDamaged, detail));
    }
    let damaged = |error: &dyn std::fmt::Display| Failure::new(FailureCode::PdfDamaged, error.to_string());
    let mut document = match lopdf::Document::load_mem(content) {
        Ok(document) => document,
        Err(lopdf::Error::InvalidPassword) => return Err(encrypted()),
        Err(error) => return Err(damaged(&error)),
    };
    if document.is_encrypted() && document.decrypt("").is_err() {
        return Err(encrypted());
    }
    if document.get_pages().is_empty() {
        return Err(Failure::new(FailureCode::NoPages, "its page tree is empty"));
    }
    let mut mended = Vec::with_capacity(content.len());
    document.save_to(&mut mended).map_err(|error| damaged(&error))?;
    drop(document);
    match Pdf::new(mended) {
        Ok(pdf) if !pdf.pages().is_empty() => Ok(pdf),
        _ => Err(damaged(&"no page of it can be read, not even after rebuilding its structure")),
    }
}

/// The offset after the last `startxref`, which stands at the end of every whole file (PDF 32000-1 section 7.5.5).
pub(in crate::extraction) fn last_startxref(content: &[u8]) -> Option<usize> {
    const KEYWORD: &[u8] = b"startxref";
    const TAIL_BYTES: usize = 2048;
    let tail = &content[content.len().saturating_sub(TAIL_BYTES)..];
    let at = tail.windows(KEYWORD.len()).rposition(|window| window == KEYWORD)?;
    let after = tail[at + KEYWORD.len()..].trim_ascii_start();
    let digits = after.iter().take_while(|b| b.is_ascii_digit()).count();
    std::str::from_utf8(&after[..digits]).ok()?.parse().ok()
}

/// Whether the end of the file points at a cross-reference table or stream (PDF 32000-1 sections 7.5.4 and 7.5.8). If
/// not, the reader has found the objects by searching the whole file.
fn has_intact_tail(content: &[u8]) -> bool {
    // Offsets count from `%PDF` when something stands before it.
    let junk = content.windows(4).take(1024).position(|window| window == b"%PDF").unwrap_or(0);
    let points_well = |offset: usize| {
        let target = content.get(offset..).map(<[u8]>::trim_ascii_start);
        target.is_some_and(|target| target.starts_with(b"xref") || sniff::begins_with_object(target))
    };
    last_startxref(content).is_some_and(|offset| points_well(offset) || points_well(offset.saturating_add(junk)))
}
