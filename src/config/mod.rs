//! Flags, environment, `prelo.toml` and defaults become one validated [`Config`] that remembers where each value came
//! from.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::budget::MemoryPlan;
use crate::gazette::{Mode, OcrMode};

mod env_file; // a file of environment variables
mod error; // what goes wrong
mod example; // a prelo.toml that explains itself
mod flags; // every setting as a flag
mod kind; // text or TOML -> checked value
mod legacy; // the environment of the replaced service
mod live; // what changes while it is used
mod load; // the layers -> Config
mod origin; // where a value came from
mod places; // what follows from other settings
mod redact; // URLs without credentials
mod secret; // strings that do not print
mod settings; // the table
mod sources; // defaults, file, environment, flags
mod suggest; // did you mean
mod urls; // the forms of the three URLs
mod validate; // what settings must be to one another

pub use error::ConfigError;
pub use example::example_toml;
pub use flags::{flags, words_of};
pub use live::LiveConfig;
pub use load::{Difference, Entry, Loaded, load};
pub use origin::Origin;
pub use redact::redact_url;
pub use secret::Secret;
pub use settings::PAGE_SIZE;
pub use sources::{SecretFlag, Sources};
pub use urls::local_path;

/// Everything that can be set. Every size and time carries its unit in its name; bounds are checked at start.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `sqlite://PATH` or `postgres://…`. Default `sqlite://DATA/catalog.db`. May hold a password.
    pub catalog: Secret,
    /// `file:///FOLDER` (absolute, percent-encoded: `Url::to_file_path` gives it back) or
    /// `s3://BUCKET?endpoint=URL&region=NAME`. Holds nothing secret; keys are apart. Follows from `folder` when only
    /// that is given. Verbs that read files get it from [`Config::storage()`].
    pub storage: Option<Url>,
    /// `tantivy://PATH` or `opensearch+http(s)://HOST:PORT/NAME`. Default `tantivy://DATA/index`. May hold a password.
    /// Paths of `sqlite:` and `tantivy:` URLs may be relative; [`local_path`] reads them.
    pub index: Secret,
    /// Where catalogue, index, texts and spool live when the URLs do not say otherwise.
    pub data: PathBuf,
    /// Folder whose files are registered before the run; absolute, and it exists.
    pub folder: Option<PathBuf>,

    /// Which backlog is taken up.
    pub mode: Mode,
    /// Rows of a page of the catalogue, 1..=10,000.
    pub page_size: u32,
    pub paging: Paging,

    /// Files above are `TOO_LARGE`; in MiB, 1..=4,096.
    pub max_file_size_mb: u64,
    /// Downloads at once, 1..=64.
    pub download_concurrency: u32,
    /// Calls of one GET in all, 1..=20.
    pub download_attempts: u32,
    /// No byte for so long ends a download.
    pub download_stall_timeout_seconds: u64,
    /// One download may take so long in all, retries apart.
    pub download_timeout_seconds: u64,
    /// Folder for files between download and reading. Default `DATA/spool`.
    pub spool: PathBuf,
    /// Bytes of files in the spool at once, in MiB; a larger file has it alone.
    pub spool_budget_mb: u64,

    /// Which pages OCR reads.
    pub ocr: OcrMode,
    /// Program of the OCR engine: a path, or a name in `PATH`.
    pub ocr_engine: String,
    /// Its languages, joined by `+`.
    pub ocr_languages: String,
    pub ocr_timeout_seconds: u64,
    /// Resolution of a page's picture at most, in pixels per inch.
    pub ocr_dpi: u32,
    /// Size of a page's picture at most, in millions of pixels.
    pub ocr_megapixels: u64,
    /// Mean confidence of OCR, in percent, below which a text carries a warning.
    pub ocr_least_confidence_percent: u32,

    /// Threads that read documents, 1..=64. Default: the cores.
    pub extraction_threads: u32,
    /// Bound on the memory of the whole process tree, in MiB; [`crate::budget::MemoryPlan`] divides it.
    pub memory_budget_mb: u64,
    /// Reading a document may take so long, and so much longer for each MiB of its file.
    pub reader_timeout_seconds: u64,
    pub reader_timeout_per_mb_ms: u64,
    /// A reader that finishes no page for so long is ended.
    pub reader_silence_seconds: u64,
    /// A reader is replaced after so many documents, a quarter more or less.
    pub reader_documents: u32,
    /// A reader is replaced when its resident memory has grown so much, in MiB.
    pub reader_growth_mb: u64,
    /// A reader is replaced after so long.
    pub reader_lifetime_seconds: u64,

    /// Whether the text is stored beside the file.
    pub store_text: bool,
    /// Prefix of `url` and `file_raw_txt` in the index; no slash at its end.
    pub files_endpoint: String,
    /// Whether `url` and `file_raw_txt` are bare keys instead.
    pub use_relative_file_paths: bool,

    /// Documents of a bulk at most, 50..=100.
    pub bulk_documents: u32,
    /// Bytes of text of a bulk, in MiB, 1..=90.
    pub bulk_size_mb: u64,
    /// A bulk waits no longer for more documents.
    pub bulk_delay_ms: u64,
    /// Bulks under way at once, 1..=8.
    pub bulk_concurrency: u32,
    /// Calls of one bulk in all, 1..=20.
    pub bulk_attempts: u32,

    /// First wait before a retry; doubled after each, with jitter.
    pub retry_min_delay_ms: u64,
    /// No wait before a retry is longer.
    pub retry_max_delay_ms: u64,
    /// Failed calls in a row, 1..=100, after which a service is taken to be down.
    pub dependency_failures: u32,
    /// A service may be down for so long before the run stops.
    pub dependency_patience_seconds: u64,
    /// So long may be spent on one gazette: downloading, reading and storing it, retries included. Waiting for a free
    /// slot, for memory or for a service that is down is not counted.
    pub gazette_timeout_seconds: u64,
    /// A gazette whose failure may pass is tried again by a run that starts so much later; doubled with each failure in
    /// a row, with jitter.
    pub retry_failed_after_seconds: u64,
    /// No such wait is longer, but for a first one that is.
    pub retry_failed_max_seconds: u64,
    /// Failures in a row after which no run tries a gazette again by itself, 1..=1,000.
    pub failed_attempts: u32,
    /// Starts of reading a file during which the process died, after which it is not read again, 1..=1,000.
    pub quarantine_after_starts: u32,

    /// Calls of one statement of the catalogue in all, 1..=20.
    pub catalog_attempts: u32,
    pub postgres_min_connections: u32,
    pub postgres_max_connections: u32,
    pub postgres_acquire_timeout_seconds: u64,

    /// The region that holds: this setting, else that of the storage URL, else `us-east-1`.
    pub s3_region: String,
    pub s3_access_key: Option<Secret>,
    pub s3_access_secret: Option<Secret>,
    /// Idle connections kept to the storage.
    pub s3_max_connections: u32,
    pub s3_connect_timeout_seconds: u64,
    /// Until the first byte of an answer.
    pub s3_read_timeout_seconds: u64,

    pub opensearch_user: Option<String>,
    pub opensearch_password: Option<Secret>,
    /// Idle connections kept to the search engine.
    pub opensearch_max_connections: u32,
    pub opensearch_connect_timeout_seconds: u64,
    /// For one request, bulks included.
    pub opensearch_request_timeout_seconds: u64,
    /// Shards of an index that prelo creates.
    pub opensearch_shards: u32,
    /// Replicas of an index that prelo creates.
    pub opensearch_replicas: u32,

    /// File of a run's metrics, written anew every [`Config::metrics_interval_seconds`] and at the end.
    pub metrics_textfile: Option<PathBuf>,
    /// Pushgateway. May hold a password.
    pub metrics_push: Option<Secret>,
    /// Where a run answers `/metrics`: a port, or an address with a port.
    pub metrics_listen: Option<String>,
    pub metrics_interval_seconds: u64,
    /// Base URL of an OpenTelemetry collector. May hold a password.
    pub otlp_endpoint: Option<Secret>,
    /// `NAME=VALUE` with commas between them.
    pub otlp_headers: Option<Secret>,

    /// A run that shows no sign of life for so long has lost its lease.
    pub lease_seconds: u64,
    /// After SIGTERM, what is in flight may take so long to drain.
    pub grace_seconds: u64,

    /// What whoever changes anything through the web has to know. Without it, nothing can be changed there.
    pub web_token: Option<Secret>,
    /// Names by which visitors reach `serve`, with commas between them.
    pub web_hosts: Option<String>,

    /// `error`, `warn`, `info`, `debug`, `trace`. `DEBUG=1` makes it `debug`.
    pub log_level: String,
    pub log_format: LogFormat,
    /// Takes the log lines instead of standard error; turned by prelo.
    pub log_file: Option<PathBuf>,
    /// Size of the log file, in MiB, 1..=10,240.
    pub log_file_max_mb: u64,
    /// Older log files beside it, 0..=1,000.
    pub log_files_kept: u32,
}

impl Config {
    /// How the memory is divided.
    #[must_use]
    pub fn memory_plan(&self) -> MemoryPlan {
        MemoryPlan::divide(self.memory_budget_mb * 1024 * 1024, self.extraction_threads)
    }

    /// Whether anything in it must not be seen by others.
    #[must_use]
    pub fn holds_secrets(&self) -> bool {
        let in_url = |url: &Secret| redact_url(url.expose()) != url.expose();
        self.s3_access_secret.is_some()
            || self.opensearch_password.is_some()
            || self.web_token.is_some()
            || self.otlp_headers.is_some()
            || [&self.metrics_push, &self.otlp_endpoint].into_iter().flatten().any(in_url)
            || in_url(&self.catalog)
            || in_url(&self.index)
    }

    /// Where files are, for the verbs that need them.
    ///
    /// # Errors
    /// When neither a folder nor a storage was named.
    pub fn storage(&self) -> Result<&Url, ConfigError> {
        self.storage.as_ref().ok_or(ConfigError::NoStorage)
    }
}

/// How pages of the catalogue are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Paging {
    /// Offset up to 100 pages of backlog, keyset beyond.
    #[default]
    Auto,
    Offset,
    Keyset,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    Text,
    Json,
}

impl LogFormat {
    /// Whether lines are JSON; `None` leaves it to where they go.
    #[must_use]
    pub fn json(self) -> Option<bool> {
        match self {
            Self::Auto => None,
            Self::Text => Some(false),
            Self::Json => Some(true),
        }
    }
}
