//! How long may still be spent on one gazette. Waiting for others (a free slot, bytes, a service that is down) costs
//! nothing of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A text that is there is worth so long to be stored, however long it took to get.
const TO_STORE: Duration = Duration::from_mins(1);

/// Travels with the gazette.
#[derive(Debug)]
pub(super) struct TimeLeft {
    whole: Duration,
    left_ms: AtomicU64,
}

impl TimeLeft {
    pub fn new(whole: Duration) -> Self {
        let time = Self { whole, left_ms: AtomicU64::new(0) };
        time.restore();
        time
    }

    pub fn left(&self) -> Duration {
        Duration::from_millis(self.left_ms.load(Ordering::Relaxed))
    }

    /// What was spent was not the gazette's fault.
    pub fn restore(&self) {
        self.leave(self.whole);
    }

    pub fn spend(&self, spent: Duration) {
        self.leave(self.left().saturating_sub(spent));
    }

    /// Makes sure that what was read can still be stored.
    pub fn spare_some_to_store(&self) {
        self.leave(self.left().max(TO_STORE.min(self.whole)));
    }

    /// Works on the gazette; `None` when its time is over first.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let began = Instant::now();
        let done = tokio::time::timeout(self.left(), work).await.ok();
        self.spend(began.elapsed());
        done
    }

    fn leave(&self, left: Duration) {
        self.left_ms.store(u64::try_from(left.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_cut_off_when_the_time_is_over() {
        let time = TimeLeft::new(Duration::from_millis(20));
        assert_eq!(time.run(async { 1 }).await, Some(1));
        assert_eq!(time.run(std::future::pending::<()>()).await, None);
        assert_eq!(time.left(), Duration::ZERO);
        assert_eq!(time.run(std::future::pending::<()>()).await, None, "nothing is left");
        time.spare_some_to_store();
        assert_eq!(time.left(), Duration::from_millis(20), "never more than the whole");
    }

    #[test]
    fn a_text_is_worth_a_minute() {
        let time = TimeLeft::new(Duration::from_mins(15));
        time.spend(Duration::from_mins(5));
        time.spare_some_to_store();
        assert_eq!(time.left(), Duration::from_mins(10));
        time.spend(Duration::from_mins(20));
        time.spare_some_to_store();
        assert_eq!(time.left(), TO_STORE);
        time.restore();
        assert_eq!(time.left(), Duration::from_mins(15));
    }
}
