//! Where files live: an S3-compatible bucket, or a folder.

use std::fs::Metadata;
use std::io;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use url::Url;

use crate::config::Config;

#[cfg(test)]
mod conformance;
mod error;
mod folder;
mod s3;

pub use error::{StorageError, StorageErrorKind};
use folder::Folder;
use s3::{Bucket, Settings};

/// The body of a file, in chunks as they arrive. An error ends it.
pub type ObjectBody = BoxStream<'static, Result<Bytes, StorageError>>;

/// What the storage says about a file before it is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    pub bytes: u64,
    /// To be sent back as `If-Match`, so that a file replaced meanwhile is noticed.
    pub etag: Option<String>,
}

/// A file that lies on this machine and may be read where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    pub path: PathBuf,
    pub version: FileVersion,
}

/// What tells versions of a file apart without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileVersion {
    pub bytes: u64,
    /// Nanoseconds since 1970; 0 for what is older.
    pub modified_ns: i64,
}

impl FileVersion {
    /// # Errors
    /// When the file system knows no times.
    pub fn of(metadata: &Metadata) -> io::Result<Self> {
        let since = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self { bytes: metadata.len(), modified_ns: i64::try_from(since.as_nanos()).unwrap_or(i64::MAX) })
    }
}

/// Files by key, and the texts beside them. Every call is one request: retrying is the caller's business.
#[async_trait]
pub trait Storage: Send + Sync {
    /// Reaches the storage, and answers in a few words what it is.
    async fn check(&self) -> Result<String, StorageError>;

    /// Size and version of a file.
    async fn head(&self, key: &str) -> Result<ObjectHead, StorageError>;

    /// The file's bytes. With `if_match`, fails with [`StorageErrorKind::Replaced`] when the file has another `ETag`.
    async fn get(&self, key: &str, if_match: Option<&str>) -> Result<ObjectBody, StorageError>;

    /// A part of a file: `bytes` of it (fewer at its end) from `first` on, which lies within it. `if_match` as for
    /// [`Storage::get`]: parts of two versions make no file.
    async fn get_part(
        &self,
        key: &str,
        first: u64,
        bytes: u64,
        if_match: Option<&str>,
    ) -> Result<ObjectBody, StorageError>;

    /// Where a file lies, if that is on this machine; `None` for a storage that is elsewhere.
    async fn local(&self, _key: &str) -> Result<Option<LocalFile>, StorageError> {
        Ok(None)
    }

    /// Stores an extracted text (UTF-8, pages separated by form feeds) under [`text_key`]. In folder mode it lands
    /// in the data folder, never in the user's.
    async fn put_text(&self, key: &str, text: Bytes) -> Result<(), StorageError>;

    /// The text stored for a file, whose key is given (not the text's).
    async fn get_text(&self, key: &str) -> Result<Bytes, StorageError>;

    /// The same text in chunks, for those who need not hold it whole.
    async fn stream_text(&self, key: &str) -> Result<ObjectBody, StorageError>;
}

/// Opens the storage at `url` (see [`Config::storage()`]).
///
/// # Errors
/// When the URL's scheme is none of `s3`, `file`, its parts are wrong, the folder does not exist, or the access key is
/// missing. A bucket is not reached yet.
pub async fn open(url: &Url, config: &Config) -> Result<Box<dyn Storage>, StorageError> {
    match url.scheme() {
        "s3" => Ok(Box::new(Bucket::open(url, &Settings::from(config))?)),
        "file" => Ok(Box::new(Folder::open(url, texts(config)).await?)),
        scheme => {
            let advice = format!("a storage is `s3://BUCKET?endpoint=URL` or `file:///FOLDER`, not `{scheme}:`");
            Err(StorageError::new(StorageErrorKind::BadUrl, "open the storage", without_secrets(url)).advising(advice))
        }
    }
}

/// The URL as it may be shown: a password that does not belong in it is left out.
fn without_secrets(url: &Url) -> String {
    let mut shown = url.clone();
    // Both fail only for URLs that cannot have a user at all.
    let _ = shown.set_password(None);
    let _ = shown.set_username("");
    shown.set_query(None);
    shown.into()
}

/// The key of the text that belongs to a file: the same key with the suffix `.txt`. Appended, not put in place of
/// another suffix, so that `a.pdf`, `a.docx` and `a.txt` keep a text each and none of them is overwritten.
#[must_use]
pub fn text_key(key: &str) -> String {
    format!("{key}.txt")
}

/// Where the text of a file of a folder is. `None` for a key that no file can have.
#[must_use]
pub fn text_file(config: &Config, key: &str) -> Option<PathBuf> {
    Some(texts(config).join(folder::text_of_key(key)?))
}

/// Where the texts of a folder are.
fn texts(config: &Config) -> PathBuf {
    config.data.join("texts")
}

/// The key whose text is what OCR has read of a file's pictures: it is remembered among the texts.
#[must_use]
pub fn ocr_key(key: &str) -> String {
    format!("{key}.prelo-ocr")
}
