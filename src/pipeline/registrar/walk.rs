//! Everything below a folder in the order of its path, byte by byte: that of the catalogue's rows.
//!
//! Of a folder the next names alone are held, however many it has; it is listed again for those that follow.

use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::vec;

/// Names of one folder that are held at once: some hundred bytes each, and twice as many while it is listed.
const NAMES: usize = 10_000;

/// What a name stands for. Links are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Folder,
    Link,
    Other,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub path: PathBuf,
    pub kind: Kind,
}

/// A folder's entry as it is sorted: a folder's own name ends with a slash, as it does in the paths of what it holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    bytes: Vec<u8>,
    kind: Kind,
}

/// A folder of which some names are still to come.
#[derive(Debug)]
struct Open {
    folder: PathBuf,
    names: vec::IntoIter<Name>,
    /// The last of `names`, when there are more behind it.
    goes_on_after: Option<Name>,
}

#[derive(Debug)]
pub(super) struct Walk {
    /// From the outermost to the innermost.
    open: Vec<Open>,
    most: usize,
}

impl Walk {
    /// # Errors
    /// When the folder cannot be listed.
    pub fn through(folder: &Path) -> io::Result<Self> {
        Self::with_names(folder, NAMES)
    }

    fn with_names(folder: &Path, most: usize) -> io::Result<Self> {
        let mut walk = Self { open: Vec::new(), most };
        walk.enter(folder)?;
        Ok(walk)
    }

    /// What a folder holds comes next. To be called with the entry that came last.
    ///
    /// # Errors
    /// When it cannot be listed; the walk goes on behind it.
    pub fn enter(&mut self, folder: &Path) -> io::Result<()> {
        let (names, goes_on_after) = list(folder, None, self.most)?;
        self.open.push(Open { folder: folder.to_owned(), names: names.into_iter(), goes_on_after });
        Ok(())
    }

    /// # Errors
    /// When a folder cannot be listed any further, with its path; the walk goes on behind it.
    pub fn next(&mut self) -> Result<Option<Entry>, (PathBuf, io::Error)> {
        while let Some(open) = self.open.last_mut() {
            if let Some(Name { mut bytes, kind }) = open.names.next() {
                if kind == Kind::Folder {
                    bytes.pop();
                }
                let path = open.folder.join(std::ffi::OsString::from_vec(bytes));
                return Ok(Some(Entry { path, kind }));
            }
            let Some(last) = open.goes_on_after.take() else {
                self.open.pop();
                continue;
            };
            match list(&open.folder, Some(&last), self.most) {
                Ok((names, goes_on_after)) => (open.names, open.goes_on_after) = (names.into_iter(), goes_on_after),
                Err(error) => {
                    let folder = std::mem::take(&mut open.folder);
                    self.open.pop();
                    return Err((folder, error));
                }
            }
        }
        Ok(None)
    }
}

/// The next names of a folder, `most` of them at most, and the last of them when others follow.
fn list(folder: &Path, after: Option<&Name>, most: usize) -> io::Result<(Vec<Name>, Option<Name>)> {
    let mut names: Vec<Name> = Vec::new();
    // Nothing behind it belongs to the next ones.
    let mut bound: Option<Name> = None;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (mut bytes, kind) = (entry.file_name().as_bytes().to_vec(), kind(entry.file_type()?));
        if kind == Kind::Folder {
            bytes.push(b'/');
        }
        let name = Name { bytes, kind };
        if after.is_some_and(|after| name <= *after) || bound.as_ref().is_some_and(|bound| name > *bound) {
            continue;
        }
        names.push(name);
        if names.len() >= 2 * most {
            bound = Some(names.select_nth_unstable(most - 1).1.clone());
            names.truncate(most);
        }
    }
    names.sort_unstable();
    let follow = bound.is_some() || names.len() > most;
    names.truncate(most);
    let goes_on_after = if follow { names.last().cloned() } else { None };
    Ok((names, goes_on_after))
}

fn kind(file_type: fs::FileType) -> Kind {
    if file_type.is_dir() {
        Kind::Folder
    } else if file_type.is_symlink() {
        Kind::Link
    } else {
        Kind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths below the folder, in the order of the walk.
    fn walked(folder: &Path, most: usize) -> Vec<String> {
        let mut walk = Walk::with_names(folder, most).unwrap();
        let mut paths = Vec::new();
        while let Some(entry) = walk.next().unwrap() {
            match entry.kind {
                Kind::Folder => walk.enter(&entry.path).unwrap(),
                Kind::Link | Kind::Other => {
                    paths.push(entry.path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        paths
    }

    #[test]
    fn paths_come_in_their_order_and_each_once_however_few_names_are_held() {
        let folder = tempfile::tempdir().unwrap();
        let mut paths: Vec<String> = [
            "a",
            "a-b",
            "a.pdf",
            "a/b",
            "a/b/c.pdf",
            "a/b-c",
            "a0",
            "b/a/a/a",
            "é",
            "ação/1",
            "z z",
            "A",
            "ab/c",
            "abc",
        ]
        .map(String::from)
        .into();
        paths.extend((0..50).map(|n| format!("many/{}", n * 7 % 50)));
        // What others hold cannot be a file.
        let is_folder = |path: &String| paths.iter().any(|other| other.starts_with(&format!("{path}/")));
        let mut files: Vec<String> = paths.iter().filter(|path| !is_folder(path)).cloned().collect();
        for file in &files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        files.sort_unstable();
        for most in [1, 2, 3, 7, 25, 1000] {
            assert_eq!(walked(folder.path(), most), files, "{most} names at once");
        }
    }

    #[test]
    fn a_link_is_not_followed_and_a_folder_that_is_gone_is_told() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("deep")).unwrap();
        std::os::unix::fs::symlink(".", folder.path().join("link")).unwrap();
        let mut walk = Walk::through(folder.path()).unwrap();
        let deep = walk.next().unwrap().unwrap();
        assert_eq!(deep.kind, Kind::Folder);
        fs::remove_dir(&deep.path).unwrap();
        assert!(walk.enter(&deep.path).is_err());
        assert_eq!(walk.next().unwrap().unwrap().kind, Kind::Link);
        assert!(walk.next().unwrap().is_none());
        assert!(Walk::through(&deep.path).is_err());
    }
}
