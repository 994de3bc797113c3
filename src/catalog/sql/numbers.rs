//! Selections and the whole catalogue in numbers. Nothing here writes.

use std::collections::BTreeMap;

use sqlx::Pool;
use time::PrimitiveDateTime;

use super::super::dialect::{Connection, Dialect};
use super::super::statement::Statement;
use super::super::{ScanBacklog, SelectionSummary, Status, selection};
use super::begin;
use crate::failure::{FailureCode, Permanence};
use crate::gazette::Selection;

pub async fn summarize<D: Dialect>(
    pool: &Pool<D::Db>,
    selection: &Selection,
    sample: u32,
) -> Result<SelectionSummary, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let row = selected::<D>(selection)
        .sql(
            "SELECT count(*) AS gazettes, count(bytes) AS sized, CAST(coalesce(sum(bytes), 0) AS bigint) AS bytes, \
             count(pages) AS paged, CAST(coalesce(sum(pages), 0) AS bigint) AS pages, \
             count(*) FILTER (WHERE ocr_due > 0) AS scans, \
             CAST(coalesce(sum(ocr_due), 0) AS bigint) AS scanned_pages FROM selected",
        )
        .only_row(&mut connection)
        .await?;
    let mut summary = SelectionSummary {
        gazettes: row.count("gazettes")?,
        sized_gazettes: row.count("sized")?,
        known_bytes: row.count("bytes")?,
        scans: ScanBacklog { gazettes: row.count("scans")?, pages: row.count("scanned_pages")? },
        paged_gazettes: row.count("paged")?,
        known_pages: row.count("pages")?,
        ..SelectionSummary::default()
    };
    let failed = selected::<D>(selection).sql(
        "SELECT failure_code AS code, count(*) AS gazettes FROM selected WHERE failure_code IS NOT NULL \
         GROUP BY failure_code",
    );
    summary.failed_before = by_code(failed, &mut connection).await?;
    if sample > 0 && summary.sized_gazettes < summary.gazettes {
        summary.sample_paths = sample_paths::<D>(&mut connection, selection, sample).await?;
    }
    Ok(summary)
}

/// `WITH selected AS (…)`: the rows of a selection, newest first, as many as its limit allows.
fn selected<D: Dialect>(selection: &Selection) -> Statement<D> {
    let statement =
        Statement::<D>::new("WITH selected AS (SELECT g.id, g.file_path, p.failure_code, p.bytes, p.pages, p.ocr_due")
            .sql(selection::FROM)
            .sql("WHERE ");
    let statement = selection::push(statement, selection, None);
    match selection.limit {
        Some(_) => statement.sql(" ORDER BY g.id DESC").limit(selection.limit),
        None => statement,
    }
    .sql(") ")
}

/// Every n-th path without a known size, so that all ages of files are among them.
async fn sample_paths<D: Dialect>(
    connection: &mut Connection<D>,
    selection: &Selection,
    sample: u32,
) -> Result<Vec<String>, sqlx::Error> {
    let rows = selected::<D>(selection)
        .sql(
            "SELECT file_path FROM (SELECT file_path, row_number() OVER (ORDER BY id DESC) - 1 AS place, \
             count(*) OVER () AS places FROM selected WHERE bytes IS NULL AND file_path IS NOT NULL) AS unsized \
             WHERE place % ((places + ",
        )
        .bind(i64::from(sample) - 1)
        .sql(") / ")
        .bind(sample)
        .sql(") = 0 ORDER BY place")
        .rows(connection)
        .await?;
    rows.iter().map(|row| row.text("file_path")).collect()
}

/// Each number from an index that holds little else: never from a walk through all rows, where that can be helped.
pub async fn status<D: Dialect>(pool: &Pool<D::Db>) -> Result<Status, sqlx::Error> {
    let (counted, mut connection) = (count_all::<D>(pool).await?, pool.acquire().await?);
    let rows = Statement::<D>::new(
        "SELECT p.failure_code AS code, count(*) AS gazettes, \
         count(*) FILTER (WHERE p.next_attempt_at IS NOT NULL) AS waiting, min(p.next_attempt_at) AS next_attempt_at, \
         count(*) FILTER (WHERE g.processed IS NOT TRUE) AS unprocessed FROM prelo_gazettes p \
         JOIN gazettes g ON g.id = p.gazette_id WHERE p.state = 'failed' GROUP BY p.failure_code",
    )
    .rows(&mut connection)
    .await?;
    let mut status = Status {
        gazettes: counted.gazettes,
        processed: counted.gazettes.saturating_sub(counted.unprocessed),
        pending: counted.unprocessed,
        about: counted.about,
        ..Status::default()
    };
    for row in rows {
        let (code, gazettes, waiting) = (row.text("code")?, row.count("gazettes")?, row.count("waiting")?);
        status.pending = status.pending.saturating_sub(row.count("unprocessed")?);
        status.waiting += waiting;
        let next = row.maybe_moment("next_attempt_at")?;
        status.next_attempt_at = [status.next_attempt_at, next].into_iter().flatten().min();
        if FailureCode::parse(&code).is_some_and(|code| code.permanence() == Permanence::Retryable) {
            status.spent += gazettes - waiting;
        }
        if code == FailureCode::Quarantined.as_str() {
            status.quarantined = gazettes;
        }
        status.failed.insert(code, gazettes);
    }
    let claimed =
        Statement::<D>::new("SELECT count(*) AS claimed FROM prelo_gazettes WHERE lease_run IS NOT NULL AND lease_until > ");
    status.claimed = claimed.now().only_row(&mut connection).await?.count("claimed")?;
    let scans = Statement::<D>::new(
        "SELECT count(*) AS scans, CAST(coalesce(sum(ocr_due), 0) AS bigint) AS pages FROM prelo_gazettes \
         WHERE ocr_due > 0",
    );
    let scans = scans.only_row(&mut connection).await?;
    status.scans = ScanBacklog { gazettes: scans.count("scans")?, pages: scans.count("pages")? };
    drop(connection);
    if status.pending > 0 {
        status.oldest_pending_at = oldest_pending::<D>(pool).await?;
    }
    Ok(status)
}

/// All gazettes.
struct Counted {
    gazettes: u64,
    unprocessed: u64,
    about: bool,
}

async fn count_all<D: Dialect>(pool: &Pool<D::Db>) -> Result<Counted, sqlx::Error> {
    const ALL: &str = "SELECT (SELECT count(*) FROM gazettes) AS gazettes, \
         (SELECT count(*) FROM gazettes WHERE processed IS NOT TRUE) AS unprocessed";
    let read = |row: &super::super::statement::Row<D>, about| {
        Ok::<_, sqlx::Error>(Counted { gazettes: row.count("gazettes")?, unprocessed: row.count("unprocessed")?, about })
    };
    if let Some(row) = in_haste::<D>(pool, Statement::new(ALL)).await? {
        return read(&row, false);
    }
    let mut connection = pool.acquire().await?;
    let about = read(&Statement::<D>::new(D::ABOUT).only_row(&mut connection).await?, true)?;
    if about.gazettes > 0 {
        return Ok(about);
    }
    read(&Statement::<D>::new(ALL).only_row(&mut connection).await?, false)
}

async fn oldest_pending<D: Dialect>(pool: &Pool<D::Db>) -> Result<Option<PrimitiveDateTime>, sqlx::Error> {
    let statement = Statement::<D>::new(
        "SELECT g.scraped_at FROM gazettes g WHERE g.processed IS NOT TRUE AND g.scraped_at IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM prelo_gazettes p WHERE p.gazette_id = g.id AND p.state = 'failed') \
         ORDER BY g.scraped_at LIMIT 1",
    );
    match in_haste::<D>(pool, statement).await? {
        Some(row) => row.maybe_moment("scraped_at"),
        None => Ok(None),
    }
}

/// The first row, unless that takes too long.
async fn in_haste<D: Dialect>(
    pool: &Pool<D::Db>,
    statement: Statement<D>,
) -> Result<Option<super::super::statement::Row<D>>, sqlx::Error> {
    /// `query_canceled`, manual, appendix A.
    const CANCELED: &str = "57014";
    let Some(haste) = D::HASTE else {
        return statement.row(&mut *pool.acquire().await?).await;
    };
    let mut transaction = begin::<D>(pool).await?;
    Statement::<D>::new(haste).run(&mut transaction).await?;
    match statement.row(&mut transaction).await {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(CANCELED) => Ok(None),
        row => row,
    }
}

/// The answer of a statement with columns `code` and `gazettes`.
async fn by_code<D: Dialect>(
    statement: Statement<D>,
    connection: &mut Connection<D>,
) -> Result<BTreeMap<String, u64>, sqlx::Error> {
    let rows = statement.rows(connection).await?;
    rows.iter().map(|row| Ok((row.text("code")?, row.count("gazettes")?))).collect()
}
