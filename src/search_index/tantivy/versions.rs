//! Versions of the embedded index: sibling folders, and a pointer that says which is which. `index` is the first,
//! `index-000002` the next; `index.versions` is the pointer, replaced as a whole, and missing while there is one version
//! only; `index.lock` keeps it as it is while a bulk is written, and `index.filling` a second
//! process from filling a version. Everything here blocks.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::search_index::versions::after;

/// What the pointer says, by the names of folders.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Pointer {
    /// `None`: the folder of the index's own name.
    pub current: Option<String>,
    pub next: Option<String>,
    pub previous: Option<String>,
    /// As in [`crate::search_index::Next`].
    pub changed_since: Option<String>,
    pub back: bool,
    /// Since this moment the current version is written to.
    pub since: Option<String>,
    /// The same of the next one.
    pub next_since: Option<String>,
    /// Folders that are being removed: whoever is killed at it leaves them to the next one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removing: Vec<String>,
}

/// The folder that the URL names, and what lies beside it.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub base: PathBuf,
}

impl Layout {
    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.base.file_name().map_or_else(|| OsString::from("index"), ToOwned::to_owned);
        name.push(suffix);
        self.base.with_file_name(name)
    }

    pub fn name(&self) -> String {
        self.base.file_name().map_or_else(|| "index".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// The folder of a version.
    pub fn folder(&self, name: &str) -> PathBuf {
        if name == self.name() { self.base.clone() } else { self.base.with_file_name(name) }
    }

    pub fn current_folder(&self, pointer: &Pointer) -> PathBuf {
        pointer.current.as_deref().map_or_else(|| self.base.clone(), |name| self.folder(name))
    }

    pub fn current_name(&self, pointer: &Pointer) -> String {
        pointer.current.clone().unwrap_or_else(|| self.name())
    }

    pub fn name_of_next(&self, pointer: &Pointer) -> String {
        let name = after(&self.name(), Some(&self.current_name(pointer)));
        if pointer.previous.as_ref() == Some(&name) { after(&self.name(), Some(&name)) } else { name }
    }

    pub fn pointer(&self) -> io::Result<Pointer> {
        match fs::read(self.beside(".versions")) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(Pointer::default())
            }
            Err(error) => Err(error),
        }
    }

    /// Whole or not at all, also when the power goes.
    pub fn point(&self, pointer: &Pointer) -> io::Result<()> {
        let unfinished = self.beside(".versions.part");
        let mut file = File::create(&unfinished)?;
        file.write_all(&serde_json::to_vec_pretty(pointer)?)?;
        file.sync_all()?;
        fs::rename(&unfinished, self.beside(".versions"))?;
        match self.base.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => File::open(parent)?.sync_all(),
            None => File::open(".")?.sync_all(),
        }
    }

    /// Removes what the pointer says is being removed. To be called by who holds [`Layout::alone`], and points anew.
    pub fn sweep(&self, pointer: &mut Pointer) -> io::Result<()> {
        for name in &pointer.removing {
            remove(&self.folder(name))?;
        }
        pointer.removing.clear();
        Ok(())
    }

    /// While this is held, the pointer stays as it is.
    pub fn shared(&self) -> io::Result<File> {
        let file = open(&self.beside(".lock"))?;
        file.lock_shared()?;
        Ok(file)
    }

    /// While this is held, nobody else fills a version; `None` when somebody does.
    pub fn filling(&self) -> io::Result<Option<File>> {
        let file = open(&self.beside(".filling"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// While this is held, nobody writes a bulk.
    pub fn alone(&self) -> io::Result<File> {
        let file = open(&self.beside(".lock"))?;
        file.lock()?;
        Ok(file)
    }
}

/// While this is held, nobody else writes to a version that is being filled. Tantivy's own lock tells a second writer to
/// go away; this lets it wait.
pub(super) fn turn(folder: &Path) -> io::Result<File> {
    let mut name = folder.as_os_str().to_owned();
    name.push(".turn");
    let file = open(Path::new(&name))?;
    file.lock()?;
    Ok(file)
}

/// Removes the folder of a version and the file of its turns.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    let mut turn = folder.as_os_str().to_owned();
    turn.push(".turn");
    let _ = fs::remove_file(Path::new(&turn));
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_lie_beside_the_folder_that_the_url_names() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout { base: folder.path().join("index") };
        let first = layout.pointer().unwrap();
        assert_eq!(layout.current_folder(&first), folder.path().join("index"));
        assert_eq!(layout.name_of_next(&first), "index-000002");
        let second = Pointer { current: Some("index-000002".into()), ..Pointer::default() };
        layout.point(&second).unwrap();
        assert_eq!(layout.pointer().unwrap(), second);
        assert_eq!(layout.current_folder(&second), folder.path().join("index-000002"));
        assert_eq!(layout.name_of_next(&second), "index-000003");
        assert_eq!(layout.folder("index"), folder.path().join("index"), "the first keeps its folder");
    }

    #[test]
    fn who_is_killed_while_a_version_is_removed_leaves_it_to_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout { base: folder.path().join("index") };
        for name in ["index", "index-000002", "index-202401"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let mut pointer =
            Pointer { current: Some("index-000002".into()), removing: vec!["index".into()], ..Pointer::default() };
        layout.sweep(&mut pointer).unwrap();
        assert!(!folder.path().join("index").exists() && pointer.removing.is_empty());
        assert!(folder.path().join("index-000002").exists() && folder.path().join("index-202401").exists());
        pointer.removing = vec!["index".into()];
        layout.sweep(&mut pointer).unwrap();
    }
}
