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
pub use query::{Misunderstood, Query};
pub use versions::{Filling, FillingLock, Named, Next, Version, Versions, Which};

/// Documents by gazette id, and the search over them. No call tries anything again: retrying is the caller's business.
#[async_trait]
pub trait SearchIndex: Send + Sync {
    /// Reaches the index, and answers with product and version, such as `OpenSearch 2.19.5`.
    async fn check(&self) -> Result<String, SearchIndexError>;

    /// Whether documents could be written to it: [`SearchIndex::check`] may be well, and searching, with an index that takes
    /// nothing. An index that is still to be made is no error.
    async fn check_writable(&self) -> Result<(), SearchIndexError> {
        Ok(())
    }

    /// Creates the index with its mapping, behind its alias, when it is missing.
    async fn prepare(&self) -> Result<(), SearchIndexError>;

    /// Writes a bulk. `Ok` holds one outcome for each document, in their order; `Err` says that nothing is known of
    /// any of them. Writing a document again replaces it.
    async fn bulk(&self, documents: &[&Document]) -> Result<Vec<ItemOutcome>, SearchIndexError>;

    /// Makes everything written searchable.
    async fn refresh(&self) -> Result<(), SearchIndexError>;

    /// Gazettes for a query, in the order that it asks for. For passages the text of each hit is read, one after another.
    async fn search(&self, query: &SearchQuery) -> Result<SearchResults, SearchIndexError>;

    /// The passages of one hit of [`SearchIndex::search`], for those who show hits before all texts are read. None when the
    /// document has gone meanwhile. `text` is that of the query.
    async fn passages(&self, text: &str, hit: &Hit) -> Result<Vec<Passage>, SearchIndexError>;

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

/// Hits that can be paged to: what search engines allow by default, and more than a person looks at.
pub const MAX_REACH: usize = 10_000;

/// Territories that [`Totals`] name; the others are one number.
const TERRITORIES_NAMED: usize = 50;

impl SearchQuery {
    /// Whether anything but words narrows the search.
    #[must_use]
    pub fn has_filter(&self) -> bool {
        !self.territories.is_empty()
            || self.state.is_some()
            || self.from.is_some()
            || self.to.is_some()
            || self.extra.is_some()
            || self.power.is_some()
    }

    /// What is sought. Where no word is given, a filter is enough: then all gazettes are that it leaves.
    ///
    /// # Errors
    /// When there is nothing to search for, or too much.
    pub fn understood(&self) -> Result<Query, Misunderstood> {
        if self.is_without_words() && self.has_filter() { Ok(Query::default()) } else { Query::parse(&self.text) }
    }

    fn is_without_words(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The order of the hits: where no word is sought, none is more relevant than another.
    #[must_use]
    pub fn order(&self) -> Sort {
        if self.sort == Sort::Relevance && self.is_without_words() { Sort::Newest } else { self.sort }
    }

    /// # Errors
    /// A sentence for the person when the page lies too far down.
    fn within_reach(&self) -> Result<(), String> {
        if self.offset.saturating_add(self.limit.min(MAX_HITS)) <= MAX_REACH {
            return Ok(());
        }
        Err("only the first 10,000 gazettes can be paged to; narrow the search, or turn its order round".to_owned())
    }
}

/// Byte ranges of a text that meet a query, none overlapping another, in order.
#[must_use]
pub fn highlights(text: &str, query: &Query) -> Vec<(usize, usize)> {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for found in matches::find(text, query) {
        if ranges.last().is_none_or(|(_, end)| found.start >= *end) {
            ranges.push((found.start, found.end));
        }
    }
    ranges
}

/// Whether a text holds all that a query asks for: of every alternative one word or phrase.
#[must_use]
pub fn is_met(text: &str, query: &Query) -> bool {
    matches::meet(&matches::find(text, query), query)
}

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
    /// Words and `"phrases"`; all of them must occur. `OR`, `-word` as usual. Empty: all that the filters leave, of which
    /// there must be one.
    pub text: String,
    /// Empty: all.
    pub territories: Vec<String>,
    pub state: Option<String>,
    pub from: Option<Date>,
    pub to: Option<Date>,
    /// Only extra editions; or only what is not known to be one.
    pub extra: Option<bool>,
    /// Whose gazette it is, in the word of the catalogue, such as `executive`.
    pub power: Option<String>,
    pub sort: Sort,
    /// Gazettes passed over. With `limit` never more than [`MAX_REACH`].
    pub offset: usize,
    /// Gazettes at most; never more than 100, since the text of each is read for its passages.
    pub limit: usize,
    /// Leaves the passages to [`SearchIndex::passages`].
    pub without_passages: bool,
    /// Whether to count what matches by territory and month.
    pub totals: bool,
}

/// The order of hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    #[default]
    Relevance,
    /// By date, those without one last.
    Newest,
    /// By date, those without one last.
    Oldest,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SearchResults {
    /// Gazettes in all that match.
    pub total: u64,
    pub hits: Vec<Hit>,
    /// Where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
}

/// How what matches is spread.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// The most first; 50 at most.
    pub by_territory: Vec<TerritoryTotal>,
    /// Gazettes of the territories beyond those.
    pub of_other_territories: u64,
    /// From the first to the last month that has any. Gazettes without a date are not among them.
    pub by_month: Vec<MonthTotal>,
}

/// Gazettes of a territory. Where it is not known, all of its fields are empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TerritoryTotal {
    pub territory_id: String,
    pub territory_name: String,
    pub state_code: String,
    pub gazettes: u64,
}

/// Gazettes of a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MonthTotal {
    /// `YYYY-MM`.
    pub month: String,
    pub gazettes: u64,
}

/// One gazette that matches, with its best passages.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Hit {
    pub id: GazetteId,
    /// `YYYY-MM-DD`, where it is known.
    pub date: Option<String>,
    pub territory_id: String,
    pub territory_name: String,
    pub state_code: String,
    pub edition_number: String,
    /// Where it is known.
    pub is_extra_edition: Option<bool>,
    pub power: String,
    /// Key in the bucket, or path below the folder.
    pub file_path: String,
    pub url: String,
    pub score: f32,
    pub passages: Vec<Passage>,
    /// What the index finds the document by.
    #[serde(skip)]
    pub(in crate::search_index) handle: String,
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
    /// Whether its page has more in front of it, and behind it: for people, who see a sign there.
    #[serde(skip)]
    pub is_cut: (bool, bool),
}
