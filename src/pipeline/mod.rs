//! Joins the four boundaries: one direction, bounded channels, one file a stage.
//!
//! ```text
//! lister ─Claimed─▶ downloader ─Spooled─▶ extractor ─Extracted─▶ archiver ─Archived─▶ batcher ─Batch─▶ indexer
//!    └──────────────────┴────────────────────┴──────── Outcome ──────┴────────────────────────────────────┴─▶ completer
//! ```
//! A gazette's byte permit is taken before its download and travels with it until its outcome is recorded.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::budget::{ByteBudget, BytePermit};
use crate::catalog::{Begun, Catalog, CatalogError, Completion, FailedGazette};
use crate::config::Config;
use crate::failure::{Failure, Permanence};
use crate::gazette::{Gazette, GazetteId, RunId, Selection};
use crate::retry::RetryPolicy;
use crate::search_index::{SearchIndex, SearchIndexError};
use crate::shutdown::{Shutdown, StopReason};
use crate::storage::{Storage, StorageError};
use crate::telemetry::{Event, Telemetry, with_causes};

mod archiver;
mod batcher;
mod completer;
mod dependency;
mod downloader;
mod extractor;
mod heartbeat;
mod indexer;
mod lister;
mod pager;
pub mod registrar;
mod report;
mod spool;

pub use report::Report;

/// What a run works with. The three services are reached through their traits only.
#[derive(Clone)]
pub struct Context {
    pub config: Arc<Config>,
    pub catalog: Arc<dyn Catalog>,
    pub storage: Arc<dyn Storage>,
    pub index: Arc<dyn SearchIndex>,
    pub telemetry: Telemetry,
    pub shutdown: Shutdown,
}

impl Context {
    fn run(&self) -> RunId {
        self.telemetry.run()
    }

    fn lease(&self) -> Duration {
        Duration::from_secs(self.config.lease_seconds)
    }

    fn retry_policy(&self, attempts: u32) -> RetryPolicy {
        RetryPolicy {
            attempts,
            min_delay: Duration::from_millis(self.config.retry_min_delay_ms),
            max_delay: Duration::from_millis(self.config.retry_max_delay_ms),
        }
    }

    /// Stops claiming because a service cannot be used; says so once.
    fn stop(&self, reason: StopReason) {
        if self.shutdown.is_running() {
            self.telemetry.emit(&Event::Draining { reason: &reason });
        }
        self.shutdown.drain(reason);
    }
}

/// A gazette whose lease this run holds.
#[derive(Debug)]
struct Claimed {
    gazette: Gazette,
}

/// A gazette whose file lies in the spool.
struct Spooled {
    gazette: Gazette,
    file: spool::SpooledFile,
    permit: BytePermit,
}

/// A gazette whose text is known.
struct Extracted {
    gazette: Gazette,
    text: crate::extraction::Text,
    /// Size of the file.
    bytes: u64,
    permit: BytePermit,
}

/// A gazette whose text is stored: ready to be indexed.
struct Archived {
    document: crate::search_index::Document,
    completion: Completion,
    permit: BytePermit,
}

/// What became of a claimed gazette. The permit is given back when the outcome is recorded.
enum Outcome {
    Acknowledged { completion: Completion, permit: BytePermit },
    Failed { failed: FailedGazette, key: String, permit: Option<BytePermit> },
    Released { id: GazetteId },
}

impl Outcome {
    /// The gazette is set aside.
    fn failed(
        config: &Config,
        gazette: &Gazette,
        failure: Failure,
        bytes: Option<u64>,
        permit: Option<BytePermit>,
    ) -> Self {
        let key = gazette.file_path.clone().unwrap_or_default();
        let failed = set_aside(config, gazette.id, gazette.file_checksum.clone(), failure, bytes);
        Self::Failed { failed, key, permit }
    }
}

/// A failure that may pass is due again after the configured time; others are not by themselves.
fn set_aside(
    config: &Config,
    id: GazetteId,
    file_checksum: Option<String>,
    failure: Failure,
    bytes: Option<u64>,
) -> FailedGazette {
    let retry_after = match failure.code.permanence() {
        Permanence::Permanent => None,
        Permanence::Retryable => Some(Duration::from_secs(config.retry_failed_after_seconds)),
    };
    FailedGazette { id, failure, file_checksum, bytes, retry_after }
}

/// How a run ended.
#[derive(Debug)]
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
    Spool { path: std::path::PathBuf, source: std::io::Error },
    #[error("could not start the pool of {threads} reading threads: lower extraction_threads")]
    Pool { threads: u32, source: rayon::ThreadPoolBuildError },
}

/// Takes the lease, works through the selection, and reports. Whatever ends the run early is in the report.
///
/// # Errors
/// When the run could not begin, or its end could not be written down.
pub async fn run(context: &Context, selection: &Selection) -> Result<Ended, RunError> {
    let policy = context.retry_policy(context.config.catalog_attempts);
    let run = context.run();
    match retrying(context, &policy, "take the lease", || context.catalog.begin_run(run, selection, context.lease()))
        .await?
    {
        Begun::Busy { run, since } => Ok(Ended::Busy { run, since }),
        Begun::Started { recovered } => {
            let heartbeat = tokio::spawn(heartbeat::beat(context.clone()));
            let worked = work(context, selection, recovered).await;
            heartbeat.abort();
            let counts = context.telemetry.counts();
            let stopped_by = match &worked {
                Ok(_) => context.shutdown.reason().map(|reason| reason.as_str().to_owned()),
                Err(_) => Some("could_not_begin".to_owned()),
            };
            let closed = retrying(context, &policy, "close the run", || {
                context.catalog.finish_run(run, &counts, stopped_by.as_deref())
            })
            .await;
            context.telemetry.emit(&Event::RunFinished { stopped_by: stopped_by.as_deref() });
            context.telemetry.close();
            let remaining = worked?;
            // A run that was stopped by its catalogue cannot close its row; the lease runs out by itself.
            if !matches!(context.shutdown.reason(), Some(StopReason::DependencyDown(_) | StopReason::LeaseLost)) {
                closed?;
            }
            Ok(Ended::Ran(Report::new(run, counts, remaining, context.shutdown.reason())))
        }
    }
}

/// Answers with how many gazettes of the selection are left.
async fn work(context: &Context, selection: &Selection, recovered: u64) -> Result<u64, RunError> {
    let policy = context.retry_policy(context.config.catalog_attempts);
    let selection = retrying(context, &policy, "resolve the selection", || context.catalog.resolve(selection)).await?;
    let high_water = retrying(context, &policy, "read the highest id", || context.catalog.high_water_mark()).await?;
    let Some(high_water) = high_water else { return Ok(0) };
    let count = || context.catalog.count(&selection, context.run(), high_water);
    let selected = retrying(context, &policy, "count the selection", count).await?;
    context.telemetry.emit(&Event::RunStarted {
        selection: &serde_json::to_string(&selection).unwrap_or_default(),
        selected,
        recovered,
        memory_budget_bytes: context.config.memory_budget_mb * 1024 * 1024,
    });
    if selected == 0 {
        return Ok(0);
    }
    // A HEAD that is refused says neither why nor whether it is this file alone: the bucket is asked first.
    retrying(context, &policy, "reach the storage", || context.storage.check()).await?;
    retrying(context, &policy, "prepare the index", || context.index.prepare()).await?;
    let plan = lister::Plan { selection, high_water, selected };
    stages(context, &plan).await?;
    if context.telemetry.counts().indexed > 0
        && let Err(error) = context.index.refresh().await
    {
        context.stop(StopReason::DependencyDown(with_causes(&error)));
    }
    let without_outcome = selected.saturating_sub(context.telemetry.counts().finished());
    // Rows that were deleted meanwhile are not left; nor are those beyond the selection's limit.
    let plan = &plan.selection;
    let untouched = context.catalog.count(plan, context.run(), high_water).await;
    Ok(untouched.map_or(without_outcome, |untouched| untouched.min(without_outcome)))
}

async fn stages(context: &Context, plan: &lister::Plan) -> Result<(), RunError> {
    let config = &context.config;
    let spool =
        spool::Spool::open(&config.spool).map_err(|source| RunError::Spool { path: config.spool.clone(), source })?;
    let pool = extractor::pool(config.extraction_threads)
        .map_err(|source| RunError::Pool { threads: config.extraction_threads, source })?;
    // Files are read whole for now, and their text is held beside them: half of the bound is for files.
    let budget = ByteBudget::new(config.memory_budget_mb * 1024 * 1024 / 2);

    let downloads = config.download_concurrency as usize;
    let threads = config.extraction_threads as usize;
    let (claimed_sender, claimed) = mpsc::channel(downloads);
    let (spooled_sender, spooled) = mpsc::channel(threads);
    let (extracted_sender, extracted) = mpsc::channel(threads);
    let (archived_sender, archived) = mpsc::channel(threads);
    let (batch_sender, batches) = mpsc::channel(1);
    let (outcome_sender, outcomes) = mpsc::channel(config.bulk_documents as usize);

    let mut stages = JoinSet::new();
    let outcome = || outcome_sender.clone();
    stages.spawn(lister::run(context.clone(), plan.clone(), claimed_sender, outcome()));
    stages.spawn(downloader::run(context.clone(), spool, budget, claimed, spooled_sender, outcome()));
    stages.spawn(extractor::run(context.clone(), pool, spooled, extracted_sender, outcome()));
    stages.spawn(archiver::run(context.clone(), extracted, archived_sender, outcome()));
    stages.spawn(batcher::run(batcher::Bounds::from(config.as_ref()), archived, batch_sender));
    stages.spawn(indexer::run(context.clone(), batches, outcome()));
    drop(outcome_sender);
    stages.spawn(completer::run(context.clone(), outcomes));

    let grace = async {
        context.shutdown.draining().await;
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
    Ok(())
}

/// Calls a service again while its error may pass, and says so in the log.
async fn retrying<T, E, F, Fut>(context: &Context, policy: &RetryPolicy, operation: &str, call: F) -> Result<T, E>
where
    E: crate::retry::Retry + std::error::Error,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    policy
        .run(call, |error: &E, wait| {
            context.telemetry.emit(&Event::Retrying { operation, error, wait, gazette: None });
        })
        .await
}
