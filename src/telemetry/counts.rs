//! The numbers of a run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Event;

/// Counts of a run, stored as JSON in `prelo_runs.counts` and printed in its report.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunCounts {
    /// Gazettes that the run's selection held when it was counted, at the start.
    pub selected: u64,
    pub indexed: u64,
    /// By failure code.
    pub failed: BTreeMap<String, u64>,
    /// Held by somebody else, deleted meanwhile, or given back.
    pub skipped: u64,
    /// Bytes of the files that were indexed.
    pub bytes: u64,
    pub pages: u64,
    pub ocr_pages: u64,
    /// Wall-clock seconds of the run.
    pub seconds: f64,
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
        #[allow(clippy::cast_precision_loss)] // a rate for people
        let finished = self.finished() as f64;
        if self.seconds > 0.0 { finished / self.seconds } else { 0.0 }
    }

    /// Seconds until the selection is done at the rate so far; `None` before anything is.
    #[must_use]
    pub fn seconds_left(&self) -> Option<f64> {
        let rate = self.documents_per_second();
        #[allow(clippy::cast_precision_loss)]
        let left = self.selected.saturating_sub(self.finished() + self.skipped) as f64;
        (rate > 0.0).then(|| left / rate)
    }

    pub(super) fn add(&mut self, event: &Event<'_>) {
        match event {
            Event::RunStarted { selected, .. } => self.selected = *selected,
            Event::Indexed { bytes, pages, ocr_pages, .. } => {
                self.indexed += 1;
                self.bytes += bytes;
                self.pages += u64::from(*pages);
                self.ocr_pages += u64::from(*ocr_pages);
            }
            Event::Failed { failure, .. } => {
                *self.failed.entry(failure.code.as_str().to_owned()).or_default() += 1;
            }
            Event::ClaimMissed { .. } | Event::Released { .. } | Event::ClaimLost { .. } => self.skipped += 1,
            _ => {}
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
        let failure = Failure::new(FailureCode::NeedsOcr, "no text");
        counts.add(&Event::RunStarted { selection: "", selected: 5, recovered: 0, memory_budget_bytes: 0 });
        counts.add(&Event::Indexed { gazette: GazetteId(1), bytes: 10, pages: 2, ocr_pages: 1 });
        counts.add(&Event::Failed { gazette: GazetteId(2), key: "a.pdf", failure: &failure });
        counts.add(&Event::Released { gazette: GazetteId(3) });
        assert_eq!((counts.indexed, counts.failures(), counts.skipped, counts.finished()), (1, 1, 1, 2));
        assert_eq!((counts.bytes, counts.pages, counts.ocr_pages), (10, 2, 1));
        assert_eq!(counts.seconds_left(), None);
        counts.seconds = 4.0;
        assert_eq!(counts.seconds_left(), Some(4.0), "two of five are left at half a document a second");
    }
}
