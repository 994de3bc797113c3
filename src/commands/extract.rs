//! `extract`: the text of files, without any service.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rayon::prelude::*;
use serde::Serialize;

use super::cli::{ExtractArgs, Format};
use super::{Usage, output};
use crate::config::Config;
use crate::extraction::{self, Limits, Text};
use crate::failure::Failure;

/// What `--format json` prints for a file.
#[derive(Serialize)]
struct Extract<'a> {
    text: &'a str,
    pages: u32,
    ocr_pages: u32,
    characters: u64,
    quality: Option<f32>,
    recovered: bool,
    partial: bool,
    failure: Option<&'a Failure>,
}

pub fn extract(args: &ExtractArgs, config: &Config, format: Format) -> Result<u8> {
    if let Some(missing) = args.files.iter().find(|file| !file.is_file()) {
        return Err(Usage(format!("{} is no file: name files to read", missing.display())).into());
    }
    if let Some(out) = &args.out {
        let mut names = BTreeSet::new();
        if let Some(twice) = args.files.iter().find(|file| !names.insert(stem(file))) {
            let name = stem(twice);
            return Err(Usage(format!("two files would be written to {name}.txt: extract them one by one")).into());
        }
        std::fs::create_dir_all(out).with_context(|| format!("could not create the folder {}", out.display()))?;
    }
    let limits = Limits { file_bytes: config.max_file_size_mb * 1024 * 1024, ..Limits::default() };
    let pool = extraction::pool(args.threads.map_or(config.extraction_threads, u32::from))?;
    let failed = pool.install(|| match &args.out {
        Some(out) => args
            .files
            .par_iter()
            .map(|file| one(file, Some(out), &limits, format))
            .try_reduce(|| false, |one, other| Ok(one | other)),
        // Printed in the order that was asked for.
        None => args.files.iter().try_fold(false, |failed, file| Ok(failed | one(file, None, &limits, format)?)),
    })?;
    Ok(if failed { 3 } else { 0 })
}

/// Whether the file failed.
fn one(file: &Path, out: Option<&PathBuf>, limits: &Limits, format: Format) -> Result<bool> {
    let result = extraction::extract(file, &file.to_string_lossy(), limits);
    if let Err(failure) = &result {
        output::warning(&format!("{}: {failure}", file.display()));
    }
    match (format, &result) {
        (Format::Json, result) => {
            let (empty, text) = (Text::default(), result.as_ref().ok());
            let Text { text, pages, ocr_pages, characters, quality, recovered, partial, unreadable: _ } =
                text.unwrap_or(&empty);
            let shown = Extract {
                text,
                pages: *pages,
                ocr_pages: *ocr_pages,
                characters: *characters,
                quality: *quality,
                recovered: *recovered,
                partial: *partial,
                failure: result.as_ref().err(),
            };
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

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    std::fs::write(path, content).with_context(|| format!("could not write {}", path.display()))
}
