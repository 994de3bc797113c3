//! Puts what OCR has found into the text of a document.

use super::Recognized;
use super::pages::Found;
use crate::extraction::{Limits, PAGE_BREAK, Role, Scan, Text};
use crate::failure::{Failure, FailureCode};

/// Beside a page's own text, OCR of an image is believed from here on: photographs read as nonsense with less.
const BESIDE_CONFIDENCE: f32 = 0.6;
const BESIDE_WORDS: u32 = 3;

/// Whether what was found on images beside a page's text is text.
pub(super) fn is_credible(recognized: &Recognized, role: Role) -> bool {
    match role {
        Role::Whole => recognized.words > 0,
        Role::Beside => recognized.words >= BESIDE_WORDS && recognized.confidence >= BESIDE_CONFIDENCE,
    }
}

/// The text of the document with what was found, page by page. `least_confidence` is where the warning begins.
///
/// # Errors
/// What the document lacked, when nothing was found that makes up for it; `LIMIT_MEMORY` when the text passes its limit.
pub(super) fn merge(text: Text, found: &[Found], limits: &Limits, least_confidence: f32) -> Result<Text, Failure> {
    let Text { text: own, lacking, scans, mut unreadable, mut warnings, mut page_quality, .. } = text;
    let mut merged = String::with_capacity(own.len() + found.iter().map(Found::bytes).sum::<usize>() + scans.len());
    let mut waiting = found.iter().peekable();
    let mut recognized = Vec::new();
    let (mut weight, mut sum) = (0.0, 0.0);
    for (page, own) in (0..).zip(own.split(PAGE_BREAK)) {
        if page > 0 {
            merged.push(PAGE_BREAK);
        }
        let Some(found) = waiting.next_if(|found| found.page == page) else {
            merged.push_str(own);
            continue;
        };
        match (found.role, found.read.is_some()) {
            (Role::Whole, true) => merged.push_str(heading(own, page, &scans)),
            (Role::Whole | Role::Beside, _) => merged.push_str(own),
        }
        if let Some(read) = &found.read {
            if !merged.is_empty() && !merged.ends_with([PAGE_BREAK, '\n']) {
                merged.push_str("\n\n");
            }
            merged.push_str(&read.text);
            #[allow(clippy::cast_precision_loss)] // words of a page
            let words = read.words as f32;
            weight += words;
            sum += words * read.confidence;
            set_quality(&mut page_quality, page, read.confidence);
            recognized.push(page);
        }
    }
    if merged.len() as u64 > limits.text_bytes {
        let detail = format!("{} bytes of text, the limit is {}", merged.len(), limits.text_bytes);
        return Err(Failure::new(FailureCode::LimitMemory, detail));
    }
    // A page on which OCR has found nothing shows nothing to read; one that it could not look at still does.
    let is_settled = |page: &u32| found.iter().any(|found| found.page == *page && found.failure.is_none());
    unreadable.retain(|page| !is_settled(page));
    let failures: Vec<&Failure> = found.iter().filter_map(|found| found.failure.as_ref()).collect();
    if let Some(lacking) = lacking
        && !makes_up_for(&lacking, &recognized, &unreadable, &merged)
    {
        return Err(match failures.first() {
            Some(failure) => Failure::new(failure.code, told(&failures, scans.len())),
            None => Failure::new(FailureCode::NoText, format!("{}; OCR has found none, either", lacking.detail)),
        });
    }
    let confidence = (weight > 0.0).then(|| sum / weight);
    for failure in &failures {
        if !warnings.contains(&failure.code) {
            warnings.push(failure.code);
        }
    }
    if confidence.is_some_and(|confidence| confidence < least_confidence) {
        warnings.push(FailureCode::OcrLowConfidence);
    }
    let quality = mean_quality(text.quality, text.pages, confidence, recognized.len());
    Ok(Text {
        page_quality,
        characters: merged.chars().count() as u64,
        text: merged,
        quality,
        unreadable,
        warnings,
        recognized,
        ocr_confidence: confidence,
        scans: Vec::new(),
        lacking: None,
        pages: text.pages,
        recovered: text.recovered,
        partial: text.partial,
    })
}

/// The quality of a page that OCR has read is its confidence.
fn set_quality(page_quality: &mut Vec<Option<u8>>, page: u32, confidence: f32) {
    let page = page as usize;
    if page_quality.len() <= page {
        page_quality.resize(page + 1, None);
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0..1
    let percent = (confidence.clamp(0.0, 1.0) * 100.0).round() as u8;
    page_quality[page] = Some(percent);
}

/// What stays of a page that is replaced.
fn heading<'t>(own: &'t str, page: u32, scans: &[Scan]) -> &'t str {
    let scan = scans.binary_search_by_key(&page, |scan| scan.page).ok().and_then(|index| scans.get(index));
    scan.and_then(|scan| own.get(..scan.heading_bytes as usize)).unwrap_or_default()
}

/// Whether there is enough to be read now. Of a document that was mostly garbage, most must be readable.
fn makes_up_for(lacking: &Failure, recognized: &[u32], unreadable: &[u32], merged: &str) -> bool {
    let is_blank = merged.chars().all(|c| c.is_whitespace() || c == char::REPLACEMENT_CHARACTER);
    let is_mostly_read = lacking.code != FailureCode::TextGarbled || recognized.len() >= unreadable.len();
    !recognized.is_empty() && !is_blank && is_mostly_read
}

/// What OCR could not look at, in a sentence.
pub(super) fn told(failures: &[&Failure], scans: usize) -> String {
    let first = failures.first().map_or("", |failure| failure.detail.as_str());
    format!("{} of {scans} pages could not be read by OCR; the first: {first}", failures.len())
}

/// Pages that OCR has read count with its confidence, the others with what they scored.
#[allow(clippy::cast_precision_loss)] // numbers of pages
fn mean_quality(own: Option<f32>, pages: u32, confidence: Option<f32>, recognized: usize) -> Option<f32> {
    let (read, all) = (recognized as f32, pages as f32);
    match (own, confidence) {
        (Some(own), Some(confidence)) => Some((own * (all - read).max(0.0) + confidence * read) / all.max(read)),
        (own, confidence) => own.or(confidence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extraction::PageAddress;

    fn text(own: &str, scans: &[(u32, Role)], lacking: Option<FailureCode>) -> Text {
        let pages = u32::try_from(own.split(PAGE_BREAK).count()).unwrap();
        Text {
            text: own.into(),
            pages,
            unreadable: scans.iter().map(|(page, _)| *page).collect(),
            scans: scans
                .iter()
                .map(|(page, role)| Scan { role: *role, ..Scan::whole(*page, PageAddress::default()) })
                .collect(),
            lacking: lacking.map(|code| Failure::new(code, "no text")),
            ..Text::default()
        }
    }

    fn found(page: u32, role: Role, read: Option<&str>) -> Found {
        let read = read.map(|text| Recognized { text: text.into(), confidence: 0.9, words: 5 });
        Found { page, role, read, failure: None }
    }

    fn failed(page: u32) -> Found {
        let failure = Some(Failure::new(FailureCode::OcrPartial, "too large"));
        Found { page, role: Role::Whole, read: None, failure }
    }

    #[test]
    fn pages_are_replaced_or_added_to_in_their_place() {
        let own = text("um\x0c\x0ctrês", &[(1, Role::Whole), (2, Role::Beside)], None);
        let found = [found(1, Role::Whole, Some("dois")), found(2, Role::Beside, Some("mais"))];
        let merged = merge(own, &found, &Limits::default(), 0.5).unwrap();
        assert_eq!(merged.text, "um\x0cdois\x0ctrês\n\nmais");
        assert_eq!((merged.recognized, merged.unreadable), (vec![1, 2], vec![]));
        assert_eq!(merged.page_quality, [None, Some(90), Some(90)]);
        assert!(merged.warnings.is_empty());
    }

    #[test]
    fn the_name_of_a_file_of_an_archive_stays_above_its_first_page() {
        let mut own = text("a.pdf\nlixo\x0clixo", &[(0, Role::Whole), (1, Role::Whole)], None);
        own.scans[0].heading_bytes = 6;
        let found = [found(0, Role::Whole, Some("um")), found(1, Role::Whole, Some("dois"))];
        assert_eq!(merge(own, &found, &Limits::default(), 0.5).unwrap().text, "a.pdf\num\x0cdois");
    }

    #[test]
    fn what_ocr_could_not_look_at_is_said_and_costs_only_its_page() {
        let scans = [(0, Role::Whole), (1, Role::Whole)];
        let own = text("\x0c", &scans, Some(FailureCode::NeedsOcr));
        let merged = merge(own, &[found(0, Role::Whole, Some("um")), failed(1)], &Limits::default(), 0.95).unwrap();
        assert_eq!((merged.text.as_str(), merged.unreadable), ("um\x0c", vec![1]));
        assert_eq!(merged.warnings, [FailureCode::OcrPartial, FailureCode::OcrLowConfidence]);

        let own = text("\x0c", &scans, Some(FailureCode::NeedsOcr));
        let failure = merge(own, &[failed(0), failed(1)], &Limits::default(), 0.5).unwrap_err();
        assert_eq!(failure.code, FailureCode::OcrPartial);
        assert!(failure.detail.contains("2 of 2") && failure.detail.contains("too large"), "{failure}");

        let own = text("\x0c", &scans, Some(FailureCode::NeedsOcr));
        let nothing = [found(0, Role::Whole, None), found(1, Role::Whole, None)];
        assert_eq!(merge(own, &nothing, &Limits::default(), 0.5).unwrap_err().code, FailureCode::NoText);
    }

    #[test]
    fn garbage_stays_garbage_unless_most_of_it_was_read() {
        let scans = [(0, Role::Whole), (1, Role::Whole), (2, Role::Whole)];
        let garbled = || text("#$\x0c#$\x0c#$", &scans, Some(FailureCode::TextGarbled));
        let one = [found(0, Role::Whole, Some("um")), failed(1), failed(2)];
        assert!(merge(garbled(), &one, &Limits::default(), 0.5).is_err());
        let two = [found(0, Role::Whole, Some("um")), found(1, Role::Whole, Some("dois")), failed(2)];
        assert_eq!(merge(garbled(), &two, &Limits::default(), 0.5).unwrap().text, "um\x0cdois\x0c#$");
    }
}
