//! The processes that read documents, as the settings want them, and what they are told to do.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::cli::{BecomeEngineArgs, ReadDocumentsArgs};
use crate::config::Config;
use crate::extraction::ocr::engine_process::{self, Orders};
use crate::extraction::ocr::{self, Ocr};
use crate::extraction::picture::Bounds;
use crate::extraction::sandbox::{self, Recycling, Sandbox, Settings};

/// The children of this program.
#[must_use]
pub fn sandbox(config: &Config) -> Arc<Sandbox> {
    Arc::new(Sandbox::new(settings(config)))
}

/// As many children at once as there are threads to read, if the memory allows.
#[must_use]
pub fn settings(config: &Config) -> Settings {
    let plan = config.memory_plan();
    let threads = plan.readers.to_string();
    let memory_bytes = plan.reader_bytes.to_string();
    Settings {
        program: Settings::own_program(),
        arguments: ["read-documents", "--threads", &threads, "--memory-bytes", &memory_bytes].map(Into::into).into(),
        children: plan.readers as usize,
        base: Duration::from_secs(config.reader_timeout_seconds),
        per_mib: Duration::from_millis(config.reader_timeout_per_mb_ms),
        longest: LONGEST,
        silence: Duration::from_secs(config.reader_silence_seconds),
        recycling: Recycling {
            documents: config.reader_documents,
            growth_bytes: config.reader_growth_mb * 1024 * 1024,
            age: Duration::from_secs(config.reader_lifetime_seconds),
        },
    }
}

/// OCR as the settings want it.
#[must_use]
pub fn ocr(config: &Config) -> Ocr {
    Ocr::new(ocr_settings(config))
}

/// A picture is made, or an engine at work, where else a reader would be.
#[must_use]
pub fn ocr_settings(config: &Config) -> ocr::Settings {
    let plan = config.memory_plan();
    ocr::Settings {
        wrapper: (Settings::own_program(), "become-engine".into()),
        mode: config.ocr,
        program: config.ocr_engine.clone(),
        languages: config.ocr_languages.clone(),
        timeout: Duration::from_secs(config.ocr_timeout_seconds),
        bounds: Bounds {
            dpi: config.ocr_dpi,
            pixels: config.ocr_megapixels * 1_000_000,
            heap: plan.reader_bytes,
        },
        memory_bytes: plan.scans_bytes(),
        picture_bytes: plan.reader_bytes,
        #[allow(clippy::cast_precision_loss)] // up to 100
        least_confidence: config.ocr_least_confidence_percent as f32 / 100.0,
    }
}

/// What a process does that becomes an OCR engine: see [`engine_process::become_engine`].
pub fn become_engine(args: &BecomeEngineArgs) -> Result<u8> {
    let BecomeEngineArgs { memory_bytes, cpu_seconds, data, command } = args;
    let orders =
        Orders { memory_bytes: *memory_bytes, cpu_seconds: *cpu_seconds, data: data.clone(), command: command.clone() };
    Err(engine_process::become_engine(&orders)).context("could not become the OCR engine")
}

/// However large a file is.
const LONGEST: Duration = Duration::from_mins(15);

/// What a child does: see [`sandbox::serve`].
pub fn read_documents(args: &ReadDocumentsArgs) -> Result<u8> {
    sandbox::serve(args.threads, args.memory_bytes).context("could not go on reading documents")?;
    Ok(0)
}
