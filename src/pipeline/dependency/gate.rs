//! The way to one service: its breaker, the number of calls at once, and those who wait. One gate is shared by
//! everything in a run that calls the service.

use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::breaker::{Admission, Bounds, Breaker, Change};
use super::concurrency::{Changed, Concurrency, Permit};
use super::{Service, ask};
use crate::pipeline::Context;
use crate::shutdown::StopReason;
use crate::telemetry::{Event, with_causes};

/// So long, a call that waits may make the trial itself, before the service is asked how it is.
const FIRST_REFUSAL: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(in crate::pipeline) struct Gate {
    service: &'static str,
    bounds: Bounds,
    breaker: Mutex<Breaker>,
    /// Where it is bounded here.
    concurrency: Option<Concurrency>,
    /// Moves on with every change of the breaker.
    changes: watch::Sender<u64>,
    /// Only while the stages work does anybody look after the breaker; before and after, calls go as they come.
    kept: AtomicBool,
    successes: AtomicU64,
    last_error: Mutex<String>,
}

/// One call that may be made. Dropped without a word, it says nothing about the service.
#[derive(Debug)]
pub(in crate::pipeline) struct Entry<'a> {
    gate: &'a Gate,
    /// It had to wait until the service was back.
    pub waited: bool,
    began: Instant,
    trial: bool,
    _permit: Option<Permit>,
}

impl Gate {
    pub(super) fn new(service: &'static str, bounds: Bounds, most: Option<u32>) -> Self {
        Self {
            service,
            bounds,
            breaker: Mutex::new(Breaker::new(bounds)),
            concurrency: most.map(Concurrency::new),
            changes: watch::Sender::new(0),
            kept: AtomicBool::new(false),
            successes: AtomicU64::new(0),
            last_error: Mutex::default(),
        }
    }

    /// So many calls at once at most from now on.
    pub(super) fn bound(&self, most: u32) {
        if let Some(concurrency) = &self.concurrency {
            concurrency.bound(most);
        }
    }

    /// Waits until a call may go, one of those that are counted; `None` when the service was given up.
    pub async fn enter(&self) -> Option<Entry<'_>> {
        self.enter_with(self.concurrency.as_ref()).await
    }

    /// The same beside those that are counted: for calls that are bounded elsewhere and must not wait for long ones.
    pub async fn enter_beside(&self) -> Option<Entry<'_>> {
        self.enter_with(None).await
    }

    async fn enter_with(&self, concurrency: Option<&Concurrency>) -> Option<Entry<'_>> {
        let mut changes = self.changes.subscribe();
        let mut waited = false;
        loop {
            changes.borrow_and_update();
            // A permit first: the trial must not wait for one while others wait for the trial.
            let permit = match concurrency {
                Some(concurrency) => Some(concurrency.acquire().await),
                None => None,
            };
            let admission = if self.is_kept() { self.breaker().admit() } else { Admission::Yes };
            let trial = match admission {
                Admission::Yes => false,
                Admission::Trial => true,
                Admission::Never => return None,
                Admission::NotNow => {
                    drop(permit);
                    waited = true;
                    // The sender lives as long as `self`, so waiting cannot fail.
                    let _ = changes.changed().await;
                    continue;
                }
            };
            return Some(Entry { gate: self, waited, began: Instant::now(), trial, _permit: permit });
        }
    }

    /// Resolves when calls go through freely, or when they never will again.
    pub async fn settled(&self) {
        let mut changes = self.changes.subscribe();
        let _ = changes.wait_for(|_| self.is_settled()).await;
    }

    pub fn is_settled(&self) -> bool {
        if !self.is_kept() {
            return true;
        }
        let breaker = self.breaker();
        breaker.is_closed() || breaker.is_given_up()
    }

    /// Calls that the service answered so far.
    pub fn successes(&self) -> u64 {
        self.successes.load(Ordering::Relaxed)
    }

    /// Whether one more failure decides about the breaker.
    pub fn is_decisive(&self) -> bool {
        self.is_kept() && self.breaker().is_decisive()
    }

    /// The service is down for certain. `false` when nothing comes of waiting: it was given up, or nobody looks after it.
    pub fn trip(&self, context: &Context, error: &dyn Error) -> bool {
        if !self.is_kept() || self.breaker().is_given_up() {
            return false;
        }
        self.remember(error);
        let change = self.breaker().tripped(Instant::now());
        self.announce(context, change);
        true
    }

    /// The service wants fewer calls at once, although it answered.
    pub fn pressed(&self, context: &Context, began: Instant) {
        let changed = self.concurrency.as_ref().and_then(|concurrency| concurrency.pressed(began, Instant::now()));
        self.say(context, changed);
    }

    /// Opens, tries and gives up as time passes, until it is dropped. When nobody waits who could make the trial, the
    /// service is asked how it is.
    pub async fn keep(&self, context: &Context, service: Service) {
        let _kept = Kept::new(self);
        let mut changes = self.changes.subscribe();
        loop {
            changes.borrow_and_update();
            let (wants_trial, due) = {
                let breaker = self.breaker();
                (breaker.wants_trial(), breaker.due())
            };
            if wants_trial {
                tokio::time::sleep(FIRST_REFUSAL).await;
                let admission = if self.breaker().wants_trial() { self.breaker().admit() } else { Admission::NotNow };
                if admission == Admission::Trial {
                    let entry = Entry { gate: self, waited: true, began: Instant::now(), trial: true, _permit: None };
                    let deadline = due.unwrap_or_else(Instant::now);
                    match tokio::time::timeout_at(deadline.into(), ask(context, service)).await {
                        Ok(Ok(())) => entry.answered(context),
                        Ok(Err(error)) => entry.failed(context, &*error),
                        Err(_) => drop(entry),
                    }
                }
                let change = self.breaker().elapsed(Instant::now());
                self.announce(context, change);
                continue;
            }
            let time = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = time => {
                    let change = self.breaker().elapsed(Instant::now());
                    self.announce(context, change);
                }
                _ = changes.changed() => {}
            }
        }
    }

    /// Whether somebody looks after the breaker: as long as the stages work.
    pub fn is_kept(&self) -> bool {
        self.kept.load(Ordering::SeqCst)
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        // A panic in between leaves a state behind that is one of the machine's.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, error: &dyn Error) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = with_causes(error);
    }

    fn announce(&self, context: &Context, change: Option<Change>) {
        let Some(change) = change else { return };
        let service = self.service;
        let error = self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match change {
            Change::Opened => {
                let wait = self.bounds.min_wait;
                context.telemetry.emit(&Event::BreakerOpened { service, error: &error, wait });
            }
            Change::HalfOpened => context.telemetry.emit(&Event::BreakerHalfOpen { service }),
            Change::Reopened => context.telemetry.emit(&Event::BreakerReopened { service }),
            Change::Closed(after) => context.telemetry.emit(&Event::BreakerClosed { service, after }),
            Change::GivenUp(after) if after < Duration::from_secs(1) => context.stop(StopReason::DependencyDown(error)),
            Change::GivenUp(after) => context.stop(StopReason::DependencyDown(format!(
                "{service} has not come back for {} s (dependency_patience_seconds): {error}",
                after.as_secs()
            ))),
        }
        self.changes.send_modify(|change| *change += 1);
    }

    fn say(&self, context: &Context, changed: Option<Changed>) {
        if let Some(Changed { from, to }) = changed {
            context.telemetry.emit(&Event::ConcurrencyChanged { service: self.service, from, to });
        }
    }
}

impl Entry<'_> {
    /// It succeeded.
    pub fn succeeded(self, context: &Context) {
        let changed = self.gate.concurrency.as_ref().and_then(Concurrency::succeeded);
        self.gate.say(context, changed);
        self.answered(context);
    }

    /// The service answered, though not what was wished: it is there.
    pub fn answered(mut self, context: &Context) {
        self.trial = false;
        if self.gate.successes.fetch_add(1, Ordering::Relaxed) == 0 {
            context.telemetry.emit(&Event::ServiceAnswered { service: self.gate.service });
        }
        let change = self.gate.is_kept().then(|| self.gate.breaker().succeeded(Instant::now())).flatten();
        self.gate.announce(context, change);
    }

    /// The service did not answer properly, or asked for fewer calls.
    pub fn failed(mut self, context: &Context, error: &dyn Error) {
        self.trial = false;
        self.gate.pressed(context, self.began);
        if self.gate.is_kept() {
            self.gate.remember(error);
            let change = self.gate.breaker().failed(Instant::now());
            self.gate.announce(context, change);
        }
    }

    /// When it began, for [`Gate::pressed`].
    pub fn began(&self) -> Instant {
        self.began
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if self.trial {
            self.gate.breaker().abandoned();
            self.gate.changes.send_modify(|change| *change += 1);
        }
    }
}

/// As long as it lives, somebody looks after the breaker.
struct Kept<'a>(&'a Gate);

impl<'a> Kept<'a> {
    fn new(gate: &'a Gate) -> Self {
        gate.kept.store(true, Ordering::SeqCst);
        Self(gate)
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.0.kept.store(false, Ordering::SeqCst);
        // Who waits is let through.
        self.0.changes.send_modify(|change| *change += 1);
    }
}
