//! PostgreSQL: the scraper's database in production.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions, PgRow, PgSslMode};
use sqlx::{ConnectOptions, Connection as _, Pool, QueryBuilder, Row as _};
use time::{Date, PrimitiveDateTime};
use uuid::Uuid;

use super::CatalogError;
use super::dialect::{Dialect, List, Migration, Value};
use super::error::{from_sqlx, without_credentials};
use super::sql::SqlCatalog;
use crate::gazette::RunId;

/// The statements' PostgreSQL side.
pub struct Postgres;

/// Connections that are kept.
#[derive(Debug, Clone, Copy)]
pub struct PoolSettings {
    pub min_connections: u32,
    pub max_connections: u32,
    /// For a free connection, and for the first one.
    pub acquire_timeout: Duration,
}

/// Connects to a `postgres://` URL; what `libpq` reads from such a URL is understood, TLS included. Behind a
/// pooler that shares connections between transactions, the URL wants `statement-cache-capacity=0`.
pub async fn open(url: &str, settings: PoolSettings) -> Result<SqlCatalog<Postgres>, CatalogError> {
    let target = without_credentials(url);
    let failed = |error| from_sqlx("connect", &target, error);

    let mut options = PgConnectOptions::from_str(url).map_err(failed)?.disable_statement_logging();
    if options.get_application_name().is_none() {
        options = options.application_name("prelo");
    }
    // The pool would try again until its time is up when nobody listens, and then say only that it is up.
    let first = tokio::time::timeout(settings.acquire_timeout, PgConnection::connect_with(&options));
    let first = first.await.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()));
    first.map_err(failed)?.close().await.map_err(failed)?;

    let pool = PgPoolOptions::new()
        .min_connections(settings.min_connections)
        .max_connections(settings.max_connections)
        .acquire_timeout(settings.acquire_timeout)
        .connect_lazy_with(options);
    Ok(SqlCatalog::new(pool, target))
}

/// What is to be said of a connection over which somebody else might answer: `None` when its certificate is verified, or
/// when it does not leave this machine. A URL that says nothing means what `libpq` takes it to mean: encrypted if the
/// server offers it, and whoever it is.
pub fn unverified(url: &str) -> Option<String> {
    let options = PgConnectOptions::from_str(url).ok()?;
    let verified = matches!(options.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull);
    let host = options.get_host();
    let is_local = options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    (!verified && !is_local).then(|| {
        "the server's certificate is not verified; unless the network to it is your own, add `sslmode=verify-full` to \
         the URL"
            .to_owned()
    })
}

impl Dialect for Postgres {
    type Db = sqlx::Postgres;

    const PRODUCT: &'static str = "PostgreSQL";
    const VERSION: &'static str = "SELECT split_part(current_setting('server_version'), ' ', 1) AS version";
    // Said aloud because a database may have another default.
    const BEGIN: &'static str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
    // The key is the word "prelo" in ASCII; it is held for milliseconds.
    const ALONE: Option<&'static str> = Some("SELECT pg_advisory_xact_lock(482955586671)");
    const FOR_UPDATE: &'static str = " FOR UPDATE";
    const NOW: &'static str = "timezone('utc', statement_timestamp())";
    const LATER: (&'static str, &'static str) =
        ("(timezone('utc', statement_timestamp()) + (", ") * interval '1 millisecond')");
    const JSON: &'static str = "jsonb";
    const TAIL: (&'static str, &'static str) = ("right(", ", 4000)");
    const HASTE: Option<&'static str> = Some("SET LOCAL statement_timeout = 50");
    // What the last ANALYZE has seen (manual, sections 51.11 and 52.27).
    const ABOUT: &'static str = "SELECT CAST(greatest(c.reltuples, 0) AS bigint) AS gazettes, \
         CAST(greatest(c.reltuples, 0) * (1 - coalesce((SELECT s.most_common_freqs[array_position(\
         CAST(CAST(s.most_common_vals AS text) AS text[]), 't')] FROM pg_stats s JOIN pg_namespace n \
         ON n.nspname = s.schemaname WHERE s.tablename = c.relname AND n.oid = c.relnamespace \
         AND s.attname = 'processed' LIMIT 1), 0)) AS bigint) AS unprocessed \
         FROM pg_class c WHERE c.oid = to_regclass('gazettes')";
    const MIGRATIONS: &'static [Migration] = &[
        ("0001_tables", include_str!("../../migrations/postgres/0001_tables.sql")),
        ("0002_failures", include_str!("../../migrations/postgres/0002_failures.sql")),
        ("0003_ocr", include_str!("../../migrations/postgres/0003_ocr.sql")),
        ("0004_live", include_str!("../../migrations/postgres/0004_live.sql")),
        ("0005_story", include_str!("../../migrations/postgres/0005_story.sql")),
    ];

    fn bind(query: &mut QueryBuilder<sqlx::Postgres>, value: Value) {
        match value {
            Value::Int(value) => query.push_bind(value),
            Value::Real(value) => query.push_bind(value),
            Value::Text(value) => query.push_bind(value.map(without_nul)),
            Value::Bool(value) => query.push_bind(value),
            Value::Date(value) => query.push_bind(value),
            Value::Moment(value) => query.push_bind(value),
            Value::Run(run) => query.push_bind(run.0),
        };
    }

    fn bind_list(query: &mut QueryBuilder<sqlx::Postgres>, list: List) {
        query.push(" = ANY (");
        match list {
            List::Ints(values) => query.push_bind(values),
            List::Texts(values) => query.push_bind(values.into_iter().map(without_nul).collect::<Vec<_>>()),
            List::Runs(values) => query.push_bind(values.into_iter().map(|run| run.0).collect::<Vec<_>>()),
        };
        query.push(")");
    }

    fn fetch(
        connection: &mut PgConnection,
        mut query: QueryBuilder<sqlx::Postgres>,
        prepared: bool,
    ) -> BoxFuture<'_, Result<Vec<PgRow>, sqlx::Error>> {
        async move { query.build().persistent(prepared).fetch_all(connection).await }.boxed()
    }

    fn script<'a>(connection: &'a mut PgConnection, script: &'static str) -> BoxFuture<'a, Result<(), sqlx::Error>> {
        async move { sqlx::raw_sql(script).execute(connection).await.map(drop) }.boxed()
    }

    fn create(_pool: &Pool<sqlx::Postgres>) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        std::future::ready(Ok(())).boxed()
    }

    fn int(row: &PgRow, column: &str) -> Result<Option<i64>, sqlx::Error> {
        row.try_get(column)
    }

    fn real(row: &PgRow, column: &str) -> Result<Option<f32>, sqlx::Error> {
        row.try_get(column)
    }

    fn text(row: &PgRow, column: &str) -> Result<Option<String>, sqlx::Error> {
        row.try_get(column)
    }

    fn bool(row: &PgRow, column: &str) -> Result<Option<bool>, sqlx::Error> {
        row.try_get(column)
    }

    fn date(row: &PgRow, column: &str) -> Result<Option<Date>, sqlx::Error> {
        row.try_get(column)
    }

    fn moment(row: &PgRow, column: &str) -> Result<Option<PrimitiveDateTime>, sqlx::Error> {
        row.try_get(column)
    }

    fn run(row: &PgRow, column: &str) -> Result<Option<RunId>, sqlx::Error> {
        Ok(row.try_get::<Option<Uuid>, _>(column)?.map(RunId))
    }
}

/// PostgreSQL's text cannot hold U+0000 (manual, section 8.3).
fn without_nul(mut text: String) -> String {
    text.retain(|c| c != '\0');
    text
}

#[cfg(test)]
mod tests {
    use super::unverified;

    #[test]
    fn a_connection_that_others_could_answer_is_told() {
        for (url, told) in [
            ("postgres://prelo:hunter2@db.example/gazettes", true),
            ("postgres://prelo:hunter2@10.0.0.7/gazettes?sslmode=require", true),
            ("postgres://prelo:hunter2@db.example/gazettes?sslmode=verify-full", false),
            ("postgres://prelo:hunter2@db.example/gazettes?sslmode=verify-ca", false),
            ("postgres://prelo:hunter2@127.0.0.1:5433/gazettes", false),
            ("postgres://prelo@localhost/gazettes", false),
        ] {
            let said = unverified(url);
            assert_eq!(said.is_some(), told, "{url}");
            assert!(!said.unwrap_or_default().contains("hunter2"));
        }
    }
}
