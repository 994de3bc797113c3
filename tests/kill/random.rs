//! Runs that are killed at random moments, for `ops/kill-loop`.
//!
//! Kills hit one backlog until it is done; then it is compared with what an undisturbed run makes of it, and the next
//! begins from nothing, until there were as many kills as were asked for. Then one run goes to the end.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::backlog::{Backlog, Place, large_files};
use crate::outcome::Differences;
use crate::support::Prelo;

/// A few hundred.
const GAZETTES: usize = 300;
/// A run lives at most so long a part of what an undisturbed one takes, so that several kills come upon each backlog,
/// and no longer than this.
const PARTS: u32 = 4;
const LONGEST: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "ops/kill-loop runs it"]
async fn random_moments_in_a_folder() {
    random_moments(Place::Folder).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "ops/kill-loop runs it"]
async fn random_moments_on_servers() {
    random_moments(Place::Servers).await;
}

fn asked<T: std::str::FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is {text}")))
}

/// What was going on when a run was killed.
#[derive(Default)]
struct Moments {
    before_the_lease: u32,
    before_the_first_mark: u32,
    at_work: u32,
}

/// Over all backlogs.
#[derive(Default)]
struct Sums {
    kills: u32,
    moments: Moments,
    backlogs: u32,
    lost: usize,
    doubled: usize,
    other: usize,
}

impl Sums {
    fn add(&mut self, differences: &Differences) {
        self.backlogs += 1;
        self.lost += differences.lost.len();
        self.doubled += differences.doubled.len();
        self.other += differences.other.len();
        if !differences.is_empty() {
            println!("backlog {}: {differences}", self.backlogs);
        }
    }
}

async fn random_moments(place: Place) {
    let kills = asked("PRELO_TEST_KILLS").unwrap_or(20);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = asked("PRELO_TEST_KILL_SEED").unwrap_or(now.as_secs());
    let files = large_files(GAZETTES);
    // The first is the one that nobody disturbs.
    let Some(backlog) = Backlog::new(place, &files).await else { return };
    let patient = patience(backlog.prelo());
    let began = Instant::now();
    backlog.finish(patient).await;
    let undisturbed = began.elapsed();
    let oracle = backlog.outcome().await;
    backlog.remove().await;
    assert!(oracle.marked() + 4 == oracle.rows.len() && oracle.marked_in_vain().is_empty(), "the oracle is no good");
    let longest = (undisturbed / PARTS).min(LONGEST);
    println!(
        "{place:?}: {kills} kills, seed {seed}, {} gazettes; undisturbed {:.1} s, killed within {:.1} s",
        oracle.rows.len(),
        undisturbed.as_secs_f64(),
        longest.as_secs_f64()
    );

    let mut random = Random(seed);
    let mut sums = Sums::default();
    let mut backlog = Backlog::new(place, &files).await.unwrap();
    while sums.kills < kills {
        backlog.expire_lease().await;
        let mut run = backlog.start(&backlog.command(patient));
        let moment = Instant::now() + longest.mul_f64(random.fraction());
        while Instant::now() < moment && !run.has_ended() {
            tokio::time::sleep(moment.saturating_duration_since(Instant::now()).min(Duration::from_millis(5))).await;
        }
        if !run.has_ended() {
            run.kill();
        }
        let ended = run.end();
        if ended.was_killed() {
            sums.kills += 1;
            *match (ended.told("run started"), ended.told("indexed")) {
                (false, _) => &mut sums.moments.before_the_lease,
                (true, false) => &mut sums.moments.before_the_first_mark,
                (true, true) => &mut sums.moments.at_work,
            } += 1;
        } else if !ended.was_busy() {
            assert!(matches!(ended.status.code(), Some(0 | 3)), "{:?}\n{}", ended.status, ended.stderr);
            sums.add(&backlog.outcome().await.against(&oracle));
            backlog.remove().await;
            backlog = Backlog::new(place, &files).await.unwrap();
        }
    }
    backlog.finish(patient).await;
    sums.add(&backlog.outcome().await.against(&oracle));
    backlog.remove().await;

    let Sums { kills, moments, backlogs, lost, doubled, other } = sums;
    println!(
        "{place:?}: {kills} kills over {backlogs} backlogs ({} before the lease, {} before the first mark, {} after it) \
         in {:.0} s: {lost} lost, {doubled} doubled, {other} otherwise different",
        moments.before_the_lease,
        moments.before_the_first_mark,
        moments.at_work,
        began.elapsed().as_secs_f64()
    );
    assert_eq!((lost, doubled, other), (0, 0, 0), "again with --seed {seed}");
}

/// Each kill leaves the starts counted of what was being read, and the real ones of these gazettes take long to read:
/// the bound for files that end their reader must not be met by files that are killed with it.
const BOUND: &str = "quarantine_after_starts";

/// Empty for a binary that has no such bound.
fn patience(prelo: &Prelo) -> &'static [&'static str] {
    let settings = prelo.json(0, &["config"]);
    let bounded = settings.as_array().unwrap().iter().any(|setting| setting["key"] == BOUND);
    if bounded { &["--quarantine-after-starts", "1000"] } else { &[] }
}

/// `SplitMix64` (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1, evenly.
    #[allow(clippy::cast_precision_loss)] // 32 bits are enough
    fn fraction(&mut self) -> f64 {
        (self.next() >> 32) as f64 / f64::from(u32::MAX)
    }
}
