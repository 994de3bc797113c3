//! SQLite: prelo's own catalogue of a folder of files.

mod registry;

use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::error::DatabaseError;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection as _, Pool, QueryBuilder, Row as _};
use time::macros::format_description;
use time::{Date, PrimitiveDateTime};
use uuid::Uuid;

use super::dialect::{Dialect, List, Migration, Value};
use super::error::from_sqlx;
use super::sql::SqlCatalog;
use super::{CatalogError, Registry};
use crate::config::local_path;
use crate::gazette::RunId;

/// The statements' SQLite side.
pub struct Sqlite;

/// Between two attempts at the one lock that SQLite does not wait for.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// Half a minute of them.
const BUSY_ATTEMPTS: usize = 1_500;
/// A second process (`status` beside `run`) waits so long for the one that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens the file of a `sqlite://relative/path.db` or `sqlite:///absolute/path.db` (see [`local_path`]). A file that is not there yet is
/// made by [`super::Catalog::migrate`], with its folders, so that a verb that only reads leaves nothing behind.
pub async fn open(url: &str) -> Result<SqlCatalog<Sqlite>, CatalogError> {
    let path = local_path(url, "sqlite").unwrap_or_else(|| url.into());
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        // NORMAL survives a kill, but a power loss may undo the last commits. For a mark that would only mean reading a
        // gazette again; but the count of starts must outlive the gazette that takes the whole machine down, or it
        // would do so for ever. One sync a document is small beside reading it.
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging();
    let exists = path.exists();
    // Readers go on beside the one writer.
    let pool = SqlitePoolOptions::new().max_connections(4).connect_lazy_with(options);
    if exists {
        pool.acquire().await.map_err(|error| from_sqlx("open", url, error))?;
    }
    Ok(SqlCatalog::new(pool, url.to_owned()))
}

impl Dialect for Sqlite {
    type Db = sqlx::Sqlite;

    const PRODUCT: &'static str = "SQLite";
    const VERSION: &'static str = "SELECT sqlite_version() AS version";
    // A transaction that begins by reading and then writes would fail at once when somebody wrote between.
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    // The write lock that BEGIN IMMEDIATE takes is that of the whole file.
    const ALONE: Option<&'static str> = None;
    const FOR_UPDATE: &'static str = "";
    const NOW: &'static str = "strftime('%Y-%m-%d %H:%M:%f', 'now')";
    const LATER: (&'static str, &'static str) =
        ("strftime('%Y-%m-%d %H:%M:%f', 'now', ((", ") / 1000.0) || ' seconds')");
    const JSON: &'static str = "text";
    const TAIL: (&'static str, &'static str) = ("substr(", ", -4000)");
    const HASTE: Option<&'static str> = None;
    const ABOUT: &'static str = "SELECT 0 AS gazettes, 0 AS unprocessed";
    const MIGRATIONS: &'static [Migration] = &[
        ("0001_tables", include_str!("../../../migrations/sqlite/0001_tables.sql")),
        ("0002_failures", include_str!("../../../migrations/sqlite/0002_failures.sql")),
        ("0003_ocr", include_str!("../../../migrations/sqlite/0003_ocr.sql")),
        ("0004_live", include_str!("../../../migrations/sqlite/0004_live.sql")),
        ("0005_story", include_str!("../../../migrations/sqlite/0005_story.sql")),
    ];

    fn bind(query: &mut QueryBuilder<sqlx::Sqlite>, value: Value) {
        match value {
            Value::Int(value) => query.push_bind(value),
            Value::Real(value) => query.push_bind(value),
            Value::Text(value) => query.push_bind(value),
            Value::Bool(value) => query.push_bind(value),
            Value::Date(value) => query.push_bind(value),
            Value::Moment(value) => query.push_bind(value.map(moment_text)),
            Value::Run(run) => query.push_bind(run.to_string()),
        };
    }

    fn bind_list(query: &mut QueryBuilder<sqlx::Sqlite>, list: List) {
        let json = match list {
            List::Ints(values) => serde_json::Value::from(values),
            List::Texts(values) => serde_json::Value::from(values),
            List::Runs(values) => values.iter().map(ToString::to_string).collect(),
        };
        query.push(" IN (SELECT value FROM json_each(").push_bind(json.to_string()).push("))");
    }

    fn fetch(
        connection: &mut SqliteConnection,
        mut query: QueryBuilder<sqlx::Sqlite>,
        prepared: bool,
    ) -> BoxFuture<'_, Result<Vec<SqliteRow>, sqlx::Error>> {
        async move { query.build().persistent(prepared).fetch_all(connection).await }.boxed()
    }

    fn script<'a>(
        connection: &'a mut SqliteConnection,
        script: &'static str,
    ) -> BoxFuture<'a, Result<(), sqlx::Error>> {
        async move { sqlx::raw_sql(script).execute(connection).await.map(drop) }.boxed()
    }

    fn create(pool: &Pool<sqlx::Sqlite>) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        async move { create(pool.connect_options().as_ref().clone()).await }.boxed()
    }

    fn registry(catalog: &SqlCatalog<Self>) -> Option<&dyn Registry> {
        Some(catalog)
    }

    fn int(row: &SqliteRow, column: &str) -> Result<Option<i64>, sqlx::Error> {
        row.try_get(column)
    }

    fn real(row: &SqliteRow, column: &str) -> Result<Option<f32>, sqlx::Error> {
        row.try_get(column)
    }

    fn text(row: &SqliteRow, column: &str) -> Result<Option<String>, sqlx::Error> {
        row.try_get(column)
    }

    fn bool(row: &SqliteRow, column: &str) -> Result<Option<bool>, sqlx::Error> {
        row.try_get(column)
    }

    fn date(row: &SqliteRow, column: &str) -> Result<Option<Date>, sqlx::Error> {
        row.try_get(column)
    }

    fn moment(row: &SqliteRow, column: &str) -> Result<Option<PrimitiveDateTime>, sqlx::Error> {
        row.try_get(column)
    }

    fn run(row: &SqliteRow, column: &str) -> Result<Option<RunId>, sqlx::Error> {
        let text: Option<String> = row.try_get(column)?;
        let run = text.map(|text| Uuid::parse_str(&text)).transpose();
        run.map(|run| run.map(RunId)).map_err(|error| sqlx::Error::Decode(Box::new(error)))
    }
}

/// Makes the file and its folders. From then on it keeps a write-ahead log, so that reading and writing go on side by
/// side. The change to that log is the one lock that SQLite does not wait for by itself.
async fn create(options: SqliteConnectOptions) -> Result<(), sqlx::Error> {
    if let Some(folder) = options.get_filename().parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    let options = options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
    let patience = ConstantBuilder::default().with_delay(BUSY_PAUSE).with_max_times(BUSY_ATTEMPTS);
    let connect = || SqliteConnection::connect_with(&options);
    connect.retry(patience).when(is_busy).await?.close().await
}

/// <https://www.sqlite.org/rescode.html#busy>, in the low byte of the extended code.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.and_then(|code| code.parse::<i32>().ok()).is_some_and(|code| code & 0xff == 5)
}

/// As SQLite's own clock writes it above: moments are compared as text, so every one has the same number of digits.
fn moment_text(moment: PrimitiveDateTime) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]");
    moment.format(format).unwrap_or_else(|_| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::moment_text;
    use time::macros::datetime;

    #[test]
    fn moments_are_comparable_as_text() {
        for (moment, text) in [
            (datetime!(2026-01-02 03:04:05), "2026-01-02 03:04:05.000"),
            (datetime!(2026-01-02 03:04:05.5), "2026-01-02 03:04:05.500"),
            (datetime!(2026-01-02 03:04:05.123_456), "2026-01-02 03:04:05.123"),
        ] {
            assert_eq!(moment_text(moment), text);
        }
    }
}
