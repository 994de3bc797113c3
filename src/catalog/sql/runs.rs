//! Runs, and the lease that only one of them holds.

use std::time::Duration;

use sqlx::Pool;
use time::PrimitiveDateTime;

use super::super::dialect::{Connection, Dialect, List};
use super::super::statement::{Row, Statement};
use super::super::{Begun, Live, RunCounts, RunRecord, ShownRun};
use super::{begin, claims};
use crate::gazette::{Mode, RunId, Selection};

/// What [`record`] reads.
macro_rules! columns {
    () => {
        "id, CAST(selection AS text) AS selection, CAST(counts AS text) AS counts, started_at, finished_at, \
         heartbeat_at, stopped_by"
    };
}

/// What a daily run reads again of the time before the last one began: rows whose transaction was still open then.
const DAILY_OVERLAP: Duration = Duration::from_mins(30);
/// Daily runs that are looked through for the last one of the same selection.
const DAILY_RUNS: u64 = 500;
/// What a daily run reads when there was none before it.
const DAILY_WINDOW: Duration = Duration::from_hours(24);

pub async fn begin_run<D: Dialect>(
    pool: &Pool<D::Db>,
    run: RunId,
    selection: &Selection,
    lease: Duration,
) -> Result<Begun, sqlx::Error> {
    let mut transaction = begin::<D>(pool).await?;
    if let Some(lock) = D::ALONE {
        Statement::<D>::new(lock).run(&mut transaction).await?;
    }
    let open = Statement::<D>::new("SELECT id, started_at, (lease_until > ")
        .now()
        .sql(") AS live FROM prelo_runs WHERE finished_at IS NULL")
        .sql(D::FOR_UPDATE)
        .rows(&mut transaction)
        .await?;
    let mut dead = Vec::new();
    for row in open {
        let holder = row.run("id")?;
        if holder == run {
            // The answer to an earlier call was lost on its way.
            return Ok(Begun::Started { recovered: 0 });
        }
        if row.bool("live")? {
            return Ok(Begun::Busy { run: holder, since: row.moment("started_at")? });
        }
        dead.push(holder);
    }

    let recovered = if dead.is_empty() { 0 } else { bury::<D>(&mut transaction, dead).await? };

    Statement::<D>::new(
        "INSERT INTO prelo_runs (id, selection, counts, started_at, heartbeat_at, lease_until) VALUES (",
    )
    .bind(run)
    .sql(", ")
    .bind_json(selection)?
    .sql(", ")
    .bind_json(&RunCounts::default())?
    .sql(", ")
    .now()
    .sql(", ")
    .now()
    .sql(", ")
    .later(lease)
    .sql(")")
    .run(&mut transaction)
    .await?;
    transaction.commit().await?;
    Ok(Begun::Started { recovered })
}

/// Closes dead runs and frees their gazettes; says how many those were.
async fn bury<D: Dialect>(connection: &mut Connection<D>, dead: Vec<RunId>) -> Result<u64, sqlx::Error> {
    Statement::<D>::new("UPDATE prelo_runs SET stopped_by = 'lease_expired', finished_at = ")
        .now()
        .any(" WHERE id", List::Runs(dead.clone()))
        .run(connection)
        .await?;
    claims::recover::<D>(connection, dead).await
}

/// Locks the run's row until the transaction ends, and says whether the run is open. Every transaction of a run
/// begins here: they come one after the other, and a run that takes over waits for them, or they for it.
pub async fn lock<D: Dialect>(connection: &mut Connection<D>, run: RunId) -> Result<bool, sqlx::Error> {
    let row = Statement::<D>::new("SELECT (finished_at IS NULL) AS open FROM prelo_runs WHERE id = ")
        .bind(run)
        .sql(D::FOR_UPDATE)
        .row(connection)
        .await?;
    row.map_or(Ok(false), |row| row.bool("open"))
}

pub async fn heartbeat<D: Dialect>(
    pool: &Pool<D::Db>,
    run: RunId,
    lease: Duration,
    counts: &RunCounts,
) -> Result<bool, sqlx::Error> {
    let mut transaction = begin::<D>(pool).await?;
    if !lock::<D>(&mut transaction, run).await? {
        return Ok(false);
    }
    Statement::<D>::new("UPDATE prelo_runs SET heartbeat_at = ")
        .now()
        .sql(", lease_until = ")
        .later(lease)
        .sql(", counts = ")
        .bind_json(counts)?
        .sql(" WHERE id = ")
        .bind(run)
        .run(&mut transaction)
        .await?;
    Statement::<D>::new("UPDATE prelo_gazettes SET lease_until = ")
        .later(lease)
        .sql(" WHERE lease_run = ")
        .bind(run)
        .run(&mut transaction)
        .await?;
    transaction.commit().await?;
    Ok(true)
}

pub async fn show<D: Dialect>(pool: &Pool<D::Db>, run: RunId, live: &Live) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let json = serde_json::to_string(live).map_err(|error| sqlx::Error::Encode(error.into()))?;
    Statement::<D>::new("UPDATE prelo_runs SET live = ")
        .bind(json)
        .sql(", live_at = ")
        .now()
        .sql(" WHERE id = ")
        .bind(run)
        .run(&mut connection)
        .await
}

/// That run, or the one that holds the lease.
pub async fn shown<D: Dialect>(pool: &Pool<D::Db>, run: Option<RunId>) -> Result<Option<ShownRun>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let statement =
        Statement::<D>::new(concat!("SELECT ", columns!(), ", live, live_at, (finished_at IS NULL AND lease_until > "))
            .now()
            .sql(") AS is_live, ")
            .now()
            .sql(" AS now FROM prelo_runs WHERE ");
    let statement = match run {
        Some(run) => statement.sql("id = ").bind(run),
        None => statement.sql("finished_at IS NULL AND lease_until > ").now(),
    };
    let Some(row) = statement.sql(" ORDER BY started_at DESC LIMIT 1").row(&mut connection).await? else {
        return Ok(None);
    };
    let now = row.moment("now")?;
    let shown_at = row.maybe_moment("live_at")?;
    Ok(Some(ShownRun {
        record: record(&row)?,
        is_live: row.bool("is_live")?,
        // What another version has written may not be read; the rest of the run is.
        live: row.maybe_text("live")?.and_then(|json| serde_json::from_str(&json).ok()),
        shown_seconds_ago: shown_at.map(|moment| (now - moment).as_seconds_f64().max(0.0)),
    }))
}

pub async fn finish_run<D: Dialect>(
    pool: &Pool<D::Db>,
    run: RunId,
    counts: &RunCounts,
    stopped_by: Option<&str>,
) -> Result<(), sqlx::Error> {
    let mut transaction = begin::<D>(pool).await?;
    // Closed already: by an earlier call whose answer was lost, or by the run that took over. Both stay as they are.
    if !lock::<D>(&mut transaction, run).await? {
        return Ok(());
    }
    claims::give_back::<D>(&mut transaction, run, None).await?;
    Statement::<D>::new("UPDATE prelo_runs SET finished_at = ")
        .now()
        .sql(", heartbeat_at = ")
        .now()
        .sql(", stopped_by = ")
        .bind(stopped_by)
        .sql(", counts = ")
        .bind_json(counts)?
        .sql(" WHERE id = ")
        .bind(run)
        .run(&mut transaction)
        .await?;
    transaction.commit().await
}

pub async fn resolve<D: Dialect>(pool: &Pool<D::Db>, selection: &Selection) -> Result<Selection, sqlx::Error> {
    let mut resolved = selection.clone();
    if selection.mode != Mode::Daily || selection.scraped_from.or(selection.since).is_some() {
        return Ok(resolved);
    }
    let mut connection = pool.acquire().await?;
    let now = Statement::<D>::new("SELECT ").now().sql(" AS now").only_row(&mut connection).await?.moment("now")?;
    let finished = Statement::<D>::new(
        "SELECT started_at, CAST(selection AS text) AS selection FROM prelo_runs WHERE finished_at IS NOT NULL \
         AND stopped_by IS NULL AND selection ->> 'mode' = 'daily' ORDER BY started_at DESC",
    )
    .limit(Some(DAILY_RUNS))
    .rows(&mut connection)
    .await?;
    // A run with other filters, or a limit, did not read what this one is asked for.
    let whole = Selection { mode: Mode::Daily, ..Selection::default() };
    let mut last = None;
    for row in &finished {
        let read: Selection = row.json("selection")?;
        if read == whole || (read == *selection && read.limit.is_none()) {
            last = row.maybe_moment("started_at")?;
            break;
        }
    }
    resolved.since = Some(daily_since(last, now));
    Ok(resolved)
}

pub async fn now<D: Dialect>(pool: &Pool<D::Db>) -> Result<PrimitiveDateTime, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    Statement::<D>::new("SELECT ").now().sql(" AS now").only_row(&mut connection).await?.moment("now")
}

fn daily_since(last: Option<PrimitiveDateTime>, now: PrimitiveDateTime) -> PrimitiveDateTime {
    last.map_or(now - DAILY_WINDOW, |last| last - DAILY_OVERLAP)
}

/// Fails when the table is not there.
pub async fn probe<D: Dialect>(connection: &mut Connection<D>) -> Result<(), sqlx::Error> {
    Statement::<D>::new("SELECT id FROM prelo_runs LIMIT 0").run(connection).await
}

pub async fn last_runs<D: Dialect>(pool: &Pool<D::Db>, limit: u32) -> Result<Vec<RunRecord>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let rows = Statement::<D>::new(concat!("SELECT ", columns!(), " FROM prelo_runs ORDER BY started_at DESC, id"))
        .limit(Some(limit.into()))
        .rows(&mut connection)
        .await?;
    rows.iter().map(record).collect()
}

fn record<D: Dialect>(row: &Row<D>) -> Result<RunRecord, sqlx::Error> {
    Ok(RunRecord {
        id: row.run("id")?,
        selection: row.text("selection")?,
        started_at: row.maybe_moment("started_at")?,
        finished_at: row.maybe_moment("finished_at")?,
        heartbeat_at: row.maybe_moment("heartbeat_at")?,
        counts: row.json("counts")?,
        stopped_by: row.maybe_text("stopped_by")?,
    })
}

#[cfg(test)]
mod tests {
    use super::daily_since;
    use time::macros::datetime;

    #[test]
    fn a_missed_day_is_not_lost() {
        let now = datetime!(2026-03-10 06:00);
        for (last, since) in [
            (None, datetime!(2026-03-09 06:00)),
            (Some(datetime!(2026-03-09 06:00)), datetime!(2026-03-09 05:30)),
            (Some(datetime!(2026-03-07 06:00)), datetime!(2026-03-07 05:30)),
            (Some(datetime!(2026-03-10 05:59)), datetime!(2026-03-10 05:29)),
        ] {
            assert_eq!(daily_since(last, now), since);
        }
    }
}
