//! `picture`: what OCR sees of a page.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::cli::PictureArgs;
use super::{Usage, readers};
use crate::config::Config;
use crate::extraction::sandbox::{Document, ReadError};
use crate::extraction::{self, Limits, PageAddress, Role, Scan};

pub fn picture(args: &PictureArgs, config: &Config) -> Result<u8> {
    if !args.file.is_file() {
        return Err(Usage(format!("{} is no file: name one to look at", args.file.display())).into());
    }
    let limits = Limits::within(config.memory_plan().reader_bytes, config.max_file_size_mb * 1024 * 1024);
    let (file, bytes) = extraction::open(&args.file, &limits)?;
    let name = args.file.to_string_lossy();
    let document = Document { file: &file, name: &name, bytes, limits: &limits };
    let page = args.page.saturating_sub(1);
    let role = if args.beside { Role::Beside } else { Role::Whole };
    let scan = Scan { page, address: PageAddress { members: Vec::new(), page }, role, heading_bytes: 0 };
    let pictures = match readers::sandbox(config).pictures(&document, &scan, 0, readers::ocr_settings(config).bounds) {
        Ok(pictures) => pictures,
        Err(ReadError::Document(failure)) => return Err(failure.into()),
        Err(error @ ReadError::NoChild(_)) => return Err(error.into()),
    };
    for (number, picture) in (1..).zip(&pictures) {
        let out = if number == 1 { args.out.clone() } else { numbered(&args.out, number) };
        std::fs::write(&out, &picture.content).with_context(|| format!("could not write {}", out.display()))?;
    }
    Ok(0)
}

fn numbered(out: &Path, number: u32) -> PathBuf {
    let extension = out.extension().unwrap_or_default().to_string_lossy();
    out.with_extension(format!("{number}.{extension}"))
}
