//! Opens what the three URLs name.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use url::Url;

use super::cli::Format;
use super::{Usage, readers, signals, territories};
use crate::catalog::{self, Catalog};
use crate::config::{Config, LiveConfig, local_path};
use crate::gazette::RunId;
use crate::pipeline::registrar::FOLDER_NOTE;
use crate::pipeline::{Context, Dependencies};
use crate::search_index::{self, SearchIndex};
use crate::shutdown::Shutdown;
use crate::storage::{self, Storage};
use crate::telemetry::Telemetry;
use crate::words::told;

pub async fn catalog(config: &Config) -> Result<Arc<dyn Catalog>> {
    Ok(Arc::from(catalog::open(config).await?))
}

/// The catalogue, unless it would have to be created: a verb that only reads makes no files.
pub async fn existing_catalog(config: &Config) -> Result<Option<Arc<dyn Catalog>>> {
    match local_path(config.catalog.expose(), "sqlite") {
        Some(path) if !path.exists() => Ok(None),
        _ => catalog(config).await.map(Some),
    }
}

/// The ids of territories that may have been typed as names, for a verb that may do without the catalogue.
pub async fn territory_ids(typed: &[String], config: &Config, format: Format) -> Result<Vec<String>> {
    let catalog = if territories::are_named(typed) { existing_catalog(config).await? } else { None };
    territories::ids(typed, catalog.as_deref(), format).await
}

pub async fn storage(config: &Config) -> Result<Arc<dyn Storage>> {
    Ok(Arc::from(storage::open(config.storage()?, config).await?))
}

pub async fn search_index(config: &Config) -> Result<Arc<dyn SearchIndex>> {
    Ok(Arc::from(search_index::open(config).await?))
}

/// What a verb works with that reads no document: the processes that would are not started before the first.
pub async fn context(config: Config, catalog: Arc<dyn Catalog>, index: Arc<dyn SearchIndex>) -> Result<Context> {
    let config = Arc::new(LiveConfig::from(config));
    let (telemetry, shutdown) = (Telemetry::new(RunId::new()), Shutdown::default());
    signals::listen(shutdown.clone(), telemetry.clone()).context("could not listen for signals")?;
    Ok(Context {
        storage: storage(&config).await?,
        index,
        catalog,
        sandbox: readers::sandbox(&config),
        ocr: Arc::new(readers::ocr(&config)),
        dependencies: Dependencies::new(&config),
        config,
        telemetry,
        shutdown,
    })
}

/// Completes the configuration in folder mode: with the folder of an earlier run, when this one names neither folder
/// nor bucket. A data folder belongs to one folder of files, because their paths are kept relative to it.
///
/// # Errors
/// When the data folder belongs to another folder.
pub fn settle_folder(config: &mut Config) -> Result<()> {
    let noted = noted_folder(&config.data)?;
    match (&config.folder, noted) {
        (Some(folder), Some(noted)) if *folder != noted => Err(Usage(told(
            "{data} holds the catalogue of {noted}: for {folder}, name another data folder with --data DIR",
            &[("data", &config.data.display()), ("noted", &noted.display()), ("folder", &folder.display())],
        ))
        .into()),
        (None, Some(noted)) if config.storage.is_none() && local_path(config.catalog.expose(), "sqlite").is_some() => {
            if !noted.is_dir() {
                return Err(Usage(told(
                    "the folder {noted} is gone, and {data} holds its catalogue: bring it back, or name another folder \
                     with --folder DIR and another data folder with --data DIR",
                    &[("noted", &noted.display()), ("data", &config.data.display())],
                ))
                .into());
            }
            config.storage = Url::from_file_path(&noted).ok();
            config.folder = Some(noted);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Writes down which folder the data folder belongs to: whole or not at all, because an empty note would turn every
/// later run away.
pub fn note_folder(config: &Config) -> Result<()> {
    let Some(folder) = &config.folder else { return Ok(()) };
    let data = &config.data;
    if noted_folder(data)?.as_ref() == Some(folder) {
        return Ok(());
    }
    // A name of its own: runs that start together write the same note.
    let unfinished = data.join(format!("{FOLDER_NOTE}.{}.part", std::process::id()));
    std::fs::create_dir_all(data)
        .and_then(|()| std::fs::write(&unfinished, folder.to_string_lossy().as_bytes()))
        .and_then(|()| std::fs::rename(&unfinished, data.join(FOLDER_NOTE)))
        .map_err(|error| {
            let values: [(&str, &dyn Display); 2] = [("data", &data.display()), ("error", &error)];
            Usage(told("could not write to the data folder {data} ({error}): name another with --data DIR", &values))
                .into()
        })
}

fn noted_folder(data: &Path) -> Result<Option<PathBuf>> {
    let note = data.join(FOLDER_NOTE);
    match std::fs::read_to_string(&note) {
        Ok(path) => Ok(Some(PathBuf::from(path.trim_end_matches('\n')))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("could not read {}", note.display())),
    }
}
