//! Fills a new version of the index from what the catalogue knows and the texts that are stored: no file is read again.
//!
//! Runs go on meanwhile, and write to both versions from the moment the new one is begun. What they had sent before they
//! could see it is what was in work at that moment: its marks are waited for, and it is written once more. A document that
//! is in the new version already is newer than the stored text that was read for it, and stays.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Context, RunError, dependency, retrying};
use crate::gazette::GazetteId;
use crate::rfc3339;
use crate::search_index::{Named, SearchIndexErrorKind, Versions, Which};
use crate::shutdown::StopReason;
use crate::telemetry::{Event, with_causes};
use crate::words::{number, t, told};
use filler::Filler;

mod filler;

/// Between two looks at what runs are still at.
const PAUSE: Duration = Duration::from_millis(500);
/// How often counts are compared that a run may be changing.
const COUNTS: u32 = 5;

/// What is to be done.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Go back to the version before, after it was given what it lacks.
    pub back: bool,
    /// Let the new version take its place also when it holds fewer documents.
    pub accept_fewer: bool,
}

/// How it ended.
#[derive(Debug)]
pub enum Reindexed {
    Done(Box<Summary>),
    /// It cannot be begun; why, and what to do.
    Refused(String),
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Summary {
    /// The version that was filled.
    pub version: String,
    /// The one that was searched.
    pub before: Option<String>,
    /// The one that was removed to make room.
    pub removed: Option<String>,
    /// Whether it had been begun earlier.
    pub resumed: bool,
    /// Gazettes that the catalogue knows to be indexed.
    pub gazettes: u64,
    /// Documents in the version that was filled, and in the one before.
    pub documents: u64,
    pub documents_before: Option<u64>,
    pub written: u64,
    pub bytes: u64,
    /// Gazettes without a stored text, and the first of them.
    pub missing: u64,
    pub first_missing: Vec<String>,
    /// Documents that the new mapping refuses, and the reason of the first.
    pub refused: u64,
    pub refusal: Option<String>,
    pub seconds: f64,
    /// Whether it is searched now.
    pub switched: bool,
    /// Why not.
    pub why: Option<String>,
    #[serde(skip)]
    pub stop: Option<StopReason>,
    /// What `missing` and `refused` count.
    #[serde(skip)]
    pub lacking: Lacking,
}

/// Gazettes that the version lacks for good, as far as was seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lacking {
    missing: HashSet<GazetteId>,
    refused: HashSet<GazetteId>,
}

impl Summary {
    /// 0 when the version is searched and lacks nothing, 3 when something is left to be looked at.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match &self.stop {
            Some(reason) => reason.exit_code(),
            None if self.switched && self.missing == 0 && self.refused == 0 => 0,
            None => 3,
        }
    }
}

/// Fills a version and puts it in its place. `tell` hears how many of how many gazettes are done.
///
/// # Errors
/// When a service cannot be used from the start. What fails later stops it, which the summary says; the next call goes on.
pub async fn reindex(
    context: &Context,
    options: Options,
    tell: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<Reindexed, RunError> {
    let Some(versions) = context.index.versions() else {
        return Ok(Reindexed::Refused("this index has no versions".into()));
    };
    let policy = context.retry_policy(context.config.catalog_attempts);
    retrying(context, &policy, "reach the catalogue", || context.catalog.check()).await?;
    retrying(context, &policy, "reach the storage", || context.storage.check()).await?;
    let Some(_held) = versions.hold().await? else {
        return Ok(Reindexed::Refused(t(AT_WORK).into()));
    };
    let started = Instant::now();
    let mut summary = Summary::default();
    let named = match begin(context, versions, options, &mut summary).await? {
        Ok(named) => named,
        Err(why) => return Ok(Reindexed::Refused(why)),
    };
    let next = versions.next().await?;
    let plan = context.config.memory_plan();
    // No reader is started: its share is for texts.
    let room = plan.texts_bytes + plan.scans_bytes();
    let filler = Filler::new(context, next, room);
    let changed_since = named.next.and_then(|next| next.changed_since);
    let work = Work { filler: &filler, options, versions, resumed: summary.resumed || options.back, changed_since };
    let ended = tokio::select! {
        ended = work.all(&mut summary, tell) => ended,
        () = context.shutdown.immediate() => Ok(()),
    };
    match ended {
        Ok(()) => {}
        Err(RunError::Catalog(error)) => context.stop(dependency::of_catalog(&error)),
        Err(error) => context.stop(StopReason::DependencyDown(with_causes(&error))),
    }
    if !summary.switched && is_in_place(versions, &summary).await {
        summary.switched = true;
        summary.why = Some(t(IN_PLACE_ALREADY).into());
    }
    summary.stop = if summary.switched { None } else { context.shutdown.reason() };
    summary.seconds = started.elapsed().as_secs_f64();
    Ok(Reindexed::Done(Box::new(summary)))
}

const AT_WORK: &str = "another `prelo reindex` is at work on this index: leave it to that one";
const IN_PLACE_ALREADY: &str = "It was in its place already when this one came to it: perhaps another `prelo reindex` was at work, too. \
     `prelo verify --quick` says whether all is well.";

/// Whether somebody else has put the version in its place.
async fn is_in_place(versions: &dyn Versions, summary: &Summary) -> bool {
    let named = versions.named().await.ok();
    let current = named.and_then(|named| named.current);
    current.as_ref() == Some(&summary.version) && current != summary.before
}

/// The versions with one to be filled, begun or found; or why there can be none.
async fn begin(
    context: &Context,
    versions: &dyn Versions,
    options: Options,
    summary: &mut Summary,
) -> Result<Result<Named, String>, RunError> {
    let mut named = versions.named().await?;
    match (&named.next, options.back) {
        (Some(next), true) if !next.back => {
            let why = "{version} is being filled: finish it with `prelo reindex`, or give it up with --cancel";
            return Ok(Err(told(why, &[("version", &next.name)])));
        }
        (Some(next), false) if next.back => {
            let why = "going back to {version} was begun: finish it with --rollback, or --cancel";
            return Ok(Err(told(why, &[("version", &next.name)])));
        }
        (Some(_), _) => summary.resumed = true,
        (None, true) if named.previous.is_none() => {
            let why =
                "there is no version to go back to: a version is kept until the next `prelo reindex`, or --drop-old";
            return Ok(Err(t(why).into()));
        }
        (None, back) => {
            let policy = context.retry_policy(context.config.catalog_attempts);
            let now = retrying(context, &policy, "ask for the time", || context.catalog.now()).await?;
            let now = rfc3339::of_utc(now).unwrap_or_default();
            if back {
                versions.begin_back(&now).await?;
            } else {
                summary.removed = versions.discard(Which::Previous).await?;
                match versions.begin(&now).await {
                    Err(error) if error.kind == SearchIndexErrorKind::Locked => return Ok(Err(t(AT_WORK).into())),
                    begun => begun?,
                }
            }
            named = versions.named().await?;
        }
    }
    let version = named.next.as_ref().map(|next| next.name.clone()).unwrap_or_default();
    context.telemetry.emit(&Event::VersionBegun { version: &version, resumed: summary.resumed });
    (summary.version, summary.before) = (version, named.current.clone());
    Ok(Ok(named))
}

struct Work<'a> {
    filler: &'a Filler<'a>,
    options: Options,
    versions: &'a dyn Versions,
    /// Some of it may be there.
    resumed: bool,
    changed_since: Option<String>,
}

impl Work<'_> {
    async fn all(&self, summary: &mut Summary, tell: &mut (dyn FnMut(u64, u64) + Send)) -> Result<(), RunError> {
        let context = self.filler.context;
        let policy = context.retry_policy(context.config.catalog_attempts);
        let in_work = retrying(context, &policy, "look at what is in work", || context.catalog.in_flight()).await?;
        summary.gazettes =
            retrying(context, &policy, "count what was indexed", || context.catalog.count_indexed()).await?;
        let since = self.changed_since.as_deref().and_then(rfc3339::read);
        // Where all of it may have changed, it is all written below.
        if since.is_some() {
            let mut progress = Progress::new(context, summary.gazettes, tell);
            self.filler.fill(self.resumed, summary, &mut progress).await?;
        }
        self.marks_of(in_work.into_iter().collect()).await?;
        if !context.shutdown.is_running() {
            return Ok(());
        }
        self.filler.catch_up(since, summary).await?;
        if context.shutdown.is_running() && self.agrees(summary).await? {
            self.versions.switch().await?;
            summary.switched = true;
            context.telemetry.emit(&Event::VersionSearched { version: &summary.version, documents: summary.documents });
        }
        Ok(())
    }

    /// Waits until runs have given or marked what they had in work when the version was begun.
    async fn marks_of(&self, in_work: HashSet<(GazetteId, crate::gazette::RunId)>) -> Result<(), RunError> {
        let context = self.filler.context;
        let policy = context.retry_policy(context.config.catalog_attempts);
        while !in_work.is_empty() && context.shutdown.is_running() {
            let now = retrying(context, &policy, "look at what is in work", || context.catalog.in_flight()).await?;
            if !now.iter().any(|held| in_work.contains(held)) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Whether the version holds what it should. A run may be writing: what is counted a moment later may agree.
    async fn agrees(&self, summary: &mut Summary) -> Result<bool, RunError> {
        let context = self.filler.context;
        let policy = context.retry_policy(context.config.catalog_attempts);
        for attempt in 1..=COUNTS {
            summary.gazettes =
                retrying(context, &policy, "count what was indexed", || context.catalog.count_indexed()).await?;
            // The one before is counted first: what is written meanwhile is in both.
            summary.documents_before = match context.index.refresh().await {
                Ok(()) => context.index.count().await.ok(),
                Err(_) => None,
            };
            retrying(context, &policy, "refresh the new version", || self.filler.next.refresh()).await?;
            summary.documents = retrying(context, &policy, "count the documents", || self.filler.next.count()).await?;
            let lacking = summary.missing + summary.refused;
            let whole = summary.documents + lacking >= summary.gazettes;
            let no_fewer = summary.documents_before.is_none_or(|before| summary.documents >= before);
            if whole && (no_fewer || self.options.accept_fewer) {
                return Ok(true);
            }
            if attempt < COUNTS {
                tokio::time::sleep(PAUSE).await;
            }
        }
        let before = summary.documents_before.unwrap_or_default();
        let why = "{documents} documents are in the new version, {before} in the one that is searched, and the catalogue knows \
                   {gazettes} gazettes to be indexed; `prelo verify` names what does not agree, and --accept-fewer lets the new \
                   version take its place all the same";
        summary.why = Some(told(
            why,
            &[
                ("documents", &number(summary.documents)),
                ("before", &number(before)),
                ("gazettes", &number(summary.gazettes)),
            ],
        ));
        Ok(false)
    }
}

/// Says now and then how far it is.
struct Progress<'a> {
    context: &'a Context,
    done: u64,
    all: u64,
    told: Instant,
    tell: &'a mut (dyn FnMut(u64, u64) + Send),
}

impl<'a> Progress<'a> {
    fn new(context: &'a Context, all: u64, tell: &'a mut (dyn FnMut(u64, u64) + Send)) -> Self {
        Self { context, done: 0, all, told: Instant::now(), tell }
    }

    fn add(&mut self, done: u64) {
        self.done += done;
        (self.tell)(self.done, self.all);
        if self.told.elapsed() > Duration::from_secs(30) {
            self.told = Instant::now();
            self.context.telemetry.emit(&Event::VersionFilled { documents: self.done, all: self.all });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_to_look_at_is_told_by_the_exit_code() {
        let done = Summary { switched: true, ..Summary::default() };
        assert_eq!(done.exit_code(), 0);
        assert_eq!(Summary { missing: 1, ..done.clone() }.exit_code(), 3);
        assert_eq!(Summary { switched: false, ..done.clone() }.exit_code(), 3);
        assert_eq!(Summary { stop: Some(StopReason::Signal(15)), ..done }.exit_code(), 143);
    }
}
