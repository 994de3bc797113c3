//! Files that end the process which reads them. Each start of a reading is counted before the file is parsed and
//! forgotten when the reading ends, whatever its outcome; what is left was under way when a process died.
//!
//! Of several that were under way only one is to blame. So a gazette with such a past is read alone, and its start is
//! forgotten before anything else is read: whoever did no harm is cleared, and only what did comes to the bound.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use super::{Context, retrying};
use crate::catalog::{CatalogError, Claim};
use crate::failure::{Failure, FailureCode};
use crate::gazette::GazetteId;

/// Whether a reading of this gazette was under way when a process died.
pub(super) fn is_suspect(claim: &Claim) -> bool {
    claim.starts > 0
}

/// The failure of a gazette that has had its chances and is not read again.
pub(super) fn verdict(claim: &Claim, most_starts: u32) -> Option<Failure> {
    if claim.starts < most_starts {
        return None;
    }
    let before = match &claim.failure {
        // Quarantined before, and not read since.
        Some((code, detail)) if code == FailureCode::Quarantined.as_str() => {
            return Some(Failure::new(FailureCode::Quarantined, detail.clone()));
        }
        Some((code, detail)) => format!("its last failure was {code}: {detail}"),
        None => "no other failure is known of it".to_owned(),
    };
    let starts = claim.starts;
    let detail =
        format!("reading it was started {starts} times, and each time the process died before it ended; {before}");
    Some(Failure::new(FailureCode::Quarantined, detail))
}

/// Where files are read: together, or one suspect alone.
#[derive(Clone, Default)]
pub(super) struct ReadingRoom {
    seats: Arc<RwLock<()>>,
}

/// Held while a file is read.
pub(super) enum Seat {
    Shared { _guard: OwnedRwLockReadGuard<()> },
    Alone { _guard: OwnedRwLockWriteGuard<()> },
}

impl ReadingRoom {
    /// Waits for a seat.
    pub async fn seat(&self, suspect: bool) -> Seat {
        if suspect {
            Seat::Alone { _guard: self.seats.clone().write_owned().await }
        } else {
            Seat::Shared { _guard: self.seats.clone().read_owned().await }
        }
    }

    /// Counts the start of a reading durably. False: the claim is lost.
    pub async fn enter(&self, context: &Context, id: GazetteId) -> Result<bool, CatalogError> {
        let policy = context.retry_policy(context.config.catalog_attempts);
        let start = || context.catalog.start(context.run(), id);
        retrying(context, &policy, "count a start", start).await
    }

    /// The reading has ended. For most gazettes their outcome, soon after, forgets the start.
    pub async fn leave(&self, context: &Context, id: GazetteId, seat: Seat) -> Result<(), CatalogError> {
        if let Seat::Alone { .. } = seat {
            let policy = context.retry_policy(context.config.catalog_attempts);
            let survived = || context.catalog.survived(context.run(), id);
            retrying(context, &policy, "forget a start", survived).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gazette_has_its_chances_and_then_a_name() {
        let claim = |starts, failure: Option<(&str, &str)>| Claim {
            id: GazetteId(1),
            starts,
            failure: failure.map(|(code, detail)| (code.into(), detail.into())),
            ocr_due: 0,
        };
        assert_eq!((is_suspect(&claim(0, None)), is_suspect(&claim(1, None))), (false, true));
        assert_eq!(verdict(&claim(2, None), 3), None);
        for (claim, end) in [
            (
                claim(3, None),
                "started 3 times, and each time the process died before it ended; no other failure is known of it",
            ),
            (
                claim(7, Some(("NOT_FOUND", "404"))),
                "started 7 times, and each time the process died before it ended; \
              its last failure was NOT_FOUND: 404",
            ),
            (claim(3, Some(("QUARANTINED", "as told before"))), "as told before"),
        ] {
            let failure = verdict(&claim, 3).unwrap();
            assert_eq!(failure.code, FailureCode::Quarantined);
            assert!(failure.detail.ends_with(end), "{failure}");
        }
    }
}
