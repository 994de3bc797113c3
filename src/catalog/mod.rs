//! Where gazettes are listed and their state is kept: Postgres in production, SQLite for a folder.
//!
//! `gazettes` and `territories` belong to the scraper that fills them; only `gazettes.processed` is written.
//! `prelo_runs` and `prelo_gazettes` are ours. Every clock is the database's.

use std::time::Duration;

use async_trait::async_trait;
use time::PrimitiveDateTime;

use crate::config::Config;
use crate::failure::FailureCode;
use crate::gazette::{Gazette, GazetteId, RunId, Selection, Territory};
pub use crate::telemetry::{Backlog, Connections, Live, RunCounts};

mod dialect;
mod directory;
mod error;
mod postgres;
mod records;
mod registry;
mod run_end;
mod selection;
mod sql;
mod sqlite;
mod statement;
mod story;

#[cfg(test)]
mod conformance;

pub use directory::{Directory, label};
pub use error::{CatalogError, CatalogErrorKind};
pub use records::{
    Begun, Claim, Completion, Cursor, Deferred, Explanation, FailedGazette, GazetteState, Indexed, IndexedQuery,
    Interrupted, Listed, Marked, PageQuery, RunRecord, ScanBacklog, SelectionSummary, SetAside, ShownRun, Status,
};
pub use registry::{FolderFile, RegisteredFile, Registry};
pub use run_end::{Outlook, RunEnd};
pub use story::{Attempt, PageRun, ReadInPart, Source, Timings, page_runs};

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

    /// The same for gazettes whose scans were read in part, in one short transaction: the pages that are left are due, and the
    /// attempt is told. One page stays due at least: the gazette has to be taken up again.
    async fn interrupt(&self, run: RunId, interrupted: &[Interrupted]) -> Result<(), CatalogError>;

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
