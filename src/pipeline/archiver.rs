//! Stores each text beside its file, so that an index can be rebuilt without reading a PDF again, and makes the
//! document of the index.

use std::sync::Arc;

use bytes::Bytes;
use md5::{Digest, Md5};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::mpsc::{Receiver, Sender};

use super::checksum::hex;
use super::dependency::StorageWatch;
use super::workers::Workers;
use super::{Archived, Context, Extracted, Outcome};
use crate::catalog::Completion;
use crate::failpoint::{self, Point};
use crate::failure::{Failure, FailureCode};
use crate::gazette::EXTRACTOR_VERSION;
use crate::search_index::Document;
use crate::search_index::document::{Links, Provenance};
use crate::storage::{StorageError, text_key};
use crate::telemetry::Event;

pub(super) async fn run(
    context: Context,
    mut extracted: Receiver<Extracted>,
    archived: Sender<Archived>,
    outcomes: Sender<Outcome>,
) {
    let archiver = Arc::new(Archiver { context, watch: StorageWatch::default(), archived, outcomes });
    let mut workers = Workers::new(&archiver.context, archiver.context.config.download_concurrency);
    while let Some(item) = extracted.recv().await {
        let archiver = archiver.clone();
        workers.start(async move { archiver.archive(item).await }).await;
    }
    workers.finish().await;
}

struct Archiver {
    context: Context,
    watch: StorageWatch,
    archived: Sender<Archived>,
    outcomes: Sender<Outcome>,
}

impl Archiver {
    async fn archive(&self, item: Extracted) {
        let Extracted { gazette, text, bytes, permit } = item;
        let config = &self.context.config;
        let key = gazette.file_path.clone().unwrap_or_default();
        // One buffer for the upload and the document: it is given back when the upload is done with it.
        let content = Bytes::from(text.text);
        let text_checksum = hex(&Md5::digest(&content));
        if config.store_text
            && let Err(error) = self.store(&gazette, &key, &content).await
        {
            let outcome = match self.watch.judge(&self.context, &error).await {
                Some(failure) => {
                    let failure = Failure::new(FailureCode::TextStore, failure.detail);
                    Outcome::failed(config, &gazette, failure, Some(bytes), Some(permit))
                }
                None => Outcome::Released { id: gazette.id },
            };
            let _ = self.outcomes.send(outcome).await;
            return;
        }
        failpoint::pass(Point::TextStored);
        let source_text = into_string(content);
        let completion = Completion {
            id: gazette.id,
            file_checksum: gazette.file_checksum.clone(),
            bytes,
            pages: text.pages,
            ocr_pages: text.ocr_pages,
            characters: text.characters,
            quality: text.quality,
            text_checksum,
        };
        let provenance = Provenance {
            extractor_version: EXTRACTOR_VERSION,
            pages: text.pages,
            ocr_pages: text.ocr_pages,
            quality: text.quality,
            run_id: self.context.run().to_string(),
            indexed_at: OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
        };
        let links = Links { files_endpoint: config.files_endpoint.clone(), relative: config.use_relative_file_paths };
        let document = Document::new(&gazette, source_text, &text_key(&key), &links, provenance);
        let _ = self.archived.send(Archived { document, completion, permit }).await;
    }

    async fn store(&self, gazette: &crate::gazette::Gazette, key: &str, content: &Bytes) -> Result<(), StorageError> {
        let policy = self.context.retry_policy(self.context.config.download_attempts);
        policy
            .run(
                || self.context.storage.put_text(key, content.clone()),
                |error, wait| {
                    let (operation, gazette) = ("store a text", Some(gazette.id));
                    self.context.telemetry.emit(&Event::Retrying { operation, error, wait, gazette });
                },
            )
            .await?;
        self.watch.succeeded();
        Ok(())
    }
}

/// Gives the buffer back as a string, without a copy when nobody else holds it any more.
fn into_string(content: Bytes) -> String {
    // It was a string before; the other branch only keeps this from failing.
    String::from_utf8(content.into()).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
