//! Which files of a folder are gazettes, and what can be known of them without opening them.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use super::metadata::{Metadata, TABLE_NAME, Table};
use super::walk::{Entry, Kind, Walk};
use super::{FOLDER_NOTE, RegistrarError};
use crate::storage::FileVersion;

/// A file that is a gazette.
#[derive(Debug)]
pub(super) struct Found {
    /// Below the folder, with `/`.
    pub path: String,
    pub bytes: u64,
    /// Nanoseconds since 1970.
    pub modified_ns: i64,
    pub metadata: Metadata,
}

/// Some files, in the order of their paths.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub found: VecDeque<Found>,
    /// Text files that are taken for the text of a PDF (see [`is_rendition`]).
    pub renditions: u64,
    /// What could not be looked at: its path and the reason.
    pub left_out: Vec<String>,
}

/// Goes through a folder once. Hidden files, `gazettes.csv` and everything below the data folder are left out.
#[derive(Debug)]
pub(super) struct Scan {
    folder: PathBuf,
    data: Option<PathBuf>,
    table: Table,
    walk: Walk,
}

impl Scan {
    pub fn of(folder: &Path, data: &Path) -> Result<Self, RegistrarError> {
        let failed = |source| RegistrarError::Folder { path: folder.to_owned(), source };
        let walk = Walk::through(folder).map_err(failed)?;
        let table = Table::beside(folder)?;
        Ok(Self { folder: folder.to_owned(), data: data.canonicalize().ok(), table, walk })
    }

    /// The next files, `most` of them at most; `None` at the end.
    pub fn next(&mut self, most: usize) -> Option<Batch> {
        let mut batch = Batch::default();
        while batch.found.len() + batch.left_out.len() < most {
            match self.walk.next() {
                Ok(Some(entry)) => self.take(&entry, &mut batch),
                Ok(None) if batch.found.is_empty() && batch.left_out.is_empty() && batch.renditions == 0 => {
                    return None;
                }
                Ok(None) => break,
                Err((folder, error)) => batch.left_out.push(format!("{}: {error}", folder.display())),
            }
        }
        Some(batch)
    }

    /// Files that `gazettes.csv` describes and that did not come.
    pub fn missing(&self) -> Vec<&str> {
        self.table.missing()
    }

    fn take(&mut self, entry: &Entry, batch: &mut Batch) {
        if entry.path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            return;
        }
        if entry.kind == Kind::Folder {
            if self.is_ours(&entry.path) {
                return;
            }
            if let Err(error) = self.walk.enter(&entry.path) {
                batch.left_out.push(format!("{}: {error}", entry.path.display()));
            }
            return;
        }
        match self.look(entry) {
            Ok(None) => {}
            Ok(Some(found)) if is_rendition(&self.folder, &found.path) && !self.table.names(&found.path) => {
                batch.renditions += 1;
            }
            Ok(Some(found)) => {
                self.table.came(&found.path);
                batch.found.push_back(found);
            }
            Err(reason) => batch.left_out.push(reason),
        }
    }

    /// Whether prelo keeps its own things there, for this folder or another.
    fn is_ours(&self, folder: &Path) -> bool {
        self.data.as_ref().is_some_and(|data| folder.canonicalize().ok().as_ref() == Some(data))
            || (folder.join(FOLDER_NOTE).is_file() && folder.join("catalog.db").is_file())
    }

    /// `None` for what is no gazette.
    fn look(&self, entry: &Entry) -> Result<Option<Found>, String> {
        let failed = |reason: &dyn std::fmt::Display| format!("{}: {reason}", entry.path.display());
        let metadata = fs::metadata(&entry.path).map_err(|error| failed(&error))?;
        if entry.kind == Kind::Link {
            let target = entry.path.canonicalize().map_err(|error| failed(&error))?;
            if metadata.is_dir() {
                return Err(failed(&"it is a link to a folder, which is not followed"));
            }
            if !target.starts_with(&self.folder) {
                return Err(failed(&"it is a link that leads out of the folder"));
            }
        }
        if !metadata.is_file() {
            return Ok(None);
        }
        let below = entry.path.strip_prefix(&self.folder).map_err(|error| failed(&error))?;
        let path = below.to_str().ok_or_else(|| failed(&"its name is not UTF-8; rename it"))?;
        if below.file_name().is_some_and(|name| name == TABLE_NAME) {
            return Ok(None);
        }
        let FileVersion { bytes, modified_ns } = FileVersion::of(&metadata).map_err(|error| failed(&error))?;
        Ok(Some(Found { path: path.to_owned(), bytes, modified_ns, metadata: self.table.metadata(path) }))
    }
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

fn with_pdf(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}
