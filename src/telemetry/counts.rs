//! The numbers of a run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Event;
use crate::gazette::Lane;

/// Counts of a run, stored as JSON in `prelo_runs.counts` and printed in its report.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunCounts {
    /// Gazettes that the run's selection held when it was counted, at the start.
    pub selected: u64,
    pub indexed: u64,
    /// By failure code.
    pub failed: BTreeMap<String, u64>,
    /// Held by somebody else, deleted meanwhile, or given back; not those that were indexed without their scans before.
    pub skipped: u64,
    /// Bytes of the files that were indexed.
    pub bytes: u64,
    pub pages: u64,
    pub ocr_pages: u64,
    /// Wall-clock seconds of the run.
    pub seconds: f64,
    /// Gazettes put off until their scans are read, and not read yet.
    pub deferred: u64,
    /// Pages of scans that the end of the run has cut off: they need not be read again.
    pub kept_pages: u64,
    pub digital: LaneCounts,
    pub ocr: LaneCounts,
    /// Which service could not be used and why, or which defect ended it; `None` of other ends. Shortened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_detail: Option<String>,
}

/// The numbers of one lane.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LaneCounts {
    /// What it held when it began.
    pub selected: u64,
    /// The same in pages, without those that turned out to be known.
    pub selected_pages: u64,
    /// Gazettes that it is done with, the put off ones included.
    pub gazettes: u64,
    /// Pages read; in the OCR lane, those that the engine has read.
    pub pages: u64,
    /// Wall-clock seconds.
    pub seconds: f64,
}

impl LaneCounts {
    /// Seconds until it is done at the rate so far; `None` before anything is. Pages tell more where they are known.
    #[must_use]
    pub fn seconds_left(&self) -> Option<f64> {
        let (done, all) =
            if self.selected_pages > 0 { (self.pages, self.selected_pages) } else { (self.gazettes, self.selected) };
        let rate = rate(done, self.seconds);
        #[allow(clippy::cast_precision_loss)] // a time for people
        let left = all.saturating_sub(done) as f64;
        (rate > 0.0).then(|| left / rate)
    }

    #[must_use]
    pub fn gazettes_per_second(&self) -> f64 {
        rate(self.gazettes, self.seconds)
    }

    #[must_use]
    pub fn pages_per_second(&self) -> f64 {
        rate(self.pages, self.seconds)
    }
}

/// So many a second; 0 before the first moment has passed.
fn rate(count: u64, seconds: f64) -> f64 {
    #[allow(clippy::cast_precision_loss)] // a rate for people
    let count = count as f64;
    if seconds > 0.0 { count / seconds } else { 0.0 }
}

impl RunCounts {
    /// Failures of all codes.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Gazettes with an outcome.
    #[must_use]
    pub fn finished(&self) -> u64 {
        self.indexed + self.failures()
    }

    /// Gazettes with an outcome per second; 0 before the first moment has passed.
    #[must_use]
    pub fn documents_per_second(&self) -> f64 {
        rate(self.finished(), self.seconds)
    }

    /// The counts of a lane.
    #[must_use]
    pub fn lane(&self, lane: Lane) -> &LaneCounts {
        match lane {
            Lane::Digital => &self.digital,
            Lane::Ocr => &self.ocr,
        }
    }

    pub(super) fn lane_mut(&mut self, lane: Lane) -> &mut LaneCounts {
        match lane {
            Lane::Digital => &mut self.digital,
            Lane::Ocr => &mut self.ocr,
        }
    }

    /// Counts what happens in a lane.
    pub(super) fn add(&mut self, lane: Lane, event: &Event<'_>) {
        match event {
            Event::RunStarted { selected, .. } => self.selected = *selected,
            Event::LaneBegun { lane, gazettes, pages } => {
                let counts = self.lane_mut(*lane);
                (counts.selected, counts.selected_pages) = (*gazettes, *pages);
            }
            Event::Indexed { bytes, pages, ocr_pages, again, .. } => {
                if !again {
                    self.indexed += 1;
                    self.bytes += bytes;
                    self.pages += u64::from(*pages);
                }
                self.ocr_pages += u64::from(*ocr_pages);
                if lane == Lane::Digital {
                    self.digital.pages += u64::from(*pages);
                }
                self.done_with(lane);
            }
            Event::Failed { failure, again, .. } => {
                *self.failed.entry(failure.code.as_str().to_owned()).or_default() += 1;
                // It keeps its document; what counts is the last outcome.
                self.indexed -= u64::from(*again);
                self.done_with(lane);
            }
            Event::Deferred { .. } => {
                self.deferred += 1;
                self.digital.gazettes += 1;
            }
            Event::PageRecognized { .. } => self.ocr.pages += 1,
            Event::Interrupted { pages, .. } => self.kept_pages += u64::from(*pages),
            Event::PageRemembered { was_due, .. } => {
                self.ocr.selected_pages = self.ocr.selected_pages.saturating_sub(u64::from(*was_due));
            }
            // Without its scans it was indexed, and is counted there.
            Event::Released { again: true, .. } | Event::ClaimLost { again: true, .. } => {}
            Event::ClaimMissed { .. } | Event::Released { .. } | Event::ClaimLost { .. } => self.skipped += 1,
            _ => {}
        }
    }

    fn done_with(&mut self, lane: Lane) {
        self.lane_mut(lane).gazettes += 1;
        if lane == Lane::Ocr {
            self.deferred = self.deferred.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{Failure, FailureCode};
    use crate::gazette::GazetteId;

    #[test]
    fn outcomes_are_counted_once_each() {
        let mut counts = RunCounts::default();
        let failure = Failure::new(FailureCode::NotFound, "404");
        let indexed =
            |id, ocr_pages, again| Event::Indexed { gazette: GazetteId(id), bytes: 10, pages: 2, ocr_pages, again };
        for event in [
            Event::RunStarted { selected: 6, recovered: 0, selection: "", memory_budget_bytes: 0 },
            Event::LaneBegun { lane: Lane::Digital, gazettes: 6, pages: 0 },
            indexed(1, 0, false),
            Event::Failed { gazette: GazetteId(2), key: "a.pdf", failure: &failure, again: false },
            Event::Released { gazette: GazetteId(3), again: false },
            Event::Deferred { gazette: GazetteId(4), scans: 3 },
        ] {
            counts.add(Lane::Digital, &event);
        }
        assert_eq!((counts.indexed, counts.failures(), counts.skipped, counts.finished()), (1, 1, 1, 2));
        assert_eq!((counts.bytes, counts.pages, counts.ocr_pages, counts.deferred), (10, 2, 0, 1));
        counts.digital.seconds = 4.0;
        assert_eq!(counts.digital.seconds_left(), Some(4.0), "three of six are left at three in four seconds");

        for event in [
            Event::LaneBegun { lane: Lane::Ocr, gazettes: 2, pages: 5 },
            Event::PageRemembered { gazette: GazetteId(4), was_due: true },
            Event::PageRemembered { gazette: GazetteId(4), was_due: false },
            Event::PageRecognized { gazette: GazetteId(4), elapsed: std::time::Duration::ZERO },
            indexed(4, 1, false),
            indexed(1, 1, true),
        ] {
            counts.add(Lane::Ocr, &event);
        }
        assert_eq!((counts.indexed, counts.pages, counts.ocr_pages, counts.deferred), (2, 4, 2, 0));
        counts.ocr.seconds = 2.0;
        assert_eq!(counts.ocr.seconds_left(), Some(6.0), "three pages of four are left at half a page a second");
        counts.add(Lane::Ocr, &Event::Failed { gazette: GazetteId(1), key: "b.pdf", failure: &failure, again: true });
        assert_eq!((counts.indexed, counts.failures(), counts.finished()), (1, 2, 3));

        // The run ends before the scans of what it has indexed are read.
        counts.add(Lane::Ocr, &Event::Released { gazette: GazetteId(4), again: true });
        counts.add(Lane::Ocr, &Event::ClaimLost { gazette: GazetteId(4), again: true });
        assert_eq!((counts.indexed, counts.skipped), (1, 1), "a gazette is counted once");
    }
}
