//! Compares a folder of files with the catalogue, and registers what is new or changed. The folder is only read.
//!
//! Both are gone through side by side, in the order of paths, and what is to be registered is registered in batches: what
//! that takes does not grow with the folder.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use md5::{Digest as _, Md5};
use rayon::ThreadPool;
use rayon::prelude::*;
use time::Date;

use crate::catalog::{CatalogError, FolderFile, RegisteredFile, Registry};
use crate::checksum::hex;
use crate::extraction;
use crate::gazette::{Mode, Selection, Territory};

mod known;
mod metadata;
mod scan;
mod walk;

use known::Known;
pub use metadata::{MetadataError, TABLE_NAME};
use scan::{Found, Scan};

/// In a data folder: names the folder of files that its catalogue is about.
pub const FOLDER_NOTE: &str = "folder.txt";

/// Files that are compared, and registered, together.
const BATCH: usize = 1_000;

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Registered {
    pub new: u64,
    pub changed: u64,
    pub unchanged: u64,
    /// Paths that are registered and no longer in the folder.
    pub vanished: Paths,
    /// Text files beside a PDF of the same name, which are taken for its text.
    pub renditions: u64,
    /// Files that `gazettes.csv` describes and the folder does not hold.
    pub missing: Paths,
    /// Paths that could not be looked at, with the reason.
    pub left_out: Paths,
}

/// How many there are, and the first of them by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paths {
    pub count: u64,
    pub first: Vec<String>,
}

impl Paths {
    /// So many are kept by name.
    pub const KEPT: usize = 5;

    fn push(&mut self, path: &str) {
        self.count += 1;
        if self.first.len() < Self::KEPT {
            self.first.push(path.to_owned());
        }
    }
}

/// What is told of single files while a folder is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice<'a> {
    /// A registered file is no longer in the folder.
    Vanished(&'a str),
    /// A path that could not be looked at, with the reason.
    LeftOut(&'a str),
    /// So many files are compared by now.
    Compared(u64),
}

/// Why a folder could not be registered.
#[derive(Debug, thiserror::Error)]
pub enum RegistrarError {
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error("could not read the folder {path}: check its name and that you may list it")]
    Folder { path: PathBuf, source: io::Error },
}

/// Registers the files of `folder`. Hidden files, `gazettes.csv` and everything below `data` are left out.
///
/// # Errors
/// When the folder or its `gazettes.csv` cannot be read, or the catalogue fails.
pub async fn register(
    folder: &Path,
    data: &Path,
    registry: &dyn Registry,
    mut notice: impl FnMut(Notice<'_>),
) -> Result<Registered, RegistrarError> {
    let failed = |source| RegistrarError::Folder { path: folder.to_owned(), source };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let pool = extraction::pool(u32::try_from(cores).unwrap_or(1)).map_err(io::Error::other).map_err(failed)?;
    let pool = Arc::new(pool);
    let mut comparison = Comparison::begin(folder, data, Some(registry)).await?;
    while let Some(differing) = comparison.next(&mut notice).await? {
        let Registered { new, changed, unchanged, .. } = comparison.registered;
        notice(Notice::Compared(new + changed + unchanged - differing.len() as u64));
        if differing.is_empty() {
            continue;
        }
        let (folder, pool) = (folder.to_owned(), pool.clone());
        let digested = blocking(comparison.folder, move || Ok(digest(&folder, &pool, differing))).await?;
        let mut files = Vec::with_capacity(digested.len());
        for file in digested {
            match file {
                Ok(file) => files.push(file),
                Err(reason) => {
                    notice(Notice::LeftOut(&reason));
                    comparison.registered.left_out.push(&reason);
                }
            }
        }
        registry.register(&files).await?;
    }
    Ok(comparison.registered)
}

/// What [`register`] would bring into a selection that is not in it yet, without doing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Preview {
    pub files: u64,
    pub bytes: u64,
}

/// Looks at the folder and at the catalogue, where there is one.
///
/// # Errors
/// When the folder or its `gazettes.csv` cannot be read, or the catalogue fails.
pub async fn preview(
    folder: &Path,
    data: &Path,
    registry: Option<&dyn Registry>,
    selection: &Selection,
) -> Result<Preview, RegistrarError> {
    let mut comparison = Comparison::begin(folder, data, registry).await?;
    let mut preview = Preview::default();
    while let Some(differing) = comparison.next(&mut |_| {}).await? {
        for (file, _) in differing.iter().filter(|(file, before)| joins(file, before.as_ref(), selection)) {
            preview.files += 1;
            preview.bytes += file.bytes;
        }
    }
    Ok(preview)
}

/// The territories that files of a folder are of, each once.
///
/// # Errors
/// As in [`preview`].
pub async fn territories(folder: &Path, data: &Path) -> Result<Vec<Territory>, RegistrarError> {
    let mut comparison = Comparison::begin(folder, data, None).await?;
    let mut found = BTreeMap::new();
    while let Some(all) = comparison.next(&mut |_| {}).await? {
        for (file, _) in all {
            let territory = file.metadata.territory;
            found.entry(territory.id.clone()).or_insert(territory);
        }
    }
    Ok(found.into_values().collect())
}

/// Whether a new or changed file comes into the selection by being registered. One that is pending is in it already.
fn joins(file: &Found, before: Option<&RegisteredFile>, selection: &Selection) -> bool {
    let Selection { mode, from, to, scraped_from: _, scraped_to, territories, state, ids, .. } = selection;
    let already = before.is_some_and(|before| *mode == Mode::All || !before.processed);
    let territory = &file.metadata.territory;
    let dated = |holds: &dyn Fn(Date) -> bool| file.metadata.date.is_some_and(holds);
    !already
        && from.is_none_or(|from| dated(&|date| date >= from))
        && to.is_none_or(|to| dated(&|date| date <= to))
        // It is scraped when it is registered: now.
        && scraped_to.is_none()
        && (territories.is_empty() || territories.contains(&territory.id))
        && state.as_ref().is_none_or(|state| state.eq_ignore_ascii_case(&territory.state_code))
        && (ids.is_empty() || before.is_some_and(|before| ids.contains(&before.id)))
        && selection.failed.is_none()
        && selection.extractor_older_than.is_none()
}

/// A folder beside its catalogue.
struct Comparison<'a> {
    folder: &'a Path,
    /// `None` when it has come to its end.
    scan: Option<Scan>,
    known: Option<Known<'a>>,
    registered: Registered,
}

/// A new or changed file, and what was registered of it.
type Differing = (Found, Option<RegisteredFile>);

impl<'a> Comparison<'a> {
    async fn begin(folder: &'a Path, data: &Path, registry: Option<&'a dyn Registry>) -> Result<Self, RegistrarError> {
        let (path, data) = (folder.to_owned(), data.to_owned());
        let scan = blocking(folder, move || Scan::of(&path, &data)).await?;
        Ok(Self { folder, scan: Some(scan), known: Some(Known::of(registry)), registered: Registered::default() })
    }

    /// Of the next files, those that differ; `None` at the end.
    async fn next(&mut self, notice: &mut impl FnMut(Notice<'_>)) -> Result<Option<Vec<Differing>>, RegistrarError> {
        let (Some(mut scan), Some(mut known)) = (self.scan.take(), self.known.take()) else { return Ok(None) };
        let (scan, batch) = blocking(self.folder, move || {
            let batch = scan.next(BATCH);
            Ok((scan, batch))
        })
        .await?;
        let Registered { new, changed, unchanged, vanished, renditions, missing, left_out } = &mut self.registered;
        let mut vanish = |path: &str| {
            notice(Notice::Vanished(path));
            vanished.push(path);
        };
        let Some(batch) = batch else {
            known.finish(vanish).await?;
            scan.missing().into_iter().for_each(|path| missing.push(path));
            return Ok(None);
        };
        let mut differing = Vec::new();
        for file in batch.found {
            let before = known.find(&file.path, &mut vanish).await?;
            match &before {
                None => *new += 1,
                Some(before) if is_same(&file, before) => {
                    *unchanged += 1;
                    continue;
                }
                Some(_) => *changed += 1,
            }
            differing.push((file, before));
        }
        *renditions += batch.renditions;
        for reason in &batch.left_out {
            notice(Notice::LeftOut(reason));
            left_out.push(reason);
        }
        (self.scan, self.known) = (Some(scan), Some(known));
        Ok(Some(differing))
    }
}

fn is_same(file: &Found, before: &RegisteredFile) -> bool {
    before.bytes == file.bytes
        && before.modified_ns == file.modified_ns
        && before.metadata_checksum == file.metadata.checksum()
}

/// Reads files for their md5, on all cores; a file that cannot be read is told with the reason.
fn digest(folder: &Path, pool: &ThreadPool, files: Vec<Differing>) -> Vec<Result<FolderFile, String>> {
    let digest = |(Found { path, bytes, modified_ns, metadata }, _): Differing| match md5_of(&folder.join(&path)) {
        Ok(file_checksum) => Ok(metadata.of_file(path, bytes, modified_ns, file_checksum)),
        Err(error) => Err(format!("{path}: {error}")),
    };
    pool.install(|| files.into_par_iter().map(digest).collect())
}

fn md5_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut md5 = Md5::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&md5.finalize())),
            n => md5.update(&buffer[..n]),
        }
    }
}

/// Reading a folder blocks: it has no place on a thread of the async runtime.
async fn blocking<T: Send + 'static>(
    folder: &Path,
    work: impl FnOnce() -> Result<T, RegistrarError> + Send + 'static,
) -> Result<T, RegistrarError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| RegistrarError::Folder { path: folder.to_owned(), source: io::Error::other(error) })?
}

#[cfg(test)]
mod tests;
