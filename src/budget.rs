//! Permits counted in bytes: how much may be in flight at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The semaphore counts units of this many bytes, because it takes at most 2^32 of them at once.
const UNIT_BYTES: u64 = 1024;

/// A bounded number of bytes, shared by clones.
#[derive(Debug, Clone)]
pub struct ByteBudget {
    semaphore: Arc<Semaphore>,
    units: u32,
}

impl ByteBudget {
    /// A budget of `bytes`, rounded up to a KiB and at least one.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let units = units(bytes);
        Self { semaphore: Arc::new(Semaphore::new(units as usize)), units }
    }

    /// Waits until `bytes` are free and takes them. A request above the whole budget is clamped to it: it then runs
    /// alone, instead of waiting for ever.
    pub async fn acquire(&self, bytes: u64) -> BytePermit {
        let wanted = units(bytes).min(self.units);
        let permit = self.semaphore.clone().acquire_many_owned(wanted).await.ok();
        BytePermit { permit }
    }

    #[cfg(test)]
    fn available_bytes(&self) -> u64 {
        self.semaphore.available_permits() as u64 * UNIT_BYTES
    }
}

/// Bytes that are taken until this is dropped.
#[derive(Debug)]
pub struct BytePermit {
    // None only after the semaphore was closed, which nothing does.
    permit: Option<OwnedSemaphorePermit>,
}

impl BytePermit {
    /// Gives back all but `bytes`; never takes more.
    pub fn shrink_to(&mut self, bytes: u64) {
        if let Some(permit) = &mut self.permit {
            let surplus = permit.num_permits().saturating_sub(units(bytes) as usize);
            drop(permit.split(surplus));
        }
    }

    #[cfg(test)]
    fn bytes(&self) -> u64 {
        self.permit.as_ref().map_or(0, |permit| permit.num_permits() as u64 * UNIT_BYTES)
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT_BYTES).max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_permit_shrinks_and_returns_its_bytes_when_dropped() {
        let budget = ByteBudget::new(10 * 1024);
        let mut permit = budget.acquire(8 * 1024).await;
        assert_eq!(budget.available_bytes(), 2 * 1024);
        permit.shrink_to(1);
        assert_eq!(permit.bytes(), 1024);
        assert_eq!(budget.available_bytes(), 9 * 1024);
        permit.shrink_to(5 * 1024);
        assert_eq!(permit.bytes(), 1024, "a permit never grows");
        drop(permit);
        assert_eq!(budget.available_bytes(), 10 * 1024);
    }

    #[tokio::test]
    async fn more_than_the_whole_budget_is_clamped_and_runs_alone() {
        let budget = ByteBudget::new(4 * 1024);
        let permit = budget.acquire(u64::MAX).await;
        assert_eq!(budget.available_bytes(), 0);
        drop(permit);
        assert_eq!(budget.available_bytes(), 4 * 1024);
    }

    #[tokio::test]
    async fn who_comes_later_waits_for_room() {
        let budget = ByteBudget::new(4 * 1024);
        let first = budget.acquire(3 * 1024).await;
        let waiting = tokio::spawn({
            let budget = budget.clone();
            async move { budget.acquire(2 * 1024).await.bytes() }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        assert_eq!(waiting.await.unwrap(), 2 * 1024);
    }
}
