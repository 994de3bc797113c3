//! What goes wrong between prelo and the storage.

use std::error::Error;

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

impl StorageErrorKind {
    /// What it means and what to do now, where nothing more precise is known.
    fn advice(self) -> &'static str {
        match self {
            Self::NotFound => "there is no such file; check that it was uploaded under exactly this key",
            Self::NoBucket => "there is no such bucket or folder; check its name",
            Self::AccessDenied => "access is denied; check the permissions of the file and of the access key",
            Self::Unauthorized => "the access key or its secret is wrong; check `s3_access_key` and `s3_access_secret`",
            Self::Replaced => "the file was replaced since its size was asked for; fetch it again",
            Self::Throttled => "the storage asks for fewer requests; wait, or lower `download_concurrency`",
            Self::Unavailable => "the storage does not answer properly; check that it runs and can be reached",
            Self::NameNotResolved => "the host's name cannot be resolved; check the endpoint and the DNS",
            Self::Timeout => "no answer in time; look at the network, or raise `s3_read_timeout_seconds`",
            Self::ClockSkewed => "the clocks of this machine and of the storage differ too much; set this machine's",
            Self::Truncated => "fewer bytes came than were announced; fetch it again",
            Self::BadUrl => "the storage URL cannot be understood",
            Self::BadKey => "this storage cannot hold such a key; correct `file_path`",
            Self::Other => "look at the cause",
        }
    }
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
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl StorageError {
    /// An error with the usual advice of its kind, and no cause.
    pub(super) fn new(kind: StorageErrorKind, operation: &'static str, target: impl Into<String>) -> Self {
        Self { kind, operation, target: target.into(), advice: kind.advice().into(), source: None }
    }

    pub(super) fn advising(self, advice: impl Into<String>) -> Self {
        Self { advice: advice.into(), ..self }
    }

    pub(super) fn caused_by(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }
}

impl Retry for StorageError {
    fn is_retryable(&self) -> bool {
        use StorageErrorKind as Kind;
        matches!(self.kind, Kind::Replaced | Kind::Throttled | Kind::Unavailable | Kind::Timeout | Kind::Truncated)
    }
}
