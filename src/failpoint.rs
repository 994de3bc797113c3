//! Places where a test ends the process as a `SIGKILL` from outside does: right after something has become durable.
//!
//! Only builds with `debug_assertions` have them. In others [`pass`] is empty: neither the names nor the look at the
//! environment are left, which `ops/kill-loop` checks on the binary that it kills.

/// What has just happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    TablesMade,
    FolderRegistered,
    RunBegun,
    IndexReady,
    PageListed,
    Claimed,
    Spooled,
    StartCounted,
    TextRead,
    /// What OCR has read of a gazette is stored.
    PicturesRead,
    /// A gazette is put off until its scans are read.
    PutOff,
    TextStored,
    /// The embedded index has written its segments; the commit still names the ones before.
    SegmentsWritten,
    IndexCommitted,
    /// The search engine has applied a bulk; nothing of its answer is read yet.
    BulkSent,
    /// The index has acknowledged a bulk; none of it is marked.
    Acknowledged,
    Marked,
    FailureRecorded,
    RunClosed,
}

/// Passes a point. With `PRELO_TEST_FAILPOINT=marked:3` in the environment the third passing of `marked` ends the
/// process.
#[cfg(debug_assertions)]
pub fn pass(point: Point) {
    armed::pass(point);
}

/// Does nothing.
#[cfg(not(debug_assertions))]
#[inline]
pub fn pass(_: Point) {}

#[cfg(debug_assertions)]
pub use armed::{NAMES, VARIABLE};

#[cfg(debug_assertions)]
mod armed {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    use super::Point;

    /// Names a point and how often it is passed until the process ends: `NAME:COUNT`.
    pub const VARIABLE: &str = "PRELO_TEST_FAILPOINT";

    /// Every point by the name that [`VARIABLE`] knows.
    pub const NAMES: &[(&str, Point)] = &[
        ("tables_made", Point::TablesMade),
        ("folder_registered", Point::FolderRegistered),
        ("run_begun", Point::RunBegun),
        ("index_ready", Point::IndexReady),
        ("page_listed", Point::PageListed),
        ("claimed", Point::Claimed),
        ("spooled", Point::Spooled),
        ("start_counted", Point::StartCounted),
        ("text_read", Point::TextRead),
        ("pictures_read", Point::PicturesRead),
        ("put_off", Point::PutOff),
        ("text_stored", Point::TextStored),
        ("segments_written", Point::SegmentsWritten),
        ("index_committed", Point::IndexCommitted),
        ("bulk_sent", Point::BulkSent),
        ("acknowledged", Point::Acknowledged),
        ("marked", Point::Marked),
        ("failure_recorded", Point::FailureRecorded),
        ("run_closed", Point::RunClosed),
    ];

    struct Armed {
        point: Point,
        /// Passings until the end.
        left: AtomicU64,
    }

    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
        let text = std::env::var(VARIABLE).ok()?;
        let armed = parse(&text);
        if armed.is_none() {
            // A slip in a test must not become a run that nobody disturbs.
            eprintln!("{VARIABLE}={text} is not NAME:COUNT with a name of prelo's fail points");
            std::process::abort();
        }
        armed
    });

    fn parse(text: &str) -> Option<Armed> {
        let (name, count) = text.split_once(':')?;
        let point = NAMES.iter().find(|(known, _)| *known == name)?.1;
        let count = count.parse().ok().filter(|count| *count > 0)?;
        Some(Armed { point, left: AtomicU64::new(count) })
    }

    pub fn pass(point: Point) {
        let Some(armed) = ARMED.as_ref().filter(|armed| armed.point == point) else { return };
        if armed.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            // Does not return: a signal to oneself is delivered before the call ends.
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_slip_is_no_fail_point() {
            for text in ["", "marked", "marked:", "marked:0", "marked:x", "Marked:1", "unknown:1"] {
                assert!(parse(text).is_none(), "{text}");
            }
            let armed = parse("marked:3").unwrap();
            assert_eq!((armed.point, armed.left.into_inner()), (Point::Marked, 3));
        }

        #[test]
        fn every_name_is_its_own() {
            for (n, (name, point)) in NAMES.iter().enumerate() {
                assert!(NAMES[..n].iter().all(|(other, earlier)| other != name && earlier != point), "{name}");
            }
        }
    }
}
