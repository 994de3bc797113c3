//! What goes wrong between prelo and the storage.

use crate::retry::Retry;

/// What kind of trouble it is; decides what becomes of the gazette, or of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageErrorKind {
    /// No such file.
    NotFound,
    /// No such bucket or folder.
    NoBucket,
    /// The storage refuses this file, or everything.
    AccessDenied,
    /// The access key or its secret is wrong.
    Unauthorized,
    /// The file was replaced since its HEAD (412).
    Replaced,
    /// The storage asks for fewer requests (503 `SlowDown`, 429).
    Throttled,
    /// Nobody listens, the connection broke, or a 5xx.
    Unavailable,
    /// The host's name cannot be resolved.
    NameNotResolved,
    /// No answer, or no further byte, in time.
    Timeout,
    /// The clocks differ too much for signed requests.
    ClockSkewed,
    /// The body ended before its announced length.
    Truncated,
    /// The URL is none that a storage can have.
    BadUrl,
    /// The key is none that this storage can hold.
    BadKey,
    /// Anything else.
    Other,
}

/// What was being done, to what, and why it failed.
#[derive(Debug, thiserror::Error)]
#[error("could not {operation} {target}: {advice}")]
pub struct StorageError {
    pub kind: StorageErrorKind,
    /// In the infinitive, such as `fetch`.
    pub operation: &'static str,
    /// Bucket or folder and key, without credentials.
    pub target: String,
    /// What it means and what to do now.
    pub advice: String,
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Retry for StorageError {
    fn is_retryable(&self) -> bool {
        use StorageErrorKind as Kind;
        matches!(self.kind, Kind::Replaced | Kind::Throttled | Kind::Unavailable | Kind::Timeout | Kind::Truncated)
    }
}
