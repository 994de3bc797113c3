//! Documents are read in child processes of the same program, which can be lost without losing anything else.
//!
//! A child gets a document as an open file ([`request`]) and answers in frames on a pipe ([`frame`]). It has no file
//! system and no network (`confinement`), bounded memory and CPU time, and an empty environment. Whoever asks waits for
//! a bounded time ([`worker`]); how a child ended becomes a failure of its document ([`autopsy`]).

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::{Limits, Scan, Text, picture};
use crate::failure::{Failure, FailureCode};
use crate::gazette::OcrMode;

mod autopsy;
mod child;
mod frame;
#[cfg(debug_assertions)]
mod poison;
mod request;
mod worker;

pub use super::confinement::Confinement;
pub use child::serve;
use frame::{Frame, PictureHeader, garbled};
use request::{Request, Work};
use worker::{Answer, Patient, Worker};

/// How children are started, bounded and replaced.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The program, and what it is told so that it calls [`serve`]: the caller's own hidden verb.
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    /// Documents that are read at once: a child each.
    pub children: usize,
    /// A document may take so long, and so much longer for each MiB of its file, but never longer than `longest`.
    pub base: Duration,
    pub per_mib: Duration,
    pub longest: Duration,
    /// A child that reports no page for so long is ended.
    pub silence: Duration,
    pub recycling: Recycling,
}

/// When a child that works is replaced all the same: what it has leaked or scattered goes with it.
#[derive(Debug, Clone, Copy)]
pub struct Recycling {
    /// After so many documents, a quarter more or less, so that not all are replaced at once.
    pub documents: u32,
    /// When its resident memory has grown by so many bytes since it was started.
    pub growth_bytes: u64,
    /// After so long.
    pub age: Duration,
}

impl Settings {
    /// The program that runs now, told to read documents. The link of the kernel outlives an upgrade of the file.
    #[must_use]
    pub fn own_program() -> PathBuf {
        PathBuf::from("/proc/self/exe")
    }

    /// How long a document of that size may take.
    fn deadline(&self, bytes: u64) -> Duration {
        let mib = u32::try_from(bytes.div_ceil(1024 * 1024)).unwrap_or(u32::MAX);
        self.base.saturating_add(self.per_mib.saturating_mul(mib)).min(self.longest)
    }
}

/// A document that is open.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    pub file: &'a File,
    /// Its key or path, which tells only what it claims to be.
    pub name: &'a str,
    pub bytes: u64,
    pub limits: &'a Limits,
}

/// A picture of a page as a Netpbm file, ready for OCR.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureFile {
    pub content: Vec<u8>,
    pub pixels: u64,
    /// Pixels per inch.
    pub dpi: u32,
    /// It has greys, and next to no noise on its paper.
    pub is_quiet: bool,
}

/// Why there is no text.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// About this document.
    #[error(transparent)]
    Document(#[from] Failure),
    /// No child can be had: nothing can be read.
    #[error("could not start a process that reads documents: look at the limits of this user and of the machine")]
    NoChild(#[source] io::Error),
}

/// The children. Threads share it; each that asks occupies one child.
#[derive(Debug)]
pub struct Sandbox {
    settings: Settings,
    idle: Mutex<Vec<Worker>>,
    busy: AtomicUsize,
    started: AtomicU64,
    confinement: OnceLock<Confinement>,
}

impl Sandbox {
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            idle: Mutex::default(),
            busy: AtomicUsize::new(0),
            started: AtomicU64::new(0),
            confinement: OnceLock::new(),
        }
    }

    /// Starts the first child, and says how it is confined here.
    ///
    /// A child ends with the thread that started it (`PR_SET_PDEATHSIG`, prctl(2)): this and [`Sandbox::read`] are for
    /// threads that live as long as the sandbox is used, such as those of [`super::pool`].
    ///
    /// # Errors
    /// When no child can be started.
    pub fn warm_up(&self) -> io::Result<Confinement> {
        let worker = self.take()?;
        self.put_back(worker);
        Ok(self.confinement.get().copied().unwrap_or_default())
    }

    /// Ends the children that have nothing to do; others are started when they are needed.
    pub fn renew(&self) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        drop(idle);
    }

    /// Children started so far, the replaced ones included.
    #[must_use]
    pub fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// Reads a document of `bytes` bytes; blocks until it is read, has failed, or its time is up. `name` is its key or
    /// path, and tells only what the file claims to be. `admit` is called with what is known of the text, and its size, before that is
    /// taken in, and may wait for room.
    ///
    /// # Errors
    /// [`ReadError::Document`] with a failure of the catalogue, or [`ReadError::NoChild`].
    pub fn read<P>(
        &self,
        document: &Document<'_>,
        ocr: OcrMode,
        mut admit: impl FnMut(&Text, u64) -> P,
    ) -> Result<(Text, P), ReadError> {
        let busy = Busy::new(&self.busy);
        // Children that have nothing to do leave their cores to a long document.
        let threads = 1 + self.settings.children.saturating_sub(busy.count());
        let limits = Limits { threads: document.limits.threads.min(threads), ..*document.limits };
        self.have(document, Work::Read(ocr), limits, |frame, answers| {
            let Frame::Text(mut text, bytes) = frame else { return Err(garbled("no text, where one was asked for")) };
            // A text may be the largest that is allowed, and what else is asked for is nonsense.
            if bytes > limits.text_bytes {
                return Err(garbled("a text above its limit"));
            }
            let admitted = admit(&text, bytes);
            answers.renew();
            let content = worker::read_bytes(answers, bytes)?;
            text.text = String::from_utf8(content).map_err(|_| garbled("a text that is not UTF-8"))?;
            Ok((text, admitted))
        })
    }

    /// The pictures of one page of a document, turned by so many quarters clockwise; blocks as [`Sandbox::read`] does.
    ///
    /// # Errors
    /// The same.
    pub fn pictures(
        &self,
        document: &Document<'_>,
        scan: &Scan,
        quarters: u8,
        bounds: picture::Bounds,
    ) -> Result<Vec<PictureFile>, ReadError> {
        let _busy = Busy::new(&self.busy);
        let limits = Limits { threads: 1, ..*document.limits };
        let work = Work::Picture { address: scan.address.clone(), role: scan.role, quarters, bounds };
        self.have(document, work, limits, |frame, answers| {
            let Frame::Pictures(headers) = frame else { return Err(garbled("no picture, where one was asked for")) };
            // A byte a pixel at most, and the header of the file.
            let most = bounds.pixels.saturating_add(1024);
            if headers.iter().map(|header| header.bytes).fold(0, u64::saturating_add) > most {
                return Err(garbled("pictures above their bounds"));
            }
            let take = |header: PictureHeader| {
                let PictureHeader { bytes, width, height, dpi, is_quiet } = header;
                let content = worker::read_bytes(answers, bytes)?;
                Ok(PictureFile { content, pixels: u64::from(width) * u64::from(height), dpi, is_quiet })
            };
            headers.into_iter().map(take).collect()
        })
    }

    fn have<A>(
        &self,
        document: &Document<'_>,
        work: Work,
        limits: Limits,
        mut take: impl FnMut(Frame, &mut Patient<'_>) -> io::Result<A>,
    ) -> Result<A, ReadError> {
        let longest = self.settings.deadline(document.bytes);
        let request = Request::new(document.name, work, limits, longest);
        loop {
            let mut worker = self.take().map_err(ReadError::NoChild)?;
            let fresh = worker.documents() == 0;
            match worker.ask(document.file, &request, Instant::now() + longest, self.settings.silence, &mut take) {
                Ok(answer) => {
                    self.put_back(worker);
                    return match answer {
                        Answer::Given(given) => Ok(given),
                        Answer::Failed(failure) => Err(failure.into()),
                    };
                }
                Err(ended) => {
                    let failure = worker.autopsy(ended);
                    // What earlier documents left in a child is not the fault of this one.
                    let inherited = failure.as_ref().is_none_or(|failure| failure.code == FailureCode::LimitMemory);
                    if !fresh && inherited {
                        continue;
                    }
                    let vanished = || Failure::new(FailureCode::ExtractorExited, "it ended before it was asked");
                    return Err(failure.unwrap_or_else(vanished).into());
                }
            }
        }
    }

    fn take(&self) -> io::Result<Worker> {
        if let Some(worker) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(worker);
        }
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let worker = Worker::start(&self.settings, number)?;
        self.confinement.get_or_init(|| worker.confinement());
        Ok(worker)
    }

    fn put_back(&self, worker: Worker) {
        if !worker.is_spent(&self.settings.recycling) {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        }
    }
}

/// One of those that are being read.
struct Busy<'a>(&'a AtomicUsize);

impl<'a> Busy<'a> {
    fn new(counter: &'a AtomicUsize) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
