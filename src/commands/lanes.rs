//! The two lanes in numbers: what waits in each, how fast the last runs were, and how long it should take.

use serde::Serialize;

use crate::catalog::{RunRecord, ScanBacklog};
use crate::telemetry::{LaneCounts, duration};
use crate::words::{decimal, number, t};

/// What `plan` and `status` tell of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Lane {
    pub gazettes: u64,
    /// Pages to be read by OCR; not known of files that were never read.
    pub pages: Option<u64>,
    /// Of the last runs; `None` when none of them did any.
    pub gazettes_per_second: Option<f64>,
    pub pages_per_second: Option<f64>,
    pub seconds: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Lanes {
    pub digital: Lane,
    pub ocr: Lane,
}

impl Lanes {
    /// Of `gazettes`, `scans` are known to wait for OCR; the others will be known when they are read.
    pub fn new(gazettes: u64, scans: ScanBacklog, runs: &[RunRecord]) -> Self {
        let (digital, ocr) = (total(runs, |run| run.counts.digital), total(runs, |run| run.counts.ocr));
        let others = gazettes.saturating_sub(scans.gazettes);
        let (documents, pages) = (rate(digital.gazettes, digital.seconds), rate(ocr.pages, ocr.seconds));
        Self {
            digital: Lane {
                gazettes: others,
                pages: None,
                gazettes_per_second: documents,
                pages_per_second: rate(digital.pages, digital.seconds),
                seconds: time(others, documents),
            },
            ocr: Lane {
                gazettes: scans.gazettes,
                pages: Some(scans.pages),
                gazettes_per_second: rate(ocr.gazettes, ocr.seconds),
                pages_per_second: pages,
                seconds: time(scans.pages, pages),
            },
        }
    }

    /// Header and rows of a table; empty where no scan is known.
    pub fn table(&self) -> String {
        if self.ocr.gazettes == 0 {
            return String::new();
        }
        let unknown = || t("unknown").to_owned();
        let row = |name: &'static str, lane: &Lane, rate: Option<f64>, unit: &'static str| {
            vec![
                t(name).to_owned(),
                number(lane.gazettes),
                lane.pages.map_or_else(|| "-".to_owned(), number),
                rate.map_or_else(unknown, |rate| format!("{} {}", decimal(rate, 1), t(unit))),
                match lane.seconds {
                    _ if lane.gazettes == 0 => "-".to_owned(),
                    Some(seconds) => format!("{}{}", t("about "), duration(seconds)),
                    None => unknown(),
                },
            ]
        };
        super::output::fitting(
            &["lane", "gazettes", "pages", "rate", "time"].map(t),
            &[
                row("files as they are", &self.digital, self.digital.gazettes_per_second, "docs/s"),
                row("scans (OCR)", &self.ocr, self.ocr.pages_per_second, "pages/s"),
            ],
        )
    }
}

fn total(runs: &[RunRecord], lane: fn(&RunRecord) -> LaneCounts) -> LaneCounts {
    runs.iter().map(lane).fold(LaneCounts::default(), |sum, lane| LaneCounts {
        gazettes: sum.gazettes + lane.gazettes,
        pages: sum.pages + lane.pages,
        // A run that was stopped within a long scan has read pages and finished no gazette.
        seconds: sum.seconds + if lane.gazettes + lane.pages > 0 { lane.seconds } else { 0.0 },
        ..sum
    })
}

#[allow(clippy::cast_precision_loss)] // rates for people
fn rate(count: u64, seconds: f64) -> Option<f64> {
    (count > 0 && seconds > 0.0).then(|| count as f64 / seconds)
}

#[allow(clippy::cast_precision_loss)]
fn time(count: u64, rate: Option<f64>) -> Option<f64> {
    rate.map(|rate| count as f64 / rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::RunCounts;

    #[test]
    fn each_lane_has_its_own_rate_and_time() {
        let lane = |gazettes, pages, seconds| LaneCounts { gazettes, pages, seconds, ..LaneCounts::default() };
        let counts = RunCounts { digital: lane(100, 900, 10.0), ocr: lane(2, 30, 60.0), ..RunCounts::default() };
        let lanes = Lanes::new(50, ScanBacklog { gazettes: 10, pages: 120 }, &[RunRecord::with_counts(counts)]);
        assert_eq!((lanes.digital.gazettes, lanes.digital.seconds), (40, Some(4.0)));
        assert_eq!((lanes.ocr.gazettes, lanes.ocr.pages, lanes.ocr.seconds), (10, Some(120), Some(240.0)));
        assert!(lanes.table().contains("0.5 pages/s"), "{}", lanes.table());
        assert_eq!(Lanes::new(50, ScanBacklog::default(), &[]).table(), "");
    }

    #[test]
    fn a_run_that_was_stopped_within_a_long_scan_has_a_rate() {
        let run = |gazettes, pages, seconds| {
            let ocr = LaneCounts { gazettes, pages, seconds, ..LaneCounts::default() };
            RunRecord::with_counts(RunCounts { ocr, ..RunCounts::default() })
        };
        let waiting = ScanBacklog { gazettes: 1, pages: 20 };
        let stopped = Lanes::new(1, waiting, &[run(0, 5, 10.0)]).ocr;
        assert_eq!((stopped.pages_per_second, stopped.seconds), (Some(0.5), Some(40.0)));
        let both = Lanes::new(1, waiting, &[run(1, 5, 10.0), run(0, 5, 10.0), run(0, 0, 900.0)]).ocr;
        assert_eq!(both.pages_per_second, Some(0.5), "of what was done, not of a run that came to nothing");
    }
}
