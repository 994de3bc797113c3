//! Reads spooled files on the small, named rayon pool. Nothing here blocks a thread of the async runtime.

use std::sync::Arc;
use std::time::Instant;

use rayon::ThreadPool;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::sync::oneshot;

use super::workers::Workers;
use super::{Context, Extracted, Outcome, Spooled, dependency, retrying};
use crate::extraction::{self, Limits, Text};
use crate::failure::{Failure, FailureCode};
use crate::telemetry::Event;

pub(super) async fn run(
    context: Context,
    pool: ThreadPool,
    mut spooled: Receiver<Spooled>,
    extracted: Sender<Extracted>,
    outcomes: Sender<Outcome>,
) {
    let pool = Arc::new(pool);
    let mut workers = Workers::new(&context, context.config.extraction_threads);
    while let Some(item) = spooled.recv().await {
        workers.start(extract(context.clone(), pool.clone(), item, extracted.clone(), outcomes.clone())).await;
    }
    workers.finish().await;
}

async fn extract(
    context: Context,
    pool: Arc<ThreadPool>,
    item: Spooled,
    extracted: Sender<Extracted>,
    outcomes: Sender<Outcome>,
) {
    let Spooled { gazette, file, mut permit } = item;
    let id = gazette.id;
    // Counted and committed before the file is parsed: a file that kills the process leaves its trace.
    let policy = context.retry_policy(context.config.catalog_attempts);
    match retrying(&context, &policy, "count a start", || context.catalog.start(context.run(), id)).await {
        Ok(true) => {}
        Ok(false) => {
            context.telemetry.emit(&Event::ClaimLost { gazette: id });
            return;
        }
        Err(error) => {
            context.stop(dependency::of_catalog(&error));
            let _ = outcomes.send(Outcome::Released { id }).await;
            return;
        }
    }
    let started = Instant::now();
    let bytes = file.bytes;
    let limits = Limits { file_bytes: context.config.max_file_size_mb * 1024 * 1024, ..Limits::default() };
    let name = gazette.file_path.clone().unwrap_or_default();
    let (answer, result) = oneshot::channel();
    pool.spawn(move || {
        let result = extraction::extract(file.path(), &name, &limits);
        drop(file);
        // Nobody waits any more when the run was ended at once.
        let _ = answer.send(result);
    });
    let result: Result<Text, Failure> = result.await.unwrap_or_else(|_| {
        Err(Failure::new(FailureCode::ExtractorPanicked, "the reading thread ended without an answer"))
    });
    match result {
        Ok(text) => {
            permit.shrink_to(text.text.len() as u64);
            context.telemetry.emit(&Event::Extracted {
                gazette: id,
                pages: text.pages,
                characters: text.characters,
                recovered: text.recovered,
                partial: text.partial,
                elapsed: started.elapsed(),
            });
            let _ = extracted.send(Extracted { gazette, text, bytes, permit }).await;
        }
        Err(failure) => {
            let outcome = Outcome::failed(&context.config, &gazette, failure, Some(bytes), Some(permit));
            let _ = outcomes.send(outcome).await;
        }
    }
}
