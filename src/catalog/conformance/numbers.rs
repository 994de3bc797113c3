//! What the verbs that change nothing tell.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::{
    Completion, Indexed, IndexedQuery, Live, RunCounts, ScanBacklog, SelectionSummary, Source, Status, Timings,
    page_runs,
};
use super::world::{World, completion, failed, mode};
use crate::failure::FailureCode;
use crate::gazette::{GazetteId, Mode, RunId, Selection};
use crate::telemetry::Stage;

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
    world.claim(run, &[1, 6]).await;
    // One that was put off, and one that is indexed without its scans.
    world.execute("UPDATE prelo_gazettes SET ocr_due = 3 WHERE gazette_id = 6").await;
    world.execute("UPDATE prelo_gazettes SET ocr_due = 4 WHERE gazette_id = 2").await;
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
        claimed: 2,
        pending_claimed: 1,
        scans: ScanBacklog { gazettes: 2, pages: 7 },
        incomplete: 1,
        oldest_pending: Some(GazetteId(6)),
        oldest_pending_at: status.oldest_pending_at,
        about: false,
    };
    assert_eq!(status, expected);
    assert!(next.is_some() && status.oldest_pending_at.is_some());
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

pub async fn attempts_are_kept_with_the_marks_and_only_the_last_ones(world: &World) {
    world.with_gazettes(3).await;
    let run = world.run(&Selection::default()).await;
    for _ in 0..30 {
        world.claim(run, &[1]).await;
        world.catalog.fail(run, &[failed(1, FailureCode::NotFound, None)]).await.unwrap();
    }
    world.claim(run, &[1, 2]).await;
    let timings: Timings = [(Stage::Extract, 1.5)].into();
    let page_runs = page_runs([(Source::Text, Some(0.9)), (Source::Ocr, None)].into_iter());
    let done = Completion { timings: timings.clone(), page_runs: page_runs.clone(), ..completion(1) };
    world.catalog.complete(run, &[done]).await.unwrap();
    let told = world.catalog.explain(GazetteId(1)).await.unwrap().unwrap();
    assert_eq!((told.attempts.len(), &told.pages), (10, &page_runs));
    let last = told.attempts.last().unwrap();
    assert_eq!((last.outcome.as_str(), last.run, &last.timings), ("indexed", Some(run), &timings));
    let indexed_at = told.state.unwrap().indexed_at.unwrap();
    assert!((indexed_at - last.at.unwrap()).abs() < Duration::from_secs(2), "{indexed_at} {:?}", last.at);
    assert_eq!(told.attempts[8].outcome, "NOT_FOUND");
    assert!(world.catalog.explain(GazetteId(3)).await.unwrap().unwrap().attempts.is_empty());
}

pub async fn failures_are_listed_by_code_and_territory(world: &World) {
    world.with_gazettes(5).await;
    world.failed(&[1, 4], FailureCode::NeedsOcr, None).await;
    world.failed(&[2], FailureCode::NotFound, None).await;
    let ids = async |code, territory, limit| {
        let listed = world.catalog.failures(code, territory, limit).await.unwrap();
        listed.iter().map(|failure| failure.gazette.id.0).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, None, 10).await, [4, 2, 1]);
    assert_eq!(ids(None, None, 2).await, [4, 2]);
    assert_eq!(ids(Some("NEEDS_OCR"), None, 10).await, [4, 1]);
    assert_eq!(ids(Some("NEEDS_OCR"), Some("nowhere"), 10).await, [0_i64; 0]);
    let all = world.catalog.failures(None, None, 1).await.unwrap();
    let of_territory = all[0].gazette.territory_id.clone().unwrap();
    assert!(ids(None, Some(&of_territory), 10).await.contains(&4));
}

pub async fn what_was_indexed_is_listed_whatever_became_of_it(world: &World) {
    world.with_gazettes(5).await;
    world.indexed(&[1, 3, 5]).await;
    world.failed(&[3], FailureCode::NotFound, None).await;
    let before = world.catalog.now().await.unwrap();
    let run = world.run(&Selection::default()).await;
    world.claim(run, &[2, 5]).await;
    let ids = |listed: Vec<Indexed>| listed.iter().map(|row| (row.gazette.id.0, row.in_flight)).collect::<Vec<_>>();
    let page = |before, since| IndexedQuery::Page { before, since, page_size: 2 };
    let catalog = &world.catalog;
    assert_eq!(ids(catalog.indexed(page(None, None)).await.unwrap()), [(5, true), (3, false)]);
    assert_eq!(ids(catalog.indexed(page(Some(GazetteId(3)), None)).await.unwrap()), [(1, false)]);
    assert_eq!(catalog.count_indexed().await.unwrap(), 3);
    let mut in_flight = catalog.in_flight().await.unwrap();
    in_flight.sort_by_key(|(id, _)| *id);
    assert_eq!(in_flight, [(GazetteId(2), run), (GazetteId(5), run)]);
    assert_eq!(ids(catalog.indexed(page(None, Some(before + Duration::from_mins(1)))).await.unwrap()), []);
    world.complete(run, &[2]).await;
    assert_eq!(ids(catalog.indexed(page(None, Some(before))).await.unwrap()), [(2, false)]);
    let asked = catalog.indexed(IndexedQuery::Ids(&[1, 4].map(GazetteId))).await.unwrap();
    assert_eq!(ids(asked), [(1, false)]);
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

pub async fn what_waits_is_counted_for_metrics(world: &World) {
    world.with_gazettes(5).await;
    let before = world.catalog.backlog().await.unwrap();
    assert_eq!((before.pending, before.last_success, before.last_indexed), (5, None, None));
    world.indexed(&[1]).await;
    world.failed(&[2], FailureCode::NotFound, Some(Duration::from_hours(1))).await;
    let run = world.run(&Selection::default()).await;
    world.catalog.finish_run(run, &RunCounts { indexed: 1, ..RunCounts::default() }, None).await.unwrap();
    let backlog = world.catalog.backlog().await.unwrap();
    assert_eq!((backlog.processed, backlog.pending, backlog.retry_waiting, backlog.in_work), (1, 3, 1, 0));
    assert_eq!(backlog.failed, [("NOT_FOUND".to_owned(), 1)].into());
    assert!(backlog.oldest_pending_seconds.is_some_and(|age| age >= 0.0), "{backlog:?}");
    let year_2020 = 1.5778e9;
    assert!(backlog.last_success.is_some_and(|moment| moment > year_2020), "{backlog:?}");
    assert!(backlog.last_indexed.is_some_and(|moment| moment > year_2020), "{backlog:?}");
}
