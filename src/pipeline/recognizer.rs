//! Has the scans of a document read by OCR, and remembers among the texts what was read of each picture.

use std::cell::Cell;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Handle;

use super::Context;
use crate::catalog::ReadInPart;
use crate::extraction::Text;
use crate::extraction::ocr::{self, By, Cache, Job, Read};
use crate::extraction::sandbox::{Document, ReadError};
use crate::failpoint::{self, Point};
use crate::failure::{Failure, FailureCode};
use crate::gazette::{Gazette, OcrMode};
use crate::storage::ocr_key;
use crate::telemetry::{Event, Stage};

/// What is remembered only saves work: no run waits long for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a lane does with scans.
#[derive(Debug, Clone)]
pub(super) enum Scans {
    /// A file that is nothing else waits for the other lane.
    PutOff,
    Read,
    /// Nobody reads them in this run.
    Unread(Why),
}

/// Why nobody reads scans.
#[derive(Debug, Clone)]
pub(super) enum Why {
    /// It is not wanted.
    Off,
    /// There is no engine: the words say what is missing.
    Unavailable(String),
}

impl Why {
    /// A text goes on without its scans; a file that is nothing else fails.
    pub fn settle(&self, mut text: Text) -> Result<Text, Failure> {
        let code = match self {
            Self::Off => FailureCode::NeedsOcr,
            Self::Unavailable(_) => FailureCode::OcrUnavailable,
        };
        match (text.lacking.take(), self) {
            (None, _) => {
                text.warnings.push(code);
                Ok(text)
            }
            (Some(lacking), Self::Off) => Err(lacking),
            (Some(_), Self::Unavailable(why)) => Err(Failure::new(code, why.clone())),
        }
    }
}

thread_local! {
    /// When this thread began the page that it reads.
    static PAGE_BEGUN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// On a thread of the reading pool.
pub(super) struct Recognizer<'a> {
    pub context: &'a Context,
    pub gazette: &'a Gazette,
    pub runtime: &'a Handle,
    /// Pages that were to be read when it was claimed.
    pub ocr_due: u32,
}

impl Recognizer<'_> {
    /// The text with what was found on its scans, or how far it came when the run ends before.
    pub fn read(&self, text: Text, document: Document<'_>) -> Result<Result<Text, ReadInPart>, ReadError> {
        let (context, id) = (self.context, self.gazette.id);
        context.telemetry.emit(&Event::StageBegun { gazette: id, stage: Stage::Ocr });
        let started = Instant::now();
        let scans = u32::try_from(text.scans.len()).unwrap_or(u32::MAX);
        let cache = self.remembered();
        // An earlier run has read these, and said so. It has read no more than is remembered.
        let known = scans.saturating_sub(self.ocr_due).min(u32::try_from(cache.len()).unwrap_or(u32::MAX));
        let known_before = AtomicU32::new(known);
        let job = Job {
            ocr: &context.ocr,
            sandbox: &context.sandbox,
            document,
            cache,
            save: &|cache| self.remember(cache),
            // A page is begun and ended by one thread.
            is_stopping: &|| {
                PAGE_BEGUN.set(Some(Instant::now()));
                !context.shutdown.is_running()
            },
            on_page: &|by| {
                let elapsed = PAGE_BEGUN.take().map(|begun| begun.elapsed()).unwrap_or_default();
                let event = match by {
                    By::Engine => Event::PageRecognized { gazette: id, elapsed },
                    By::Memory => {
                        let one_less = |known: u32| known.checked_sub(1);
                        let was_due = known_before.fetch_update(Relaxed, Relaxed, one_less).is_err();
                        Event::PageRemembered { gazette: id, was_due }
                    }
                };
                context.telemetry.emit(&event);
            },
        };
        let (text, engine_pages) = match ocr::complete(text, job)? {
            Read::Done { text, engine_pages } => (text, engine_pages),
            Read::Stopped { kept_pages: pages } => {
                context.telemetry.emit(&Event::Interrupted { gazette: id, pages, elapsed: started.elapsed() });
                return Ok(Err(ReadInPart { pages, due: scans - known }));
            }
        };
        context.telemetry.emit(&Event::Recognized {
            gazette: id,
            pages: text.ocr_pages(),
            by_engine: engine_pages,
            confidence: text.ocr_confidence,
            warnings: &text.warnings,
            elapsed: started.elapsed(),
        });
        Ok(Ok(text))
    }

    fn key(&self) -> String {
        ocr_key(self.gazette.file_path.as_deref().unwrap_or_default())
    }

    fn remembered(&self) -> Cache {
        let engine = self.context.ocr.engine().map_or("", |engine| engine.identity());
        // Who wants everything anew needs not ask for it.
        if !self.context.config.store_text || self.context.ocr.mode() == OcrMode::Redo {
            return Cache::new(engine);
        }
        let key = self.key();
        let asked = async { tokio::time::timeout(PATIENCE, self.context.storage.get_text(&key)).await };
        match self.runtime.block_on(asked) {
            Ok(Ok(stored)) => Cache::load(engine, &stored),
            // Nothing was stored, or it cannot be had: then it is read anew.
            Ok(Err(_)) | Err(_) => Cache::new(engine),
        }
    }

    /// Whether what was read is there for the next run. Where it is not, nothing is lost but time: the storage's trouble shows
    /// when the text itself is stored.
    fn remember(&self, cache: &Cache) -> bool {
        let Ok(json) = cache.to_json() else { return false };
        if !self.context.config.store_text {
            return false;
        }
        let key = self.key();
        let stored =
            async { tokio::time::timeout(PATIENCE, self.context.storage.put_text(&key, Bytes::from(json))).await };
        let is_stored = matches!(self.runtime.block_on(stored), Ok(Ok(())));
        if is_stored {
            failpoint::pass(Point::PicturesRead);
        }
        // Who wants everything anew is about to want it again.
        is_stored && self.context.ocr.mode() != OcrMode::Redo
    }
}
