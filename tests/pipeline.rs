//! The pipeline between a real catalogue and services that fail as they are told: who is called how often, what is
//! marked, and that neighbours do not notice.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use prelo::catalog::FailedGazette;
use prelo::config::{Config, local_path};
use prelo::failure::{Failure, FailureCode};
use prelo::gazette::{GazetteId, RunId, Selection};
use prelo::search_index::SearchIndexErrorKind;
use prelo::storage::StorageErrorKind;
use support::doubles::{Get, Put};
use support::stage::Stage;

mod support;

#[tokio::test]
async fn a_healthy_gazette_costs_one_head_and_one_get() {
    let played = Stage::new(&["a.txt", "b.txt"]).await.run().await;
    assert_eq!((played.report.indexed, played.report.exit_code()), (2, 0));
    for operation in ["head", "get", "put"] {
        assert_eq!(played.storage.calls(operation, "a.txt"), 1, "{operation}");
    }
    assert_eq!(*played.index.acknowledged.lock().unwrap(), BTreeMap::from([(1, 1), (2, 1)]));
}

#[tokio::test]
async fn downloads_that_break_are_made_again_whole() {
    let stage = Stage::new(&["cut.txt", "broken.txt", "slow-down.txt", "replaced.txt", "good.txt"]).await;
    stage.script("cut.txt", &[Get::Cut]);
    stage.script("broken.txt", &[Get::Broken, Get::Broken]);
    stage.script("slow-down.txt", &[Get::Refused(StorageErrorKind::Throttled); 2]);
    stage.script("replaced.txt", &[Get::Refused(StorageErrorKind::Replaced)]);
    let played = stage.run().await;
    assert_eq!((played.report.indexed, played.report.exit_code()), (5, 0), "{:?}", played.report);
    for (name, heads, gets) in
        [("cut.txt", 1, 2), ("broken.txt", 1, 3), ("slow-down.txt", 1, 3), ("replaced.txt", 2, 2), ("good.txt", 1, 1)]
    {
        let calls = (played.storage.calls("head", name), played.storage.calls("get", name));
        assert_eq!(calls, (heads, gets), "{name}");
    }
}

#[tokio::test]
async fn downloads_that_stay_broken_have_a_code_each_and_neighbours_are_indexed() {
    let mut stage = Stage::new(&["short.txt", "grown.txt", "stalled.txt", "huge.txt", "gone.txt", "good.txt"]).await;
    stage.script("short.txt", &[Get::Cut; 9]);
    stage.script("grown.txt", &[Get::Grown]);
    stage.script("stalled.txt", &[Get::Stalled; 9]);
    stage.storage.claimed.insert("huge.txt".into(), 500 * 1024 * 1024 + 1);
    stage.storage.objects.remove("gone.txt");
    let played = stage.run().await;
    assert_eq!(
        played.failed(),
        BTreeMap::from([("SIZE_MISMATCH", 1), ("TOO_LARGE", 2), ("DOWNLOAD_TIMEOUT", 1), ("NOT_FOUND", 1)])
    );
    assert_eq!((played.report.indexed, played.report.exit_code()), (1, 3));
    assert_eq!(played.storage.calls("get", "short.txt"), 4, "as often as download_attempts says");
    assert_eq!(played.storage.calls("get", "grown.txt"), 1, "a file that grows past its HEAD is cut off");
    assert_eq!(played.storage.calls("get", "huge.txt"), 0, "too large by its HEAD: no download");
    assert_eq!(played.storage.calls("head", "gone.txt"), 1, "what is not there is not asked for again");
}

#[tokio::test]
async fn exactly_the_limit_is_read() {
    let mut stage = Stage::new(&["limit.txt"]).await;
    let config = Config { max_file_size_mb: 1, ..(*stage.config).clone() };
    stage.config = Arc::new(config);
    let text = "Portaria nº 1. ".repeat(1024 * 1024 / 16).into_bytes();
    assert_eq!(text.len(), 1024 * 1024);
    stage.storage.objects.insert("limit.txt".into(), text);
    let played = stage.run().await;
    assert_eq!(played.failed(), BTreeMap::from([("CHECKSUM", 1)]), "read whole, and then compared with the catalogue");
    assert_eq!(played.storage.calls("get", "limit.txt"), 2, "the same wrong bytes twice are what the storage has");
}

#[tokio::test]
async fn a_storage_that_is_gone_stops_the_run_and_fails_no_gazette() {
    for kind in [StorageErrorKind::Unavailable, StorageErrorKind::Unauthorized, StorageErrorKind::ClockSkewed] {
        let stage = Stage::new(&["a.txt", "b.txt"]).await;
        *stage.storage.down.lock().unwrap() = Some(kind);
        let played = stage.run().await;
        assert_eq!(played.report.exit_code(), 4, "{kind:?}");
        assert_eq!((played.report.indexed, played.failed().len(), played.report.remaining), (0, 0, 2), "{kind:?}");
    }
}

#[tokio::test]
async fn a_text_that_cannot_be_stored_is_not_indexed() {
    let mut stage = Stage::new(&["a.txt"]).await;
    stage.storage.read_only = true;
    let played = stage.run().await;
    assert_eq!(played.failed(), BTreeMap::from([("TEXT_STORE_FAILED", 1)]));
    assert!(played.index.bulks.lock().unwrap().is_empty());
}

#[tokio::test]
async fn only_what_was_refused_is_sent_again() {
    let stage = Stage::new(&["a.txt", "b.txt", "c.txt", "d.txt"]).await;
    stage.index.script.lock().unwrap().extend([(2, Put::Busy(2)), (3, Put::Refuse), (4, Put::Busy(99))]);
    let played = stage.run().await;
    assert_eq!(played.report.indexed, 2);
    assert_eq!(played.failed(), BTreeMap::from([("MAPPING_REJECTED", 1), ("INDEX_REJECTED", 1)]));
    let bulks = played.index.bulks.lock().unwrap().clone();
    let sent = |id| bulks.iter().filter(|bulk| bulk.contains(&id)).count();
    assert_eq!((sent(1), sent(2), sent(3), sent(4)), (1, 3, 1, 6), "{bulks:?}");
    assert!(played.index.acknowledged.lock().unwrap().values().all(|times| *times == 1));
}

#[tokio::test]
async fn a_bulk_that_is_too_large_is_sent_in_halves_down_to_the_document_to_blame() {
    let names: Vec<String> = (1..=8).map(|n| format!("{n}.txt")).collect();
    let mut stage = Stage::new(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    // All eight in one bulk: they wait for each other.
    stage.config = Arc::new(Config { bulk_delay_ms: 2_000, ..(*stage.config).clone() });
    stage.index.script.lock().unwrap().insert(5, Put::Large);
    let played = stage.run().await;
    assert_eq!(played.failed(), BTreeMap::from([("DOC_TOO_LARGE", 1)]));
    assert_eq!(played.report.indexed, 7);
    let indexed: BTreeSet<i64> = played.index.acknowledged.lock().unwrap().keys().copied().collect();
    assert_eq!(indexed, BTreeSet::from([1, 2, 3, 4, 6, 7, 8]));
    let sizes: Vec<usize> = played.index.bulks.lock().unwrap().iter().map(Vec::len).collect();
    assert_eq!(sizes.iter().max(), Some(&8), "{sizes:?}");
    assert!(sizes.len() <= 7, "8, then halves around the one to blame: {sizes:?}");
}

#[tokio::test]
async fn a_signal_is_heard_while_a_service_is_silent() {
    let mut stage = Stage::new(&["a.txt"]).await;
    stage.index.black_hole = true;
    let played = stage.run_until(tokio::time::sleep(Duration::from_millis(200))).await;
    assert_eq!((played.report.exit_code(), played.report.indexed), (143, 0));
    assert!(played.report.seconds < 5.0);
}

#[tokio::test]
async fn two_catalogues_may_share_a_spool() {
    let spool = tempfile::tempdir().unwrap();
    let mut plays = Vec::new();
    for town in ["norte", "sul"] {
        let names: Vec<String> = (0..60).map(|n| format!("{town}-{n}.txt")).collect();
        let mut stage = Stage::new(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        stage.config = Arc::new(Config { spool: spool.path().to_owned(), ..(*stage.config).clone() });
        plays.push(async move { (town, stage.run().await) });
    }
    for (town, played) in futures_util::future::join_all(plays).await {
        assert_eq!((played.report.indexed, played.report.exit_code()), (60, 0), "{:?}", played.report);
        let texts = played.index.texts.lock().unwrap().clone();
        assert!(texts.iter().all(|text| text.contains(town)), "a text of the other catalogue is under {town}");
    }
}

#[tokio::test]
async fn an_index_that_comes_back_in_time_costs_nothing() {
    let stage = Stage::new(&["a.txt"]).await;
    *stage.index.down.lock().unwrap() = (3, Some(SearchIndexErrorKind::Unavailable));
    let played = stage.run().await;
    assert_eq!((played.report.indexed, played.report.exit_code()), (1, 0));
    assert_eq!(played.index.bulks.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn an_index_that_stays_away_or_is_blocked_stops_the_run_with_nothing_marked() {
    for (kind, calls) in [
        (SearchIndexErrorKind::Unavailable, 6),
        (SearchIndexErrorKind::Throttled, 6),
        (SearchIndexErrorKind::Blocked, 1),
        (SearchIndexErrorKind::Unauthorized, 1),
    ] {
        let stage = Stage::new(&["a.txt"]).await;
        *stage.index.down.lock().unwrap() = (u32::MAX, Some(kind));
        let played = stage.run().await;
        assert_eq!((played.report.exit_code(), played.report.remaining), (4, 1), "{kind:?}");
        assert_eq!((played.report.indexed, played.failed().len()), (0, 0), "{kind:?}");
        assert_eq!(played.index.bulks.lock().unwrap().len(), calls, "{kind:?}");
    }
}

#[tokio::test]
async fn what_runs_have_died_of_is_not_read_again_and_whoever_was_beside_it_is_indexed() {
    let stage = Stage::new(&["poison.txt", "beside.txt", "good.txt"]).await;
    stage.died(&[1, 2], 2).await;
    stage.died(&[1], 1).await;
    let catalog = stage.catalog.clone();
    let played = stage.run().await;
    assert_eq!(played.failed(), BTreeMap::from([("QUARANTINED", 1)]));
    assert_eq!((played.report.indexed, played.report.exit_code()), (2, 3));
    assert_eq!(played.storage.calls("head", "poison.txt"), 0, "not even downloaded");
    let state = async |id| catalog.explain(GazetteId(id)).await.unwrap().unwrap().state.unwrap();
    let poison = state(1).await;
    assert_eq!((poison.starts, poison.next_attempt_at), (3, None));
    assert!(poison.failure_detail.unwrap().contains("started 3 times"));
    assert_eq!(state(2).await.starts, 0);
}

/// The lease passes while a document is on its way to the index, and another run takes the gazette over.
#[tokio::test]
async fn a_run_that_lost_its_lease_marks_nothing() {
    let stage = Stage::new(&["a.txt"]).await;
    let (catalog, config) = (stage.catalog.clone(), stage.config.clone());
    let thief = RunId::new();
    let steals = async move {
        let path = local_path(config.catalog.expose(), "sqlite").unwrap();
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        sqlx::query("UPDATE prelo_runs SET lease_until = started_at").execute(&pool).await.unwrap();
        let lease = Duration::from_mins(1);
        catalog.begin_run(thief, &Selection::default(), lease).await.unwrap();
        let claims = catalog.claim(thief, &[GazetteId(1)], lease, false).await.unwrap();
        assert_eq!(claims[0].starts, 1, "the first run was reading it");
        let failed = FailedGazette {
            timings: prelo::catalog::Timings::default(),
            id: GazetteId(1),
            failure: Failure::new(FailureCode::NeedsOcr, "says the thief"),
            file_checksum: None,
            bytes: None,
            recheck: None,
        };
        assert_eq!(catalog.fail(thief, &[failed]).await.unwrap(), [GazetteId(1)]);
        catalog.finish_run(thief, &prelo::catalog::RunCounts::default(), None).await.unwrap();
    };
    *stage.index.meanwhile.lock().unwrap() = Some(Box::pin(steals));
    let catalog = stage.catalog.clone();
    let played = stage.run().await;
    assert_eq!(*played.index.acknowledged.lock().unwrap(), BTreeMap::from([(1, 1)]));
    assert_eq!((played.report.indexed, played.report.skipped), (0, 1), "acknowledged, and yet not this run's to mark");
    let explanation = catalog.explain(GazetteId(1)).await.unwrap().unwrap();
    let state = explanation.state.unwrap();
    assert!(!explanation.processed);
    assert_eq!((state.state.as_str(), state.run_id), ("failed", Some(thief)));
    let runs = catalog.runs(2).await.unwrap();
    assert!(runs.iter().any(|run| run.stopped_by.as_deref() == Some("lease_expired")), "{runs:?}");
}
