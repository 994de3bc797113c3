//! A log file that turns itself, for machines where nothing else does: a bound on its size, a number of older files, and
//! never more on the disk than these two say.
//!
//! `FILE` is written, `FILE.1` is the one before, `FILE.2` the one before that. Several processes may write the same
//! file, and anybody may move it away: whoever finds another file under the name, or none, goes on with that.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Appends whole lines.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    most_bytes: u64,
    kept: u32,
    file: Option<File>,
    /// The last write stopped within a line.
    torn: bool,
}

impl LogFile {
    /// Opens or creates `path`, which holds at most `most_bytes` beside `kept` older files of the same size. A disk that is
    /// full is no error: the file is opened later, when there is room.
    ///
    /// # Errors
    /// When the file cannot be opened for another reason.
    pub fn open(path: &Path, most_bytes: u64, kept: u32) -> io::Result<Self> {
        let file = match opened(path) {
            Ok(file) => Some(file),
            Err(error) if is_full(&error) => None,
            Err(error) => return Err(error),
        };
        Ok(Self { path: path.to_owned(), most_bytes, kept, file, torn: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line, which ends with its line feed. Turns the file first when the line would not fit.
    pub(super) fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let mut file = self.current()?;
        let bytes = file.metadata()?.len();
        if bytes > 0 && bytes + line.len() as u64 > self.most_bytes {
            self.turn(&file)?;
            file = self.current()?;
        }
        if self.torn {
            file.write_all(b"\n")?;
            self.torn = false;
        }
        let written = file.write_all(line);
        self.torn = written.is_err();
        self.file = Some(file);
        written
    }

    /// The file that has the name now.
    fn current(&mut self) -> io::Result<File> {
        match self.file.take() {
            Some(file) if has_the_name(&file, &self.path) => Ok(file),
            _ => {
                self.torn = false;
                opened(&self.path)
            }
        }
    }

    /// Moves every file one number on; the last goes.
    fn turn(&self, file: &File) -> io::Result<()> {
        // Of several processes one turns it; the others find a new file when it is theirs to write. Closing it unlocks it.
        file.lock()?;
        if !has_the_name(file, &self.path) {
            return Ok(());
        }
        let mut surplus = self.kept.max(1);
        while there(fs::remove_file(self.numbered(surplus)))? {
            surplus += 1;
        }
        for number in (1..self.kept).rev() {
            there(fs::rename(self.numbered(number), self.numbered(number + 1)))?;
        }
        if self.kept == 0 { fs::remove_file(&self.path) } else { fs::rename(&self.path, self.numbered(1)) }
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

fn opened(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn has_the_name(file: &File, path: &Path) -> bool {
    let same = |file: &fs::Metadata, named: &fs::Metadata| (file.dev(), file.ino()) == (named.dev(), named.ino());
    matches!((file.metadata(), fs::metadata(path)), (Ok(file), Ok(named)) if same(&file, &named))
}

/// Whether there was such a file.
fn there(result: io::Result<()>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn contents(folder: &Path) -> BTreeMap<String, String> {
        let files = fs::read_dir(folder).unwrap().map(Result::unwrap);
        files.map(|file| (file.file_name().into_string().unwrap(), fs::read_to_string(file.path()).unwrap())).collect()
    }

    #[test]
    fn older_files_are_numbered_and_the_last_goes() {
        for (kept, expected) in [
            (0, &[("log", "7\n")][..]),
            (1, &[("log", "7\n"), ("log.1", "4\n5\n6\n")]),
            (2, &[("log", "7\n"), ("log.1", "4\n5\n6\n"), ("log.2", "1\n2\n3\n")]),
            (9, &[("log", "7\n"), ("log.1", "4\n5\n6\n"), ("log.2", "1\n2\n3\n")]),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let mut log = LogFile::open(&folder.path().join("log"), 6, kept).unwrap();
            for line in 1..=7 {
                log.append(format!("{line}\n").as_bytes()).unwrap();
            }
            let expected: BTreeMap<_, _> =
                expected.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
            assert_eq!(contents(folder.path()), expected, "{kept} kept");
        }
    }

    #[test]
    fn a_line_longer_than_the_bound_has_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = LogFile::open(&folder.path().join("log"), 4, 2).unwrap();
        for line in ["a\n", "longer\n", "b\n"] {
            log.append(line.as_bytes()).unwrap();
        }
        let contents = contents(folder.path());
        assert_eq!(contents.into_values().collect::<Vec<_>>(), ["b\n", "longer\n", "a\n"]);
    }

    #[test]
    fn fewer_kept_than_before_removes_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        for number in 1..=5 {
            fs::write(folder.path().join(format!("log.{number}")), "old\n").unwrap();
        }
        let mut log = LogFile::open(&folder.path().join("log"), 2, 2).unwrap();
        for line in ["1\n", "2\n"] {
            log.append(line.as_bytes()).unwrap();
        }
        assert_eq!(contents(folder.path()).into_keys().collect::<Vec<_>>(), ["log", "log.1", "log.2"]);
    }

    #[test]
    fn several_writers_lose_no_line_and_keep_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut writers = [0, 1, 2].map(|_| LogFile::open(&path, 30, 100).unwrap());
        for line in 0..60 {
            writers[line % 3].append(format!("{line:02}\n").as_bytes()).unwrap();
        }
        let contents = contents(folder.path());
        assert!(contents.values().all(|text| text.len() <= 30), "{contents:?}");
        let mut lines: Vec<_> = contents.values().flat_map(|text| text.lines()).collect();
        lines.sort_unstable();
        assert_eq!(lines, (0..60).map(|line| format!("{line:02}")).collect::<Vec<_>>());
    }

    #[test]
    fn a_file_that_was_moved_away_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = LogFile::open(&path, 100, 1).unwrap();
        log.append(b"1\n").unwrap();
        fs::rename(&path, folder.path().join("elsewhere")).unwrap();
        log.append(b"2\n").unwrap();
        fs::remove_file(&path).unwrap();
        log.append(b"3\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "3\n");
    }

    #[test]
    fn a_full_disk_is_an_error_of_the_line_and_not_of_the_log() {
        let Ok(mut log) = LogFile::open(Path::new("/dev/full"), 100, 0) else {
            return eprintln!("SKIPPED: there is no /dev/full");
        };
        assert!(is_full(&log.append(b"1\n").unwrap_err()));
        assert!(is_full(&log.append(b"2\n").unwrap_err()));
    }
}
