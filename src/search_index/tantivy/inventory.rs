//! What the embedded index holds. Everything here blocks.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use ::tantivy::collector::DocSetCollector;
use ::tantivy::query::TermSetQuery;
use ::tantivy::schema::TantivyDocument;
use ::tantivy::{IndexWriter, Searcher, TantivyError};

use super::schema::{Fields, ID};
use super::store::{Store, lock};
use crate::gazette::GazetteId;
use crate::search_index::SearchIndexError;
use crate::search_index::inventory::{Entry, Held, Stored, gazette_of};

impl Store {
    /// Documents of these gazettes.
    pub fn held(&self, gazettes: &[GazetteId]) -> Result<Vec<Held>, SearchIndexError> {
        let operation = "look up gazettes";
        let (searcher, fields) = self.searcher(operation)?;
        held(&searcher, fields, gazettes).map_err(|error| self.error(operation, error))
    }

    /// The next documents in the order of their ids.
    pub fn entries(&self, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, SearchIndexError> {
        let operation = "list the documents";
        let (searcher, _) = self.searcher(operation)?;
        let after = after.and_then(gazette_of);
        let ids = next_ids(&searcher, after, limit).map_err(|error| self.error(operation, error))?;
        let entry = |id: i64| Entry {
            key: id.to_string(),
            gazette: Some(GazetteId(id)),
            // Only asked of documents that are not in their place, of which an index of prelo's own has none.
            file_checksum: String::new(),
            by_prelo: true,
        };
        Ok(ids.into_iter().map(entry).collect())
    }

    /// Those of the gazettes that have a document; no document is read for it.
    pub fn present(&self, gazettes: &[GazetteId]) -> Result<HashSet<GazetteId>, SearchIndexError> {
        let operation = "look up gazettes";
        let (searcher, fields) = self.searcher(operation)?;
        let query = TermSetQuery::new(gazettes.iter().map(|id| fields.key(*id)));
        let run = || -> Result<HashSet<GazetteId>, TantivyError> {
            let mut present = HashSet::new();
            for address in searcher.search(&query, &DocSetCollector)? {
                let ids = searcher.segment_reader(address.segment_ord).fast_fields().i64(ID)?;
                present.extend(ids.first(address.doc_id).map(GazetteId));
            }
            Ok(present)
        };
        run().map_err(|error| self.error(operation, error))
    }

    /// Removes documents and commits.
    pub fn remove(&self, keys: &[String]) -> Result<(), SearchIndexError> {
        let operation = "remove documents";
        let opened = self.opened(operation)?;
        let mut slot = lock(&self.writer);
        let remove = |slot: &mut Option<IndexWriter>| -> Result<(), TantivyError> {
            let writer = self.writer_in(slot, &opened)?;
            for id in keys.iter().filter_map(|key| gazette_of(key)) {
                writer.delete_term(opened.fields.key(id));
            }
            writer.commit().map(drop)
        };
        let removed = remove(&mut slot);
        if removed.is_err() {
            *slot = None;
        }
        removed.map_err(|error| self.error(operation, error))
    }
}

fn held(searcher: &Searcher, fields: Fields, gazettes: &[GazetteId]) -> Result<Vec<Held>, TantivyError> {
    let query = TermSetQuery::new(gazettes.iter().map(|id| fields.key(*id)));
    let mut held: BTreeMap<GazetteId, Held> = BTreeMap::new();
    for address in searcher.search(&query, &DocSetCollector)? {
        let document: TantivyDocument = searcher.doc(address)?;
        let gazette = fields.id_of(&document);
        let stored: Stored = serde_json::from_value(fields.record_of(&document).into()).unwrap_or_default();
        let file_checksum = stored.file_checksum();
        let of = || Held { gazette, key: gazette.to_string(), file_checksum, copies: 0 };
        held.entry(gazette).or_insert_with(of).copies += 1;
    }
    Ok(held.into_values().collect())
}

/// The lowest ids above `after`, each once. One column is read whole for it: 8 bytes a document.
fn next_ids(searcher: &Searcher, after: Option<GazetteId>, limit: usize) -> Result<BTreeSet<i64>, TantivyError> {
    let mut lowest = BTreeSet::new();
    for segment in searcher.segment_readers() {
        let ids = segment.fast_fields().i64(ID)?;
        for document in segment.doc_ids_alive() {
            let Some(id) = ids.first(document) else { continue };
            if after.is_some_and(|after| id <= after.0) {
                continue;
            }
            if lowest.len() < limit {
                lowest.insert(id);
            } else if lowest.last().is_some_and(|last| id < *last) && lowest.insert(id) {
                lowest.pop_last();
            }
        }
    }
    Ok(lowest)
}
