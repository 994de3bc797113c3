//! Outcomes of gazettes: written by the run that holds the claim, or not at all.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use sqlx::Pool;

use super::super::dialect::{Connection, Dialect, Value};
use super::super::statement::{Statement, milliseconds};
use super::super::{Completion, Deferred, FailedGazette, story};
use super::{ROWS_PER_STATEMENT, begin, runs};
use crate::failure::FailureCode;
use crate::gazette::{EXTRACTOR_VERSION, GazetteId, RunId};

pub async fn complete<D: Dialect>(
    pool: &Pool<D::Db>,
    run: RunId,
    completions: &[Completion],
) -> Result<Vec<GazetteId>, sqlx::Error> {
    let mut transaction = begin::<D>(pool).await?;
    runs::lock::<D>(&mut transaction, run).await?;
    let mut answer = Vec::with_capacity(completions.len());
    for chunk in completions.chunks(ROWS_PER_STATEMENT) {
        let marked = mark_indexed::<D>(&mut transaction, run, chunk).await?;
        mark_processed::<D>(&mut transaction, &marked).await?;
        let ids = chunk.iter().map(|completion| completion.id);
        answer.extend(with_marked_before::<D>(&mut transaction, run, "indexed", ids, marked).await?);
    }
    transaction.commit().await?;
    Ok(answer)
}

async fn mark_indexed<D: Dialect>(
    connection: &mut Connection<D>,
    run: RunId,
    completions: &[Completion],
) -> Result<Vec<GazetteId>, sqlx::Error> {
    let rows = completions.iter().map(|completion| {
        vec![
            completion.id.into(),
            completion.file_checksum.as_deref().into(),
            completion.bytes.into(),
            completion.pages.into(),
            completion.ocr_pages.into(),
            completion.characters.into(),
            completion.quality.into(),
            completion.text_checksum.as_str().into(),
            completion.ocr_due.into(),
            completion.ocr_page_numbers.as_str().into(),
            completion.ocr_confidence.into(),
            completion.warnings.as_str().into(),
            story::line(run, "indexed", "", &completion.timings).into(),
            serde_json::to_string(&completion.page_runs).ok().into(),
        ]
    });
    Statement::<D>::new("WITH ")
        .values(
            "done (id, file_checksum, bytes, pages, ocr_pages, characters, quality, text_checksum, ocr_due, \
             ocr_page_numbers, ocr_confidence, warnings, attempt, page_table)",
            rows,
        )
        .sql(
            "UPDATE prelo_gazettes SET state = 'indexed', starts = 0, failures = 0, failure_code = NULL, failure_detail = NULL, \
             next_attempt_at = NULL, lease_run = NULL, lease_until = NULL, file_checksum = done.file_checksum, \
             bytes = done.bytes, pages = done.pages, ocr_pages = done.ocr_pages, characters = done.characters, \
             quality = done.quality, text_checksum = done.text_checksum, ocr_due = done.ocr_due, \
             ocr_page_numbers = done.ocr_page_numbers, ocr_confidence = done.ocr_confidence, \
             warnings = done.warnings, page_table = done.page_table, ",
        )
        .attempt("done.attempt")
        .sql(", indexed_at = ")
        .now()
        .sql(", extractor_version = ")
        .bind(EXTRACTOR_VERSION)
        .sql(", run_id = ")
        .bind(run)
        .sql(" FROM done WHERE prelo_gazettes.gazette_id = done.id AND prelo_gazettes.lease_run = ")
        .bind(run)
        .sql(" RETURNING gazette_id AS id")
        .ids(connection)
        .await
}

/// A gazette whose file was exchanged since it was listed is not processed: what is indexed is the old file's text.
async fn mark_processed<D: Dialect>(connection: &mut Connection<D>, ids: &[GazetteId]) -> Result<(), sqlx::Error> {
    const UNCHANGED: &str = "(gazettes.file_checksum IS NOT DISTINCT FROM p.file_checksum)";
    Statement::<D>::new("UPDATE gazettes SET processed = ")
        .sql(UNCHANGED)
        .sql(" FROM prelo_gazettes p WHERE p.gazette_id = gazettes.id AND gazettes.processed IS DISTINCT FROM ")
        .sql(UNCHANGED)
        .any_id(" AND gazettes.id", ids)
        .run(connection)
        .await
}

pub async fn defer<D: Dialect>(
    pool: &Pool<D::Db>,
    run: RunId,
    deferred: &[Deferred],
) -> Result<Vec<GazetteId>, sqlx::Error> {
    let mut transaction = begin::<D>(pool).await?;
    runs::lock::<D>(&mut transaction, run).await?;
    let mut answer = Vec::with_capacity(deferred.len());
    for chunk in deferred.chunks(ROWS_PER_STATEMENT) {
        let put_off = put_off::<D>(&mut transaction, run, chunk).await?;
        let ids = chunk.iter().map(|deferred| deferred.id);
        answer.extend(with_marked_before::<D>(&mut transaction, run, "pending", ids, put_off).await?);
    }
    transaction.commit().await?;
    Ok(answer)
}

/// It was read to its end, and its starts are forgotten. What it failed with before is no more what is known of it, but
/// how often it failed in a row is.
async fn put_off<D: Dialect>(
    connection: &mut Connection<D>,
    run: RunId,
    deferred: &[Deferred],
) -> Result<Vec<GazetteId>, sqlx::Error> {
    let rows = deferred.iter().map(|deferred| {
        vec![
            deferred.id.into(),
            deferred.file_checksum.as_deref().into(),
            deferred.bytes.into(),
            deferred.pages.into(),
            deferred.ocr_due.into(),
            story::line(run, "deferred", "", &deferred.timings).into(),
        ]
    });
    Statement::<D>::new("WITH ")
        .values("put_off (id, file_checksum, bytes, pages, ocr_due, attempt)", rows)
        .sql(
            "UPDATE prelo_gazettes SET state = 'pending', starts = 0, failure_code = NULL, failure_detail = NULL, \
             next_attempt_at = NULL, lease_run = NULL, lease_until = NULL, file_checksum = put_off.file_checksum, \
             bytes = put_off.bytes, pages = put_off.pages, ocr_due = put_off.ocr_due, ",
        )
        .attempt("put_off.attempt")
        .sql(", extractor_version = ")
        .bind(EXTRACTOR_VERSION)
        .sql(", run_id = ")
        .bind(run)
        .sql(" FROM put_off WHERE prelo_gazettes.gazette_id = put_off.id AND prelo_gazettes.lease_run = ")
        .bind(run)
        .sql(" RETURNING gazette_id AS id")
        .ids(connection)
        .await
}

pub async fn fail<D: Dialect>(
    pool: &Pool<D::Db>,
    run: RunId,
    failures: &[FailedGazette],
) -> Result<Vec<GazetteId>, sqlx::Error> {
    let mut transaction = begin::<D>(pool).await?;
    runs::lock::<D>(&mut transaction, run).await?;
    let mut answer = Vec::with_capacity(failures.len());
    for chunk in failures.chunks(ROWS_PER_STATEMENT) {
        let marked = mark_failed::<D>(&mut transaction, run, chunk).await?;
        let ids = chunk.iter().map(|failed| failed.id);
        answer.extend(with_marked_before::<D>(&mut transaction, run, "failed", ids, marked).await?);
    }
    transaction.commit().await?;
    Ok(answer)
}

/// A failure of the reader is an outcome of its start; one that came before it, such as of the download, is not, and the
/// starts of runs that died stay counted.
async fn mark_failed<D: Dialect>(
    connection: &mut Connection<D>,
    run: RunId,
    failures: &[FailedGazette],
) -> Result<Vec<GazetteId>, sqlx::Error> {
    let before = failures_before::<D>(connection, run, failures).await?;
    let hasher = RandomState::new();
    let rows = failures.iter().map(|failed| {
        let in_a_row = before.get(&failed.id).copied().unwrap_or_default().saturating_add(1);
        let wait = failed.recheck.and_then(|recheck| recheck.wait(in_a_row, hasher.hash_one(failed.id)));
        vec![
            failed.id.into(),
            failed.failure.code.as_str().into(),
            failed.failure.detail.as_str().into(),
            failed.file_checksum.as_deref().into(),
            failed.bytes.into(),
            in_a_row.into(),
            Value::Int(wait.map(milliseconds)),
            story::line(run, failed.failure.code.as_str(), &failed.failure.detail, &failed.timings).into(),
        ]
    });
    Statement::<D>::new("WITH ")
        .values("failed (id, code, detail, file_checksum, bytes, failures, wait_ms, attempt)", rows)
        .sql(
            "UPDATE prelo_gazettes SET state = 'failed', failure_code = failed.code, \
             failure_detail = failed.detail, file_checksum = failed.file_checksum, failures = failed.failures, \
             ocr_due = NULL, \
             starts = CASE WHEN state = 'started' THEN 0 ELSE starts END, \
             bytes = coalesce(failed.bytes, prelo_gazettes.bytes), lease_run = NULL, lease_until = NULL, ",
        )
        .attempt("failed.attempt")
        .sql(", next_attempt_at = ")
        .sql(D::LATER.0)
        .sql("failed.wait_ms")
        .sql(D::LATER.1)
        .sql(", extractor_version = ")
        .bind(EXTRACTOR_VERSION)
        .sql(", run_id = ")
        .bind(run)
        .sql(" FROM failed WHERE prelo_gazettes.gazette_id = failed.id AND prelo_gazettes.lease_run = ")
        .bind(run)
        .sql(" RETURNING gazette_id AS id")
        .ids(connection)
        .await
}

/// How often each has failed in a row before.
async fn failures_before<D: Dialect>(
    connection: &mut Connection<D>,
    run: RunId,
    failures: &[FailedGazette],
) -> Result<BTreeMap<GazetteId, u32>, sqlx::Error> {
    let ids: Vec<GazetteId> = failures.iter().map(|failed| failed.id).collect();
    let rows = Statement::<D>::new("SELECT gazette_id AS id, failures FROM prelo_gazettes WHERE lease_run = ")
        .bind(run)
        .any_id(" AND gazette_id", &ids)
        .rows(connection)
        .await?;
    rows.iter().map(|row| Ok((row.id("id")?, row.number("failures")?))).collect()
}

/// The ones marked now and, of the others, those that this run has marked so before: the answer to that call may have
/// been lost.
async fn with_marked_before<D: Dialect>(
    connection: &mut Connection<D>,
    run: RunId,
    state: &str,
    asked: impl Iterator<Item = GazetteId>,
    mut marked: Vec<GazetteId>,
) -> Result<Vec<GazetteId>, sqlx::Error> {
    let others: Vec<GazetteId> = asked.filter(|id| !marked.contains(id)).collect();
    if !others.is_empty() {
        let before = Statement::<D>::new("SELECT gazette_id AS id FROM prelo_gazettes WHERE lease_run IS NULL")
            .sql(" AND state = ")
            .bind(state)
            .sql(" AND run_id = ")
            .bind(run)
            .any_id(" AND gazette_id", &others);
        marked.extend(before.ids(connection).await?);
    }
    Ok(marked)
}

/// Somebody asks for them: their history does not count, and their time has come.
pub async fn retry_failed<D: Dialect>(pool: &Pool<D::Db>, code: FailureCode) -> Result<u64, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let due = Statement::<D>::new("UPDATE prelo_gazettes SET failures = 0, starts = 0, next_attempt_at = ")
        .now()
        .sql(" WHERE state = 'failed' AND lease_run IS NULL AND failure_code = ")
        .bind(code.as_str().to_owned())
        .sql(" RETURNING gazette_id AS id")
        .ids(&mut connection)
        .await?;
    Ok(due.len() as u64)
}
