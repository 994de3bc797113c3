//! The catalogue over SQL, one for all dialects: each method is one short transaction or one query.

mod audit;
mod claims;
mod marks;
mod numbers;
mod pages;
mod runs;
mod schema;
mod territories;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::{Pool, Transaction};
use time::PrimitiveDateTime;

use super::dialect::Dialect;
use super::error::from_sqlx;
use super::{
    Backlog, Begun, Catalog, CatalogError, Claim, Completion, Connections, Deferred, Explanation, FailedGazette,
    Indexed, IndexedQuery, Interrupted, Listed, Live, Marked, PageQuery, Registry, RunCounts, RunRecord, ScanBacklog,
    SelectionSummary, SetAside, ShownRun, Status,
};
use crate::failure::FailureCode;
use crate::gazette::{Gazette, GazetteId, RunId, Selection, Territory};

/// Rows of one statement; each binds up to fourteen values, and SQLite takes 32,766 of them.
const ROWS_PER_STATEMENT: usize = 1_000;

/// The catalogue in a database of dialect `D`.
pub struct SqlCatalog<D: Dialect> {
    pool: Pool<D::Db>,
    /// The URL without its credentials.
    target: String,
}

impl<D: Dialect> SqlCatalog<D> {
    pub fn new(pool: Pool<D::Db>, target: String) -> Self {
        Self { pool, target }
    }

    pub fn pool(&self) -> &Pool<D::Db> {
        &self.pool
    }

    /// Says of an error what was being done, and to what.
    pub fn context(&self, operation: &'static str) -> impl FnOnce(sqlx::Error) -> CatalogError {
        move |error| from_sqlx(operation, &self.target, error)
    }
}

/// Opens a transaction. Dropped without a commit, it is rolled back.
pub async fn begin<D: Dialect>(pool: &Pool<D::Db>) -> Result<Transaction<'static, D::Db>, sqlx::Error> {
    pool.begin_with(D::BEGIN).await
}

#[async_trait]
impl<D: Dialect> Catalog for SqlCatalog<D> {
    async fn migrate(&self) -> Result<Vec<String>, CatalogError> {
        schema::migrate::<D>(&self.pool).await.map_err(self.context("create the tables"))
    }

    async fn check(&self) -> Result<String, CatalogError> {
        schema::check::<D>(&self.pool).await.map_err(self.context("look at the tables"))
    }

    async fn begin_run(&self, run: RunId, selection: &Selection, lease: Duration) -> Result<Begun, CatalogError> {
        runs::begin_run::<D>(&self.pool, run, selection, lease).await.map_err(self.context("begin a run"))
    }

    async fn heartbeat(&self, run: RunId, lease: Duration, counts: &RunCounts) -> Result<bool, CatalogError> {
        runs::heartbeat::<D>(&self.pool, run, lease, counts).await.map_err(self.context("extend the lease"))
    }

    async fn show_run(&self, run: RunId, live: &Live) -> Result<(), CatalogError> {
        runs::show::<D>(&self.pool, run, live).await.map_err(self.context("write down what is seen of the run"))
    }

    async fn finish_run(&self, run: RunId, counts: &RunCounts, stopped_by: Option<&str>) -> Result<(), CatalogError> {
        runs::finish_run::<D>(&self.pool, run, counts, stopped_by).await.map_err(self.context("finish the run"))
    }

    async fn resolve(&self, selection: &Selection) -> Result<Selection, CatalogError> {
        runs::resolve::<D>(&self.pool, selection).await.map_err(self.context("find the last daily run"))
    }

    async fn high_water_mark(&self) -> Result<Option<GazetteId>, CatalogError> {
        pages::high_water_mark::<D>(&self.pool).await.map_err(self.context("find the highest id"))
    }

    async fn count(&self, selection: &Selection, run: RunId, high_water: GazetteId) -> Result<u64, CatalogError> {
        pages::count::<D>(&self.pool, selection, run, high_water).await.map_err(self.context("count gazettes"))
    }

    async fn page(&self, query: &PageQuery<'_>) -> Result<Vec<Listed>, CatalogError> {
        pages::page::<D>(&self.pool, query).await.map_err(self.context("read a page of gazettes"))
    }

    async fn claim(
        &self,
        run: RunId,
        ids: &[GazetteId],
        lease: Duration,
        asked: bool,
    ) -> Result<Vec<Claim>, CatalogError> {
        claims::claim::<D>(&self.pool, run, ids, lease, asked).await.map_err(self.context("claim gazettes"))
    }

    async fn start(&self, run: RunId, id: GazetteId) -> Result<bool, CatalogError> {
        claims::start::<D>(&self.pool, run, id).await.map_err(self.context("count a start"))
    }

    async fn survived(&self, run: RunId, id: GazetteId) -> Result<(), CatalogError> {
        claims::survived::<D>(&self.pool, run, id).await.map_err(self.context("forget a start"))
    }

    async fn complete(&self, run: RunId, completions: &[Completion]) -> Result<Vec<GazetteId>, CatalogError> {
        marks::complete::<D>(&self.pool, run, completions).await.map_err(self.context("mark gazettes as processed"))
    }

    async fn defer(&self, run: RunId, deferred: &[Deferred]) -> Result<Vec<GazetteId>, CatalogError> {
        marks::defer::<D>(&self.pool, run, deferred).await.map_err(self.context("put off what waits for OCR"))
    }

    async fn scan_backlog(
        &self,
        selection: &Selection,
        run: RunId,
        high_water: GazetteId,
    ) -> Result<ScanBacklog, CatalogError> {
        let backlog = pages::scan_backlog::<D>(&self.pool, selection, run, high_water).await;
        backlog.map_err(self.context("count what waits for OCR"))
    }

    async fn scan_page(
        &self,
        selection: &Selection,
        run: RunId,
        high_water: GazetteId,
        page_size: u32,
    ) -> Result<Vec<Gazette>, CatalogError> {
        let page = pages::scan_page::<D>(&self.pool, selection, run, high_water, page_size).await;
        page.map_err(self.context("read a page of what waits for OCR"))
    }

    async fn fail(&self, run: RunId, failures: &[FailedGazette]) -> Result<Vec<GazetteId>, CatalogError> {
        marks::fail::<D>(&self.pool, run, failures).await.map_err(self.context("set gazettes aside"))
    }

    async fn retry_failed(&self, code: FailureCode) -> Result<u64, CatalogError> {
        marks::retry_failed::<D>(&self.pool, code).await.map_err(self.context("make failures due again"))
    }

    async fn interrupt(&self, run: RunId, interrupted: &[Interrupted]) -> Result<(), CatalogError> {
        claims::interrupt::<D>(&self.pool, run, interrupted).await.map_err(self.context("give gazettes back"))
    }

    async fn release(&self, run: RunId, ids: &[GazetteId]) -> Result<(), CatalogError> {
        claims::release::<D>(&self.pool, run, ids).await.map_err(self.context("give gazettes back"))
    }

    async fn summarize(&self, selection: &Selection, sample: u32) -> Result<SelectionSummary, CatalogError> {
        numbers::summarize::<D>(&self.pool, selection, sample).await.map_err(self.context("sum up a selection"))
    }

    async fn status(&self) -> Result<Status, CatalogError> {
        numbers::status::<D>(&self.pool).await.map_err(self.context("count the gazettes"))
    }

    async fn failures(
        &self,
        code: Option<&str>,
        territory: Option<&str>,
        limit: u32,
    ) -> Result<Vec<SetAside>, CatalogError> {
        let failures = pages::failures::<D>(&self.pool, code, territory, limit).await;
        failures.map_err(self.context("list what failed"))
    }

    async fn backlog(&self) -> Result<Backlog, CatalogError> {
        numbers::backlog::<D>(&self.pool).await.map_err(self.context("count what waits"))
    }

    async fn runs(&self, limit: u32) -> Result<Vec<RunRecord>, CatalogError> {
        runs::last_runs::<D>(&self.pool, limit).await.map_err(self.context("list the runs"))
    }

    async fn run(&self, id: RunId) -> Result<Option<ShownRun>, CatalogError> {
        runs::shown::<D>(&self.pool, Some(id)).await.map_err(self.context("read a run"))
    }

    async fn live_run(&self) -> Result<Option<ShownRun>, CatalogError> {
        runs::shown::<D>(&self.pool, None).await.map_err(self.context("read the live run"))
    }

    async fn territories(&self) -> Result<Vec<Territory>, CatalogError> {
        territories::territories::<D>(&self.pool).await.map_err(self.context("list the territories"))
    }

    async fn explain(&self, id: GazetteId) -> Result<Option<Explanation>, CatalogError> {
        pages::explain::<D>(&self.pool, id).await.map_err(self.context("read a gazette's row"))
    }

    async fn marked(&self, before: Option<GazetteId>, page_size: u32) -> Result<Vec<Marked>, CatalogError> {
        audit::marked::<D>(&self.pool, before, page_size).await.map_err(self.context("read a page of marked gazettes"))
    }

    async fn marks(&self, ids: &[GazetteId]) -> Result<Vec<Marked>, CatalogError> {
        audit::marks::<D>(&self.pool, ids).await.map_err(self.context("look up gazettes"))
    }

    async fn reopen(&self, run: RunId, ids: &[GazetteId]) -> Result<Vec<GazetteId>, CatalogError> {
        audit::reopen::<D>(&self.pool, run, ids).await.map_err(self.context("make gazettes pending again"))
    }

    async fn indexed(&self, which: IndexedQuery<'_>) -> Result<Vec<Indexed>, CatalogError> {
        pages::indexed::<D>(&self.pool, which).await.map_err(self.context("read what was indexed"))
    }

    async fn count_indexed(&self) -> Result<u64, CatalogError> {
        pages::count_indexed::<D>(&self.pool).await.map_err(self.context("count what was indexed"))
    }

    async fn in_flight(&self) -> Result<Vec<(GazetteId, RunId)>, CatalogError> {
        claims::in_flight::<D>(&self.pool).await.map_err(self.context("look at what is in work"))
    }

    async fn now(&self) -> Result<PrimitiveDateTime, CatalogError> {
        runs::now::<D>(&self.pool).await.map_err(self.context("ask for the time"))
    }

    fn connections(&self) -> Connections {
        let idle = u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX);
        let limit = self.pool.options().get_max_connections();
        Connections { used: self.pool.size().saturating_sub(idle), idle, limit }
    }

    fn registry(&self) -> Option<&dyn Registry> {
        D::registry(self)
    }
}
