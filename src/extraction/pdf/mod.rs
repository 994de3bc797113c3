//! The text of a PDF. The files here are named in the words of ISO 32000-1.
//!
//! `hayro-syntax` finds the objects, without copying them. Everything from the bytes of a content stream on is ours, and
//! reads only what text needs: [`lexer`] and [`content`] give operators one by one, [`reader`] keeps the text state and
//! places glyphs, [`font`] says what they read as, [`layout`] makes lines of them, [`quality`] says how far to trust
//! the result. One page is in memory at a time.

use std::sync::Arc;

use super::mapped::FileBytes;
use super::scan::{PageAddress, Role, Scan};
use super::{Limits, OnPage, Text};
use crate::failure::{Failure, FailureCode};
use crate::gazette::OcrMode;
use page::Outcome;
use pictures::Repeated;
pub(super) use quality::TOLD;
use quality::Verdict;
use stream::Missing;

mod bands;
mod bidi;
mod breaks;
mod clip;
mod columns;
mod content;
mod filter;
mod font;
mod fonts;
mod forms;
pub(super) mod geometry;
pub(super) mod images;
mod inflate;
mod inline_image;
mod joined;
mod layout;
mod lexer;
pub(super) mod object_streams;
pub(super) mod open;
mod optional;
mod order;
mod page;
mod pages;
mod pictures;
mod quality;
mod reader;
mod stream;
mod text_state;
mod text_string;

/// Reads every page, and names those that OCR has to read.
///
/// # Errors
/// `ENCRYPTED`, `NO_PAGES`, `PDF_DAMAGED`, `NEEDS_OCR`, `TEXT_GARBLED`, `TEXT_PARTIAL`, `UNSUPPORTED_FORMAT`,
/// `LIMIT_DECOMPRESSED`, or `LIMIT_MEMORY`.
pub(super) fn read(
    content: &Arc<FileBytes>,
    limits: &Limits,
    ocr: OcrMode,
    on_page: &OnPage<'_>,
) -> Result<Text, Failure> {
    let limits = &limits.for_file((**content).as_ref().len() as u64);
    object_streams::check(content, limits.object_stream_bytes)?;
    let opened = open::open(content, limits)?;
    let (text, mut pages) = pages::read_pages(&opened.pdf, limits, on_page)?;
    let has_lost_parts = opened.recovered && breaks::find((**content).as_ref(), &opened.pdf, &mut pages);
    let has_tail = open::last_startxref((**content).as_ref()).is_some();
    let scans = scans(&pages, ocr);
    let lacking = without_text(&pages, has_tail);
    if let Some(failure) = &lacking
        && (scans.is_empty() || failure.code == FailureCode::UnsupportedFormat || failure.code.is_a_limit())
    {
        return Err(failure.clone());
    }
    let partial = has_lost_parts || pages.iter().any(|page| page.missing != Missing::default());
    let (quality, unreadable) = (quality::mean(&pages), unreadable(&pages));
    let page_quality = quality::of_pages(&pages);
    let recovered = opened.recovered;
    let warnings = if partial { vec![FailureCode::TextPartial] } else { Vec::new() };
    Ok(Text {
        quality,
        page_quality,
        recovered,
        partial,
        unreadable,
        scans,
        lacking,
        warnings,
        ..Text::new(text, pages.len())
    })
}

/// Why a document has no text, if it has none.
fn without_text(pages: &[Outcome], has_tail: bool) -> Option<Failure> {
    let count = |wanted: Verdict| pages.iter().filter(|page| page.verdict == wanted).count();
    let all = pages.len();
    let (garbled, without) = (count(Verdict::Garbled), count(Verdict::Pictured) + count(Verdict::Blank));
    // What little can be read of a document that is mostly garbage would hide that the rest is missing.
    let is_readable = |page: &Outcome| matches!(page.verdict, Verdict::Readable(_)) && page.missing.limit.is_none();
    let readable = pages.iter().filter(|page| is_readable(page)).count();
    if readable > 0 && readable >= garbled {
        return None;
    }
    if readable == 0
        && let Some(limit) = pages.iter().find_map(|page| page.missing.limit.as_ref())
    {
        return Some(limit.clone());
    }
    Some(if garbled > 0 {
        let detail = format!("{garbled} of {all} pages have garbled text, {without} have none");
        Failure::new(FailureCode::TextGarbled, detail)
    } else if let Some(filter) = pages.iter().find_map(|page| page.missing.filter.as_ref()) {
        Failure::new(
            FailureCode::UnsupportedFormat,
            format!("its content is coded by {filter}, which nothing here undoes"),
        )
    } else if !has_tail {
        let detail = format!("its end is missing, and no text is on what is left: {all} pages");
        Failure::new(FailureCode::PdfDamaged, detail)
    } else if pages.iter().any(|page| page.missing.is_cut) {
        let detail = format!("its content breaks off, and no text is on what is left: {all} pages");
        Failure::new(FailureCode::TextPartial, detail)
    } else {
        Failure::new(FailureCode::NeedsOcr, format!("no text on its pages, {all} in number"))
    })
}

/// The pages that OCR has to read. One that was too heavy to be read is too heavy to be drawn.
fn scans(pages: &[Outcome], ocr: OcrMode) -> Vec<Scan> {
    let repeated = Repeated::of(pages);
    // Outlines of letters are few on a short page; where nothing else is to be read they are worth a look.
    let is_all_blank = !pages.iter().any(|page| matches!(page.verdict, Verdict::Readable(_) | Verdict::Garbled));
    let role = |page: &Outcome| match (ocr, page.verdict) {
        (OcrMode::Off, _) => None,
        (OcrMode::Force, _) | (_, Verdict::Garbled | Verdict::Pictured) => Some(Role::Whole),
        (OcrMode::Redo, Verdict::Readable(_)) if page.is_ocr_layer => Some(Role::Whole),
        (_, Verdict::Blank) => (is_all_blank && page.is_painted).then_some(Role::Whole),
        (_, Verdict::Readable(_)) => {
            (page.is_stamped_scan || repeated.leaves_any(&page.pictures)).then_some(Role::Beside)
        }
    };
    (0..)
        .zip(pages)
        .filter(|(_, page)| page.missing.limit.is_none())
        .filter_map(|(index, page)| {
            let address = PageAddress { members: Vec::new(), page: index };
            Some(Scan { role: role(page)?, ..Scan::whole(index, address) })
        })
        .collect()
}

fn unreadable(pages: &[Outcome]) -> Vec<u32> {
    let is_unreadable = |page: &Outcome| {
        let is_over = page.missing.limit.is_some();
        is_over || page.is_stamped_scan || matches!(page.verdict, Verdict::Garbled | Verdict::Pictured)
    };
    (0..).zip(pages).filter(|(_, page)| is_unreadable(page)).map(|(index, _)| index).collect()
}

#[cfg(test)]
mod tests;
