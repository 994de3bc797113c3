//! When to try again. The error says whether it is worth it, once, in its own type; `backon` does the waiting.

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

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
