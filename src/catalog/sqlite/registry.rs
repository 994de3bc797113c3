//! Files of a folder as rows of the catalogue.

use std::collections::HashMap;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use super::super::dialect::Value;
use super::super::sql::{SqlCatalog, begin};
use super::super::statement::{Row, Statement};
use super::super::{CatalogError, FolderFile, RegisteredFile, Registry};
use super::Sqlite;
use crate::gazette::GazetteId;

#[async_trait]
impl Registry for SqlCatalog<Sqlite> {
    async fn files(&self, after: &str, limit: u32) -> Result<Vec<RegisteredFile>, CatalogError> {
        files(self.pool(), after, limit).await.map_err(self.context("list the registered files"))
    }

    async fn versions(&self, ids: &[GazetteId]) -> Result<HashMap<GazetteId, (u64, i64)>, CatalogError> {
        versions(self.pool(), ids).await.map_err(self.context("look up registered files"))
    }

    async fn register(&self, files: &[FolderFile]) -> Result<(), CatalogError> {
        register(self.pool(), files).await.map_err(self.context("register files"))
    }
}

async fn files(pool: &SqlitePool, after: &str, limit: u32) -> Result<Vec<RegisteredFile>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let rows = Statement::<Sqlite>::new(
        "SELECT g.file_path, g.id, g.processed, f.bytes, f.modified_ns, f.metadata_checksum \
         FROM gazettes g JOIN prelo_files f ON f.gazette_id = g.id WHERE g.file_path > ",
    )
    .bind(after)
    .sql(" ORDER BY g.file_path")
    .limit(Some(limit.into()))
    .rows(&mut connection)
    .await?;
    let file = |row: &Row<Sqlite>| {
        Ok(RegisteredFile {
            path: row.text("file_path")?,
            id: row.id("id")?,
            processed: row.bool("processed")?,
            bytes: row.count("bytes")?,
            modified_ns: row.number("modified_ns")?,
            metadata_checksum: row.text("metadata_checksum")?,
        })
    };
    rows.iter().map(file).collect()
}

async fn versions(pool: &SqlitePool, ids: &[GazetteId]) -> Result<HashMap<GazetteId, (u64, i64)>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let rows = Statement::<Sqlite>::new("SELECT gazette_id AS id, bytes, modified_ns FROM prelo_files WHERE ")
        .any_id("gazette_id", ids)
        .rows(&mut connection)
        .await?;
    rows.iter().map(|row| Ok((row.id("id")?, (row.count("bytes")?, row.number("modified_ns")?)))).collect()
}

async fn register(pool: &SqlitePool, files: &[FolderFile]) -> Result<(), sqlx::Error> {
    let mut transaction = begin::<Sqlite>(pool).await?;
    let mut territory = None;
    for file in files {
        // Neighbours mostly have the same one.
        if territory.replace(&file.territory) != Some(&file.territory) {
            register_territory(&mut transaction, file).await?;
        }
        let id = match known(&mut transaction, file).await? {
            None => insert(&mut transaction, file).await?,
            Some(Known { id, changed: false }) => id,
            Some(Known { id, changed: true }) => {
                update(&mut transaction, id, file).await?;
                id
            }
        };
        note(&mut transaction, id, file).await?;
    }
    transaction.commit().await
}

struct Known {
    id: GazetteId,
    changed: bool,
}

async fn known(connection: &mut SqliteConnection, file: &FolderFile) -> Result<Option<Known>, sqlx::Error> {
    let row = Statement::<Sqlite>::new("SELECT g.id, (g.file_checksum IS DISTINCT FROM ")
        .bind(file.file_checksum.as_str())
        .sql(" OR f.metadata_checksum IS DISTINCT FROM ")
        .bind(file.metadata_checksum.as_str())
        .sql(") AS changed FROM gazettes g LEFT JOIN prelo_files f ON f.gazette_id = g.id WHERE g.file_path = ")
        .bind(file.path.as_str())
        .row(connection)
        .await?;
    row.map(|row| Ok(Known { id: row.id("id")?, changed: row.bool("changed")? })).transpose()
}

/// A file that does not know its territory's name leaves the one that another file has given.
async fn register_territory(connection: &mut SqliteConnection, file: &FolderFile) -> Result<(), sqlx::Error> {
    let territory = &file.territory;
    Statement::<Sqlite>::new("INSERT INTO territories (id, name, state_code) VALUES (")
        .bind_all([territory.id.as_str(), &territory.name, &territory.state_code].map(Value::from))
        .sql(
            ") ON CONFLICT (id) DO UPDATE SET \
             name = coalesce(nullif(excluded.name, ''), territories.name), \
             state_code = coalesce(nullif(excluded.state_code, ''), territories.state_code) \
             WHERE territories.id <> ''",
        )
        .run(connection)
        .await
}

async fn insert(connection: &mut SqliteConnection, file: &FolderFile) -> Result<GazetteId, sqlx::Error> {
    let row = Statement::<Sqlite>::new("INSERT INTO gazettes (processed, file_path, ")
        .sql(DESCRIPTION)
        .sql(", created_at, scraped_at) VALUES (false, ")
        .bind(file.path.as_str())
        .sql(", ")
        .bind_all(description(file))
        .sql(", ")
        .now()
        .sql(", ")
        .now()
        .sql(") RETURNING id")
        .only_row(connection)
        .await?;
    row.id("id")
}

/// Pending again, and scraped anew, so that a daily run sees it.
async fn update(connection: &mut SqliteConnection, id: GazetteId, file: &FolderFile) -> Result<(), sqlx::Error> {
    Statement::<Sqlite>::new("UPDATE gazettes SET processed = false, (")
        .sql(DESCRIPTION)
        .sql(") = (")
        .bind_all(description(file))
        .sql("), scraped_at = ")
        .now()
        .sql(" WHERE id = ")
        .bind(id)
        .run(connection)
        .await?;
    // Not its `run_id`: that says which run wrote the document that is in the index until the next one does.
    Statement::<Sqlite>::new(
        "UPDATE prelo_gazettes SET state = 'pending', failure_code = NULL, failure_detail = NULL, starts = 0, \
         failures = 0, lease_run = NULL, lease_until = NULL, next_attempt_at = NULL, pages = NULL, ocr_pages = NULL, \
         characters = NULL, quality = NULL, text_checksum = NULL, ocr_due = NULL, bytes = ",
    )
    .bind(file.bytes)
    .sql(" WHERE gazette_id = ")
    .bind(id)
    .run(connection)
    .await
}

/// The columns of `gazettes` that tell of a file, in the order of [`description`].
const DESCRIPTION: &str = "territory_id, date, edition_number, is_extra_edition, power, file_url, file_checksum";

fn description(file: &FolderFile) -> [Value; 7] {
    [
        file.territory.id.as_str().into(),
        file.date.into(),
        file.edition_number.as_deref().into(),
        file.is_extra_edition.into(),
        file.power.as_deref().into(),
        file.file_url.as_deref().into(),
        file.file_checksum.as_str().into(),
    ]
}

async fn note(connection: &mut SqliteConnection, id: GazetteId, file: &FolderFile) -> Result<(), sqlx::Error> {
    Statement::<Sqlite>::new("INSERT INTO prelo_files (gazette_id, modified_ns, bytes, metadata_checksum) VALUES (")
        .bind_all([id.into(), file.modified_ns.into(), file.bytes.into(), file.metadata_checksum.as_str().into()])
        .sql(
            ") ON CONFLICT (gazette_id) DO UPDATE SET modified_ns = excluded.modified_ns, bytes = excluded.bytes, \
             metadata_checksum = excluded.metadata_checksum",
        )
        .run(connection)
        .await
}
