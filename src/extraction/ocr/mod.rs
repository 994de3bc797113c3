//! OCR: pages whose text is not in their file are read from their pictures.
//!
//! A picture is made where the document is read, in the sandbox; the engine ([`Engine`], of which Tesseract is one) gets
//! it in a process of its own, confined as well. What it finds is put into the text of the document ([`merge`]), and
//! remembered by the picture ([`Cache`]), so that no page is read twice.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use super::picture::Bounds;
use crate::gazette::OcrMode;

mod cache;
pub mod engine_process;
mod merge;
mod pages;
mod room;
mod tesseract;
mod tsv;

pub use cache::Cache;
pub use pages::{By, Job, Read, complete};
use room::Room;
use tesseract::Tesseract;

/// What an engine has read on one picture.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Recognized {
    /// Lines as they stand, a blank line between paragraphs.
    pub text: String,
    /// 0..1, the mean over the words, by their length.
    pub confidence: f32,
    pub words: u32,
}

/// Why a picture was not read. It costs its page, never the document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    #[error("the OCR engine took longer than {} s", .0.as_secs())]
    TooLate(Duration),
    #[error("the OCR engine ended: {0}")]
    Ended(String),
    #[error("the OCR engine could not be started: {0}")]
    NotStarted(String),
}

/// A picture, as an engine gets it.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'a> {
    /// A Netpbm file.
    pub content: &'a [u8],
    pub pixels: u64,
    /// Pixels per inch.
    pub dpi: u32,
    /// It has greys, and next to no noise on its paper.
    pub is_quiet: bool,
}

/// Something that reads pictures.
pub trait Engine: Send + Sync + fmt::Debug {
    /// Name, version, languages and settings: what is remembered of a picture holds for these only.
    fn identity(&self) -> &str;

    /// Memory that a picture of so many pixels takes, in bytes.
    fn memory_bytes(&self, pixels: u64) -> u64;

    /// Reads a picture that stands upright.
    ///
    /// # Errors
    /// When it takes too long, ends without an answer, or cannot be started.
    fn read(&self, sheet: &Sheet<'_>) -> Result<Recognized, EngineError>;

    /// How many quarters clockwise the picture has to be turned to stand upright, 0 to 3; `None` when it cannot be told.
    ///
    /// # Errors
    /// As [`Engine::read`].
    fn quarters_to_upright(&self, sheet: &Sheet<'_>) -> Result<Option<u8>, EngineError>;
}

/// How OCR is done.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The program that runs now, and the hidden verb with which it calls [`engine_process::become_engine`].
    pub wrapper: (PathBuf, OsString),
    pub mode: OcrMode,
    /// The engine's program: a path, or a name that is looked for in `PATH`.
    pub program: String,
    /// Languages in the engine's words, joined by `+`.
    pub languages: String,
    /// One picture may take so long.
    pub timeout: Duration,
    pub bounds: Bounds,
    /// For pictures that are being made and engines together, in bytes.
    pub memory_bytes: u64,
    /// What making a picture may take of that.
    pub picture_bytes: u64,
    /// Below this mean confidence, 0..1, the text carries a warning.
    pub least_confidence: f32,
}

/// OCR as it is set up, with an engine that is looked for when it is needed first.
#[derive(Debug)]
pub struct Ocr {
    settings: Settings,
    engine: OnceLock<Result<Box<dyn Engine>, String>>,
    room: Room,
}

impl Ocr {
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let room = Room::new(settings.memory_bytes);
        Self { settings, engine: OnceLock::new(), room }
    }

    #[must_use]
    pub fn mode(&self) -> OcrMode {
        self.settings.mode
    }

    /// The room that reading a document takes where it is not done apart from OCR: a document is read, or a picture made,
    /// or an engine at work.
    pub fn while_reading<A>(&self, read: impl FnOnce() -> A) -> A {
        let _place = self.room.take(self.settings.picture_bytes);
        read()
    }

    /// Bytes that pictures and engines may have at this moment.
    pub fn taken_bytes(&self) -> u64 {
        self.room.taken()
    }

    /// The engine, or why there is none, for the operator.
    ///
    /// # Errors
    /// When its program or a language is missing.
    pub fn engine(&self) -> Result<&dyn Engine, &str> {
        let probed = self.engine.get_or_init(|| {
            let found = Tesseract::find(&self.settings);
            found.map(|engine| Box::new(engine) as Box<dyn Engine>)
        });
        probed.as_deref().map_err(String::as_str)
    }
}
