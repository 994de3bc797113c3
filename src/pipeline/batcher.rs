//! Closes bulks by count, bytes or time, whichever is first.

use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::Instant;

use super::Archived;
use crate::config::Config;

/// When a bulk is full.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Documents at most.
    pub documents: usize,
    /// Bytes of text at most; a larger document makes a bulk of its own.
    pub bytes: usize,
    /// The first document of a bulk waits no longer.
    pub delay: Duration,
}

impl From<&Config> for Bounds {
    fn from(config: &Config) -> Self {
        Self {
            documents: config.bulk_documents as usize,
            bytes: usize::try_from(config.bulk_size_mb * 1024 * 1024).unwrap_or(usize::MAX),
            delay: Duration::from_millis(config.bulk_delay_ms),
        }
    }
}

/// Collects items until one more would be too many: a pure decision over sizes and moments.
#[derive(Debug)]
struct Collector<T> {
    bounds: Bounds,
    items: Vec<T>,
    bytes: usize,
    deadline: Option<Instant>,
}

impl<T> Collector<T> {
    fn new(bounds: Bounds) -> Self {
        Self { bounds, items: Vec::new(), bytes: 0, deadline: None }
    }

    /// Takes an item of so many bytes. Answers with a full bulk: the one before it, when it does not fit in any more,
    /// or the one that it fills. Both at once cannot be: what does not fit begins a bulk of its own.
    fn push(&mut self, item: T, bytes: usize, now: Instant) -> Option<Vec<T>> {
        let overflows = !self.items.is_empty() && self.bytes + bytes > self.bounds.bytes;
        let before = if overflows { self.take() } else { None };
        self.deadline.get_or_insert(now + self.bounds.delay);
        self.items.push(item);
        self.bytes += bytes;
        if before.is_some() {
            return before;
        }
        let full = self.items.len() >= self.bounds.documents || self.bytes >= self.bounds.bytes;
        if full { self.take() } else { None }
    }

    /// When the bulk has to go, full or not; at once when it is overfull already.
    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn take(&mut self) -> Option<Vec<T>> {
        self.deadline = None;
        self.bytes = 0;
        (!self.items.is_empty()).then(|| std::mem::take(&mut self.items))
    }
}

pub(super) async fn run(bounds: Bounds, mut archived: Receiver<Archived>, batches: Sender<Vec<Archived>>) {
    let mut collector = Collector::new(bounds);
    loop {
        let due = async {
            match collector.deadline() {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let (batch, ended) = tokio::select! {
            item = archived.recv() => match item {
                Some(item) => {
                    let bytes = item.document.source_text.len();
                    (collector.push(item, bytes, Instant::now()), false)
                }
                None => (collector.take(), true),
            },
            () = due => (collector.take(), false),
        };
        if let Some(batch) = batch
            && batches.send(batch).await.is_err()
        {
            return;
        }
        if ended {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collector(documents: usize, bytes: usize) -> Collector<&'static str> {
        Collector::new(Bounds { documents, bytes, delay: Duration::from_millis(500) })
    }

    #[tokio::test]
    async fn closed_by_count_bytes_or_time_whichever_is_first() {
        let now = Instant::now();
        let mut by_count = collector(2, 1000);
        assert_eq!(by_count.push("a", 1, now), None);
        assert_eq!(by_count.push("b", 1, now), Some(vec!["a", "b"]));
        assert_eq!(by_count.deadline(), None, "an empty bulk is not due");

        let mut by_bytes = collector(100, 10);
        assert_eq!(by_bytes.push("a", 6, now), None);
        assert_eq!(by_bytes.push("b", 6, now), Some(vec!["a"]), "what does not fit begins the next");
        assert_eq!(by_bytes.push("c", 4, now), Some(vec!["b", "c"]), "exactly full goes");

        let mut by_time = collector(100, 1000);
        by_time.push("a", 1, now);
        by_time.push("b", 1, now + Duration::from_millis(400));
        assert_eq!(by_time.deadline(), Some(now + Duration::from_millis(500)), "the first one's clock counts");
        assert_eq!(by_time.take(), Some(vec!["a", "b"]));
        assert_eq!(by_time.take(), None);
    }

    #[tokio::test]
    async fn an_oversize_document_goes_alone() {
        let now = Instant::now();
        let mut collector = collector(100, 10);
        assert_eq!(collector.push("small", 1, now), None);
        assert_eq!(collector.push("huge", 50, now), Some(vec!["small"]));
        assert_eq!(collector.push("next", 1, now), Some(vec!["huge"]));
        assert_eq!(collector.take(), Some(vec!["next"]));
    }
}
