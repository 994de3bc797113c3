//! Compares the catalogue with the index and the storage, row by row, and the index with the catalogue, document by
//! document. A page of either is held at a time.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use md5::{Digest, Md5};

use super::{Context, RunError, dependency, heartbeat, retrying};
use crate::catalog::{Begun, Marked};
use crate::checksum::hex;
use crate::gazette::{GazetteId, RunId, Selection};
use crate::search_index::{Entry, Held, SearchIndexError, SearchIndexErrorKind};
use crate::shutdown::StopReason;
use crate::storage::{StorageError, StorageErrorKind};
use crate::telemetry::{RunCounts, with_causes};

mod compare;
mod finding;

use compare::{Seen, Stored};
pub use finding::{Class, Finding, Remedy, Summary};

/// Rows or documents of a page at most, whatever `page_size` says: each page is one request to the index.
const PAGE: u32 = 1_000;

/// What is looked at, and what may be changed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Ask the storage whether each file is there.
    pub files: bool,
    /// Read each stored text and compare its md5.
    pub texts: bool,
    /// Make gazettes pending again.
    pub repair: bool,
    /// Remove documents from the index; only with `repair`.
    pub remove: bool,
}

/// How a verification ended.
#[derive(Debug)]
pub enum Verified {
    /// What it found; where it was stopped early, so far.
    Done(Summary),
    /// It was to repair, and another live run holds the lease.
    Busy { run: RunId, since: time::PrimitiveDateTime },
}

/// Compares, and tells each finding when its page is done; the repair comes before the telling.
///
/// # Errors
/// When a service cannot be used from the start. What fails later stops it, which the summary says.
pub async fn verify(
    context: &Context,
    options: Options,
    tell: &mut (dyn FnMut(&Finding) + Send),
) -> Result<Verified, RunError> {
    let policy = context.retry_policy(context.config.catalog_attempts);
    retrying(context, &policy, "reach the catalogue", || context.catalog.check()).await?;
    if options.files || options.texts {
        retrying(context, &policy, "reach the storage", || context.storage.check()).await?;
    }
    retrying(context, &policy, "reach the index", || context.index.check()).await?;

    let mut verifier = Verifier { context, options, tell, summary: Summary::default() };
    if !options.repair {
        verifier.until_stopped().await;
        return Ok(Verified::Done(verifier.summary));
    }
    // The lease of a run: nobody else's gazettes are touched, and nobody's work is in the way.
    let (run, selection) = (context.run(), Selection::default());
    let begin = || context.catalog.begin_run(run, &selection, context.lease());
    if let Begun::Busy { run, since } = retrying(context, &policy, "take the lease", begin).await? {
        return Ok(Verified::Busy { run, since });
    }
    let heartbeat = tokio::spawn(heartbeat::beat(context.clone()));
    verifier.until_stopped().await;
    heartbeat.abort();
    let (summary, counts) = (verifier.summary, RunCounts::default());
    let finish = || context.catalog.finish_run(run, &counts, summary.stopped_by);
    retrying(context, &policy, "give the lease back", finish).await?;
    Ok(Verified::Done(summary))
}

struct Verifier<'a> {
    context: &'a Context,
    options: Options,
    tell: &'a mut (dyn FnMut(&Finding) + Send),
    summary: Summary,
}

impl Verifier<'_> {
    async fn until_stopped(&mut self) {
        let context = self.context;
        let ended = tokio::select! {
            ended = self.all() => ended,
            () = context.shutdown.immediate() => Ok(()),
        };
        match ended {
            Ok(()) => {}
            Err(RunError::Catalog(error)) => context.stop(dependency::of_catalog(&error)),
            Err(error) => context.stop(StopReason::DependencyDown(with_causes(&error))),
        }
        self.summary.stop = context.shutdown.reason();
        self.summary.stopped_by = self.summary.stop.as_ref().map(StopReason::as_str);
    }

    async fn all(&mut self) -> Result<(), RunError> {
        self.rows().await?;
        let remove = self.options.repair && self.options.remove && self.may_remove().await?;
        self.documents(remove).await
    }

    fn page_size(&self) -> u32 {
        self.context.config.page_size.min(PAGE)
    }

    async fn rows(&mut self) -> Result<(), RunError> {
        let context = self.context;
        let policy = context.retry_policy(context.config.catalog_attempts);
        let mut before = None;
        while context.shutdown.is_running() {
            let read = || context.catalog.marked(before, self.page_size());
            let page = retrying(context, &policy, "read a page", read).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            let (in_work, rows): (Vec<Marked>, Vec<Marked>) = page.into_iter().partition(|row| row.in_flight);
            self.summary.in_work += in_work.len() as u64;
            self.summary.rows += rows.len() as u64;
            self.summary.by_predecessor += rows.iter().filter(|row| !row.by_prelo).count() as u64;
            let findings = self.compare(&rows).await?;
            let findings = self.confirm(&rows, findings).await?;
            let findings = self.reopen(findings).await?;
            self.told(findings);
        }
        Ok(())
    }

    async fn compare(&mut self, rows: &[Marked]) -> Result<Vec<Finding>, RunError> {
        let ids: Vec<GazetteId> = rows.iter().map(|row| row.id).collect();
        let held = self.held(&ids).await?;
        let mut by_gazette: HashMap<GazetteId, Vec<&Held>> = HashMap::new();
        for held in &held {
            by_gazette.entry(held.gazette).or_default().push(held);
        }
        let stored: Vec<Stored> = stream::iter(rows)
            .map(|row| look(self.context, self.options, row))
            .buffered(self.context.config.download_concurrency as usize)
            .try_collect()
            .await?;
        self.summary.files += stored.iter().filter(|stored| stored.file.is_some()).count() as u64;
        self.summary.texts += stored.iter().filter(|stored| matches!(stored.text, Some(Seen::There(_)))).count() as u64;
        let mut findings = Vec::new();
        for (row, stored) in rows.iter().zip(&stored) {
            let held = by_gazette.get(&row.id).map(Vec::as_slice).unwrap_or_default();
            findings.extend(compare::with_index(row, held));
            findings.extend(compare::with_storage(row, stored));
        }
        Ok(findings)
    }

    /// Leaves out rows that somebody was at meanwhile: what was read of them does not belong together.
    async fn confirm(&mut self, rows: &[Marked], mut findings: Vec<Finding>) -> Result<Vec<Finding>, RunError> {
        if findings.is_empty() {
            return Ok(findings);
        }
        let context = self.context;
        let policy = context.retry_policy(context.config.catalog_attempts);
        if findings.iter().any(|finding| finding.class == Class::FileMissing) {
            // A HEAD cannot tell a missing file from a bucket that has gone.
            retrying(context, &policy, "reach the storage", || context.storage.check()).await?;
        }
        let found: HashSet<GazetteId> = findings.iter().filter_map(|finding| finding.gazette).collect();
        let ids: Vec<GazetteId> = found.iter().copied().collect();
        let now = retrying(context, &policy, "look up gazettes", || context.catalog.marks(&ids)).await?;
        let now: HashMap<GazetteId, &Marked> = now.iter().map(|row| (row.id, row)).collect();
        let unchanged: HashSet<GazetteId> =
            rows.iter().filter(|row| now.get(&row.id) == Some(row)).map(|row| row.id).collect();
        self.summary.in_work += found.difference(&unchanged).count() as u64;
        findings.retain(|finding| finding.gazette.is_some_and(|id| unchanged.contains(&id)));
        Ok(findings)
    }

    async fn reopen(&mut self, mut findings: Vec<Finding>) -> Result<Vec<Finding>, RunError> {
        let wanted: HashSet<GazetteId> = findings
            .iter()
            .filter(|finding| finding.remedy == Remedy::Reopen)
            .filter_map(|finding| finding.gazette)
            .collect();
        if !self.options.repair || wanted.is_empty() {
            return Ok(findings);
        }
        let context = self.context;
        let policy = context.retry_policy(context.config.catalog_attempts);
        let ids: Vec<GazetteId> = wanted.into_iter().collect();
        let reopen = || context.catalog.reopen(context.run(), &ids);
        let reopened = retrying(context, &policy, "make gazettes pending", reopen).await?;
        let mut reopened: HashSet<GazetteId> = reopened.into_iter().collect();
        if reopened.len() < ids.len() {
            // The answer to an earlier attempt may have been lost.
            let now = retrying(context, &policy, "look up gazettes", || context.catalog.marks(&ids)).await?;
            reopened.extend(now.iter().filter(|row| !row.processed).map(|row| row.id));
        }
        self.summary.reopened += reopened.len() as u64;
        for finding in &mut findings {
            finding.repaired =
                finding.remedy == Remedy::Reopen && finding.gazette.is_some_and(|id| reopened.contains(&id));
        }
        Ok(findings)
    }

    /// Looks at the whole index before any of it is removed.
    async fn may_remove(&mut self) -> Result<bool, RunError> {
        let (mut removable, mut documents) = (0_u64, 0_u64);
        let mut after = None;
        while self.context.shutdown.is_running() {
            let page = self.entries(after.as_deref()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            documents += page.len() as u64;
            let findings = self.without_row(&page).await?;
            removable += findings.iter().filter(|finding| finding.remedy == Remedy::Remove).count() as u64;
        }
        self.summary.removal_refused = compare::is_suspicious(removable, documents);
        Ok(!self.summary.removal_refused && self.context.shutdown.is_running())
    }

    async fn documents(&mut self, remove: bool) -> Result<(), RunError> {
        let mut after = None;
        while self.context.shutdown.is_running() {
            let page = self.entries(after.as_deref()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            self.summary.documents += page.len() as u64;
            let mut findings = self.without_row(&page).await?;
            if remove {
                self.remove(&mut findings).await?;
            }
            self.told(findings);
        }
        Ok(())
    }

    async fn remove(&mut self, findings: &mut [Finding]) -> Result<(), RunError> {
        let context = self.context;
        let removable = || |finding: &&Finding| finding.remedy == Remedy::Remove;
        let keys: Vec<String> =
            findings.iter().filter(removable()).filter_map(|finding| finding.document.clone()).collect();
        // Somebody may have taken the lease over since the last page, and be writing these very documents.
        if keys.is_empty() || !context.shutdown.is_running() {
            return Ok(());
        }
        let policy = context.retry_policy(context.config.catalog_attempts);
        retrying(context, &policy, "remove documents", || context.index.remove(&keys)).await?;
        self.summary.removed += keys.len() as u64;
        for finding in findings.iter_mut().filter(|finding| finding.remedy == Remedy::Remove) {
            finding.repaired = true;
        }
        Ok(())
    }

    /// What of a page of the index has no place in the catalogue.
    async fn without_row(&self, page: &[Entry]) -> Result<Vec<Finding>, RunError> {
        let context = self.context;
        let policy = context.retry_policy(context.config.catalog_attempts);
        let ids: Vec<GazetteId> = page.iter().filter_map(|entry| entry.gazette).collect();
        let rows = retrying(context, &policy, "look up gazettes", || context.catalog.marks(&ids)).await?;
        let rows: HashMap<GazetteId, &Marked> = rows.iter().map(|row| (row.id, row)).collect();
        let row = |entry: &Entry| entry.gazette.and_then(|id| rows.get(&id).copied());
        let elsewhere: Vec<GazetteId> = page
            .iter()
            .filter(|entry| !entry.is_in_its_place() && row(entry).is_some())
            .filter_map(|entry| entry.gazette)
            .collect();
        let doubled: HashSet<GazetteId> = if elsewhere.is_empty() {
            HashSet::new()
        } else {
            let held = self.held(&elsewhere).await?;
            held.iter().filter(|held| held.is_in_its_place()).map(|held| held.gazette).collect()
        };
        let compared = page.iter().filter_map(|entry| {
            compare::with_catalog(entry, row(entry), entry.gazette.is_some_and(|id| doubled.contains(&id)))
        });
        Ok(compared.collect())
    }

    async fn held(&self, ids: &[GazetteId]) -> Result<Vec<Held>, SearchIndexError> {
        let context = self.context;
        let policy = context.retry_policy(context.config.catalog_attempts);
        or_empty(retrying(context, &policy, "look documents up", || context.index.held(ids)).await)
    }

    async fn entries(&self, after: Option<&str>) -> Result<Vec<Entry>, SearchIndexError> {
        let context = self.context;
        let policy = context.retry_policy(context.config.catalog_attempts);
        let limit = self.page_size() as usize;
        or_empty(retrying(context, &policy, "list documents", || context.index.entries(after, limit)).await)
    }

    fn told(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            self.summary.count(&finding);
            (self.tell)(&finding);
        }
    }
}

/// An index that is gone holds nothing; that is what a verification is there to say.
fn or_empty<T>(answer: Result<Vec<T>, SearchIndexError>) -> Result<Vec<T>, SearchIndexError> {
    match answer {
        Err(error) if error.kind == SearchIndexErrorKind::NotThere => Ok(Vec::new()),
        answer => answer,
    }
}

async fn look(context: &Context, options: Options, row: &Marked) -> Result<Stored, StorageError> {
    let key = row.file_path.as_deref().unwrap_or_default();
    let policy = context.retry_policy(context.config.download_attempts);
    let mut stored = Stored::default();
    if options.files {
        let head = retrying(context, &policy, "look at a file", || context.storage.head(key)).await;
        stored.file = Some(seen(context, head.map(drop)).await?);
    }
    if options.texts && row.text_checksum.is_some() {
        let md5 = retrying(context, &policy, "read a text", || text_md5(context, key)).await;
        stored.text = Some(seen(context, md5).await?);
    }
    Ok(stored)
}

/// Whose fault an error is that outlived its retries: the file's, or, as an error, the storage's.
async fn seen<T>(context: &Context, answer: Result<T, StorageError>) -> Result<Seen<T>, StorageError> {
    match answer {
        Ok(value) => Ok(Seen::There(value)),
        Err(error) if matches!(error.kind, StorageErrorKind::NotFound | StorageErrorKind::BadKey) => Ok(Seen::Missing),
        Err(error) => match context.storage.check().await {
            Ok(_) => Ok(Seen::Unreadable(with_causes(&error))),
            Err(_) => Err(error),
        },
    }
}

/// md5 hex of a stored text, chunk by chunk.
async fn text_md5(context: &Context, key: &str) -> Result<String, StorageError> {
    let stall = Duration::from_secs(context.config.download_stall_timeout_seconds);
    let stalled = |_| StorageError {
        kind: StorageErrorKind::Timeout,
        operation: "read the text of",
        target: key.to_owned(),
        advice: format!("no byte came for {} s (download_stall_timeout_seconds)", stall.as_secs()),
        source: None,
    };
    let mut md5 = Md5::new();
    let mut body = tokio::time::timeout(stall, context.storage.stream_text(key)).await.map_err(stalled)??;
    while let Some(chunk) = tokio::time::timeout(stall, body.next()).await.map_err(stalled)? {
        md5.update(&chunk?);
    }
    Ok(hex(&md5.finalize()))
}
