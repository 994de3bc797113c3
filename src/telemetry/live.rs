//! What is to be seen of a run while it runs, and after it: for the terminal, the dashboard and the metrics. It is stored
//! as JSON in `prelo_runs.live`, so that another process, or another machine, can show it. All of it is bounded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Histogram, RunCounts, Stage};
use crate::gazette::{GazetteId, Lane};

/// A run at one moment. What an older or newer version does not know has its default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Live {
    pub lane: Lane,
    /// With the seconds since the run began.
    pub counts: RunCounts,
    /// Of the last half minute.
    pub recent: Rates,
    pub memory: MemoryUse,
    /// Documents that may be read at once now; 0 before the first is.
    pub readers: u32,
    pub stages: BTreeMap<Stage, StageUse>,
    /// Gazettes that are claimed and have no outcome yet.
    pub in_flight: u64,
    /// Those among them that were claimed first.
    pub longest: Vec<InFlight>,
    /// By service: `catalog`, `storage`, `index`.
    pub breakers: BTreeMap<String, Breaker>,
    /// Calls that were made again, by what they were to do.
    pub retries: BTreeMap<String, u64>,
    pub bulks: Bulks,
    pub permits: Permits,
    pub connections: Connections,
    /// Bytes of files that were fetched.
    pub downloaded_bytes: u64,
    pub scans: RecentScans,
    /// Until the run has to be done, where that was said.
    pub seconds_to_end: Option<f64>,
    /// Why nothing is claimed any more, while what is in flight is finished.
    pub stopping: Option<String>,
}

impl Live {
    /// The same run when it is over: what it did stays, what it held is free. Its breakers stay as it left them: of a service
    /// that ended it, nobody knows more until the next run.
    #[must_use]
    pub fn at_rest(&self) -> Self {
        let mut rest = self.clone();
        (rest.in_flight, rest.longest, rest.readers) = (0, Vec::new(), 0);
        (rest.recent, rest.seconds_to_end, rest.stopping) = (Rates::default(), None, None);
        for stage in rest.stages.values_mut() {
            (stage.working, stage.waiting) = (0, 0);
        }
        let memory = &mut rest.memory;
        (memory.resident_bytes, memory.held_bytes, memory.own_bytes) = (0, 0, 0);
        memory.children_bytes.fill(0);
        (rest.permits.texts.taken_bytes, rest.permits.spool.taken_bytes) = (0, 0);
        (rest.connections.used, rest.connections.idle) = (0, 0);
        rest
    }
}

/// So many a second.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Rates {
    /// Gazettes with an outcome.
    pub documents: f64,
    /// Bytes of files that were fetched.
    pub bytes: f64,
    /// Pages that have got their text, from the file or by OCR.
    pub pages: f64,
}

/// How long the last pages took that OCR has read: 32 at most.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RecentScans {
    pub pages: u32,
    pub mean_seconds: f64,
    pub longest_seconds: f64,
}

/// Memory of the process tree, in bytes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MemoryUse {
    pub resident_bytes: u64,
    /// Of that, what no file stands behind.
    pub held_bytes: u64,
    pub peak_bytes: u64,
    /// `memory_budget_mb`; 0 when it is not known yet.
    pub bound_bytes: u64,
    /// Of prelo itself.
    pub own_bytes: u64,
    /// Of its children with what is below them, by a number that a child keeps while it lives.
    pub children_bytes: Vec<u64>,
    /// Seconds since the start and resident bytes: at most 240 points, each the largest since the one before.
    pub over_time: Vec<(u32, u64)>,
}

/// How one stage is doing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StageUse {
    /// Gazettes that are in it now.
    pub working: u64,
    /// Gazettes that wait for it.
    pub waiting: u64,
    /// How long it took, in seconds; its bounds are [`super::SECONDS`]. Of the index, one value is one bulk.
    pub seconds: Histogram,
}

/// A gazette without an outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InFlight {
    pub id: GazetteId,
    /// Of its file.
    pub key: String,
    pub stage: Stage,
    /// It waits for its stage.
    pub waiting: bool,
    /// Since it was claimed.
    pub seconds: f64,
    /// Since it is where it is.
    pub seconds_in_stage: f64,
}

/// Whether a service is called.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Breaker {
    pub state: BreakerState,
    /// Nothing is known of the service: it has answered no call of this run yet.
    pub is_untried: bool,
    /// How often it opened.
    pub openings: u64,
    /// What it opened for last.
    pub error: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// All is well.
    #[default]
    Closed,
    /// One call finds out whether the service is back.
    HalfOpen,
    /// It is not called.
    Open,
}

impl BreakerState {
    pub const ALL: [Self; 3] = [Self::Closed, Self::HalfOpen, Self::Open];

    /// The word in labels of metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// What was sent to the index.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Bulks {
    /// In documents; its bounds are [`super::DOCUMENTS`].
    pub documents: Histogram,
    pub acknowledged: u64,
    pub rejected: u64,
    pub resent: u64,
    /// Bulks that were sent in halves.
    pub split: u64,
}

/// What may be taken, and what is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Permits {
    /// Memory for texts on their way.
    pub texts: Permit,
    /// Room in the spool.
    pub spool: Permit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Permit {
    pub taken_bytes: u64,
    pub limit_bytes: u64,
}

/// Connections to the database of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Connections {
    pub used: u32,
    pub idle: u32,
    pub limit: u32,
}

/// What is looked at twice a second.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    pub tree: super::TreeMemory,
    /// Resident bytes of prelo itself.
    pub own_bytes: u64,
    /// Process id and resident bytes of each child with what is below it.
    pub children: Vec<(u32, u64)>,
    pub readers: u32,
    pub permits: Permits,
    pub connections: Connections,
}
