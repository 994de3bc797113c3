//! A run is killed at each fail point, early and in the middle of its work.

use std::collections::BTreeSet;

use prelo::failpoint::{NAMES, VARIABLE};

use crate::backlog::{Backlog, Files, Place, small_files};
use crate::outcome::Outcome;

/// A few dozen.
const GAZETTES: usize = 40;

/// Every point with the passings at which a run is killed. Four of the gazettes fail.
const STEPS: &[(&str, &[u32])] = &[
    ("tables_made", &[1]),
    ("folder_registered", &[1]),
    ("run_begun", &[1]),
    ("index_ready", &[1]),
    ("page_listed", &[1, 3]),
    ("claimed", &[1, 2]),
    ("spooled", &[1, 17]),
    ("start_counted", &[1, 18]),
    ("text_read", &[1, 19]),
    ("text_stored", &[1, 20]),
    ("segments_written", &[1, 3]),
    ("index_committed", &[1, 3]),
    ("bulk_sent", &[1, 3]),
    ("acknowledged", &[1, 3]),
    ("marked", &[1, 3]),
    ("failure_recorded", &[1]),
    ("run_closed", &[1]),
];

/// Points that only one of the two paths has.
const OF_FOLDERS: &[&str] = &["folder_registered", "segments_written", "index_committed"];
const OF_SERVERS: &[&str] = &["bulk_sent"];
/// And points that only scans come to, for which there is no engine here: `tests/ocr.rs` tries them.
const OF_SCANS: &[&str] = &["pictures_read", "put_off"];

#[test]
fn every_fail_point_is_tried() {
    let known: BTreeSet<&str> = NAMES.iter().map(|(name, _)| *name).collect();
    let tried = STEPS.iter().map(|(name, _)| *name).chain(OF_SCANS.iter().copied());
    assert_eq!(tried.collect::<BTreeSet<_>>(), known);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_each_step_in_a_folder() {
    killed_after_each_step(Place::Folder, OF_SERVERS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_each_step_on_servers() {
    killed_after_each_step(Place::Servers, OF_FOLDERS).await;
}

async fn killed_after_each_step(place: Place, others: &[&str]) {
    let files = small_files(GAZETTES);
    let Some(oracle) = undisturbed(place, &files).await else { return };
    let mut wrong = Vec::new();
    let steps = STEPS.iter().filter(|(name, _)| !others.contains(name));
    for (name, count) in steps.flat_map(|(name, counts)| counts.iter().map(move |count| (name, count))) {
        let backlog = Backlog::new(place, &files).await.unwrap();
        let mut command = backlog.command(&[]);
        command.env(VARIABLE, format!("{name}:{count}"));
        let killed = backlog.start(&command).end();
        assert!(killed.was_killed(), "{name}:{count} was not reached: {:?}\n{}", killed.status, killed.stderr);

        let found = backlog.outcome().await;
        let vain = found.marked_in_vain();
        let last = backlog.finish(&[]).await;
        let differences = backlog.outcome().await.against(&oracle);
        println!(
            "{place:?}, killed at {name}:{count}: {} of {} marked, {} in the index; afterwards {}",
            found.marked(),
            found.rows.len(),
            found.documents.len(),
            if differences.is_empty() { "as if undisturbed" } else { "DIFFERENT" }
        );
        if !vain.is_empty() {
            wrong.push(format!("{name}:{count}: marked, and not to be found: {vain:?}"));
        }
        if !differences.is_empty() {
            wrong.push(format!("{name}:{count}: {differences}\n{}", last.stderr));
        }
        backlog.remove().await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a run makes of the files that nobody disturbs.
pub async fn undisturbed(place: Place, files: &Files) -> Option<Outcome> {
    let backlog = Backlog::new(place, files).await?;
    let ended = backlog.finish(&[]).await;
    let outcome = backlog.outcome().await;
    backlog.remove().await;
    assert_eq!(ended.status.code(), Some(3), "four of the fixtures cannot be read\n{}", ended.stderr);
    assert_eq!(outcome.marked() + 4, outcome.rows.len());
    let differences = outcome.against(&outcome);
    assert!(differences.is_empty() && outcome.marked_in_vain().is_empty(), "{differences}");
    Some(outcome)
}

/// The start is counted and committed before the file is parsed: a file that ends the process leaves its trace.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_outlives_the_process() {
    for place in [Place::Folder, Place::Servers] {
        let Some(backlog) = Backlog::new(place, &small_files(GAZETTES)).await else { continue };
        let mut command = backlog.command(&["--extraction-threads", "1"]);
        command.env(VARIABLE, "start_counted:1");
        assert!(backlog.start(&command).end().was_killed());
        // One that is read, and one that may be counted ahead of its reader.
        let starts = backlog.starts().await;
        assert!((1..=2).contains(&starts), "{place:?}: {starts}");
        backlog.finish(&[]).await;
        backlog.remove().await;
    }
}

/// `--help` and a release build know nothing of fail points; a slip in a test is loud.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_fail_point_ends_the_process_at_once() {
    let backlog = Backlog::new(Place::Folder, &small_files(16)).await.unwrap();
    let mut command = backlog.command(&[]);
    command.env(VARIABLE, "makred:1");
    let ended = backlog.start(&command).end();
    assert!(!ended.status.success() && ended.stderr.contains("makred"), "{ended:?}");
}
