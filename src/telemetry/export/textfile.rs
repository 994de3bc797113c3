//! A file for the textfile collector of `node_exporter`, which reads every `*.prom` of a folder.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
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
        fs::write(&self.draft, "").and_then(|()| fs::remove_file(&self.draft))
    }

    /// Replaces what it says.
    ///
    /// # Errors
    /// When it cannot be written; the old one stays.
    pub fn write(&self, text: &str) -> io::Result<()> {
        let written = fs::write(&self.draft, text).and_then(|()| {
            // node_exporter is another user, and the umask of a service may leave others nothing. A file system that knows
            // no modes is no reason to write nothing.
            let _ = fs::set_permissions(&self.draft, Permissions::from_mode(0o644));
            fs::rename(&self.draft, &self.path)
        });
        if written.is_err() {
            let _ = fs::remove_file(&self.draft);
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
        // As the umask of a service makes it.
        fs::write(&file.draft, "").unwrap();
        fs::set_permissions(&file.draft, Permissions::from_mode(0o600)).unwrap();
        for text in ["a 1\n", "b 2\n"] {
            file.write(text).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644, "others may read it");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
        assert!(Textfile::new(folder.path()).probe().is_err());
        assert!(Textfile::new(&folder.path().join("none/x.prom")).probe().is_err());
    }
}
