//! Sends bulks to the index and acts on the answer item by item: acknowledged, resent alone, failed, or split.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Receiver, Sender};

use super::dependency::{Entry, Gate, Service, Testifies as _, Testimony};
use super::workers::Workers;
use super::{Archived, Context, Outcome, set_aside};
use crate::catalog::Completion;
use crate::failpoint::{self, Point};
use crate::failure::{Failure, FailureCode};
use crate::search_index::{Document, ItemOutcome, SearchIndexError, SearchIndexErrorKind};
use crate::shutdown::StopReason;
use crate::telemetry::{Event, Stage, with_causes};

pub(super) async fn run(context: Context, mut batches: Receiver<Vec<Archived>>, outcomes: Sender<Outcome>) {
    let indexer = Arc::new(Indexer { context, outcomes });
    let mut workers = Workers::new(&indexer.context, indexer.context.config.bulk_concurrency);
    while let Some(batch) = batches.recv().await {
        workers.limit(indexer.context.config.bulk_concurrency);
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

/// Whether it is about the documents of one bulk, or about the index: it is about them when others got through since
/// they first had trouble.
#[derive(Default)]
struct Trouble {
    successes_before: Option<u64>,
}

impl Trouble {
    fn began(&mut self, gate: &Gate) {
        self.successes_before.get_or_insert_with(|| gate.successes());
    }

    fn is_ours(&self, gate: &Gate) -> bool {
        self.successes_before.is_some_and(|before| gate.successes() > before)
    }
}

/// Why documents are sent again.
enum Why {
    /// The server refused these for now.
    Items(Refused),
    /// Nothing is known of any.
    Bulk(SearchIndexError),
}

impl Why {
    fn error(&self) -> &(dyn std::error::Error + Sync) {
        match self {
            Self::Items(refused) => refused,
            Self::Bulk(error) => error,
        }
    }
}

impl Indexer {
    async fn index(&self, batch: Vec<Archived>) {
        let mut left = vec![batch];
        let mut trouble = Trouble::default();
        while let Some(batch) = left.pop() {
            if let Some(halves) = self.send_until_done(batch, &mut trouble).await {
                left.extend(halves);
            }
        }
    }

    /// Answers with two halves when the bulk is too large for one request, or may hold what the index stumbles over.
    async fn send_until_done(&self, mut batch: Vec<Archived>, trouble: &mut Trouble) -> Option<[Vec<Archived>; 2]> {
        let gate = self.context.dependencies.gate(Service::Index);
        let policy = self.context.retry_policy(self.context.config.bulk_attempts);
        let mut waits = policy.delays();
        let mut failed_whole = false;
        loop {
            let Some(entry) = gate.enter().await else {
                self.give_back(batch).await;
                return None;
            };
            if entry.waited && failed_whole && batch.len() > 1 {
                // Should the index be down because of one of them, the others get through without it.
                return Some(self.halves(batch));
            }
            if entry.waited && !trouble.is_ours(gate) {
                waits = policy.delays();
            }
            let (again, reason) = match self.send(batch, entry).await {
                Next::Done => return None,
                Next::Split(whole) => return Some(self.halves(whole)),
                Next::Resend { batch, reason } => (batch, reason),
            };
            batch = again;
            failed_whole = matches!(reason, Why::Bulk(_));
            trouble.began(gate);
            if let Some(wait) = waits.next() {
                self.say_retrying(&reason, wait);
                tokio::time::sleep(wait).await;
            } else if !trouble.is_ours(gate) {
                if !gate.trip(&self.context, reason.error()) {
                    self.give_back(batch).await;
                    return None;
                }
                waits = policy.delays();
            } else if failed_whole && batch.len() > 1 {
                return Some(self.halves(batch));
            } else {
                for item in batch {
                    let detail = with_causes(reason.error());
                    self.tell(self.failed(item, Failure::new(FailureCode::IndexRejected, detail))).await;
                }
                return None;
            }
        }
    }

    fn halves(&self, mut whole: Vec<Archived>) -> [Vec<Archived>; 2] {
        self.context.telemetry.emit(&Event::BulkSplit { documents: whole.len() });
        let tail = whole.split_off(whole.len() / 2);
        [whole, tail]
    }

    async fn send(&self, batch: Vec<Archived>, entry: Entry<'_>) -> Next {
        let began = entry.began();
        let started = Instant::now();
        for item in &batch {
            self.context.telemetry.emit(&Event::StageBegun { gazette: item.completion.id, stage: Stage::Index });
        }
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
                let Some(reason) = reason else {
                    entry.succeeded(&self.context);
                    return Next::Done;
                };
                let reason = Why::Items(Refused(reason));
                if again.len() == sent {
                    entry.failed(&self.context, reason.error());
                } else {
                    entry.answered(&self.context);
                    self.context.dependencies.gate(Service::Index).pressed(&self.context, began);
                }
                Next::Resend { batch: again, reason }
            }
            Err(error) if error.kind == SearchIndexErrorKind::TooLarge && batch.len() > 1 => {
                entry.answered(&self.context);
                Next::Split(batch)
            }
            Err(error) if error.kind == SearchIndexErrorKind::TooLarge => {
                entry.answered(&self.context);
                for item in batch {
                    let bytes = item.document.source_text.len();
                    let detail = format!("a document with {bytes} bytes of text was answered with 413");
                    self.tell(self.failed(item, Failure::new(FailureCode::DocTooLarge, detail))).await;
                }
                Next::Done
            }
            Err(error) if error.testimony() == Testimony::Answered => {
                // Its own words say that no document can be written now: waiting does not help.
                drop(entry);
                self.context.stop(StopReason::DependencyDown(with_causes(&error)));
                self.give_back(batch).await;
                Next::Done
            }
            Err(error) => {
                entry.failed(&self.context, &error);
                Next::Resend { batch, reason: Why::Bulk(error) }
            }
        }
    }

    /// The index cannot be used: nothing is marked, the gazettes are pending as before.
    async fn give_back(&self, batch: Vec<Archived>) {
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
        let (operation, error) = ("write a bulk", reason.error());
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
