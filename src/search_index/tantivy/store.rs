//! The embedded index itself. Everything here blocks.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::tantivy::collector::{Count, TopDocs};
use ::tantivy::columnar::Column;
use ::tantivy::directory::MmapDirectory;
use ::tantivy::directory::error::OpenDirectoryError;
use ::tantivy::index::SegmentMeta;
use ::tantivy::indexer::{IndexWriterOptions, UserOperation};
use ::tantivy::query::{BooleanQuery, TermQuery, TermSetQuery};
use ::tantivy::schema::{Field, IndexRecordOption, TantivyDocument};
use ::tantivy::{
    DocAddress, DocId, Index, IndexReader, IndexWriter, ReloadPolicy, Searcher, SegmentReader, TantivyError, Term,
};

use super::merging::BySize;
use super::replaced::Elsewhere;
use super::schema::{DAY, Fields, ID};
use super::segment::SegmentBuilder;
use super::totals::TotalsCollector;
use crate::failpoint::{self, Point};
use crate::gazette::GazetteId;
use crate::search_index::document::Provenance;
use crate::search_index::error::Diagnosis;
use crate::search_index::query::{Misunderstood, Query};
use crate::search_index::{
    MAX_HITS, Passage, SearchIndexError, SearchIndexErrorKind as Kind, SearchQuery, SearchResults, Sort, Totals, bulk,
    hit, matches, passages,
};

/// Bytes of postings and their words that each thread gathers before it writes a segment.
const WRITER_BYTES: usize = 24 << 20;

/// Documents as the index takes them, by their gazettes.
pub(super) type Written = Vec<(GazetteId, TantivyDocument)>;

/// A folder with an index, or one that will have it.
pub(super) struct Store {
    path: PathBuf,
    shown: String,
    /// That write a bulk together.
    threads: usize,
    /// Filled when the index is there.
    opened: Mutex<Option<Arc<Opened>>>,
    /// Made by the first bulk: it takes the lock of the folder, which nobody who only reads may need.
    pub(super) writer: Mutex<Option<IndexWriter>>,
}

/// An index that is there.
pub(super) struct Opened {
    index: Index,
    reader: IndexReader,
    pub(super) fields: Fields,
}

impl Store {
    /// Opens the index if it is there. So many threads will write a bulk.
    pub fn open(path: PathBuf, shown: String, threads: usize) -> Result<Self, SearchIndexError> {
        let store = Self { path, shown, threads, opened: Mutex::new(None), writer: Mutex::new(None) };
        match store.opened("open the index") {
            Err(error) if error.kind != Kind::NotThere => Err(error),
            _ => Ok(store),
        }
    }

    /// Whether it is there, and can be read.
    pub fn check(&self) -> Result<bool, SearchIndexError> {
        match self.searcher("open the index") {
            Ok(_) => Ok(true),
            Err(error) if error.kind == Kind::NotThere => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Creates the folder and the index where they are missing.
    pub fn prepare(&self) -> Result<(), SearchIndexError> {
        let operation = "create the index";
        if Self::is_there(&self.path) {
            return self.opened(operation).map(drop);
        }
        std::fs::create_dir_all(&self.path).map_err(|error| self.error(operation, error.into()))?;
        let directory = MmapDirectory::open(&self.path).map_err(|error| self.error(operation, error.into()))?;
        let created = Index::open_or_create(directory, Fields::schema().0);
        created.map_err(|error| self.error(operation, error))?;
        self.opened(operation).map(drop)
    }

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

    /// One page of what a search finds.
    pub fn search(&self, asked: &SearchQuery) -> Result<SearchResults, SearchIndexError> {
        let operation = "search";
        let query = self.understood(operation, asked.understood())?;
        asked.within_reach().map_err(|advice| Diagnosis::new(Kind::BadQuery, advice).during(operation, &self.shown))?;
        let (searcher, fields) = self.searcher(operation)?;
        let run = || -> Result<SearchResults, TantivyError> {
            let (best, total, totals) = ranked(&searcher, &fields.query(&query, asked), asked)?;
            let mut hits = Vec::with_capacity(best.len());
            for (score, address) in best.into_iter().take(asked.limit) {
                let stored: TantivyDocument = searcher.doc(address)?;
                let passages =
                    if asked.without_passages { Vec::new() } else { passages_in(fields.text_of(&stored), &query) };
                let id = fields.id_of(&stored);
                hits.push(hit::hit(id, &fields.record_of(&stored), score, passages, id.to_string()));
            }
            Ok(SearchResults { total: total as u64, hits, totals })
        };
        run().map_err(|error| self.error(operation, error))
    }

    /// The passages of one gazette.
    pub fn passages(&self, text: &str, id: GazetteId) -> Result<Vec<Passage>, SearchIndexError> {
        let operation = "read a text";
        let query = self.understood(operation, Query::parse(text))?;
        let (searcher, fields) = self.searcher(operation)?;
        let run = || -> Result<Vec<Passage>, TantivyError> {
            let term = TermQuery::new(fields.key(id), IndexRecordOption::Basic);
            let best = searcher.search(&term, &TopDocs::with_limit(1).order_by_score())?;
            let Some((_, address)) = best.first() else { return Ok(Vec::new()) };
            let stored: TantivyDocument = searcher.doc(*address)?;
            Ok(passages_in(fields.text_of(&stored), &query))
        };
        run().map_err(|error| self.error(operation, error))
    }

    fn understood(&self, operation: &str, query: Result<Query, Misunderstood>) -> Result<Query, SearchIndexError> {
        query.map_err(|why| Diagnosis::new(Kind::BadQuery, why.advice()).during(operation, &self.shown))
    }

    /// How a gazette came into the index.
    pub fn find(&self, id: GazetteId) -> Result<Option<Provenance>, SearchIndexError> {
        let operation = format!("look up gazette {id}");
        let (searcher, fields) = self.searcher(&operation)?;
        let query = TermQuery::new(fields.key(id), IndexRecordOption::Basic);
        let run = || -> Result<Option<Provenance>, TantivyError> {
            let best = searcher.search(&query, &TopDocs::with_limit(1).order_by_score())?;
            let Some((_, address)) = best.first() else { return Ok(None) };
            let mut record = fields.record_of(&searcher.doc(*address)?);
            let prelo = record.remove("prelo").unwrap_or_default();
            Ok(Some(serde_json::from_value(prelo).unwrap_or_default()))
        };
        run().map_err(|error| self.error(&operation, error))
    }

    /// Documents in the last commit.
    pub fn count(&self) -> Result<u64, SearchIndexError> {
        Ok(self.searcher("count the documents")?.0.num_docs())
    }

    /// Sees the last commit, whichever process made it.
    pub(super) fn searcher(&self, operation: &str) -> Result<(Searcher, Fields), SearchIndexError> {
        let opened = self.opened(operation)?;
        opened.reader.reload().map_err(|error| self.error(operation, error))?;
        Ok((opened.reader.searcher(), opened.fields))
    }

    fn is_there(path: &Path) -> bool {
        path.join("meta.json").is_file()
    }

    pub(super) fn opened(&self, operation: &str) -> Result<Arc<Opened>, SearchIndexError> {
        let mut slot = lock(&self.opened);
        if let Some(opened) = slot.as_ref() {
            return Ok(Arc::clone(opened));
        }
        if !Self::is_there(&self.path) {
            let diagnosis = Diagnosis::new(Kind::NotThere, "there is no index yet; run `prelo run` first");
            return Err(diagnosis.during(operation, &self.shown));
        }
        let index = Index::open_in_dir(&self.path).map_err(|error| self.error(operation, error))?;
        let (schema, fields) = Fields::schema();
        if index.schema() != schema {
            let advice = format!("another version of prelo made it; {}", self.rebuild());
            return Err(Diagnosis::new(Kind::Other, advice).during(operation, &self.shown));
        }
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into();
        let reader = reader.map_err(|error| self.error(operation, error))?;
        Ok(Arc::clone(slot.insert(Arc::new(Opened { index, reader, fields }))))
    }

    fn rebuild(&self) -> String {
        format!(
            "build it again from the stored texts with `prelo reindex`, or remove the folder {} and read all files again \
             with `prelo run --mode all`",
            self.path.display()
        )
    }

    pub(super) fn error(&self, operation: &str, error: TantivyError) -> SearchIndexError {
        use io::ErrorKind as Io;
        let path = self.path.display();
        let diagnosis = match &error {
            TantivyError::LockFailure(..) => {
                Diagnosis::new(Kind::Locked, "another process is writing to it; wait until it is done, or stop it")
            }
            _ if tells(&error, &[Io::StorageFull, Io::QuotaExceeded, Io::FileTooLarge]) => {
                Diagnosis::new(Kind::Blocked, format!("the disk is full; free space where {path} is"))
            }
            _ if tells(&error, &[Io::PermissionDenied, Io::ReadOnlyFilesystem]) => {
                Diagnosis::new(Kind::Blocked, format!("this user may not write to {path}; change its permissions"))
            }
            _ if tells(&error, &[Io::NotADirectory, Io::AlreadyExists]) => {
                Diagnosis::new(Kind::BadUrl, format!("{path} is a file, not a folder; name another"))
            }
            TantivyError::OpenDirectoryError(OpenDirectoryError::NotADirectory(_)) => {
                Diagnosis::new(Kind::BadUrl, format!("{path} is a file, not a folder; name another"))
            }
            TantivyError::IoError(_) | TantivyError::OpenWriteError(_) => {
                Diagnosis::new(Kind::Other, format!("the files in {path} cannot be read or written; look at the disk"))
            }
            _ => Diagnosis::new(Kind::Other, format!("it is damaged or of another version; {}", self.rebuild())),
        };
        diagnosis.during(operation, &self.shown).caused_by(error)
    }
}

/// Scores and places of one page of hits, how many there are in all, and how they are spread.
type Ranked = (Vec<(f32, DocAddress)>, usize, Option<Totals>);

fn ranked(searcher: &Searcher, query: &BooleanQuery, asked: &SearchQuery) -> Result<Ranked, TantivyError> {
    let page = TopDocs::with_limit(asked.limit.clamp(1, MAX_HITS)).and_offset(asked.offset);
    let counted = asked.totals.then(TotalsCollector::default);
    if asked.order() == Sort::Relevance {
        let (best, total, totals) = searcher.search(query, &(page.order_by_score(), Count, counted))?;
        return Ok((best, total, totals));
    }
    let newest = asked.order() == Sort::Newest;
    // The greatest key comes first. Of one day, the gazette that was added last; the score comes along to be shown.
    let by_date = page.tweak_score(move |segment: &SegmentReader| {
        let (days, ids) = (segment.fast_fields().i64(DAY).ok(), segment.fast_fields().i64(ID).ok());
        move |document: DocId, score: f32| {
            let first = |column: &Option<Column<i64>>| column.as_ref().and_then(|column| column.first(document));
            let day = match first(&days) {
                None => i64::MIN,
                Some(day) if newest => day,
                Some(day) => -day,
            };
            (day, first(&ids).unwrap_or_default(), score)
        }
    });
    let (best, total, totals) = searcher.search(query, &(by_date, Count, counted))?;
    Ok((best.into_iter().map(|((_, _, score), address)| (score, address)).collect(), total, totals))
}

fn passages_in(text: &str, query: &Query) -> Vec<Passage> {
    passages::best(text, &matches::find(text, query))
}

/// Whether the operating system gave one of these reasons. Tantivy wraps them in layers of which some have no source;
/// only what it prints for debugging shows them all.
fn tells(error: &TantivyError, kinds: &[io::ErrorKind]) -> bool {
    let shown = format!("{error:?}");
    kinds.iter().any(|kind| shown.contains(&format!("kind: {kind:?}")))
}

/// The index stays usable when a thread that held the lock panicked: a half-done bulk was not committed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search_index::document::{Document, Links, tests::gazette};

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

    #[test]
    fn a_full_disk_is_seen_through_every_layer() {
        let store = Store::open("nowhere".into(), "tantivy://nowhere".into(), 1).unwrap();
        let full = || io::Error::from_raw_os_error(28);
        let denied = || io::Error::from_raw_os_error(13);
        for (error, kind) in [
            (TantivyError::from(full()), Kind::Blocked),
            (TantivyError::from(io::Error::other(full())), Kind::Blocked),
            (TantivyError::ErrorInThread(format!("{:?}", full())), Kind::Blocked),
            (OpenDirectoryError::wrap_io_error(denied(), "x".into()).into(), Kind::Blocked),
            (TantivyError::from(io::Error::other("odd")), Kind::Other),
            (TantivyError::Poisoned, Kind::Other),
        ] {
            let shown = format!("{error:?}");
            assert_eq!(store.error("write", error).kind, kind, "{shown}");
        }
    }
}
