//! One run from its lease to its report. Whatever hangs, a signal is heard: nothing here waits for a service alone.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rayon::ThreadPool;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::extractor::Means;
use super::id_set::IdSet;
use super::recognizer::{Scans, Why};
use super::{
    Context, Dependencies, Report, archiver, batcher, completer, deadline, downloader, extractor, guard, heartbeat,
    indexer, lister, retrying, spool,
};
use crate::budget::ByteBudget;
use crate::catalog::{Begun, CatalogError, ScanBacklog};
use crate::extraction;
use crate::extraction::sandbox::ReadError;
use crate::failpoint::{self, Point};
use crate::gazette::{Lane, OcrMode, RunId, Selection};
use crate::search_index::SearchIndexError;
use crate::shutdown::StopReason;
use crate::storage::StorageError;
use crate::telemetry::{Event, shortened, with_causes};

/// Characters that are kept of what ended a run.
const DETAIL: usize = 500;

/// How a run ended.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // there is one of it in a process
pub enum Ended {
    /// It ran; what it did is in the report.
    Ran(Report),
    /// Another live run holds the lease.
    Busy { run: RunId, since: time::PrimitiveDateTime },
}

/// Why a run could not begin, or not close its books.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Index(#[from] SearchIndexError),
    #[error("could not prepare the spool folder {path}: free space or name another with --spool")]
    Spool { path: PathBuf, source: std::io::Error },
    #[error("could not start the pool of {threads} reading threads: lower extraction_threads")]
    Pool { threads: u32, source: rayon::ThreadPoolBuildError },
    #[error(transparent)]
    Reader(ReadError),
}

/// After a first signal, the books may take so long to close; after a second, [`HASTE`].
const CLOSING: Duration = Duration::from_secs(10);
const HASTE: Duration = Duration::from_secs(2);

/// Takes the lease, works through the selection, and reports. Whatever ends the run early is in the report.
///
/// # Errors
/// When the run could not begin, or its end could not be written down.
pub async fn run(context: &Context, selection: &Selection) -> Result<Ended, RunError> {
    let policy = context.retry_policy(context.config.catalog_attempts);
    let run = context.run();
    let begin = || context.catalog.begin_run(run, selection, context.lease());
    let begun = unless_stopped(context, retrying(context, &policy, "take the lease", begin)).await;
    let worked = match begun.transpose()? {
        Some(Begun::Busy { run, since }) => return Ok(Ended::Busy { run, since }),
        Some(Begun::Started { recovered }) => {
            failpoint::pass(Point::RunBegun);
            let heartbeat = tokio::spawn(heartbeat::beat(context.clone()));
            let shown = tokio::spawn(heartbeat::show(context.clone()));
            let worked = work(context, selection, recovered).await;
            heartbeat.abort();
            shown.abort();
            // What was seen last stays to be looked at.
            while_closing(context, heartbeat::show_once(context)).await;
            worked
        }
        // Stopped before it was known whether the lease was got: it is given back below.
        None => Ok(None),
    };
    let mut counts = context.telemetry.counts();
    let reason = context.shutdown.reason();
    let detail = match &worked {
        Ok(_) => reason.as_ref().and_then(StopReason::detail).map(str::to_owned),
        Err(error) => Some(with_causes(error)),
    };
    counts.stopped_detail = detail.map(|why| shortened(&why, DETAIL));
    let stopped_by = match &worked {
        Ok(_) => reason.map(|reason| reason.as_str().to_owned()),
        Err(_) => Some("could_not_begin".to_owned()),
    };
    let finish = || context.catalog.finish_run(run, &counts, stopped_by.as_deref());
    let closed = while_closing(context, retrying(context, &policy, "close the run", finish)).await;
    failpoint::pass(Point::RunClosed);
    let remaining = match &worked {
        Ok(Some(plan)) => remaining(context, plan).await,
        Ok(None) | Err(_) => 0,
    };
    context.telemetry.emit(&Event::RunFinished { stopped_by: stopped_by.as_deref() });
    context.telemetry.close();
    worked?;
    // A run that was stopped cannot always close its row; then its lease runs out by itself.
    if let (Some(Err(error)), None) = (closed, context.shutdown.reason()) {
        return Err(error.into());
    }
    Ok(Ended::Ran(Report::new(run, counts, remaining, context.shutdown.reason())))
}

/// Answers with what was worked on; `None` when there was nothing, or it was stopped before it began.
async fn work(context: &Context, selection: &Selection, recovered: u64) -> Result<Option<lister::Plan>, RunError> {
    let prepared = unless_stopped(context, prepare(context, selection, recovered)).await;
    let Some(plan) = prepared.transpose()?.flatten() else { return Ok(None) };
    let plan = lanes(context, plan).await?;
    if context.telemetry.counts().indexed > 0
        && let Some(Err(error)) = while_closing(context, context.index.refresh()).await
    {
        context.stop(StopReason::DependencyDown(with_causes(&error)));
    }
    Ok(Some(plan))
}

/// Looks at what there is to do, and that the services are there to do it.
async fn prepare(context: &Context, selection: &Selection, recovered: u64) -> Result<Option<lister::Plan>, RunError> {
    let policy = context.retry_policy(context.config.catalog_attempts);
    let selection = retrying(context, &policy, "resolve the selection", || context.catalog.resolve(selection)).await?;
    let high_water = retrying(context, &policy, "read the highest id", || context.catalog.high_water_mark()).await?;
    let Some(high_water) = high_water else { return Ok(None) };
    let scans = scans(context).await;
    let selection = Selection { without_ocr: matches!(scans, Scans::Unread(_)), ..selection };
    let count = || context.catalog.count(&selection, context.run(), high_water);
    let selected = retrying(context, &policy, "count the selection", count).await?;
    context.telemetry.emit(&Event::RunStarted {
        selection: &serde_json::to_string(&selection).unwrap_or_default(),
        selected,
        recovered,
        memory_budget_bytes: context.config.memory_budget_mb * 1024 * 1024,
    });
    if selected == 0 {
        return Ok(None);
    }
    // A HEAD that is refused says neither why nor whether it is this file alone: the bucket is asked first.
    retrying(context, &policy, "reach the storage", || context.storage.check()).await?;
    retrying(context, &policy, "prepare the index", || context.index.prepare()).await?;
    failpoint::pass(Point::IndexReady);
    let left = selection.limit;
    Ok(Some(lister::Plan { selection, high_water, selected, left, scans }))
}

/// Gazettes of the selection without an outcome. Rows that were deleted meanwhile are not left, nor are those beyond
/// the selection's limit. Asked when the run is closed: what it had in hand is pending again.
async fn remaining(context: &Context, plan: &lister::Plan) -> u64 {
    let without_outcome = plan.selected.saturating_sub(context.telemetry.counts().finished());
    let count = context.catalog.count(&plan.selection, context.run(), plan.high_water);
    match while_closing(context, count).await {
        Some(Ok(untouched)) => untouched.min(without_outcome),
        Some(Err(_)) | None => without_outcome,
    }
}

/// What computers wrote first, then scans: no born-digital page waits for one that OCR has to read.
async fn lanes(context: &Context, plan: lister::Plan) -> Result<lister::Plan, RunError> {
    let threads = context.config.memory_plan().readers;
    let pool = extraction::pool(threads).map_err(|source| RunError::Pool { threads, source })?;
    // Processes that read live as long as the threads that started them.
    let pool = Arc::new(pool);
    warm_up(context, &pool).await?;
    let is_read = matches!(plan.scans, Scans::PutOff);
    let policy = context.retry_policy(context.config.catalog_attempts);
    let backlog = async |plan: &lister::Plan| {
        let ask = || context.catalog.scan_backlog(&plan.selection, context.run(), plan.high_water);
        retrying(context, &policy, "count the scans", ask).await
    };
    let known = if is_read { backlog(&plan).await? } else { ScanBacklog::default() };
    let gazettes = plan.selected.saturating_sub(known.gazettes);
    context.telemetry.emit(&Event::LaneBegun { lane: Lane::Digital, gazettes, pages: 0 });
    let incomplete = stages(context, &plan, &pool, IdSet::default()).await?;
    if is_read && context.shutdown.is_running() {
        // Of a limit, what the first lane has left, and what waits only for its scans.
        let finished = context.telemetry.counts().finished().saturating_sub(incomplete.len());
        let left = plan.selection.limit.map(|limit| limit.saturating_sub(finished));
        let of_scans = lister::Plan { scans: Scans::Read, left, ..plan.clone() };
        let ScanBacklog { gazettes, pages } = backlog(&plan).await?;
        if gazettes > 0 {
            context.telemetry.emit(&Event::LaneBegun { lane: Lane::Ocr, gazettes, pages });
            stages(context, &of_scans, &pool, incomplete).await?;
        }
    }
    Ok(plan)
}

/// What is done with scans. That there is no OCR engine is told once.
async fn scans(context: &Context) -> Scans {
    if context.ocr.mode() == OcrMode::Off {
        return Scans::Unread(Why::Off);
    }
    let ocr = context.ocr.clone();
    let asked = tokio::task::spawn_blocking(move || ocr.engine().err().map(str::to_owned));
    let why = asked.await.unwrap_or_else(|_| Some("the thread that looks for it ended".to_owned()));
    let Some(why) = why else { return Scans::PutOff };
    context.telemetry.emit(&Event::OcrUnavailable { why: &why });
    Scans::Unread(Why::Unavailable(why))
}

/// One lane, from its first page of the catalogue to its last outcome.
async fn stages(
    context: &Context,
    plan: &lister::Plan,
    pool: &Arc<ThreadPool>,
    incomplete: IdSet,
) -> Result<IdSet, RunError> {
    let config = &context.config;
    let spool = spool::Spool::open(&config.spool, context.run())
        .map_err(|source| RunError::Spool { path: config.spool.clone(), source })?;
    // Held here until all stages have ended: its files go with it.
    let spool = Arc::new(spool);
    let plan_of_memory = config.memory_plan();
    let threads = plan_of_memory.readers;
    let room_in_spool = ByteBudget::new(config.spool_budget_mb * 1024 * 1024);
    let texts = ByteBudget::new(plan_of_memory.texts_bytes);
    let load = guard::Load::new(threads);
    // Ends when it is dropped, with the stages.
    let mut watching = JoinSet::new();
    if let Some(deadline) = context.shutdown.deadline() {
        watching.spawn(deadline::watch(context.clone(), deadline));
    }
    watching.spawn(guard::watch(context.clone(), load.clone(), texts.clone(), room_in_spool.clone()));

    let downloads = config.download_concurrency as usize;
    let threads = threads as usize;
    let (claimed_sender, claimed) = mpsc::channel(downloads);
    let (spooled_sender, spooled) = mpsc::channel(threads);
    let (extracted_sender, extracted) = mpsc::channel(threads);
    let (archived_sender, archived) = mpsc::channel(threads);
    let (batch_sender, batches) = mpsc::channel(1);
    let (outcome_sender, outcomes) = mpsc::channel(config.bulk_documents as usize);

    // While the stages work: what comes before claims nothing, and what comes after has nothing to wait for.
    let _keepers = Dependencies::keep(context);
    let mut stages = JoinSet::new();
    let outcome = || outcome_sender.clone();
    stages.spawn(lister::run(context.clone(), plan.clone(), claimed_sender, outcome()));
    stages.spawn(downloader::run(context.clone(), spool.clone(), room_in_spool, claimed, spooled_sender, outcome()));
    let (scans, pool) = (plan.scans.clone(), pool.clone());
    stages.spawn(extractor::run(
        context.clone(),
        Means { scans, pool, texts, load },
        spooled,
        extracted_sender,
        outcome(),
    ));
    stages.spawn(archiver::run(context.clone(), extracted, archived_sender, outcome()));
    stages.spawn(batcher::run(batcher::Bounds::from(&***config), archived, batch_sender));
    stages.spawn(indexer::run(context.clone(), batches, outcome()));
    drop(outcome_sender);
    let (rest, incomplete_then) = oneshot::channel();
    let completer = completer::run(context.clone(), outcomes, incomplete);
    stages.spawn(async move { drop(rest.send(completer.await)) });

    let grace = async {
        context.shutdown.draining().await;
        // Who stops in time has that time.
        if let (Some(StopReason::OutOfTime), Some(deadline)) = (context.shutdown.reason(), context.shutdown.deadline())
        {
            tokio::time::sleep_until(deadline.into()).await;
        }
        tokio::time::sleep(Duration::from_secs(config.grace_seconds)).await;
    };
    let all = async {
        while let Some(stage) = stages.join_next().await {
            if let Err(error) = stage
                && error.is_panic()
            {
                context.stop(StopReason::Internal(format!("a stage of the pipeline panicked: {error}")));
            }
        }
    };
    // What is left behind is given back when the run is closed, or by the next run.
    tokio::select! {
        () = all => {}
        () = context.shutdown.immediate() => {}
        () = grace => {}
    }
    stages.shutdown().await;
    // A lane that was ended at once is the last one.
    Ok(incomplete_then.await.unwrap_or_default())
}

/// Starts the first of the processes that read, so that a machine on which none can be started is found out before
/// anything is claimed, and says how they are confined.
async fn warm_up(context: &Context, pool: &ThreadPool) -> Result<(), RunError> {
    let (answer, started) = oneshot::channel();
    let sandbox = context.sandbox.clone();
    pool.spawn(move || {
        let _ = answer.send(sandbox.warm_up());
    });
    let started = started.await.unwrap_or_else(|_| Err(std::io::Error::other("the thread that starts it ended")));
    let confinement = started.map_err(|source| RunError::Reader(ReadError::NoChild(source)))?;
    context.telemetry.emit(&Event::ReadersConfined { files: confinement.files, network: confinement.network });
    Ok(())
}

/// `None` when the run is stopped first. For what comes before the first claim: there is nothing to drain.
async fn unless_stopped<T>(context: &Context, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        () = context.shutdown.draining() => None,
    }
}

/// `None` when the run is stopped and this takes too long. For what comes after the last outcome.
async fn while_closing<T>(context: &Context, work: impl Future<Output = T>) -> Option<T> {
    let patience = async {
        tokio::select! {
            () = async { context.shutdown.draining().await; tokio::time::sleep(CLOSING).await } => {}
            () = async { context.shutdown.immediate().await; tokio::time::sleep(HASTE).await } => {}
        }
    };
    tokio::select! {
        done = work => Some(done),
        () = patience => None,
    }
}
