//! `status`: the catalogue in numbers and the last runs.

use anyhow::Result;
use serde_json::json;

use super::cli::Format;
use super::lanes::Lanes;
use super::output::moment;
use super::{output, services, set_aside};
use crate::catalog::{RunRecord, Status};
use crate::config::Config;
use crate::telemetry::duration;

const RUNS: u32 = 5;

pub async fn status(config: &Config, format: Format) -> Result<u8> {
    let Some(catalog) = services::existing_catalog(config).await? else {
        return nothing_yet(format);
    };
    let (status, runs) = (catalog.status().await?, catalog.runs(RUNS).await?);
    match format {
        Format::Json => {
            let lanes = Lanes::new(status.pending, status.scans, &runs);
            output::json(&json!({ "gazettes": status, "lanes": lanes, "runs": runs }))?;
        }
        Format::Text => output::text(&render(&status, &runs))?,
    }
    Ok(0)
}

fn nothing_yet(format: Format) -> Result<u8> {
    match format {
        Format::Json => output::json(&json!({ "gazettes": Status::default(), "lanes": Lanes::default(), "runs": [] }))?,
        Format::Text => output::text("Nothing here yet. Begin with: prelo run --folder DIR\n")?,
    }
    Ok(0)
}

fn render(status: &Status, runs: &[RunRecord]) -> String {
    let failed: u64 = status.failed.values().sum();
    let mut rows: Vec<Vec<String>> = [
        ("gazettes", status.gazettes),
        ("processed", status.processed),
        ("pending", status.pending),
        ("in work", status.claimed),
        ("failed", failed),
    ]
    .iter()
    .map(|(name, count)| vec![(*name).to_owned(), count.to_string()])
    .collect();
    rows.extend(set_aside::rows(status));
    let mut text = output::table(&[], &rows);
    let lanes = Lanes::new(status.pending, status.scans, runs).table();
    if !lanes.is_empty() {
        text.push_str(&format!("\nwaiting:\n{lanes}"));
    }
    if failed > 0 {
        text.push_str("\nfailures:\n");
        text.push_str(&super::run::failure_table(&status.failed));
    }
    if !runs.is_empty() {
        text.push_str("\nlast runs:\n");
        let rows: Vec<Vec<String>> = runs.iter().map(run_row).collect();
        text.push_str(&output::table(
            &["started", "took", "selected", "indexed", "failed", "docs/s", "OCR pages/s", "ended"],
            &rows,
        ));
    }
    text
}

fn run_row(run: &RunRecord) -> Vec<String> {
    let ended = match (&run.stopped_by, run.finished_at) {
        (Some(reason), _) => reason.clone(),
        (None, Some(_)) => "done".into(),
        (None, None) => "running".into(),
    };
    vec![
        run.started_at.map_or_else(|| "-".into(), moment),
        duration(run.counts.seconds),
        run.counts.selected.to_string(),
        run.counts.indexed.to_string(),
        run.counts.failures().to_string(),
        format!("{:.1}", run.counts.documents_per_second()),
        if run.counts.ocr.pages > 0 { format!("{:.1}", run.counts.ocr.pages_per_second()) } else { "-".into() },
        ended,
    ]
}
