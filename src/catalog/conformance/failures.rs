//! Failures in a row, starts that never ended, and what makes both begin anew.

use std::time::Duration;

use time::PrimitiveDateTime;

use super::super::FailedGazette;
use super::world::{World, failed, mode};
use crate::failure::FailureCode;
use crate::gazette::{EXTRACTOR_VERSION, FailedFilter, GazetteId, Mode, RunId, Selection};
use crate::retry::Recheck;

const RECHECK: Recheck =
    Recheck { first: Duration::from_mins(10), longest: Duration::from_hours(1), attempts: Some(5) };

async fn starts(world: &World, run: RunId, id: i64, asked: bool) -> u32 {
    let claims = world.claims(run, &[id], asked).await;
    assert_eq!(claims.len(), 1);
    claims[0].starts
}

/// Fails it once more; answers with how long after this moment it is due.
async fn fail_again(world: &World, id: i64, recheck: Recheck) -> Option<time::Duration> {
    let run = world.run(&Selection::default()).await;
    world.claim(run, &[id]).await;
    let failure = FailedGazette { recheck: Some(recheck), ..failed(id, FailureCode::NotFound, None) };
    assert_eq!(world.catalog.fail(run, &[failure]).await.unwrap(), [GazetteId(id)]);
    world.finish(run).await;
    let state = world.catalog.explain(GazetteId(id)).await.unwrap().unwrap().state.unwrap();
    let now: PrimitiveDateTime = world.catalog.runs(1).await.unwrap()[0].finished_at.unwrap();
    state.next_attempt_at.map(|next| next - now)
}

pub async fn later_attempts_are_ever_rarer_and_then_spent(world: &World) {
    world.with_gazettes(1).await;
    for minutes in [10, 20, 40, 60] {
        let wait = fail_again(world, 1, RECHECK).await.unwrap().whole_seconds();
        let around = minutes * 60 * 74 / 100..=(minutes * 60 * 5 / 4).min(3600);
        assert!(around.contains(&wait), "{wait} s instead of {minutes} min");
    }
    assert_eq!(fail_again(world, 1, RECHECK).await, None, "the fifth in a row");
    world.holds(1, "failures = 5 AND state = 'failed'").await;
    assert_eq!(world.selected(&mode(Mode::Unprocessed)).await, [] as [i64; 0]);
    assert_eq!(world.catalog.status().await.unwrap().spent, 1);
    assert_eq!(fail_again(world, 1, RECHECK).await, None, "all of a mode reads it, and it stays spent");
}

pub async fn a_success_ends_the_row_of_failures(world: &World) {
    world.with_gazettes(1).await;
    for _ in 0..3 {
        fail_again(world, 1, RECHECK).await;
    }
    world.holds(1, "failures = 3").await;
    world.indexed(&[1]).await;
    world.holds(1, "failures = 0").await;
    let wait = fail_again(world, 1, RECHECK).await.unwrap();
    assert!(wait < time::Duration::minutes(13), "{wait}");
}

pub async fn starts_of_readings_that_never_ended_count(world: &World) {
    world.with_gazettes(3).await;
    world.died(&[1, 2, 3]).await;
    world.died(&[1, 2, 3]).await;
    let run = world.run(&Selection::default()).await;
    let claims = world.claims(run, &[1, 2, 3], false).await;
    assert!(claims.iter().all(|claim| claim.starts == 2 && claim.failure.is_none()), "{claims:?}");

    // Failed before it was read: the starts say as much as before. Read to its end: it was none of them.
    assert!(world.fail(run, 1, FailureCode::NotFound, Some(Duration::ZERO)).await);
    world.holds(1, "starts = 2").await;
    assert!(world.catalog.start(run, GazetteId(2)).await.unwrap());
    world.holds(2, "starts = 3").await;
    assert!(world.fail(run, 2, FailureCode::NeedsOcr, None).await);
    world.holds(2, "starts = 0").await;
    assert!(world.catalog.start(run, GazetteId(3)).await.unwrap());
    world.catalog.survived(RunId::new(), GazetteId(3)).await.unwrap();
    world.holds(3, "starts = 3 AND state = 'started'").await;
    world.catalog.survived(run, GazetteId(3)).await.unwrap();
    world.holds(3, "starts = 0 AND state = 'claimed'").await;
    assert_eq!(world.complete(run, &[3]).await, [3]);
    world.finish(run).await;

    let run = world.run(&Selection::default()).await;
    let claim = world.claims(run, &[1], false).await.remove(0);
    assert_eq!((claim.starts, claim.failure), (2, Some(("NOT_FOUND".into(), "as seen".into()))));
    assert_eq!(world.complete(run, &[1]).await, [1]);
    world.holds(1, "starts = 0").await;
}

pub async fn a_start_is_counted_once_for_a_claim(world: &World) {
    world.with_gazettes(1).await;
    let run = world.run(&Selection::default()).await;
    assert!(!world.catalog.start(run, GazetteId(1)).await.unwrap(), "not claimed");
    world.claim(run, &[1]).await;
    for _ in 0..3 {
        assert!(world.catalog.start(run, GazetteId(1)).await.unwrap(), "the answer was lost, the count was not");
        world.holds(1, "state = 'started' AND starts = 1").await;
    }
    world.finish(run).await;
    world.holds(1, "starts = 0").await;
}

pub async fn another_file_a_newer_reader_or_a_wish_begins_anew(world: &World) {
    world.with_gazettes(4).await;
    world.died(&[1, 2, 3, 4]).await;
    world.failed(&[1, 2, 3, 4], FailureCode::Quarantined, None).await;
    let run = world.run(&mode(Mode::All)).await;
    for id in 1..=4 {
        assert_eq!(starts(world, run, id, false).await, 1, "nothing has changed");
    }
    world.finish(run).await;
    assert_eq!(world.selected(&mode(Mode::Unprocessed)).await, [] as [i64; 0]);

    world.execute("UPDATE gazettes SET file_checksum = 'another' WHERE id = 1").await;
    world.execute("UPDATE prelo_gazettes SET extractor_version = extractor_version - 1 WHERE gazette_id = 2").await;
    assert_eq!(world.selected(&mode(Mode::Unprocessed)).await, [1, 2]);
    let failures = Selection { failed: Some(FailedFilter::Code("QUARANTINED".into())), ..mode(Mode::All) };
    assert_eq!(world.selected(&failures).await, [1, 2, 3, 4]);
    let run = world.run(&failures).await;
    for (id, asked, expected) in [(1, false, 0), (2, false, 0), (3, true, 0), (4, false, 1)] {
        assert_eq!(starts(world, run, id, asked).await, expected, "{id}");
        world.holds(id, &format!("starts = {expected} AND failures = {expected}")).await;
    }
    world.holds(1, "file_checksum = 'another' AND failure_code = 'QUARANTINED'").await;
    world.holds(2, &format!("extractor_version = {EXTRACTOR_VERSION}")).await;
    assert_eq!(world.complete(run, &[3]).await, [3]);
    world.finish(run).await;
    assert_eq!(world.selected(&mode(Mode::Unprocessed)).await, [1, 2], "given back without an outcome, due as before");
}

/// A file that kills its reader would otherwise do so for ever: each run would see that it is not the file that failed.
pub async fn what_died_of_a_new_file_is_not_forgiven_twice(world: &World) {
    world.with_gazettes(2).await;
    world.failed(&[1, 2], FailureCode::PdfDamaged, None).await;
    world.execute("UPDATE gazettes SET file_checksum = 'another' WHERE id = 1").await;
    world.execute("UPDATE prelo_gazettes SET extractor_version = 0 WHERE gazette_id = 2").await;
    for deaths in 1..=3 {
        assert_eq!(world.selected(&mode(Mode::Unprocessed)).await, [1, 2]);
        world.died(&[1, 2]).await;
        world.holds(1, &format!("starts = {deaths} AND state = 'failed'")).await;
        world.holds(2, &format!("starts = {deaths} AND state = 'failed'")).await;
    }
}

pub async fn whoever_was_asked_for_is_due_until_it_has_an_outcome(world: &World) {
    world.with_gazettes(2).await;
    world.failed(&[1, 2], FailureCode::NeedsOcr, None).await;
    let failures = Selection { failed: Some(FailedFilter::Any), ..mode(Mode::All) };
    let run = world.run(&failures).await;
    assert_eq!(starts(world, run, 1, true).await, 0);
    world.execute(&format!("UPDATE prelo_runs SET lease_until = {}", world.ago("1 hours"))).await;
    let run = world.run_after(1).await;
    assert_eq!(world.selected(&mode(Mode::Unprocessed)).await, [1], "its run died");
    assert_eq!(starts(world, run, 1, false).await, 0);
    assert!(world.fail(run, 1, FailureCode::NeedsOcr, None).await);
    world.finish(run).await;
    assert_eq!(world.selected(&mode(Mode::Unprocessed)).await, [] as [i64; 0]);
}

pub async fn a_code_is_made_due_at_once(world: &World) {
    world.with_gazettes(5).await;
    world.failed(&[1, 2], FailureCode::TooLarge, None).await;
    world.failed(&[3], FailureCode::NotFound, Some(Duration::from_hours(1))).await;
    let before = world.selected(&mode(Mode::Unprocessed)).await;
    assert!(!before.contains(&1) && !before.contains(&3), "{before:?}");
    assert_eq!(world.catalog.retry_failed(FailureCode::TooLarge).await.unwrap(), 2);
    let after = world.selected(&mode(Mode::Unprocessed)).await;
    assert!(after.contains(&1) && after.contains(&2) && !after.contains(&3), "{after:?}");
    assert_eq!(world.catalog.retry_failed(FailureCode::TooLarge).await.unwrap(), 2, "again is harmless");
    assert_eq!(world.catalog.retry_failed(FailureCode::Checksum).await.unwrap(), 0);

    let run = world.run(&Selection::default()).await;
    assert_eq!(world.claim(run, &[1]).await, [1]);
    assert_eq!(world.catalog.retry_failed(FailureCode::TooLarge).await.unwrap(), 1, "what a run holds is left alone");
}
