//! The bar on a terminal.

use std::sync::Once;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{RunCounts, log, memory};
use crate::gazette::Lane;

/// A bar, or nothing where there is no terminal.
#[derive(Debug)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    visible: Once,
}

impl Progress {
    pub(super) fn new(terminal: bool) -> Self {
        let bar = terminal.then(|| {
            let bar = log::bar().clone();
            if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len}  {msg}") {
                bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
            }
            bar
        });
        Self { bar, visible: Once::new() }
    }

    pub(super) fn is_bar(&self) -> bool {
        self.bar.is_some()
    }

    pub(super) fn show(&self, lane: Lane, counts: &RunCounts) {
        if let Some(bar) = &self.bar {
            self.visible.call_once(|| bar.set_draw_target(ProgressDrawTarget::stderr()));
            let of_lane = counts.lane(lane);
            let (done, all) = match lane {
                Lane::Digital => (of_lane.gazettes, of_lane.selected),
                Lane::Ocr => (of_lane.pages, of_lane.selected_pages),
            };
            bar.set_prefix(match lane {
                Lane::Digital => "text",
                Lane::Ocr => "OCR ",
            });
            bar.set_length(all.max(done));
            bar.set_position(done);
            bar.set_message(message(lane, counts, memory::sample_tree().resident));
        }
    }

    pub(super) fn close(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn message(lane: Lane, counts: &RunCounts, resident_bytes: u64) -> String {
    let failed = match counts.failures() {
        0 => String::new(),
        n => format!("  {n} failed"),
    };
    let waiting = match counts.deferred {
        0 => String::new(),
        n => format!("  {n} scans wait"),
    };
    let of_lane = counts.lane(lane);
    let rate = match lane {
        Lane::Digital => format!("{:.1} docs/s", of_lane.gazettes_per_second()),
        Lane::Ocr => format!("{:.2} pages/s", of_lane.pages_per_second()),
    };
    let left = of_lane.seconds_left().map_or_else(String::new, |seconds| format!("  {} left", duration(seconds)));
    let mib = resident_bytes / (1024 * 1024);
    format!("{rate}  {mib} MiB{left}{waiting}{failed}")
}

/// `4.2s`, `45s`, `3m 05s`, `2h 07m`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{:.1}s", seconds.max(0.0));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive, and far below 2^63
    let seconds = seconds.round() as u64;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::super::LaneCounts;
    use super::*;

    #[test]
    fn durations_read_like_durations() {
        for (seconds, text) in [(0.2, "0.2s"), (59.4, "59s"), (185.0, "3m 05s"), (7620.0, "2h 07m"), (-1.0, "0.0s")] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn the_message_tells_rate_memory_time_and_failures() {
        let digital = LaneCounts { selected: 100, gazettes: 40, seconds: 20.0, ..LaneCounts::default() };
        let ocr = LaneCounts { selected: 3, selected_pages: 12, pages: 2, seconds: 4.0, ..LaneCounts::default() };
        let mut counts = RunCounts { digital, ocr, ..RunCounts::default() };
        assert_eq!(message(Lane::Digital, &counts, 64 * 1024 * 1024), "2.0 docs/s  64 MiB  30s left");
        counts.failed.insert("NOT_FOUND".into(), 10);
        counts.deferred = 3;
        assert_eq!(message(Lane::Ocr, &counts, 0), "0.50 pages/s  0 MiB  20s left  3 scans wait  10 failed");
    }
}
