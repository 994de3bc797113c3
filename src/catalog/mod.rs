//! Where gazettes are listed and their state is kept: Postgres in production, SQLite for a folder.
//!
//! `gazettes` and `territories` belong to the scraper that fills them; only `gazettes.processed` is written.
//! `prelo_runs` and `prelo_gazettes` are ours. Every clock is the database's.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use time::PrimitiveDateTime;

use crate::config::Config;
use crate::failure::{Failure, FailureCode};
use crate::gazette::{Gazette, GazetteId, RunId, Selection, Territory};
use crate::retry::Recheck;
pub use crate::telemetry::{Backlog, Connections, Live, RunCounts};

mod dialect;
mod error;
mod postgres;
mod run_end;
mod selection;
mod sql;
mod sqlite;
mod statement;
mod story;

#[cfg(test)]
mod conformance;

pub use error::{CatalogError, CatalogErrorKind};
pub use run_end::{Outlook, RunEnd};
pub use story::{Attempt, PageRun, Source, Timings, page_runs};

/// The state of gazettes, and the lease of the one run that may change it.
#[async_trait]
pub trait Catalog: Send + Sync {
    /// Creates the tables that are missing; existing ones are neither locked nor rewritten. Names what was applied.
    async fn migrate(&self) -> Result<Vec<String>, CatalogError>;

    /// Connects, and answers with product and version, such as `PostgreSQL 15.18`. Fails when tables are missing.
    async fn check(&self) -> Result<String, CatalogError>;

    /// Takes the lease of the catalogue for `run`, unless a live run holds it. A run whose lease has run out is closed
    /// with `stopped_by = 'lease_expired'`, and its gazettes are free again.
    async fn begin_run(&self, run: RunId, selection: &Selection, lease: Duration) -> Result<Begun, CatalogError>;

    /// Extends the run's lease and those of its gazettes, and notes its counts. `false`: the lease was lost.
    async fn heartbeat(&self, run: RunId, lease: Duration, counts: &RunCounts) -> Result<bool, CatalogError>;

    /// Writes down what is to be seen of the run now: one statement, which neither needs nor extends the lease.
    async fn show_run(&self, run: RunId, live: &Live) -> Result<(), CatalogError>;

    /// Frees what the run still holds and closes its row. `stopped_by` is `None` when the work was done.
    async fn finish_run(&self, run: RunId, counts: &RunCounts, stopped_by: Option<&str>) -> Result<(), CatalogError>;

    /// Says where `Mode::Daily` begins (`Selection::since`): since the start of the last daily run that finished, less
    /// 30 minutes; 24 hours when there was none. It counts when it was asked for the same selection, or for all of its
    /// day: one with a `limit` was not. Other selections come back as they are.
    async fn resolve(&self, selection: &Selection) -> Result<Selection, CatalogError>;

    /// The highest id of the table now; `None` when it is empty.
    async fn high_water_mark(&self) -> Result<Option<GazetteId>, CatalogError>;

    /// How many gazettes at or below `high_water` a resolved selection holds (its `limit` respected) that `run` has
    /// not touched yet.
    async fn count(&self, selection: &Selection, run: RunId, high_water: GazetteId) -> Result<u64, CatalogError>;

    /// One page, highest id first, of a resolved selection.
    async fn page(&self, query: &PageQuery<'_>) -> Result<Vec<Listed>, CatalogError>;

    /// Leases those of `ids` that still exist and that no live run holds; answers with the ones that were got. A failed
    /// gazette begins anew, without starts and failures in a row, when its file or the extractor has changed since, or
    /// when somebody asked for it (`asked`); until it has an outcome it is due.
    async fn claim(
        &self,
        run: RunId,
        ids: &[GazetteId],
        lease: Duration,
        asked: bool,
    ) -> Result<Vec<Claim>, CatalogError>;

    /// Counts a start of the reader on this gazette, durably, before the file is parsed. Once for a claim, however
    /// often it is called. `false`: the claim is lost.
    async fn start(&self, run: RunId, id: GazetteId) -> Result<bool, CatalogError>;

    /// The reader has come to an end of this gazette: it is not what runs have died of, and its starts are forgotten.
    async fn survived(&self, run: RunId, id: GazetteId) -> Result<(), CatalogError>;

    /// Marks acknowledged gazettes as processed and their state as `indexed`, in one short transaction. Answers with
    /// the ones that were marked: a gazette whose claim was lost is not among them. Marking again is harmless.
    async fn complete(&self, run: RunId, completions: &[Completion]) -> Result<Vec<GazetteId>, CatalogError>;

    /// Puts gazettes off that OCR has to read, in one short transaction: they are pending, and [`Catalog::scan_page`] lists
    /// them. Answers with those that were put off; lost claims are left alone.
    async fn defer(&self, run: RunId, deferred: &[Deferred]) -> Result<Vec<GazetteId>, CatalogError>;

    /// How much of a resolved selection waits for OCR, and of what this run has put off; what is in work does not count.
    async fn scan_backlog(
        &self,
        selection: &Selection,
        run: RunId,
        high_water: GazetteId,
    ) -> Result<ScanBacklog, CatalogError>;

    /// The same, one by one, the latest date first. What has an outcome or is in work leaves it: the first page is always
    /// the next one.
    async fn scan_page(
        &self,
        selection: &Selection,
        run: RunId,
        high_water: GazetteId,
        page_size: u32,
    ) -> Result<Vec<Gazette>, CatalogError>;

    /// Sets gazettes aside with their failure, in one short transaction, and says when they are due again; lost claims
    /// are left alone.
    async fn fail(&self, run: RunId, failures: &[FailedGazette]) -> Result<Vec<GazetteId>, CatalogError>;

    /// Makes every gazette that failed with `code` due for the next run, whatever it tried before; says how many. What a run
    /// holds is left alone. Again is harmless.
    async fn retry_failed(&self, code: FailureCode) -> Result<u64, CatalogError>;

    /// Gives claimed gazettes back without an outcome: they are pending as before, and a start of their reader is not
    /// counted against them.
    async fn release(&self, run: RunId, ids: &[GazetteId]) -> Result<(), CatalogError>;

    /// What a resolved selection holds, for `plan`. Changes nothing. At most `sample` paths without a known size come
    /// along, spread over the selection.
    async fn summarize(&self, selection: &Selection, sample: u32) -> Result<SelectionSummary, CatalogError>;

    /// The whole catalogue in numbers.
    async fn status(&self) -> Result<Status, CatalogError>;

    /// Gazettes that are set aside, the highest id first: of one code, or of one territory.
    async fn failures(
        &self,
        code: Option<&str>,
        territory: Option<&str>,
        limit: u32,
    ) -> Result<Vec<SetAside>, CatalogError>;

    /// What waits, and for how long: for metrics.
    async fn backlog(&self) -> Result<Backlog, CatalogError>;

    /// The last runs, newest first.
    async fn runs(&self, limit: u32) -> Result<Vec<RunRecord>, CatalogError>;

    /// One run, with what was last to be seen of it; `None` when there is no such row.
    async fn run(&self, id: RunId) -> Result<Option<ShownRun>, CatalogError>;

    /// The run that holds the lease now, in the same way; `None` when none does.
    async fn live_run(&self) -> Result<Option<ShownRun>, CatalogError>;

    /// Everything known about one gazette; `None` when there is no such row.
    async fn explain(&self, id: GazetteId) -> Result<Option<Explanation>, CatalogError>;

    /// The territories that have gazettes, by name; 20,000 at most, which is more than Brazil has.
    async fn territories(&self) -> Result<Vec<Territory>, CatalogError>;

    /// A page of the rows that are marked as processed, highest id first, below `before`; from the highest id on when
    /// that is `None`.
    async fn marked(&self, before: Option<GazetteId>, page_size: u32) -> Result<Vec<Marked>, CatalogError>;

    /// Those of `ids` that are rows of the catalogue, processed or not.
    async fn marks(&self, ids: &[GazetteId]) -> Result<Vec<Marked>, CatalogError>;

    /// Makes processed gazettes pending again, in one short transaction, while `run` holds the lease of the catalogue.
    /// Answers with the ones that were: not those that another live run holds, nor those that were pending before. How
    /// often their reader was started stays counted.
    async fn reopen(&self, run: RunId, ids: &[GazetteId]) -> Result<Vec<GazetteId>, CatalogError>;

    /// Gazettes that prelo has indexed at some time, whatever became of them since, highest id first.
    async fn indexed(&self, which: IndexedQuery<'_>) -> Result<Vec<Indexed>, CatalogError>;

    /// How many those are.
    async fn count_indexed(&self) -> Result<u64, CatalogError>;

    /// The gazettes that live runs hold, each with its run.
    async fn in_flight(&self) -> Result<Vec<(GazetteId, RunId)>, CatalogError>;

    /// The catalogue's clock.
    async fn now(&self) -> Result<PrimitiveDateTime, CatalogError>;

    /// The connections to the database at this moment.
    fn connections(&self) -> Connections;

    /// The place where files of a folder are registered, where the catalogue is prelo's own.
    fn registry(&self) -> Option<&dyn Registry> {
        None
    }
}

/// Opens the catalogue that the configuration names. A SQLite file that does not exist yet is not made before
/// [`Catalog::migrate`]; until then every other call fails with [`CatalogErrorKind::TableMissing`].
///
/// # Errors
/// When it cannot be reached, or the URL's scheme is none of `sqlite`, `postgres`, `postgresql`.
pub async fn open(config: &Config) -> Result<Box<dyn Catalog>, CatalogError> {
    let url = config.catalog.expose();
    match url.split_once("://").map(|(scheme, _)| scheme) {
        Some("sqlite") => Ok(Box::new(sqlite::open(url).await?)),
        Some("postgres" | "postgresql") => {
            let settings = postgres::PoolSettings {
                min_connections: config.postgres_min_connections,
                max_connections: config.postgres_max_connections,
                acquire_timeout: Duration::from_secs(config.postgres_acquire_timeout_seconds),
            };
            Ok(Box::new(postgres::open(url, settings).await?))
        }
        _ => Err(error::unknown_scheme(url)),
    }
}

/// What is to be said of how the catalogue at `url` is reached: that another could answer in its place.
#[must_use]
pub fn unverified(url: &str) -> Option<String> {
    if url.starts_with("postgres") { postgres::unverified(url) } else { None }
}

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
    /// Resolved: see [`Catalog::resolve`]. Its `limit` is the lister's business, not the page's.
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
    #[serde(with = "iso")]
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
    #[serde(with = "iso")]
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

/// One row of `prelo_runs`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunRecord {
    pub id: RunId,
    /// JSON of the [`Selection`].
    pub selection: String,
    #[serde(with = "iso")]
    pub started_at: Option<PrimitiveDateTime>,
    #[serde(with = "iso")]
    pub finished_at: Option<PrimitiveDateTime>,
    #[serde(with = "iso")]
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
    #[serde(with = "iso")]
    pub lease_until: Option<PrimitiveDateTime>,
    #[serde(with = "iso")]
    pub next_attempt_at: Option<PrimitiveDateTime>,
    pub extractor_version: Option<i32>,
    pub bytes: Option<u64>,
    pub pages: Option<u32>,
    pub ocr_pages: Option<u32>,
    pub characters: Option<u64>,
    pub quality: Option<f32>,
    pub text_checksum: Option<String>,
    #[serde(with = "iso")]
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

/// Files of a folder, as rows of the catalogue. Only a catalogue that is prelo's own has one.
#[async_trait]
pub trait Registry: Send + Sync {
    /// The next registered files behind a path, in the order of their paths by bytes: `limit` of them at most. The first
    /// are behind `""`.
    async fn files(&self, after: &str, limit: u32) -> Result<Vec<RegisteredFile>, CatalogError>;

    /// What the files of these gazettes were like when they were registered: bytes, and nanoseconds since 1970.
    async fn versions(&self, ids: &[GazetteId]) -> Result<HashMap<GazetteId, (u64, i64)>, CatalogError>;

    /// Adds new files and updates changed ones, in one transaction. A changed checksum makes the row pending again.
    async fn register(&self, files: &[FolderFile]) -> Result<(), CatalogError>;
}

/// What is known of a registered file without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredFile {
    /// Path below the folder, with `/`.
    pub path: String,
    pub id: GazetteId,
    pub processed: bool,
    pub bytes: u64,
    /// Nanoseconds since 1970.
    pub modified_ns: i64,
    /// md5 hex of file and metadata (see [`FolderFile::metadata_checksum`]).
    pub metadata_checksum: String,
}

/// A file of the folder with what is known about it. Unknown fields stay empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderFile {
    /// Path below the folder, with `/`.
    pub path: String,
    pub bytes: u64,
    pub modified_ns: i64,
    /// md5 hex of the file.
    pub file_checksum: String,
    /// A digest of the fields below, to see that `gazettes.csv` has changed.
    pub metadata_checksum: String,
    /// Empty id: not known. Registered in `territories` under that id all the same, with empty names.
    pub territory: crate::gazette::Territory,
    pub date: Option<time::Date>,
    pub edition_number: Option<String>,
    pub is_extra_edition: Option<bool>,
    pub power: Option<String>,
    pub file_url: Option<String>,
}

/// `Option<PrimitiveDateTime>` as an ISO 8601 string in UTC, for programs that read our JSON.
mod iso {
    use serde::Serializer;
    use time::PrimitiveDateTime;
    use time::format_description::well_known::Rfc3339;

    #[allow(clippy::ref_option)] // the signature that serde calls
    pub fn serialize<S: Serializer>(moment: &Option<PrimitiveDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
        match moment {
            Some(moment) => {
                let text = moment.assume_utc().format(&Rfc3339).map_err(serde::ser::Error::custom)?;
                serializer.serialize_some(&text)
            }
            None => serializer.serialize_none(),
        }
    }
}
