//! The embedded index itself. Everything here blocks.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::tantivy::directory::MmapDirectory;
use ::tantivy::directory::error::OpenDirectoryError;
use ::tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, Searcher, TantivyError};

use super::schema::Fields;
use crate::search_index::error::Diagnosis;
use crate::search_index::{SearchIndexError, SearchIndexErrorKind as Kind};

/// A folder with an index, or one that will have it.
pub(super) struct Store {
    pub(super) path: PathBuf,
    pub(super) shown: String,
    /// That write a bulk together.
    pub(super) threads: usize,
    /// Filled when the index is there.
    opened: Mutex<Option<Arc<Opened>>>,
    /// Made by the first bulk: it takes the lock of the folder, which nobody who only reads may need.
    pub(super) writer: Mutex<Option<IndexWriter>>,
}

/// An index that is there.
pub(super) struct Opened {
    pub(super) index: Index,
    reader: IndexReader,
    pub(super) fields: Fields,
}

impl Store {
    /// Opens the index if it is there. So many threads will write a bulk.
    pub fn open(path: PathBuf, shown: String, threads: usize) -> Result<Self, SearchIndexError> {
        let store = Self { path, shown, threads, opened: Mutex::new(None), writer: Mutex::new(None) };
        match store.opened("open the index") {
            Err(error) if error.kind != Kind::NotThere => Err(error),
            _ => Ok(store),
        }
    }

    /// Whether it is there, and can be read.
    pub fn check(&self) -> Result<bool, SearchIndexError> {
        match self.searcher("open the index") {
            Ok(_) => Ok(true),
            Err(error) if error.kind == Kind::NotThere => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Creates the folder and the index where they are missing.
    pub fn prepare(&self) -> Result<(), SearchIndexError> {
        let operation = "create the index";
        if Self::is_there(&self.path) {
            return self.opened(operation).map(drop);
        }
        std::fs::create_dir_all(&self.path).map_err(|error| self.error(operation, error.into()))?;
        let directory = MmapDirectory::open(&self.path).map_err(|error| self.error(operation, error.into()))?;
        let created = Index::open_or_create(directory, Fields::schema().0);
        created.map_err(|error| self.error(operation, error))?;
        self.opened(operation).map(drop)
    }

    /// Documents in the last commit.
    pub fn count(&self) -> Result<u64, SearchIndexError> {
        Ok(self.searcher("count the documents")?.0.num_docs())
    }

    /// Sees the last commit, whichever process made it.
    pub(super) fn searcher(&self, operation: &str) -> Result<(Searcher, Fields), SearchIndexError> {
        let opened = self.opened(operation)?;
        opened.reader.reload().map_err(|error| self.error(operation, error))?;
        Ok((opened.reader.searcher(), opened.fields))
    }

    fn is_there(path: &Path) -> bool {
        path.join("meta.json").is_file()
    }

    pub(super) fn opened(&self, operation: &str) -> Result<Arc<Opened>, SearchIndexError> {
        let mut slot = lock(&self.opened);
        if let Some(opened) = slot.as_ref() {
            return Ok(Arc::clone(opened));
        }
        if !Self::is_there(&self.path) {
            let diagnosis = Diagnosis::new(
                Kind::NotThere,
                "there is no index yet, or no longer: `prelo run` makes it, and `prelo reindex` where gazettes were indexed before",
            );
            return Err(diagnosis.during(operation, &self.shown));
        }
        let index = Index::open_in_dir(&self.path).map_err(|error| self.error(operation, error))?;
        let (schema, fields) = Fields::schema();
        if index.schema() != schema {
            let advice = format!("another version of prelo made it; {}", self.rebuild());
            return Err(Diagnosis::new(Kind::Other, advice).during(operation, &self.shown));
        }
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into();
        let reader = reader.map_err(|error| self.error(operation, error))?;
        Ok(Arc::clone(slot.insert(Arc::new(Opened { index, reader, fields }))))
    }

    fn rebuild(&self) -> String {
        format!(
            "build it again from the stored texts with `prelo reindex`, or remove the folder {} and read all files again \
             with `prelo run --mode all`",
            self.path.display()
        )
    }

    pub(super) fn error(&self, operation: &str, error: TantivyError) -> SearchIndexError {
        use io::ErrorKind as Io;
        let path = self.path.display();
        let diagnosis = match &error {
            TantivyError::LockFailure(..) => {
                Diagnosis::new(Kind::Locked, "another process is writing to it; wait until it is done, or stop it")
            }
            _ if tells(&error, &[Io::StorageFull, Io::QuotaExceeded, Io::FileTooLarge]) => {
                Diagnosis::new(Kind::Blocked, format!("the disk is full; free space where {path} is"))
            }
            _ if tells(&error, &[Io::PermissionDenied, Io::ReadOnlyFilesystem]) => {
                Diagnosis::new(Kind::Blocked, format!("this user may not write to {path}; change its permissions"))
            }
            _ if tells(&error, &[Io::NotADirectory, Io::AlreadyExists]) => {
                Diagnosis::new(Kind::BadUrl, format!("{path} is a file, not a folder; name another"))
            }
            TantivyError::OpenDirectoryError(OpenDirectoryError::NotADirectory(_)) => {
                Diagnosis::new(Kind::BadUrl, format!("{path} is a file, not a folder; name another"))
            }
            TantivyError::IoError(_) | TantivyError::OpenWriteError(_) => {
                Diagnosis::new(Kind::Other, format!("the files in {path} cannot be read or written; look at the disk"))
            }
            _ => Diagnosis::new(Kind::Other, format!("it is damaged or of another version; {}", self.rebuild())),
        };
        diagnosis.during(operation, &self.shown).caused_by(error)
    }
}

/// Whether the operating system gave one of these reasons. Tantivy wraps them in layers of which some have no source;
/// only what it prints for debugging shows them all.
fn tells(error: &TantivyError, kinds: &[io::ErrorKind]) -> bool {
    let shown = format!("{error:?}");
    kinds.iter().any(|kind| shown.contains(&format!("kind: {kind:?}")))
}

/// The index stays usable when a thread that held the lock panicked: a half-done bulk was not committed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_seen_through_every_layer() {
        let store = Store::open("nowhere".into(), "tantivy://nowhere".into(), 1).unwrap();
        let full = || io::Error::from_raw_os_error(28);
        let denied = || io::Error::from_raw_os_error(13);
        for (error, kind) in [
            (TantivyError::from(full()), Kind::Blocked),
            (TantivyError::from(io::Error::other(full())), Kind::Blocked),
            (TantivyError::ErrorInThread(format!("{:?}", full())), Kind::Blocked),
            (OpenDirectoryError::wrap_io_error(denied(), "x".into()).into(), Kind::Blocked),
            (TantivyError::from(io::Error::other("odd")), Kind::Other),
            (TantivyError::Poisoned, Kind::Other),
        ] {
            let shown = format!("{error:?}");
            assert_eq!(store.error("write", error).kind, kind, "{shown}");
        }
    }
}
