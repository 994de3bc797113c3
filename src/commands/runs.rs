//! `runs`: what the last runs did, and one of them in full.

use anyhow::Result;
use serde_json::json;

use super::cli::{Format, RunsArgs};
use super::output::moment;
use super::words::t;
use super::{Usage, output, services};
use crate::catalog::RunRecord;
use crate::config::Config;
use crate::telemetry::duration;

/// Runs among which one is looked for by the beginning of its id.
const SEARCHED: u32 = 5_000;

pub async fn runs(args: &RunsArgs, config: &Config, format: Format) -> Result<u8> {
    let catalog = services::existing_catalog(config).await?;
    let limit = if args.id.is_some() { SEARCHED } else { args.limit };
    let runs = match &catalog {
        Some(catalog) => catalog.runs(limit).await?,
        None => Vec::new(),
    };
    let Some(id) = &args.id else {
        match format {
            Format::Json => output::json(&runs)?,
            Format::Text if runs.is_empty() => output::text(&format!("{}\n", t("No run yet.")))?,
            Format::Text => output::text(&table(&runs, true))?,
        }
        return Ok(0);
    };
    let found: Vec<&RunRecord> = runs.iter().filter(|run| run.id.to_string().starts_with(&id.to_lowercase())).collect();
    let [run] = found.as_slice() else {
        let why = if found.is_empty() { "no run has" } else { "more than one run has" };
        return Err(Usage(format!("{why} an id that begins with {id}: `prelo runs` lists them")).into());
    };
    match format {
        Format::Json => output::json(run)?,
        Format::Text => output::text(&render(run))?,
    }
    Ok(0)
}

/// What ended a run, in a word.
fn ended(run: &RunRecord) -> String {
    match (&run.stopped_by, run.finished_at) {
        (Some(reason), _) => reason.clone(),
        (None, Some(_)) => t("done").into(),
        (None, None) => t("running").into(),
    }
}

/// A line a run.
pub(super) fn table(runs: &[RunRecord], with_ids: bool) -> String {
    let row = |run: &RunRecord| {
        let rate =
            if run.counts.ocr.pages > 0 { format!("{:.1}", run.counts.ocr.pages_per_second()) } else { "-".into() };
        let mut row = vec![
            run.started_at.map_or_else(|| "-".into(), moment),
            duration(run.counts.seconds),
            run.counts.selected.to_string(),
            run.counts.indexed.to_string(),
            run.counts.failures().to_string(),
            format!("{:.1}", run.counts.documents_per_second()),
            rate,
            ended(run),
        ];
        if with_ids {
            row.push(run.id.to_string().chars().take(8).collect());
        }
        row
    };
    let mut header = vec!["started", "took", "selected", "indexed", "failed", "docs/s", "OCR pages/s", "ended"];
    if with_ids {
        header.push("run");
    }
    let header: Vec<&str> = header.into_iter().map(t).collect();
    output::table(&header, &runs.iter().map(row).collect::<Vec<_>>())
}

fn render(run: &RunRecord) -> String {
    let counts = &run.counts;
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |name: &'static str, value: String| rows.push(vec![t(name).to_owned(), value]);
    row("run", run.id.to_string());
    row("selection", run.selection.clone());
    row("started", run.started_at.map_or_else(|| "-".into(), moment));
    row("finished", run.finished_at.map_or_else(|| "-".into(), moment));
    row("ended", ended(run));
    row("took", duration(counts.seconds));
    row("selected", counts.selected.to_string());
    row("indexed", counts.indexed.to_string());
    row("failed", counts.failures().to_string());
    row("skipped", counts.skipped.to_string());
    row("read", output::bytes(counts.bytes));
    row("pages", counts.pages.to_string());
    row("pages by OCR", counts.ocr_pages.to_string());
    row("docs/s", format!("{:.1}", counts.documents_per_second()));
    for (name, lane) in [("files as they are", &counts.digital), ("scans (OCR)", &counts.ocr)] {
        if lane.gazettes > 0 {
            row(
                name,
                format!(
                    "{} {}, {:.1} docs/s, {:.1} {}/s, {}",
                    lane.gazettes,
                    t(if lane.gazettes == 1 { "gazette" } else { "gazettes" }),
                    lane.gazettes_per_second(),
                    lane.pages_per_second(),
                    t("pages"),
                    duration(lane.seconds)
                ),
            );
        }
    }
    let mut text = output::table(&[], &rows);
    if !counts.failed.is_empty() {
        text.push_str(&format!("\n{}:\n{}", t("failures"), super::run::failure_table(&counts.failed)));
    }
    text
}

/// For programs, beside the numbers of the catalogue.
pub(super) fn as_json(runs: &[RunRecord]) -> serde_json::Value {
    json!(runs)
}
