//! What the verbs that change nothing tell.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::{Live, RunCounts, ScanBacklog, SelectionSummary, Status};
use super::world::{World, mode};
use crate::failure::FailureCode;
use crate::gazette::{GazetteId, Mode, RunId, Selection};

pub async fn a_selection_is_summed_up(world: &World) {
    world.with_gazettes(6).await;
    assert_eq!(
        world.catalog.summarize(&Selection { ids: vec![GazetteId(99)], ..mode(Mode::All) }, 5).await.unwrap(),
        SelectionSummary::default()
    );
    world.indexed(&[1, 2]).await;
    world.failed(&[3], FailureCode::NotFound, None).await;
    let summary = world.catalog.summarize(&mode(Mode::All), 5).await.unwrap();
    let expected = SelectionSummary {
        gazettes: 6,
        sized_gazettes: 3,
        known_bytes: 2_010,
        scans: ScanBacklog::default(),
        paged_gazettes: 2,
        known_pages: 8,
        failed_before: BTreeMap::from([("NOT_FOUND".to_owned(), 1)]),
        sample_paths: ["t1/6.pdf", "t1/5.pdf", "t1/4.pdf"].map(str::to_owned).into(),
    };
    assert_eq!(summary, expected);
    let limited = Selection { limit: Some(4), ..mode(Mode::All) };
    let summary = world.catalog.summarize(&limited, 0).await.unwrap();
    assert_eq!((summary.gazettes, summary.known_bytes, summary.sample_paths.len()), (4, 10, 0), "the newest ids");
}

pub async fn paths_are_sampled_over_the_selection(world: &World) {
    world.with_gazettes(10).await;
    let summary = world.catalog.summarize(&mode(Mode::Unprocessed), 3).await.unwrap();
    assert_eq!(summary.sample_paths, ["t1/10.pdf", "t1/6.pdf", "t1/2.pdf"]);
    let summary = world.catalog.summarize(&mode(Mode::Unprocessed), u32::MAX).await.unwrap();
    assert_eq!(summary.sample_paths.len(), 10);
}

pub async fn the_status_counts_every_state(world: &World) {
    world.with_gazettes(10).await;
    world.indexed(&[1, 2]).await;
    world.failed(&[3], FailureCode::NeedsOcr, None).await;
    world.failed(&[8, 9], FailureCode::Checksum, None).await;
    world.failed(&[10], FailureCode::Quarantined, None).await;
    world.failed(&[4], FailureCode::NotFound, Some(Duration::from_hours(1))).await;
    world.failed(&[5], FailureCode::NotFound, Some(Duration::from_hours(2))).await;
    let run = world.run(&Selection::default()).await;
    world.claim(run, &[6]).await;
    let status = world.catalog.status().await.unwrap();
    let next = world.catalog.explain(GazetteId(4)).await.unwrap().unwrap().state.unwrap().next_attempt_at;
    let expected = Status {
        gazettes: 10,
        processed: 2,
        pending: 2,
        failed: [("CHECKSUM", 2), ("NEEDS_OCR", 1), ("NOT_FOUND", 2), ("QUARANTINED", 1)]
            .map(|(code, count)| (code.to_owned(), count))
            .into(),
        waiting: 2,
        next_attempt_at: next,
        spent: 2,
        quarantined: 1,
        claimed: 1,
        scans: ScanBacklog::default(),
    };
    assert_eq!(status, expected);
    assert!(next.is_some());
}

pub async fn runs_are_listed_newest_first(world: &World) {
    world.with_gazettes(1).await;
    assert!(world.catalog.runs(10).await.unwrap().is_empty());
    let mut runs: Vec<RunId> = Vec::new();
    for age in ["3 hours", "2 hours", "1 hours"] {
        let run = world.run(&mode(Mode::Daily)).await;
        let counts = RunCounts { failed: BTreeMap::from([("NOT_FOUND".into(), 3)]), ..RunCounts::default() };
        world.catalog.finish_run(run, &counts, None).await.unwrap();
        world.execute(&format!("UPDATE prelo_runs SET started_at = {} WHERE id = '{run}'", world.ago(age))).await;
        runs.insert(0, run);
    }
    let records = world.catalog.runs(2).await.unwrap();
    assert_eq!(records.iter().map(|record| record.id).collect::<Vec<_>>(), runs[..2]);
    assert_eq!(serde_json::from_str::<Selection>(&records[0].selection).unwrap(), mode(Mode::Daily));
    assert_eq!((records[0].counts.failures(), records[0].stopped_by.as_deref()), (3, None));
    assert!(records[0].finished_at > records[0].started_at && records[0].heartbeat_at.is_some());
}

pub async fn explaining_tells_the_story(world: &World) {
    world.with_gazettes(1).await;
    assert_eq!(world.catalog.explain(GazetteId(2)).await.unwrap(), None);
    let untouched = world.catalog.explain(GazetteId(1)).await.unwrap().unwrap();
    assert_eq!((untouched.processed, untouched.state), (false, None));
    let run = world.run(&Selection::default()).await;
    world.claim(run, &[1]).await;
    let claimed = world.catalog.explain(GazetteId(1)).await.unwrap().unwrap().state.unwrap();
    assert_eq!((claimed.state.as_str(), claimed.lease_run), ("claimed", Some(run)));
    let (until, now) = (claimed.lease_until.unwrap(), world.catalog.runs(1).await.unwrap()[0].started_at.unwrap());
    assert!(until > now && until < now + Duration::from_mins(2), "{until} after {now}");
    world.complete(run, &[1]).await;
    let indexed = world.catalog.explain(GazetteId(1)).await.unwrap().unwrap();
    assert!(indexed.processed);
    assert_eq!(indexed.gazette.file_checksum.as_deref(), Some("checksum 1"));
}

pub async fn a_run_shows_itself_to_others(world: &World) {
    world.with_gazettes(1).await;
    let elsewhere = world.another().await;
    assert_eq!(elsewhere.live_run().await.unwrap(), None);
    assert_eq!(elsewhere.run(RunId::new()).await.unwrap(), None);
    let run = world.run(&Selection::default()).await;
    let before = elsewhere.live_run().await.unwrap().unwrap();
    assert_eq!((before.record.id, before.is_live, before.live, before.shown_seconds_ago), (run, true, None, None));

    let counts = RunCounts { indexed: 7, ..RunCounts::default() };
    let live = Live { counts, in_flight: 3, readers: 2, ..Live::default() };
    world.catalog.show_run(run, &live).await.unwrap();
    let shown = elsewhere.live_run().await.unwrap().unwrap();
    assert_eq!((shown.live.as_ref(), shown.record.counts.indexed), (Some(&live), 0));
    assert!(shown.shown_seconds_ago.is_some_and(|seconds| (0.0..3600.0).contains(&seconds)), "{shown:?}");

    world.finish(run).await;
    assert_eq!(elsewhere.live_run().await.unwrap(), None);
    let over = elsewhere.run(run).await.unwrap().unwrap();
    assert_eq!((over.is_live, over.live), (false, Some(live)), "it stays to be looked at");

    world.execute("UPDATE prelo_runs SET live = 'not JSON'").await;
    assert_eq!(elsewhere.run(run).await.unwrap().unwrap().live, None);
    assert!(elsewhere.connections().limit > 0);
}

pub async fn territories_with_gazettes_are_listed(world: &World) {
    world.with_gazettes(3).await;
    let listed = world.catalog.territories().await.unwrap();
    let names: Vec<String> = listed.iter().map(|t| format!("{} {} {}", t.id, t.name, t.state_code)).collect();
    assert_eq!(names, ["t1 Um AL"], "`t2` has none");
}
