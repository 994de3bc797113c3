//! Selections and the whole catalogue in numbers. Nothing here writes.

use std::collections::BTreeMap;

use sqlx::Pool;
use time::macros::date;
use time::{Date, PrimitiveDateTime, Time};

use super::super::dialect::{Connection, Dialect, List};
use super::super::statement::Statement;
use super::super::{Backlog, ScanBacklog, SelectionSummary, Status, selection};
use crate::failure::{FailureCode, Permanence};
use crate::gazette::Selection;

const EPOCH: Date = date!(1970 - 01 - 01);

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

pub async fn status<D: Dialect>(pool: &Pool<D::Db>) -> Result<Status, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let retryable = FailureCode::ALL.iter().filter(|code| code.permanence() == Permanence::Retryable);
    let row = Statement::<D>::new(
        "SELECT count(*) AS gazettes, count(*) FILTER (WHERE g.processed IS TRUE) AS processed, \
         count(*) FILTER (WHERE g.processed IS NOT TRUE AND p.state IS DISTINCT FROM 'failed') AS pending, \
         count(*) FILTER (WHERE p.state = 'failed' AND p.next_attempt_at IS NOT NULL) AS waiting, \
         min(p.next_attempt_at) FILTER (WHERE p.state = 'failed') AS next_attempt_at, \
         count(*) FILTER (WHERE p.state = 'failed' AND p.failure_code = 'QUARANTINED') AS quarantined, \
         count(*) FILTER (WHERE p.ocr_due > 0) AS scans, \
         CAST(coalesce(sum(p.ocr_due), 0) AS bigint) AS scanned_pages, \
         count(*) FILTER (WHERE p.state = 'failed' AND p.next_attempt_at IS NULL",
    )
    .any(" AND p.failure_code", List::Texts(retryable.map(|code| code.as_str().to_owned()).collect()))
    .sql(") AS spent, count(*) FILTER (WHERE p.lease_until > ")
    .now()
    .sql(") AS claimed FROM gazettes g LEFT JOIN prelo_gazettes p ON p.gazette_id = g.id")
    .only_row(&mut connection)
    .await?;
    let failed = Statement::<D>::new(
        "SELECT p.failure_code AS code, count(*) AS gazettes FROM prelo_gazettes p \
         JOIN gazettes g ON g.id = p.gazette_id WHERE p.state = 'failed' GROUP BY p.failure_code",
    );
    Ok(Status {
        gazettes: row.count("gazettes")?,
        processed: row.count("processed")?,
        pending: row.count("pending")?,
        failed: by_code(failed, &mut connection).await?,
        waiting: row.count("waiting")?,
        next_attempt_at: row.maybe_moment("next_attempt_at")?,
        spent: row.count("spent")?,
        quarantined: row.count("quarantined")?,
        claimed: row.count("claimed")?,
        scans: ScanBacklog { gazettes: row.count("scans")?, pages: row.count("scanned_pages")? },
    })
}

pub async fn backlog<D: Dialect>(pool: &Pool<D::Db>) -> Result<Backlog, sqlx::Error> {
    let status = status::<D>(pool).await?;
    let mut connection = pool.acquire().await?;
    let row = Statement::<D>::new("SELECT ")
        .now()
        .sql(
            " AS now, (SELECT min(coalesce(g.scraped_at, g.created_at)) FROM gazettes g \
             LEFT JOIN prelo_gazettes p ON p.gazette_id = g.id \
             WHERE g.processed IS NOT TRUE AND p.state IS DISTINCT FROM 'failed') AS oldest, \
             (SELECT max(finished_at) FROM prelo_runs WHERE stopped_by IS NULL) AS success, \
             (SELECT max(coalesce(finished_at, heartbeat_at)) FROM prelo_runs \
             WHERE CAST(counts ->> 'indexed' AS bigint) > 0) AS indexed",
        )
        .only_row(&mut connection)
        .await?;
    let now = row.moment("now")?;
    let since_1970 =
        |moment: PrimitiveDateTime| (moment - PrimitiveDateTime::new(EPOCH, Time::MIDNIGHT)).as_seconds_f64();
    Ok(Backlog {
        processed: status.processed,
        pending: status.pending,
        failed: status.failed,
        retry_waiting: status.waiting,
        in_work: status.claimed,
        scans: status.scans.gazettes,
        scanned_pages: status.scans.pages,
        oldest_pending_seconds: row.maybe_moment("oldest")?.map(|oldest| (now - oldest).as_seconds_f64().max(0.0)),
        last_success: row.maybe_moment("success")?.map(since_1970),
        last_indexed: row.maybe_moment("indexed")?.map(since_1970),
    })
}

/// The answer of a statement with columns `code` and `gazettes`.
async fn by_code<D: Dialect>(
    statement: Statement<D>,
    connection: &mut Connection<D>,
) -> Result<BTreeMap<String, u64>, sqlx::Error> {
    let rows = statement.rows(connection).await?;
    rows.iter().map(|row| Ok((row.text("code")?, row.count("gazettes")?))).collect()
}
