//! Which rows a selection holds.

use std::time::Duration;

use time::macros::{date, datetime};

use super::super::Cursor;
use super::world::{EVERYTHING, LEASE, World, gazette_ids, mode};
use crate::failure::FailureCode;
use crate::gazette::{FailedFilter, GazetteId, Mode, RunId, Selection};

const DAY: Duration = Duration::from_hours(24);

/// 1 pending, 2 indexed, 3 failed for good, 4 failed and waiting, 5 failed and due, 6 failed but processed before,
/// 7 claimed by a run that lives, 8 processed by somebody else.
async fn of_every_state(world: &World) -> RunId {
    world.with_gazettes(8).await;
    world.indexed(&[2, 6]).await;
    world.failed(&[3, 6], FailureCode::NeedsOcr, None).await;
    world.failed(&[4], FailureCode::NotFound, Some(DAY)).await;
    world.failed(&[5], FailureCode::NotFound, Some(Duration::ZERO)).await;
    world.execute("UPDATE gazettes SET processed = true WHERE id = 8").await;
    let run = world.run(&mode(Mode::All)).await;
    assert_eq!(world.claim(run, &[7]).await, [7]);
    run
}

pub async fn modes_choose_by_state(world: &World) {
    let run = of_every_state(world).await;
    assert_eq!(world.selected(&mode(Mode::Unprocessed)).await, [1, 5]);
    assert_eq!(world.selected(&mode(Mode::All)).await, [1, 2, 3, 4, 5, 6, 8]);

    let listed = world.page(&mode(Mode::Unprocessed), run, Cursor::Before(None), 10).await;
    let listed: Vec<_> = listed.iter().map(|listed| (listed.gazette.id.0, listed.touched)).collect();
    assert_eq!(listed, [(7, true), (5, false), (1, false)]);
    assert_eq!(world.catalog.count(&mode(Mode::Unprocessed), run, EVERYTHING).await.unwrap(), 2);

    let below = world.catalog.count(&mode(Mode::All), RunId::new(), GazetteId(3)).await.unwrap();
    assert_eq!(below, 3, "nothing above the high-water mark");
    let limited = Selection { limit: Some(2), ..mode(Mode::All) };
    assert_eq!(world.catalog.count(&limited, RunId::new(), EVERYTHING).await.unwrap(), 2);
}

pub async fn what_prelo_has_not_read_comes_to_an_end(world: &World) {
    world.with_gazettes(6).await;
    world.indexed(&[5]).await;
    world.failed(&[4], FailureCode::NoPages, None).await;
    // The service before has marked these; a file that prelo has read was exchanged.
    world.execute("UPDATE gazettes SET processed = true WHERE id IN (2, 3, 4)").await;
    world.indexed(&[6]).await;
    world.execute("UPDATE gazettes SET file_checksum = 'another', processed = false WHERE id = 6").await;
    let unread = mode(Mode::Unread);
    assert_eq!(world.selected(&unread).await, [1, 2, 3, 6], "not what failed for good, nor what is read");
    assert_eq!(world.selected(&mode(Mode::Unprocessed)).await, [1, 6]);
    world.indexed(&[2, 3]).await;
    assert_eq!(world.selected(&unread).await, [1, 6]);
}

pub async fn filters_narrow(world: &World) {
    world.with_gazettes(6).await;
    world
        .execute(
            "UPDATE gazettes SET territory_id = 't2' WHERE id IN (2, 3);
             UPDATE gazettes SET date = '2025-12-31', scraped_at = '2026-02-01 10:00:00.000' WHERE id = 3;
             UPDATE gazettes SET date = NULL, scraped_at = '2026-02-01 12:00:00.000' WHERE id = 4;",
        )
        .await;
    world.indexed(&[5]).await;
    world.execute("UPDATE prelo_gazettes SET extractor_version = 0 WHERE gazette_id = 5").await;

    let all = || mode(Mode::All);
    let cases = [
        ("nothing", all(), vec![1, 2, 3, 4, 5, 6]),
        ("from", Selection { from: Some(date!(2026 - 01 - 06)), ..all() }, vec![5, 6]),
        ("to, inclusive", Selection { to: Some(date!(2026 - 01 - 02)), ..all() }, vec![1, 3]),
        (
            "from and to",
            Selection { from: Some(date!(2026 - 01 - 01)), to: Some(date!(2026 - 01 - 03)), ..all() },
            vec![1, 2],
        ),
        (
            "scraped, the end exclusive",
            Selection {
                scraped_from: Some(datetime!(2026-02-01 10:00)),
                scraped_to: Some(datetime!(2026-02-01 12:00)),
                ..all()
            },
            vec![3],
        ),
        ("territory", Selection { territories: vec!["t2".into()], ..all() }, vec![2, 3]),
        ("territories", Selection { territories: vec!["t2".into(), "t1".into()], ..all() }, vec![1, 2, 3, 4, 5, 6]),
        ("no such territory", Selection { territories: vec!["' OR true --".into()], ..all() }, vec![]),
        ("state, any case", Selection { state: Some("sp".into()), ..all() }, vec![2, 3]),
        ("ids", Selection { ids: gazette_ids(&[6, 1, 99]), ..all() }, vec![1, 6]),
        ("older extractor", Selection { extractor_older_than: Some(1), ..all() }, vec![5]),
        ("not older", Selection { extractor_older_than: Some(0), ..all() }, vec![]),
        ("two filters", Selection { state: Some("SP".into()), from: Some(date!(2026 - 01 - 01)), ..all() }, vec![2]),
        ("mode and filter", Selection { ids: gazette_ids(&[5, 6]), ..Selection::default() }, vec![6]),
    ];
    for (name, selection, expected) in cases {
        assert_eq!(world.selected(&selection).await, expected, "{name}");
    }
}

pub async fn asking_for_failures_finds_waiting_and_permanent_ones(world: &World) {
    of_every_state(world).await;
    for mode in [Mode::All, Mode::Unprocessed] {
        let failed = |filter| Selection { mode, failed: Some(filter), ..Selection::default() };
        assert_eq!(world.selected(&failed(FailedFilter::Any)).await, [3, 4, 5, 6]);
        assert_eq!(world.selected(&failed(FailedFilter::Code("NOT_FOUND".into()))).await, [4, 5]);
        assert_eq!(world.selected(&failed(FailedFilter::Code("TOO_LARGE".into()))).await, [] as [i64; 0]);
    }
}

pub async fn gazettes_of_unknown_territories_come_through(world: &World) {
    world.with_gazettes(3).await;
    if world.is_postgres() {
        world.execute("ALTER TABLE gazettes DROP CONSTRAINT gazettes_territory_id_fkey").await;
    }
    world.execute("UPDATE gazettes SET territory_id = 'gone' WHERE id = 2").await;
    world.execute("UPDATE gazettes SET territory_id = NULL WHERE id = 3").await;
    let listed = world.page(&mode(Mode::Unprocessed), RunId::new(), Cursor::Offset(0), 10).await;
    let territories: Vec<_> = listed
        .iter()
        .map(|listed| {
            let known = listed.gazette.territory.as_ref();
            (
                listed.gazette.territory_id.as_deref(),
                known.map(|known| (known.name.as_str(), known.state_code.as_str())),
            )
        })
        .collect();
    assert_eq!(territories, [(None, None), (Some("gone"), None), (Some("t1"), Some(("Um", "AL")))]);
    assert_eq!(listed[2].gazette.date, Some(date!(2026 - 01 - 02)));
    assert_eq!(listed[2].gazette.file_path.as_deref(), Some("t1/1.pdf"));
}

pub async fn another_file_or_a_newer_reader_brings_a_failure_back(world: &World) {
    world.with_gazettes(3).await;
    world.failed(&[1, 2, 3], FailureCode::NeedsOcr, None).await;
    assert_eq!(world.selected(&mode(Mode::Unprocessed)).await, [] as [i64; 0]);
    world.execute("UPDATE gazettes SET file_checksum = 'another' WHERE id = 1").await;
    assert_eq!(world.selected(&mode(Mode::Unprocessed)).await, [1]);
    world.execute("UPDATE prelo_gazettes SET extractor_version = extractor_version - 1 WHERE gazette_id = 3").await;
    assert_eq!(world.selected(&mode(Mode::Unprocessed)).await, [1, 3]);
    world.failed(&[3], FailureCode::NeedsOcr, None).await;
    assert_eq!(world.selected(&mode(Mode::Unprocessed)).await, [1], "read by the newer reader, failed again");
}

pub async fn failures_that_are_due_come_back_whatever_the_mark_or_the_day(world: &World) {
    world.with_gazettes(3).await;
    world.indexed(&[1]).await;
    world.failed(&[1, 2], FailureCode::NotFound, Some(Duration::ZERO)).await;
    world.failed(&[3], FailureCode::NeedsOcr, None).await;
    assert_eq!(world.number("SELECT count(*) FROM gazettes WHERE processed AND id = 1").await, 1);
    assert_eq!(world.selected(&mode(Mode::Unprocessed)).await, [1, 2]);
    world.execute(&format!("UPDATE gazettes SET scraped_at = {}", world.ago("90 hours"))).await;
    let daily = world.catalog.resolve(&mode(Mode::Daily)).await.unwrap();
    assert_eq!(world.selected(&daily).await, [1, 2], "scraped days ago, but due today");
    world.execute("UPDATE gazettes SET file_checksum = 'another' WHERE id = 3").await;
    assert_eq!(world.selected(&daily).await, [1, 2, 3], "another file makes it due, too");
}

pub async fn daily_begins_at_the_last_finished_daily_run(world: &World) {
    world.with_gazettes(4).await;
    for (id, age) in [(1, "100 hours"), (2, "71 hours"), (3, "25 hours"), (4, "1 hours")] {
        world.execute(&format!("UPDATE gazettes SET scraped_at = {} WHERE id = {id}", world.ago(age))).await;
    }
    let daily = mode(Mode::Daily);
    let selected = async || world.selected(&world.catalog.resolve(&daily).await.unwrap()).await;
    assert_eq!(selected().await, [4], "24 hours when there was none before");

    let past_run = async |selection: &Selection, began: &str, end: &str| {
        let run = RunId::new();
        world.catalog.begin_run(run, selection, LEASE).await.unwrap();
        world.finish(run).await;
        let began = world.ago(began);
        world.execute(&format!("UPDATE prelo_runs SET started_at = {began} {end} WHERE id = '{run}'")).await;
    };
    past_run(&daily, "70 hours", "").await;
    assert_eq!(selected().await, [3, 4], "a missed day is not lost");
    past_run(&daily, "90 hours", "").await;
    past_run(&daily, "2 hours", ", stopped_by = 'SIGTERM'").await;
    past_run(&mode(Mode::Unprocessed), "2 hours", "").await;
    past_run(&Selection { limit: Some(1), ..daily.clone() }, "2 hours", "").await;
    past_run(&Selection { territories: vec!["1".into()], ..daily.clone() }, "2 hours", "").await;
    past_run(&Selection { state: Some("AL".into()), ..daily.clone() }, "2 hours", "").await;
    past_run(&daily, "2 hours", ", finished_at = NULL, lease_until = heartbeat_at").await;
    assert_eq!(selected().await, [3, 4], "only whole daily runs that came to their end count");
    past_run(&mode(Mode::All), "1 hours", "").await;
    assert_eq!(selected().await, [3, 4], "not the one that died and was closed either");
    past_run(&daily, "1 hours", "").await;
    assert_eq!(selected().await, [4], "30 minutes of overlap");

    let of_a_state = Selection { state: Some("AL".into()), ..daily.clone() };
    let resolved = world.catalog.resolve(&of_a_state).await.unwrap();
    assert_eq!(world.selected(&resolved).await, [4]);
    world.execute("DELETE FROM prelo_runs").await;
    past_run(&of_a_state, "70 hours", "").await;
    let resolved = world.catalog.resolve(&of_a_state).await.unwrap();
    assert_eq!(world.selected(&resolved).await, [3, 4], "whoever always asks for one state has a last run, too");

    let resolved = world.catalog.resolve(&daily).await.unwrap();
    assert_eq!(world.catalog.resolve(&resolved).await.unwrap(), resolved);
    let other = Selection { from: Some(date!(2026 - 01 - 01)), ..mode(Mode::All) };
    assert_eq!(world.catalog.resolve(&other).await.unwrap(), other);
}
