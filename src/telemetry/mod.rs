//! Typed events: one event is the log line, the count and the progress. Nothing else logs.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::gazette::{Lane, RunId};

mod container;
mod counts;
mod curve;
mod event;
mod export;
mod exposition;
mod histogram;
mod live;
mod log;
mod log_file;
mod memory;
mod operations;
mod progress;
mod slots;
mod stage;
mod tracker;
mod web;

pub use container::{memory_limit, memory_of_machine};
pub use counts::{LaneCounts, RunCounts};
pub use event::Event;
pub use export::{Collector, ListenError, Listener, Pushgateway, Spans, Textfile, TraceOfRun, loopback_unless_said};
pub use exposition::{Backlog, Exposed, exposition};
pub use histogram::{DOCUMENTS, Histogram, SECONDS};
pub use live::{
    Breaker, BreakerState, Bulks, Connections, InFlight, Live, MemoryUse, Permit, Permits, Rates, RecentScans, Sample,
    StageUse,
};
pub use log::{Lines, install, set_level, wants_colours, with_causes};
pub use log_file::LogFile;
pub use memory::{OwnStatus, TreeMemory, peak_of_tree_bytes, resident_bytes_of, sample_processes, sample_tree};
use progress::Progress;
pub use progress::{duration, glance};
pub use stage::Stage;
use tracker::Tracker;
pub(crate) use tracker::shortened;
pub use web::request_failed;

/// A progress line every so many finished gazettes, where there is no terminal.
const PROGRESS_EVERY: u64 = 10;
/// And after so long without one.
const PROGRESS_AFTER: Duration = Duration::from_secs(30);

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
    tracker: Mutex<Tracker>,
    /// Where traces go, when they are wanted.
    spans: OnceLock<Spans>,
    progress: Progress,
    last_line: Mutex<Instant>,
}

impl Telemetry {
    /// For one run, which starts now. A bar is drawn when standard error is a terminal.
    #[must_use]
    pub fn new(run: RunId) -> Self {
        let progress = Progress::new(std::io::stderr().is_terminal());
        let started = Instant::now();
        let lane = Mutex::new((Lane::default(), started));
        let tracker = Mutex::new(Tracker::new(started));
        let (counts, spans, last_line) = (Mutex::default(), OnceLock::new(), Mutex::new(started));
        Self { shared: Arc::new(Shared { run, started, counts, lane, tracker, spans, progress, last_line }) }
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
        let documents = {
            let mut counts = self.lock();
            counts.add(lane, event);
            counts.finished() + counts.deferred
        };
        let now = Instant::now();
        let passed = self.tracker().observe(event, documents, now);
        if let (Some(passed), Some(spans)) = (passed, self.shared.spans.get()) {
            spans.put(passed.gazette, passed.stage, passed.began, now, event.failure_code());
        }
        log::write(self.shared.run, event);
        match event {
            Event::FilesCompared { files } => {
                self.shared.progress.prepare(*files);
                if !self.shared.progress.is_bar() && self.is_time_for_a_line(event, lane) {
                    log::write_compared(self.shared.run, *files);
                }
            }
            Event::FolderRegistered { new, changed, unchanged, .. } => {
                self.shared.progress.prepare(new + changed + unchanged);
            }
            _ => {}
        }
        let seen = matches!(
            event,
            Event::PageRecognized { .. } | Event::PageRemembered { .. } | Event::LaneBegun { .. } | Event::Sampled(_)
        );
        if event.finishes_a_gazette() || seen {
            self.shared.progress.show(|| self.live());
            if !self.shared.progress.is_bar() && self.is_time_for_a_line(event, lane) {
                log::write_progress(self.shared.run, &self.live());
            }
        }
    }

    /// Every so many gazettes, and when none was finished for so long.
    fn is_time_for_a_line(&self, event: &Event<'_>, lane: Lane) -> bool {
        let done = self.lock().lane(lane).gazettes;
        let mut last = self.shared.last_line.lock().unwrap_or_else(PoisonError::into_inner);
        let due = match event {
            Event::Sampled(_) | Event::FilesCompared { .. } => last.elapsed() >= PROGRESS_AFTER,
            _ => event.finishes_a_gazette() && done.is_multiple_of(PROGRESS_EVERY),
        };
        if due {
            *last = Instant::now();
        }
        due
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

    /// Has the stages of every gazette put into `spans` from now on. A second call changes nothing.
    pub fn trace(&self, spans: Spans) {
        let _ = self.shared.spans.set(spans);
    }

    /// Spans that were lost; `None` when there are no traces.
    #[must_use]
    pub fn dropped_spans(&self) -> Option<u64> {
        self.shared.spans.get().map(Spans::dropped)
    }

    /// What is to be seen of the run now.
    #[must_use]
    pub fn live(&self) -> Live {
        let (lane, counts) = (self.lane().0, self.counts());
        self.tracker().live(lane, counts, Instant::now())
    }

    /// Seconds that each stage took of a gazette that has no outcome yet.
    #[must_use]
    pub fn timings(&self, gazette: crate::gazette::GazetteId) -> std::collections::BTreeMap<Stage, f32> {
        self.tracker().timings(gazette, Instant::now())
    }

    /// Another number whenever [`Telemetry::live`] would show more than the passing of time.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.tracker().version
    }

    /// Takes the bar off the terminal.
    pub fn close(&self) {
        self.shared.progress.close();
    }

    fn tracker(&self) -> std::sync::MutexGuard<'_, Tracker> {
        // As below.
        self.shared.tracker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, RunCounts> {
        // A panic while counting leaves numbers behind, not a broken invariant.
        self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
