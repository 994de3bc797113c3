//! A catalogue for one test: a file or a schema of its own, gone afterwards.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

use super::super::{
    Begun, Catalog, Claim, Completion, Cursor, FailedGazette, Listed, PageQuery, Timings, postgres, sqlite,
};
use crate::failure::{Failure, FailureCode};
use crate::gazette::{GazetteId, Mode, RunId, Selection};
use crate::retry::Recheck;

pub const LEASE: Duration = Duration::from_mins(1);
pub const EVERYTHING: GazetteId = GazetteId(i64::MAX);

pub struct World {
    pub catalog: Box<dyn Catalog>,
    url: String,
    raw: Raw,
}

/// The database behind prelo's back: what the scraper does, and what only a test looks at.
enum Raw {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

pub async fn in_sqlite(test: impl AsyncFnOnce(&World)) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/new folder/100%25%3F/catalog.db", folder.path().display());
    let options = SqliteConnectOptions::new().filename(folder.path().join("new folder/100%?/catalog.db"));
    let raw =
        SqlitePoolOptions::new().connect_lazy_with(options.foreign_keys(false).busy_timeout(Duration::from_secs(30)));
    test(&World { catalog: open(&url).await, url, raw: Raw::Sqlite(raw) }).await;
}

pub async fn in_postgres(test: impl AsyncFnOnce(&World)) {
    let Ok(server) = std::env::var("PRELO_TEST_CATALOG") else {
        eprintln!("SKIPPED: catalogue in PostgreSQL: PRELO_TEST_CATALOG is not set");
        return;
    };
    let admin = PgPoolOptions::new().max_connections(1).connect(&server).await.unwrap();
    let schema = format!("prelo_test_{}", RunId::new().0.simple());
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&admin).await.unwrap();

    let first = if server.contains('?') { '&' } else { '?' };
    let url = format!("{server}{first}options=-csearch_path%3D{schema}");
    let raw = PgPoolOptions::new().max_connections(2).connect(&url).await.unwrap();
    let world = World { catalog: open(&url).await, url, raw: Raw::Postgres(raw) };
    let outcome = AssertUnwindSafe(test(&world)).catch_unwind().await;

    sqlx::raw_sql(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"))).execute(&admin).await.unwrap();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

async fn open(url: &str) -> Box<dyn Catalog> {
    if url.starts_with("sqlite:") {
        return Box::new(sqlite::open(url).await.unwrap());
    }
    let settings =
        postgres::PoolSettings { min_connections: 0, max_connections: 3, acquire_timeout: Duration::from_secs(20) };
    Box::new(postgres::open(url, settings).await.unwrap())
}

impl World {
    /// A catalogue as another process sees it.
    pub async fn another(&self) -> Box<dyn Catalog> {
        open(&self.url).await
    }

    /// The scraper's own connections, for transactions of its own.
    pub fn scraper(&self) -> Option<&PgPool> {
        match &self.raw {
            Raw::Postgres(pool) => Some(pool),
            Raw::Sqlite(_) => None,
        }
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self.raw, Raw::Postgres(_))
    }

    /// Tables, two territories, and gazettes `1..=n` of the first one, all pending.
    pub async fn with_gazettes(&self, n: i64) {
        self.catalog.migrate().await.unwrap();
        self.execute("INSERT INTO territories (id, name, state_code) VALUES ('t1', 'Um', 'AL'), ('t2', 'Dois', 'SP')")
            .await;
        self.add(1..=n).await;
    }

    /// Gazettes as the scraper adds them: dates go round the days of January 2026.
    pub async fn add(&self, ids: impl Iterator<Item = i64>) {
        let now = self.ago("0 hours");
        let rows: Vec<String> = ids
            .map(|id| {
                let day = id % 28 + 1;
                format!("({id}, '2026-01-{day:02}', 'checksum {id}', 't1/{id}.pdf', {now}, {now}, 't1', false)")
            })
            .collect();
        for rows in rows.chunks(500) {
            self.execute(&format!(
                "INSERT INTO gazettes (id, date, file_checksum, file_path, scraped_at, created_at, territory_id, \
                 processed) VALUES {}",
                rows.join(", ")
            ))
            .await;
        }
    }

    pub async fn execute(&self, sql: &str) {
        let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match &self.raw {
            Raw::Sqlite(pool) => query.execute(pool).await.map(drop),
            Raw::Postgres(pool) => query.execute(pool).await.map(drop),
        }
        .unwrap();
    }

    pub async fn number(&self, sql: &str) -> i64 {
        let query = AssertSqlSafe(sql.to_owned());
        match &self.raw {
            Raw::Sqlite(pool) => sqlx::query_scalar(query).fetch_one(pool).await,
            Raw::Postgres(pool) => sqlx::query_scalar(query).fetch_one(pool).await,
        }
        .unwrap()
    }

    /// An expression for a moment in the past, such as `25 hours` ago.
    pub fn ago(&self, time: &str) -> String {
        match self.raw {
            Raw::Sqlite(_) => format!("strftime('%Y-%m-%d %H:%M:%f', 'now', '-{time}')"),
            Raw::Postgres(_) => format!("timezone('utc', now()) - interval '{time}'"),
        }
    }

    /// A run that holds the lease of the catalogue.
    pub async fn run(&self, selection: &Selection) -> RunId {
        let run = RunId::new();
        let begun = self.catalog.begin_run(run, selection, LEASE).await.unwrap();
        assert_eq!(begun, Begun::Started { recovered: 0 });
        run
    }

    pub async fn finish(&self, run: RunId) {
        self.catalog.finish_run(run, &super::super::RunCounts::default(), None).await.unwrap();
    }

    /// One row of `prelo_gazettes` must hold `condition`.
    pub async fn holds(&self, id: i64, condition: &str) {
        let sql = format!("SELECT count(*) FROM prelo_gazettes WHERE gazette_id = {id} AND {condition}");
        assert_eq!(self.number(&sql).await, 1, "gazette {id}: {condition}");
    }

    pub async fn processed(&self) -> i64 {
        self.number("SELECT count(*) FROM gazettes WHERE processed IS TRUE").await
    }

    /// The ids of a selection as a run that has not begun would find them, lowest first.
    pub async fn selected(&self, selection: &Selection) -> Vec<i64> {
        let listed = self.page(selection, RunId::new(), Cursor::Before(None), 10_000).await;
        let mut ids = raw_ids(listed.iter().map(|listed| &listed.gazette.id));
        let counted = self.catalog.count(selection, RunId::new(), EVERYTHING).await.unwrap();
        assert_eq!(counted, ids.len() as u64, "count and page agree");
        ids.reverse();
        ids
    }

    pub async fn page(&self, selection: &Selection, run: RunId, cursor: Cursor, page_size: u32) -> Vec<Listed> {
        self.pass(selection, run, cursor, page_size, false).await
    }

    pub async fn pass(&self, selection: &Selection, run: RunId, cursor: Cursor, size: u32, fresh: bool) -> Vec<Listed> {
        let query = PageQuery { selection, run, high_water: EVERYTHING, cursor, page_size: size, fresh_only: fresh };
        self.catalog.page(&query).await.unwrap()
    }

    pub async fn claim(&self, run: RunId, ids: &[i64]) -> Vec<i64> {
        self.claims(run, ids, false).await.iter().map(|claim| claim.id.0).collect()
    }

    /// Claims, lowest id first.
    pub async fn claims(&self, run: RunId, ids: &[i64], asked: bool) -> Vec<Claim> {
        let mut claims = self.catalog.claim(run, &gazette_ids(ids), LEASE, asked).await.unwrap();
        claims.sort_unstable_by_key(|claim| claim.id);
        claims
    }

    pub async fn complete(&self, run: RunId, ids: &[i64]) -> Vec<i64> {
        let completions: Vec<_> = ids.iter().copied().map(completion).collect();
        let mut marked = raw_ids(&self.catalog.complete(run, &completions).await.unwrap());
        marked.sort_unstable();
        marked
    }

    pub async fn fail(&self, run: RunId, id: i64, code: FailureCode, retry_after: Option<Duration>) -> bool {
        let failed = failed(id, code, retry_after);
        self.catalog.fail(run, &[failed]).await.unwrap() == [GazetteId(id)]
    }

    /// A run that claims the ids and fails them.
    pub async fn failed(&self, ids: &[i64], code: FailureCode, retry_after: Option<Duration>) {
        let run = self.run(&Selection::default()).await;
        self.claim(run, ids).await;
        for id in ids {
            assert!(self.fail(run, *id, code, retry_after).await);
        }
        self.finish(run).await;
    }

    /// A run that claims the ids, starts to read them, and dies.
    pub async fn died(&self, ids: &[i64]) {
        let run = self.run(&Selection::default()).await;
        self.claim(run, ids).await;
        for id in ids {
            assert!(self.catalog.start(run, GazetteId(*id)).await.unwrap());
        }
        self.execute(&format!("UPDATE prelo_runs SET lease_until = {}", self.ago("1 hours"))).await;
        let heir = self.run_after(ids.len() as u64).await;
        self.finish(heir).await;
    }

    /// A run that takes over from one that died and held so many gazettes.
    pub async fn run_after(&self, recovered: u64) -> RunId {
        let heir = RunId::new();
        let begun = self.catalog.begin_run(heir, &Selection::default(), LEASE).await.unwrap();
        assert_eq!(begun, Begun::Started { recovered });
        heir
    }

    /// A run that claims the ids and completes them.
    pub async fn indexed(&self, ids: &[i64]) {
        let run = self.run(&Selection::default()).await;
        self.claim(run, ids).await;
        assert_eq!(self.complete(run, ids).await, ids);
        self.finish(run).await;
    }
}

pub fn mode(mode: Mode) -> Selection {
    Selection { mode, ..Selection::default() }
}

pub fn gazette_ids(ids: &[i64]) -> Vec<GazetteId> {
    ids.iter().copied().map(GazetteId).collect()
}

pub fn raw_ids<'a>(ids: impl IntoIterator<Item = &'a GazetteId>) -> Vec<i64> {
    ids.into_iter().map(|id| id.0).collect()
}

pub fn completion(id: i64) -> Completion {
    Completion {
        id: GazetteId(id),
        file_checksum: Some(format!("checksum {id}")),
        bytes: 1_000,
        pages: 4,
        ocr_pages: 1,
        characters: 5_000,
        quality: Some(0.9),
        text_checksum: "d41d8cd98f00b204e9800998ecf8427e".into(),
        ocr_due: 0,
        ocr_page_numbers: "2".into(),
        ocr_confidence: Some(0.8),
        page_runs: Vec::new(),
        timings: Timings::default(),
        warnings: String::new(),
    }
}

pub fn failed(id: i64, code: FailureCode, retry_after: Option<Duration>) -> FailedGazette {
    FailedGazette {
        timings: Timings::default(),
        id: GazetteId(id),
        failure: Failure::new(code, "as seen"),
        file_checksum: Some(format!("checksum {id}")),
        bytes: Some(10),
        recheck: retry_after.map(|wait| Recheck { first: wait, longest: wait, attempts: None }),
    }
}
