//! Whether a service may be called: a pure state machine. Time is passed in, nothing here waits.
//!
//! ```text
//!            failures in a row                 its wait is over
//!   closed ───────────────────▶ open ◀──────────────────────▶ half open
//!      ▲                          │      the trial failed          │
//!      └──────────────────────────┼────────────────────────────────┘  the trial succeeded
//!                                 ▼
//!                             given up, when the patience is over; nothing leads out of it
//! ```

use std::time::{Duration, Instant};

/// What a breaker is told once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Failures in a row that open it; at least 1.
    pub failures: u32,
    /// First wait before a trial; doubled after each trial that fails.
    pub min_wait: Duration,
    /// No wait is longer.
    pub max_wait: Duration,
    /// Open for so long without a success, it is given up.
    pub patience: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { since: Instant, until: Instant, wait: Duration },
    HalfOpen { since: Instant, wait: Duration, on_trial: bool },
    GivenUp,
}

/// Whether a call may go now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Yes,
    /// This one alone, to see whether the service is back.
    Trial,
    NotNow,
    /// Never again in this run.
    Never,
}

/// What happened to the breaker, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It opens for the first time since it was closed.
    Opened,
    HalfOpened,
    /// The trial failed: it waits longer.
    Reopened,
    /// After so long.
    Closed(Duration),
    /// After so long.
    GivenUp(Duration),
}

#[derive(Debug)]
pub(super) struct Breaker {
    bounds: Bounds,
    state: State,
}

impl Breaker {
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, state: State::Closed { failures: 0 } }
    }

    /// Asks to call. Who is answered [`Admission::Trial`] has to tell how it went, or that it was [`Self::abandoned`].
    pub fn admit(&mut self) -> Admission {
        match &mut self.state {
            State::Closed { .. } => Admission::Yes,
            State::HalfOpen { on_trial: on_trial @ false, .. } => {
                *on_trial = true;
                Admission::Trial
            }
            State::HalfOpen { .. } | State::Open { .. } => Admission::NotNow,
            State::GivenUp => Admission::Never,
        }
    }

    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    pub fn is_given_up(&self) -> bool {
        self.state == State::GivenUp
    }

    /// A trial waits for somebody to make it.
    pub fn wants_trial(&self) -> bool {
        matches!(self.state, State::HalfOpen { on_trial: false, .. })
    }

    /// Whether one more failure would open it, or keep it from closing: worth a second look when the failure may be
    /// the fault of what was asked for.
    pub fn is_decisive(&self) -> bool {
        match self.state {
            State::Closed { failures } => failures + 1 >= self.bounds.failures,
            State::HalfOpen { .. } => true,
            State::Open { .. } | State::GivenUp => false,
        }
    }

    /// The service answered, whatever it said. An answer to a call that began before it opened counts as well.
    pub fn succeeded(&mut self, now: Instant) -> Option<Change> {
        match self.state {
            State::Closed { .. } => {
                self.state = State::Closed { failures: 0 };
                None
            }
            State::Open { since, .. } | State::HalfOpen { since, .. } => {
                self.state = State::Closed { failures: 0 };
                Some(Change::Closed(now.saturating_duration_since(since)))
            }
            State::GivenUp => None,
        }
    }

    /// The service did not answer properly.
    pub fn failed(&mut self, now: Instant) -> Option<Change> {
        match self.state {
            State::Closed { failures } if failures + 1 >= self.bounds.failures => self.tripped(now),
            State::Closed { failures } => {
                self.state = State::Closed { failures: failures + 1 };
                None
            }
            State::HalfOpen { since, wait, .. } => {
                let wait = (wait * 2).min(self.bounds.max_wait);
                self.state = State::Open { since, until: now + wait, wait };
                Some(Change::Reopened)
            }
            // Of a call that began before it opened: known already.
            State::Open { .. } | State::GivenUp => None,
        }
    }

    /// The service is known to be down, however few failures there were.
    pub fn tripped(&mut self, now: Instant) -> Option<Change> {
        let State::Closed { .. } = self.state else { return None };
        let wait = self.bounds.min_wait;
        self.state = State::Open { since: now, until: now + wait, wait };
        Some(Change::Opened)
    }

    /// The trial ended without an answer: the next one who asks makes it.
    pub fn abandoned(&mut self) {
        if let State::HalfOpen { on_trial, .. } = &mut self.state {
            *on_trial = false;
        }
    }

    /// When [`Self::elapsed`] has to be called; `None` while nothing depends on time.
    pub fn due(&self) -> Option<Instant> {
        match self.state {
            State::Open { since, until, .. } => Some(until.min(since + self.bounds.patience)),
            State::HalfOpen { since, .. } => Some(since + self.bounds.patience),
            State::Closed { .. } | State::GivenUp => None,
        }
    }

    /// Time has passed.
    pub fn elapsed(&mut self, now: Instant) -> Option<Change> {
        let (State::Open { since, .. } | State::HalfOpen { since, .. }) = self.state else { return None };
        let down = now.saturating_duration_since(since);
        if down >= self.bounds.patience {
            self.state = State::GivenUp;
            return Some(Change::GivenUp(down));
        }
        match self.state {
            State::Open { until, wait, .. } if now >= until => {
                self.state = State::HalfOpen { since, wait, on_trial: false };
                Some(Change::HalfOpened)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        failures: 3,
        min_wait: Duration::from_secs(1),
        max_wait: Duration::from_secs(5),
        patience: Duration::from_secs(30),
    };

    /// What is done to a breaker.
    #[derive(Debug, Clone, Copy)]
    enum Do {
        Fail,
        Succeed,
        Trip,
        Elapse,
        Abandon,
        Ask(Admission),
    }
    use Do::*;

    /// Plays steps, each with its second; every change that comes about, with the second.
    fn played(steps: &[(u64, Do)]) -> Vec<(u64, Change)> {
        let start = Instant::now();
        let mut breaker = Breaker::new(BOUNDS);
        let mut changes = Vec::new();
        for (second, step) in steps {
            let now = start + Duration::from_secs(*second);
            let change = match step {
                Fail => breaker.failed(now),
                Succeed => breaker.succeeded(now),
                Trip => breaker.tripped(now),
                Elapse => breaker.elapsed(now),
                Abandon => {
                    breaker.abandoned();
                    None
                }
                Ask(expected) => {
                    assert_eq!(breaker.admit(), *expected, "at {second} of {steps:?}");
                    None
                }
            };
            changes.extend(change.map(|change| (*second, change)));
        }
        changes
    }

    #[test]
    fn table() {
        let seconds = Duration::from_secs;
        let opened = (0, Change::Opened);
        for (steps, expected) in [
            // Only failures in a row open it.
            (&[(0, Fail), (0, Fail), (0, Succeed), (0, Fail), (0, Fail), (0, Ask(Admission::Yes))][..], vec![]),
            (&[(0, Fail), (0, Fail), (0, Fail), (0, Ask(Admission::NotNow))], vec![opened]),
            // Failures of calls that were under way add nothing.
            (&[(0, Trip), (0, Fail), (0, Fail), (0, Trip)], vec![opened]),
            // Nothing happens before its time, and then one may try.
            (
                &[
                    (0, Trip),
                    (0, Elapse),
                    (1, Elapse),
                    (1, Ask(Admission::Trial)),
                    (1, Ask(Admission::NotNow)),
                    (2, Succeed),
                    (2, Ask(Admission::Yes)),
                ],
                vec![opened, (1, Change::HalfOpened), (2, Change::Closed(seconds(2)))],
            ),
            // A trial that fails doubles the wait, up to the longest.
            (
                &[(0, Trip), (1, Elapse), (1, Fail), (2, Elapse), (3, Elapse), (3, Fail), (6, Elapse), (7, Elapse)],
                vec![
                    opened,
                    (1, Change::HalfOpened),
                    (1, Change::Reopened),
                    (3, Change::HalfOpened),
                    (3, Change::Reopened),
                    (7, Change::HalfOpened),
                ],
            ),
            (
                &[(0, Trip), (1, Elapse), (1, Fail), (3, Elapse), (3, Fail), (7, Elapse), (7, Fail), (12, Elapse)],
                vec![
                    opened,
                    (1, Change::HalfOpened),
                    (1, Change::Reopened),
                    (3, Change::HalfOpened),
                    (3, Change::Reopened),
                    (7, Change::HalfOpened),
                    (7, Change::Reopened),
                    (12, Change::HalfOpened),
                ],
            ),
            // A trial that nobody ends is made by another.
            (
                &[(0, Trip), (1, Elapse), (1, Ask(Admission::Trial)), (1, Abandon), (1, Ask(Admission::Trial))],
                vec![opened, (1, Change::HalfOpened)],
            ),
            // A late answer closes it; after that, the wait begins small again.
            (
                &[(0, Trip), (1, Elapse), (1, Fail), (2, Succeed), (5, Trip), (6, Elapse)],
                vec![
                    opened,
                    (1, Change::HalfOpened),
                    (1, Change::Reopened),
                    (2, Change::Closed(seconds(2))),
                    (5, Change::Opened),
                    (6, Change::HalfOpened),
                ],
            ),
            // The patience counts from the first opening, trials or not, and nothing leads back.
            (
                &[
                    (0, Trip),
                    (29, Elapse),
                    (29, Ask(Admission::Trial)),
                    (30, Elapse),
                    (31, Succeed),
                    (31, Ask(Admission::Never)),
                ],
                vec![opened, (29, Change::HalfOpened), (30, Change::GivenUp(seconds(30)))],
            ),
        ] {
            assert_eq!(played(steps), expected, "{steps:?}");
        }
    }

    #[test]
    fn it_says_when_to_look_again() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut breaker = Breaker::new(BOUNDS);
        assert_eq!(breaker.due(), None);
        breaker.tripped(start);
        assert_eq!(breaker.due(), Some(at(1)));
        breaker.elapsed(at(1));
        assert_eq!(breaker.due(), Some(at(30)), "a trial that never ends does not outlast the patience");
        breaker.elapsed(at(30));
        assert_eq!(breaker.due(), None);

        let mut impatient = Breaker::new(Bounds { patience: Duration::ZERO, ..BOUNDS });
        impatient.tripped(start);
        assert_eq!(impatient.due(), Some(start));
        assert_eq!(impatient.elapsed(start), Some(Change::GivenUp(Duration::ZERO)));
    }

    #[test]
    fn the_failure_that_decides_is_known_before() {
        let now = Instant::now();
        let mut breaker = Breaker::new(BOUNDS);
        for decisive in [false, false, true] {
            assert_eq!(breaker.is_decisive(), decisive);
            breaker.failed(now);
        }
        assert!(!breaker.is_decisive(), "open already");
        breaker.elapsed(now + Duration::from_secs(1));
        assert!(breaker.is_decisive() && breaker.wants_trial());
    }
}
