//! What goes wrong between prelo and the catalogue.

use std::io;

use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;
use url::Url;

use crate::config::local_path;
use crate::retry::Retry;

/// What kind of trouble it is; decides what the run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogErrorKind {
    /// The host's name cannot be resolved.
    NameNotResolved,
    /// Nobody listens there, or the connection broke.
    Unavailable,
    /// No connection or no answer in time.
    Timeout,
    /// Wrong user or password.
    Unauthorized,
    /// The server has no such database, or the file cannot be opened.
    NoDatabase,
    /// A table or a column that should be there is not: `prelo migrate` creates it.
    TableMissing,
    /// The URL is none that a catalogue can have.
    BadUrl,
    /// It answers and takes nothing: its disk is full or ails, or it is read-only.
    Blocked,
    /// Anything else: a defect of prelo, or of the schema.
    Other,
}

/// What was being done, to what, and why it failed.
#[derive(Debug, thiserror::Error)]
#[error("could not {operation} (catalogue {target}): {advice}")]
pub struct CatalogError {
    pub kind: CatalogErrorKind,
    /// In the infinitive, such as `read a page of gazettes`.
    pub operation: &'static str,
    /// The URL without its credentials.
    pub target: String,
    /// What it means and what to do now.
    pub advice: String,
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Retry for CatalogError {
    fn is_retryable(&self) -> bool {
        matches!(self.kind, CatalogErrorKind::Unavailable | CatalogErrorKind::Timeout)
    }
}

impl CatalogError {
    /// prelo's tables are there, and older than this program. A column of the scraper's (`g` and `t` in statements) is
    /// another matter.
    #[must_use]
    pub fn is_of_an_older_schema(&self) -> bool {
        let said = self.source.as_ref().map(ToString::to_string).unwrap_or_default();
        self.advice == NO_COLUMN && ![" g.", " t."].iter().any(|table| said.contains(table))
    }
}

/// An error of the driver, in the operator's words.
pub(super) fn from_sqlx(operation: &'static str, target: &str, error: sqlx::Error) -> CatalogError {
    let (kind, advice) = judge(&error, target);
    let advice = advice.to_owned();
    CatalogError { kind, operation, target: target.to_owned(), advice, source: Some(Box::new(error)) }
}

/// A URL that no catalogue answers to.
pub(super) fn unknown_scheme(url: &str) -> CatalogError {
    CatalogError {
        kind: CatalogErrorKind::BadUrl,
        operation: "choose a database",
        target: without_credentials(url),
        advice: "use sqlite://PATH, or postgres://USER:PASSWORD@HOST:PORT/DATABASE".to_owned(),
        source: None,
    }
}

/// The URL as it may be shown: no user, no password, none of the parameters (one of them may be a password, too).
pub(super) fn without_credentials(url: &str) -> String {
    match Url::parse(url) {
        Ok(url) if url.has_host() => {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
        }
        // It may hold anything anywhere.
        _ => "(its URL cannot be read)".to_owned(),
    }
}

/// What kind of trouble it is, and what to do now. `target` tells a file from a server.
fn judge(error: &sqlx::Error, target: &str) -> (CatalogErrorKind, &'static str) {
    use CatalogErrorKind as Kind;
    match error {
        sqlx::Error::Database(error) => judge_database(error.as_ref(), target),
        sqlx::Error::Io(error) if target.starts_with("sqlite:") => judge_file(error),
        sqlx::Error::Io(error) => judge_network(error),
        sqlx::Error::Tls(_) => {
            (Kind::Other, "no TLS connection came about; look at the server's certificate and at sslmode in the URL")
        }
        sqlx::Error::PoolTimedOut => (
            Kind::Timeout,
            "no connection came free in time; if the server is well, raise postgres_max_connections or \
             postgres_acquire_timeout_seconds",
        ),
        sqlx::Error::Configuration(_) => {
            (Kind::BadUrl, "the URL cannot be understood; percent-encode special characters in user and password")
        }
        sqlx::Error::WorkerCrashed | sqlx::Error::PoolClosed => {
            (Kind::Unavailable, "the connection is gone; run it again")
        }
        // The driver reads a connection that is closed before the handshake as an answer of zero.
        sqlx::Error::Protocol(words) if words.contains("SSLRequest: 0x00") => (
            Kind::Unavailable,
            "the connection was closed before a word was said; the server or what stands before it is restarting",
        ),
        sqlx::Error::Protocol(_) => {
            (Kind::Other, "what answers there does not talk like PostgreSQL; check host and port")
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) | sqlx::Error::Decode(_) => {
            (Kind::Other, "a column does not hold what it should; compare the tables with those of `migrations`")
        }
        _ => (Kind::Other, "this should not happen; look at the cause"),
    }
}

fn judge_network(error: &io::Error) -> (CatalogErrorKind, &'static str) {
    use CatalogErrorKind as Kind;
    match error.kind() {
        // The standard library has no kind for it, only this text.
        _ if error.to_string().contains("lookup address") => {
            (Kind::NameNotResolved, "the host's name cannot be resolved; check its spelling and the DNS")
        }
        io::ErrorKind::ConnectionRefused => {
            (Kind::Unavailable, "nobody listens there; check host and port, and that the server runs")
        }
        io::ErrorKind::TimedOut => (Kind::Timeout, "no answer in time; check host, port and firewall"),
        _ => (Kind::Unavailable, "the connection broke; check that the server runs, then run it again"),
    }
}

fn judge_file(error: &io::Error) -> (CatalogErrorKind, &'static str) {
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied => "its folder cannot be made; check the permissions, or choose another folder",
        _ => "its folder cannot be made; check the path",
    };
    (CatalogErrorKind::NoDatabase, advice)
}

fn judge_database(error: &dyn DatabaseError, target: &str) -> (CatalogErrorKind, &'static str) {
    if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
        judge_sqlstate(error.code())
    } else if let Some(error) = error.try_downcast_ref::<SqliteError>() {
        let code = error.code().and_then(|code| code.parse().ok()).unwrap_or_default();
        let exists = local_path(target, "sqlite").is_some_and(|path| path.exists());
        judge_result_code(code, error.message(), exists)
    } else {
        (CatalogErrorKind::Other, "this should not happen; look at the cause")
    }
}

/// An older prelo made the tables, or the scraper's are not what they should be.
const NO_COLUMN: &str =
    "a table lacks a column; run `prelo migrate`, and if that does not help compare the tables with `migrations`";

/// `PostgreSQL` manual, appendix A: error codes.
fn judge_sqlstate(code: &str) -> (CatalogErrorKind, &'static str) {
    use CatalogErrorKind as Kind;
    match code {
        "28P01" | "28000" => (Kind::Unauthorized, "wrong user or password, or pg_hba.conf does not let this user in"),
        "42501" => (
            Kind::Unauthorized,
            "the user lacks a right; it needs SELECT on gazettes and territories, UPDATE (processed) on gazettes, \
             and all on prelo's tables",
        ),
        "3D000" => (Kind::NoDatabase, "the server has no database of that name; check it, or create it"),
        "42P01" | "3F000" => (Kind::TableMissing, "a table is missing; run `prelo migrate`"),
        "42703" => (Kind::TableMissing, NO_COLUMN),
        "25006" => (Kind::Blocked, "the server is read-only, perhaps a replica; name the primary server"),
        "40001" | "40P01" | "55P03" => (Kind::Unavailable, "another transaction was in the way; run it again"),
        "53300" => (Kind::Unavailable, "the server has no connection left; lower postgres_max_connections, or wait"),
        "57014" => (Kind::Timeout, "the server cancelled the statement; look at its statement_timeout"),
        _ => match code.get(..2) {
            Some("08" | "57") => (Kind::Unavailable, "the server is stopping, starting or restarting; run it again"),
            Some("53") => (Kind::Unavailable, "the server has run out of disk, memory or connections; look at its log"),
            _ => (Kind::Other, "the server refused the statement; look at the cause"),
        },
    }
}

/// <https://www.sqlite.org/rescode.html>: the low byte is the primary code.
fn judge_result_code(code: i32, message: &str, exists: bool) -> (CatalogErrorKind, &'static str) {
    use CatalogErrorKind as Kind;
    match code & 0xff {
        1 if message.starts_with("no such table") => (Kind::TableMissing, "a table is missing; run `prelo migrate`"),
        1 if message.starts_with("no such column") => (Kind::TableMissing, NO_COLUMN),
        5 | 6 => (Kind::Unavailable, "another process keeps the file locked; wait for it, then run it again"),
        8 => (Kind::NoDatabase, "the file may not be written; check its permissions and its folder's"),
        10 => (Kind::Blocked, "the disk reported an error; look at the system's log"),
        11 => (Kind::Other, "the file is damaged; move it away and run again, the folder is then read anew"),
        13 => (Kind::Blocked, "the disk is full; free space, then run it again"),
        14 if !exists => (Kind::TableMissing, "the file does not exist yet; run `prelo migrate`"),
        14 => (Kind::NoDatabase, "the file cannot be opened; check its permissions and its folder's"),
        26 => (Kind::NoDatabase, "the file is no SQLite database; check the path"),
        _ => (Kind::Other, "SQLite refused the statement; look at the cause"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CatalogErrorKind as Kind;
    use std::error::Error;

    #[test]
    fn a_url_is_shown_without_its_credentials() {
        for (url, shown) in [
            ("postgres://u:secret@db.example:5433/prelo?password=secret", "postgres://db.example:5433/prelo"),
            ("postgres://u:se%2Fcret@db.example/prelo", "postgres://db.example/prelo"),
            ("mysql://u:secret@db.example/prelo", "mysql://db.example/prelo"),
            ("u:secret@db.example/prelo", "(its URL cannot be read)"),
            ("postgres://u:secret@db.example:port/prelo", "(its URL cannot be read)"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }

    #[test]
    fn sqlstates_are_told_apart() {
        for (code, kind) in [
            ("28P01", Kind::Unauthorized),
            ("28000", Kind::Unauthorized),
            ("42501", Kind::Unauthorized),
            ("3D000", Kind::NoDatabase),
            ("42P01", Kind::TableMissing),
            ("42703", Kind::TableMissing),
            ("57P03", Kind::Unavailable),
            ("08006", Kind::Unavailable),
            ("53300", Kind::Unavailable),
            ("40P01", Kind::Unavailable),
            ("57014", Kind::Timeout),
            ("25006", Kind::Blocked),
            ("42601", Kind::Other),
            ("", Kind::Other),
        ] {
            assert_eq!(judge_sqlstate(code).0, kind, "{code}");
        }
    }

    #[test]
    fn result_codes_are_told_apart() {
        for (code, message, exists, kind) in [
            (1, "no such table: gazettes", true, Kind::TableMissing),
            (1, "no such column: p.failures", true, Kind::TableMissing),
            (1, "near \"x\": syntax error", true, Kind::Other),
            (5, "", true, Kind::Unavailable),
            (13, "database or disk is full", true, Kind::Blocked),
            (778, "disk I/O error", true, Kind::Blocked),
            (5 | (2 << 8), "", true, Kind::Unavailable),
            (14, "", false, Kind::TableMissing),
            (14, "", true, Kind::NoDatabase),
            (26, "", true, Kind::NoDatabase),
        ] {
            assert_eq!(judge_result_code(code, message, exists).0, kind, "{code} {message}");
        }
    }

    #[test]
    fn network_errors_are_told_apart() {
        let lookup = io::Error::other("failed to lookup address information: Name or service not known");
        assert_eq!(judge_network(&lookup).0, Kind::NameNotResolved);
        assert_eq!(judge_network(&io::ErrorKind::ConnectionRefused.into()).0, Kind::Unavailable);
        assert_eq!(judge_network(&io::ErrorKind::TimedOut.into()).0, Kind::Timeout);
        assert_eq!(judge_network(&io::ErrorKind::ConnectionReset.into()).0, Kind::Unavailable);
    }

    #[test]
    fn a_connection_that_is_closed_at_once_is_no_other_protocol() {
        for (words, kind) in [
            ("unexpected response from SSLRequest: 0x00 (sqlx_postgres::connection::tls:95)", Kind::Unavailable),
            ("unexpected response from SSLRequest: 0x48 (sqlx_postgres::connection::tls:95)", Kind::Other),
        ] {
            assert_eq!(judge(&sqlx::Error::Protocol(words.into()), "postgres://db/prelo").0, kind, "{words}");
        }
    }

    #[test]
    fn display_does_not_repeat_the_source() {
        let error = from_sqlx("begin a run", "postgres://db/prelo", sqlx::Error::PoolTimedOut);
        let source = error.source().map(ToString::to_string).unwrap_or_default();
        assert!(error.is_retryable() && !source.is_empty() && !error.to_string().contains(&source));
    }
}
