//! `runs`: what the last runs did, and one of them in full.

use anyhow::Result;
use uuid::Uuid;

use super::cli::{Format, RunsArgs};
use super::output::moment;
use super::selection::flags;
use super::{Usage, nothing_yet, output, services};
use crate::catalog::{Catalog, CatalogError, RunRecord, ShownRun};
use crate::config::Config;
use crate::gazette::RunId;
use crate::telemetry::duration;
use crate::words::{decimal, either, gazettes, number, t, told};

/// Runs among which one is looked for by the beginning of its id.
const SEARCHED: u32 = 5_000;

/// Runs, and the one among all of them that is at work.
#[derive(Default)]
pub(super) struct Seen {
    pub runs: Vec<RunRecord>,
    pub at_work: Option<ShownRun>,
}

/// The last runs, the one that is at work as it was last seen.
pub(super) async fn seen(catalog: &dyn Catalog, limit: u32) -> Result<Seen, CatalogError> {
    let mut runs = catalog.runs(limit).await?;
    // Tables of an older version have no place for it; what else is wrong with them was said already.
    let mut at_work = catalog.live_run().await.ok().flatten();
    if let Some(shown) = &mut at_work {
        if let Some(live) = &shown.live {
            shown.record.counts = live.counts.clone();
        }
        shown.refresh(&mut runs);
    }
    Ok(Seen { runs, at_work })
}

pub async fn runs(args: &RunsArgs, config: &Config, format: Format) -> Result<u8> {
    let catalog = services::existing_catalog(config).await?;
    // A whole id is asked for by itself, however old the run is.
    let whole = args.id.as_deref().and_then(|id| Uuid::parse_str(id).ok()).map(RunId);
    let limit = match (&args.id, whole) {
        (None, _) => args.limit,
        (Some(_), None) => SEARCHED,
        (Some(_), Some(_)) => 1,
    };
    let Seen { runs, at_work } = match &catalog {
        Some(catalog) => seen(&**catalog, limit).await?,
        None => Seen::default(),
    };
    let at_work = at_work.map(|run| run.record.id);
    let Some(id) = &args.id else {
        match format {
            Format::Json => output::json(&runs)?,
            Format::Text if catalog.is_none() => output::text(&nothing_yet::words(config))?,
            Format::Text if runs.is_empty() => output::text(&format!("{}\n", t("No run yet.")))?,
            Format::Text => output::text(&table(&runs, at_work, true))?,
        }
        return Ok(0);
    };
    if let (Some(id), Some(catalog)) = (whole, &catalog)
        && let Some(shown) = catalog.run(id).await?
    {
        let mut run = shown.record.clone();
        shown.refresh(std::slice::from_mut(&mut run));
        return told_of(&run, at_work, format);
    }
    let found: Vec<&RunRecord> = runs.iter().filter(|run| run.id.to_string().starts_with(&id.to_lowercase())).collect();
    let [run] = found.as_slice() else {
        let why = if found.is_empty() {
            "no run has an id that begins with {id}: `prelo runs` lists them"
        } else {
            "more than one run has an id that begins with {id}: `prelo runs` lists them"
        };
        return Err(Usage(told(why, &[("id", id)])).into());
    };
    told_of(run, at_work, format)
}

fn told_of(run: &RunRecord, at_work: Option<RunId>, format: Format) -> Result<u8> {
    match format {
        Format::Json => output::json(run)?,
        Format::Text => output::text(&render(run, at_work))?,
    }
    Ok(0)
}

/// What ended a run, in a word.
fn ended(run: &RunRecord, at_work: Option<RunId>) -> String {
    let (portuguese, english) = run.end(at_work).words();
    either(portuguese, english).to_owned()
}

/// A line a run.
pub(super) fn table(runs: &[RunRecord], at_work: Option<RunId>, with_ids: bool) -> String {
    let row = |run: &RunRecord| {
        let rate = if run.counts.ocr.pages > 0 { decimal(run.counts.ocr.pages_per_second(), 1) } else { "-".into() };
        let mut row = vec![
            run.started_at.map_or_else(|| "-".into(), moment),
            duration(run.counts.seconds),
            number(run.counts.selected),
            number(run.counts.indexed),
            number(run.counts.failures()),
            decimal(run.counts.documents_per_second(), 1),
            rate,
            ended(run, at_work),
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
    output::fitting(&header, &runs.iter().map(row).collect::<Vec<_>>())
}

fn render(run: &RunRecord, at_work: Option<RunId>) -> String {
    let counts = &run.counts;
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |name: &'static str, value: String| rows.push(vec![t(name).to_owned(), value]);
    row("run", run.id.to_string());
    let selection = serde_json::from_str(&run.selection).map_or_else(|_| run.selection.clone(), |told| flags(&told));
    row("selection", selection);
    row("started", run.started_at.map_or_else(|| "-".into(), moment));
    row("finished", run.finished_at.map_or_else(|| "-".into(), moment));
    row("ended", ended(run, at_work));
    if let Some(detail) = &counts.stopped_detail {
        row("reason", detail.clone());
    }
    row("took", duration(counts.seconds));
    row("selected", number(counts.selected));
    row("indexed", number(counts.indexed));
    row("failed", number(counts.failures()));
    row("skipped", number(counts.skipped));
    row("read", output::bytes(counts.bytes));
    row("pages", number(counts.pages));
    row("pages by OCR", number(counts.ocr_pages));
    row("docs/s", decimal(counts.documents_per_second(), 1));
    for (name, lane) in [("files as they are", &counts.digital), ("scans (OCR)", &counts.ocr)] {
        if lane.gazettes > 0 {
            row(
                name,
                format!(
                    "{}, {} docs/s, {} {}, {}",
                    gazettes(lane.gazettes),
                    decimal(lane.gazettes_per_second(), 1),
                    decimal(lane.pages_per_second(), 1),
                    t("pages/s"),
                    duration(lane.seconds)
                ),
            );
        }
    }
    let mut text = output::pairs(&rows);
    if !counts.failed.is_empty() {
        text.push_str(&format!("\n{}:\n{}", t("failures"), super::run::failure_table(&counts.failed)));
    }
    text
}
