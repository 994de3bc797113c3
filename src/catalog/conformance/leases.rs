//! One run at a time, and what becomes of the work of a dead one.

use std::time::Duration;

use futures_util::future::join_all;

use super::super::{Begun, RunCounts};
use super::world::{LEASE, World, completion, gazette_ids, mode};
use crate::failure::FailureCode;
use crate::gazette::{GazetteId, Mode, RunId, Selection};

pub async fn a_second_run_is_busy(world: &World) {
    world.with_gazettes(1).await;
    let first = world.run(&Selection::default()).await;
    let second = world.another().await;
    let began = second.runs(1).await.unwrap()[0].started_at;
    let busy = Begun::Busy { run: first, since: began.unwrap() };
    assert_eq!(second.begin_run(RunId::new(), &Selection::default(), LEASE).await.unwrap(), busy);
    let again = world.catalog.begin_run(first, &Selection::default(), LEASE).await.unwrap();
    assert_eq!(again, Begun::Started { recovered: 0 }, "the same run, whose answer was lost");
    world.finish(first).await;
    world.run(&Selection::default()).await;
}

pub async fn of_those_that_begin_at_once_one_starts(world: &World) {
    world.with_gazettes(1).await;
    let other = world.another().await;
    // Several rounds over connections that are open already: the moments have to meet.
    for _ in 0..20 {
        let runs: Vec<RunId> = (0..4).map(|_| RunId::new()).collect();
        let selection = Selection::default();
        let begun = join_all(runs.iter().enumerate().map(|(i, run)| {
            let catalog = if i % 2 == 0 { &world.catalog } else { &other };
            catalog.begin_run(*run, &selection, LEASE)
        }))
        .await;
        let started = runs.iter().zip(begun).filter(|(_, begun)| matches!(begun, Ok(Begun::Started { .. })));
        let started: Vec<RunId> = started.map(|(run, _)| *run).collect();
        assert_eq!(started.len(), 1);
        world.finish(started[0]).await;
    }
    assert_eq!(world.number("SELECT count(*) FROM prelo_runs").await, 20);
}

pub async fn a_dead_run_is_taken_over_and_its_late_marks_are_refused(world: &World) {
    world.with_gazettes(4).await;
    world.failed(&[2], FailureCode::NotFound, Some(Duration::ZERO)).await;
    let dead = RunId::new();
    world.catalog.begin_run(dead, &Selection::default(), Duration::ZERO).await.unwrap();
    assert_eq!(world.claim(dead, &[1, 2, 3]).await, [1, 2, 3]);
    assert!(world.catalog.start(dead, GazetteId(1)).await.unwrap());
    assert_eq!(world.complete(dead, &[3]).await, [3]);

    let heir = RunId::new();
    let begun = world.catalog.begin_run(heir, &Selection::default(), LEASE).await.unwrap();
    assert_eq!(begun, Begun::Started { recovered: 2 });
    world.holds(1, "state = 'pending' AND starts = 1 AND lease_run IS NULL").await;
    world.holds(2, "state = 'failed' AND failure_code = 'NOT_FOUND' AND lease_run IS NULL").await;
    assert_eq!(world.number("SELECT count(*) FROM prelo_runs WHERE stopped_by = 'lease_expired'").await, 1);

    assert!(!world.catalog.heartbeat(dead, LEASE, &RunCounts::default()).await.unwrap());
    assert_eq!(world.claim(dead, &[4]).await, [] as [i64; 0]);
    assert!(!world.catalog.start(dead, GazetteId(1)).await.unwrap());
    assert_eq!(world.claim(heir, &[1]).await, [1]);
    assert_eq!(world.complete(dead, &[1, 2]).await, [] as [i64; 0]);
    assert!(!world.fail(dead, 1, FailureCode::NotFound, None).await);
    world.catalog.release(dead, &gazette_ids(&[1])).await.unwrap();
    world.finish(dead).await;
    world.holds(1, &format!("state = 'claimed' AND lease_run = '{heir}'")).await;
    assert_eq!(world.number("SELECT count(*) FROM prelo_runs WHERE stopped_by = 'lease_expired'").await, 1);
    assert_eq!(world.processed().await, 1);
    assert!(world.catalog.heartbeat(heir, LEASE, &RunCounts::default()).await.unwrap());
}

pub async fn a_heartbeat_keeps_the_lease(world: &World) {
    world.with_gazettes(1).await;
    let run = RunId::new();
    world.catalog.begin_run(run, &Selection::default(), Duration::ZERO).await.unwrap();
    world.catalog.claim(run, &[GazetteId(1)], Duration::ZERO, false).await.unwrap();
    let counts = RunCounts { indexed: 7, seconds: 1.5, ..RunCounts::default() };
    assert!(world.catalog.heartbeat(run, LEASE, &counts).await.unwrap());
    let begun = world.catalog.begin_run(RunId::new(), &Selection::default(), LEASE).await.unwrap();
    assert!(matches!(begun, Begun::Busy { .. }));
    assert_eq!(world.selected(&mode(Mode::All)).await, [] as [i64; 0], "its gazette's lease was extended, too");
    assert_eq!(world.catalog.runs(1).await.unwrap()[0].counts, counts);
    assert!(!world.catalog.heartbeat(RunId::new(), LEASE, &counts).await.unwrap());
}

/// Two live runs cannot be; a second token is forged to see that the rows guard themselves.
pub async fn claims_of_two_tokens_are_disjoint(world: &World) {
    world.with_gazettes(40).await;
    let first = world.run(&Selection::default()).await;
    let second = RunId::new();
    world
        .execute(&format!(
            "INSERT INTO prelo_runs (id, selection, counts, started_at, heartbeat_at, lease_until) \
             SELECT '{second}', selection, counts, started_at, heartbeat_at, lease_until FROM prelo_runs"
        ))
        .await;
    let up: Vec<i64> = (1..=30).collect();
    let down: Vec<i64> = (11..=40).rev().collect();
    let (mine, theirs) = tokio::join!(world.claim(first, &up), world.claim(second, &down));
    assert_eq!(mine.len() + theirs.len(), 40);
    assert!(mine.iter().all(|id| !theirs.contains(id)));
    assert_eq!(world.claim(first, &mine).await, mine, "claiming again is harmless");
    assert_eq!(world.complete(second, &mine).await, [] as [i64; 0]);
}

/// The stages of one run call at once, over several connections; none may wait for another for ever.
pub async fn calls_of_one_run_may_overlap(world: &World) {
    world.with_gazettes(400).await;
    let run = world.run(&Selection::default()).await;
    let work = async |batch: i64| {
        // Orders of ids that cross each other's.
        let mut ids: Vec<i64> = (1..=100).map(|i| i * 4 - batch).collect();
        if batch % 2 == 0 {
            ids.reverse();
        }
        world.claim(run, &ids).await;
        for id in &ids {
            assert!(world.catalog.start(run, GazetteId(*id)).await.unwrap());
        }
        for ids in ids.chunks(20) {
            assert_eq!(world.complete(run, ids).await.len(), 20);
        }
    };
    let beat = async {
        for _ in 0..50 {
            assert!(world.catalog.heartbeat(run, LEASE, &RunCounts::default()).await.unwrap());
        }
    };
    tokio::join!(work(0), work(1), work(2), work(3), beat);
    assert_eq!(world.processed().await, 400);
}

pub async fn only_rows_that_exist_are_claimed(world: &World) {
    world.with_gazettes(3).await;
    let run = world.run(&Selection::default()).await;
    world.execute("DELETE FROM gazettes WHERE id = 2").await;
    assert_eq!(world.claim(run, &[1, 2, 3, 99]).await, [1, 3]);
    assert_eq!(world.claim(run, &[]).await, [] as [i64; 0]);
    world.execute("DELETE FROM gazettes WHERE id = 3").await;
    assert_eq!(world.catalog.complete(run, &[completion(3)]).await.unwrap(), [GazetteId(3)]);
}

pub async fn released_gazettes_are_as_before(world: &World) {
    world.with_gazettes(4).await;
    world.indexed(&[2]).await;
    world.failed(&[3], FailureCode::NotFound, Some(Duration::ZERO)).await;
    let run = world.run(&mode(Mode::All)).await;
    world.claim(run, &[1, 2, 3, 4]).await;
    assert!(world.catalog.start(run, GazetteId(1)).await.unwrap());
    world.catalog.release(run, &gazette_ids(&[1, 2, 3])).await.unwrap();
    world.holds(1, "state = 'pending' AND lease_run IS NULL AND run_id IS NULL AND starts = 0").await;
    world.holds(2, "state = 'indexed' AND lease_run IS NULL").await;
    world.holds(3, "state = 'failed' AND lease_run IS NULL").await;
    world.holds(4, &format!("state = 'claimed' AND lease_run = '{run}'")).await;
    let fresh = world.pass(&mode(Mode::All), run, super::super::Cursor::Before(None), 10, true).await;
    assert_eq!(fresh.len(), 3, "released gazettes are not touched");
    assert_eq!(world.claim(run, &[1]).await, [1]);
}

pub async fn finishing_frees_what_is_left(world: &World) {
    world.with_gazettes(2).await;
    let run = world.run(&Selection::default()).await;
    world.claim(run, &[1, 2]).await;
    world.complete(run, &[2]).await;
    let counts = RunCounts { indexed: 1, ..RunCounts::default() };
    world.catalog.finish_run(run, &counts, Some("SIGTERM")).await.unwrap();
    world.holds(1, "state = 'pending' AND lease_run IS NULL").await;
    world.catalog.finish_run(run, &RunCounts::default(), None).await.unwrap();
    let record = &world.catalog.runs(5).await.unwrap()[0];
    assert_eq!((record.stopped_by.as_deref(), &record.counts), (Some("SIGTERM"), &counts), "the first end stays");
    assert!(record.finished_at.is_some());
}
