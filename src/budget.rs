//! What may be in memory and in the spool at once: one figure divided by rules, and permits counted in bytes.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const MIB: u64 = 1024 * 1024;

/// How the bound on the memory of the whole process tree is divided.
///
/// prelo itself takes [`MemoryPlan::OWN`]: the runtime, pages of the catalogue, the writer of the embedded index. Of the
/// rest, a third is for texts on their way to the index, and two thirds are for the processes that read documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryPlan {
    /// The whole, in bytes.
    pub total_bytes: u64,
    /// Documents that are read at once: as many as were asked for, unless their share would become too small to read in.
    pub readers: u32,
    /// Heap that each reader may have beyond what it takes to begin, in bytes.
    pub reader_bytes: u64,
    /// For texts on their way, in bytes of what they cost.
    pub texts_bytes: u64,
}

impl MemoryPlan {
    /// Measured on production and embedded runs over born-digital gazettes, with room for bursts.
    pub const OWN: u64 = 72 * MIB;
    /// What a reader has before it reads: its program and the tables of standard fonts.
    pub const READER_BASE: u64 = 16 * MIB;
    /// With less heap than this, ordinary gazettes cannot be read.
    const READER_LEAST: u64 = 28 * MIB;
    /// What a text costs on its way: itself, the document that is made of it, and the request that carries that.
    pub const COPIES_OF_A_TEXT: u64 = 3;

    /// For pictures that are being made of scans and the OCR engines that read them, in bytes. It is the readers' share:
    /// a thread reads, makes a picture, or waits for an engine.
    #[must_use]
    pub fn scans_bytes(&self) -> u64 {
        self.reader_bytes * u64::from(self.readers)
    }

    /// Divides `total_bytes` among at most `threads` readers.
    #[must_use]
    pub fn divide(total_bytes: u64, threads: u32) -> Self {
        let rest = total_bytes.saturating_sub(Self::OWN);
        // One reader must have room, whatever is left for texts.
        let texts_bytes = (rest / 3).min(rest.saturating_sub(Self::READER_BASE + Self::READER_LEAST));
        let for_readers = rest - texts_bytes;
        let room = for_readers / (Self::READER_BASE + Self::READER_LEAST);
        let readers = threads.min(u32::try_from(room).unwrap_or(u32::MAX)).max(1);
        let reader_bytes = (for_readers / u64::from(readers)).saturating_sub(Self::READER_BASE).max(Self::READER_LEAST);
        Self { total_bytes, readers, reader_bytes, texts_bytes }
    }
}

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

    /// The whole, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        u64::from(self.units) * UNIT_BYTES
    }

    /// What is taken now, in bytes.
    #[must_use]
    pub fn taken_bytes(&self) -> u64 {
        self.bytes() - self.available_bytes()
    }

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

    #[test]
    fn the_whole_is_never_exceeded_and_readers_are_given_up_before_their_room_is() {
        for (total, threads, readers) in
            [(512, 2, 2), (256, 2, 2), (256, 8, 2), (512, 16, 6), (4096, 16, 16), (128, 2, 1)]
        {
            let plan = MemoryPlan::divide(total * MIB, threads);
            assert_eq!(plan.readers, readers, "{total} MiB, {threads} threads");
            let reading = u64::from(plan.readers) * (plan.reader_bytes + MemoryPlan::READER_BASE);
            assert!(plan.reader_bytes >= MemoryPlan::READER_LEAST);
            let used = MemoryPlan::OWN + reading + plan.texts_bytes;
            assert!(used <= total * MIB, "{total} MiB, {threads} threads: {} MiB", used / MIB);
        }
    }

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
