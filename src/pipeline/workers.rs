//! A bounded number of tasks of one stage. A task that panics stops the run: its gazette would have no outcome.

use std::future::Future;

use tokio::task::{JoinError, JoinSet};

use super::Context;
use crate::shutdown::StopReason;

pub(super) struct Workers {
    context: Context,
    most: usize,
    tasks: JoinSet<()>,
}

impl Workers {
    /// At most `most` tasks at once, and at least one.
    pub fn new(context: &Context, most: u32) -> Self {
        Self { context: context.clone(), most: (most as usize).max(1), tasks: JoinSet::new() }
    }

    /// From now on at most `most` at once, and at least one; those at work go on.
    pub fn limit(&mut self, most: u32) {
        self.most = (most as usize).max(1);
    }

    /// Starts a task as soon as there is room for it.
    pub async fn start(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.len() >= self.most {
            let ended = self.tasks.join_next().await;
            self.judge(ended);
        }
        self.tasks.spawn(task);
    }

    /// Waits until all have ended.
    pub async fn finish(mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            self.judge(Some(ended));
        }
    }

    fn judge(&self, ended: Option<Result<(), JoinError>>) {
        if let Some(Err(error)) = ended
            && error.is_panic()
        {
            self.context.stop(StopReason::Internal(format!("a task of the pipeline panicked: {error}")));
        }
    }
}
