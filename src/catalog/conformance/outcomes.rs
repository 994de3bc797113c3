//! Marks on gazettes.

use std::time::Duration;

use super::world::{World, completion, failed, mode};
use crate::failure::{Failure, FailureCode};
use crate::gazette::{GazetteId, Mode, Selection};

pub async fn completing_writes_everything_down_and_again_is_harmless(world: &World) {
    world.with_gazettes(2).await;
    world.failed(&[1], FailureCode::NotFound, Some(Duration::ZERO)).await;
    let run = world.run(&Selection::default()).await;
    assert_eq!(world.claim(run, &[1]).await, [1]);
    assert_eq!(world.complete(run, &[1, 2]).await, [1], "2 was not claimed");
    assert_eq!(world.complete(run, &[1, 2]).await, [1], "the answer was lost, the mark was not");
    assert_eq!(world.processed().await, 1);

    let state = world.catalog.explain(GazetteId(1)).await.unwrap().unwrap().state.unwrap();
    assert_eq!(state.state, "indexed");
    assert_eq!((state.failure_code, state.failure_detail, state.next_attempt_at), (None, None, None));
    assert_eq!((state.lease_run, state.lease_until, state.run_id), (None, None, Some(run)));
    assert_eq!((state.bytes, state.pages, state.ocr_pages), (Some(1_000), Some(4), Some(1)));
    assert_eq!((state.characters, state.quality), (Some(5_000), Some(0.9)));
    assert_eq!(state.extractor_version, Some(crate::gazette::EXTRACTOR_VERSION));
    assert_eq!(state.text_checksum, Some(completion(1).text_checksum));
    assert!(state.indexed_at.is_some());
}

pub async fn completing_an_exchanged_file_leaves_it_pending(world: &World) {
    world.with_gazettes(2).await;
    world.execute("UPDATE gazettes SET processed = true WHERE id = 2").await;
    let run = world.run(&mode(Mode::All)).await;
    world.claim(run, &[1, 2]).await;
    world.execute("UPDATE gazettes SET file_checksum = 'another'").await;
    assert_eq!(world.complete(run, &[1, 2]).await, [1, 2]);
    assert_eq!(world.processed().await, 0);
    world.finish(run).await;
    assert_eq!(world.selected(&mode(Mode::Unprocessed)).await, [1, 2]);
}

pub async fn failing_leaves_processed_alone_and_again_is_harmless(world: &World) {
    world.with_gazettes(3).await;
    world.indexed(&[1]).await;
    let run = world.run(&mode(Mode::All)).await;
    world.claim(run, &[1, 2]).await;
    let failures = [1, 2, 3].map(|id| failed(id, FailureCode::NotFound, Some(Duration::from_mins(1))));
    for attempt in 1..=2 {
        let mut marked = world.catalog.fail(run, &failures).await.unwrap();
        marked.sort_unstable();
        assert_eq!(marked, [GazetteId(1), GazetteId(2)], "attempt {attempt}; 3 was not claimed");
    }
    assert_eq!(world.processed().await, 1);
    let state = world.catalog.explain(GazetteId(2)).await.unwrap().unwrap().state.unwrap();
    assert_eq!((state.state.as_str(), state.failure_code.as_deref()), ("failed", Some("NOT_FOUND")));
    assert_eq!((state.failure_detail.as_deref(), state.bytes), (Some("as seen"), Some(10)));
    assert_eq!((state.run_id, state.lease_run), (Some(run), None));
    assert!(state.next_attempt_at.is_some());
    world.holds(1, "indexed_at IS NOT NULL AND bytes = 10").await;
}

pub async fn many_marks_fit_one_call(world: &World) {
    world.with_gazettes(2_500).await;
    let run = world.run(&Selection::default()).await;
    let ids: Vec<i64> = (1..=2_500).collect();
    assert_eq!(world.claim(run, &ids).await, ids);
    assert_eq!(world.complete(run, &ids).await, ids);
    assert_eq!(world.complete(run, &[]).await, [] as [i64; 0]);
    assert_eq!(world.processed().await, 2_500);
}

pub async fn details_may_hold_anything(world: &World) {
    world.with_gazettes(1).await;
    let run = world.run(&Selection::default()).await;
    world.claim(run, &[1]).await;
    let failure = Failure::new(FailureCode::NotAPdf, "'; DROP TABLE gazettes; -- \u{0} $1 ? \u{1F4F0}");
    let failed = super::super::FailedGazette { failure, ..failed(1, FailureCode::NotAPdf, None) };
    assert_eq!(world.catalog.fail(run, &[failed]).await.unwrap(), [GazetteId(1)]);
    let state = world.catalog.explain(GazetteId(1)).await.unwrap().unwrap().state.unwrap();
    let detail = state.failure_detail.unwrap().replace('\0', "");
    assert_eq!(detail, "'; DROP TABLE gazettes; --  $1 ? \u{1F4F0}");
    assert_eq!(state.next_attempt_at, None);
}
