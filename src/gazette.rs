//! The words everyone uses: what a gazette is, and what was asked for.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::{Date, PrimitiveDateTime};
use uuid::Uuid;

/// `gazettes.id`, the primary key of the catalogue and the `_id` of the index document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GazetteId(pub i64);

impl fmt::Display for GazetteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One run of prelo: its row in `prelo_runs`, the token of its leases, the `run_id` of every log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub Uuid);

impl RunId {
    /// A fresh random id.
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::new_v4())
    }
}

impl Default for RunId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Version of the text that extraction produces. Raised when the same file would give another text; rows that were
/// read by an older one can be selected with `--extractor-older-than`.
pub const EXTRACTOR_VERSION: i32 = 4;

/// Where a gazette comes from. In a folder of files without that knowledge every field is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Territory {
    /// IBGE code of the municipality, or whatever the scraper uses as a key.
    pub id: String,
    pub name: String,
    /// Two letters, such as `AL`.
    pub state_code: String,
}

/// One row of `gazettes`, without its text. What the catalogue does not know stays `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gazette {
    pub id: GazetteId,
    /// `gazettes.territory_id` as it stands in the row.
    pub territory_id: Option<String>,
    /// The row of `territories` with that id; `None` is the failure `UNKNOWN_TERRITORY`.
    pub territory: Option<Territory>,
    pub date: Option<Date>,
    pub edition_number: Option<String>,
    pub is_extra_edition: Option<bool>,
    pub power: Option<String>,
    /// Usually the md5 of the file in hex; anything else is not checked.
    pub file_checksum: Option<String>,
    /// Key in the bucket, or path below the folder.
    pub file_path: Option<String>,
    pub file_url: Option<String>,
    pub scraped_at: Option<PrimitiveDateTime>,
    pub created_at: Option<PrimitiveDateTime>,
}

#[cfg(test)]
impl Gazette {
    /// One of which nothing else is known, for tests.
    #[must_use]
    pub fn bare(id: i64) -> Self {
        Self {
            id: GazetteId(id),
            territory_id: None,
            territory: None,
            date: None,
            edition_number: None,
            is_extra_edition: None,
            power: None,
            file_checksum: None,
            file_path: None,
            file_url: None,
            scraped_at: None,
            created_at: None,
        }
    }
}

/// Which backlog a run takes up before any other filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Rows not yet processed, and failures whose time has come.
    #[default]
    Unprocessed,
    /// What was scraped since the last daily run that finished, less an overlap.
    Daily,
    /// What prelo has not indexed yet, whoever has marked it as processed, and failures whose time has come.
    Unread,
    /// Every row, processed or not.
    All,
}

impl Mode {
    /// The word used on the command line and in `prelo_runs.selection`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unprocessed => "unprocessed",
            Self::Daily => "daily",
            Self::Unread => "unread",
            Self::All => "all",
        }
    }
}

/// Which of the two kinds of work a run does: first what computers wrote, then scans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// Files are read as they are; those that turn out to be scans are left to the other lane.
    #[default]
    Digital,
    /// Pages that OCR has to read, newest gazettes first.
    Ocr,
}

impl Lane {
    /// The word in logs and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Digital => "digital",
            Self::Ocr => "ocr",
        }
    }
}

/// Which pages OCR reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OcrMode {
    /// Those without text, or with text that reads as nothing, and images without text on the others.
    #[default]
    Auto,
    /// The same, and pages whose text was made by OCR before, anew: nothing is taken from the cache.
    Redo,
    /// Every page.
    Force,
    /// None.
    Off,
}

impl OcrMode {
    /// Every word of the configuration, in the order of [`OcrMode::parse`].
    pub const WORDS: &'static [&'static str] = &["auto", "redo", "force", "off"];

    /// The mode of a word of [`OcrMode::WORDS`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Auto, Self::Redo, Self::Force, Self::Off]
            .into_iter()
            .zip(Self::WORDS)
            .find(|(_, w)| **w == word)
            .map(|(mode, _)| mode)
    }
}

/// Which failures `--failed` selects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailedFilter {
    /// Any code.
    Any,
    /// One code of the catalogue, such as `NEEDS_OCR`.
    Code(String),
}

/// What a run, a reprocessing or a plan is about. Filters narrow each other; an empty list does not narrow. What says
/// nothing is left out of its JSON.
///
/// `date` bounds are inclusive. `scraped_from` is inclusive, `scraped_to` exclusive when it is a moment; a bare date
/// given by the user is widened to the end of that day by the command line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Selection {
    pub mode: Mode,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scraped_from: Option<PrimitiveDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scraped_to: Option<PrimitiveDateTime>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub territories: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<GazetteId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedFilter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extractor_older_than: Option<i32>,
    /// Where a daily run begins; set when the selection is resolved, never by the user.
    #[serde(skip)]
    pub since: Option<PrimitiveDateTime>,
    /// OCR is off or cannot be had: what waits for nothing else is not in it. Never set by the user.
    #[serde(skip)]
    pub without_ocr: bool,
    /// At most this many gazettes, newest ids first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

impl Selection {
    /// Whether anything beyond the mode says which gazettes are meant; a limit alone does not.
    #[must_use]
    pub fn has_filter(&self) -> bool {
        Self { mode: self.mode, limit: self.limit, ..Self::default() } != *self
    }

    /// Whether somebody asks for failures, or for gazettes one by one: then what failed for good begins anew.
    #[must_use]
    pub fn asks_by_name(&self) -> bool {
        self.failed.is_some() || !self.ids.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_filter_counts_as_a_filter() {
        assert!(!Selection { mode: Mode::All, ..Selection::default() }.has_filter());
        assert!(!Selection { limit: Some(1), ..Selection::default() }.has_filter());
        assert!(Selection { territories: vec!["2704302".into()], ..Selection::default() }.has_filter());
    }
}
