//! The embedded index when its writer is killed in the middle of a commit, or when somebody else holds its lock.

use std::path::{Path, PathBuf};

use ::tantivy::index::SegmentId;
use prelo::failpoint::VARIABLE;

use crate::backlog::{Backlog, Place, small_files};
use crate::steps::undisturbed;

const GAZETTES: usize = 40;
/// At least one of them is in every gazette.
const WORDS: &str = "pregão OR decreto OR portaria OR município";

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_commit_the_one_before_is_readable() {
    let files = small_files(GAZETTES);
    let oracle = undisturbed(Place::Folder, &files).await.unwrap();
    let backlog = Backlog::new(Place::Folder, &files).await.unwrap();
    let mut command = backlog.command(&["--bulk-concurrency", "1"]);
    command.env(VARIABLE, "segments_written:3");
    assert!(backlog.start(&command).end().was_killed());

    let left = backlog.outcome().await;
    assert!(!left.documents.is_empty() && left.documents.len() < oracle.documents.len());
    assert!(left.marked() <= left.documents.len() && left.marked_in_vain().is_empty());
    let uncommitted = uncommitted(&backlog.index_folder());
    assert!(!uncommitted.is_empty(), "segments were written that no commit names");
    let found = backlog.prelo().json(0, &["search", WORDS, "--limit", "100"]);
    assert!(found["total"].as_u64().unwrap() > 0, "the search needs neither the lock nor the lost segments");

    backlog.finish(&[]).await;
    let differences = backlog.outcome().await.against(&oracle);
    assert!(differences.is_empty(), "{differences}");
    assert!(uncommitted.iter().all(|file| !file.exists()), "what was not committed is tidied away");
}

/// Files of segments that the last commit does not name.
fn uncommitted(folder: &Path) -> Vec<PathBuf> {
    let index = ::tantivy::Index::open_in_dir(folder).unwrap();
    let committed: Vec<String> = index.searchable_segment_ids().unwrap().iter().map(SegmentId::uuid_string).collect();
    let stores = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| {
        let segment = path.file_stem().unwrap().to_str().unwrap();
        path.extension().is_some_and(|extension| extension == "store") && !committed.iter().any(|id| id == segment)
    });
    stores.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_somebody_holds_its_lock_nothing_is_marked_and_all_is_readable() {
    let files = small_files(GAZETTES);
    let oracle = undisturbed(Place::Folder, &files).await.unwrap();
    let backlog = Backlog::new(Place::Folder, &files).await.unwrap();
    backlog.finish(&["--limit", "10"]).await;
    let before = backlog.outcome().await;

    let index = ::tantivy::Index::open_in_dir(backlog.index_folder()).unwrap();
    let holder: ::tantivy::IndexWriter = index.writer_with_num_threads(1, 15 << 20).unwrap();
    let hasty = ["--bulk-attempts", "2", "--retry-min-delay-ms", "1", "--retry-max-delay-ms", "5"];
    let stopped = backlog.start(&backlog.command(&hasty)).end();
    assert_eq!(stopped.status.code(), Some(4), "{}", stopped.stderr);
    assert!(stopped.stdout.contains("dependency_down"), "{}", stopped.stdout);
    let meanwhile = backlog.outcome().await;
    assert_eq!(meanwhile.documents, before.documents);
    assert_eq!(meanwhile.marked(), before.marked(), "nothing is marked that is not in the index");
    assert_eq!(meanwhile.open_runs, 0);
    let found = backlog.prelo().json(0, &["search", WORDS, "--limit", "100"]);
    assert!(found["total"].as_u64().unwrap() > 0, "reading needs no lock");

    drop(holder);
    backlog.finish(&[]).await;
    let differences = backlog.outcome().await.against(&oracle);
    assert!(differences.is_empty(), "{differences}");
}
