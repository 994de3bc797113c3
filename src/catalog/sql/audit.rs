//! What `verify` compares, and the way back for what it finds: rows that are marked, and their marks taken away.

use sqlx::Pool;

use super::super::Marked;
use super::super::dialect::Dialect;
use super::super::statement::{Row, Statement};
use super::{begin, runs};
use crate::gazette::{GazetteId, RunId};

const FROM: &str = " FROM gazettes g LEFT JOIN prelo_gazettes p ON p.gazette_id = g.id WHERE ";

pub async fn marked<D: Dialect>(
    pool: &Pool<D::Db>,
    before: Option<GazetteId>,
    page_size: u32,
) -> Result<Vec<Marked>, sqlx::Error> {
    let mut statement = select::<D>().sql("g.processed IS TRUE");
    if let Some(before) = before {
        statement = statement.sql(" AND g.id < ").bind(before);
    }
    fetch(pool, statement.sql(" ORDER BY g.id DESC").limit(Some(page_size.into()))).await
}

pub async fn marks<D: Dialect>(pool: &Pool<D::Db>, ids: &[GazetteId]) -> Result<Vec<Marked>, sqlx::Error> {
    fetch(pool, select::<D>().any_id("g.id", ids).sql(" ORDER BY g.id DESC")).await
}

/// Both marks go in one transaction, so that no row is half done. The text's checksum goes as well: by it, a claim that
/// is given back would be restored to `indexed`.
pub async fn reopen<D: Dialect>(
    pool: &Pool<D::Db>,
    run: RunId,
    ids: &[GazetteId],
) -> Result<Vec<GazetteId>, sqlx::Error> {
    let mut transaction = begin::<D>(pool).await?;
    if !runs::lock::<D>(&mut transaction, run).await? {
        return Ok(Vec::new());
    }
    Statement::<D>::new(
        "UPDATE prelo_gazettes SET state = 'pending', failure_code = NULL, failure_detail = NULL, \
         next_attempt_at = NULL, failures = 0, text_checksum = NULL, ocr_due = NULL, lease_run = NULL, lease_until = NULL \
         WHERE (lease_run IS NULL OR lease_until <= ",
    )
    .now()
    .sql(" OR lease_run = ")
    .bind(run)
    .sql(")")
    .any_id(" AND gazette_id", ids)
    .run(&mut transaction)
    .await?;
    // Who holds a claim still now, holds a live one.
    let reopened = Statement::<D>::new("UPDATE gazettes SET processed = false WHERE processed IS TRUE")
        .any_id(" AND id", ids)
        .sql(
            " AND NOT EXISTS (SELECT 1 FROM prelo_gazettes p WHERE p.gazette_id = gazettes.id \
             AND p.lease_run IS NOT NULL) RETURNING CAST(id AS bigint) AS id",
        )
        .ids(&mut transaction)
        .await?;
    transaction.commit().await?;
    Ok(reopened)
}

fn select<D: Dialect>() -> Statement<D> {
    Statement::new(
        "SELECT CAST(g.id AS bigint) AS id, g.file_path, g.file_checksum, (g.processed IS TRUE) AS processed, \
         (p.indexed_at IS NOT NULL) AS by_prelo, p.text_checksum, \
         coalesce(p.lease_run IS NOT NULL AND p.lease_until > ",
    )
    .now()
    .sql(", false) AS in_flight")
    .sql(FROM)
}

async fn fetch<D: Dialect>(pool: &Pool<D::Db>, statement: Statement<D>) -> Result<Vec<Marked>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    statement.rows(&mut connection).await?.iter().map(read).collect()
}

fn read<D: Dialect>(row: &Row<D>) -> Result<Marked, sqlx::Error> {
    Ok(Marked {
        id: row.id("id")?,
        file_path: row.maybe_text("file_path")?,
        file_checksum: row.maybe_text("file_checksum")?,
        processed: row.bool("processed")?,
        by_prelo: row.bool("by_prelo")?,
        text_checksum: row.maybe_text("text_checksum")?,
        in_flight: row.bool("in_flight")?,
    })
}
