//! Stores each text beside its file, so that an index can be rebuilt without reading a PDF again, and makes the
//! document of the index.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use md5::{Digest, Md5};
use time::OffsetDateTime;
use tokio::sync::mpsc::{Receiver, Sender};

use super::dependency::{self, Refusals, Refused, Terms, Unanswered, Verdict, Within};
use super::time_left::TimeLeft;
use super::workers::Workers;
use super::{Archived, Context, Extracted, Outcome};
use crate::catalog::{Completion, PageRun, Source, Timings, page_runs};
use crate::checksum::hex;
use crate::extraction::Text;
use crate::failpoint::{self, Point};
use crate::failure::{Failure, FailureCode};
use crate::gazette::{EXTRACTOR_VERSION, Gazette};
use crate::rfc3339;
use crate::search_index::Document;
use crate::search_index::document::{Links, Provenance};
use crate::shutdown::StopReason;
use crate::storage::{StorageError, text_key};
use crate::telemetry::{Event, Stage, with_causes};

pub(super) async fn run(
    context: Context,
    mut extracted: Receiver<Extracted>,
    archived: Sender<Archived>,
    outcomes: Sender<Outcome>,
) {
    let archiver = Arc::new(Archiver { context, refusals: Mutex::default(), archived, outcomes });
    let mut workers = Workers::new(&archiver.context, archiver.context.config.download_concurrency);
    while let Some(item) = extracted.recv().await {
        workers.limit(archiver.context.config.download_concurrency);
        let archiver = archiver.clone();
        workers.start(async move { archiver.archive(item).await }).await;
    }
    workers.finish().await;
    // Fewer than would stop the run: each is a gazette whose text cannot be stored.
    let (refused, _) = archiver.refusals().finish();
    archiver.set_aside(refused).await;
}

struct Archiver {
    context: Context,
    /// Held without a byte permit and without a slot; the texts are read again another time.
    refusals: Mutex<Refusals<Unstored>>,
    archived: Sender<Archived>,
    outcomes: Sender<Outcome>,
}

/// A gazette whose text was not taken.
struct Unstored {
    gazette: Gazette,
    /// Size of the file.
    bytes: u64,
    detail: String,
}

impl Archiver {
    async fn archive(&self, item: Extracted) {
        let Extracted { gazette, mut text, bytes, permit, time } = item;
        let config = &self.context.config;
        let key = gazette.file_path.clone().unwrap_or_default();
        // One buffer for the upload and the document: it is given back when the upload is done with it.
        let content = Bytes::from(std::mem::take(&mut text.text));
        let text_checksum = hex(&Md5::digest(&content));
        let telemetry = &self.context.telemetry;
        telemetry.emit(&Event::StageBegun { gazette: gazette.id, stage: Stage::Store });
        let started = Instant::now();
        time.spare_some_to_store();
        if config.store_text
            && let Err(error) = self.store(&gazette, &key, &content, &time).await
        {
            drop((content, permit));
            self.unstored(gazette, bytes, error).await;
            return;
        }
        failpoint::pass(Point::TextStored);
        telemetry.emit(&Event::TextStored {
            gazette: gazette.id,
            bytes: content.len() as u64,
            elapsed: started.elapsed(),
        });
        let source_text = into_string(content);
        let completion = Completion {
            id: gazette.id,
            file_checksum: gazette.file_checksum.clone(),
            bytes,
            pages: text.pages,
            ocr_pages: text.ocr_pages(),
            characters: text.characters,
            quality: text.quality,
            text_checksum,
            ocr_due: u32::try_from(text.scans.len()).unwrap_or(u32::MAX),
            ocr_page_numbers: ranges(&text.recognized),
            ocr_confidence: text.ocr_confidence,
            page_runs: page_table(&text, &source_text),
            timings: Timings::new(),
            warnings: text.warnings.iter().map(|code| code.as_str()).collect::<Vec<_>>().join(","),
        };
        let provenance = Provenance {
            extractor_version: EXTRACTOR_VERSION,
            pages: text.pages,
            ocr_pages: text.ocr_pages(),
            ocr_page_numbers: completion.ocr_page_numbers.clone(),
            ocr_confidence: text.ocr_confidence,
            quality: text.quality,
            run_id: self.context.run().to_string(),
            indexed_at: rfc3339::written(OffsetDateTime::now_utc()).unwrap_or_default(),
        };
        let links = Links { files_endpoint: config.files_endpoint.clone(), relative: config.use_relative_file_paths };
        let document = Document::new(&gazette, source_text, &text_key(&key), &links, provenance);
        let _ = self.archived.send(Archived { document, completion, permit }).await;
    }

    async fn store(
        &self,
        gazette: &Gazette,
        key: &str,
        content: &Bytes,
        time: &TimeLeft,
    ) -> Result<(), Unanswered<StorageError>> {
        let terms = Terms {
            operation: "store a text",
            gazette: Some(gazette.id),
            policy: self.context.retry_policy(self.context.config.download_attempts),
            within: Within::Together(time),
        };
        dependency::call(&self.context, &terms, || self.context.storage.put_text(key, content.clone())).await?;
        let refused = self.refusals().succeeded();
        self.set_aside(refused).await;
        Ok(())
    }

    async fn unstored(&self, gazette: Gazette, bytes: u64, error: Unanswered<StorageError>) {
        let Unanswered::Error(error) = error else { return self.give_back(vec![gazette]).await };
        let detail = with_causes(&error);
        let unstored = Unstored { gazette, bytes, detail: detail.clone() };
        match dependency::verdict(error.kind) {
            Verdict::Gazette(_) => self.set_aside(vec![unstored]).await,
            Verdict::Refused => {
                let refused = self.refusals().refused(unstored);
                if let Refused::Everything(all) = refused {
                    self.context.stop(StopReason::DependencyDown(detail));
                    self.give_back(all.into_iter().map(|unstored| unstored.gazette).collect()).await;
                }
            }
            Verdict::Ask(_) if self.context.storage.check().await.is_ok() => self.set_aside(vec![unstored]).await,
            Verdict::Ask(_) | Verdict::Storage => {
                self.context.stop(StopReason::DependencyDown(detail));
                self.give_back(vec![unstored.gazette]).await;
            }
        }
    }

    async fn set_aside(&self, unstored: Vec<Unstored>) {
        for Unstored { gazette, bytes, detail } in unstored {
            let failure = Failure::new(FailureCode::TextStore, detail);
            let outcome = Outcome::failed(&self.context.config, &gazette, failure, Some(bytes), None);
            let _ = self.outcomes.send(outcome).await;
        }
    }

    async fn give_back(&self, gazettes: Vec<Gazette>) {
        for gazette in gazettes {
            let _ = self.outcomes.send(Outcome::Released { id: gazette.id }).await;
        }
    }

    fn refusals(&self) -> MutexGuard<'_, Refusals<Unstored>> {
        // A panic in between leaves a list behind, not a broken invariant.
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the text of each page comes from.
fn page_table(text: &Text, source_text: &str) -> Vec<PageRun> {
    let page = |(page, own): (u32, &str)| {
        let quality = text.page_quality.get(page as usize).copied().flatten();
        let quality = quality.map(|percent| f32::from(percent) / 100.0);
        if text.recognized.binary_search(&page).is_ok() {
            (Source::Ocr, quality)
        } else if own.bytes().all(|byte| byte.is_ascii_whitespace()) {
            (Source::None, None)
        } else {
            (Source::Text, quality)
        }
    };
    page_runs((0..).zip(source_text.split('\u{c}')).map(page))
}

/// Pages as people count them, such as `1-3,7`.
fn ranges(pages: &[u32]) -> String {
    let mut text = String::new();
    for run in pages.chunk_by(|one, next| one + 1 == *next) {
        let [first, .., last] = run else {
            text += &format!(",{}", run[0] + 1);
            continue;
        };
        text += &format!(",{}-{}", first + 1, last + 1);
    }
    text.split_off(text.len().min(1))
}

/// Gives the buffer back as a string, without a copy when nobody else holds it any more.
fn into_string(content: Bytes) -> String {
    // It was a string before; the other branch only keeps this from failing.
    String::from_utf8(content.into()).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn pages_in_a_row_are_a_range() {
        for (pages, text) in [(&[][..], ""), (&[0], "1"), (&[0, 1, 2, 6], "1-3,7"), (&[1, 3, 4], "2,4-5")] {
            assert_eq!(ranges(pages), text);
        }
    }
}
