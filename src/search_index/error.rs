//! What goes wrong between prelo and the search index.

use crate::retry::Retry;

/// What kind of trouble it is; decides what becomes of a bulk, or of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchIndexErrorKind {
    /// The host's name cannot be resolved.
    NameNotResolved,
    /// Nobody listens, the connection broke, or the server answered 5xx, HTML or cut JSON.
    Unavailable,
    /// No answer in time.
    Timeout,
    /// The server is too busy for the whole bulk (429).
    Throttled,
    /// The bulk is too large for one request (413).
    TooLarge,
    /// Writes are blocked (a full disk, usually).
    Blocked,
    /// Wrong user or password.
    Unauthorized,
    /// The embedded index is in use by another process.
    Locked,
    /// There is no index yet: run first.
    NotThere,
    /// The query cannot be understood.
    BadQuery,
    /// The URL is none that an index can have.
    BadUrl,
    /// Anything else.
    Other,
}

/// What was being done, to what, and why it failed.
#[derive(Debug, thiserror::Error)]
#[error("could not {operation} ({target}): {advice}")]
pub struct SearchIndexError {
    pub kind: SearchIndexErrorKind,
    /// In the infinitive, such as `write a bulk of 100 documents`.
    pub operation: String,
    /// The URL of the index without its credentials.
    pub target: String,
    /// What it means and what to do now.
    pub advice: String,
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What kind of trouble an answer tells of, before it is said what was being done and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Diagnosis {
    pub kind: SearchIndexErrorKind,
    /// What it means and what to do now.
    pub advice: String,
}

impl Diagnosis {
    pub fn new(kind: SearchIndexErrorKind, advice: impl Into<String>) -> Self {
        Self { kind, advice: advice.into() }
    }

    /// The error of a call.
    pub fn during(self, operation: impl Into<String>, target: impl Into<String>) -> SearchIndexError {
        let Self { kind, advice } = self;
        SearchIndexError { kind, operation: operation.into(), target: target.into(), advice, source: None }
    }
}

impl SearchIndexError {
    /// The same error with what caused it.
    pub(super) fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }
}

impl Retry for SearchIndexError {
    fn is_retryable(&self) -> bool {
        use SearchIndexErrorKind as Kind;
        matches!(self.kind, Kind::Unavailable | Kind::Timeout | Kind::Throttled)
    }
}
