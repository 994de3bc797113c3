//! What a catalogue is asked and what it answers.

use std::collections::BTreeMap;

use serde::Serialize;
use time::PrimitiveDateTime;

use super::{Attempt, PageRun, ReadInPart, Timings};
use crate::failure::Failure;
use crate::gazette::{Gazette, GazetteId, RunId, Selection};
use crate::retry::Recheck;
use crate::rfc3339;
use crate::telemetry::{Live, RunCounts};

/// What became of the wish to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// The lease is ours. `recovered` gazettes of dead runs were freed.
    Started { recovered: u64 },
    /// Another live run holds the lease.
    Busy { run: RunId, since: PrimitiveDateTime },
}

/// Which page to read.
#[derive(Debug, Clone)]
pub struct PageQuery<'a> {
    /// Resolved: see [`Catalog::resolve`](super::Catalog::resolve). Its `limit` is the lister's business, not the page's.
    pub selection: &'a Selection,
    pub run: RunId,
    /// Nothing above it is listed.
    pub high_water: GazetteId,
    pub cursor: Cursor,
    /// Rows at most.
    pub page_size: u32,
    /// `false`: rows that this run has touched stay in the page, so that an offset keeps its meaning.
    /// `true`: only rows that it has not touched (the last pass).
    pub fresh_only: bool,
}

/// Where a page begins, in the order of falling ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// After so many rows.
    Offset(u64),
    /// Below this id; from the high-water mark when `None`.
    Before(Option<GazetteId>),
}

/// A gazette found by a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub gazette: Gazette,
    /// This run has claimed, finished or failed it before.
    pub touched: bool,
}

/// A gazette whose lease was got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub id: GazetteId,
    /// How often its reading was started and never ended: the process did.
    pub starts: u32,
    /// Its last failure, code and detail.
    pub failure: Option<(String, String)>,
    /// Pages that OCR has still to read; 0 where none is known.
    pub ocr_due: u32,
}

/// What is written down about a gazette that the search engine acknowledged.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    pub id: GazetteId,
    /// `gazettes.file_checksum` as it was listed: a later change makes the row pending again.
    pub file_checksum: Option<String>,
    /// Size of the file in bytes.
    pub bytes: u64,
    pub pages: u32,
    pub ocr_pages: u32,
    /// Unicode scalar values of the text.
    pub characters: u64,
    /// 0..1, where the reader can tell.
    pub quality: Option<f32>,
    /// md5 hex of the stored text.
    pub text_checksum: String,
    /// Pages that OCR has still to read.
    pub ocr_due: u32,
    /// Pages that OCR has read, counted from 1, such as `1-3,7`.
    pub ocr_page_numbers: String,
    /// 0..1, the mean over the words that OCR has read.
    pub ocr_confidence: Option<f32>,
    /// Codes of the failure catalogue with commas, of what is not as it should be although there is text.
    pub warnings: String,
    pub page_runs: Vec<PageRun>,
    pub timings: Timings,
}

/// What is written down about a gazette that OCR has to read.
#[derive(Debug, Clone, PartialEq)]
pub struct Deferred {
    pub id: GazetteId,
    /// As in [`Completion`].
    pub file_checksum: Option<String>,
    /// Size of the file in bytes.
    pub bytes: u64,
    pub pages: u32,
    /// Of these, pages that OCR has to read.
    pub ocr_due: u32,
    pub timings: Timings,
}

/// What is written down about a gazette whose scans were read in part when the run had to end.
#[derive(Debug, Clone, PartialEq)]
pub struct Interrupted {
    pub id: GazetteId,
    pub scans: ReadInPart,
    pub timings: Timings,
}

/// What waits for OCR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ScanBacklog {
    pub gazettes: u64,
    pub pages: u64,
}

/// What is written down about a gazette that failed.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedGazette {
    pub id: GazetteId,
    pub failure: Failure,
    /// As in [`Completion`].
    pub file_checksum: Option<String>,
    /// Size of the file in bytes, where it is known.
    pub bytes: Option<u64>,
    /// When later runs may try again; `None` is never by itself.
    pub recheck: Option<Recheck>,
    pub timings: Timings,
}

/// What the catalogue says of a gazette that should be in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    pub id: GazetteId,
    /// Key in the bucket, or path below the folder.
    pub file_path: Option<String>,
    /// `gazettes.file_checksum` as it is now.
    pub file_checksum: Option<String>,
    pub processed: bool,
    /// prelo has indexed it; the mark of others comes from the service that prelo replaces.
    pub by_prelo: bool,
    /// md5 hex of the text that was stored when it was indexed.
    pub text_checksum: Option<String>,
    /// A live run holds it: what is known of it is about to change.
    pub in_flight: bool,
}

/// Which of the gazettes that prelo has indexed.
#[derive(Debug, Clone, Copy)]
pub enum IndexedQuery<'a> {
    /// A page of them below an id, and only what was indexed at a moment or later.
    Page { before: Option<GazetteId>, since: Option<PrimitiveDateTime>, page_size: u32 },
    /// These.
    Ids(&'a [GazetteId]),
}

/// A gazette that prelo has indexed at some time.
#[derive(Debug, Clone, PartialEq)]
pub struct Indexed {
    pub gazette: Gazette,
    pub state: GazetteState,
    /// A live run holds it: what is known of it is about to change.
    pub in_flight: bool,
}

/// A gazette that is set aside.
#[derive(Debug, Clone, PartialEq)]
pub struct SetAside {
    pub gazette: Gazette,
    pub state: GazetteState,
}

/// What a selection holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SelectionSummary {
    pub gazettes: u64,
    /// Of those, how many have a known size, and its sum in bytes.
    pub sized_gazettes: u64,
    pub known_bytes: u64,
    /// Of those, how many wait for OCR, and with how many pages.
    pub scans: ScanBacklog,
    /// Of those, how many have a known number of pages, and its sum.
    pub paged_gazettes: u64,
    pub known_pages: u64,
    /// How many failed before, by code.
    pub failed_before: BTreeMap<String, u64>,
    /// Paths of gazettes without a known size.
    #[serde(skip)]
    pub sample_paths: Vec<String>,
}

/// The catalogue in numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Status {
    pub gazettes: u64,
    /// `gazettes.processed` is true.
    pub processed: u64,
    /// Not processed and not failed: what the next run takes up, beside the failures whose time has come.
    pub pending: u64,
    /// By failure code: permanent and waiting ones together.
    pub failed: BTreeMap<String, u64>,
    /// Of those in `failed`, the ones that a later run tries again, and when the first is due.
    pub waiting: u64,
    #[serde(with = "rfc3339")]
    pub next_attempt_at: Option<PrimitiveDateTime>,
    /// Of those in `failed`, the ones that might have passed but failed too often in a row.
    pub spent: u64,
    /// Of those in `failed`, the ones that runs have died of: `QUARANTINED`.
    pub quarantined: u64,
    /// Leased by a live run now: pending ones, and indexed ones whose scans are read.
    pub claimed: u64,
    /// Of those pending, the ones among them; never more than are pending.
    pub pending_claimed: u64,
    /// Gazettes with pages that OCR has to read, and these pages. They are pending, or indexed without them.
    pub scans: ScanBacklog,
    /// Gazettes among them that are indexed without their scans: of a great many, where that can be said quickly.
    pub incomplete: u64,
    /// The one of those pending that waits longest, and since when, where that can be said quickly.
    pub oldest_pending: Option<GazetteId>,
    #[serde(with = "rfc3339")]
    pub oldest_pending_at: Option<PrimitiveDateTime>,
    /// `gazettes`, `processed` and `pending` are what the database expects: counting them would take long.
    pub about: bool,
}

/// A run, and what is to be seen of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownRun {
    #[serde(flatten)]
    pub record: RunRecord,
    /// It holds the lease: by the database's clock it was heard of in time.
    pub is_live: bool,
    /// `None` of runs that have shown nothing, and of what an unknown version has shown.
    pub live: Option<Live>,
    /// So long ago, in seconds by the database's clock.
    pub shown_seconds_ago: Option<f64>,
}

impl ShownRun {
    /// Brings its row up to date among others: what it has shown is younger than what its heartbeat wrote down, until its end
    /// was written.
    pub fn refresh(&self, runs: &mut [RunRecord]) {
        let Some(live) = &self.live else { return };
        for run in runs.iter_mut().filter(|run| run.id == self.record.id && run.finished_at.is_none()) {
            run.counts = live.counts.clone();
        }
    }
}

/// One row of `prelo_runs`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunRecord {
    pub id: RunId,
    /// JSON of the [`Selection`].
    pub selection: String,
    #[serde(with = "rfc3339")]
    pub started_at: Option<PrimitiveDateTime>,
    #[serde(with = "rfc3339")]
    pub finished_at: Option<PrimitiveDateTime>,
    #[serde(with = "rfc3339")]
    pub heartbeat_at: Option<PrimitiveDateTime>,
    pub counts: RunCounts,
    pub stopped_by: Option<String>,
}

#[cfg(test)]
impl RunRecord {
    /// A run of which nothing else is known, for tests.
    #[must_use]
    pub fn with_counts(counts: RunCounts) -> Self {
        Self {
            id: RunId::new(),
            selection: "{}".into(),
            started_at: None,
            finished_at: None,
            heartbeat_at: None,
            counts,
            stopped_by: None,
        }
    }
}

/// The story of one gazette.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    pub gazette: Gazette,
    pub processed: bool,
    /// `None` when prelo has never claimed it.
    pub state: Option<GazetteState>,
    /// The last ones, the first of them first.
    pub attempts: Vec<Attempt>,
    pub pages: Vec<PageRun>,
}

/// One row of `prelo_gazettes`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct GazetteState {
    /// `pending`, `claimed`, `started`, `indexed` or `failed`.
    pub state: String,
    pub failure_code: Option<String>,
    pub failure_detail: Option<String>,
    /// Starts of the reader since it last came to an end of this gazette, less those whose claim was given back.
    pub starts: u32,
    /// Failures in a row, since the gazette was last indexed, its file changed, or somebody asked for it.
    pub failures: u32,
    pub lease_run: Option<RunId>,
    #[serde(with = "rfc3339")]
    pub lease_until: Option<PrimitiveDateTime>,
    #[serde(with = "rfc3339")]
    pub next_attempt_at: Option<PrimitiveDateTime>,
    pub extractor_version: Option<i32>,
    pub bytes: Option<u64>,
    pub pages: Option<u32>,
    pub ocr_pages: Option<u32>,
    pub characters: Option<u64>,
    pub quality: Option<f32>,
    pub text_checksum: Option<String>,
    #[serde(with = "rfc3339")]
    pub indexed_at: Option<PrimitiveDateTime>,
    /// The last run that finished or failed it.
    pub run_id: Option<RunId>,
    /// Pages that OCR has still to read.
    pub ocr_due: Option<u32>,
    /// As in [`Completion`].
    pub ocr_page_numbers: Option<String>,
    pub ocr_confidence: Option<f32>,
    pub warnings: Option<String>,
}
