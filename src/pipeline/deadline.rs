//! When a run has to stop claiming so that it is done at a given moment.

use std::time::{Duration, Instant};

use super::Context;
use crate::catalog::RunRecord;
use crate::gazette::Lane;
use crate::shutdown::StopReason;
use crate::telemetry::{Live, SECONDS, Stage};

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// For the last bulk, its refresh, and the books of the run.
const CLOSING: Duration = Duration::from_secs(3);
/// A gazette is taken to be slower than this share of the others.
const SHARE: f64 = 0.95;
/// Nothing is waited for longer than that.
const LONGEST_SECONDS: f64 = 3_600.0;
/// A page may take longer than the mean by this factor, where few were read.
const SPREAD: f64 = 1.5;
/// A page of A4 takes a second or two of a core, and a core may be a slow one.
const UNMEASURED_PAGE_SECONDS: f64 = 5.0;
/// Runs before this one whose durations count while it has none of its own.
const EARLIER: u32 = 10;

/// How work goes, from what was measured; zeros where nothing was.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Pace {
    /// Gazettes in hand.
    pub in_flight: u64,
    /// Outcomes a second.
    pub per_second: f64,
    /// Of a slow gazette, from its claim to its outcome.
    pub slow_seconds: f64,
}

/// How long it takes to finish what is in hand: as long as all of it at the rate so far, and at least as long as a slow one.
pub(super) fn time_to_finish(pace: Pace) -> Duration {
    #[allow(clippy::cast_precision_loss)] // a few hundred
    let all = if pace.per_second > 0.0 { pace.in_flight as f64 / pace.per_second } else { 0.0 };
    let seconds = all.max(pace.slow_seconds).clamp(0.0, LONGEST_SECONDS);
    Duration::from_secs_f64(seconds) + CLOSING
}

/// Stops claiming in time. Ends with the stages, or when it has done so.
pub(super) async fn watch(context: Context, deadline: Instant) {
    let earlier = context.catalog.runs(EARLIER).await.unwrap_or_default();
    while context.shutdown.is_running() {
        let live = context.telemetry.live();
        let left = deadline.saturating_duration_since(Instant::now());
        if left <= time_to_finish(pace(&live, &earlier)) {
            context.stop(StopReason::OutOfTime);
            return;
        }
        tokio::time::sleep(LOOK.min(left)).await;
    }
}

/// Of this run in its lane; of earlier runs while it has measured nothing. Reading scans is broken off after a page, and
/// what was read of them is remembered: there a page counts, and not a gazette. A gazette whose last page was read is
/// still stored and indexed.
fn pace(live: &Live, earlier: &[RunRecord]) -> Pace {
    let lane = *live.counts.lane(live.lane);
    let of_earlier = || {
        // A run that was stopped within a long scan has read pages, and no gazette.
        let lanes = earlier.iter().map(|run| *run.counts.lane(live.lane));
        let lanes = lanes.filter(|lane| lane.gazettes > 0 || (live.lane == Lane::Ocr && lane.pages > 0));
        lanes.fold((0, 0, 0.0), |sum, lane| (sum.0 + lane.gazettes, sum.1 + lane.pages, sum.2 + lane.seconds))
    };
    let (gazettes, pages, seconds) =
        if lane.gazettes > 0 { (lane.gazettes, lane.pages, lane.seconds) } else { of_earlier() };
    #[allow(clippy::cast_precision_loss)] // durations for a guess
    let each = |count: u64| if count > 0 { seconds / count as f64 } else { 0.0 };
    let at_once = f64::from(live.readers.max(1));
    let bound = |stage: &Stage| {
        let seconds = live.stages.get(stage).and_then(|stage| stage.seconds.bound_of(SECONDS, SHARE));
        seconds.unwrap_or(0.0).min(LONGEST_SECONDS)
    };
    match live.lane {
        Lane::Ocr => {
            let page = match live.scans {
                scans if scans.pages > 0 => scans.longest_seconds.max(SPREAD * scans.mean_seconds),
                // As many pages at once take so much longer each.
                _ if pages > 0 => SPREAD * each(pages) * at_once,
                _ => UNMEASURED_PAGE_SECONDS,
            };
            let slow_seconds = page + bound(&Stage::Store) + bound(&Stage::Index);
            Pace { in_flight: 0, per_second: 0.0, slow_seconds }
        }
        Lane::Digital => {
            let measured: f64 = Stage::ALL.iter().map(bound).sum();
            let guessed = 3.0 * each(gazettes) * at_once;
            let per_second = if each(gazettes) > 0.0 { 1.0 / each(gazettes) } else { 0.0 };
            Pace {
                in_flight: live.in_flight,
                per_second,
                slow_seconds: if measured > 0.0 { measured } else { guessed },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{LaneCounts, RecentScans, RunCounts};

    #[test]
    fn what_is_in_hand_is_finished_in_time() {
        for (in_flight, per_second, slow_seconds, seconds) in [
            (0, 0.0, 0.0, 3.0),    // nothing is known: the books alone
            (40, 10.0, 1.0, 7.0),  // all of it takes longer than a slow one
            (4, 10.0, 30.0, 33.0), // a slow one takes longer than all
            (4, 0.0, 2.0, 5.0),    // no rate yet
            (1_000_000, 0.1, 0.0, 3_603.0),
            (0, 5.0, f64::INFINITY, 3_603.0),
        ] {
            let time = time_to_finish(Pace { in_flight, per_second, slow_seconds });
            assert!((time.as_secs_f64() - seconds).abs() < 1e-6, "{in_flight} {per_second} {slow_seconds}: {time:?}");
        }
    }

    fn earlier(lane: LaneCounts) -> RunRecord {
        RunRecord::with_counts(RunCounts { digital: lane, ocr: lane, ..RunCounts::default() })
    }

    #[test]
    fn before_there_are_durations_those_of_earlier_runs_count() {
        let before = [earlier(LaneCounts { gazettes: 10, pages: 40, seconds: 20.0, ..LaneCounts::default() })];
        let mut live = Live { in_flight: 8, readers: 2, ..Live::default() };
        assert_eq!(pace(&live, &[]), Pace { in_flight: 8, ..Pace::default() });
        assert_eq!(pace(&live, &before), Pace { in_flight: 8, per_second: 0.5, slow_seconds: 12.0 });
        live.counts.digital = LaneCounts { gazettes: 10, seconds: 5.0, ..LaneCounts::default() };
        assert_eq!(pace(&live, &before), Pace { in_flight: 8, per_second: 2.0, slow_seconds: 3.0 });
        live.lane = Lane::Ocr;
        let slow = pace(&live, &before).slow_seconds;
        assert!((slow - 1.5).abs() < 1e-9, "two pages at once, half a second each, and half as much again: {slow}");
    }

    #[test]
    fn a_scan_takes_as_long_as_the_longest_of_the_last_ones() {
        let before = [earlier(LaneCounts { gazettes: 1, pages: 1, seconds: 900.0, ..LaneCounts::default() })];
        for (pages, mean_seconds, longest_seconds, slow) in [(1, 8.0, 8.0, 12.0), (32, 8.0, 20.0, 20.0)] {
            let scans = RecentScans { pages, mean_seconds, longest_seconds };
            let live = Live { lane: Lane::Ocr, readers: 8, scans, ..Live::default() };
            let seconds = pace(&live, &before).slow_seconds;
            assert!((seconds - slow).abs() < 1e-9, "{seconds}");
        }
        let first = Live { lane: Lane::Ocr, readers: 8, ..Live::default() };
        assert_eq!(pace(&first, &[]).slow_seconds.to_bits(), UNMEASURED_PAGE_SECONDS.to_bits());
        let cut_short = [earlier(LaneCounts { pages: 8, seconds: 40.0, ..LaneCounts::default() })];
        let one_reader = Live { readers: 1, ..first };
        assert!(
            (pace(&one_reader, &cut_short).slow_seconds - 7.5).abs() < 1e-9,
            "five seconds a page, and half of it more"
        );
    }
}
