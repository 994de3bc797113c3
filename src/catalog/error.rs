//! What goes wrong between prelo and the catalogue.

use crate::retry::Retry;

/// What kind of trouble it is; decides what the run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogErrorKind {
    /// The host's name cannot be resolved.
    NameNotResolved,
    /// Nobody listens there, or the connection broke.
    Unavailable,
    /// No connection or no answer in time.
    Timeout,
    /// Wrong user or password.
    Unauthorized,
    /// The server has no such database, or the file cannot be opened.
    NoDatabase,
    /// A table that should be there is not: `prelo migrate` creates it.
    TableMissing,
    /// The URL is none that a catalogue can have.
    BadUrl,
    /// Anything else: a defect of prelo, or of the schema.
    Other,
}

/// What was being done, to what, and why it failed.
#[derive(Debug, thiserror::Error)]
#[error("could not {operation} in the catalogue {target}: {advice}")]
pub struct CatalogError {
    pub kind: CatalogErrorKind,
    /// In the infinitive, such as `read a page of gazettes`.
    pub operation: &'static str,
    /// The URL without its credentials.
    pub target: String,
    /// What it means and what to do now.
    pub advice: String,
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Retry for CatalogError {
    fn is_retryable(&self) -> bool {
        matches!(self.kind, CatalogErrorKind::Unavailable | CatalogErrorKind::Timeout)
    }
}
