//! Writes stored texts to a version, bulk by bulk, in bounded memory.

use std::collections::HashSet;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use time::PrimitiveDateTime;

use super::{PAUSE, Progress, Summary};
use crate::budget::{ByteBudget, MemoryPlan};
use crate::catalog::{Indexed, IndexedQuery};
use crate::config::Config;
use crate::gazette::GazetteId;
use crate::pipeline::{Context, RunError, retrying};
use crate::rfc3339;
use crate::search_index::document::{Links, Provenance};
use crate::search_index::{Document, Filling, ItemOutcome, SearchIndexError, SearchIndexErrorKind, Version};
use crate::storage::{StorageErrorKind, text_key};
use crate::telemetry::with_causes;

/// Texts that are fetched at once for a bulk.
const FETCHES: usize = 8;
/// Gazettes named when their texts are missing.
const NAMED: usize = 20;

/// The bulks of usual settings.
fn usual(config: &Config) -> Filling {
    Filling {
        documents: config.bulk_documents as usize,
        bytes: config.bulk_size_mb * 1024 * 1024,
        at_once: config.bulk_concurrency as usize,
    }
}

/// What a text is taken to weigh before it is fetched: most letters of Portuguese are one byte.
fn weight(row: &Indexed) -> u64 {
    let characters = row.state.characters.unwrap_or(64 * 1024);
    characters + characters / 8 + 2_048
}

/// Rows whose texts go into one bulk.
fn bulks(rows: Vec<Indexed>, bounds: Filling) -> Vec<Vec<Indexed>> {
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
    /// Gazettes without a stored text, or with an empty one, and where it should be.
    missing: Vec<(GazetteId, String)>,
    /// Gazettes whose document was refused, and why.
    refused: Vec<(GazetteId, String)>,
}

impl Summary {
    /// A gazette that is looked at again counts once, by what came of it last.
    fn add(&mut self, written: Written) {
        self.written += written.documents;
        self.bytes += written.bytes;
        for (id, path) in written.missing {
            if self.lacking.missing.insert(id) && self.first_missing.len() < NAMED {
                self.first_missing.push(format!("{id} {path}"));
            }
        }
        for (id, why) in written.refused {
            self.lacking.refused.insert(id);
            self.refusal.get_or_insert(why);
        }
        self.missing = self.lacking.missing.len() as u64;
        self.refused = self.lacking.refused.len() as u64;
    }

    fn look_again_at(&mut self, bulk: &[Indexed]) {
        for Indexed { gazette, .. } in bulk {
            self.lacking.refused.remove(&gazette.id);
            if self.lacking.missing.remove(&gazette.id) {
                let begin = format!("{} ", gazette.id);
                self.first_missing.retain(|named| !named.starts_with(&begin));
            }
        }
    }
}

pub(super) struct Filler<'a> {
    pub context: &'a Context,
    pub next: Box<dyn Version>,
    /// Memory for texts on their way.
    pub budget: ByteBudget,
    pub bounds: Filling,
}

impl<'a> Filler<'a> {
    /// `room` bytes are there for texts and what is made of them.
    pub fn new(context: &'a Context, next: Box<dyn Version>, room: u64) -> Self {
        let bounds = next.filling(room / MemoryPlan::COPIES_OF_A_TEXT).unwrap_or_else(|| usual(&context.config));
        Self { context, next, budget: ByteBudget::new(room), bounds }
    }

    /// Everything that is not there yet, page by page, several bulks at once.
    pub async fn fill(
        &self,
        resumed: bool,
        summary: &mut Summary,
        progress: &mut Progress<'_>,
    ) -> Result<(), RunError> {
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
        let written =
            pages.try_flatten().map_ok(|bulk| self.write(bulk, false)).try_buffer_unordered(self.bounds.at_once);
        let mut written = std::pin::pin!(written);
        while let Some(written) = written.try_next().await? {
            progress.add(written.gazettes);
            summary.add(written);
        }
        Ok(())
    }

    /// What was indexed since: it is written as it is now, and looked at again until no run was at it meanwhile.
    pub async fn catch_up(&self, since: Option<PrimitiveDateTime>, summary: &mut Summary) -> Result<(), RunError> {
        let mut before = None;
        while self.context.shutdown.is_running() {
            let mut rows = self.rows(IndexedQuery::Page { before, since, page_size: self.page_size() }).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            before = Some(last.gazette.id);
            while !rows.is_empty() && self.context.shutdown.is_running() {
                let seen = rows.clone();
                for bulk in bulks(rows, self.bounds) {
                    summary.look_again_at(&bulk);
                    summary.add(self.write(bulk, true).await?);
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
            let Some(text) = text.filter(|text| !text.trim_ascii().is_empty()) else {
                written.missing.push((row.gazette.id, row.gazette.file_path.unwrap_or_default()));
                continue;
            };
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
            // What prelo stored is UTF-8, and is not copied then.
            Ok(text) => Ok(Some(
                String::from_utf8(text.into())
                    .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
            )),
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
            indexed_at: state.indexed_at.and_then(rfc3339::of_utc).unwrap_or_default(),
        };
        let links = Links { files_endpoint: config.files_endpoint.clone(), relative: config.use_relative_file_paths };
        let key = text_key(gazette.file_path.as_deref().unwrap_or_default());
        Document::new(&gazette, text, &key, &links, provenance)
    }

    /// Until each has its outcome; answers with why some were refused.
    async fn send(&self, documents: &[&Document], replace: bool) -> Result<Vec<(GazetteId, String)>, RunError> {
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
                    refused.extend(bulk.iter().map(|document| (document.id, with_causes(&error))));
                    continue;
                }
                outcomes => outcomes?,
            };
            let mut again = Vec::new();
            let mut reason = String::new();
            for (document, outcome) in bulk.iter().zip(outcomes) {
                match outcome {
                    ItemOutcome::Acknowledged => {}
                    ItemOutcome::Rejected(failure) => {
                        refused.push((document.id, format!("gazette {}: {failure}", document.id)));
                    }
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
        let state = GazetteState { characters: Some(characters), ..GazetteState::default() };
        Indexed { gazette: Gazette::bare(id), state, in_flight: false }
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
            let made: Vec<usize> = bulks(rows, Filling { documents, bytes, at_once: 1 }).iter().map(Vec::len).collect();
            assert_eq!(made, sizes, "{characters:?}");
        }
    }
}
