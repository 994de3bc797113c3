//! All pages of a document, on one thread or on those of the pool that have nothing else to do.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hayro_syntax::Pdf;
use hayro_syntax::page::Page;

use super::fonts::Fonts;
use super::forms::Forms;
use super::joined::Joined;
use super::optional::Hidden;
use super::page::{Outcome, PageText, read_page};
use super::reader::Document;
use super::stream::Streams;
use crate::extraction::{Limits, OnPage};
use crate::failure::{Failure, FailureCode};

/// Pages that a thread takes at a time.
const CHUNK: usize = 16;
/// Fewer pages are not worth the fonts that every thread reads for itself.
const PARALLEL_FROM: usize = 4 * CHUNK;

/// Reads every page: their joined text, and what came of each. The result does not depend on the number of threads.
///
/// # Errors
/// `LIMIT_DECOMPRESSED`, or `LIMIT_MEMORY`.
pub(super) fn read_pages(pdf: &Pdf, limits: &Limits, on_page: &OnPage<'_>) -> Result<(String, Vec<Outcome>), Failure> {
    let pages: &[Page<'_>] = pdf.pages();
    if pages.len() > limits.pages {
        let detail = format!("{} pages, the limit is {}", pages.len(), limits.pages);
        return Err(Failure::new(FailureCode::LimitMemory, detail));
    }
    let work = Work {
        pages,
        hidden: Hidden::read(pdf),
        limits,
        on_page,
        decoded_bytes: Arc::default(),
        text_bytes: AtomicU64::new(0),
        next: AtomicUsize::new(0),
        joined: Mutex::new(Joined::new(pages.len())),
    };
    let threads = if pages.len() < PARALLEL_FROM { 1 } else { rayon::current_num_threads().min(limits.threads) };
    // Outside of a pool there is nobody to share with.
    if threads > 1 && rayon::current_thread_index().is_some() {
        rayon::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|_| work.take_part());
            }
            work.take_part();
        });
    } else {
        work.take_part();
    }
    work.joined.into_inner().unwrap_or_else(PoisonError::into_inner).finish()
}

/// The pages, and how far they have been read.
struct Work<'w, 'a> {
    pages: &'w [Page<'a>],
    hidden: Hidden,
    limits: &'w Limits,
    on_page: &'w OnPage<'w>,
    decoded_bytes: Arc<AtomicU64>,
    text_bytes: AtomicU64,
    next: AtomicUsize,
    joined: Mutex<Joined>,
}

impl Work<'_, '_> {
    /// Reads chunks until none is left, or one has failed.
    fn take_part(&self) {
        let mut streams = Streams::new(*self.limits, self.decoded_bytes.clone());
        let (mut fonts, mut forms) = (Fonts::default(), Forms::default());
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(pages) = self.pages.chunks(CHUNK).nth(index) else { return };
            let chunk: Result<Vec<PageText>, Failure> = pages
                .iter()
                .map(|page| {
                    fonts.begin_page();
                    let document = Document {
                        fonts: &mut fonts,
                        forms: &mut forms,
                        streams: &mut streams,
                        hidden: &self.hidden,
                        limits: self.limits,
                    };
                    self.count(read_page(page, document)?)
                })
                .collect();
            let mut joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
            match chunk {
                Ok(chunk) => joined.add(index, chunk),
                Err(failure) => {
                    joined.fail(index, failure);
                    // Nobody needs what comes after it; what comes before is being read already.
                    self.next.store(self.pages.len(), Ordering::Relaxed);
                    return;
                }
            }
        }
    }

    fn count(&self, page: PageText) -> Result<PageText, Failure> {
        (self.on_page)();
        let before = self.text_bytes.fetch_add(page.text.len() as u64 + 1, Ordering::Relaxed);
        // The last page is not followed by a separator.
        if before + page.text.len() as u64 > self.limits.text_bytes {
            let detail = format!("more than {} bytes of text", self.limits.text_bytes);
            return Err(Failure::new(FailureCode::LimitMemory, detail));
        }
        Ok(page)
    }
}
