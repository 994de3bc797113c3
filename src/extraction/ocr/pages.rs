//! Reads the scans of a document, page by page, on the threads of the pool that have nothing else to do.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::cache::{self, Cache};
use super::merge::{is_credible, merge};
use super::{Engine, EngineError, Ocr, Recognized, Sheet};
use crate::extraction::sandbox::{Document, PictureFile, ReadError, Sandbox};
use crate::extraction::{Role, Scan, Text};
use crate::failure::{Failure, FailureCode};

/// What was read so far is handed out to be stored this often: a run that is stopped goes on from there.
const SAVED_EVERY: Duration = Duration::from_secs(30);
/// A page that was read with less confidence than this may lie on its side or upside down.
const DOUBTFUL_BELOW: f32 = 0.6;
/// With fewer words than this, a page may be doubtful, too.
const FEW_WORDS: u32 = 3;

/// A document whose scans are to be read.
pub struct Job<'a> {
    pub ocr: &'a Ocr,
    pub sandbox: &'a Sandbox,
    pub document: Document<'a>,
    /// What was read of it before, and is not to be read again.
    pub cache: Cache,
    /// Called now and then with what has been read so far; says whether it is kept.
    pub save: &'a (dyn Fn(&Cache) -> bool + Sync),
    /// Whether no further page is to be begun: the run ends.
    pub is_stopping: &'a (dyn Fn() -> bool + Sync),
    /// Called after each page.
    pub on_page: &'a (dyn Fn(By) + Sync),
}

/// What came of it.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // there is one at a time
pub enum Read {
    /// The text with what was found. `engine_pages` were read by the engine now, the others were remembered.
    Done { text: Text, engine_pages: u32 },
    /// It was stopped; `kept_pages` that the engine has read need not be read again.
    Stopped { kept_pages: u32 },
}

/// Who knew what is on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Engine,
    /// It was read before, or shows nothing.
    Memory,
}

/// What OCR found on one page.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub page: u32,
    pub role: Role,
    /// None: nothing is on it.
    pub read: Option<Recognized>,
    /// Why it could not be looked at.
    pub failure: Option<Failure>,
}

impl Found {
    pub(super) fn bytes(&self) -> usize {
        self.read.as_ref().map_or(0, |read| read.text.len() + 2)
    }
}

/// Reads the scans of a text, and completes it.
///
/// # Errors
/// [`ReadError::Document`] when the document has no text even so; [`ReadError::NoChild`] as in [`Sandbox::read`].
pub fn complete(text: Text, job: Job<'_>) -> Result<Read, ReadError> {
    let engine = match job.ocr.engine() {
        Ok(engine) => engine,
        Err(why) => return Ok(Read::Done { text: without_engine(text, why)?, engine_pages: 0 }),
    };
    let (limits, least) = (job.document.limits, job.ocr.settings.least_confidence);
    let reader = Reader {
        engine,
        progress: Mutex::new(Progress { cache: Cache::new(engine.identity()), read: 0, saved: Instant::now() }),
        pages: AtomicU32::new(0),
        job,
    };
    // One at a time: a page is long, and its neighbours are for whoever is free.
    let found: Result<Vec<Option<Found>>, ReadError> =
        text.scans.par_iter().with_max_len(1).map(|scan| reader.page(scan)).collect();
    let Reader { job, progress, pages, .. } = reader;
    let engine_pages = pages.into_inner();
    let progress = progress.into_inner().unwrap_or_else(PoisonError::into_inner);
    let found: Option<Vec<Found>> = found?.into_iter().collect();
    let Some(found) = found else {
        // Pages that it did not come to again are still known.
        let is_kept = progress.read > 0 && (job.save)(&progress.cache.and(&job.cache));
        return Ok(Read::Stopped { kept_pages: if is_kept { engine_pages } else { 0 } });
    };
    if progress.read > 0 || progress.cache.len() != job.cache.len() {
        (job.save)(&progress.cache);
    }
    let text = merge(text, &found, limits, least)?;
    Ok(Read::Done { text, engine_pages })
}

/// Without an engine, a document keeps the text that it has, and says what is missing.
fn without_engine(text: Text, why: &str) -> Result<Text, Failure> {
    match text.lacking {
        Some(_) => Err(Failure::new(FailureCode::OcrUnavailable, why)),
        None => {
            let mut warnings = text.warnings;
            warnings.push(FailureCode::OcrUnavailable);
            Ok(Text { warnings, ..text })
        }
    }
}

struct Reader<'a> {
    job: Job<'a>,
    engine: &'a dyn Engine,
    progress: Mutex<Progress>,
    /// That the engine has read.
    pages: AtomicU32,
}

struct Progress {
    cache: Cache,
    /// Pictures that the engine has read.
    read: u32,
    saved: Instant,
}

impl Reader<'_> {
    /// `None` when it was stopped before.
    fn page(&self, scan: &Scan) -> Result<Option<Found>, ReadError> {
        if (self.job.is_stopping)() {
            return Ok(None);
        }
        let (mut parts, mut failure, mut by) = (Vec::new(), None, By::Memory);
        match self.pictures(scan, 0) {
            Ok(pictures) => {
                for picture in pictures {
                    let (read, who) = self.picture(scan, &picture);
                    if who == By::Engine {
                        by = who;
                    }
                    match read {
                        Ok(read) if is_credible(&read, scan.role) => parts.push(read),
                        Ok(_) => {}
                        Err(error) => failure = Some(of_engine(scan, &error)),
                    }
                }
            }
            Err(ReadError::Document(cause)) => failure = Some(of_picture(scan, &cause)),
            Err(error @ ReadError::NoChild(_)) => return Err(error),
        }
        if by == By::Engine && failure.is_none() {
            self.pages.fetch_add(1, Ordering::Relaxed);
        }
        (self.job.on_page)(by);
        Ok(Some(Found { page: scan.page, role: scan.role, read: joined(parts), failure }))
    }

    fn pictures(&self, scan: &Scan, quarters: u8) -> Result<Vec<PictureFile>, ReadError> {
        let _place = self.job.ocr.room.take(self.job.ocr.settings.picture_bytes);
        self.job.sandbox.pictures(&self.job.document, scan, quarters, self.job.ocr.settings.bounds)
    }

    /// What is on a picture, as it was read before or is read now.
    fn picture(&self, scan: &Scan, picture: &PictureFile) -> (Result<Recognized, EngineError>, By) {
        let sheet = sheet(picture);
        let key = cache::key(&sheet);
        if let Some(known) = self.job.cache.get(&key) {
            self.remember(key, known.clone(), 0);
            return (Ok(known.clone()), By::Memory);
        }
        let mut read = match self.read(&sheet) {
            Ok(read) => read,
            Err(error) => return (Err(error), By::Engine),
        };
        if scan.role == Role::Whole && (read.confidence < DOUBTFUL_BELOW || read.words < FEW_WORDS) {
            read = self.upright(scan, &sheet, read);
        }
        self.remember(key, read.clone(), 1);
        (Ok(read), By::Engine)
    }

    fn read(&self, sheet: &Sheet<'_>) -> Result<Recognized, EngineError> {
        let _place = self.job.ocr.room.take(self.engine.memory_bytes(sheet.pixels));
        self.engine.read(sheet)
    }

    /// The better of what was read and what is read when the page is turned, should the engine find that it lies wrong.
    fn upright(&self, scan: &Scan, sheet: &Sheet<'_>, read: Recognized) -> Recognized {
        let quarters = {
            let _place = self.job.ocr.room.take(self.engine.memory_bytes(sheet.pixels));
            self.engine.quarters_to_upright(sheet)
        };
        let Ok(Some(quarters @ 1..)) = quarters else { return read };
        let Ok(turned) = self.pictures(scan, quarters) else { return read };
        let again = turned.first().and_then(|picture| self.read(&self::sheet(picture)).ok());
        #[allow(clippy::cast_precision_loss)] // up to 1000
        let score = |read: &Recognized| read.confidence * read.text.len().min(1000) as f32;
        again.filter(|again| score(again) > score(&read)).unwrap_or(read)
    }

    fn remember(&self, key: String, read: Recognized, by_engine: u32) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.cache.put(key, read);
        progress.read += by_engine;
        if by_engine > 0 && progress.saved.elapsed() >= SAVED_EVERY {
            progress.saved = Instant::now();
            let cache = progress.cache.and(&self.job.cache);
            drop(progress);
            (self.job.save)(&cache);
        }
    }
}

fn sheet(picture: &PictureFile) -> Sheet<'_> {
    Sheet { content: &picture.content, pixels: picture.pixels, dpi: picture.dpi, is_quiet: picture.is_quiet }
}

/// What was found on the images of a page, one after the other.
fn joined(parts: Vec<Recognized>) -> Option<Recognized> {
    parts.into_iter().reduce(|one, other| {
        #[allow(clippy::cast_precision_loss)] // words of a page
        let (a, b) = (one.words as f32, other.words as f32);
        Recognized {
            text: format!("{}\n\n{}", one.text, other.text),
            confidence: (one.confidence * a + other.confidence * b) / (a + b).max(1.0),
            words: one.words + other.words,
        }
    })
}

fn of_engine(scan: &Scan, error: &EngineError) -> Failure {
    let code = match error {
        EngineError::NotStarted(_) => FailureCode::OcrUnavailable,
        EngineError::TooLate(_) | EngineError::Ended(_) => FailureCode::OcrPartial,
    };
    Failure::new(code, format!("page {}: {error}", scan.page + 1))
}

fn of_picture(scan: &Scan, cause: &Failure) -> Failure {
    Failure::new(FailureCode::OcrPartial, format!("page {}: {cause}", scan.page + 1))
}
