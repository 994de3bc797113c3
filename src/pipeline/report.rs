//! What a run did, for people and for programs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::gazette::RunId;
use crate::shutdown::StopReason;
use crate::telemetry::{LaneCounts, RunCounts, peak_of_tree_bytes};

/// Written by `run --report FILE` and printed by `run --format json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub run_id: RunId,
    /// Gazettes that the selection held at the start.
    pub selected: u64,
    pub indexed: u64,
    /// By failure code.
    pub failed: BTreeMap<String, u64>,
    /// As in [`RunCounts`].
    pub skipped: u64,
    /// Of the selected ones, those without an outcome.
    pub remaining: u64,
    /// Bytes of the files that were indexed.
    pub bytes: u64,
    pub pages: u64,
    pub ocr_pages: u64,
    /// Files as they are, and scans, each with its own numbers.
    pub digital: LaneCounts,
    pub ocr: LaneCounts,
    pub seconds: f64,
    pub documents_per_second: f64,
    pub peak_rss_bytes: u64,
    /// `None` when the work was done.
    pub stopped_by: Option<String>,
    /// As in [`RunCounts`].
    pub kept_pages: u64,
    /// As in [`RunCounts`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_detail: Option<String>,
    #[serde(skip)]
    pub stop: Option<StopReason>,
}

impl Report {
    /// From the counts of a run and how many of its gazettes are left.
    #[must_use]
    pub fn new(run_id: RunId, counts: RunCounts, remaining: u64, stop: Option<StopReason>) -> Self {
        let documents_per_second = counts.documents_per_second();
        let RunCounts {
            selected,
            indexed,
            failed,
            skipped,
            bytes,
            pages,
            ocr_pages,
            seconds,
            deferred: _,
            kept_pages,
            digital,
            ocr,
            stopped_detail,
        } = counts;
        Self {
            run_id,
            selected,
            indexed,
            failed,
            skipped,
            remaining,
            bytes,
            pages,
            ocr_pages,
            digital,
            ocr,
            seconds,
            documents_per_second,
            peak_rss_bytes: peak_of_tree_bytes(),
            stopped_by: stop.as_ref().map(|reason| reason.as_str().to_owned()),
            stopped_detail,
            kept_pages,
            stop,
        }
    }

    /// Failures of all codes.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// The exit status that this run deserves.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match &self.stop {
            Some(reason) if *reason != StopReason::OutOfTime => reason.exit_code(),
            _ if !self.failed.is_empty() => 3,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_say_how_it_ended() {
        let report = |stop, failed: u64| {
            let mut counts = RunCounts { selected: 5, indexed: 3, ..RunCounts::default() };
            if failed > 0 {
                counts.failed.insert("NEEDS_OCR".into(), failed);
            }
            Report::new(RunId::new(), counts, 0, stop).exit_code()
        };
        assert_eq!(report(None, 0), 0);
        assert_eq!(report(None, 2), 3);
        assert_eq!(report(Some(StopReason::Signal(2)), 2), 130);
        assert_eq!(report(Some(StopReason::Signal(15)), 0), 143);
        assert_eq!(report(Some(StopReason::DependencyDown("index".into())), 1), 4);
        assert_eq!(report(Some(StopReason::LeaseLost), 0), 4);
        assert_eq!(report(Some(StopReason::Internal("defect".into())), 0), 1);
        assert_eq!((report(Some(StopReason::OutOfTime), 0), report(Some(StopReason::OutOfTime), 1)), (0, 3));
    }
}
