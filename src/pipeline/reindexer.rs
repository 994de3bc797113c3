//! Fills a new version of the index from what the catalogue knows and the texts that are stored: no file is read again.
//!
//! Runs go on meanwhile, and write to both versions from the moment the new one is begun. What they had sent before they
//! could see it is what was in work at that moment: its marks are waited for, and it is written once more. A document that
//! is in the new version already is newer than the stored text that was read for it, and stays.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use md5::{Digest, Md5};
use serde::Serialize;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::checksum::hex;
use super::{Context, RunError, dependency, retrying};
use crate::budget::{ByteBudget, MemoryPlan};
use crate::catalog::{Indexed, IndexedQuery};
use crate::gazette::GazetteId;
use crate::search_index::document::{Links, Provenance};
use crate::search_index::{
    Document, ItemOutcome, Named, SearchIndexError, SearchIndexErrorKind, Version, Versions, Which,
};
use crate::shutdown::StopReason;
use crate::storage::{StorageErrorKind, text_key};
use crate::telemetry::{Event, with_causes};

/// Between two looks at what runs are still at.
const PAUSE: Duration = Duration::from_millis(500);
/// How often counts are compared that a run may be changing.
const COUNTS: u32 = 5;
/// Texts that are fetched at once for a bulk.
const FETCHES: usize = 8;
/// Gazettes named when their texts are missing.
const NAMED: usize = 20;

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
    /// Gazettes whose stored text is not the one that was indexed; it was taken as it is.
    pub altered: u64,
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
    let filler = Filler { context, next, budget: ByteBudget::new(room), bounds: Bounds::new(context, room) };
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
    summary.stop = if summary.switched { None } else { context.shutdown.reason() };
    summary.seconds = started.elapsed().as_secs_f64();
    Ok(Reindexed::Done(Box::new(summary)))
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
            let why =
                format!("{} is being filled: finish it with `prelo reindex`, or give it up with --cancel", next.name);
            return Ok(Err(why));
        }
        (Some(next), false) if next.back => {
            let why = format!("going back to {} was begun: finish it with --rollback, or --cancel", next.name);
            return Ok(Err(why));
        }
        (Some(_), _) => summary.resumed = true,
        (None, true) if named.previous.is_none() => {
            let why =
                "there is no version to go back to: a version is kept until the next `prelo reindex`, or --drop-old";
            return Ok(Err(why.into()));
        }
        (None, back) => {
            let policy = context.retry_policy(context.config.catalog_attempts);
            let now = retrying(context, &policy, "ask for the time", || context.catalog.now()).await?;
            let now = now.assume_utc().format(&Rfc3339).unwrap_or_default();
            if back {
                versions.begin_back(&now).await?;
            } else {
                summary.removed = versions.discard(Which::Previous).await?;
                versions.begin(&now).await?;
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
        let since = self.changed_since.as_deref().and_then(moment);
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
        summary.why = Some(format!(
            "{} documents are in the new version, {before} in the one that is searched, and the catalogue knows {} \
             gazettes to be indexed; `prelo verify` names what does not agree, and --accept-fewer lets the new version \
             take its place all the same",
            summary.documents, summary.gazettes
        ));
        Ok(false)
    }
}

fn moment(text: &str) -> Option<PrimitiveDateTime> {
    let parsed = OffsetDateTime::parse(text, &Rfc3339).ok()?.to_offset(time::UtcOffset::UTC);
    Some(PrimitiveDateTime::new(parsed.date(), parsed.time()))
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

/// When a bulk is full.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    documents: usize,
    /// Of texts.
    bytes: u64,
}

impl Bounds {
    /// The embedded index commits each bulk, and takes the same time for a small one.
    fn new(context: &Context, room: u64) -> Self {
        let config = &context.config;
        if config.index.expose().starts_with("tantivy") {
            return Self { documents: 5_000, bytes: room / MemoryPlan::COPIES_OF_A_TEXT / 4 };
        }
        Self { documents: config.bulk_documents as usize, bytes: config.bulk_size_mb * 1024 * 1024 }
    }
}

/// What a text is taken to weigh before it is fetched: most letters of Portuguese are one byte.
fn weight(row: &Indexed) -> u64 {
    let characters = row.state.characters.unwrap_or(64 * 1024);
    characters + characters / 8 + 2_048
}

/// Rows whose texts go into one bulk.
fn bulks(rows: Vec<Indexed>, bounds: Bounds) -> Vec<Vec<Indexed>> {
    let mut bulks: Vec<Vec<Indexed>> = Vec::new();
    let mut bytes = 0;
    for row in rows {
        let weight = weight(&row);
        match bulks.last_mut() {
            Some(bulk) if bulk.len() < bounds.documents && bytes + weight <= bounds.bytes => {
                bytes += weight;
                bulk.push(row);
            }
            _ => {
                bytes = weight;
                bulks.push(vec![row]);
            }
        }
    }
    bulks
}

/// What came of a bulk.
#[derive(Default)]
struct Written {
    gazettes: u64,
    documents: u64,
    bytes: u64,
    missing: Vec<String>,
    altered: u64,
    refused: Vec<String>,
}

impl Summary {
    fn add(&mut self, written: Written) {
        self.written += written.documents;
        self.bytes += written.bytes;
        self.altered += written.altered;
        self.missing += written.missing.len() as u64;
        self.refused += written.refused.len() as u64;
        self.refusal = self.refusal.take().or_else(|| written.refused.into_iter().next());
        let room = NAMED.saturating_sub(self.first_missing.len());
        self.first_missing.extend(written.missing.into_iter().take(room));
    }
}

struct Filler<'a> {
    context: &'a Context,
    next: Box<dyn Version>,
    /// Memory for texts on their way.
    budget: ByteBudget,
    bounds: Bounds,
}

impl Filler<'_> {
    /// Everything that is not there yet, page by page, several bulks at once.
    async fn fill(&self, resumed: bool, summary: &mut Summary, progress: &mut Progress<'_>) -> Result<(), RunError> {
        let pages = stream::try_unfold(None, |before| async move {
            if !self.context.shutdown.is_running() {
                return Ok(None);
            }
            let rows = self.rows(IndexedQuery::Page { before, since: None, page_size: self.page_size() }).await?;
            let Some(last) = rows.last().map(|row| row.gazette.id) else { return Ok(None) };
            let rows = if resumed { self.lacking(rows).await? } else { rows };
            let bulks = bulks(rows, self.bounds).into_iter().map(Ok::<_, RunError>);
            Ok::<_, RunError>(Some((stream::iter(bulks), Some(last))))
        });
        let written = pages
            .try_flatten()
            .map_ok(|bulk| self.write(bulk, false))
            .try_buffer_unordered(self.context.config.bulk_concurrency.max(2) as usize);
        let mut written = std::pin::pin!(written);
        while let Some(written) = written.try_next().await? {
            progress.add(written.gazettes);
            summary.add(written);
        }
        Ok(())
    }

    /// What was indexed since: it is written as it is now, and looked at again until no run was at it meanwhile.
    async fn catch_up(&self, since: Option<PrimitiveDateTime>, summary: &mut Summary) -> Result<(), RunError> {
        let mut before = None;
        while self.context.shutdown.is_running() {
            let mut rows = self.rows(IndexedQuery::Page { before, since, page_size: self.page_size() }).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            before = Some(last.gazette.id);
            while !rows.is_empty() && self.context.shutdown.is_running() {
                let seen = rows.clone();
                for bulk in bulks(rows, self.bounds) {
                    // Counted when they were filled in, those that are missing for good included.
                    let Written { documents, bytes, .. } = self.write(bulk, true).await?;
                    summary.add(Written { documents, bytes, ..Written::default() });
                }
                let ids: Vec<GazetteId> = seen.iter().map(|row| row.gazette.id).collect();
                rows = self.rows(IndexedQuery::Ids(&ids)).await?;
                rows.retain(|row| row.in_flight || !seen.contains(row));
                if !rows.is_empty() {
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        Ok(())
    }

    fn page_size(&self) -> u32 {
        self.context.config.page_size.clamp(1, 5_000)
    }

    async fn rows(&self, which: IndexedQuery<'_>) -> Result<Vec<Indexed>, RunError> {
        let policy = self.context.retry_policy(self.context.config.catalog_attempts);
        Ok(retrying(self.context, &policy, "read a page", || self.context.catalog.indexed(which)).await?)
    }

    /// Rows without a document.
    async fn lacking(&self, mut rows: Vec<Indexed>) -> Result<Vec<Indexed>, RunError> {
        let ids: Vec<GazetteId> = rows.iter().map(|row| row.gazette.id).collect();
        let policy = self.context.retry_policy(self.context.config.catalog_attempts);
        let held = retrying(self.context, &policy, "look documents up", || self.next.held(&ids)).await?;
        let held: HashSet<GazetteId> = held.into_iter().map(|held| held.gazette).collect();
        rows.retain(|row| !held.contains(&row.gazette.id));
        Ok(rows)
    }

    async fn write(&self, bulk: Vec<Indexed>, replace: bool) -> Result<Written, RunError> {
        let cost = bulk.iter().map(weight).sum::<u64>().saturating_mul(MemoryPlan::COPIES_OF_A_TEXT);
        let _permit = self.budget.acquire(cost).await;
        let mut written = Written { gazettes: bulk.len() as u64, ..Written::default() };
        let mut documents = Vec::with_capacity(bulk.len());
        let mut texts = stream::iter(bulk)
            .map(|row| async move {
                let text = self.text(&row).await?;
                Ok::<_, RunError>((row, text))
            })
            .buffered(FETCHES);
        while let Some((row, text)) = texts.try_next().await? {
            let Some(text) = text else {
                written.missing.push(format!(
                    "{} {}",
                    row.gazette.id,
                    row.gazette.file_path.as_deref().unwrap_or_default()
                ));
                continue;
            };
            let differs = |checksum: &String| hex(&Md5::digest(text.as_bytes())) != *checksum;
            written.altered += u64::from(!row.in_flight && row.state.text_checksum.as_ref().is_some_and(differs));
            written.bytes += text.len() as u64;
            documents.push(self.document(row, text));
        }
        written.refused = self.send(&documents.iter().collect::<Vec<_>>(), replace).await?;
        written.documents = documents.len() as u64 - written.refused.len() as u64;
        Ok(written)
    }

    /// The stored text; `None` when there is none.
    async fn text(&self, row: &Indexed) -> Result<Option<String>, RunError> {
        let key = row.gazette.file_path.as_deref().unwrap_or_default();
        let policy = self.context.retry_policy(self.context.config.download_attempts);
        match retrying(self.context, &policy, "read a text", || self.context.storage.get_text(key)).await {
            // What prelo stored is UTF-8, and quicker looked at as a whole.
            Ok(text) => Ok(Some(match std::str::from_utf8(&text) {
                Ok(text) => text.to_owned(),
                Err(_) => String::from_utf8_lossy(&text).into_owned(),
            })),
            Err(error) if matches!(error.kind, StorageErrorKind::NotFound | StorageErrorKind::BadKey) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn document(&self, row: Indexed, text: String) -> Document {
        let Indexed { gazette, state, .. } = row;
        let config = &self.context.config;
        let provenance = Provenance {
            extractor_version: state.extractor_version.unwrap_or_default(),
            pages: state.pages.unwrap_or_default(),
            ocr_pages: state.ocr_pages.unwrap_or_default(),
            ocr_page_numbers: state.ocr_page_numbers.unwrap_or_default(),
            ocr_confidence: state.ocr_confidence,
            quality: state.quality,
            run_id: state.run_id.map(|run| run.to_string()).unwrap_or_default(),
            indexed_at: state
                .indexed_at
                .and_then(|indexed_at| indexed_at.assume_utc().format(&Rfc3339).ok())
                .unwrap_or_default(),
        };
        let links = Links { files_endpoint: config.files_endpoint.clone(), relative: config.use_relative_file_paths };
        let key = text_key(gazette.file_path.as_deref().unwrap_or_default());
        Document::new(&gazette, text, &key, &links, provenance)
    }

    /// Until each has its outcome; answers with why some were refused.
    async fn send(&self, documents: &[&Document], replace: bool) -> Result<Vec<String>, RunError> {
        let context = self.context;
        let policy = context.retry_policy(context.config.bulk_attempts);
        let mut refused = Vec::new();
        let mut left = vec![documents.to_vec()];
        let mut waits = policy.delays();
        while let Some(bulk) = left.pop() {
            if bulk.is_empty() {
                continue;
            }
            let write = || async { if replace { self.next.bulk(&bulk).await } else { self.next.add(&bulk).await } };
            let outcomes = match retrying(context, &policy, "write to the new version", write).await {
                Err(error) if error.kind == SearchIndexErrorKind::TooLarge && bulk.len() > 1 => {
                    let (head, tail) = bulk.split_at(bulk.len() / 2);
                    left.extend([tail.to_vec(), head.to_vec()]);
                    continue;
                }
                Err(error) if error.kind == SearchIndexErrorKind::TooLarge => {
                    refused.push(with_causes(&error));
                    continue;
                }
                outcomes => outcomes?,
            };
            let mut again = Vec::new();
            let mut reason = String::new();
            for (document, outcome) in bulk.iter().zip(outcomes) {
                match outcome {
                    ItemOutcome::Acknowledged => {}
                    ItemOutcome::Rejected(failure) => refused.push(format!("gazette {}: {failure}", document.id)),
                    ItemOutcome::Resend(why) => {
                        again.push(*document);
                        reason = why;
                    }
                }
            }
            if !again.is_empty() {
                let Some(wait) = waits.next() else { return Err(too_busy(&reason).into()) };
                tokio::time::sleep(wait).await;
                left.push(again);
            }
        }
        Ok(refused)
    }
}

fn too_busy(reason: &str) -> SearchIndexError {
    SearchIndexError {
        kind: SearchIndexErrorKind::Throttled,
        operation: "write to the new version".into(),
        target: "the index".into(),
        advice: format!("it refused some documents again and again: {reason}; give it more room, then go on"),
        source: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::GazetteState;
    use crate::gazette::Gazette;

    fn row(id: i64, characters: u64) -> Indexed {
        let gazette = Gazette {
            id: GazetteId(id),
            territory_id: None,
            territory: None,
            date: None,
            edition_number: None,
            is_extra_edition: None,
            power: None,
            file_checksum: None,
            file_path: None,
            file_url: None,
            scraped_at: None,
            created_at: None,
        };
        let state = GazetteState { characters: Some(characters), ..GazetteState::default() };
        Indexed { gazette, state, in_flight: false }
    }

    #[test]
    fn bulks_are_closed_by_documents_and_by_bytes() {
        for (characters, documents, bytes, sizes) in [
            (vec![], 3, 1_000_000, vec![]),
            (vec![10; 7], 3, 1_000_000, vec![3, 3, 1]),
            (vec![80_000, 80_000, 80_000], 9, 200_000, vec![2, 1]),
            (vec![900_000, 10, 900_000], 9, 200_000, vec![1, 1, 1]),
        ] {
            let rows = (0..).zip(&characters).map(|(id, characters)| row(id, *characters)).collect();
            let made: Vec<usize> = bulks(rows, Bounds { documents, bytes }).iter().map(Vec::len).collect();
            assert_eq!(made, sizes, "{characters:?}");
        }
    }

    #[test]
    fn moments_come_back_as_they_were_written() {
        let written = time::macros::datetime!(2026-03-04 05:06:07.123).assume_utc().format(&Rfc3339).unwrap();
        assert_eq!(moment(&written), Some(time::macros::datetime!(2026-03-04 05:06:07.123)));
        assert_eq!(moment("yesterday"), None);
    }

    #[test]
    fn what_is_left_to_look_at_is_told_by_the_exit_code() {
        let done = Summary { switched: true, ..Summary::default() };
        assert_eq!(done.exit_code(), 0);
        assert_eq!(Summary { missing: 1, ..done.clone() }.exit_code(), 3);
        assert_eq!(Summary { switched: false, ..done.clone() }.exit_code(), 3);
        assert_eq!(Summary { stop: Some(StopReason::Signal(15)), ..done }.exit_code(), 143);
    }
}
