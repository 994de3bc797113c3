//! Joins the four boundaries: one direction, bounded channels, one file a stage.
//!
//! ```text
//! lister ─Claimed─▶ downloader ─Spooled─▶ extractor ─Extracted─▶ archiver ─Archived─▶ batcher ─Batch─▶ indexer
//!    └──────────────────┴────────────────────┴──────── Outcome ──────┴────────────────────────────────────┴─▶ completer
//! ```
//! A file's room in the spool is taken before its download and given back when it was read. What its text costs in memory
//! is taken before the text is taken in from the process that read it, and travels with it until its outcome is recorded.

use std::sync::Arc;
use std::time::Duration;

use crate::budget::BytePermit;
use crate::catalog::{Catalog, Completion, Deferred, FailedGazette, Interrupted, Timings};
use crate::config::{Config, LiveConfig};
use crate::extraction::ocr::Ocr;
use crate::extraction::sandbox::Sandbox;
use crate::failure::{Failure, Permanence};
use crate::gazette::{Gazette, GazetteId, RunId};
use crate::retry::{Recheck, RetryPolicy};
use crate::search_index::SearchIndex;
use crate::shutdown::{Shutdown, StopReason};
use crate::storage::{FileVersion, Storage};
use crate::telemetry::{Event, Telemetry};

mod archiver;
mod batcher;
mod completer;
mod deadline;
mod dependency;
mod downloader;
mod extractor;
mod guard;
mod heartbeat;
mod id_set;
mod indexer;
mod lister;
mod pager;
mod quarantine;
mod queue;
mod recognizer;
pub mod registrar;
pub mod reindexer;
mod report;
mod runner;
mod spool;
mod spool_room;
pub mod story;
mod time_left;
pub mod verifier;
mod workers;

pub use dependency::Dependencies;
pub use report::Report;
pub use runner::{Ended, RunError, run};

/// What a run works with. The three services are reached through their traits only.
#[derive(Clone)]
pub struct Context {
    pub config: Arc<LiveConfig>,
    pub catalog: Arc<dyn Catalog>,
    pub storage: Arc<dyn Storage>,
    pub index: Arc<dyn SearchIndex>,
    /// Where documents are read.
    pub sandbox: Arc<Sandbox>,
    /// Who reads scans.
    pub ocr: Arc<Ocr>,
    pub telemetry: Telemetry,
    pub shutdown: Shutdown,
    /// How the three services are doing in this run.
    pub dependencies: Dependencies,
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
    /// It was being read when a process died: see [`quarantine`].
    suspect: bool,
    /// Of a file of a folder: the version that the gazette's checksum is of.
    version: Option<FileVersion>,
    /// As in [`Claim`](crate::catalog::Claim).
    ocr_due: u32,
}

/// A gazette whose file lies in the spool.
struct Spooled {
    gazette: Gazette,
    /// As in [`Claimed`].
    suspect: bool,
    /// As in [`Claimed`].
    ocr_due: u32,
    file: spool::SpooledFile,
    /// Room in the spool.
    permit: BytePermit,
    time: time_left::TimeLeft,
}

/// A gazette whose text is known.
struct Extracted {
    gazette: Gazette,
    text: crate::extraction::Text,
    /// Size of the file.
    bytes: u64,
    /// Memory for the text.
    permit: BytePermit,
    time: time_left::TimeLeft,
}

/// A gazette whose text is stored: ready to be indexed.
struct Archived {
    document: crate::search_index::Document,
    completion: Completion,
    permit: BytePermit,
}

/// What became of a claimed gazette. The permit is given back when the outcome is recorded.
enum Outcome {
    Acknowledged {
        completion: Completion,
        permit: BytePermit,
    },
    Failed {
        failed: FailedGazette,
        key: String,
        permit: Option<BytePermit>,
    },
    Released {
        id: GazetteId,
    },
    /// The same, and its scans were read in part.
    Interrupted {
        interrupted: Interrupted,
    },
    /// Somebody else took it over.
    Lost {
        id: GazetteId,
    },
    /// It waits for OCR.
    Deferred {
        deferred: Deferred,
    },
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

/// A failure that may pass is due again after a while, ever longer; others are not by themselves.
fn set_aside(
    config: &Config,
    id: GazetteId,
    file_checksum: Option<String>,
    failure: Failure,
    bytes: Option<u64>,
) -> FailedGazette {
    let recheck = |attempts| Recheck {
        first: Duration::from_secs(config.retry_failed_after_seconds),
        longest: Duration::from_secs(config.retry_failed_max_seconds),
        attempts,
    };
    let recheck = match failure.code.permanence() {
        Permanence::Permanent => None,
        Permanence::Retryable => Some(recheck(Some(config.failed_attempts))),
        Permanence::External => Some(recheck(None)),
    };
    FailedGazette { id, failure, file_checksum, bytes, recheck, timings: Timings::new() }
}

/// Calls a service again while its error may pass, and says so in the log. Once the service was given up, what is left
/// to be said to it is tried all the same, as often as a call is.
async fn retrying<T, E, F, Fut>(
    context: &Context,
    policy: &RetryPolicy,
    operation: &'static str,
    mut call: F,
) -> Result<T, E>
where
    E: dependency::Testifies,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    // While the stages work, silence must not hold them up for ever. What counts a whole catalogue may take its time.
    let kept = context.dependencies.gate(E::SERVICE).is_kept();
    let within = if kept { context.lease().max(Duration::from_mins(1)) } else { Duration::MAX };
    let within = dependency::Within::EachTime(within);
    let terms = dependency::Terms { operation, gazette: None, policy: *policy, within };
    match dependency::call(context, &terms, &mut call).await {
        Ok(answer) => Ok(answer),
        Err(dependency::Unanswered::Error(error) | dependency::Unanswered::GivenUp(Some(error))) => Err(error),
        Err(dependency::Unanswered::GivenUp(None)) => {
            policy
                .run(call, |error: &E, wait| {
                    context.telemetry.emit(&Event::Retrying { operation, error, wait, gazette: None });
                })
                .await
        }
    }
}
