//! Claims on single gazettes: leases whose token is the run.

use std::time::Duration;

use sqlx::Pool;

use super::super::dialect::{Connection, Dialect, List};
use super::super::statement::{Row, Statement};
use super::super::{Claim, Interrupted, story};
use super::{ROWS_PER_STATEMENT, begin, runs};
use crate::gazette::{EXTRACTOR_VERSION, GazetteId, RunId};

/// What a row was before its claim: a claim changes neither the failure nor the text's checksum.
const RESTORED_STATE: &str = "CASE WHEN failure_code IS NOT NULL THEN 'failed' \
     WHEN text_checksum IS NOT NULL THEN 'indexed' ELSE 'pending' END";

/// Followed by the state: a start that ends so is not held against the gazette.
const GIVEN_BACK: &str = "UPDATE prelo_gazettes SET lease_run = NULL, lease_until = NULL, \
     starts = CASE WHEN state = 'started' AND starts > 0 THEN starts - 1 ELSE starts END, state = ";

pub async fn claim<D: Dialect>(
    pool: &Pool<D::Db>,
    run: RunId,
    ids: &[GazetteId],
    lease: Duration,
    asked: bool,
) -> Result<Vec<Claim>, sqlx::Error> {
    let mut transaction = begin::<D>(pool).await?;
    if !runs::lock::<D>(&mut transaction, run).await? {
        return Ok(Vec::new());
    }
    // In order of ids, so that two that claim the same ones wait for each other in one direction only.
    let claimed = Statement::<D>::new(
        "INSERT INTO prelo_gazettes (gazette_id, state, lease_run, lease_until) SELECT g.id, 'claimed', ",
    )
    .bind(run)
    .sql(", ")
    .later(lease)
    .sql(" FROM gazettes g WHERE ")
    .any_id("g.id", ids)
    .sql(
        " ORDER BY g.id ON CONFLICT (gazette_id) DO UPDATE SET \
         state = CASE WHEN prelo_gazettes.lease_run = excluded.lease_run THEN prelo_gazettes.state \
         ELSE excluded.state END, lease_run = excluded.lease_run, lease_until = excluded.lease_until \
         WHERE prelo_gazettes.lease_run IS NULL OR prelo_gazettes.lease_run = excluded.lease_run \
         OR prelo_gazettes.lease_until <= ",
    )
    .now()
    .sql(" RETURNING gazette_id AS id, starts, failure_code, failure_detail, ocr_due")
    .rows(&mut transaction)
    .await?;
    let mut claims = claimed.iter().map(read_claim::<D>).collect::<Result<Vec<_>, _>>()?;
    let failed: Vec<GazetteId> = claims.iter().filter(|claim| claim.failure.is_some()).map(|claim| claim.id).collect();
    if !failed.is_empty() {
        let anew = begin_anew::<D>(&mut transaction, run, &failed, asked).await?;
        for claim in claims.iter_mut().filter(|claim| anew.contains(&claim.id)) {
            claim.starts = 0;
        }
    }
    transaction.commit().await?;
    Ok(claims)
}

fn read_claim<D: Dialect>(row: &Row<D>) -> Result<Claim, sqlx::Error> {
    let failure = match row.maybe_text("failure_code")? {
        Some(code) => Some((code, row.maybe_text("failure_detail")?.unwrap_or_default())),
        None => None,
    };
    let ocr_due = row.maybe_number("ocr_due")?.unwrap_or_default();
    Ok(Claim { id: row.id("id")?, starts: row.number("starts")?, failure, ocr_due })
}

/// What a failure was about is no more: the file, the reader, or the patience of whoever asks for it by name. The row
/// is due from now on and says which file and which reader it is due for: a run that dies of it finds its start counted,
/// and not a change once more.
async fn begin_anew<D: Dialect>(
    connection: &mut Connection<D>,
    run: RunId,
    ids: &[GazetteId],
    asked: bool,
) -> Result<Vec<GazetteId>, sqlx::Error> {
    let statement = Statement::<D>::new(
        "UPDATE prelo_gazettes SET starts = 0, failures = 0, file_checksum = g.file_checksum, extractor_version = ",
    )
    .bind(EXTRACTOR_VERSION)
    .sql(", next_attempt_at = ")
    .now()
    .sql(" FROM gazettes g WHERE g.id = prelo_gazettes.gazette_id AND prelo_gazettes.lease_run = ")
    .bind(run)
    .any_id(" AND prelo_gazettes.gazette_id", ids);
    let statement = if asked {
        statement
    } else {
        statement
            .sql(
                " AND (g.file_checksum IS DISTINCT FROM prelo_gazettes.file_checksum \
                 OR prelo_gazettes.extractor_version < ",
            )
            .bind(EXTRACTOR_VERSION)
            .sql(")")
    };
    statement.sql(" RETURNING gazette_id AS id").ids(connection).await
}

/// One statement on one row, and one round trip: it is called for every document, and needs no lock on the run. A call
/// that is made again because its answer was lost counts nothing more.
pub async fn start<D: Dialect>(pool: &Pool<D::Db>, run: RunId, id: GazetteId) -> Result<bool, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let started = Statement::<D>::new(
        "UPDATE prelo_gazettes SET state = 'started', \
         starts = CASE WHEN state = 'started' THEN starts ELSE starts + 1 END WHERE gazette_id = ",
    )
    .bind(id)
    .sql(" AND lease_run = ")
    .bind(run)
    .sql(" RETURNING gazette_id AS id")
    .row(&mut connection)
    .await?;
    Ok(started.is_some())
}

pub async fn survived<D: Dialect>(pool: &Pool<D::Db>, run: RunId, id: GazetteId) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    Statement::<D>::new("UPDATE prelo_gazettes SET state = 'claimed', starts = 0 WHERE state = 'started'")
        .sql(" AND gazette_id = ")
        .bind(id)
        .sql(" AND lease_run = ")
        .bind(run)
        .run(&mut connection)
        .await
}

pub async fn release<D: Dialect>(pool: &Pool<D::Db>, run: RunId, ids: &[GazetteId]) -> Result<(), sqlx::Error> {
    let mut transaction = begin::<D>(pool).await?;
    runs::lock::<D>(&mut transaction, run).await?;
    give_back::<D>(&mut transaction, run, Some(ids)).await?;
    transaction.commit().await
}

pub async fn interrupt<D: Dialect>(
    pool: &Pool<D::Db>,
    run: RunId,
    interrupted: &[Interrupted],
) -> Result<(), sqlx::Error> {
    let mut transaction = begin::<D>(pool).await?;
    runs::lock::<D>(&mut transaction, run).await?;
    for chunk in interrupted.chunks(ROWS_PER_STATEMENT) {
        let rows = chunk.iter().map(|interrupted| {
            let attempt = story::line_of_interrupted(run, interrupted.scans, &interrupted.timings);
            let left = interrupted.scans.due.saturating_sub(interrupted.scans.pages).max(1);
            vec![interrupted.id.into(), left.into(), attempt.into()]
        });
        Statement::<D>::new("WITH ")
            .values("read_in_part (id, left_over, attempt)", rows)
            .sql(GIVEN_BACK)
            .sql(RESTORED_STATE)
            .sql(", ocr_due = CASE WHEN ocr_due > 0 THEN read_in_part.left_over ELSE ocr_due END, ")
            .attempt("read_in_part.attempt")
            .sql(" FROM read_in_part WHERE prelo_gazettes.gazette_id = read_in_part.id AND prelo_gazettes.lease_run = ")
            .bind(run)
            .run(&mut transaction)
            .await?;
    }
    transaction.commit().await
}

/// Frees claims of a living run: of `ids`, or all that it has. A start that ends so is not held against the gazette;
/// were it counted, a search engine that is down for three runs would set healthy gazettes aside.
pub async fn give_back<D: Dialect>(
    connection: &mut Connection<D>,
    run: RunId,
    ids: Option<&[GazetteId]>,
) -> Result<(), sqlx::Error> {
    let statement = Statement::<D>::new(GIVEN_BACK).sql(RESTORED_STATE).sql(" WHERE lease_run = ").bind(run);
    match ids {
        Some(ids) => statement.any_id(" AND gazette_id", ids),
        None => statement,
    }
    .run(connection)
    .await
}

/// Frees what dead runs still hold, and says how many gazettes that were. Their starts stay counted: one of these
/// gazettes may be what the run died of.
pub async fn recover<D: Dialect>(connection: &mut Connection<D>, dead: Vec<RunId>) -> Result<u64, sqlx::Error> {
    let freed = Statement::<D>::new("UPDATE prelo_gazettes SET lease_run = NULL, lease_until = NULL, state = ")
        .sql(RESTORED_STATE)
        .sql(" WHERE ")
        .any("lease_run", List::Runs(dead))
        .sql(" RETURNING gazette_id AS id")
        .ids(connection)
        .await?;
    Ok(freed.len() as u64)
}

pub async fn in_flight<D: Dialect>(pool: &Pool<D::Db>) -> Result<Vec<(GazetteId, RunId)>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let rows = Statement::<D>::new(
        "SELECT gazette_id AS id, lease_run FROM prelo_gazettes WHERE lease_run IS NOT NULL AND lease_until > ",
    )
    .now()
    .rows(&mut connection)
    .await?;
    rows.iter().map(|row| Ok((row.id("id")?, row.run("lease_run")?))).collect()
}
