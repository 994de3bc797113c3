//! What a verification finds, and what it comes to.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::gazette::GazetteId;
use crate::shutdown::StopReason;

/// What kind of disagreement it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Class {
    NotInIndex,
    StaleDocument,
    DuplicateDocument,
    OrphanDocument,
    FileMissing,
    TextMissing,
    TextAltered,
    Unreadable,
}

impl Class {
    /// Every class, in the order in which they are told.
    pub const ALL: [Self; 8] = [
        Self::NotInIndex,
        Self::StaleDocument,
        Self::DuplicateDocument,
        Self::OrphanDocument,
        Self::FileMissing,
        Self::TextMissing,
        Self::TextAltered,
        Self::Unreadable,
    ];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotInIndex => "NOT_IN_INDEX",
            Self::StaleDocument => "STALE_DOCUMENT",
            Self::DuplicateDocument => "DUPLICATE_DOCUMENT",
            Self::OrphanDocument => "ORPHAN_DOCUMENT",
            Self::FileMissing => "FILE_MISSING",
            Self::TextMissing => "TEXT_MISSING",
            Self::TextAltered => "TEXT_ALTERED",
            Self::Unreadable => "UNREADABLE",
        }
    }

    /// What it means.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NotInIndex => "The catalogue says that it is indexed, and the index does not hold it.",
            Self::StaleDocument => "The index holds the text of another file than the catalogue names.",
            Self::DuplicateDocument => "The index holds the gazette twice.",
            Self::OrphanDocument => "The index holds a document of which the catalogue has no row.",
            Self::FileMissing => "The storage has no file under the key of the row.",
            Self::TextMissing => "The storage has no text for the file.",
            Self::TextAltered => "The stored text is not the one that was indexed.",
            Self::Unreadable => "The storage is there, and does not hand this one out.",
        }
    }
}

/// What puts it right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The gazette is made pending: the next run reads and indexes it again.
    Reopen,
    /// The document is removed from the index.
    Remove,
    /// Nothing that prelo may do by itself.
    ByHand,
}

/// One disagreement, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub class: Class,
    /// `None`: a document that does not say whose it is.
    pub gazette: Option<GazetteId>,
    /// Of the gazette's file; empty where there is no row, or no key in it.
    pub key: String,
    /// `_id` of the document that it is about, where it is about one.
    pub document: Option<String>,
    /// What was seen.
    pub detail: String,
    pub remedy: Remedy,
    /// Done just now, because `--repair` was asked for.
    pub repaired: bool,
}

impl Finding {
    /// What to do, or what was done.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match (self.remedy, self.class, self.repaired) {
            (Remedy::Reopen, _, true) => "it is pending again; `prelo run` reads it",
            (Remedy::Reopen, Class::FileMissing, false) => {
                "bring the file back under this key; `prelo verify --repair` makes it pending"
            }
            (Remedy::Reopen, _, false) => "`prelo verify --repair` makes it pending, then `prelo run` reads it",
            (Remedy::Remove, _, true) => "it was removed from the index",
            (Remedy::Remove, _, false) => "`prelo verify --repair --delete-orphans` removes it from the index",
            (Remedy::ByHand, Class::OrphanDocument, _) => {
                "prelo did not write it; remove it by hand when nobody needs it"
            }
            (Remedy::ByHand, _, _) => "check the permissions of this one file; it is left as it is",
        }
    }
}

/// What a verification comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// Rows that are marked as processed, and were looked at.
    pub rows: u64,
    /// Of those, the ones that the service which prelo replaces has marked: there is no text to compare.
    pub by_predecessor: u64,
    /// Rows that were passed over, because a live run holds them or they changed meanwhile.
    pub in_work: u64,
    /// Files that were asked for.
    pub files: u64,
    /// Texts that were read.
    pub texts: u64,
    /// Documents of the index.
    pub documents: u64,
    /// By class.
    pub findings: BTreeMap<&'static str, u64>,
    /// Gazettes that are pending again.
    pub reopened: u64,
    /// Documents that were removed from the index.
    pub removed: u64,
    /// Findings that are as they were.
    pub unrepaired: u64,
    /// Nothing was removed, because most of the index would have been.
    pub removal_refused: bool,
    /// `None` when all was looked at.
    pub stopped_by: Option<&'static str>,
    #[serde(skip)]
    pub stop: Option<StopReason>,
}

impl Summary {
    pub(super) fn count(&mut self, finding: &Finding) {
        *self.findings.entry(finding.class.as_str()).or_default() += 1;
        self.unrepaired += u64::from(!finding.repaired);
    }

    /// The exit status that it deserves.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match &self.stop {
            Some(reason) => reason.exit_code(),
            None if self.unrepaired > 0 => 3,
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_say_whether_anything_is_left() {
        let left = |unrepaired, stop| Summary { unrepaired, stop, ..Summary::default() }.exit_code();
        assert_eq!(left(0, None), 0);
        assert_eq!(left(1, None), 3);
        assert_eq!(left(0, Some(StopReason::DependencyDown("index".into()))), 4);
        assert_eq!(left(1, Some(StopReason::Signal(15))), 143);
    }

    #[test]
    fn the_words_of_text_and_json_are_the_same() {
        for class in Class::ALL {
            assert_eq!(serde_json::to_value(class).unwrap(), class.as_str());
        }
    }
}
