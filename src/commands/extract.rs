//! `extract`: the text of files, without any service.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use rayon::prelude::*;
use serde::Serialize;

use super::cli::{ExtractArgs, Format};
use super::{Usage, output, readers};
use crate::config::Config;
use crate::extraction::ocr::{self, Cache, Job, Ocr, Read};
use crate::extraction::sandbox::{Document, ReadError, Sandbox};
use crate::extraction::{self, Limits, Text};
use crate::failure::{Failure, FailureCode};
use crate::words::told;

/// What `--format json` prints for a file.
#[derive(Serialize)]
struct Extract<'a> {
    text: &'a str,
    pages: u32,
    ocr_pages: u32,
    /// Counted from 1: pages whose text, or a part of it, OCR has read.
    ocr_page_numbers: Vec<u32>,
    /// 0..1, the mean over the words that OCR has read.
    ocr_confidence: Option<f32>,
    characters: u64,
    quality: Option<f32>,
    recovered: bool,
    partial: bool,
    /// Counted from 1.
    unreadable_pages: Vec<u32>,
    /// Codes of what is not as it should be although there is text.
    warnings: &'a [FailureCode],
    failure: Option<&'a Failure>,
}

impl<'a> Extract<'a> {
    fn of(result: &'a Result<Text, Failure>) -> Self {
        let (text, failure) = match result {
            Ok(text) => (Some(text), None),
            Err(failure) => (None, Some(failure)),
        };
        Self {
            text: text.map_or("", |text| &text.text),
            pages: text.map_or(0, |text| text.pages),
            ocr_pages: text.map_or(0, Text::ocr_pages),
            ocr_page_numbers: text.map_or_else(Vec::new, |text| from_one(&text.recognized)),
            ocr_confidence: text.and_then(|text| text.ocr_confidence),
            characters: text.map_or(0, |text| text.characters),
            quality: text.and_then(|text| text.quality),
            recovered: text.is_some_and(|text| text.recovered),
            partial: text.is_some_and(|text| text.partial),
            unreadable_pages: text.map_or_else(Vec::new, |text| from_one(&text.unreadable)),
            warnings: text.map_or(&[], |text| &text.warnings),
            failure,
        }
    }
}

/// Pages as people count them.
fn from_one(pages: &[u32]) -> Vec<u32> {
    pages.iter().map(|page| page + 1).collect()
}

pub fn extract(args: &ExtractArgs, config: &Config, format: Format) -> Result<u8> {
    if let Some(missing) = args.files.iter().find(|file| !file.is_file()) {
        return Err(Usage(told("{file} is no file: name files to read", &[("file", &missing.display())])).into());
    }
    if let Some(out) = &args.out {
        let mut names = BTreeSet::new();
        if let Some(twice) = args.files.iter().find(|file| !names.insert(stem(file))) {
            let name = stem(twice);
            return Err(Usage(told(
                "two files would be written to {name}.txt: extract them one by one",
                &[("name", &name)],
            ))
            .into());
        }
        std::fs::create_dir_all(out).with_context(|| format!("could not create the folder {}", out.display()))?;
    }
    let threads = args.threads.map_or(config.extraction_threads, u32::from);
    let config = Config { extraction_threads: threads, ..config.clone() };
    let plan = config.memory_plan();
    let reader = Reader {
        sandbox: readers::sandbox(&config),
        ocr: readers::ocr(&config),
        limits: Limits::within(plan.reader_bytes, config.max_file_size_mb * 1024 * 1024),
        format,
    };
    let pool = extraction::pool(plan.readers)?;
    let failed = pool.install(|| match &args.out {
        Some(out) => args
            .files
            .par_iter()
            .with_max_len(1)
            .map(|file| reader.one(file, Some(out)))
            .try_reduce(|| false, |one, other| Ok(one | other)),
        // Printed in the order that was asked for.
        None => args.files.iter().try_fold(false, |failed, file| Ok(failed | reader.one(file, None)?)),
    })?;
    Ok(if failed { 3 } else { 0 })
}

struct Reader {
    sandbox: Arc<Sandbox>,
    ocr: Ocr,
    limits: Limits,
    format: Format,
}

impl Reader {
    /// Whether the file failed.
    fn one(&self, file: &Path, out: Option<&PathBuf>) -> Result<bool> {
        let result = match self.read(file) {
            Ok(text) => Ok(text),
            Err(ReadError::Document(failure)) => Err(failure),
            Err(error @ ReadError::NoChild(_)) => return Err(error.into()),
        };
        if let Err(failure) = &result {
            output::warning(&format!("{}: {failure}", file.display()));
        }
        match (self.format, &result) {
            (Format::Json, result) => {
                let shown = Extract::of(result);
                match out {
                    Some(out) => write(&out.join(format!("{}.json", stem(file))), &serde_json::to_vec(&shown)?)?,
                    None => output::json(&shown)?,
                }
            }
            (Format::Text, Ok(text)) => match out {
                Some(out) => write(&out.join(format!("{}.txt", stem(file))), text.text.as_bytes())?,
                None => output::text(&text.text)?,
            },
            (Format::Text, Err(_)) => {}
        }
        Ok(result.is_err())
    }

    fn read(&self, file: &Path) -> Result<Text, ReadError> {
        let (opened, bytes) = extraction::open(file, &self.limits)?;
        let name = file.to_string_lossy();
        let document = Document { file: &opened, name: &name, bytes, limits: &self.limits };
        let (text, ()) = self.ocr.while_reading(|| self.sandbox.read(&document, self.ocr.mode(), |_, _| ()))?;
        if text.scans.is_empty() {
            return Ok(text.without_ocr()?);
        }
        let job = Job {
            ocr: &self.ocr,
            sandbox: &self.sandbox,
            document,
            cache: Cache::default(),
            save: &|_| false,
            is_stopping: &|| false,
            on_page: &|_| {},
        };
        match ocr::complete(text, job)? {
            Read::Done { text, .. } => Ok(text),
            Read::Stopped { .. } => Err(Failure::new(FailureCode::OcrPartial, "it was stopped").into()),
        }
    }
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    std::fs::write(path, content).with_context(|| format!("could not write {}", path.display()))
}
