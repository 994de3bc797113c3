//! Whose fault it is: the gazette's, or that of a service that everybody needs. A pure decision, and the question to
//! the service where the error alone cannot tell.

use std::sync::atomic::{AtomicU32, Ordering};

use super::Context;
use crate::catalog::{CatalogError, CatalogErrorKind};
use crate::failure::{Failure, FailureCode};
use crate::shutdown::StopReason;
use crate::storage::{StorageError, StorageErrorKind};
use crate::telemetry::with_causes;

/// So many refusals without one success are taken for a refusal of everything.
const DENIALS_IN_A_ROW: u32 = 10;

/// What an error of the storage means for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// This gazette is set aside, with this code.
    Gazette(FailureCode),
    /// The same, unless it happens to every gazette.
    GazetteUnlessAll(FailureCode),
    /// The gazette, if the storage itself answers; otherwise the run stops.
    Ask(FailureCode),
    /// No gazette can be read: the run stops.
    Storage,
}

fn verdict(kind: StorageErrorKind) -> Verdict {
    use StorageErrorKind as Kind;
    match kind {
        Kind::NotFound => Verdict::Gazette(FailureCode::NotFound),
        Kind::BadKey => Verdict::Gazette(FailureCode::InvalidFilePath),
        Kind::Truncated => Verdict::Gazette(FailureCode::SizeMismatch),
        Kind::AccessDenied => Verdict::GazetteUnlessAll(FailureCode::AccessDenied),
        Kind::Timeout => Verdict::Ask(FailureCode::DownloadTimeout),
        Kind::Replaced | Kind::Throttled | Kind::Unavailable | Kind::Other => Verdict::Ask(FailureCode::DownloadFailed),
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

/// Watches the storage over a run.
#[derive(Debug, Default)]
pub(super) struct StorageWatch {
    denials: AtomicU32,
}

impl StorageWatch {
    /// The storage handed something out.
    pub fn succeeded(&self) {
        self.denials.store(0, Ordering::Relaxed);
    }

    /// Turns an error that outlived its retries into the gazette's failure; `None` when the run stops instead and the
    /// gazette is to be given back.
    pub async fn judge(&self, context: &Context, error: &StorageError) -> Option<Failure> {
        let code = match verdict(error.kind) {
            Verdict::Gazette(code) => Some(code),
            Verdict::GazetteUnlessAll(code) => {
                let denials = self.denials.fetch_add(1, Ordering::Relaxed) + 1;
                (denials < DENIALS_IN_A_ROW).then_some(code)
            }
            Verdict::Ask(code) => context.storage.check().await.is_ok().then_some(code),
            Verdict::Storage => None,
        };
        let detail = with_causes(error);
        match code {
            Some(code) => Some(Failure::new(code, detail)),
            None => {
                context.stop(StopReason::DependencyDown(detail));
                None
            }
        }
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
            (Kind::AccessDenied, Verdict::GazetteUnlessAll(FailureCode::AccessDenied)),
            (Kind::Truncated, Verdict::Gazette(FailureCode::SizeMismatch)),
            (Kind::Timeout, Verdict::Ask(FailureCode::DownloadTimeout)),
            (Kind::Unavailable, Verdict::Ask(FailureCode::DownloadFailed)),
            (Kind::NoBucket, Verdict::Storage),
            (Kind::Unauthorized, Verdict::Storage),
            (Kind::ClockSkewed, Verdict::Storage),
        ] {
            assert_eq!(verdict(kind), expected, "{kind:?}");
        }
    }
}
