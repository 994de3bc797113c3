//! Keeps the order of those that prepare side by side: none passes another, however long its preparation takes.

use tokio::sync::oneshot;

#[derive(Default)]
pub(super) struct Queue {
    last: Option<oneshot::Receiver<()>>,
}

/// Given up when it is dropped; then the next may come.
pub(super) struct Place {
    before: Option<oneshot::Receiver<()>>,
    _next: oneshot::Sender<()>,
}

impl Queue {
    /// The place behind all that were given out before.
    pub fn join(&mut self) -> Place {
        let (next, last) = oneshot::channel();
        Place { before: self.last.replace(last), _next: next }
    }
}

impl Place {
    /// Waits until all before have given up theirs.
    pub async fn first(&mut self) {
        if let Some(before) = self.before.take() {
            // It is only ever dropped, never sent.
            let _ = before.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[tokio::test]
    async fn the_quick_wait_for_the_slow() {
        let (mut queue, came) = (Queue::default(), Arc::new(Mutex::new(Vec::new())));
        let mut tasks = tokio::task::JoinSet::new();
        for (name, yields) in [('a', 40), ('b', 0), ('c', 7), ('d', 0)] {
            let (mut place, came) = (queue.join(), came.clone());
            tasks.spawn(async move {
                for _ in 0..yields {
                    tokio::task::yield_now().await;
                }
                place.first().await;
                came.lock().unwrap().push(name);
            });
        }
        tasks.join_all().await;
        assert_eq!(*came.lock().unwrap(), ['a', 'b', 'c', 'd']);
    }
}
