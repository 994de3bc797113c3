//! The child's side: confines itself, then reads one document after the other until nobody asks any more.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::frame::{self, Frame, PictureHeader};
use super::request::{self, Request, Work};
use crate::extraction::confinement::{bound_cpu, bound_memory, confine};
use crate::extraction::{self, picture::Picture};
use crate::failure::{Failure, FailureCode};
use crate::gazette::OcrMode;
use crate::telemetry::OwnStatus;

/// Pages are told at most so often: it is a sign of life, not a count.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// Reads documents on `threads` threads, asked on standard input, answering on standard output, with `memory_bytes` of
/// heap beyond what it takes to begin.
///
/// # Errors
/// When it cannot be confined, or whoever asks talks nonsense or is gone.
pub fn serve(threads: u32, memory_bytes: u64) -> io::Result<()> {
    let requests = io::stdin().as_fd().try_clone_to_owned()?;
    let answers =
        Mutex::new(Answers { pipe: File::from(io::stdout().as_fd().try_clone_to_owned()?), told: Instant::now() });
    // Afterwards nothing can be opened.
    let status = OwnStatus::open()?;
    let confinement = confine()?;
    let pool = extraction::pool(threads).map_err(io::Error::other)?;
    bound_memory(&status, memory_bytes)?;
    lock(&answers).write(&Frame::Ready(confinement))?;
    while let Some((request, file)) = request::receive(&requests)? {
        bound_cpu(request.cpu_seconds)?;
        let answer = pool.install(|| answer(&file, &request, &answers));
        drop(file);
        lock(&answers).write(&answer.frame)?;
        for picture in answer.pictures {
            lock(&answers).pipe.write_all(&picture)?;
        }
    }
    Ok(())
}

pub(super) struct Answers {
    pipe: File,
    told: Instant,
}

impl Answers {
    pub fn write(&mut self, frame: &Frame) -> io::Result<()> {
        frame::write(&mut self.pipe, frame)?;
        self.pipe.flush()
    }

    #[cfg(debug_assertions)]
    pub fn raw(&mut self) -> &mut File {
        &mut self.pipe
    }

    fn page(&mut self) {
        if self.told.elapsed() >= SIGN_OF_LIFE {
            self.told = Instant::now();
            // Nobody listens any more: the next request tells.
            let _ = self.write(&Frame::Page);
        }
    }
}

pub(super) fn lock(answers: &Mutex<Answers>) -> std::sync::MutexGuard<'_, Answers> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A frame, and what follows it.
struct Answer {
    frame: Frame,
    pictures: Vec<Vec<u8>>,
}

fn answer(file: &File, request: &Request, answers: &Mutex<Answers>) -> Answer {
    let without_pictures = |frame| Answer { frame, pictures: Vec::new() };
    match &request.work {
        Work::Read(ocr) => without_pictures(read(file, request, *ocr, answers)),
        Work::Picture { address, role, quarters, bounds } => {
            match extraction::pictures(file, &request.limits, address, *role, *quarters, bounds) {
                Ok(pictures) => with_pictures(&pictures),
                Err(failure) => without_pictures(Frame::Failed(cut(failure))),
            }
        }
    }
}

fn with_pictures(pictures: &[Picture]) -> Answer {
    let files: Vec<Vec<u8>> = pictures.iter().map(Picture::to_pnm).collect();
    let header = |(picture, file): (&Picture, &Vec<u8>)| PictureHeader {
        bytes: file.len() as u64,
        width: picture.width,
        height: picture.height,
        dpi: picture.dpi,
        is_quiet: picture.is_quiet,
    };
    let headers = pictures.iter().zip(&files).map(header).collect();
    Answer { frame: Frame::Pictures(headers), pictures: files }
}

fn read(file: &File, request: &Request, ocr: OcrMode, answers: &Mutex<Answers>) -> Frame {
    #[cfg(debug_assertions)]
    if let Some(frame) = super::poison::swallow(file, answers) {
        return frame;
    }
    let on_page = || lock(answers).page();
    match extraction::extract(file, &request.name, &request.limits, ocr, &on_page) {
        Ok(text) => {
            let bytes = text.text.len() as u64;
            Frame::Text(text, bytes)
        }
        Err(failure) => Frame::Failed(cut(failure)),
    }
}

/// A detail is for a person to read.
fn cut(failure: Failure) -> Failure {
    const MOST_CHARACTERS: usize = 2_000;
    let Failure { code, detail } = failure;
    debug_assert!(FailureCode::ALL.contains(&code));
    Failure { code, detail: detail.chars().take(MOST_CHARACTERS).collect() }
}
