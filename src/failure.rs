//! The only list of what can go wrong with one gazette: code, whether it passes by itself, what to do.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

// Named by its path, because the fuzz targets name this file by its path, too.
#[path = "failure/portuguese.rs"]
mod portuguese;

/// Whether a failed gazette is tried again without anybody asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Permanence {
    /// Only a new checksum, a newer extractor or `reprocess --failed CODE` brings it back.
    Permanent,
    /// A later run tries again, when `next_attempt_at` has come. A failure that stays becomes permanent after as many
    /// attempts in a row as the configuration allows.
    Retryable,
    /// The same without an end: what is around the gazette is at fault, and looking again costs little.
    External,
}

macro_rules! catalogue {
    ($($variant:ident $code:literal $permanence:ident $sentence:literal $action:literal;)+) => {
        /// A code of the catalogue. The code, not the variant's name, is what is stored and printed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum FailureCode {
            $(#[doc = $sentence] $variant,)+
        }

        impl FailureCode {
            /// Every code, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable word, such as `TOO_LARGE`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// Whether it passes by itself.
            #[must_use]
            pub fn permanence(self) -> Permanence {
                match self { $(Self::$variant => Permanence::$permanence,)+ }
            }

            /// One sentence for the operator: what happened.
            #[must_use]
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)+ }
            }

            /// What the operator can do now.
            #[must_use]
            pub fn action(self) -> &'static str {
                match self { $(Self::$variant => $action,)+ }
            }
        }
    };
}

impl FailureCode {
    /// What happened, and what to do, in Portuguese.
    #[must_use]
    pub fn in_portuguese(self) -> (&'static str, &'static str) {
        portuguese::told(self)
    }
}

catalogue! {
    UnknownTerritory "UNKNOWN_TERRITORY" External "The row's territory is not in `territories`."
        "Add the territory, then run again.";
    MissingFilePath "MISSING_FILE_PATH" Permanent "The row names no file."
        "Let the scraper fill `file_path`, then `prelo reprocess --failed MISSING_FILE_PATH`.";
    InvalidFilePath "INVALID_FILE_PATH" Permanent "The row's `file_path` is not a possible key of the storage."
        "Correct `file_path`, then `prelo reprocess --failed INVALID_FILE_PATH`.";
    NotFound "NOT_FOUND" Retryable "The file is not in the storage."
        "Check that the scraper uploaded it under exactly this key.";
    AccessDenied "ACCESS_DENIED" Retryable "The storage refuses to hand out this file."
        "Check the object's permissions; the other files of the bucket could be read.";
    TooLarge "TOO_LARGE" Permanent "The file is larger than the configured limit."
        "Raise `max_file_size_mb` if it is a real gazette, then `prelo reprocess --failed TOO_LARGE`.";
    SizeMismatch "SIZE_MISMATCH" Retryable "The storage sent fewer bytes than it announced."
        "If it stays, upload the file again.";
    Checksum "CHECKSUM" Retryable "The file's md5 is not the one in the catalogue."
        "Scrape the gazette again, or correct `file_checksum`.";
    DownloadTimeout "DOWNLOAD_TIMEOUT" Retryable "The download stalled or took too long."
        "Look at the network; raise `download_timeout_seconds` for slow storage.";
    DownloadFailed "DOWNLOAD_FAILED" Retryable "The download broke again and again."
        "Look at the detail and at the storage's log.";
    SpoolFull "SPOOL_FULL" External "The spool folder could not take the file."
        "Free space where `spool` points, or point it elsewhere.";
    EmptyObject "EMPTY_OBJECT" Permanent "The file has no bytes."
        "Scrape the gazette again.";
    NotAPdf "NOT_A_PDF" Permanent "The file is named .pdf but is something else, often an error page."
        "Read the detail (its first bytes), then scrape the gazette again.";
    ErrorPage "ERROR_PAGE" Permanent "The file is an error page or a login page of the publisher's server."
        "Read the detail (what the page says), then scrape the gazette again.";
    UnsupportedFormat "UNSUPPORTED_FORMAT" Permanent "prelo does not read this kind of file."
        "Convert it to PDF or text.";
    PdfDamaged "PDF_DAMAGED" Permanent "The PDF is damaged beyond repair."
        "Open it in a viewer; if it is cut, scrape the gazette again.";
    FileDamaged "FILE_DAMAGED" Permanent "The file is damaged: its format is known, but it cannot be opened."
        "Open it in the program that made it; if it is cut, scrape the gazette again.";
    NoPages "NO_PAGES" Permanent "The PDF has no pages."
        "Open it in a viewer; if it is empty there too, scrape the gazette again.";
    Encrypted "ENCRYPTED" Permanent "The file asks for a password."
        "Ask the publisher for a file without one.";
    NeedsOcr "NEEDS_OCR" Permanent "The file has no text of its own: it is a scan, or blank."
        "If OCR was off: `prelo reprocess --failed NEEDS_OCR --ocr auto`. If it was on, the pages are blank or show only lines; nothing needs to be done.";
    TextGarbled "TEXT_GARBLED" Permanent "The file's text is garbled: its fonts do not say which characters they show."
        "Let OCR read it: `prelo reprocess --failed TEXT_GARBLED --ocr auto`.";
    NoText "NO_TEXT" Permanent "OCR has looked at the pages and found no text: they are blank, or show only pictures."
        "Open it in a viewer; if there is text to be seen, report it with the file.";
    OcrUnavailable "OCR_UNAVAILABLE" External "The file is a scan, and the OCR engine cannot be used."
        "Install it (`prelo check` says what is missing; on Debian: apt-get install tesseract-ocr tesseract-ocr-por), then run again.";
    OcrPartial "OCR_PARTIAL" Permanent "Pages could not be read by OCR: too large, too slow, or the engine ended."
        "Read the detail; raise `ocr_timeout_seconds` or `ocr_megapixels`, then `prelo reprocess --failed OCR_PARTIAL`.";
    OcrLowConfidence "OCR_LOW_CONFIDENCE" Permanent "OCR doubts most of what it has read."
        "Look at the file: a better scan would help.";
    TextPartial "TEXT_PARTIAL" Permanent "Parts of the file are missing or cannot be read."
        "Open it in a viewer; if it is cut, scrape the gazette again.";
    LimitDecompressed "LIMIT_DECOMPRESSED" Permanent "Something in the file decompresses to more than allowed."
        "Look at the file; it may be made to do harm.";
    LimitMemory "LIMIT_MEMORY" Permanent "Reading the file needs more memory than allowed."
        "Raise `memory_budget_mb` if it is a real gazette, then `prelo reprocess --failed LIMIT_MEMORY`.";
    ExtractorPanicked "EXTRACTOR_PANICKED" Permanent "Reading the file hit a defect of prelo."
        "Report it with the file; the other gazettes are not affected.";
    ExtractorAborted "EXTRACTOR_ABORTED" Permanent "The process that read the file crashed."
        "Report it with the file; the other gazettes are not affected.";
    ExtractorExited "EXTRACTOR_EXITED" Permanent "The process that read the file ended without an answer."
        "Report it with the file; the other gazettes are not affected.";
    ExtractorGarbled "EXTRACTOR_GARBLED" Permanent "The process that read the file answered nonsense."
        "Report it with the file; the other gazettes are not affected.";
    ExtractorKilled "EXTRACTOR_KILLED" Retryable "The process that read the file was killed from outside."
        "Look whether the machine or the container is out of memory; if so, lower `memory_budget_mb`.";
    ExtractorSilent "EXTRACTOR_SILENT" Permanent "Reading the file got stuck: no page was finished for a long time."
        "Raise `reader_silence_seconds` if the machine was busy, then `prelo reprocess --failed EXTRACTOR_SILENT`.";
    ExtractionTimeout "EXTRACTION_TIMEOUT" Permanent "Reading the file took longer than allowed."
        "Raise `reader_timeout_seconds` if it is a real gazette, then `prelo reprocess --failed EXTRACTION_TIMEOUT`.";
    Quarantined "QUARANTINED" Permanent "prelo itself died again and again while it read this file."
        "Look at the file and at the machine's memory, then `prelo reprocess --failed QUARANTINED`.";
    TextStore "TEXT_STORE_FAILED" External "The extracted text could not be stored beside the file."
        "Check that prelo may write to the bucket, or set `store_text` to false.";
    DocTooLarge "DOC_TOO_LARGE" Permanent "The search engine refuses a document of this size."
        "Raise `http.max_content_length` of the search engine, then `prelo reprocess --failed DOC_TOO_LARGE`.";
    MappingRejected "MAPPING_REJECTED" Permanent "The search engine refuses a field of the document."
        "Read the detail; compare the index's mapping with prelo's.";
    IndexRejected "INDEX_REJECTED" External "The search engine was too busy for this document, again and again."
        "Give the search engine more room, or lower `bulk_documents` and `bulk_concurrency`.";
}

impl FailureCode {
    /// Whether it says that a document costs more than it may.
    #[must_use]
    pub fn is_a_limit(self) -> bool {
        matches!(self, Self::LimitDecompressed | Self::LimitMemory)
    }

    /// The code with that word, if it is one. Case does not matter.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str().eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for FailureCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for FailureCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Self::parse(&word).ok_or_else(|| serde::de::Error::custom("no code of the catalogue"))
    }
}

/// Why one gazette was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub code: FailureCode,
    /// What exactly was seen, for the operator. May quote the file's first bytes; never holds a credential.
    pub detail: String,
}

impl Failure {
    #[must_use]
    pub fn new(code: FailureCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_found_again() {
        for (i, code) in FailureCode::ALL.iter().enumerate() {
            assert_eq!(FailureCode::parse(code.as_str()), Some(*code));
            assert!(!FailureCode::ALL[..i].iter().any(|other| other.as_str() == code.as_str()), "{code} twice");
            assert!(code.sentence().ends_with('.') && code.action().ends_with('.'), "{code} wants whole sentences");
        }
        assert_eq!(FailureCode::parse("needs_ocr"), Some(FailureCode::NeedsOcr));
        assert_eq!(FailureCode::parse("NO_SUCH"), None);
    }
}
