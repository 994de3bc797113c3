//! How long a restart waits for the lease of the run that was killed: here the clock alone ends it.

use std::time::{Duration, Instant};

use prelo::failpoint::VARIABLE;

use crate::backlog::{Backlog, Place, small_files};
use crate::steps::undisturbed;

const GAZETTES: usize = 40;
/// The figure to reach, beyond the rest of the lease.
const RESTART: Duration = Duration::from_secs(5);
/// This machine may be busy with other tests.
const SAFETY: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn the_first_gazette_is_done_soon_after_the_lease_in_a_folder() {
    restarted(Place::Folder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_gazette_is_done_soon_after_the_lease_on_servers() {
    restarted(Place::Servers).await;
}

async fn restarted(place: Place) {
    let files = small_files(GAZETTES);
    let Some(oracle) = undisturbed(place, &files).await else { return };
    let backlog = Backlog::new(place, &files).await.unwrap();
    let mut command = backlog.command(&[]);
    command.env(VARIABLE, "marked:1");
    assert!(backlog.start(&command).end().was_killed());
    let lease = backlog.lease_left().await;
    let since = Instant::now();

    let (mut refused, mut first) = (0, None);
    let ended = loop {
        let mut run = backlog.start(&backlog.command(&[]));
        while !run.has_ended() {
            if first.is_none() && run.said().contains(r#""message":"indexed""#) {
                first = Some(since.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let ended = run.end();
        if !ended.was_busy() {
            break ended;
        }
        refused += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let first = first.unwrap_or_else(|| since.elapsed()).as_secs_f64();
    println!("{place:?}: the lease had {lease:.1} s left; the first gazette was done {first:.1} s after the restart");
    assert!(matches!(ended.status.code(), Some(0 | 3)), "{}", ended.stderr);
    assert!((0.0..=10.0).contains(&lease) && refused > 0, "a living lease is respected: {lease}, {refused}");
    assert!(first >= lease - 0.5, "a gazette was taken while another run held the lease");
    assert!(first <= lease + (RESTART + SAFETY).as_secs_f64());
    let differences = backlog.outcome().await.against(&oracle);
    assert!(differences.is_empty(), "{differences}");
    backlog.remove().await;
}
