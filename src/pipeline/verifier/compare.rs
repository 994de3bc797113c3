//! What agrees with what: pure decisions over what was read.

use super::{Class, Finding, Remedy};
use crate::catalog::Marked;
use crate::search_index::{Entry, Held};

/// What the storage said of a file or a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen<T> {
    There(T),
    Missing,
    /// The storage answers, and refuses this one for this reason.
    Unreadable(String),
}

/// What the storage said of a row; `None` is not asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Stored {
    pub file: Option<Seen<()>>,
    /// md5 hex of the text.
    pub text: Option<Seen<String>>,
}

/// A row that says it is indexed against the documents of its gazette.
pub(super) fn with_index(row: &Marked, held: &[&Held]) -> Option<Finding> {
    let missing = |detail: String| Some(of_row(row, Class::NotInIndex, Remedy::Reopen, None, detail));
    let elsewhere = held.first();
    let document = match (held.iter().find(|held| held.is_in_its_place()), elsewhere) {
        (Some(document), _) => document,
        (None, Some(elsewhere)) if row.by_prelo => {
            return missing(format!("only document {}, which another service wrote, is of it", elsewhere.key));
        }
        (None, Some(elsewhere)) => elsewhere,
        (None, None) => return missing("the index holds no document of it".to_owned()),
    };
    let key = Some(document.key.as_str());
    if document.copies > 1 {
        let detail = format!("{} documents are of it", document.copies);
        return Some(of_row(row, Class::DuplicateDocument, Remedy::Reopen, key, detail));
    }
    let wanted = row.file_checksum.as_deref().unwrap_or_default();
    let silent = document.file_checksum.is_empty() && !document.is_in_its_place();
    if document.file_checksum == wanted || silent {
        return None;
    }
    let detail =
        format!("the file is {}, the document is of {}", or_nothing(wanted), or_nothing(&document.file_checksum));
    Some(of_row(row, Class::StaleDocument, Remedy::Reopen, key, detail))
}

/// A row against what the storage has for it.
pub(super) fn with_storage(row: &Marked, stored: &Stored) -> Vec<Finding> {
    let finding = |class, remedy, detail: String| of_row(row, class, remedy, None, detail);
    let mut findings = Vec::new();
    match &stored.file {
        Some(Seen::Missing) if row.file_path.as_deref().unwrap_or_default().is_empty() => {
            findings.push(finding(Class::FileMissing, Remedy::Reopen, "the row names no file".into()));
        }
        Some(Seen::Missing) => {
            findings.push(finding(Class::FileMissing, Remedy::Reopen, "there is no such file".into()));
        }
        Some(Seen::Unreadable(why)) => {
            findings.push(finding(Class::Unreadable, Remedy::ByHand, format!("the file: {why}")));
        }
        Some(Seen::There(())) | None => {}
    }
    match (&stored.text, &row.text_checksum) {
        (Some(Seen::Missing), _) => {
            findings.push(finding(Class::TextMissing, Remedy::Reopen, "there is no text for it".into()));
        }
        (Some(Seen::Unreadable(why)), _) => {
            findings.push(finding(Class::Unreadable, Remedy::ByHand, format!("its text: {why}")));
        }
        (Some(Seen::There(md5)), Some(wanted)) if md5 != wanted => {
            let detail = format!("its md5 is {md5}, that of the indexed text was {wanted}");
            findings.push(finding(Class::TextAltered, Remedy::Reopen, detail));
        }
        _ => {}
    }
    findings
}

/// A document against the row of its gazette. `doubled`: the gazette has a document in its place as well.
pub(super) fn with_catalog(entry: &Entry, row: Option<&Marked>, doubled: bool) -> Option<Finding> {
    let found = |class, remedy, detail: &str| Finding {
        class,
        gazette: entry.gazette,
        key: row.and_then(|row| row.file_path.clone()).unwrap_or_default(),
        document: Some(entry.key.clone()),
        detail: detail.to_owned(),
        remedy,
        repaired: false,
    };
    match row {
        Some(_) if entry.is_in_its_place() => None,
        Some(row) if is_of(entry, row) => doubled.then(|| {
            found(Class::DuplicateDocument, Remedy::Remove, "beside the gazette's document there is this second one")
        }),
        _ if entry.by_prelo => Some(found(Class::OrphanDocument, Remedy::Remove, "no row has its id")),
        _ => Some(found(Class::OrphanDocument, Remedy::ByHand, "no row has its id; another service wrote it")),
    }
}

/// Whether a document under a foreign key is of this row: its field `id` may count something else.
pub(super) fn is_of(entry: &Entry, row: &Marked) -> bool {
    row.file_checksum.as_deref().is_some_and(|checksum| checksum == entry.file_checksum)
}

/// Whether so much of the index has no row that the catalogue is more likely to be the wrong one.
pub(super) fn is_suspicious(removable: u64, documents: u64) -> bool {
    removable > documents / 2
}

fn of_row(row: &Marked, class: Class, remedy: Remedy, document: Option<&str>, detail: String) -> Finding {
    Finding {
        class,
        gazette: Some(row.id),
        key: row.file_path.clone().unwrap_or_default(),
        document: document.map(str::to_owned),
        detail,
        remedy,
        repaired: false,
    }
}

fn or_nothing(checksum: &str) -> &str {
    if checksum.is_empty() { "none that is named" } else { checksum }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gazette::GazetteId;

    fn row() -> Marked {
        Marked {
            id: GazetteId(7),
            file_path: Some("a.pdf".into()),
            file_checksum: Some("f".into()),
            processed: true,
            by_prelo: true,
            text_checksum: Some("t".into()),
            in_flight: false,
        }
    }

    fn held(key: &str, file_checksum: &str, copies: u32) -> Held {
        Held { gazette: GazetteId(7), key: key.into(), file_checksum: file_checksum.into(), copies }
    }

    fn entry(key: &str, gazette: Option<i64>, file_checksum: &str, by_prelo: bool) -> Entry {
        let gazette = gazette.map(GazetteId);
        Entry { key: key.into(), gazette, file_checksum: file_checksum.into(), by_prelo }
    }

    #[test]
    fn rows_against_the_index() {
        let theirs = || Marked { by_prelo: false, text_checksum: None, ..row() };
        let unnamed = || Marked { file_checksum: None, ..row() };
        for (row, documents, expected) in [
            (row(), vec![held("7", "f", 1)], None),
            (row(), vec![], Some(Class::NotInIndex)),
            (row(), vec![held("f", "f", 1)], Some(Class::NotInIndex)),
            (row(), vec![held("7", "f", 2)], Some(Class::DuplicateDocument)),
            (row(), vec![held("7", "g", 1)], Some(Class::StaleDocument)),
            (row(), vec![held("7", "", 1)], Some(Class::StaleDocument)),
            (unnamed(), vec![held("7", "", 1)], None),
            (theirs(), vec![held("f", "f", 1)], None),
            (theirs(), vec![held("f", "", 1)], None),
            (theirs(), vec![held("f", "g", 1)], Some(Class::StaleDocument)),
            (theirs(), vec![held("7", "f", 1)], None),
            (theirs(), vec![], Some(Class::NotInIndex)),
        ] {
            let finding = with_index(&row, &documents.iter().collect::<Vec<_>>());
            assert_eq!(finding.map(|finding| finding.class), expected, "{row:?} {documents:?}");
        }
    }

    #[test]
    fn rows_against_the_storage() {
        let classes = |row: &Marked, file, text| -> Vec<Class> {
            with_storage(row, &Stored { file, text }).iter().map(|finding| finding.class).collect()
        };
        let (there, refused) = (Some(Seen::There(())), || Seen::Unreadable("403".into()));
        for (file, text, expected) in [
            (None, None, vec![]),
            (there.clone(), Some(Seen::There("t".into())), vec![]),
            (there.clone(), Some(Seen::There("u".into())), vec![Class::TextAltered]),
            (there.clone(), Some(Seen::Missing), vec![Class::TextMissing]),
            (Some(Seen::Missing), Some(Seen::Missing), vec![Class::FileMissing, Class::TextMissing]),
            (Some(refused()), Some(Seen::Unreadable("403".into())), vec![Class::Unreadable, Class::Unreadable]),
        ] {
            assert_eq!(classes(&row(), file.clone(), text.clone()), expected, "{file:?} {text:?}");
        }
        let unreadable = with_storage(&row(), &Stored { file: Some(refused()), text: None });
        assert_eq!(unreadable[0].remedy, Remedy::ByHand, "what cannot be seen is not made pending");
    }

    #[test]
    fn documents_against_the_catalogue() {
        for (entry, has_row, doubled, expected) in [
            (entry("7", Some(7), "", true), true, false, None),
            (entry("7", Some(7), "", true), false, false, Some((Class::OrphanDocument, Remedy::Remove))),
            (entry("7", Some(7), "", false), false, false, Some((Class::OrphanDocument, Remedy::ByHand))),
            (entry("f", Some(7), "f", false), true, false, None),
            (entry("f", Some(7), "f", false), true, true, Some((Class::DuplicateDocument, Remedy::Remove))),
            (entry("x", Some(7), "g", false), true, true, Some((Class::OrphanDocument, Remedy::ByHand))),
            (entry("x", None, "f", false), false, false, Some((Class::OrphanDocument, Remedy::ByHand))),
        ] {
            let row = has_row.then(row);
            let finding = with_catalog(&entry, row.as_ref(), doubled);
            assert_eq!(finding.map(|finding| (finding.class, finding.remedy)), expected, "{entry:?}");
        }
    }

    #[test]
    fn most_of_an_index_is_not_removed() {
        for (removable, documents, suspicious) in
            [(0, 0, false), (1, 1, true), (1, 2, false), (2, 3, true), (500, 1_000, false), (501, 1_000, true)]
        {
            assert_eq!(is_suspicious(removable, documents), suspicious, "{removable} of {documents}");
        }
    }
}
