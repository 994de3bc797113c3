//! Whose fault it is: the gazette's, or that of a service that everybody needs; and what is done about the service.
//!
//! Three measures, each for one question. *Attempts* bound what one call may fail before its gazette is to blame.
//! The *breaker* keeps everybody from calling a service that is down; what failed meanwhile is no gazette's fault, so
//! attempts begin anew when it is back. *Patience* bounds how long a service may be down before the run stops.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::Context;
use super::time_left::TimeLeft;
use crate::catalog::{CatalogError, CatalogErrorKind};
use crate::config::Config;
use crate::failure::FailureCode;
use crate::gazette::GazetteId;
use crate::retry::{Retry, RetryPolicy};
use crate::search_index::{SearchIndexError, SearchIndexErrorKind};
use crate::shutdown::StopReason;
use crate::storage::{StorageError, StorageErrorKind};
use crate::telemetry::{Event, with_causes};

mod breaker;
mod concurrency;
mod gate;
mod refusals;

pub(super) use gate::{Entry, Gate};
pub(super) use refusals::{Refusals, Refused};

/// The gates to the three services. Clones share them.
#[derive(Debug, Clone)]
pub struct Dependencies {
    gates: Arc<Gates>,
}

#[derive(Debug)]
struct Gates {
    catalog: Gate,
    storage: Gate,
    index: Gate,
}

/// One of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Catalog,
    Storage,
    Index,
}

impl Dependencies {
    /// All is well at first.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let bounds = breaker::Bounds {
            failures: config.dependency_failures,
            min_wait: Duration::from_millis(config.retry_min_delay_ms),
            max_wait: Duration::from_millis(config.retry_max_delay_ms),
            patience: Duration::from_secs(config.dependency_patience_seconds),
        };
        let gates = Gates {
            // Its connections are bounded already, and it does not ask for fewer.
            catalog: Gate::new("the catalogue", bounds, None),
            storage: Gate::new("the storage", bounds, Some(config.download_concurrency)),
            index: Gate::new("the index", bounds, Some(config.bulk_concurrency)),
        };
        Self { gates: Arc::new(gates) }
    }

    /// So many calls at once from now on, as the settings say that were read anew.
    pub fn bound(&self, config: &Config) {
        self.gates.storage.bound(config.download_concurrency);
        self.gates.index.bound(config.bulk_concurrency);
    }

    pub(super) fn gate(&self, service: Service) -> &Gate {
        match service {
            Service::Catalog => &self.gates.catalog,
            Service::Storage => &self.gates.storage,
            Service::Index => &self.gates.index,
        }
    }

    /// Waits while one of them is down: nothing new is begun that would only wait in turn. Over at once when the run
    /// ends.
    pub(super) async fn settled(&self, context: &Context) {
        let Gates { catalog, storage, index } = &*self.gates;
        let all = async {
            while ![catalog, storage, index].iter().all(|gate| gate.is_settled()) {
                catalog.settled().await;
                storage.settled().await;
                index.settled().await;
            }
        };
        tokio::select! {
            () = all => {}
            () = context.shutdown.draining() => {}
        }
    }

    /// Looks after the breakers until what this answers with is dropped.
    pub(super) fn keep(context: &Context) -> JoinSet<()> {
        let mut keepers = JoinSet::new();
        for service in [Service::Catalog, Service::Storage, Service::Index] {
            let context = context.clone();
            keepers.spawn(async move { context.dependencies.gate(service).keep(&context, service).await });
        }
        keepers
    }
}

/// What an error tells of the service that was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Testimony {
    /// It is there, and answered.
    Answered,
    /// It may be down, or have trouble with just the one thing that it was asked for.
    Doubtful,
    /// It asks for less.
    Overloaded,
    /// Nobody is there.
    Down,
    /// Nothing: the trouble is on this side.
    Nothing,
}

/// The error of a call to a service.
pub(super) trait Testifies: Retry + Error + Send + Sync {
    const SERVICE: Service;
    fn testimony(&self) -> Testimony;
    /// No answer came in the time that prelo gave it.
    fn late(operation: &'static str, after: Duration) -> Self;
}

impl Testifies for CatalogError {
    const SERVICE: Service = Service::Catalog;

    fn testimony(&self) -> Testimony {
        use CatalogErrorKind as Kind;
        match self.kind {
            Kind::Unavailable | Kind::Timeout | Kind::NameNotResolved => Testimony::Down,
            Kind::Unauthorized | Kind::NoDatabase | Kind::TableMissing | Kind::BadUrl | Kind::Blocked | Kind::Other => {
                Testimony::Answered
            }
        }
    }

    fn late(operation: &'static str, after: Duration) -> Self {
        let advice = format!("no answer within {} s; look at its load, and at the network", after.as_secs());
        Self { kind: CatalogErrorKind::Timeout, operation, target: "the database".into(), advice, source: None }
    }
}

impl Testifies for StorageError {
    const SERVICE: Service = Service::Storage;

    fn testimony(&self) -> Testimony {
        use StorageErrorKind as Kind;
        match self.kind {
            Kind::Unavailable | Kind::Timeout => Testimony::Doubtful,
            Kind::Throttled => Testimony::Overloaded,
            Kind::NameNotResolved => Testimony::Down,
            Kind::NotFound
            | Kind::NoBucket
            | Kind::AccessDenied
            | Kind::Unauthorized
            | Kind::Replaced
            | Kind::ClockSkewed
            | Kind::Truncated
            | Kind::BadUrl
            | Kind::BadKey
            | Kind::Other => Testimony::Answered,
        }
    }

    fn late(operation: &'static str, after: Duration) -> Self {
        let advice = format!("not done within {} s (gazette_timeout_seconds)", after.as_secs());
        Self { kind: StorageErrorKind::Timeout, operation, target: "the storage".into(), advice, source: None }
    }
}

impl Testifies for SearchIndexError {
    const SERVICE: Service = Service::Index;

    fn testimony(&self) -> Testimony {
        use SearchIndexErrorKind as Kind;
        match self.kind {
            // Bulks are all alike: what befalls a whole one befalls the next.
            Kind::Unavailable | Kind::Timeout | Kind::NameNotResolved => Testimony::Down,
            Kind::Throttled => Testimony::Overloaded,
            Kind::TooLarge
            | Kind::Blocked
            | Kind::Unauthorized
            | Kind::Locked
            | Kind::NotThere
            | Kind::BadQuery
            | Kind::BadUrl
            | Kind::Other => Testimony::Answered,
        }
    }

    fn late(operation: &'static str, after: Duration) -> Self {
        let advice = format!("no answer within {} s; look at its load, and at the network", after.as_secs());
        let (operation, target) = (operation.to_owned(), "the index".to_owned());
        Self { kind: SearchIndexErrorKind::Timeout, operation, target, advice, source: None }
    }
}

/// Notes how a call failed. Where that decides about the breaker and may lie with the one thing that was asked for,
/// the service itself is asked first.
pub(super) async fn note<E: Testifies>(context: &Context, entry: Entry<'_>, error: &E) {
    let gate = context.dependencies.gate(E::SERVICE);
    match error.testimony() {
        Testimony::Nothing => drop(entry),
        Testimony::Answered => entry.answered(context),
        Testimony::Doubtful if gate.is_decisive() && ask(context, E::SERVICE).await.is_ok() => {
            gate.pressed(context, entry.began());
            entry.answered(context);
        }
        Testimony::Doubtful | Testimony::Overloaded | Testimony::Down => entry.failed(context, error),
    }
}

/// Whether the service is to blame for an error that outlived its attempts. If so, its breaker is open, and it is
/// worth calling again when it lets calls through.
pub(super) async fn is_to_blame<E: Testifies>(context: &Context, error: &E) -> bool {
    let down = match error.testimony() {
        Testimony::Answered | Testimony::Nothing => false,
        Testimony::Doubtful | Testimony::Overloaded => ask(context, E::SERVICE).await.is_err(),
        Testimony::Down => true,
    };
    down && context.dependencies.gate(E::SERVICE).trip(context, error)
}

/// Asks the service itself how it is.
async fn ask(context: &Context, service: Service) -> Result<(), Box<dyn Error + Send + Sync>> {
    match service {
        Service::Catalog => context.catalog.check().await.map(drop)?,
        Service::Storage => context.storage.check().await.map(drop)?,
        Service::Index => context.index.check().await.map(drop)?,
    }
    Ok(())
}

/// How a call ended that was made as often as it was worth it.
pub(super) enum Unanswered<E> {
    /// This is what the service says of what it was asked for.
    Error(E),
    /// The service was given up. The error is that of the last call, if one was made.
    GivenUp(Option<E>),
}

/// What a call is, and how long it may take.
pub(super) struct Terms<'a> {
    /// In the infinitive, for the log.
    pub operation: &'static str,
    pub gazette: Option<GazetteId>,
    pub policy: RetryPolicy,
    pub within: Within<'a>,
}

/// Time for a call. Waiting at the gate costs nothing of it.
pub(super) enum Within<'a> {
    /// For each of its attempts.
    EachTime(Duration),
    /// For all together, the waits between them included.
    Together(&'a TimeLeft),
}

impl Within<'_> {
    async fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        match self {
            Self::EachTime(time) => tokio::time::timeout(*time, work).await.ok(),
            Self::Together(time) => time.run(work).await,
        }
    }
}

/// Calls a service through its gate until it succeeds, fails for good, or its attempts are spent, and says so in the
/// log.
pub(super) async fn call<T, E, F, Fut>(context: &Context, terms: &Terms<'_>, mut call: F) -> Result<T, Unanswered<E>>
where
    E: Testifies,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let Terms { operation, gazette, policy, within } = terms;
    let mut waits = policy.delays();
    let mut last = None;
    loop {
        // Statements are bounded by the pool of connections, texts by the workers that store them: a download that hangs
        // must not hold up the text of another gazette.
        let Some(entry) = context.dependencies.gate(E::SERVICE).enter_beside().await else {
            return Err(Unanswered::GivenUp(last));
        };
        if entry.waited {
            waits = policy.delays();
        }
        let began = Instant::now();
        let error = match within.run(call()).await {
            Some(Ok(answer)) => {
                entry.succeeded(context);
                return Ok(answer);
            }
            Some(Err(error)) => error,
            None => E::late(operation, began.elapsed()),
        };
        note(context, entry, &error).await;
        match if error.is_retryable() { waits.next() } else { None } {
            Some(wait) => {
                context.telemetry.emit(&Event::Retrying { operation, error: &error, wait, gazette: *gazette });
                // Out of time, the next call says so.
                within.run(tokio::time::sleep(wait)).await;
            }
            None if is_to_blame(context, &error).await => waits = policy.delays(),
            None => return Err(Unanswered::Error(error)),
        }
        last = Some(error);
    }
}

/// What an error of the storage that is not its breaker's business means for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This gazette is set aside, with this code.
    Gazette(FailureCode),
    /// The same, unless it happens to every gazette.
    Refused,
    /// The gazette, if the storage itself answers; otherwise the run stops.
    Ask(FailureCode),
    /// No gazette can be read, and waiting does not help: the run stops.
    Storage,
}

pub(super) fn verdict(kind: StorageErrorKind) -> Verdict {
    use StorageErrorKind as Kind;
    match kind {
        Kind::NotFound => Verdict::Gazette(FailureCode::NotFound),
        Kind::BadKey => Verdict::Gazette(FailureCode::InvalidFilePath),
        Kind::Truncated => Verdict::Gazette(FailureCode::SizeMismatch),
        Kind::AccessDenied => Verdict::Refused,
        // The storage was asked when the attempts were spent.
        Kind::Timeout => Verdict::Gazette(FailureCode::DownloadTimeout),
        Kind::Throttled | Kind::Unavailable => Verdict::Gazette(FailureCode::DownloadFailed),
        Kind::Replaced | Kind::Other => Verdict::Ask(FailureCode::DownloadFailed),
        Kind::NoBucket | Kind::Unauthorized | Kind::NameNotResolved | Kind::ClockSkewed | Kind::BadUrl => {
            Verdict::Storage
        }
    }
}

/// What an error of the catalogue that outlived its retries means for the run: running again cannot help against a
/// defect.
pub(super) fn of_catalog(error: &CatalogError) -> StopReason {
    match error.kind {
        CatalogErrorKind::Other => StopReason::Internal(with_causes(error)),
        _ => StopReason::DependencyDown(with_causes(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hits_every_gazette_stops_the_run_and_what_hits_one_does_not() {
        use StorageErrorKind as Kind;
        for (kind, expected) in [
            (Kind::NotFound, Verdict::Gazette(FailureCode::NotFound)),
            (Kind::AccessDenied, Verdict::Refused),
            (Kind::Truncated, Verdict::Gazette(FailureCode::SizeMismatch)),
            (Kind::Timeout, Verdict::Gazette(FailureCode::DownloadTimeout)),
            (Kind::Unavailable, Verdict::Gazette(FailureCode::DownloadFailed)),
            (Kind::Other, Verdict::Ask(FailureCode::DownloadFailed)),
            (Kind::NoBucket, Verdict::Storage),
            (Kind::Unauthorized, Verdict::Storage),
            (Kind::ClockSkewed, Verdict::Storage),
        ] {
            assert_eq!(verdict(kind), expected, "{kind:?}");
        }
    }

    #[test]
    fn only_silence_and_overload_speak_against_a_service() {
        use StorageErrorKind as Kind;
        for (kind, expected) in [
            (Kind::NotFound, Testimony::Answered),
            (Kind::AccessDenied, Testimony::Answered),
            (Kind::Truncated, Testimony::Answered),
            (Kind::Replaced, Testimony::Answered),
            (Kind::Timeout, Testimony::Doubtful),
            (Kind::Unavailable, Testimony::Doubtful),
            (Kind::Throttled, Testimony::Overloaded),
            (Kind::NameNotResolved, Testimony::Down),
        ] {
            let error =
                StorageError { kind, operation: "fetch", target: "a".into(), advice: String::new(), source: None };
            assert_eq!(error.testimony(), expected, "{kind:?}");
        }
    }
}
