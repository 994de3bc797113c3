//! What the index holds, without its texts: for comparing it with the catalogue.

use serde::Deserialize;
use serde_json::Value;

use crate::gazette::GazetteId;

/// A document of a gazette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub gazette: GazetteId,
    /// The document's `_id`. It is the gazette's id, unless another service wrote the document.
    pub key: String,
    /// What it says of the file that its text came from; empty where it says nothing.
    pub file_checksum: String,
    /// How many documents have this very key: one, where all is well.
    pub copies: u32,
}

impl Held {
    /// Whether the next document of this gazette takes its place.
    #[must_use]
    pub fn is_in_its_place(&self) -> bool {
        self.key == self.gazette.to_string()
    }
}

/// A document by its key, met while going through the whole index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The document's `_id`.
    pub key: String,
    /// The gazette that it says it is of: by its key where that is a gazette's, else by its field `id`.
    pub gazette: Option<GazetteId>,
    /// As in [`Held`].
    pub file_checksum: String,
    /// Whether prelo wrote it.
    pub by_prelo: bool,
}

impl Entry {
    /// As [`Held::is_in_its_place`].
    #[must_use]
    pub fn is_in_its_place(&self) -> bool {
        self.gazette.is_some_and(|gazette| self.key == gazette.to_string())
    }
}

/// The gazette that a key is the id of. `007` is none's: a gazette's id has one spelling.
pub(super) fn gazette_of(key: &str) -> Option<GazetteId> {
    key.parse().ok().map(GazetteId).filter(|id| id.to_string() == key)
}

/// The fields of [`Stored`], as a search engine is asked for them.
pub(super) const FIELDS: &str = "id,file_checksum,prelo.run_id";

/// What a document says of itself, read leniently: another service may have written it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Stored {
    pub id: Value,
    file_checksum: Value,
    prelo: Value,
}

impl Stored {
    /// By its field `id`, a number or its text.
    pub fn gazette(&self) -> Option<GazetteId> {
        match &self.id {
            Value::Number(number) => number.as_i64().map(GazetteId),
            Value::String(text) => gazette_of(text),
            _ => None,
        }
    }

    pub fn file_checksum(&self) -> String {
        self.file_checksum.as_str().unwrap_or_default().to_owned()
    }

    pub fn by_prelo(&self) -> bool {
        self.prelo.get("run_id").and_then(Value::as_str).is_some_and(|run| !run.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_an_id_in_its_one_spelling() {
        for (key, id) in [("7", Some(7)), ("-7", Some(-7)), ("07", None), ("+7", None), ("7a", None), ("", None)] {
            assert_eq!(gazette_of(key), id.map(GazetteId), "{key}");
        }
    }

    #[test]
    fn odd_documents_do_no_harm() {
        let stored = |value: Value| serde_json::from_value::<Stored>(value).unwrap();
        let ours = stored(serde_json::json!({"id": 7, "file_checksum": "abc", "prelo": {"run_id": "r"}}));
        assert_eq!((ours.gazette(), ours.file_checksum().as_str(), ours.by_prelo()), (Some(GazetteId(7)), "abc", true));
        let theirs = stored(serde_json::json!({"id": "7", "file_checksum": null, "prelo": "x"}));
        assert_eq!(
            (theirs.gazette(), theirs.file_checksum().as_str(), theirs.by_prelo()),
            (Some(GazetteId(7)), "", false)
        );
        assert_eq!(stored(serde_json::json!({"id": [1], "file_checksum": 5})).gazette(), None);
    }
}
