//! The memory guard: samples the process tree, and has fewer documents read at once while memory grows and the work does
//! not. What grows so is a leak or scattered memory, of us or of a library; fresh readers and less at once keep it from
//! reaching the bound, whose keeper is the machine, with other means.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::Context;
use crate::budget::ByteBudget;
use crate::telemetry::{Event, Permit, Permits, Sample, sample_processes};

const EVERY: Duration = Duration::from_millis(500);
/// Samples of a run's beginning that are not looked at: readers and connections are being started.
const STARTING: u32 = 6;
/// Samples after these that make the base line.
const BASE_LINE: usize = 14;
/// Samples that must agree before a step is taken; after it, as many pass before the next.
const AGREEING: u32 = 6;

/// What a run has in hand.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// Bytes of the files that are being read.
    reading: AtomicU64,
    /// Documents that may be read at once now.
    allowed: AtomicU32,
    /// Documents that are.
    turns: AtomicU32,
    /// There may be room for one more.
    freed: Notify,
}

impl Load {
    pub fn new(readers: u32) -> Arc<Self> {
        Arc::new(Self { allowed: AtomicU32::new(readers), ..Self::default() })
    }

    /// Counts a file of so many bytes until the answer is dropped.
    pub fn reading(self: &Arc<Self>, bytes: u64) -> Reading {
        self.reading.fetch_add(bytes, Ordering::Relaxed);
        Reading { load: self.clone(), bytes }
    }

    pub fn allowed(&self) -> u32 {
        self.allowed.load(Ordering::Relaxed).max(1)
    }

    /// Waits until one more document may be read.
    pub async fn turn(self: &Arc<Self>) -> Turn {
        let one_more = |turns| (turns < self.allowed()).then_some(turns + 1);
        while self.turns.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_err() {
            self.freed.notified().await;
        }
        // Two that were freed at once have told only one who waits.
        self.freed.notify_one();
        Turn(self.clone())
    }

    fn allow(&self, readers: u32) {
        self.allowed.store(readers, Ordering::Relaxed);
        self.freed.notify_one();
    }
}

/// Held while a document is read.
pub(super) struct Turn(Arc<Load>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.turns.fetch_sub(1, Ordering::AcqRel);
        self.0.freed.notify_one();
    }
}

pub(super) struct Reading {
    load: Arc<Load>,
    bytes: u64,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.load.reading.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Samples until it is dropped.
pub(super) async fn watch(context: Context, load: Arc<Load>, texts: ByteBudget, spool: ByteBudget) {
    let mut guard = Guard::new(load.allowed());
    let mut clock = tokio::time::interval(EVERY);
    loop {
        clock.tick().await;
        let (tree, children) = sample_processes();
        let in_children: u64 = children.iter().map(|(_, bytes)| bytes).sum();
        context.telemetry.emit(&Event::Sampled(&Sample {
            tree,
            own_bytes: tree.resident.saturating_sub(in_children),
            children,
            readers: load.allowed(),
            permits: Permits { texts: permit(&texts), spool: permit(&spool) },
            connections: context.catalog.connections(),
        }));
        // An index that is being merged and a long file are mapped: that comes and goes, and is nobody's leak.
        let memory_bytes = tree.held;
        let work_bytes = load.reading.load(Ordering::Relaxed) + texts.taken_bytes();
        if guard.bound(context.config.reading_at_once()) {
            load.allow(guard.readers);
        }
        let Some(step) = guard.look(memory_bytes, work_bytes, context.ocr.taken_bytes()) else { continue };
        load.allow(step.readers);
        if step.is_less {
            // What idle readers hold goes with them.
            context.sandbox.renew();
        }
        context.telemetry.emit(&Event::ReadersAdjusted {
            readers: step.readers,
            memory_bytes,
            base_line_bytes: guard.base_line.memory_bytes,
        });
    }
}

fn permit(budget: &ByteBudget) -> Permit {
    Permit { taken_bytes: budget.taken_bytes(), limit_bytes: budget.bytes() }
}

/// Another number of readers.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    readers: u32,
    is_less: bool,
}

#[derive(Debug, Default, Clone, Copy)]
struct BaseLine {
    memory_bytes: u64,
    work_bytes: u64,
}

/// The decision, sample by sample.
#[derive(Debug)]
struct Guard {
    most: u32,
    readers: u32,
    seen: u32,
    first: Vec<u64>,
    base_line: BaseLine,
    above: u32,
    below: u32,
}

impl Guard {
    fn new(readers: u32) -> Self {
        Self { most: readers, readers, seen: 0, first: Vec::new(), base_line: BaseLine::default(), above: 0, below: 0 }
    }

    /// So many at most from now on; what was taken back because of memory stays taken back. Whether that changes anything.
    fn bound(&mut self, most: u32) -> bool {
        let most = most.max(1);
        let readers = if self.readers == self.most { most } else { self.readers.min(most) };
        let changed = readers != self.readers;
        (self.most, self.readers) = (most, readers);
        changed
    }

    /// `lent_bytes`: what OCR engines may have of that memory. Each has a bound of its own, and gives all back with its page.
    fn look(&mut self, memory_bytes: u64, work_bytes: u64, lent_bytes: u64) -> Option<Step> {
        self.seen = self.seen.saturating_add(1);
        if self.seen <= STARTING {
            return None;
        }
        if self.first.len() < BASE_LINE {
            self.first.push(memory_bytes);
            self.first.sort_unstable();
            self.base_line.memory_bytes = self.first[self.first.len() / 2];
            self.base_line.work_bytes = self.base_line.work_bytes.max(work_bytes);
            return None;
        }
        let BaseLine { memory_bytes: memory, work_bytes: work } = self.base_line;
        // More than a fifth above the base line, with no more than a fifth more work.
        let has_grown = memory_bytes.saturating_sub(lent_bytes) > memory + memory / 5 && work_bytes <= work + work / 5;
        let has_fallen = memory_bytes <= memory + memory / 10;
        self.above = if has_grown { self.above + 1 } else { 0 };
        self.below = if has_fallen { self.below + 1 } else { 0 };
        if self.above >= AGREEING && self.readers > 1 {
            Some(self.step(self.readers - 1, true))
        } else if self.below >= AGREEING && self.readers < self.most {
            Some(self.step(self.readers + 1, false))
        } else {
            None
        }
    }

    fn step(&mut self, readers: u32, is_less: bool) -> Step {
        (self.readers, self.above, self.below) = (readers, 0, 0);
        Step { readers, is_less }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps after a base line of 100 bytes of memory and 10 of work: (memory, work, samples).
    fn steps(samples: &[(u64, u64, u32)]) -> Vec<u32> {
        let mut guard = Guard::new(3);
        let start = [(5, 0, STARTING), (100, 10, u32::try_from(BASE_LINE).unwrap())];
        let all = start.iter().chain(samples);
        let all = all.flat_map(|(memory, work, samples)| (0..*samples).map(|_| (*memory, *work)));
        all.filter_map(|(memory, work)| guard.look(memory, work, 0)).map(|step| step.readers).collect()
    }

    #[test]
    fn an_engine_at_work_is_no_growth() {
        let mut guard = Guard::new(3);
        let looks = |guard: &mut Guard, memory, lent| {
            (0..STARTING + 40).filter_map(|_| guard.look(memory, 10, lent)).map(|step| step.readers).collect::<Vec<_>>()
        };
        assert!(looks(&mut guard, 100, 0).is_empty());
        assert!(looks(&mut guard, 250, 200).is_empty());
        assert_eq!(looks(&mut guard, 350, 200), [2, 1], "that is more than the engines may have");
    }

    #[test]
    fn growth_without_work_takes_readers_back_and_its_end_restores_them() {
        for (samples, expected, why) in [
            (&[(119, 10, 100)][..], &[][..], "less than a fifth"),
            (&[(200, 13, 100)], &[], "there is more to do"),
            (&[(200, 10, AGREEING - 1), (100, 10, 1), (200, 10, AGREEING - 1)], &[], "it does not last"),
            (&[(125, 10, AGREEING)], &[2], "grown"),
            (&[(125, 10, 100)], &[2, 1], "never fewer than one"),
            (&[(125, 10, AGREEING * 2), (115, 10, 100)], &[2, 1], "not fallen far enough"),
            (&[(125, 10, AGREEING * 2), (105, 10, 100)], &[2, 1, 2, 3], "step by step"),
            (&[(125, 0, AGREEING)], &[2], "idle, and still grown"),
        ] {
            assert_eq!(steps(samples), expected, "{why}");
        }
    }

    #[test]
    fn a_new_bound_holds_at_once_and_gives_nothing_back_that_memory_took() {
        let mut guard = Guard::new(4);
        for (most, readers) in [(4, 4), (2, 2), (0, 1), (3, 3)] {
            guard.bound(most);
            assert_eq!(guard.readers, readers, "{most}");
        }
        guard.step(2, true);
        for (most, readers) in [(4, 2), (1, 1), (4, 4)] {
            guard.bound(most);
            assert_eq!(guard.readers, readers, "{most}");
        }
    }

    #[tokio::test]
    async fn as_many_are_read_at_once_as_are_allowed_at_that_moment() {
        let load = Load::new(2);
        let waits = || {
            let load = load.clone();
            tokio::spawn(async move { load.turn().await })
        };
        let settle = async || {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        };
        let (one, other) = (load.turn().await, load.turn().await);
        let (third, fourth) = (waits(), waits());
        settle().await;
        assert!(!third.is_finished() && !fourth.is_finished());
        load.allow(1);
        drop(one);
        settle().await;
        assert!(!third.is_finished(), "two were at work, and one may be");
        drop(other);
        let third = third.await.unwrap();
        settle().await;
        assert!(!fourth.is_finished());
        load.allow(2);
        let fourth = fourth.await.unwrap();
        assert_eq!(load.turns.load(Ordering::Relaxed), 2);
        drop((third, fourth));
        assert_eq!(load.turns.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_is_being_read_counts_until_it_is_dropped() {
        let load = Load::new(2);
        let (one, other) = (load.reading(5), load.reading(7));
        assert_eq!(load.reading.load(Ordering::Relaxed), 12);
        drop(one);
        assert_eq!(load.reading.load(Ordering::Relaxed), 7);
        drop(other);
        assert_eq!((load.reading.load(Ordering::Relaxed), load.allowed()), (0, 2));
    }
}
