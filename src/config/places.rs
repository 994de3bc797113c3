//! Settles what follows from other settings: folders and URLs, the region, the threads.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use serde_json::Value;
use url::Url;

use super::error::ConfigError;
use super::origin::Origin;
use super::redact::redact_url;
use super::sources::{Assigned, Layer};
use super::urls::{Place, check_catalog, check_index, local_url, parse_storage};

const DEFAULT_REGION: &str = "us-east-1";
/// As many as the table allows.
const MAX_THREADS: usize = 64;

/// Fills in what is computed, makes folders absolute, checks the URLs; answers with warnings.
pub(super) fn settle(values: &mut Layer) -> Result<Vec<String>, ConfigError> {
    let data = PathBuf::from(text(values, "data").unwrap_or_default());
    if data.is_file() {
        return Err(folder_error(&data, origin(values, "data"), "is a file", None));
    }
    let follows_data = match origin(values, "data") {
        Origin::Default => Origin::Default,
        _ => Origin::Derived("data"),
    };
    fill(values, "catalog", || (local_url("sqlite", &data.join("catalog.db")).into(), follows_data.clone()));
    fill(values, "index", || (local_url("tantivy", &data.join("index")).into(), follows_data.clone()));
    fill(values, "spool", || (data.join("spool").to_string_lossy().into(), follows_data.clone()));
    for (key, check) in [("catalog", check_catalog as fn(&str) -> _), ("index", check_index)] {
        check(text(values, key).unwrap_or_default()).map_err(|expected| invalid(values, key, expected))?;
    }

    let folder = settle_folder(values)?;
    let region = settle_storage(values, folder.as_deref())?;
    fill(values, "s3_region", || match region {
        Some(region) => (region.into(), Origin::Derived("storage")),
        None => (DEFAULT_REGION.into(), Origin::Default),
    });
    fill(values, "extraction_threads", || {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        (cores.min(MAX_THREADS).into(), Origin::Default)
    });
    if let Some(endpoint) = values.get_mut("files_endpoint") {
        endpoint.value = endpoint.value.as_str().unwrap_or_default().trim_end_matches('/').into();
    }
    Ok(folder.and_then(|folder| data_inside(&data, &folder)).into_iter().collect())
}

/// The folder to be registered, absolute. Its gazettes are kept in a catalogue of our own.
fn settle_folder(values: &mut Layer) -> Result<Option<PathBuf>, ConfigError> {
    let Some(given) = text(values, "folder").map(PathBuf::from) else { return Ok(None) };
    let folder = existing_folder(&given, &origin(values, "folder"))?;
    if !text(values, "catalog").is_some_and(|catalog| catalog.starts_with("sqlite://")) {
        let advice = "files of a folder are registered in an SQLite catalogue; for a Postgres that lists them \
                      already, name the folder as --storage file://FOLDER";
        return Err(conflict(values, "folder", "catalog", advice));
    }
    replace(values, "folder", folder.to_string_lossy().into());
    Ok(Some(folder))
}

/// The storage as a URL; answers with the region that it names.
fn settle_storage(values: &mut Layer, folder: Option<&Path>) -> Result<Option<String>, ConfigError> {
    let Some(given) = text(values, "storage") else {
        if let Some(folder) = folder {
            let url = file_url(folder, &origin(values, "folder"))?;
            fill(values, "storage", || (url.into(), Origin::Derived("folder")));
        }
        return Ok(None);
    };
    match parse_storage(given).map_err(|expected| invalid(values, "storage", expected))? {
        Place::Folder(path) => {
            let path = existing_folder(&path, &origin(values, "storage"))?;
            if folder.is_some_and(|folder| folder != path) {
                return Err(conflict(values, "folder", "storage", "they name two folders; leave one of them out"));
            }
            let url = file_url(&path, &origin(values, "storage"))?;
            replace(values, "storage", url.into());
            Ok(None)
        }
        Place::Bucket(_) if folder.is_some() => {
            let advice = "files come from a folder or from a bucket; leave one of them out";
            Err(conflict(values, "folder", "storage", advice))
        }
        Place::Bucket(url) => {
            let region = url.query_pairs().find(|(key, value)| key == "region" && !value.is_empty());
            Ok(region.map(|(_, region)| region.into_owned()))
        }
    }
}

/// The folder with its symbolic links resolved, so that two spellings of one folder are equal.
fn existing_folder(path: &Path, origin: &Origin) -> Result<PathBuf, ConfigError> {
    let real = path.canonicalize().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => folder_error(path, origin.clone(), "does not exist", None),
        _ => folder_error(path, origin.clone(), "cannot be read", Some(error)),
    })?;
    if !real.is_dir() {
        return Err(folder_error(path, origin.clone(), "is a file", None));
    }
    if real.to_str().is_none() {
        return Err(folder_error(path, origin.clone(), "has a name that is not UTF-8", None));
    }
    Ok(real)
}

/// Percent-encoded, so that blanks, accents, `#` and `?` come back as they were.
fn file_url(folder: &Path, origin: &Origin) -> Result<String, ConfigError> {
    Url::from_file_path(folder)
        .map(String::from)
        .map_err(|()| folder_error(folder, origin.clone(), "is not absolute", None))
}

/// A remark when what we write would land among what we only read.
fn data_inside(data: &Path, folder: &Path) -> Option<String> {
    let absolute = data.canonicalize().or_else(|_| std::path::absolute(data)).ok()?;
    absolute.starts_with(folder).then(|| {
        let (data, folder) = (data.display(), folder.display());
        format!("data {data} lies inside the folder {folder}; name another with --data DIR to keep the folder as it is")
    })
}

fn text<'a>(values: &'a Layer, key: &str) -> Option<&'a str> {
    values.get(key)?.value.as_str()
}

fn origin(values: &Layer, key: &str) -> Origin {
    values.get(key).map_or(Origin::Default, |assigned| assigned.origin.clone())
}

fn fill(values: &mut Layer, key: &'static str, compute: impl FnOnce() -> (Value, Origin)) {
    values.entry(key).or_insert_with(|| {
        let (value, origin) = compute();
        Assigned { value, origin }
    });
}

fn replace(values: &mut Layer, key: &str, value: Value) {
    if let Some(assigned) = values.get_mut(key) {
        assigned.value = value;
    }
}

fn invalid(values: &Layer, key: &'static str, expected: String) -> ConfigError {
    let shown = format!("`{}`", redact_url(text(values, key).unwrap_or_default()));
    ConfigError::Invalid { key, shown, origin: origin(values, key), expected }
}

fn conflict(values: &Layer, one: &'static str, other: &'static str, advice: &'static str) -> ConfigError {
    let (one_origin, other_origin) = (origin(values, one).to_string(), origin(values, other).to_string());
    ConfigError::Conflict { one, one_origin, other, other_origin, advice }
}

fn folder_error(path: &Path, origin: Origin, problem: &'static str, source: Option<std::io::Error>) -> ConfigError {
    ConfigError::Folder { path: path.to_owned(), origin, problem, source }
}
