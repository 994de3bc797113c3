//! Pages while rows change under them.

use std::collections::BTreeSet;

use super::super::Cursor;
use super::world::{World, mode, raw_ids};
use crate::gazette::{GazetteId, Mode, RunId, Selection};

const PAGE: u32 = 250;

/// Reads pages and completes what they hold before the next one, as a run does; answers with every id listed.
async fn read_all(world: &World, run: RunId, by_offset: bool, mut between: impl AsyncFnMut(u64)) -> Vec<i64> {
    let selection = Selection::default();
    let mut cursor = if by_offset { Cursor::Offset(0) } else { Cursor::Before(None) };
    let mut listed = Vec::new();
    for round in 0.. {
        let page = world.page(&selection, run, cursor, PAGE).await;
        let Some(last) = page.last() else { break };
        cursor = match cursor {
            Cursor::Offset(rows) => Cursor::Offset(rows + page.len() as u64),
            Cursor::Before(_) => Cursor::Before(Some(last.gazette.id)),
        };
        let fresh = page.iter().filter(|listed| !listed.touched).map(|listed| &listed.gazette.id);
        let claimed = world.claim(run, &raw_ids(fresh)).await;
        assert_eq!(world.complete(run, &claimed).await, claimed);
        listed.extend(claimed);
        between(round).await;
    }
    listed
}

pub async fn offsets_lose_nothing_while_rows_leave_the_predicate(world: &World) {
    world.with_gazettes(2_000).await;
    let run = world.run(&Selection::default()).await;
    let listed = read_all(world, run, true, async |_| {}).await;
    assert_eq!(listed.len(), 2_000);
    assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), 2_000, "no row twice");
    assert_eq!(world.processed().await, 2_000);
}

pub async fn keyset_reads_every_row_once(world: &World) {
    world.with_gazettes(1_100).await;
    let run = world.run(&Selection::default()).await;
    let listed = read_all(world, run, false, async |_| {}).await;
    assert_eq!(listed.len(), 1_100);
    assert_eq!(world.processed().await, 1_100);
}

/// Of three pages' worth of rows: after the first page one listed row and one unlisted row are deleted, one listed row is flipped
/// back to pending, one unlisted row is processed by somebody else, and a new row comes in above the mark.
pub async fn others_may_insert_delete_and_flip_meanwhile(world: &World) {
    world.with_gazettes(750).await;
    for by_offset in [true, false] {
        world.execute("UPDATE gazettes SET processed = false").await;
        let run = world.run(&Selection::default()).await;
        let high_water = world.catalog.high_water_mark().await.unwrap().unwrap();
        let new = high_water.0 + 1;
        let mut listed = read_all(world, run, by_offset, async |round| {
            if round == 0 {
                world.execute("DELETE FROM gazettes WHERE id IN (740, 20)").await;
                world.execute("UPDATE gazettes SET processed = false WHERE id = 735").await;
                world.execute("UPDATE gazettes SET processed = true WHERE id = 10").await;
                world.add(std::iter::once(new)).await;
            }
        })
        .await;
        // What a deletion shifts past an offset is found by the last pass.
        let last_pass = world.pass(&Selection::default(), run, Cursor::Before(None), 1_000, true).await;
        listed.extend(raw_ids(last_pass.iter().map(|listed| &listed.gazette.id)));
        let listed: BTreeSet<i64> = listed.into_iter().collect();
        let pending_before = (1..=750).filter(|id| ![10, 20].contains(id));
        let missed: Vec<i64> = pending_before.filter(|id| !listed.contains(id)).collect();
        assert!(missed.is_empty(), "by offset: {by_offset}, missed {missed:?}");
        world.finish(run).await;
        world.execute(&format!("DELETE FROM gazettes WHERE id = {new}")).await;
        world.add([740, 20].into_iter()).await;
    }
}

pub async fn the_last_pass_is_empty_when_all_was_touched(world: &World) {
    world.with_gazettes(5).await;
    for selection in [mode(Mode::Unprocessed), mode(Mode::All)] {
        let run = world.run(&selection).await;
        world.claim(run, &[2, 3, 4, 5]).await;
        world.complete(run, &[3, 4]).await;
        assert!(world.fail(run, 5, crate::failure::FailureCode::NotFound, Some(std::time::Duration::ZERO)).await);
        let fresh = world.pass(&selection, run, Cursor::Before(None), 10, true).await;
        assert_eq!(raw_ids(fresh.iter().map(|listed| &listed.gazette.id)), [1]);
        assert!(!fresh[0].touched);
        let whole = world.page(&selection, run, Cursor::Offset(0), 10).await;
        assert_eq!(raw_ids(whole.iter().map(|listed| &listed.gazette.id)), [5, 4, 3, 2, 1]);
        let below = world.page(&selection, run, Cursor::Before(Some(GazetteId(3))), 10).await;
        assert_eq!(raw_ids(below.iter().map(|listed| &listed.gazette.id)), [2, 1]);
        world.finish(run).await;
        world.execute("UPDATE gazettes SET processed = false").await;
    }
}
