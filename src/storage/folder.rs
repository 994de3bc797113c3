//! A folder of files. It is only ever read; texts go under the data folder.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use tokio::fs;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeekExt};
use tokio::sync::OnceCell;
use url::Url;
use uuid::Uuid;

use super::{FileVersion, LocalFile, ObjectBody, ObjectHead, Storage, StorageError, StorageErrorKind as Kind};

mod path;

pub(super) use path::text_of_key;

/// Bytes of a chunk of a body.
const CHUNK_BYTES: usize = 256 * 1024;

/// Files below one folder, by their path relative to it.
#[derive(Debug)]
pub(super) struct Folder {
    /// Canonical, so that a file reached through a symbolic link can be told to lie inside.
    root: PathBuf,
    texts: PathBuf,
    /// Beside the texts, on the same file system: where one lies until it is whole.
    unfinished: PathBuf,
    /// Set when what killed runs have left there is removed.
    tidy: OnceCell<()>,
}

impl Folder {
    /// Opens the folder that a `file:` URL names. Its texts will live below `texts`, which need not exist yet.
    pub(super) async fn open(url: &Url, texts: PathBuf) -> Result<Self, StorageError> {
        const OPERATION: &str = "open the folder";
        let path = url.to_file_path().map_err(|()| {
            StorageError::new(Kind::BadUrl, OPERATION, url.as_str()).advising("write it as `file:///ABSOLUTE/PATH`")
        })?;
        let target = path.display().to_string();
        let root = fs::canonicalize(&path).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StorageError::new(Kind::NoBucket, OPERATION, &target),
            _ => failed(OPERATION, target.clone(), error),
        })?;
        if !root.is_dir() {
            return Err(StorageError::new(Kind::NoBucket, OPERATION, target)
                .advising("it is a file, not a folder; name the folder that holds it"));
        }
        let unfinished = texts.with_extension("part");
        Ok(Self { root, texts, unfinished, tidy: OnceCell::new() })
    }

    fn target(&self, key: &str) -> String {
        self.root.join(key.trim_start_matches('/')).display().to_string()
    }

    /// The file of a key, canonical and inside the folder.
    async fn locate(&self, operation: &'static str, key: &str) -> Result<PathBuf, StorageError> {
        let bad_key = |advice: &str| StorageError::new(Kind::BadKey, operation, self.target(key)).advising(advice);
        let relative = path::from_key(key).ok_or_else(|| {
            bad_key("the key must be a relative path without `..`, and not empty; correct `file_path`")
        })?;
        let file = fs::canonicalize(self.root.join(relative))
            .await
            .map_err(|error| failed(operation, self.target(key), error))?;
        if file.starts_with(&self.root) {
            Ok(file)
        } else {
            Err(bad_key("a symbolic link leads out of the folder; put the file itself there"))
        }
    }

    /// Opens a file, and its size and version as of that moment.
    async fn open_file(&self, operation: &'static str, key: &str) -> Result<(fs::File, ObjectHead), StorageError> {
        let path = self.locate(operation, key).await?;
        let wrap = |error| failed(operation, self.target(key), error);
        // Looked at before it is opened: opening a pipe waits for a writer.
        if !fs::metadata(&path).await.map_err(wrap)?.is_file() {
            return Err(StorageError::new(Kind::NotFound, operation, self.target(key)).advising("it is not a file"));
        }
        let file = fs::File::open(&path).await.map_err(wrap)?;
        let head = head_of(&file.metadata().await.map_err(wrap)?).map_err(wrap)?;
        Ok((file, head))
    }

    /// The same, where it is the version that is wanted.
    async fn open_version(
        &self,
        operation: &'static str,
        key: &str,
        if_match: Option<&str>,
    ) -> Result<(fs::File, ObjectHead), StorageError> {
        let (file, head) = self.open_file(operation, key).await?;
        if if_match.is_some_and(|wanted| head.etag.as_deref() != Some(wanted)) {
            return Err(StorageError::new(Kind::Replaced, operation, self.target(key)));
        }
        Ok((file, head))
    }

    /// Before the first text of a process: a killed run could not remove what it was writing. Whoever stores texts holds
    /// the lease of the catalogue; should a run that has lost it still write, it fails, and its failure is not recorded.
    async fn tidy_up(&self) {
        self.tidy
            .get_or_init(|| async {
                // What cannot be removed now is removed by a later run.
                let _ = fs::remove_dir_all(&self.unfinished).await;
            })
            .await;
    }

    fn text_file(&self, operation: &'static str, key: &str) -> Result<PathBuf, StorageError> {
        let relative =
            path::text_of_key(key).ok_or_else(|| StorageError::new(Kind::BadKey, operation, self.target(key)))?;
        Ok(self.texts.join(relative))
    }
}

#[async_trait]
impl Storage for Folder {
    async fn check(&self) -> Result<String, StorageError> {
        let listed = fs::read_dir(&self.root).await;
        listed.map_err(|error| failed("list the folder", self.root.display().to_string(), error)).map(drop)?;
        Ok(format!("folder {}", self.root.display()))
    }

    async fn head(&self, key: &str) -> Result<ObjectHead, StorageError> {
        Ok(self.open_file("look at", key).await?.1)
    }

    async fn get(&self, key: &str, if_match: Option<&str>) -> Result<ObjectBody, StorageError> {
        const OPERATION: &str = "read";
        let (file, head) = self.open_version(OPERATION, key, if_match).await?;
        Ok(body(file, head.bytes, OPERATION, self.target(key)))
    }

    async fn get_part(
        &self,
        key: &str,
        first: u64,
        bytes: u64,
        if_match: Option<&str>,
    ) -> Result<ObjectBody, StorageError> {
        const OPERATION: &str = "read";
        let (mut file, head) = self.open_version(OPERATION, key, if_match).await?;
        let sought = file.seek(io::SeekFrom::Start(first)).await;
        sought.map_err(|error| failed(OPERATION, self.target(key), error))?;
        let bytes = bytes.min(head.bytes.saturating_sub(first));
        Ok(body(file.take(bytes), bytes, OPERATION, self.target(key)))
    }

    async fn local(&self, key: &str) -> Result<Option<LocalFile>, StorageError> {
        const OPERATION: &str = "look at";
        let path = self.locate(OPERATION, key).await?;
        let wrap = |error| failed(OPERATION, self.target(key), error);
        let metadata = fs::metadata(&path).await.map_err(wrap)?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let version = FileVersion::of(&metadata).map_err(wrap)?;
        Ok(Some(LocalFile { path, version }))
    }

    async fn put_text(&self, key: &str, text: Bytes) -> Result<(), StorageError> {
        const OPERATION: &str = "store the text";
        let path = self.text_file(OPERATION, key)?;
        self.tidy_up().await;
        let temporary = self.unfinished.join(Uuid::new_v4().to_string());
        let target = path.display().to_string();
        // One visit to a thread that may block, instead of one for each step.
        tokio::task::spawn_blocking(move || write_atomically(&temporary, &path, &text))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|error| failed(OPERATION, target, error))
    }

    async fn get_text(&self, key: &str) -> Result<Bytes, StorageError> {
        const OPERATION: &str = "read the text";
        let path = self.text_file(OPERATION, key)?;
        // Ours, and no longer than what was once extracted.
        let text = fs::read(&path).await.map_err(|error| failed(OPERATION, path.display().to_string(), error))?;
        Ok(text.into())
    }

    async fn stream_text(&self, key: &str) -> Result<ObjectBody, StorageError> {
        const OPERATION: &str = "read the text";
        let path = self.text_file(OPERATION, key)?;
        let target = path.display().to_string();
        let wrap = |error| failed(OPERATION, target.clone(), error);
        let file = fs::File::open(&path).await.map_err(wrap)?;
        let bytes = file.metadata().await.map_err(wrap)?.len();
        Ok(body(file, bytes, OPERATION, target))
    }
}

/// Time of change and size stand in for a content hash, which would need a second reading.
fn head_of(metadata: &std::fs::Metadata) -> io::Result<ObjectHead> {
    let modified = metadata.modified()?;
    // Files dated before 1970 exist; their distance still tells versions apart.
    let nanoseconds = modified.duration_since(UNIX_EPOCH).unwrap_or_else(|before| before.duration()).as_nanos();
    Ok(ObjectHead { bytes: metadata.len(), etag: Some(format!("{nanoseconds}-{}", metadata.len())) })
}

/// The file in chunks. One that shrank while it was read ends with an error, never silently.
fn body(
    file: impl AsyncRead + Send + Unpin + 'static,
    bytes: u64,
    operation: &'static str,
    target: String,
) -> ObjectBody {
    let chunks = stream::try_unfold((file, bytes, target), move |(mut file, left, target)| async move {
        let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
        match file.read_buf(&mut chunk).await {
            Ok(0) if left > 0 => Err(StorageError::new(Kind::Truncated, operation, target)),
            Ok(0) => Ok(None),
            Ok(read) => Ok(Some((chunk.freeze(), (file, left.saturating_sub(read as u64), target)))),
            Err(error) => Err(failed(operation, target, error)),
        }
    });
    chunks.boxed()
}

/// A reader sees the old text or the new one, also after a crash in between.
fn write_atomically(temporary: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    for folder in [temporary, path].into_iter().filter_map(Path::parent) {
        std::fs::create_dir_all(folder)?;
    }
    let written = || {
        let mut file = std::fs::File::create(temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(temporary, path)
    };
    let result = written();
    if result.is_err() {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(temporary);
    }
    result
}

fn failed(operation: &'static str, target: String, error: io::Error) -> StorageError {
    StorageError::new(kind_of(error.kind()), operation, target).caused_by(error)
}

fn kind_of(error: io::ErrorKind) -> Kind {
    match error {
        // A path through a file names nothing.
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Kind::NotFound,
        io::ErrorKind::PermissionDenied => Kind::AccessDenied,
        io::ErrorKind::InvalidFilename => Kind::BadKey,
        io::ErrorKind::TimedOut => Kind::Timeout,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests;
