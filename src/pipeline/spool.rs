//! The folder for files between download and reading: a folder of its own for each run, so that two runs that share a
//! spool (two catalogues on one machine, or a run that has lost its lease without noticing) never touch each other's.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::gazette::{GazetteId, RunId};
use crate::storage::{FileVersion, LocalFile};

/// Beside the folder of a run: locked as long as the run lives, freed by the kernel however it ends.
const LOCK: &str = "lock";

/// The spool of one run. Dropping it removes its folder.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    lock_path: PathBuf,
    // Held, never read.
    _lock: File,
}

impl Spool {
    /// Makes the run's folder below `root`, and removes those of runs that are no more.
    pub fn open(root: &Path, run: RunId) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        remove_abandoned(root)?;
        let folder = root.join(run.to_string());
        let lock_path = folder.with_extension(LOCK);
        // Between making and locking it, another run may take it for abandoned: then it is gone, and made again.
        let lock = loop {
            let lock = File::create(&lock_path)?;
            lock.lock()?;
            if lock_path.exists() {
                break lock;
            }
        };
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, lock_path, _lock: lock })
    }

    /// Makes the folder again, should somebody have removed it.
    pub fn restore(&self) -> io::Result<()> {
        fs::create_dir_all(&self.folder)
    }

    /// A place for one gazette. Its name is made from the id alone: keys come from outside.
    pub fn place(&self, id: GazetteId) -> SpooledFile {
        SpooledFile { path: self.folder.join(id.to_string()), bytes: 0, in_place: None }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        // What cannot be removed now is removed by a later run.
        let _ = fs::remove_dir_all(&self.folder);
        let _ = fs::remove_file(&self.lock_path);
    }
}

/// Removes the folders whose lock is free. Only what has our naming is touched.
fn remove_abandoned(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let lock_path = entry?.path();
        if lock_path.extension().is_none_or(|extension| extension != LOCK) {
            continue;
        }
        let Ok(lock) = File::open(&lock_path) else { continue };
        match lock.try_lock() {
            Ok(()) => {
                let folder = lock_path.with_extension("");
                if folder.is_dir() {
                    fs::remove_dir_all(folder)?;
                }
                fs::remove_file(&lock_path)?;
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(())
}

/// A file of the spool, which dropping it removes, or one of the user's that is read where it lies, and only read.
#[derive(Debug)]
pub(super) struct SpooledFile {
    path: PathBuf,
    /// Size when it is whole.
    pub bytes: u64,
    /// Of a file that is not the spool's: as it was when it was taken in.
    in_place: Option<FileVersion>,
}

impl SpooledFile {
    /// A file outside of the spool.
    pub fn in_place(file: LocalFile) -> Self {
        Self { path: file.path, bytes: file.version.bytes, in_place: Some(file.version) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether somebody has changed it since it was taken in: then what was read of it may be of no version.
    pub fn has_changed(&self) -> bool {
        let now = || fs::metadata(&self.path).and_then(|metadata| FileVersion::of(&metadata)).ok();
        self.in_place.is_some_and(|before| now() != Some(before))
    }
}

impl Drop for SpooledFile {
    fn drop(&mut self) {
        if self.in_place.is_some() {
            return;
        }
        // It may never have been created; what stays behind goes with the folder.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_files_of_its_own_and_leaves_none() {
        let root = tempfile::tempdir().unwrap();
        let (one, other) =
            (Spool::open(root.path(), RunId::new()).unwrap(), Spool::open(root.path(), RunId::new()).unwrap());
        let (mine, theirs) = (one.place(GazetteId(7)), other.place(GazetteId(7)));
        fs::write(mine.path(), b"mine").unwrap();
        fs::write(theirs.path(), b"theirs").unwrap();
        assert_eq!(fs::read(mine.path()).unwrap(), b"mine", "the same id of another catalogue is another file");
        let path = mine.path().to_owned();
        drop(mine);
        assert!(!path.exists() && theirs.path().exists());
        drop((one, theirs, other));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_is_read_where_it_lies_stays_and_its_changes_are_seen() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("user.pdf");
        fs::write(&path, b"theirs").unwrap();
        let version = || FileVersion::of(&fs::metadata(&path).unwrap()).unwrap();
        let file = SpooledFile::in_place(LocalFile { path: path.clone(), version: version() });
        assert!(!file.has_changed());
        fs::write(&path, b"longer than before").unwrap();
        assert!(file.has_changed());
        drop(file);
        let file = SpooledFile::in_place(LocalFile { path: path.clone(), version: version() });
        assert!(!file.has_changed() && path.exists());
        fs::remove_file(&path).unwrap();
        assert!(file.has_changed());
    }

    #[test]
    fn what_a_killed_run_left_is_removed_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let dead = root.path().join("dead");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join("1"), b"left").unwrap();
        fs::write(dead.with_extension(LOCK), b"").unwrap();
        fs::write(root.path().join("notes.txt"), b"not ours").unwrap();
        let living = Spool::open(root.path(), RunId::new()).unwrap();
        let file = living.place(GazetteId(1));
        fs::write(file.path(), b"in work").unwrap();
        let next = Spool::open(root.path(), RunId::new()).unwrap();
        assert!(!dead.exists() && root.path().join("notes.txt").exists());
        assert!(file.path().exists(), "a living run keeps its files");
        drop(next);
    }
}
