//! Has spooled files read by the sandbox, from the small, named rayon pool: each of its threads drives one process.
//! Nothing here blocks a thread of the async runtime.

use std::sync::Arc;
use std::time::Instant;

use rayon::ThreadPool;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::sync::oneshot;

use super::guard::Load;
use super::quarantine::ReadingRoom;
use super::time_left::TimeLeft;
use super::workers::Workers;
use super::{Context, Extracted, Outcome, Spooled, dependency};
use crate::budget::{ByteBudget, BytePermit, MemoryPlan};
use crate::extraction::sandbox::{Document, ReadError};
use crate::extraction::{self, Limits, Text};
use crate::failpoint::{self, Point};
use crate::failure::{Failure, FailureCode};
use crate::gazette::{Gazette, OcrMode};
use crate::shutdown::StopReason;
use crate::telemetry::{Event, with_causes};

pub(super) async fn run(
    context: Context,
    pool: ThreadPool,
    texts: ByteBudget,
    load: Arc<Load>,
    mut spooled: Receiver<Spooled>,
    extracted: Sender<Extracted>,
    outcomes: Sender<Outcome>,
) {
    let plan = context.config.memory_plan();
    let limits = Limits::within(plan.reader_bytes, context.config.max_file_size_mb * 1024 * 1024);
    let extractor =
        Arc::new(Extractor { context, pool, room: ReadingRoom::default(), texts, load, limits, extracted, outcomes });
    let mut workers = Workers::new(&extractor.context, plan.readers);
    while let Some(item) = spooled.recv().await {
        let extractor = extractor.clone();
        workers.limit(extractor.load.allowed());
        workers.start(async move { extractor.extract(item).await }).await;
    }
    workers.finish().await;
}

struct Extractor {
    context: Context,
    pool: ThreadPool,
    room: ReadingRoom,
    /// Memory for texts on their way.
    texts: ByteBudget,
    load: Arc<Load>,
    limits: Limits,
    extracted: Sender<Extracted>,
    outcomes: Sender<Outcome>,
}

impl Extractor {
    async fn extract(self: Arc<Self>, item: Spooled) {
        let context = &self.context;
        let id = item.gazette.id;
        // Counted and committed before the file is parsed: a file that kills the process leaves its trace.
        let seat = match self.room.enter(context, id, item.suspect).await {
            Ok(Some(seat)) => {
                failpoint::pass(Point::StartCounted);
                seat
            }
            Ok(None) => {
                context.telemetry.emit(&Event::ClaimLost { gazette: id });
                return;
            }
            Err(error) => {
                context.stop(dependency::of_catalog(&error));
                let _ = self.outcomes.send(Outcome::Released { id }).await;
                return;
            }
        };
        let started = Instant::now();
        let bytes = item.file.bytes;
        let (gazette, time, result) = self.clone().read(item).await;
        time.spend(started.elapsed());
        if !matches!(result, Err(ReadError::NoChild(_)))
            && let Err(error) = self.room.leave(context, id, seat).await
        {
            // Its text is as good as ever; whether it can be marked will be seen.
            context.stop(dependency::of_catalog(&error));
        }
        match result {
            Ok((text, permit)) => {
                failpoint::pass(Point::TextRead);
                context.telemetry.emit(&Event::Extracted {
                    gazette: id,
                    pages: text.pages,
                    characters: text.characters,
                    recovered: text.recovered,
                    partial: text.partial,
                    elapsed: started.elapsed(),
                });
                let _ = self.extracted.send(Extracted { gazette, text, bytes, permit, time }).await;
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
    async fn read(self: Arc<Self>, item: Spooled) -> (Gazette, TimeLeft, Result<(Text, BytePermit), ReadError>) {
        let Spooled { gazette, file, permit, time, .. } = item;
        let name = gazette.file_path.clone().unwrap_or_default();
        let runtime = Handle::current();
        let (answer, result) = oneshot::channel();
        let extractor = self.clone();
        self.pool.spawn(move || {
            let reading = extractor.load.reading(file.bytes);
            let texts = extractor.texts.clone();
            let admit =
                |bytes: u64| runtime.block_on(texts.acquire(bytes.saturating_mul(MemoryPlan::COPIES_OF_A_TEXT)));
            let result = extraction::open(file.path(), &extractor.limits).map_err(ReadError::from).and_then(
                |(opened, bytes)| {
                    let document = Document { file: &opened, name: &name, bytes, limits: &extractor.limits };
                    let (text, permit) = extractor.context.sandbox.read(&document, OcrMode::Off, admit)?;
                    Ok((text.without_ocr()?, permit))
                },
            );
            drop((file, permit, reading));
            // Nobody waits any more when the run was ended at once.
            let _ = answer.send(result);
        });
        let result = result.await.unwrap_or_else(|_| {
            Err(Failure::new(FailureCode::ExtractorPanicked, "the reading thread ended without an answer").into())
        });
        (gazette, time, result)
    }
}
