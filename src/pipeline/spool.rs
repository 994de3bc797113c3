//! The folder for files between download and reading.

use std::io;
use std::path::{Path, PathBuf};

use crate::gazette::GazetteId;

const SUFFIX: &str = ".spooled";

/// A folder of files that no run needs after its end.
#[derive(Debug, Clone)]
pub(super) struct Spool {
    folder: PathBuf,
}

impl Spool {
    /// Creates the folder, and removes what an earlier run left in it. Only files of our own naming are removed.
    pub fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.to_str().is_some_and(|path| path.ends_with(SUFFIX)) {
                std::fs::remove_file(path)?;
            }
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// A place for one gazette. Its name is made from the id alone: keys come from outside.
    pub fn place(&self, id: GazetteId) -> SpooledFile {
        SpooledFile { path: self.folder.join(format!("{id}{SUFFIX}")), bytes: 0 }
    }
}

/// A file of the spool; dropping it removes the file.
#[derive(Debug)]
pub(super) struct SpooledFile {
    path: PathBuf,
    /// Size when it is whole.
    pub bytes: u64,
}

impl SpooledFile {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SpooledFile {
    fn drop(&mut self) {
        // It may never have been created; what stays behind is removed when the spool is next opened.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_when_dropped_and_leftovers_when_opened() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let file = spool.place(GazetteId(7));
        std::fs::write(file.path(), b"x").unwrap();
        let path = file.path().to_owned();
        drop(file);
        assert!(!path.exists());
        std::fs::write(&path, b"left by a killed run").unwrap();
        let foreign = folder.path().join("notes.txt");
        std::fs::write(&foreign, b"not ours").unwrap();
        Spool::open(folder.path()).unwrap();
        assert!(!path.exists() && foreign.exists());
    }
}
