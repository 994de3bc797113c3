//! Claims on single gazettes: leases whose token is the run.

use std::time::Duration;

use sqlx::Pool;

use super::super::dialect::{Connection, Dialect, List};
use super::super::statement::Statement;
use super::{begin, runs};
use crate::gazette::{GazetteId, RunId};

/// What a row was before its claim: a claim changes neither the failure nor the text's checksum.
const RESTORED_STATE: &str = "CASE WHEN failure_code IS NOT NULL THEN 'failed' \
     WHEN text_checksum IS NOT NULL THEN 'indexed' ELSE 'pending' END";

pub async fn claim<D: Dialect>(
    pool: &Pool<D::Db>,
    run: RunId,
    ids: &[GazetteId],
    lease: Duration,
) -> Result<Vec<GazetteId>, sqlx::Error> {
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
        " ORDER BY g.id ON CONFLICT (gazette_id) DO UPDATE SET state = excluded.state, \
         lease_run = excluded.lease_run, lease_until = excluded.lease_until \
         WHERE prelo_gazettes.lease_run IS NULL OR prelo_gazettes.lease_run = excluded.lease_run \
         OR prelo_gazettes.lease_until <= ",
    )
    .now()
    .sql(" RETURNING gazette_id AS id")
    .ids(&mut transaction)
    .await?;
    transaction.commit().await?;
    Ok(claimed)
}

/// One statement on one row, and one round trip: it is called for every document, and needs no lock on the run.
pub async fn start<D: Dialect>(pool: &Pool<D::Db>, run: RunId, id: GazetteId) -> Result<bool, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let started =
        Statement::<D>::new("UPDATE prelo_gazettes SET state = 'started', starts = starts + 1 WHERE gazette_id = ")
            .bind(id)
            .sql(" AND lease_run = ")
            .bind(run)
            .sql(" RETURNING gazette_id AS id")
            .row(&mut connection)
            .await?;
    Ok(started.is_some())
}

pub async fn release<D: Dialect>(pool: &Pool<D::Db>, run: RunId, ids: &[GazetteId]) -> Result<(), sqlx::Error> {
    let mut transaction = begin::<D>(pool).await?;
    runs::lock::<D>(&mut transaction, run).await?;
    give_back::<D>(&mut transaction, run, Some(ids)).await?;
    transaction.commit().await
}

/// Frees claims of a living run: of `ids`, or all that it has. A start that ends so is not held against the gazette;
/// were it counted, a search engine that is down for three runs would set healthy gazettes aside.
pub async fn give_back<D: Dialect>(
    connection: &mut Connection<D>,
    run: RunId,
    ids: Option<&[GazetteId]>,
) -> Result<(), sqlx::Error> {
    let statement = Statement::<D>::new(
        "UPDATE prelo_gazettes SET lease_run = NULL, lease_until = NULL, \
         starts = CASE WHEN state = 'started' AND starts > 0 THEN starts - 1 ELSE starts END, state = ",
    )
    .sql(RESTORED_STATE)
    .sql(" WHERE lease_run = ")
    .bind(run);
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
