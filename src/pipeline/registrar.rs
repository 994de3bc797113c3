//! Compares a folder of files with the catalogue, and registers what is new or changed. The folder is only read.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use md5::{Digest, Md5};
use rayon::prelude::*;
use time::Date;
use walkdir::{DirEntry, WalkDir};

use super::checksum::hex;
use crate::catalog::{CatalogError, FolderFile, RegisteredFile, Registry};
use crate::extraction;
use crate::gazette::{Mode, Selection};

mod metadata;

use metadata::{Metadata, Table};
pub use metadata::{MetadataError, TABLE_NAME};

/// In a data folder: names the folder of files that its catalogue is about.
pub const FOLDER_NOTE: &str = "folder.txt";

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Registered {
    pub new: u64,
    pub changed: u64,
    pub unchanged: u64,
    /// Paths that are registered and no longer in the folder.
    pub vanished: Vec<String>,
    /// Text files that are taken for the text of a PDF of that name (see [`is_rendition`]).
    pub renditions: u64,
    /// Files that `gazettes.csv` describes and the folder does not hold.
    pub missing: Vec<String>,
    /// Paths that could not be looked at, with the reason.
    pub unreadable: Vec<String>,
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
pub async fn register(folder: &Path, data: &Path, registry: &dyn Registry) -> Result<Registered, RegistrarError> {
    let known = registry.files().await?;
    let (registered, files) = in_background(folder, data, known, |folder, data, known| {
        let mut comparison = compare(folder, data, known)?;
        let failed = |source| RegistrarError::Folder { path: folder.to_owned(), source };
        let files = comparison.digest(folder).map_err(failed)?;
        Ok((comparison.registered, files))
    })
    .await?;
    if !files.is_empty() {
        registry.register(&files).await?;
    }
    Ok(registered)
}

/// What [`register`] would bring into a selection that is not in it yet, without doing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Preview {
    pub files: u64,
    pub bytes: u64,
}

/// Looks at the folder only.
///
/// # Errors
/// When the folder or its `gazettes.csv` cannot be read.
pub async fn preview(
    folder: &Path,
    data: &Path,
    known: BTreeMap<String, RegisteredFile>,
    selection: &Selection,
) -> Result<Preview, RegistrarError> {
    let selection = selection.clone();
    in_background(folder, data, known, move |folder, data, known| {
        let found = compare(folder, data, known)?.found;
        let mut preview = Preview::default();
        for file in found.iter().filter(|file| joins(file, known.get(&file.path), &selection)) {
            preview.files += 1;
            preview.bytes += file.bytes;
        }
        Ok(preview)
    })
    .await
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

/// Reading a folder blocks: it has no place on a thread of the async runtime.
async fn in_background<T, W>(
    folder: &Path,
    data: &Path,
    known: BTreeMap<String, RegisteredFile>,
    work: W,
) -> Result<T, RegistrarError>
where
    T: Send + 'static,
    W: FnOnce(&Path, &Path, &BTreeMap<String, RegisteredFile>) -> Result<T, RegistrarError> + Send + 'static,
{
    let (path, data) = (folder.to_owned(), data.to_owned());
    tokio::task::spawn_blocking(move || work(&path, &data, &known))
        .await
        .map_err(|error| RegistrarError::Folder { path: folder.to_owned(), source: io::Error::other(error) })?
}

/// A new or changed file.
struct Found {
    path: String,
    bytes: u64,
    modified_ns: i64,
    metadata: Metadata,
}

struct Comparison {
    registered: Registered,
    found: Vec<Found>,
}

fn compare(folder: &Path, data: &Path, known: &BTreeMap<String, RegisteredFile>) -> Result<Comparison, RegistrarError> {
    std::fs::read_dir(folder).map_err(|source| RegistrarError::Folder { path: folder.to_owned(), source })?;
    let table = Table::beside(folder)?;
    let data = data.canonicalize().ok();
    let mut registered = Registered::default();
    let mut found = Vec::new();
    let mut missing: BTreeSet<&str> = known.keys().map(String::as_str).collect();
    let mut described = table.files();
    let wanted = |entry: &DirEntry| {
        entry.depth() == 0
            || (!entry.file_name().to_string_lossy().starts_with('.')
                && data.as_ref().is_none_or(|data| entry.path().canonicalize().ok().as_ref() != Some(data))
                && !is_data_folder(entry.path()))
    };
    for entry in WalkDir::new(folder).sort_by_file_name().into_iter().filter_entry(wanted) {
        let (path, modified_ns, bytes) = match look(folder, entry) {
            Ok(Some(seen)) => seen,
            Ok(None) => continue,
            Err(reason) => {
                registered.unreadable.push(reason);
                continue;
            }
        };
        if is_rendition(folder, &path) && !table.names(&path) {
            registered.renditions += 1;
            continue;
        }
        let metadata = table.metadata(&path);
        missing.remove(path.as_str());
        described.remove(path.as_str());
        match known.get(&path) {
            None => registered.new += 1,
            Some(before)
                if before.bytes == bytes
                    && before.modified_ns == modified_ns
                    && before.metadata_checksum == metadata.checksum() =>
            {
                registered.unchanged += 1;
                continue;
            }
            Some(_) => registered.changed += 1,
        }
        found.push(Found { path, bytes, modified_ns, metadata });
    }
    registered.vanished = missing.into_iter().map(str::to_owned).collect();
    registered.missing = described.into_iter().map(str::to_owned).collect();
    Ok(Comparison { registered, found })
}

/// Whether a text file is the text of a PDF, as services that extract it leave it: the PDF has the same stem and lies
/// beside it or one folder up. Indexing both would show every gazette twice. A row in `gazettes.csv` overrules this.
fn is_rendition(folder: &Path, path: &str) -> bool {
    let path = folder.join(path);
    let text = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("txt"));
    // `a.pdf.txt` has the stem `a.pdf`, whose extension is replaced by itself.
    let (Some(stem), true) = (path.file_stem(), text) else { return false };
    path.ancestors().skip(1).take(2).take_while(|parent| parent.starts_with(folder)).any(|parent| {
        let beside = parent.join(stem);
        let appended = beside.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pdf"));
        [appended.then(|| beside.clone()), Some(with_pdf(&beside, "pdf")), Some(with_pdf(&beside, "PDF"))]
            .into_iter()
            .flatten()
            .any(|pdf| pdf.is_file())
    })
}

/// Whether prelo keeps its own things there, for this folder or another.
fn is_data_folder(path: &Path) -> bool {
    path.join(FOLDER_NOTE).is_file() && path.join("catalog.db").is_file()
}

fn with_pdf(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

impl Comparison {
    /// Reads what was found for its md5, on all cores; a file that cannot be read is noted and left out.
    fn digest(&mut self, folder: &Path) -> io::Result<Vec<FolderFile>> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let pool = extraction::pool(u32::try_from(cores).unwrap_or(1)).map_err(io::Error::other)?;
        let digests: Vec<_> =
            pool.install(|| self.found.par_iter().map(|found| md5_of(&folder.join(&found.path))).collect());
        let mut files = Vec::with_capacity(self.found.len());
        for (Found { path, bytes, modified_ns, metadata }, digest) in self.found.drain(..).zip(digests) {
            match digest {
                Ok(file_checksum) => files.push(metadata.of_file(path, bytes, modified_ns, file_checksum)),
                Err(error) => self.registered.unreadable.push(format!("{path}: {error}")),
            }
        }
        Ok(files)
    }
}

/// Path below the folder, time of change and size; `None` for what is no gazette.
fn look(folder: &Path, entry: walkdir::Result<DirEntry>) -> Result<Option<(String, i64, u64)>, String> {
    let entry = entry.map_err(|error| error.to_string())?;
    let failed = |reason: &dyn std::fmt::Display| format!("{}: {reason}", entry.path().display());
    let metadata = std::fs::metadata(entry.path()).map_err(|error| failed(&error))?;
    if entry.path_is_symlink() {
        let target = entry.path().canonicalize().map_err(|error| failed(&error))?;
        if metadata.is_dir() {
            return Err(failed(&"it is a link to a folder, which is not followed"));
        }
        if !target.starts_with(folder) {
            return Err(failed(&"it is a link that leads out of the folder"));
        }
    }
    if !metadata.is_file() {
        return Ok(None);
    }
    let below = entry.path().strip_prefix(folder).map_err(|error| failed(&error))?;
    let path = below.to_str().ok_or_else(|| failed(&"its name is not UTF-8; rename it"))?;
    if entry.file_name() == TABLE_NAME {
        return Ok(None);
    }
    let modified = metadata.modified().map_err(|error| failed(&error))?;
    let modified_ns = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    Ok(Some((path.to_owned(), i64::try_from(modified_ns).unwrap_or(i64::MAX), metadata.len())))
}

fn md5_of(path: &Path) -> io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut md5 = Md5::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&md5.finalize())),
            n => md5.update(&buffer[..n]),
        }
    }
}

#[cfg(test)]
mod tests;
