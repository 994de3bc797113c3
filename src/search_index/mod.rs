//! Where text is searched: OpenSearch in production, an embedded Tantivy index for a folder.

use async_trait::async_trait;
use serde::Serialize;
use time::Date;

use crate::config::{Config, local_path};
use crate::failure::Failure;
use crate::gazette::GazetteId;

mod bulk;
#[cfg(test)]
mod conformance;
pub mod document;
mod error;
mod hit;
mod inventory;
mod matches;
mod opensearch;
mod passages;
mod portuguese;
mod query;
mod tantivy;
mod versions;

pub use document::Document;
pub use error::{SearchIndexError, SearchIndexErrorKind};
pub use inventory::{Entry, Held};
pub use versions::{Named, Next, Version, Versions, Which};

/// Documents by gazette id, and the search over them. No call tries anything again: retrying is the caller's business.
#[async_trait]
pub trait SearchIndex: Send + Sync {
    /// Reaches the index, and answers with product and version, such as `OpenSearch 2.19.5`.
    async fn check(&self) -> Result<String, SearchIndexError>;

    /// Creates the index with its mapping, behind its alias, when it is missing.
    async fn prepare(&self) -> Result<(), SearchIndexError>;

    /// Writes a bulk. `Ok` holds one outcome for each document, in their order; `Err` says that nothing is known of
    /// any of them. Writing a document again replaces it.
    async fn bulk(&self, documents: &[&Document]) -> Result<Vec<ItemOutcome>, SearchIndexError>;

    /// Makes everything written searchable.
    async fn refresh(&self) -> Result<(), SearchIndexError>;

    /// Passages for a query, best first. The text of each hit is read for them, one after another.
    async fn search(&self, query: &SearchQuery) -> Result<SearchResults, SearchIndexError>;

    /// Whether a gazette is in the index, by which run and when; `None` when it is not.
    async fn find(&self, id: GazetteId) -> Result<Option<document::Provenance>, SearchIndexError>;

    /// Documents in the index.
    async fn count(&self) -> Result<u64, SearchIndexError>;

    /// The documents of these gazettes (10,000 at most), those first that have a gazette's id for a key. Of a gazette
    /// that has none such, one that another service wrote under a key of its own. A gazette without any is left out.
    async fn held(&self, gazettes: &[GazetteId]) -> Result<Vec<Held>, SearchIndexError>;

    /// The documents whose keys come after `after` in an order of the index's own, each key once; from the beginning
    /// when it is `None`. An empty page is the end. What was written since the last refresh may be missing.
    async fn entries(&self, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, SearchIndexError>;

    /// Removes documents by their keys, for good. One that is not there is no error.
    async fn remove(&self, keys: &[String]) -> Result<(), SearchIndexError>;

    /// Its versions, where it can have more than one.
    fn versions(&self) -> Option<&dyn Versions> {
        None
    }
}

/// Hits of one search at most, whatever was asked for.
const MAX_HITS: usize = 100;

/// Opens the index that the configuration names.
///
/// # Errors
/// When the URL's scheme is none of `tantivy`, `opensearch+http`, `opensearch+https`, or an embedded index cannot be
/// opened. A server is not reached yet.
pub async fn open(config: &Config) -> Result<Box<dyn SearchIndex>, SearchIndexError> {
    let url = config.index.expose();
    match local_path(url, "tantivy") {
        Some(path) => Ok(Box::new(tantivy::TantivyIndex::open(path).await?)),
        None => Ok(Box::new(opensearch::OpenSearchIndex::new(url, config.into())?)),
    }
}

/// The same without a look at what is there, which may be what another version of prelo has left: for whoever fills a new
/// version.
///
/// # Errors
/// When the URL is wrong.
pub fn open_to_rebuild(config: &Config) -> Result<Box<dyn SearchIndex>, SearchIndexError> {
    let url = config.index.expose();
    match local_path(url, "tantivy") {
        Some(path) => Ok(Box::new(tantivy::TantivyIndex::unopened(path, None)?)),
        None => Ok(Box::new(opensearch::OpenSearchIndex::new(url, config.into())?)),
    }
}

/// What the index said of one document of a bulk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemOutcome {
    /// It is durable: the gazette may be marked.
    Acknowledged,
    /// Send this one again, later (429, 5xx); the reason is for the log.
    Resend(String),
    /// It will never be taken as it is.
    Rejected(Failure),
}

/// A search as a person asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchQuery {
    /// Words and `"phrases"`; all of them must occur. `OR`, `-word` as usual.
    pub text: String,
    /// Empty: all.
    pub territories: Vec<String>,
    pub state: Option<String>,
    pub from: Option<Date>,
    pub to: Option<Date>,
    /// Gazettes at most; never more than 100, since the text of each is read for its passages.
    pub limit: usize,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SearchResults {
    /// Gazettes in all that match.
    pub total: u64,
    pub hits: Vec<Hit>,
}

/// One gazette that matches, with its best passages.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    pub id: GazetteId,
    /// `YYYY-MM-DD`, where it is known.
    pub date: Option<String>,
    pub territory_id: String,
    pub territory_name: String,
    pub state_code: String,
    pub edition_number: String,
    /// Key in the bucket, or path below the folder.
    pub file_path: String,
    pub url: String,
    pub score: f32,
    pub passages: Vec<Passage>,
}

/// A piece of the text around what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Passage {
    /// From 1.
    pub page: u32,
    /// White space folded, at most a few lines.
    pub text: String,
    /// Byte ranges in `text` of the words that matched, in order.
    pub highlights: Vec<(usize, usize)>,
}
