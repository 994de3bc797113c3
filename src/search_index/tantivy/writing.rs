//! Writing to the embedded index: segments for a bulk, and one commit for all that it brings and takes out.

use std::collections::HashSet;
use std::sync::Mutex;

use ::tantivy::index::SegmentMeta;
use ::tantivy::indexer::{IndexWriterOptions, UserOperation};
use ::tantivy::query::TermSetQuery;
use ::tantivy::schema::{Field, TantivyDocument};
use ::tantivy::{Index, IndexWriter, TantivyError, Term};

use super::merging::BySize;
use super::replaced::Elsewhere;
use super::segment::SegmentBuilder;
use super::store::{Opened, Store, lock};
use crate::failpoint::{self, Point};
use crate::gazette::GazetteId;
use crate::search_index::{SearchIndexError, bulk};

/// Bytes of postings and their words that each thread gathers before it writes a segment.
const WRITER_BYTES: usize = 24 << 20;

/// Documents as the index takes them, by their gazettes.
pub(super) type Written = Vec<(GazetteId, TantivyDocument)>;

impl Store {
    /// Writes documents and commits. When it fails, none of them is in the index.
    pub fn write(&self, documents: Written) -> Result<(), SearchIndexError> {
        self.put(documents, true)
    }

    fn put(&self, mut documents: Written, replacing: bool) -> Result<(), SearchIndexError> {
        let operation = bulk::operation(documents.len());
        // Of two documents of one gazette the later counts.
        let mut seen = HashSet::new();
        documents.reverse();
        documents.retain(|(id, _)| seen.insert(*id));
        documents.reverse();
        let opened = self.opened(&operation)?;
        let mut slot = lock(&self.writer);
        let written = self.commit(&opened, &mut slot, documents, replacing);
        if written.is_err() {
            // A writer that failed stays broken; what it did not commit goes with it.
            *slot = None;
        }
        written.map_err(|error| self.error(&operation, error))
    }

    /// The same for documents that are not to replace any.
    pub fn add(&self, mut documents: Written) -> Result<(), SearchIndexError> {
        let ids: Vec<GazetteId> = documents.iter().map(|(id, _)| *id).collect();
        let there = self.present(&ids)?;
        documents.retain(|(id, _)| !there.contains(id));
        if documents.is_empty() { Ok(()) } else { self.put(documents, false) }
    }

    /// Lets merges end and gives the lock of the folder back.
    pub fn close(&self) -> Result<(), SearchIndexError> {
        match lock(&self.writer).take() {
            Some(writer) => writer.wait_merging_threads().map_err(|error| self.error("merge what was written", error)),
            None => Ok(()),
        }
    }

    fn commit(
        &self,
        opened: &Opened,
        slot: &mut Option<IndexWriter>,
        documents: Written,
        replacing: bool,
    ) -> Result<(), TantivyError> {
        let writer = self.writer_in(slot, opened)?;
        let replaced = documents.iter().filter(|_| replacing).map(|(id, _)| opened.fields.key(*id)).collect();
        let segments = self.segments(writer, opened.fields.words(), documents)?;
        Self::publish(writer, replaced, segments)
    }

    /// One commit that takes out what these keys find elsewhere, and brings the segments in.
    fn publish(writer: &mut IndexWriter, replaced: Vec<Term>, segments: Vec<SegmentMeta>) -> Result<(), TantivyError> {
        if !replaced.is_empty() {
            let except = segments.iter().map(SegmentMeta::id).collect();
            writer.delete_query(Box::new(Elsewhere { query: TermSetQuery::new(replaced), except }))?;
        }
        // Not before: a segment looks at deletions since it was added, and one that is merged with others of its bulk
        // before the commit has another id by then.
        for segment in segments {
            writer.add_segment(segment)?;
        }
        let segments = writer.prepare_commit()?;
        failpoint::pass(Point::SegmentsWritten);
        segments.commit()?;
        failpoint::pass(Point::IndexCommitted);
        Ok(())
    }

    /// Segments with these documents, written by as many threads as there are.
    fn segments(
        &self,
        writer: &IndexWriter,
        words: Field,
        documents: Written,
    ) -> Result<Vec<SegmentMeta>, TantivyError> {
        let threads = self.threads.min(documents.len());
        let documents = Mutex::new(documents.into_iter());
        let next = || lock(&documents).next();
        let some = || -> Result<Vec<SegmentMeta>, TantivyError> {
            let mut segments = Vec::new();
            while let Some((_, document)) = next() {
                let mut segment = SegmentBuilder::new(writer.new_segment(), words)?;
                segment.add(&document)?;
                while segment.bytes() < WRITER_BYTES
                    && let Some((_, document)) = next()
                {
                    segment.add(&document)?;
                }
                segments.push(segment.finish()?);
            }
            Ok(segments)
        };
        if threads <= 1 {
            return some();
        }
        let of_each: Result<Vec<_>, _> = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(some)).collect();
            let joined = handles.into_iter().map(|handle| {
                handle.join().unwrap_or_else(|_| Err(TantivyError::ErrorInThread("a segment was not written".into())))
            });
            joined.collect()
        });
        Ok(of_each?.into_iter().flatten().collect())
    }

    /// The writer, made when it is not there.
    pub(super) fn writer_in<'a>(
        &self,
        slot: &'a mut Option<IndexWriter>,
        opened: &Opened,
    ) -> Result<&'a mut IndexWriter, TantivyError> {
        match slot {
            Some(writer) => Ok(writer),
            None => Ok(slot.insert(self.writer(&opened.index)?)),
        }
    }

    /// Takes the lock of the folder, and removes what a bulk that failed or was killed has left there: on a full disk
    /// that may be what fills it.
    fn writer(&self, index: &Index) -> Result<IndexWriter, TantivyError> {
        let options = IndexWriterOptions::builder()
            // It is given whole segments: its own threads only wait, and begin anew with every commit.
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        let writer: IndexWriter = index.writer_with_options(options)?;
        writer.set_merge_policy(Box::new(BySize { folder: self.path.clone() }));
        writer.garbage_collect_files().wait()?;
        // A new writer numbers its first operation as the last commit was numbered. Were that the deletion of a document
        // that is written again, a merge that runs meanwhile could take it for part of that commit, and the gazette would
        // be in the index twice. Nothing to do takes that number.
        writer.run(Vec::<UserOperation>::new())?;
        Ok(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search_index::SearchQuery;
    use crate::search_index::document::{Document, Links, Provenance, tests::gazette};

    /// As a large bulk leaves them, and many threads: enough for merges that begin before the commit.
    #[test]
    fn segments_of_a_bulk_that_are_merged_before_it_is_committed_keep_their_documents() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().into(), "tantivy://folder".into(), 1).unwrap();
        store.prepare().unwrap();
        let opened = store.opened("test").unwrap();
        let ids = 1..=40;
        for bulk in 1..=6 {
            let mut slot = lock(&store.writer);
            let writer = store.writer_in(&mut slot, &opened).unwrap();
            let segment = |id: i64| {
                let text = format!("Edital {id} da vez {bulk}");
                let document = Document::new(&gazette(id), text, "k.txt", &Links::default(), Provenance::default());
                let mut segment = SegmentBuilder::new(writer.new_segment(), opened.fields.words()).unwrap();
                segment.add(&opened.fields.document(&document).unwrap()).unwrap();
                segment.finish().unwrap()
            };
            let segments: Vec<_> = ids.clone().map(segment).collect();
            let replaced = ids.clone().map(|id| opened.fields.key(GazetteId(id))).collect();
            Store::publish(writer, replaced, segments).unwrap();
            if bulk % 2 == 0 {
                // With what is merged meanwhile, or without.
                let merged = slot.take().unwrap();
                if bulk == 4 { drop(merged) } else { merged.wait_merging_threads().unwrap() }
            }
            drop(slot);
            assert_eq!(store.count().unwrap(), 40, "after bulk {bulk}");
            let found = |text: &str| store.search(&SearchQuery { text: text.into(), ..Default::default() }).unwrap();
            assert_eq!(found(&format!("vez {bulk}")).total, 40, "those of bulk {bulk}");
            assert_eq!(found(&format!("\"vez {}\"", bulk - 1)).total, 0, "those before bulk {bulk}");
        }
        let segments = opened.index.searchable_segment_ids().unwrap().len();
        assert!(segments < 40, "{segments} segments: nothing was merged");
    }
}
