//! Why and how a run ends before its work does.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use serde::Serialize;
use tokio::sync::watch;

/// What ended a run early.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// SIGINT (2) or SIGTERM (15).
    Signal(i32),
    /// One of the three services cannot be used; nothing was marked that should not be.
    DependencyDown(String),
    /// Another run took this run's lease over.
    LeaseLost,
    /// The time that the run was given would not be enough for more.
    OutOfTime,
    /// A defect of prelo.
    Internal(String),
}

impl StopReason {
    /// One word for reports and `prelo_runs.stopped_by`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Signal(2) => "sigint",
            Self::Signal(_) => "sigterm",
            Self::DependencyDown(_) => "dependency_down",
            Self::LeaseLost => "lease_lost",
            Self::OutOfTime => "out_of_time",
            Self::Internal(_) => "internal",
        }
    }

    /// What stands behind it, where a word does not say all.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::DependencyDown(detail) | Self::Internal(detail) => Some(detail),
            Self::Signal(_) | Self::LeaseLost | Self::OutOfTime => None,
        }
    }

    /// The exit status of what was ended so.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Signal(2) => 130,
            Self::Signal(_) => 143,
            Self::DependencyDown(_) | Self::LeaseLost => 4,
            Self::Internal(_) => 1,
            // As it was wanted.
            Self::OutOfTime => 0,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Running,
    /// No new claims; what is in flight is finished.
    Draining(StopReason),
    /// What is in flight is given up, too.
    Immediate(StopReason),
}

/// The switch that every stage listens to. Clones share it.
#[derive(Debug, Clone)]
pub struct Shutdown {
    phase: watch::Sender<Phase>,
    deadline: Arc<OnceLock<Instant>>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { phase: watch::Sender::new(Phase::Running), deadline: Arc::default() }
    }
}

impl Shutdown {
    /// Work is to be done by then. The first moment stands.
    pub fn end_by(&self, deadline: Instant) {
        let _ = self.deadline.set(deadline);
    }

    /// When work is to be done, if that was said.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline.get().copied()
    }

    /// Stops claiming and lets the rest drain. The first reason stands; a later one changes nothing.
    pub fn drain(&self, reason: StopReason) {
        self.phase.send_if_modified(|phase| {
            let first = *phase == Phase::Running;
            if first {
                *phase = Phase::Draining(reason);
            }
            first
        });
    }

    /// Gives up at once. An earlier reason stands.
    pub fn now(&self, reason: StopReason) {
        self.phase.send_if_modified(|phase| {
            let next = match std::mem::take(phase) {
                Phase::Running => reason,
                Phase::Draining(earlier) | Phase::Immediate(earlier) => earlier,
            };
            *phase = Phase::Immediate(next);
            true
        });
    }

    /// Whether new work may still be claimed.
    #[must_use]
    pub fn is_running(&self) -> bool {
        *self.phase.borrow() == Phase::Running
    }

    /// Why it stopped, if it did.
    #[must_use]
    pub fn reason(&self) -> Option<StopReason> {
        match &*self.phase.borrow() {
            Phase::Running => None,
            Phase::Draining(reason) | Phase::Immediate(reason) => Some(reason.clone()),
        }
    }

    /// Resolves when claiming has to end.
    pub async fn draining(&self) {
        let mut receiver = self.phase.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = receiver.wait_for(|phase| *phase != Phase::Running).await;
    }

    /// Resolves when everything has to end.
    pub async fn immediate(&self) {
        let mut receiver = self.phase.subscribe();
        let _ = receiver.wait_for(|phase| matches!(phase, Phase::Immediate(_))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_stands() {
        let shutdown = Shutdown::default();
        assert!(shutdown.is_running());
        shutdown.drain(StopReason::Signal(15));
        shutdown.drain(StopReason::LeaseLost);
        shutdown.draining().await;
        assert_eq!(shutdown.reason(), Some(StopReason::Signal(15)));
        shutdown.now(StopReason::Signal(2));
        shutdown.immediate().await;
        assert_eq!(shutdown.reason(), Some(StopReason::Signal(15)));
    }
}
