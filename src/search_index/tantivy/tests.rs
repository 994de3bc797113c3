use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use ::tantivy::merge_policy::NoMergePolicy;
use ::tantivy::schema::{STORED, Schema};
use ::tantivy::tokenizer::SimpleTokenizer;
use ::tantivy::{Index, IndexWriter, TantivyDocument};

use super::super::document::{Links, tests::gazette};
use super::*;

fn document(id: i64, text: &str) -> Document {
    Document::new(&gazette(id), text.into(), "k.txt", &Links::default(), Provenance::default())
}

async fn prepared(folder: &Path) -> TantivyIndex {
    let index = TantivyIndex::open(folder.to_owned()).await.unwrap();
    index.prepare().await.unwrap();
    index
}

/// Tantivy's own writer asks for the analyzer of the text, which prelo does not use.
fn register(raw: &Index) {
    raw.tokenizers().register(schema::ANALYZER, SimpleTokenizer::default());
}

fn files(folder: &Path) -> BTreeSet<OsString> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

fn asked(text: &str) -> SearchQuery {
    SearchQuery { text: text.into(), limit: 10, ..SearchQuery::default() }
}

#[tokio::test]
async fn reading_needs_no_lock_and_a_second_writer_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let writing = prepared(folder.path()).await;
    writing.bulk(&[&document(1, "casa")]).await.unwrap();

    let reading = TantivyIndex::open(folder.path().to_owned()).await.unwrap();
    reading.prepare().await.unwrap();
    reading.check().await.unwrap();
    assert_eq!(reading.search(&asked("casa")).await.unwrap().total, 1);
    writing.bulk(&[&document(2, "casa")]).await.unwrap();
    assert_eq!(reading.count().await.unwrap(), 2, "a commit of another is seen at once");

    let error = reading.bulk(&[&document(3, "casa")]).await.unwrap_err();
    assert_eq!(error.kind, Kind::Locked, "{error}");
    drop(writing);
    reading.bulk(&[&document(3, "casa")]).await.unwrap();
    assert_eq!(reading.count().await.unwrap(), 3);
}

#[tokio::test]
async fn what_was_not_committed_leaves_the_last_commit_readable() {
    let folder = tempfile::tempdir().unwrap();
    let index = prepared(folder.path()).await;
    index.bulk(&[&document(1, "casa")]).await.unwrap();
    drop(index);
    let committed = files(folder.path());
    let raw = Index::open_in_dir(folder.path()).unwrap();
    register(&raw);
    let mut writer: IndexWriter = raw.writer_with_num_threads(1, 15 << 20).unwrap();
    let fields = Fields::schema().1;
    writer.delete_term(fields.key(GazetteId(1)));
    writer.add_document(fields.document(&document(2, "casa")).unwrap()).unwrap();
    writer.prepare_commit().unwrap(); // segments are on disk, the commit is not
    drop(writer);
    let left: Vec<_> = files(folder.path()).difference(&committed).cloned().collect();
    assert!(!left.is_empty());

    let index = prepared(folder.path()).await;
    assert!(index.find(GazetteId(1)).await.unwrap().is_some());
    assert!(index.find(GazetteId(2)).await.unwrap().is_none());
    index.bulk(&[&document(2, "casa")]).await.unwrap();
    assert_eq!(index.count().await.unwrap(), 2);
    assert!(left.iter().all(|name| !folder.path().join(name).exists()), "the next bulk tidies up");
}

/// Tantivy gives the first operation of a writer the number of the last commit. A merge of what was committed then takes
/// it for done in a segment in which that commit has deleted something, and forgets it.
#[tokio::test]
async fn the_first_document_of_a_writer_replaces_the_one_before_also_when_segments_are_merged_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    drop(prepared(folder.path()).await);
    let raw = Index::open_in_dir(folder.path()).unwrap();
    register(&raw);
    let fields = Fields::schema().1;
    let mut writer: IndexWriter = raw.writer_with_num_threads(1, 15 << 20).unwrap();
    // As a run leaves it that was killed before it could merge: as many segments as call for a merge. The one with a
    // deletion is to weigh no less than the others for it, or it would not be merged with them.
    writer.set_merge_policy(Box::new(NoMergePolicy));
    let mut id = 0;
    for documents in [5, 12, 2, 2, 2, 2, 2, 2] {
        for _ in 0..documents {
            id += 1;
            writer.add_document(fields.document(&document(id, "casa")).unwrap()).unwrap();
        }
        writer.commit().unwrap();
    }
    writer.delete_term(fields.key(GazetteId(6)));
    writer.commit().unwrap();
    drop(writer);
    let segments = raw.searchable_segment_ids().unwrap().len();

    let index = prepared(folder.path()).await;
    index.bulk(&[&document(7, "casa")]).await.unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while raw.searchable_segment_ids().unwrap().len() >= segments {
        assert!(std::time::Instant::now() < deadline, "nothing is merged");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(index.count().await.unwrap(), 28, "29 documents less the one that was deleted; 7 is there once");
}

#[tokio::test]
async fn another_schema_or_a_damaged_index_asks_for_a_rebuild() {
    let other = tempfile::tempdir().unwrap();
    let mut schema = Schema::builder();
    let field = schema.add_text_field("else", STORED);
    let raw = Index::create_in_dir(other.path(), schema.build()).unwrap();
    let mut writer: IndexWriter = raw.writer_with_num_threads(1, 15 << 20).unwrap();
    let mut stored = TantivyDocument::new();
    stored.add_text(field, "x");
    writer.add_document(stored).unwrap();
    writer.commit().unwrap();

    let damaged = tempfile::tempdir().unwrap();
    std::fs::write(damaged.path().join("meta.json"), "{").unwrap();

    for folder in [other.path(), damaged.path()] {
        let error = TantivyIndex::open(folder.to_owned()).await.map(drop).unwrap_err();
        assert_eq!(error.kind, Kind::Other);
        assert!(error.to_string().contains("prelo run --mode all"), "{error}");
    }
}

#[tokio::test]
async fn a_file_where_the_folder_should_be() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let index = TantivyIndex::open(path.clone()).await.unwrap();
        let error = index.prepare().await.unwrap_err();
        assert_eq!(error.kind, Kind::BadUrl, "{error} {error:?}");
    }
    assert_eq!(TantivyIndex::open("".into()).await.map(drop).unwrap_err().kind, Kind::BadUrl);
}

#[tokio::test]
async fn words_of_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let index = TantivyIndex::open(path.clone()).await.unwrap();
    let before = index.check().await.unwrap();
    assert!(before.starts_with("Tantivy 0.") && before.ends_with(", no index yet"), "{before}");
    assert!(!path.exists(), "looking creates nothing");
    index.prepare().await.unwrap();
    assert!(!index.check().await.unwrap().contains("no index yet"));
}

#[tokio::test]
async fn two_documents_of_one_gazette_are_counted_listed_once_and_replaced_together() {
    let folder = tempfile::tempdir().unwrap();
    drop(prepared(folder.path()).await);
    let raw = Index::open_in_dir(folder.path()).unwrap();
    register(&raw);
    let mut writer: IndexWriter = raw.writer_with_num_threads(1, 15 << 20).unwrap();
    let fields = Fields::schema().1;
    for id in [1, 2, 2, 3] {
        writer.add_document(fields.document(&document(id, "casa")).unwrap()).unwrap();
        writer.commit().unwrap(); // a segment each
    }
    drop(writer);
    let index = prepared(folder.path()).await;
    let held = index.held(&[1, 2].map(GazetteId)).await.unwrap();
    assert_eq!(held.iter().map(|held| (held.gazette.0, held.copies)).collect::<Vec<_>>(), [(1, 1), (2, 2)]);
    let listed = index.entries(Some("1"), 10).await.unwrap();
    assert_eq!(listed.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["2", "3"]);
    index.bulk(&[&document(2, "prédio")]).await.unwrap();
    assert_eq!(index.count().await.unwrap(), 3);
}
