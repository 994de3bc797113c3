//! What `verify` asks of a catalogue.

use super::super::Marked;
use super::world::{World, gazette_ids, mode, raw_ids};
use crate::failure::FailureCode;
use crate::gazette::{GazetteId, Mode, RunId, Selection};

async fn ids_below(world: &World, before: Option<i64>, page_size: u32) -> Vec<i64> {
    let page = world.catalog.marked(before.map(GazetteId), page_size).await.unwrap();
    raw_ids(page.iter().map(|marked| &marked.id))
}

async fn reopen(world: &World, run: RunId, ids: &[i64]) -> Vec<i64> {
    let mut reopened = raw_ids(&world.catalog.reopen(run, &gazette_ids(ids)).await.unwrap());
    reopened.sort_unstable();
    reopened
}

pub async fn marked_rows_are_paged_by_id(world: &World) {
    world.with_gazettes(9).await;
    world.indexed(&[1, 3, 4, 8, 9]).await;
    assert_eq!(ids_below(world, None, 2).await, [9, 8]);
    assert_eq!(ids_below(world, Some(8), 2).await, [4, 3]);
    world.execute("DELETE FROM gazettes WHERE id = 3").await;
    assert_eq!(ids_below(world, Some(3), 2).await, [1], "a row that is gone moves no page");
    assert_eq!(ids_below(world, Some(1), 2).await, [] as [i64; 0]);
}

pub async fn rows_of_every_state_are_told_apart(world: &World) {
    world.with_gazettes(5).await;
    world.indexed(&[1, 2]).await;
    world.execute("UPDATE gazettes SET processed = true, file_path = NULL WHERE id = 3").await;
    world.failed(&[4], FailureCode::NotFound, None).await;
    let run = world.run(&mode(Mode::All)).await;
    world.claim(run, &[2]).await;

    let mut marks = world.catalog.marks(&gazette_ids(&[1, 2, 3, 4, 99])).await.unwrap();
    marks.sort_by_key(|marked| marked.id);
    let of = |id: i64| Marked {
        id: GazetteId(id),
        file_path: Some(format!("t1/{id}.pdf")),
        file_checksum: Some(format!("checksum {id}")),
        processed: true,
        by_prelo: true,
        text_checksum: Some("d41d8cd98f00b204e9800998ecf8427e".into()),
        in_flight: false,
    };
    let untold = |id| Marked { by_prelo: false, text_checksum: None, ..of(id) };
    assert_eq!(
        marks,
        [
            of(1),
            Marked { in_flight: true, ..of(2) },
            Marked { file_path: None, ..untold(3) },
            Marked { processed: false, ..untold(4) },
        ]
    );
    assert_eq!(ids_below(world, None, 10).await, [3, 2, 1]);
    world.execute(&format!("UPDATE prelo_gazettes SET lease_until = {}", world.ago("1 seconds"))).await;
    assert!(!world.catalog.marks(&gazette_ids(&[2])).await.unwrap()[0].in_flight, "its lease has run out");
    assert_eq!(world.catalog.marks(&[]).await.unwrap(), []);
}

pub async fn reopened_gazettes_are_pending_and_nothing_else_changes(world: &World) {
    world.with_gazettes(5).await;
    world.indexed(&[1, 2, 4]).await;
    world.failed(&[4], FailureCode::NeedsOcr, None).await;
    world.execute("UPDATE gazettes SET processed = true WHERE id = 3").await;
    world.execute("UPDATE prelo_gazettes SET starts = 2 WHERE gazette_id = 4").await;
    let run = world.run(&Selection::default()).await;
    assert_eq!(reopen(world, run, &[1, 3, 4, 5, 99]).await, [1, 3, 4], "5 was pending before");
    assert_eq!(reopen(world, run, &[1, 3, 4]).await, [] as [i64; 0], "again is harmless");
    assert_eq!(reopen(world, run, &[]).await, [] as [i64; 0]);
    world.holds(1, "state = 'pending' AND text_checksum IS NULL AND indexed_at IS NOT NULL").await;
    world.holds(4, "state = 'pending' AND failure_code IS NULL AND starts = 2").await;
    world.holds(2, "state = 'indexed' AND text_checksum IS NOT NULL").await;
    world.finish(run).await;
    assert_eq!(world.selected(&mode(Mode::Unprocessed)).await, [1, 3, 4, 5]);

    // A claim that is given back leaves it pending.
    let next = world.run(&Selection::default()).await;
    world.claim(next, &[1]).await;
    world.catalog.release(next, &gazette_ids(&[1])).await.unwrap();
    world.holds(1, "state = 'pending'").await;
    assert_eq!(world.complete(next, &world.claim(next, &[1, 3]).await).await, [1, 3]);
}

pub async fn reopening_respects_leases(world: &World) {
    world.with_gazettes(4).await;
    world.indexed(&[1, 2, 3]).await;
    let other = world.run(&mode(Mode::All)).await;
    world.claim(other, &[1, 2]).await;
    assert_eq!(reopen(world, RunId::new(), &[1, 2, 3]).await, [] as [i64; 0], "without the lease of the catalogue");
    world
        .execute(&format!("UPDATE prelo_gazettes SET lease_until = {} WHERE gazette_id = 2", world.ago("1 seconds")))
        .await;
    // Two live runs cannot be; a second token is forged to see that the rows guard themselves.
    let forged = RunId::new();
    world
        .execute(&format!(
            "INSERT INTO prelo_runs (id, selection, counts, started_at, heartbeat_at, lease_until) \
             SELECT '{forged}', selection, counts, started_at, heartbeat_at, lease_until FROM prelo_runs \
             WHERE id = '{other}'"
        ))
        .await;
    assert_eq!(reopen(world, forged, &[1, 2, 3]).await, [2, 3]);
    world.holds(1, &format!("state = 'claimed' AND lease_run = '{other}'")).await;
    assert_eq!(world.complete(other, &[1, 2]).await, [1], "the late mark on what was taken over is refused");
    assert_eq!(world.processed().await, 1);
    world.finish(forged).await;
    assert_eq!(reopen(world, forged, &[1]).await, [] as [i64; 0], "a run that is over reopens nothing");
}
