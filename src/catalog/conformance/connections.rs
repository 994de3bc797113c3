//! What is wrong with a connection, told in plain words.

use std::time::Duration;

use super::super::postgres::{PoolSettings, open};
use super::super::{CatalogError, CatalogErrorKind as Kind, sqlite};
use crate::retry::Retry;

async fn refusal(url: &str) -> CatalogError {
    let settings = PoolSettings { min_connections: 0, max_connections: 1, acquire_timeout: Duration::from_secs(5) };
    let error = open(url, settings).await.err().expect("no connection comes about");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    error
}

#[tokio::test]
async fn nobody_listens() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = refusal(&format!("postgres://prelo:hunter2@127.0.0.1:{port}/prelo")).await;
    assert_eq!(error.kind, Kind::Unavailable, "{error}");
    assert!(error.is_retryable() && error.to_string().contains("nobody listens"), "{error}");
}

#[tokio::test]
async fn nobody_answers() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let settings = PoolSettings { min_connections: 0, max_connections: 1, acquire_timeout: Duration::from_millis(200) };
    let error = open(&format!("postgres://prelo@127.0.0.1:{port}/prelo"), settings).await.err().unwrap();
    assert_eq!(error.kind, Kind::Timeout, "{error}");
}

#[tokio::test]
async fn the_name_is_unknown() {
    let error = refusal("postgres://prelo:hunter2@no-such-host.invalid/prelo").await;
    assert_eq!(error.kind, Kind::NameNotResolved, "{error:?}");
}

#[tokio::test]
async fn the_url_is_none() {
    assert_eq!(refusal("postgres://prelo:hunter2@127.0.0.1:port/prelo").await.kind, Kind::BadUrl);
    assert_eq!(refusal("postgres://prelo:hunter2@127.0.0.1/prelo?sslmode=perhaps").await.kind, Kind::BadUrl);
}

#[tokio::test]
async fn password_or_database_is_wrong() {
    let Ok(server) = std::env::var("PRELO_TEST_CATALOG") else {
        eprintln!("SKIPPED: refusals of PostgreSQL: PRELO_TEST_CATALOG is not set");
        return;
    };
    let mut url = url::Url::parse(&server).unwrap();
    url.set_path("no_such_database");
    let error = refusal(url.as_str()).await;
    assert_eq!(error.kind, Kind::NoDatabase, "{error}");
    url.set_password(Some("hunter2")).unwrap();
    let error = refusal(url.as_str()).await;
    assert_eq!(error.kind, Kind::Unauthorized, "{error}");
}

#[tokio::test]
async fn the_file_is_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("catalog.db");
    std::fs::write(&file, "not a database, and long enough to have a header that could be one of SQLite's own")
        .unwrap();
    for path in [file.as_path(), folder.path()] {
        let error = sqlite::open(&format!("sqlite://{}", path.display())).await.err().unwrap();
        assert_eq!(error.kind, Kind::NoDatabase, "{error:?}");
    }
}

#[tokio::test]
async fn only_reading_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = sqlite::open(&format!("sqlite://{}/data/catalog.db", folder.path().display())).await.unwrap();
    let error = super::super::Catalog::status(&catalog).await.unwrap_err();
    assert_eq!(error.kind, Kind::TableMissing, "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
