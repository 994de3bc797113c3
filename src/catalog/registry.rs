//! The files of a folder in a catalogue of prelo's own.

use std::collections::HashMap;

use async_trait::async_trait;

use super::CatalogError;
use crate::gazette::GazetteId;

/// Files of a folder, as rows of the catalogue. Only a catalogue that is prelo's own has one.
#[async_trait]
pub trait Registry: Send + Sync {
    /// The next registered files behind a path, in the order of their paths by bytes: `limit` of them at most. The first
    /// are behind `""`.
    async fn files(&self, after: &str, limit: u32) -> Result<Vec<RegisteredFile>, CatalogError>;

    /// What the files of these gazettes were like when they were registered: bytes, and nanoseconds since 1970.
    async fn versions(&self, ids: &[GazetteId]) -> Result<HashMap<GazetteId, (u64, i64)>, CatalogError>;

    /// Adds new files and updates changed ones, in one transaction. A changed checksum makes the row pending again.
    async fn register(&self, files: &[FolderFile]) -> Result<(), CatalogError>;
}

/// What is known of a registered file without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredFile {
    /// Path below the folder, with `/`.
    pub path: String,
    pub id: GazetteId,
    pub processed: bool,
    pub bytes: u64,
    /// Nanoseconds since 1970.
    pub modified_ns: i64,
    /// md5 hex of file and metadata (see [`FolderFile::metadata_checksum`]).
    pub metadata_checksum: String,
}

/// A file of the folder with what is known about it. Unknown fields stay empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderFile {
    /// Path below the folder, with `/`.
    pub path: String,
    pub bytes: u64,
    pub modified_ns: i64,
    /// md5 hex of the file.
    pub file_checksum: String,
    /// A digest of the fields below, to see that `gazettes.csv` has changed.
    pub metadata_checksum: String,
    /// Empty id: not known. Registered in `territories` under that id all the same, with empty names.
    pub territory: crate::gazette::Territory,
    pub date: Option<time::Date>,
    pub edition_number: Option<String>,
    pub is_extra_edition: Option<bool>,
    pub power: Option<String>,
    pub file_url: Option<String>,
}
