//! How many calls at once a service bears: additive increase, multiplicative decrease (Chiu and Jain, 1989). A pure
//! decision, and a semaphore that follows it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Successes after which one more call at once is allowed.
const SUCCESSES_FOR_ONE_MORE: u32 = 20;

/// The number of calls at once, and why it changes.
#[derive(Debug)]
struct Decision {
    most: u32,
    allowed: u32,
    /// Since the last change.
    successes: u32,
    /// When it was last halved.
    halved: Option<Instant>,
}

/// From so many calls at once to so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Changed {
    pub from: u32,
    pub to: u32,
}

impl Decision {
    fn new(most: u32) -> Self {
        let most = most.max(1);
        Self { most, allowed: most, successes: 0, halved: None }
    }

    fn succeeded(&mut self) -> Option<Changed> {
        if self.allowed == self.most {
            return None;
        }
        self.successes += 1;
        (self.successes >= SUCCESSES_FOR_ONE_MORE).then(|| self.set(self.allowed + 1))
    }

    /// The service asks for less. A call that began before the last halving tells nothing new: so there is one halving
    /// in the time that a call takes.
    fn pressed(&mut self, began: Instant, now: Instant) -> Option<Changed> {
        if self.halved.is_some_and(|halved| began <= halved) {
            return None;
        }
        self.halved = Some(now);
        self.successes = 0;
        (self.allowed > 1).then(|| self.set(self.allowed / 2))
    }

    /// Another bound. A service that has asked for less gets its way further on.
    fn bound(&mut self, most: u32) -> Option<Changed> {
        let most = most.max(1);
        let to = if self.allowed == self.most { most } else { self.allowed.min(most) };
        self.most = most;
        (to != self.allowed).then(|| self.set(to))
    }

    fn set(&mut self, to: u32) -> Changed {
        let from = std::mem::replace(&mut self.allowed, to);
        self.successes = 0;
        Changed { from, to }
    }
}

/// Permits for calls; as many as the decision allows. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Concurrency {
    shared: Arc<Mutex<Shared>>,
    semaphore: Arc<Semaphore>,
}

#[derive(Debug)]
struct Shared {
    decision: Decision,
    /// Permits in use that are taken away when they come back.
    owed: usize,
}

/// One call under way.
#[derive(Debug)]
pub(super) struct Permit {
    // None only after the semaphore was closed, which nothing does.
    permit: Option<OwnedSemaphorePermit>,
    shared: Arc<Mutex<Shared>>,
}

impl Concurrency {
    pub fn new(most: u32) -> Self {
        let decision = Decision::new(most);
        let semaphore = Arc::new(Semaphore::new(decision.allowed as usize));
        Self { shared: Arc::new(Mutex::new(Shared { decision, owed: 0 })), semaphore }
    }

    /// Waits until one more call may be made.
    pub async fn acquire(&self) -> Permit {
        Permit { permit: self.semaphore.clone().acquire_owned().await.ok(), shared: self.shared.clone() }
    }

    pub fn succeeded(&self) -> Option<Changed> {
        let mut shared = lock(&self.shared);
        let changed = shared.decision.succeeded()?;
        self.follow(&mut shared, changed);
        Some(changed)
    }

    /// At most so many from now on; calls under way go on.
    pub fn bound(&self, most: u32) {
        let mut shared = lock(&self.shared);
        if let Some(changed) = shared.decision.bound(most) {
            self.follow(&mut shared, changed);
        }
    }

    fn follow(&self, shared: &mut Shared, Changed { from, to }: Changed) {
        // Rather than a new permit, one that is in use may stay.
        let more = to.saturating_sub(from) as usize;
        let stay = more.min(shared.owed);
        shared.owed -= stay;
        self.semaphore.add_permits(more - stay);
        let surplus = from.saturating_sub(to) as usize;
        shared.owed += surplus - self.semaphore.forget_permits(surplus);
    }

    /// A call that began at `began` was told that there are too many, or took too long.
    pub fn pressed(&self, began: Instant, now: Instant) -> Option<Changed> {
        let mut shared = lock(&self.shared);
        let changed = shared.decision.pressed(began, now)?;
        self.follow(&mut shared, changed);
        Some(changed)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut shared = lock(&self.shared);
        if let Some(owed) = shared.owed.checked_sub(1)
            && let Some(permit) = self.permit.take()
        {
            shared.owed = owed;
            permit.forget();
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    // A panic in between leaves numbers behind, not a broken invariant.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// What a service does: so many successes, or a refusal of a call that began and ended at these seconds.
    enum Said {
        Well(u32),
        Less(u64, u64),
    }
    use Said::*;

    #[test]
    fn halved_once_in_a_call_s_time_and_raised_slowly() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        for (most, said, expected) in [
            (8, &[Well(1000)][..], &[][..]),
            (8, &[Less(0, 1)], &[(8, 4)]),
            // Three calls that began together are one refusal.
            (8, &[Less(0, 1), Less(0, 2), Less(1, 2)], &[(8, 4)]),
            (8, &[Less(0, 1), Less(2, 3)], &[(8, 4), (4, 2)]),
            // Never below one, never above what is configured.
            (3, &[Less(0, 1), Less(2, 3), Less(4, 5)], &[(3, 1)]),
            (1, &[Less(0, 1), Less(2, 3), Well(100)], &[]),
            (4, &[Less(0, 1), Well(19)], &[(4, 2)]),
            (4, &[Less(0, 1), Well(20)], &[(4, 2), (2, 3)]),
            (4, &[Less(0, 1), Well(400)], &[(4, 2), (2, 3), (3, 4)]),
            // A refusal takes back what was on the way to a raise.
            (4, &[Less(0, 1), Well(19), Less(2, 3), Well(19)], &[(4, 2), (2, 1)]),
        ] {
            let mut decision = Decision::new(most);
            let mut changes = Vec::new();
            for said in said {
                match said {
                    Well(times) => changes.extend((0..*times).filter_map(|_| decision.succeeded())),
                    Less(began, ended) => changes.extend(decision.pressed(at(*began), at(*ended))),
                }
            }
            let changes: Vec<_> = changes.into_iter().map(|changed| (changed.from, changed.to)).collect();
            assert_eq!(changes, expected, "{most}");
        }
        assert_eq!(Decision::new(0).allowed, 1);
    }

    #[tokio::test]
    async fn permits_in_use_are_taken_away_when_they_come_back() {
        let concurrency = Concurrency::new(4);
        let free = || concurrency.semaphore.available_permits();
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(concurrency.acquire().await);
        }
        let now = Instant::now();
        assert_eq!(concurrency.pressed(now, now), Some(Changed { from: 4, to: 2 }));
        assert_eq!(free(), 0, "the free one is gone, and one is owed");
        held.pop();
        assert_eq!(free(), 0, "the owed one does not come back");
        held.pop();
        assert_eq!(free(), 1);
        for _ in 0..SUCCESSES_FOR_ONE_MORE {
            concurrency.succeeded();
        }
        assert_eq!(free(), 2);
        held.clear();
        assert_eq!(free(), 3);
    }

    #[tokio::test]
    async fn another_bound_holds_for_calls_that_begin_then() {
        let concurrency = Concurrency::new(2);
        let free = || concurrency.semaphore.available_permits();
        let held = [concurrency.acquire().await, concurrency.acquire().await];
        concurrency.bound(5);
        assert_eq!(free(), 3);
        concurrency.bound(1);
        assert_eq!(free(), 0);
        drop(held);
        assert_eq!(free(), 1);
        // What the service asked for outlives a higher bound.
        concurrency.bound(4);
        let now = Instant::now();
        concurrency.pressed(now, now);
        concurrency.bound(8);
        assert_eq!(free(), 2);
        concurrency.bound(1);
        assert_eq!(free(), 1);
    }

    #[tokio::test]
    async fn a_raise_lets_stay_what_is_owed() {
        let concurrency = Concurrency::new(2);
        let held = [concurrency.acquire().await, concurrency.acquire().await];
        let now = Instant::now();
        concurrency.pressed(now, now);
        for _ in 0..SUCCESSES_FOR_ONE_MORE {
            concurrency.succeeded();
        }
        drop(held);
        assert_eq!(concurrency.semaphore.available_permits(), 2);
    }
}
