//! What a selection holds, as a condition on the rows of `g`, `t` and `p`.

use time::PrimitiveDateTime;

use super::dialect::{Dialect, List};
use super::statement::Statement;
use crate::gazette::{EXTRACTOR_VERSION, FailedFilter, Mode, RunId, Selection};

/// Where the rows come from. Both joins keep rows without a partner: a gazette whose territory is unknown has to fail
/// with its code, not to vanish.
pub const FROM: &str = " FROM gazettes g LEFT JOIN territories t ON t.id = g.territory_id \
     LEFT JOIN prelo_gazettes p ON p.gazette_id = g.id ";

/// Scans that an earlier reading has found, and that are as they were then: they wait for OCR.
const KNOWN_SCAN: &str =
    "coalesce(p.ocr_due > 0 AND g.file_checksum IS NOT DISTINCT FROM p.file_checksum AND p.extractor_version >= ";

/// Appends the condition that a row waits for OCR. Never NULL.
pub fn push_known_scan<D: Dialect>(statement: Statement<D>) -> Statement<D> {
    statement.sql(KNOWN_SCAN).bind(EXTRACTOR_VERSION).sql(", false)")
}

/// Appends the condition that a row is in a resolved selection, and under no live lease but the one of `run`.
pub fn push<D: Dialect>(statement: Statement<D>, selection: &Selection, run: Option<RunId>) -> Statement<D> {
    let statement = free(statement.unprepared(), run);
    let statement = match (&selection.failed, selection.mode) {
        // Who asks for failures by name gets them, waiting and permanent ones too.
        (Some(FailedFilter::Any), _) => statement.sql(" AND p.state = 'failed'"),
        (Some(FailedFilter::Code(code)), _) => {
            statement.sql(" AND p.state = 'failed' AND p.failure_code = ").bind(code.as_str())
        }
        (None, Mode::Unprocessed) => pending(statement, NOT_PROCESSED, selection.without_ocr),
        (None, Mode::Daily) => since(pending(statement, NOT_PROCESSED, selection.without_ocr), selection.since),
        (None, Mode::Unread) => pending(statement, NOT_READ, selection.without_ocr),
        (None, Mode::All) => statement,
    };
    filters(statement, selection)
}

fn free<D: Dialect>(statement: Statement<D>, run: Option<RunId>) -> Statement<D> {
    let statement = statement.sql("(p.lease_run IS NULL OR p.lease_until <= ").now();
    match run {
        Some(run) => statement.sql(" OR p.lease_run = ").bind(run),
        None => statement,
    }
    .sql(")")
}

const NOT_PROCESSED: &str = "g.processed IS NOT TRUE";
/// The mark may be of the service that prelo replaces.
const NOT_READ: &str = "(g.processed IS NOT TRUE OR p.indexed_at IS NULL)";

/// To be done; or failed, and its time has come: by the clock, by another file, or by a newer reader. A gazette that
/// failed when it was read again is still marked from the time before, and waits like the others. Pages that wait for
/// OCR make their gazette pending, too, though its other pages be indexed.
fn pending<D: Dialect>(statement: Statement<D>, to_be_done: &'static str, without_ocr: bool) -> Statement<D> {
    let statement = statement.sql(" AND ((").sql(to_be_done).sql(" AND p.state IS DISTINCT FROM 'failed')");
    let statement = if without_ocr { statement } else { statement.sql(" OR p.ocr_due > 0") };
    statement
        .sql(" OR (p.state = 'failed' AND (p.next_attempt_at <= ")
        .now()
        .sql(" OR g.file_checksum IS DISTINCT FROM p.file_checksum OR p.extractor_version < ")
        .bind(EXTRACTOR_VERSION)
        .sql(")))")
}

/// What a daily run reads: what was scraped lately, and of the earlier days the failures whose time has come, whether by
/// the clock, by another file, or by a newer reader, and what waits for OCR.
fn since<D: Dialect>(statement: Statement<D>, since: Option<PrimitiveDateTime>) -> Statement<D> {
    let Some(since) = since else { return statement };
    statement.sql(" AND (g.scraped_at >= ").bind(since).sql(" OR p.state = 'failed' OR p.ocr_due > 0)")
}

fn filters<D: Dialect>(mut statement: Statement<D>, selection: &Selection) -> Statement<D> {
    let Selection { mode: _, from, to, scraped_from, scraped_to, territories, state, ids, .. } = selection;
    if let Some(from) = from {
        statement = statement.sql(" AND g.date >= ").bind(*from);
    }
    if let Some(to) = to {
        statement = statement.sql(" AND g.date <= ").bind(*to);
    }
    if let Some(from) = scraped_from {
        statement = statement.sql(" AND g.scraped_at >= ").bind(*from);
    }
    if let Some(to) = scraped_to {
        statement = statement.sql(" AND g.scraped_at < ").bind(*to);
    }
    if !territories.is_empty() {
        statement = statement.any(" AND g.territory_id", List::Texts(territories.clone()));
    }
    if let Some(state) = state {
        statement = statement.sql(" AND upper(t.state_code) = upper(").bind(state.as_str()).sql(")");
    }
    if !ids.is_empty() {
        statement = statement.any_id(" AND g.id", ids);
    }
    if let Some(version) = selection.extractor_older_than {
        statement = statement.sql(" AND p.extractor_version < ").bind(version);
    }
    statement
}

/// Appends the condition that `run` has claimed, finished or failed a row before. Never NULL.
pub fn push_touched<D: Dialect>(statement: Statement<D>, run: RunId) -> Statement<D> {
    statement.sql("coalesce(p.lease_run = ").bind(run).sql(", false) OR coalesce(p.run_id = ").bind(run).sql(", false)")
}
