//! Versions of an index: the one that is searched, one that is being filled beside it, and the one before.
//!
//! From the moment a version is begun until it takes its place, whoever writes to the index writes to both: each bulk
//! looks for it. So a version that was filled with everything else lacks nothing.

use std::fs::File;

use async_trait::async_trait;
use serde::Serialize;

use super::{Document, ItemOutcome, SearchIndex, SearchIndexError};

/// What versions there are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Named {
    /// What is searched.
    pub current: Option<String>,
    pub next: Option<Next>,
    /// What was searched before; nobody writes to it.
    pub previous: Option<String>,
}

/// A version that is being filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Next {
    pub name: String,
    /// What was indexed from this moment of the catalogue's clock on may be in it in an older form; `None`: anything.
    pub changed_since: Option<String>,
    /// It is the one before, to be gone back to.
    pub back: bool,
}

/// What may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Next,
    Previous,
}

/// The versions of one index.
#[async_trait]
pub trait Versions: Send + Sync {
    async fn named(&self) -> Result<Named, SearchIndexError>;

    /// Keeps others from filling a version; `None` when another process does. Where there is no such lock, two may fill
    /// one together, which costs time and does no harm.
    async fn hold(&self) -> Result<Option<FillingLock>, SearchIndexError> {
        Ok(Some(FillingLock { _file: None }))
    }

    /// Begins an empty version at a moment of the catalogue's clock, in any spelling.
    async fn begin(&self, now: &str) -> Result<(), SearchIndexError>;

    /// Begins to go back to the one before.
    async fn begin_back(&self, now: &str) -> Result<(), SearchIndexError>;

    /// The version that is being filled.
    async fn next(&self) -> Result<Box<dyn Version>, SearchIndexError>;

    /// What is being filled is searched from now on, and what was is the one before. In one step: no search fails, and
    /// no write goes to the one before alone.
    async fn switch(&self) -> Result<(), SearchIndexError>;

    /// Removes a version with all that is in it; `None` when there is none.
    async fn discard(&self, which: Which) -> Result<Option<String>, SearchIndexError>;
}

/// While it lives, nobody else fills a version. It goes with its process, however that ends.
#[derive(Debug)]
pub struct FillingLock {
    pub(super) _file: Option<File>,
}

/// When a bulk is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filling {
    pub documents: usize,
    /// Of texts.
    pub bytes: u64,
    /// Bulks that are on their way together.
    pub at_once: usize,
}

/// A version by itself, whatever else is written to.
#[async_trait]
pub trait Version: SearchIndex {
    /// How it is best filled with `bytes` of texts at hand at any time; `None` where that is a matter of settings.
    fn filling(&self, bytes: u64) -> Option<Filling> {
        let _ = bytes;
        None
    }

    /// As [`SearchIndex::bulk`], but a document that is there stays as it is: it is newer.
    async fn add(&self, documents: &[&Document]) -> Result<Vec<ItemOutcome>, SearchIndexError>;
}

/// `gazettes-000002` after `gazettes-000001`, and after a name without a number.
pub(super) fn after(base: &str, name: Option<&str>) -> String {
    let number = name.and_then(|name| name.strip_prefix(base)?.strip_prefix('-')?.parse::<u32>().ok());
    let next = match (name, number) {
        (None, _) => 1,
        (Some(_), number) => number.unwrap_or(1) + 1,
    };
    format!("{base}-{next:06}")
}

#[cfg(test)]
mod tests {
    use super::after;

    #[test]
    fn versions_are_numbered() {
        for (name, next) in [
            (None, "a-000001"),
            (Some("a"), "a-000002"),
            (Some("a-000001"), "a-000002"),
            (Some("a-000041"), "a-000042"),
            (Some("other"), "a-000002"),
        ] {
            assert_eq!(after("a", name), next);
        }
    }
}
