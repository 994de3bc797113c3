//! Selections and the whole catalogue in numbers. Nothing here writes.

use std::collections::BTreeMap;

use sqlx::Pool;
use time::macros::date;
use time::{Date, PrimitiveDateTime, Time};

use super::super::dialect::{Connection, Dialect};
use super::super::statement::{Row, Statement};
use super::super::{Backlog, ScanBacklog, SelectionSummary, Status, selection};
use super::begin;
use crate::failure::{FailureCode, Permanence};
use crate::gazette::{GazetteId, Selection};

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

/// Each number from an index that holds little else, and all of them at once: never from a walk through all rows, where
/// that can be helped.
pub async fn status<D: Dialect>(pool: &Pool<D::Db>) -> Result<Status, sqlx::Error> {
    let all = (count_all::<D>(pool), set_aside::<D>(pool), oldest_pending::<D>(pool), in_hand::<D>(pool));
    let (counted, set_aside, oldest_pending, in_hand) = tokio::try_join!(all.0, all.1, all.2, all.3)?;
    let mut status = Status {
        gazettes: counted.gazettes,
        processed: counted.gazettes.saturating_sub(counted.unprocessed),
        pending: counted.unprocessed,
        about: counted.about,
        claimed: in_hand.claimed,
        pending_claimed: in_hand.unprocessed,
        scans: in_hand.scans,
        incomplete: in_hand.incomplete,
        ..Status::default()
    };
    for of_code in set_aside {
        status.pending = status.pending.saturating_sub(of_code.unprocessed);
        status.waiting += of_code.waiting;
        status.next_attempt_at = [status.next_attempt_at, of_code.next_attempt_at].into_iter().flatten().min();
        if FailureCode::parse(&of_code.code).is_some_and(|code| code.permanence() == Permanence::Retryable) {
            status.spent += of_code.gazettes - of_code.waiting;
        }
        if of_code.code == FailureCode::Quarantined.as_str() {
            status.quarantined = of_code.gazettes;
        }
        status.failed.insert(of_code.code, of_code.gazettes);
    }
    // Each was counted at a moment of its own, while a run marked some.
    status.pending_claimed = status.pending_claimed.min(status.pending);
    if let Some((id, since)) = oldest_pending.filter(|_| status.pending > 0) {
        (status.oldest_pending, status.oldest_pending_at) = (Some(id), since);
    }
    Ok(status)
}

/// What is set aside with one code.
struct OfCode {
    code: String,
    gazettes: u64,
    waiting: u64,
    next_attempt_at: Option<PrimitiveDateTime>,
    unprocessed: u64,
}

async fn set_aside<D: Dialect>(pool: &Pool<D::Db>) -> Result<Vec<OfCode>, sqlx::Error> {
    let exactly = Statement::<D>::new(
        "SELECT p.failure_code AS code, count(*) AS gazettes, \
         count(*) FILTER (WHERE p.next_attempt_at IS NOT NULL) AS waiting, min(p.next_attempt_at) AS next_attempt_at, \
         count(*) FILTER (WHERE g.processed IS NOT TRUE) AS unprocessed FROM prelo_gazettes p \
         JOIN gazettes g ON g.id = p.gazette_id WHERE p.state = 'failed' GROUP BY p.failure_code",
    );
    let rows = match in_haste::<D>(pool, exactly).await? {
        Some(rows) => rows,
        // Hardly any of them is processed, or of a row that is gone.
        None => {
            let quickly = Statement::<D>::new(
                "SELECT failure_code AS code, count(*) AS gazettes, \
                 count(*) FILTER (WHERE next_attempt_at IS NOT NULL) AS waiting, \
                 min(next_attempt_at) AS next_attempt_at, count(*) AS unprocessed FROM prelo_gazettes \
                 WHERE state = 'failed' GROUP BY failure_code",
            );
            quickly.rows(&mut *pool.acquire().await?).await?
        }
    };
    let read = |row: &Row<D>| {
        Ok(OfCode {
            code: row.text("code")?,
            gazettes: row.count("gazettes")?,
            waiting: row.count("waiting")?,
            next_attempt_at: row.maybe_moment("next_attempt_at")?,
            unprocessed: row.count("unprocessed")?,
        })
    };
    rows.iter().map(read).collect()
}

/// What live runs hold, those of it that are not processed, and what waits for OCR.
struct InHand {
    claimed: u64,
    unprocessed: u64,
    scans: ScanBacklog,
    /// Of the gazettes with scans, those that are processed without them.
    incomplete: u64,
}

async fn in_hand<D: Dialect>(pool: &Pool<D::Db>) -> Result<InHand, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let held = Statement::<D>::new(
        "SELECT count(*) AS claimed, count(*) FILTER (WHERE g.processed IS NOT TRUE) AS unprocessed \
         FROM prelo_gazettes p JOIN gazettes g ON g.id = p.gazette_id \
         WHERE p.lease_run IS NOT NULL AND p.lease_until > ",
    );
    let held = held.now().only_row(&mut connection).await?;
    drop(connection);
    let exactly = Statement::<D>::new(
        "SELECT count(*) AS scans, CAST(coalesce(sum(p.ocr_due), 0) AS bigint) AS pages, \
         count(*) FILTER (WHERE g.processed IS TRUE) AS incomplete \
         FROM prelo_gazettes p JOIN gazettes g ON g.id = p.gazette_id WHERE p.ocr_due > 0",
    );
    let rows = match in_haste::<D>(pool, exactly).await? {
        Some(rows) => rows,
        // Many wait: most of them are scans from their first page to the last.
        None => {
            let quickly = Statement::<D>::new(
                "SELECT count(*) AS scans, CAST(coalesce(sum(ocr_due), 0) AS bigint) AS pages, CAST(0 AS bigint) AS incomplete \
                 FROM prelo_gazettes WHERE ocr_due > 0",
            );
            quickly.rows(&mut *pool.acquire().await?).await?
        }
    };
    let scans = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    Ok(InHand {
        claimed: held.count("claimed")?,
        unprocessed: held.count("unprocessed")?,
        scans: ScanBacklog { gazettes: scans.count("scans")?, pages: scans.count("pages")? },
        incomplete: scans.count("incomplete")?,
    })
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
    let read = |row: &Row<D>, about| {
        Ok::<_, sqlx::Error>(Counted {
            gazettes: row.count("gazettes")?,
            unprocessed: row.count("unprocessed")?,
            about,
        })
    };
    if let Some(rows) = in_haste::<D>(pool, Statement::new(ALL)).await? {
        return read(rows.first().ok_or(sqlx::Error::RowNotFound)?, false);
    }
    let mut connection = pool.acquire().await?;
    let about = read(&Statement::<D>::new(D::ABOUT).only_row(&mut connection).await?, true)?;
    if about.gazettes > 0 {
        return Ok(about);
    }
    read(&Statement::<D>::new(ALL).only_row(&mut connection).await?, false)
}

async fn oldest_pending<D: Dialect>(
    pool: &Pool<D::Db>,
) -> Result<Option<(GazetteId, Option<PrimitiveDateTime>)>, sqlx::Error> {
    let statement = Statement::<D>::new(
        "SELECT CAST(g.id AS bigint) AS id, g.scraped_at FROM gazettes g WHERE g.processed IS NOT TRUE AND g.scraped_at IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM prelo_gazettes p WHERE p.gazette_id = g.id AND p.state = 'failed') \
         ORDER BY g.scraped_at, g.id LIMIT 1",
    );
    let rows = in_haste::<D>(pool, statement).await?.unwrap_or_default();
    rows.first().map(|row| Ok((row.id("id")?, row.maybe_moment("scraped_at")?))).transpose()
}

/// The rows, unless that takes too long.
async fn in_haste<D: Dialect>(pool: &Pool<D::Db>, statement: Statement<D>) -> Result<Option<Vec<Row<D>>>, sqlx::Error> {
    /// `query_canceled`: manual, appendix A.
    const CANCELED: &str = "57014";
    let Some(haste) = D::HASTE else {
        return Ok(Some(statement.rows(&mut *pool.acquire().await?).await?));
    };
    let mut transaction = begin::<D>(pool).await?;
    Statement::<D>::new(haste).run(&mut transaction).await?;
    match statement.rows(&mut transaction).await {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(CANCELED) => Ok(None),
        rows => rows.map(Some),
    }
}

pub async fn backlog<D: Dialect>(pool: &Pool<D::Db>) -> Result<Backlog, sqlx::Error> {
    let status = status::<D>(pool).await?;
    let mut connection = pool.acquire().await?;
    let row = Statement::<D>::new("SELECT ")
        .now()
        .sql(
            " AS now, (SELECT min(coalesce(g.scraped_at, g.created_at)) FROM gazettes g \
             LEFT JOIN prelo_gazettes p ON p.gazette_id = g.id AND p.state = 'failed' \
             WHERE g.processed IS NOT TRUE AND p.gazette_id IS NULL) AS oldest, \
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
