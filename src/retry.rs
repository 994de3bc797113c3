//! When to try again: a call within a run, where the error says whether it is worth it, once, in its own type, and
//! `backon` does the waiting; and a gazette by a later run.

use std::future::Future;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder, Retryable};

/// An error that knows whether the same call may succeed later.
pub trait Retry {
    /// Whether it may pass by itself.
    fn is_retryable(&self) -> bool;
}

/// How often and how patiently: exponential with jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Calls in all, the first included; at least 1.
    pub attempts: u32,
    /// Wait before the second call; doubled after each.
    pub min_delay: Duration,
    /// No wait is longer.
    pub max_delay: Duration,
}

impl RetryPolicy {
    /// The waits between the calls, one fewer than `attempts`.
    pub fn delays(&self) -> impl Iterator<Item = Duration> + use<> {
        self.builder().build()
    }

    fn builder(self) -> ExponentialBuilder {
        ExponentialBuilder::default()
            .with_min_delay(self.min_delay)
            .with_max_delay(self.max_delay)
            .with_max_times(self.attempts.saturating_sub(1) as usize)
            .with_jitter()
    }

    /// Calls until it succeeds, fails for good, or the attempts are spent. `notify` hears of each failure that will be
    /// followed by another call, with the wait before it.
    ///
    /// # Errors
    /// The last error.
    pub async fn run<T, E, F, Fut>(&self, call: F, notify: impl FnMut(&E, Duration)) -> Result<T, E>
    where
        E: Retry,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        call.retry(self.builder()).when(Retry::is_retryable).notify(notify).await
    }
}

/// When later runs try a gazette again whose failure may pass: exponential with jitter, and not for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recheck {
    /// Wait after the first failure; doubled with each more in a row.
    pub first: Duration,
    /// No wait is longer, but for a first one that is.
    pub longest: Duration,
    /// After so many failures in a row no run tries again by itself; `None`: all of them do.
    pub attempts: Option<u32>,
}

impl Recheck {
    /// The wait after so many failures in a row, the one just seen included; `None` when the attempts are spent.
    /// `chance`, any number, chooses a jitter of up to a quarter of the wait in either direction.
    #[must_use]
    pub fn wait(&self, failures: u32, chance: u64) -> Option<Duration> {
        if self.attempts.is_some_and(|attempts| failures >= attempts) {
            return None;
        }
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let longest = self.longest.max(self.first);
        let wait = self.first.saturating_mul(doubled).min(longest);
        let per_mille = 750 + u32::try_from(chance % 501).unwrap_or_default();
        Some((wait.saturating_mul(per_mille) / 1_000).min(longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn later_attempts_are_ever_rarer_up_to_a_bound_and_then_spent() {
        let recheck = Recheck { first: Duration::from_mins(1), longest: Duration::from_hours(24), attempts: Some(20) };
        // A chance of 250 is no jitter.
        for (failures, minutes) in [(0, 1), (1, 1), (2, 2), (3, 4), (8, 128), (11, 1_024), (12, 1_440), (19, 1_440)] {
            assert_eq!(recheck.wait(failures, 250), Some(Duration::from_mins(minutes)), "{failures}");
        }
        assert_eq!((recheck.wait(20, 250), recheck.wait(u32::MAX, 250)), (None, None));
        let endless = Recheck { attempts: None, ..recheck };
        assert_eq!(endless.wait(u32::MAX, 250), Some(Duration::from_hours(24)));
        let rare = Recheck { first: Duration::from_hours(100), ..recheck };
        assert_eq!(rare.wait(5, 250), Some(Duration::from_hours(100)));
        assert_eq!(Recheck { first: Duration::ZERO, ..recheck }.wait(5, 0), Some(Duration::ZERO));

        assert_eq!(recheck.wait(1, 0), Some(Duration::from_secs(45)));
        assert_eq!(recheck.wait(1, 500), Some(Duration::from_secs(75)));
        let all: Vec<_> = (0..5_000).filter_map(|chance| recheck.wait(15, chance * 7_919)).collect();
        assert!(all.iter().all(|wait| (Duration::from_hours(18)..=Duration::from_hours(24)).contains(wait)));
        assert!(all.iter().max() > all.iter().min(), "not all at the same moment");
    }

    #[derive(Debug, PartialEq)]
    struct Broken(bool);
    impl Retry for Broken {
        fn is_retryable(&self) -> bool {
            self.0
        }
    }

    const POLICY: RetryPolicy =
        RetryPolicy { attempts: 3, min_delay: Duration::from_millis(1), max_delay: Duration::from_millis(2) };

    #[tokio::test]
    async fn attempts_are_counted_and_permanent_errors_end_at_once() {
        for (retryable, calls_expected) in [(true, 3), (false, 1)] {
            let calls = Cell::new(0);
            let result: Result<(), _> = POLICY
                .run(
                    || {
                        calls.set(calls.get() + 1);
                        async { Err(Broken(retryable)) }
                    },
                    |_, _| {},
                )
                .await;
            assert_eq!(result, Err(Broken(retryable)));
            assert_eq!(calls.get(), calls_expected);
        }
    }
}
