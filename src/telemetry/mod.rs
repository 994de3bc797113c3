//! Typed events: one event is the log line, the count and the progress. Nothing else logs.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::gazette::{Lane, RunId};

mod container;
mod counts;
mod event;
mod log;
mod log_file;
mod memory;
mod progress;

pub use container::memory_limit;
pub use counts::{LaneCounts, RunCounts};
pub use event::Event;
pub use log::{Lines, install, set_level, with_causes};
pub use log_file::LogFile;
pub use memory::{OwnStatus, TreeMemory, peak_of_tree_bytes, resident_bytes_of, sample_tree};
use progress::Progress;
pub use progress::duration;

/// A progress line every so many finished gazettes, where there is no terminal.
const PROGRESS_EVERY: u64 = 10;

/// Takes every event of one run. Clones share counts and progress.
#[derive(Debug, Clone)]
pub struct Telemetry {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    run: RunId,
    started: Instant,
    counts: Mutex<RunCounts>,
    lane: Mutex<(Lane, Instant)>,
    progress: Progress,
}

impl Telemetry {
    /// For one run, which starts now. A bar is drawn when standard error is a terminal.
    #[must_use]
    pub fn new(run: RunId) -> Self {
        let progress = Progress::new(std::io::stderr().is_terminal());
        let started = Instant::now();
        let lane = Mutex::new((Lane::default(), started));
        Self { shared: Arc::new(Shared { run, started, counts: Mutex::default(), lane, progress }) }
    }

    /// The run that every line of the log names.
    #[must_use]
    pub fn run(&self) -> RunId {
        self.shared.run
    }

    /// Logs the event, counts it, and moves the progress on.
    pub fn emit(&self, event: &Event<'_>) {
        if let Event::LaneBegun { lane, .. } = event {
            self.change_lane(*lane);
        }
        let lane = self.lane().0;
        self.lock().add(lane, event);
        log::write(self.shared.run, event);
        if event.finishes_a_gazette() || matches!(event, Event::PageRecognized { .. } | Event::LaneBegun { .. }) {
            let counts = self.counts();
            self.shared.progress.show(lane, &counts);
            let done = counts.lane(lane).gazettes;
            if event.finishes_a_gazette() && done.is_multiple_of(PROGRESS_EVERY) && !self.shared.progress.is_bar() {
                log::write_progress(self.shared.run, lane, &counts);
            }
        }
    }

    fn change_lane(&self, lane: Lane) {
        let mut current = self.shared.lane.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = current.1.elapsed().as_secs_f64();
        self.lock().lane_mut(current.0).seconds = seconds;
        *current = (lane, Instant::now());
    }

    fn lane(&self) -> (Lane, Instant) {
        *self.shared.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has been counted so far, with the seconds since the start.
    #[must_use]
    pub fn counts(&self) -> RunCounts {
        let (lane, since) = self.lane();
        let mut counts = self.lock().clone();
        counts.seconds = self.shared.started.elapsed().as_secs_f64();
        counts.lane_mut(lane).seconds = since.elapsed().as_secs_f64();
        counts
    }

    /// Takes the bar off the terminal.
    pub fn close(&self) {
        self.shared.progress.close();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, RunCounts> {
        // A panic while counting leaves numbers behind, not a broken invariant.
        self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
