//! Sends bulks to the index and acts on the answer item by item: acknowledged, resent alone, failed, or split.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Receiver, Sender};

use super::workers::Workers;
use super::{Archived, Context, Outcome, set_aside};
use crate::catalog::Completion;
use crate::failpoint::{self, Point};
use crate::failure::{Failure, FailureCode};
use crate::retry::Retry as _;
use crate::search_index::{Document, ItemOutcome, SearchIndexError, SearchIndexErrorKind};
use crate::shutdown::StopReason;
use crate::telemetry::{Event, with_causes};

pub(super) async fn run(context: Context, mut batches: Receiver<Vec<Archived>>, outcomes: Sender<Outcome>) {
    let indexer = Arc::new(Indexer { context, outcomes });
    let mut workers = Workers::new(&indexer.context, indexer.context.config.bulk_concurrency);
    while let Some(batch) = batches.recv().await {
        let indexer = indexer.clone();
        workers.start(async move { indexer.index(batch).await }).await;
    }
    workers.finish().await;
}

struct Indexer {
    context: Context,
    outcomes: Sender<Outcome>,
}

/// What to do after an answer to a bulk.
enum Next {
    /// Every document has its outcome.
    Done,
    /// These again, after a wait.
    Resend { batch: Vec<Archived>, reason: Why },
    /// These in halves: they do not fit into one request.
    Split(Vec<Archived>),
}

/// Why documents are sent again.
enum Why {
    /// The server refused some of them for now.
    Items(String),
    /// Nothing is known of any.
    Bulk(SearchIndexError),
}

impl Indexer {
    async fn index(&self, batch: Vec<Archived>) {
        let mut left = vec![batch];
        while let Some(batch) = left.pop() {
            if let Some(halves) = self.send_until_done(batch).await {
                left.extend(halves);
            }
        }
    }

    /// Answers with two halves when the bulk is too large for one request.
    async fn send_until_done(&self, mut batch: Vec<Archived>) -> Option<[Vec<Archived>; 2]> {
        let mut waits = self.context.retry_policy(self.context.config.bulk_attempts).delays();
        loop {
            match self.send(batch).await {
                Next::Done => return None,
                Next::Split(mut whole) => {
                    self.context.telemetry.emit(&Event::BulkSplit { documents: whole.len() });
                    let tail = whole.split_off(whole.len() / 2);
                    return Some([whole, tail]);
                }
                Next::Resend { batch: again, reason } => match waits.next() {
                    Some(wait) => {
                        self.say_retrying(&reason, wait);
                        tokio::time::sleep(wait).await;
                        batch = again;
                    }
                    None => {
                        self.give_up(again, reason).await;
                        return None;
                    }
                },
            }
        }
    }

    async fn send(&self, batch: Vec<Archived>) -> Next {
        let started = Instant::now();
        let documents: Vec<&Document> = batch.iter().map(|item| &item.document).collect();
        match self.context.index.bulk(&documents).await {
            Ok(answers) => {
                failpoint::pass(Point::Acknowledged);
                let reason = answers.iter().find_map(|answer| match answer {
                    ItemOutcome::Resend(reason) => Some(reason.clone()),
                    _ => None,
                });
                let sent = batch.len();
                let mut rejected = 0;
                let mut again = Vec::new();
                let mut acknowledged = 0;
                for (item, answer) in batch.into_iter().zip(answers) {
                    match answer {
                        ItemOutcome::Acknowledged => {
                            acknowledged += 1;
                            self.tell(Outcome::Acknowledged { completion: item.completion, permit: item.permit }).await;
                        }
                        ItemOutcome::Resend(_) => again.push(item),
                        ItemOutcome::Rejected(failure) => {
                            rejected += 1;
                            self.tell(self.failed(item, failure)).await;
                        }
                    }
                }
                self.context.telemetry.emit(&Event::BulkAnswered {
                    documents: sent,
                    acknowledged,
                    resent: again.len(),
                    rejected,
                    elapsed: started.elapsed(),
                });
                match reason {
                    Some(reason) => Next::Resend { batch: again, reason: Why::Items(reason) },
                    None => Next::Done,
                }
            }
            Err(error) if error.kind == SearchIndexErrorKind::TooLarge && batch.len() > 1 => Next::Split(batch),
            Err(error) if error.kind == SearchIndexErrorKind::TooLarge => {
                for item in batch {
                    let bytes = item.document.source_text.len();
                    let detail = format!("a document with {bytes} bytes of text was answered with 413");
                    self.tell(self.failed(item, Failure::new(FailureCode::DocTooLarge, detail))).await;
                }
                Next::Done
            }
            Err(error) if error.is_retryable() => Next::Resend { batch, reason: Why::Bulk(error) },
            Err(error) => {
                self.stop(batch, &error).await;
                Next::Done
            }
        }
    }

    /// The attempts are spent.
    async fn give_up(&self, batch: Vec<Archived>, reason: Why) {
        match reason {
            Why::Items(reason) => {
                for item in batch {
                    self.tell(self.failed(item, Failure::new(FailureCode::IndexRejected, reason.clone()))).await;
                }
            }
            Why::Bulk(error) => self.stop(batch, &error).await,
        }
    }

    /// The index cannot be used: nothing is marked, the gazettes are pending as before.
    async fn stop(&self, batch: Vec<Archived>, error: &SearchIndexError) {
        self.context.stop(StopReason::DependencyDown(with_causes(error)));
        for item in batch {
            self.tell(Outcome::Released { id: item.completion.id }).await;
        }
    }

    fn failed(&self, item: Archived, failure: Failure) -> Outcome {
        let Completion { id, file_checksum, bytes, .. } = item.completion;
        let failed = set_aside(&self.context.config, id, file_checksum, failure, Some(bytes));
        Outcome::Failed { failed, key: item.document.metadata.file_path, permit: Some(item.permit) }
    }

    fn say_retrying(&self, reason: &Why, wait: Duration) {
        let error: &dyn std::error::Error = match reason {
            Why::Items(reason) => &Refused(reason.clone()),
            Why::Bulk(error) => error,
        };
        let operation = "write a bulk";
        self.context.telemetry.emit(&Event::Retrying { operation, error, wait, gazette: None });
    }

    async fn tell(&self, outcome: Outcome) {
        // A closed channel means that the run has ended: nobody is left to tell.
        let _ = self.outcomes.send(outcome).await;
    }
}

/// The server's own words about an item that it did not take.
#[derive(Debug, thiserror::Error)]
#[error("the search engine refused some documents for now: {0}")]
struct Refused(String);
