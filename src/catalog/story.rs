//! What is kept of a gazette's past, in bounded columns of `prelo_gazettes` that are written with its mark.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use serde::{Deserialize, Serialize};
use time::PrimitiveDateTime;
use uuid::Uuid;

use crate::gazette::RunId;
use crate::rfc3339;
use crate::telemetry::Stage;

/// Seconds that each stage took.
pub type Timings = BTreeMap<Stage, f32>;

/// Attempts that are told.
pub const ATTEMPTS: usize = 10;
/// Characters of a failure's detail that are kept with its attempt.
const DETAIL: usize = 160;
/// Runs of pages that are kept.
const PAGE_RUNS: usize = 100;

/// One time that a run had a gazette in hand, to its end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attempt {
    #[serde(with = "rfc3339")]
    pub at: Option<PrimitiveDateTime>,
    pub run: Option<RunId>,
    /// `indexed`, `deferred` (its scans wait for OCR), `interrupted` (the run ended while they were read), or a failure code.
    pub outcome: String,
    pub detail: String,
    /// Of an interrupted one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scans: Option<ReadInPart>,
    pub timings: Timings,
}

/// How far OCR has come with a gazette.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadInPart {
    /// Pages that were read now.
    pub pages: u32,
    /// Pages that were to be read, these among them.
    pub due: u32,
}

/// As it is stored, behind the moment.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Stored<'a> {
    run: String,
    outcome: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: std::borrow::Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scans: Option<ReadInPart>,
    #[serde(skip_serializing_if = "Timings::is_empty")]
    timings: Timings,
}

/// The line of an attempt, without the moment, which the database's clock writes before it.
pub(super) fn line(run: RunId, outcome: &str, detail: &str, timings: &Timings) -> String {
    written(run, outcome, detail, None, timings)
}

/// The same of a gazette whose scans were read in part.
pub(super) fn line_of_interrupted(run: RunId, scans: ReadInPart, timings: &Timings) -> String {
    written(run, "interrupted", "", Some(scans), timings)
}

fn written(run: RunId, outcome: &str, detail: &str, scans: Option<ReadInPart>, timings: &Timings) -> String {
    let detail = detail.char_indices().nth(DETAIL).map_or(detail, |(end, _)| &detail[..end]);
    let timings = timings.iter().map(|(stage, seconds)| (*stage, (seconds * 1_000.0).round() / 1_000.0)).collect();
    let stored = Stored { run: run.to_string(), outcome: outcome.to_owned(), detail: detail.into(), scans, timings };
    // A map of words and numbers is always JSON; without it there would only be an attempt less to tell.
    serde_json::to_string(&stored).unwrap_or_default()
}

/// The attempts of a column, the first first. The column is cut at its beginning, in the middle of a line.
pub(super) fn attempts(column: &str) -> Vec<Attempt> {
    let read = |line: &str| {
        let (moment, json) = line.split_at_checked(line.find('{')?)?;
        let stored: Stored<'_> = serde_json::from_str(json).ok()?;
        Some(Attempt {
            at: moment_of(moment.trim()),
            run: Uuid::from_str(&stored.run).ok().map(RunId),
            outcome: stored.outcome,
            detail: stored.detail.into_owned(),
            scans: stored.scans,
            timings: stored.timings,
        })
    };
    let mut attempts: Vec<Attempt> = column.lines().filter_map(read).collect();
    attempts.drain(..attempts.len().saturating_sub(ATTEMPTS));
    attempts
}

/// `2026-03-04 05:06:07`, with a fraction or without.
fn moment_of(text: &str) -> Option<PrimitiveDateTime> {
    use time::macros::format_description;
    let seconds = text.get(..19)?;
    PrimitiveDateTime::parse(seconds, format_description!("[year]-[month]-[day] [hour]:[minute]:[second]")).ok()
}

/// Where the text of a page comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The file's own text.
    Text,
    Ocr,
    /// It has none.
    None,
}

/// Pages that are alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageRun {
    /// From 1.
    pub from: u32,
    pub to: u32,
    pub source: Source,
    /// 0..1 in steps of 0.05, where the reader can tell.
    pub quality: Option<f32>,
}

/// Pages in their order, those alike together; beyond a bound, the last run is as long as the document.
#[must_use]
pub fn page_runs(pages: impl Iterator<Item = (Source, Option<f32>)>) -> Vec<PageRun> {
    let mut runs: Vec<PageRun> = Vec::new();
    for (page, (source, quality)) in (1..).zip(pages) {
        let quality = quality.map(|quality| (quality * 20.0).round() / 20.0);
        let full = runs.len() == PAGE_RUNS;
        match runs.last_mut() {
            Some(run) if full || (run.source == source && run.quality == quality) => run.to = page,
            _ => runs.push(PageRun { from: page, to: page, source, quality }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_come_back_in_order_and_a_cut_one_is_left_out() {
        let run = RunId::new();
        let timings: Timings = [(Stage::Download, 0.123_456), (Stage::Extract, 2.0)].into();
        let written = |n: u32| format!("2026-03-04 05:06:{n:02}.123 {}", line(run, "indexed", "", &timings));
        let lines: Vec<String> = (0..15).map(written).collect();
        let column = lines.join("\n");
        let cut = &column[column.len() - 1_900..];
        let read = attempts(cut);
        assert!(read.len() <= ATTEMPTS && read.len() > 5, "{}", read.len());
        let last = read.last().unwrap();
        assert_eq!(last.at, Some(time::macros::datetime!(2026-03-04 05:06:14)));
        assert_eq!((last.run, last.outcome.as_str(), last.timings[&Stage::Download]), (Some(run), "indexed", 0.123));
        assert!(attempts("").is_empty() && attempts("2026 {\"outcome\"").is_empty());
    }

    #[test]
    fn a_line_is_short_whatever_happened() {
        let line = line(RunId::new(), "NOT_FOUND", &"é\n\"".repeat(5_000), &Timings::default());
        assert!(line.len() < 700 && !line.contains('\n'), "{} bytes", line.len());
    }

    #[test]
    fn pages_alike_are_told_together() {
        let pages = [
            (Source::Text, Some(0.93)),
            (Source::Text, Some(0.96)),
            (Source::Ocr, None),
            (Source::None, None),
            (Source::None, None),
        ];
        let runs = page_runs(pages.into_iter());
        let told: Vec<(u32, u32, Source)> = runs.iter().map(|run| (run.from, run.to, run.source)).collect();
        assert_eq!(told, [(1, 2, Source::Text), (3, 3, Source::Ocr), (4, 5, Source::None)]);
        let many = (0..10_000).map(|n| (if n % 2 == 0 { Source::Text } else { Source::Ocr }, None));
        let runs = page_runs(many);
        assert_eq!((runs.len(), runs.last().map(|run| run.to)), (PAGE_RUNS, Some(10_000)));
    }
}
