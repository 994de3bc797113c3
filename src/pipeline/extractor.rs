//! Has spooled files read by the sandbox, from the small, named rayon pool: each of its threads drives one process.
//! Nothing here blocks a thread of the async runtime.
//!
//! In the digital lane a file that turns out to be a scan is put off, and one with scans among its pages goes on with what
//! text it has; in the OCR lane the scans are read ([`super::recognizer`]).

use std::sync::Arc;
use std::time::Instant;

use rayon::ThreadPool;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::sync::oneshot;

use super::guard::Load;
use super::quarantine::{ReadingRoom, Seat};
use super::queue::{Place, Queue};
use super::recognizer::{Recognizer, Scans};
use super::time_left::TimeLeft;
use super::workers::Workers;
use super::{Context, Extracted, Outcome, Spooled, dependency};
use crate::budget::{ByteBudget, BytePermit, MemoryPlan};
use crate::catalog::{Deferred, Interrupted, ReadInPart, Timings};
use crate::extraction::sandbox::{Document, ReadError};
use crate::extraction::{self, Limits, Text};
use crate::failpoint::{self, Point};
use crate::failure::{Failure, FailureCode};
use crate::gazette::{Gazette, OcrMode};
use crate::shutdown::StopReason;
use crate::telemetry::{Event, Stage, with_causes};

/// Gazettes whose start is counted while others are read: that takes as long as the disk takes to keep it, and no reader
/// has to wait for it.
const AHEAD: u32 = 1;
/// Text that OCR may find on a page, in bytes: room for it is taken with that for the file's own text.
const SCANNED_PAGE_BYTES: u64 = 8 * 1024;

/// What a lane reads with.
pub(super) struct Means {
    pub scans: Scans,
    pub pool: Arc<ThreadPool>,
    /// Memory for texts on their way.
    pub texts: ByteBudget,
    pub load: Arc<Load>,
}

pub(super) async fn run(
    context: Context,
    means: Means,
    mut spooled: Receiver<Spooled>,
    extracted: Sender<Extracted>,
    outcomes: Sender<Outcome>,
) {
    let Means { scans, pool, texts, load } = means;
    let plan = context.config.memory_plan();
    let extractor =
        Arc::new(Extractor { context, scans, pool, room: ReadingRoom::default(), texts, load, extracted, outcomes });
    let mut workers = Workers::new(&extractor.context, plan.readers + AHEAD);
    let mut queue = Queue::default();
    while let Some(item) = spooled.recv().await {
        let extractor = extractor.clone();
        // In order, so that who waits for its place keeps no seat from one before.
        let seat = extractor.room.seat(item.suspect).await;
        let place = queue.join();
        workers.limit(extractor.load.allowed() + AHEAD);
        workers.start(async move { extractor.extract(item, seat, place).await }).await;
    }
    workers.finish().await;
}

struct Extractor {
    context: Context,
    scans: Scans,
    pool: Arc<ThreadPool>,
    room: ReadingRoom,
    /// Memory for texts on their way.
    texts: ByteBudget,
    load: Arc<Load>,
    extracted: Sender<Extracted>,
    outcomes: Sender<Outcome>,
}

impl Extractor {
    async fn extract(self: Arc<Self>, item: Spooled, seat: Seat, mut place: Place) {
        let context = &self.context;
        let id = item.gazette.id;
        // Counted and committed before the file is parsed: a file that kills the process leaves its trace.
        let entered = self.room.enter(context, id).await;
        place.first().await;
        match entered {
            Ok(true) => failpoint::pass(Point::StartCounted),
            Ok(false) => {
                let _ = self.outcomes.send(Outcome::Lost { id }).await;
                return;
            }
            Err(error) => {
                context.stop(dependency::of_catalog(&error));
                let _ = self.outcomes.send(Outcome::Released { id }).await;
                return;
            }
        }
        let turn = self.load.turn().await;
        drop(place);
        context.telemetry.emit(&Event::StageBegun { gazette: id, stage: Stage::Extract });
        let started = Instant::now();
        let bytes = item.file.bytes;
        let (gazette, time, result) = self.clone().read(item).await;
        time.spend(started.elapsed());
        drop(turn);
        if !matches!(result, Err(ReadError::NoChild(_)))
            && let Err(error) = self.room.leave(context, id, seat).await
        {
            // Its text is as good as ever; whether it can be marked will be seen.
            context.stop(dependency::of_catalog(&error));
        }
        match result {
            Ok(Reading::Text(text, permit)) => {
                failpoint::pass(Point::TextRead);
                let _ = self.extracted.send(Extracted { gazette, text, bytes, permit, time }).await;
            }
            Ok(Reading::Scan { pages, scans }) => {
                let file_checksum = gazette.file_checksum.clone();
                let deferred = Deferred { id, file_checksum, bytes, pages, ocr_due: scans, timings: Timings::new() };
                let _ = self.outcomes.send(Outcome::Deferred { deferred }).await;
            }
            Ok(Reading::Stopped(scans)) => {
                let outcome = if scans.pages > 0 {
                    Outcome::Interrupted { interrupted: Interrupted { id, scans, timings: Timings::new() } }
                } else {
                    Outcome::Released { id }
                };
                let _ = self.outcomes.send(outcome).await;
            }
            Err(ReadError::Document(mut failure)) => {
                // It was there when the download ended.
                if failure.code == FailureCode::NotFound {
                    let detail = format!("it vanished from the spool: {}", failure.detail);
                    failure = Failure::new(FailureCode::SpoolFull, detail);
                }
                let outcome = Outcome::failed(&context.config, &gazette, failure, Some(bytes), None);
                let _ = self.outcomes.send(outcome).await;
            }
            Err(error @ ReadError::NoChild(_)) => {
                context.stop(StopReason::Internal(with_causes(&error)));
                let _ = self.outcomes.send(Outcome::Released { id }).await;
            }
        }
    }

    /// On a thread of the pool. The file and its room in the spool go as soon as it is read.
    async fn read(self: Arc<Self>, item: Spooled) -> (Gazette, TimeLeft, Result<Reading, ReadError>) {
        let Spooled { gazette, file, permit, time, ocr_due, .. } = item;
        let runtime = Handle::current();
        let (answer, result) = oneshot::channel();
        let (extractor, row) = (self.clone(), gazette.clone());
        self.pool.spawn(move || {
            let reading = extractor.load.reading(file.bytes);
            let limits = extractor.limits();
            let result = extraction::open(file.path(), &limits)
                .map_err(ReadError::from)
                .and_then(|(opened, bytes)| extractor.read_opened(&row, ocr_due, &opened, bytes, &limits, &runtime));
            let result = if file.has_changed() {
                Err(Failure::new(FailureCode::Checksum, "it was changed while it was read").into())
            } else {
                result
            };
            drop((file, permit, reading));
            // Nobody waits any more when the run was ended at once.
            let _ = answer.send(result);
        });
        let result = result.await.unwrap_or_else(|_| {
            Err(Failure::new(FailureCode::ExtractorPanicked, "the reading thread ended without an answer").into())
        });
        (gazette, time, result)
    }

    /// As the settings are at this moment.
    fn limits(&self) -> Limits {
        let config = &self.context.config;
        Limits::within(config.memory_plan().reader_bytes, config.max_file_size_mb * 1024 * 1024)
    }

    fn read_opened(
        &self,
        gazette: &Gazette,
        ocr_due: u32,
        opened: &std::fs::File,
        bytes: u64,
        limits: &Limits,
        runtime: &Handle,
    ) -> Result<Reading, ReadError> {
        let context = &self.context;
        let started = Instant::now();
        let name = gazette.file_path.as_deref().unwrap_or_default();
        let document = Document { file: opened, name, bytes, limits };
        // Scans are named whatever becomes of them: they may be read another time.
        let mode = if context.ocr.mode() == OcrMode::Off { OcrMode::Auto } else { context.ocr.mode() };
        let admit = |text: &Text, bytes: u64| {
            let found = text.scans.len() as u64 * SCANNED_PAGE_BYTES;
            let wanted = bytes.saturating_add(found).saturating_mul(MemoryPlan::COPIES_OF_A_TEXT);
            runtime.block_on(self.texts.acquire(wanted))
        };
        let (text, permit) = context.sandbox.read(&document, mode, admit)?;
        context.telemetry.emit(&Event::Extracted {
            gazette: gazette.id,
            pages: text.pages,
            scans: text.scans.len(),
            characters: text.characters,
            recovered: text.recovered,
            partial: text.partial,
            elapsed: started.elapsed(),
        });
        if text.scans.is_empty() {
            return Ok(Reading::Text(text.without_ocr()?, permit));
        }
        match &self.scans {
            Scans::Unread(why) => Ok(Reading::Text(why.settle(text)?, permit)),
            Scans::PutOff if text.lacking.is_some() => {
                Ok(Reading::Scan { pages: text.pages, scans: u32::try_from(text.scans.len()).unwrap_or(u32::MAX) })
            }
            Scans::PutOff => Ok(Reading::Text(text, permit)),
            Scans::Read => {
                let recognizer = Recognizer { context, gazette, runtime, ocr_due };
                Ok(match recognizer.read(text, document)? {
                    Ok(text) => Reading::Text(text, permit),
                    Err(read_in_part) => Reading::Stopped(read_in_part),
                })
            }
        }
    }
}

/// What came of reading a file.
#[allow(clippy::large_enum_variant)] // there is one for each reader
enum Reading {
    Text(Text, BytePermit),
    /// It has no text of its own, and so many scans.
    Scan {
        pages: u32,
        scans: u32,
    },
    /// The run ends; what was read so far is remembered.
    Stopped(ReadInPart),
}
