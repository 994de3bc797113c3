//! Gazettes that wait for OCR.

use super::super::{Completion, Cursor, Deferred, Interrupted, ReadInPart, ScanBacklog, Timings};
use super::world::{EVERYTHING, World, completion, mode, raw_ids};
use crate::failure::FailureCode;
use crate::gazette::{GazetteId, Mode, RunId, Selection};

fn deferred(id: i64, ocr_due: u32) -> Deferred {
    Deferred {
        id: GazetteId(id),
        file_checksum: Some(format!("checksum {id}")),
        bytes: 10,
        pages: 5,
        ocr_due,
        timings: Timings::default(),
    }
}

async fn defer(world: &World, run: RunId, ids: &[i64]) -> Vec<i64> {
    let all: Vec<Deferred> = ids.iter().map(|id| deferred(*id, 3)).collect();
    let mut put_off = raw_ids(&world.catalog.defer(run, &all).await.unwrap());
    put_off.sort_unstable();
    put_off
}

async fn scans(world: &World, selection: &Selection, run: RunId) -> Vec<i64> {
    let page = world.catalog.scan_page(selection, run, EVERYTHING, 100).await.unwrap();
    let backlog = world.catalog.scan_backlog(selection, run, EVERYTHING).await.unwrap();
    assert_eq!(backlog.gazettes, page.len() as u64, "count and page agree");
    page.iter().map(|gazette| gazette.id.0).collect()
}

async fn digital(world: &World, selection: &Selection, run: RunId) -> Vec<i64> {
    let listed = world.pass(selection, run, Cursor::Before(None), 100, true).await;
    raw_ids(listed.iter().map(|listed| &listed.gazette.id))
}

pub async fn what_is_put_off_changes_lanes(world: &World) {
    world.with_gazettes(4).await;
    let all = mode(Mode::Unprocessed);
    let run = world.run(&all).await;
    world.claim(run, &[1, 2, 3]).await;
    assert_eq!(defer(world, run, &[2, 3, 4]).await, [2, 3], "4 is not claimed");
    assert_eq!(defer(world, run, &[2, 3]).await, [2, 3], "the answer was lost, the change was not");
    assert_eq!(digital(world, &all, run).await, [4], "1 is in work, 2 and 3 are left to the other lane");
    assert_eq!(scans(world, &all, run).await, [3, 2], "the latest date first");
    assert_eq!(world.catalog.count(&all, run, EVERYTHING).await.unwrap(), 3, "put off is no outcome");
    world.holds(2, "state = 'pending' AND ocr_due = 3 AND pages = 5 AND starts = 0").await;

    world.claim(run, &[3]).await;
    assert_eq!(scans(world, &all, run).await, [2], "what is in work is not listed");
    assert_eq!(world.complete(run, &[3]).await, [3]);
    assert!(world.fail(run, 1, FailureCode::NotFound, None).await);
    world.finish(run).await;
    assert_eq!(world.processed().await, 1);
    world.holds(3, "ocr_due = 0 AND ocr_page_numbers = '2'").await;
    let status = world.catalog.status().await.unwrap();
    assert_eq!((status.pending, status.scans), (2, ScanBacklog { gazettes: 1, pages: 3 }));

    // Another run finds it where it was left.
    let next = world.run(&all).await;
    assert_eq!(digital(world, &all, next).await, [4]);
    assert_eq!(scans(world, &all, next).await, [2]);
    assert_eq!(world.catalog.count(&all, next, EVERYTHING).await.unwrap(), 2);
    world.claim(next, &[2]).await;
    assert!(world.fail(next, 2, FailureCode::OcrUnavailable, None).await);
    assert_eq!(scans(world, &all, next).await, Vec::<i64>::new(), "a failure is an outcome");
}

pub async fn what_was_read_in_part_is_due_no_more(world: &World) {
    world.with_gazettes(3).await;
    let all = mode(Mode::Unprocessed);
    let run = world.run(&all).await;
    world.claim(run, &[1, 2, 3]).await;
    defer(world, run, &[1, 2]).await;
    assert_eq!(world.complete(run, &[3]).await, [3]);
    let claims = world.claims(run, &[1, 2, 3], false).await;
    assert_eq!(claims.iter().map(|claim| (claim.id.0, claim.ocr_due)).collect::<Vec<_>>(), [(1, 3), (2, 3), (3, 0)]);
    assert!(world.catalog.start(run, GazetteId(1)).await.unwrap());
    let interrupted = |id, pages, due| Interrupted {
        id: GazetteId(id),
        scans: ReadInPart { pages, due },
        timings: [(crate::telemetry::Stage::Ocr, 4.0)].into(),
    };
    let cut_off = [interrupted(1, 2, 3), interrupted(2, 9, 9), interrupted(3, 1, 1)];
    world.catalog.interrupt(run, &cut_off).await.unwrap();
    world.catalog.interrupt(run, &cut_off).await.unwrap();
    world.holds(1, "state = 'pending' AND ocr_due = 1 AND starts = 0 AND lease_run IS NULL").await;
    world.holds(2, "state = 'pending' AND ocr_due = 1 AND lease_run IS NULL").await;
    world.holds(3, "state = 'indexed' AND ocr_due = 0 AND lease_run IS NULL").await;
    assert_eq!(scans(world, &all, run).await, [2, 1], "they are taken up again");
    let attempts = world.catalog.explain(GazetteId(1)).await.unwrap().unwrap().attempts;
    let told: Vec<_> = attempts.iter().map(|attempt| (attempt.outcome.as_str(), attempt.scans)).collect();
    assert_eq!(told, [("deferred", None), ("interrupted", Some(ReadInPart { pages: 2, due: 3 }))]);
    assert!((attempts[1].timings[&crate::telemetry::Stage::Ocr] - 4.0).abs() < f32::EPSILON);

    // Who has lost the claim says nothing.
    world.catalog.interrupt(RunId::new(), &[interrupted(1, 1, 1)]).await.unwrap();
    assert_eq!(world.catalog.explain(GazetteId(1)).await.unwrap().unwrap().attempts.len(), 2);
}

pub async fn without_ocr_scans_are_files_like_others(world: &World) {
    world.with_gazettes(3).await;
    let (all, without) = (mode(Mode::Unprocessed), Selection { without_ocr: true, ..mode(Mode::Unprocessed) });
    let run = world.run(&all).await;
    world.claim(run, &[1, 2]).await;
    defer(world, run, &[1]).await;
    // Some of its pages are scans; the others can be searched already.
    let mixed = Completion { ocr_due: 2, ..completion(2) };
    assert_eq!(world.catalog.complete(run, &[mixed]).await.unwrap(), [GazetteId(2)]);
    assert_eq!(scans(world, &all, run).await, [2, 1]);
    world.finish(run).await;

    let next = world.run(&without).await;
    assert_eq!(digital(world, &without, next).await, [3, 1], "1 has to end with a code, 2 has what it can have");
    assert_eq!(world.catalog.count(&without, next, EVERYTHING).await.unwrap(), 2);
    assert_eq!(world.catalog.count(&all, next, EVERYTHING).await.unwrap(), 3);
}

pub async fn another_file_is_read_before_its_scans(world: &World) {
    world.with_gazettes(2).await;
    let all = mode(Mode::Unprocessed);
    let run = world.run(&all).await;
    world.claim(run, &[1, 2]).await;
    defer(world, run, &[1, 2]).await;
    world.finish(run).await;
    world.execute("UPDATE gazettes SET file_checksum = 'another' WHERE id = 1").await;
    world.execute("UPDATE prelo_gazettes SET extractor_version = 0 WHERE gazette_id = 2").await;
    let next = world.run(&all).await;
    assert_eq!(scans(world, &all, next).await, Vec::<i64>::new());
    assert_eq!(digital(world, &all, next).await, [2, 1]);
}

pub async fn scans_that_were_asked_for_by_another_name_are_read_in_the_same_run(world: &World) {
    world.with_gazettes(2).await;
    world.failed(&[1], FailureCode::NeedsOcr, None).await;
    let asked =
        Selection { failed: Some(crate::gazette::FailedFilter::Code("NEEDS_OCR".into())), ..mode(Mode::Unprocessed) };
    let run = world.run(&asked).await;
    assert_eq!(world.claims(run, &[1], true).await.len(), 1);
    assert_eq!(defer(world, run, &[1]).await, [1]);
    assert_eq!(scans(world, &asked, run).await, [1], "it is no failure any more, and this run's all the same");
    world.finish(run).await;
    assert_eq!(scans(world, &mode(Mode::Unprocessed), RunId::new()).await, [1]);
}
