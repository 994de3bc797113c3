//! Records outcomes in short transactions, and only then gives the byte permits back.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;

use super::id_set::IdSet;
use super::{Context, Outcome, dependency, retrying};
use crate::budget::BytePermit;
use crate::catalog::{CatalogError, Completion, Deferred, FailedGazette, Interrupted};
use crate::failpoint::{self, Point};
use crate::gazette::GazetteId;
use crate::telemetry::Event;

/// Outcomes that come close together share a transaction; none waits longer than this for company.
const COMPANY: Duration = Duration::from_millis(50);

/// `incomplete` are the gazettes that this run has indexed without their scans; it is given back with those of this lane.
pub(super) async fn run(context: Context, mut outcomes: Receiver<Outcome>, mut incomplete: IdSet) -> IdSet {
    let most = context.config.bulk_documents as usize;
    let mut group = Vec::with_capacity(most);
    while let Some(first) = outcomes.recv().await {
        group.push(first);
        let due = tokio::time::Instant::now() + COMPANY;
        while group.len() < most {
            match tokio::time::timeout_at(due, outcomes.recv()).await {
                Ok(Some(outcome)) => group.push(outcome),
                Ok(None) | Err(_) => break,
            }
        }
        if let Err(error) = record(&context, &mut incomplete, Group::of(group.drain(..))).await {
            // What could not be marked stays pending: it will be done again, with the same effect.
            context.stop(dependency::of_catalog(&error));
        }
    }
    incomplete
}

/// Outcomes by kind.
#[derive(Default)]
struct Group {
    completions: Vec<Completion>,
    failures: Vec<FailedGazette>,
    /// Of the files of `failures`, in their order.
    keys: Vec<String>,
    released: Vec<GazetteId>,
    interrupted: Vec<Interrupted>,
    lost: Vec<GazetteId>,
    deferred: Vec<Deferred>,
    permits: Vec<BytePermit>,
}

impl Group {
    fn of(outcomes: impl Iterator<Item = Outcome>) -> Self {
        let mut group = Self::default();
        for outcome in outcomes {
            match outcome {
                Outcome::Acknowledged { completion, permit } => {
                    group.completions.push(completion);
                    group.permits.push(permit);
                }
                Outcome::Failed { failed, key, permit } => {
                    group.failures.push(failed);
                    group.keys.push(key);
                    group.permits.extend(permit);
                }
                Outcome::Released { id } => group.released.push(id),
                Outcome::Interrupted { interrupted } => group.interrupted.push(interrupted),
                Outcome::Lost { id } => group.lost.push(id),
                Outcome::Deferred { deferred } => group.deferred.push(deferred),
            }
        }
        group
    }
}

async fn record(context: &Context, incomplete: &mut IdSet, group: Group) -> Result<(), CatalogError> {
    let policy = context.retry_policy(context.config.catalog_attempts);
    let (run, catalog) = (context.run(), &context.catalog);
    let Group { mut completions, mut failures, keys, mut released, mut interrupted, lost, mut deferred, permits } =
        group;
    let timings = |gazette| context.telemetry.timings(gazette);
    for completion in &mut completions {
        completion.timings = timings(completion.id);
    }
    for failed in &mut failures {
        failed.timings = timings(failed.id);
    }
    for deferred in &mut deferred {
        deferred.timings = timings(deferred.id);
    }
    if !completions.is_empty() {
        let marked = retrying(context, &policy, "mark gazettes", || catalog.complete(run, &completions)).await?;
        failpoint::pass(Point::Marked);
        let marked: HashSet<GazetteId> = marked.into_iter().collect();
        for completion in &completions {
            let Completion { id: gazette, bytes, pages, ocr_pages, ocr_due, .. } = *completion;
            let event = if marked.contains(&gazette) {
                let again = incomplete.remove(gazette);
                if ocr_due > 0 {
                    incomplete.insert(gazette);
                }
                Event::Indexed { gazette, bytes, pages, ocr_pages, again }
            } else {
                Event::ClaimLost { gazette, again: incomplete.contains(gazette) }
            };
            context.telemetry.emit(&event);
        }
    }
    if !failures.is_empty() {
        let recorded = retrying(context, &policy, "record failures", || catalog.fail(run, &failures)).await?;
        failpoint::pass(Point::FailureRecorded);
        let recorded: HashSet<GazetteId> = recorded.into_iter().collect();
        for (FailedGazette { id: gazette, failure, .. }, key) in failures.iter().zip(&keys) {
            let gazette = *gazette;
            let event = if recorded.contains(&gazette) {
                Event::Failed { gazette, key, failure, again: incomplete.remove(gazette) }
            } else {
                Event::ClaimLost { gazette, again: incomplete.contains(gazette) }
            };
            context.telemetry.emit(&event);
        }
    }
    if !deferred.is_empty() {
        let put_off = retrying(context, &policy, "put off scans", || catalog.defer(run, &deferred)).await?;
        failpoint::pass(Point::PutOff);
        let put_off: HashSet<GazetteId> = put_off.into_iter().collect();
        for Deferred { id: gazette, ocr_due: scans, .. } in deferred {
            let event = if put_off.contains(&gazette) {
                Event::Deferred { gazette, scans }
            } else {
                Event::ClaimLost { gazette, again: incomplete.contains(gazette) }
            };
            context.telemetry.emit(&event);
        }
    }
    if !interrupted.is_empty() {
        for interrupted in &mut interrupted {
            interrupted.timings = timings(interrupted.id);
        }
        let interrupt = || catalog.interrupt(run, &interrupted);
        retrying(context, &policy, "give gazettes back that were read in part", interrupt).await?;
    }
    if !released.is_empty() {
        retrying(context, &policy, "give gazettes back", || catalog.release(run, &released)).await?;
    }
    released.extend(interrupted.iter().map(|interrupted| interrupted.id));
    for gazette in released {
        context.telemetry.emit(&Event::Released { gazette, again: incomplete.contains(gazette) });
    }
    for gazette in lost {
        context.telemetry.emit(&Event::ClaimLost { gazette, again: incomplete.contains(gazette) });
    }
    drop(permits);
    Ok(())
}
