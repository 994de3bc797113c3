//! The stages of a gazette, as they are told to those who watch a run.

use serde::{Deserialize, Serialize};

/// What a gazette is in, or waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    Download,
    /// In a process that reads documents.
    Extract,
    /// Its scans are read.
    Ocr,
    /// Its text is stored.
    Store,
    /// In a bulk of the index, or on its way to be marked.
    Index,
}

impl Stage {
    /// In the order in which a gazette goes through them.
    pub const ALL: [Self; 5] = [Self::Download, Self::Extract, Self::Ocr, Self::Store, Self::Index];

    /// The word in labels of metrics and names of spans.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Extract => "extract",
            Self::Ocr => "ocr",
            Self::Store => "store",
            Self::Index => "index",
        }
    }
}
