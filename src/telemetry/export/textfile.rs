//! A file for the textfile collector of `node_exporter`, which reads every `*.prom` of a folder.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// The file. It is replaced as a whole, so that nobody reads half of one.
#[derive(Debug, Clone)]
pub struct Textfile {
    path: PathBuf,
    /// Beside it, with another ending: no collector reads it.
    draft: PathBuf,
}

impl Textfile {
    #[must_use]
    pub fn new(path: &Path) -> Self {
        let mut draft = OsString::from(path.as_os_str());
        draft.push(format!(".{}.tmp", std::process::id()));
        Self { path: path.to_owned(), draft: draft.into() }
    }

    /// Finds out whether it can be written, and leaves what is there as it is.
    ///
    /// # Errors
    /// When the folder is missing, or may not be written to.
    pub fn probe(&self) -> io::Result<()> {
        if self.path.is_dir() {
            return Err(io::Error::other("it is a folder"));
        }
        std::fs::write(&self.draft, "").and_then(|()| std::fs::remove_file(&self.draft))
    }

    /// Replaces what it says.
    ///
    /// # Errors
    /// When it cannot be written; the old one stays.
    pub fn write(&self, text: &str) -> io::Result<()> {
        let written = std::fs::write(&self.draft, text).and_then(|()| std::fs::rename(&self.draft, &self.path));
        if written.is_err() {
            let _ = std::fs::remove_file(&self.draft);
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prelo.prom");
        let file = Textfile::new(&path);
        file.probe().unwrap();
        assert!(!path.exists());
        for text in ["a 1\n", "b 2\n"] {
            file.write(text).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
        assert!(Textfile::new(folder.path()).probe().is_err());
        assert!(Textfile::new(&folder.path().join("none/x.prom")).probe().is_err());
    }
}
