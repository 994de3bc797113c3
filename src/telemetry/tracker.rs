//! Follows the gazettes of a run from event to event, and keeps what [`Live`] shows. A few words for an event: it is
//! called for each of them, by every stage.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::curve::Curve;
use super::histogram::{DOCUMENTS, SECONDS};
use super::live::{
    Breaker, BreakerState, Bulks, Connections, InFlight, Live, MemoryUse, Permits, Rates, RecentScans, StageUse,
};
use super::slots::Slots;
use super::{Event, Histogram, RunCounts, Stage, TreeMemory, memory};
use crate::gazette::{GazetteId, Lane};

/// Gazettes that are followed at most: many times what a run has in hand.
const MOST: usize = 4096;
/// Gazettes in [`Live::longest`].
const LONGEST: usize = 8;
/// Samples, two a second, over which recent rates are taken.
const RECENT: usize = 60;
/// Pages of scans whose durations are kept.
const SCANS: usize = 32;
/// Operations that are told apart; they are words of the program.
const OPERATIONS: usize = 64;

#[derive(Debug)]
struct Followed {
    key: Box<str>,
    claimed: Instant,
    stage: Stage,
    waiting: bool,
    since: Instant,
    /// Seconds that each stage took.
    took: BTreeMap<Stage, f32>,
}

/// A stage of a gazette that is over.
#[derive(Debug)]
pub(super) struct Passed {
    pub gazette: GazetteId,
    pub stage: Stage,
    pub began: Instant,
}

/// Sums at one moment.
#[derive(Debug, Clone, Copy)]
struct Sums {
    seconds: f64,
    documents: u64,
    bytes: u64,
    pages: u64,
}

#[derive(Debug)]
pub(super) struct Tracker {
    started: Instant,
    gazettes: HashMap<GazetteId, Followed>,
    durations: BTreeMap<Stage, Histogram>,
    breakers: BTreeMap<String, Breaker>,
    retries: BTreeMap<String, u64>,
    bulks: Bulks,
    permits: Permits,
    connections: Connections,
    downloaded_bytes: u64,
    pages: u64,
    readers: u32,
    bound_bytes: u64,
    memory: TreeMemory,
    own_bytes: u64,
    slots: Slots,
    curve: Curve,
    recent: VecDeque<Sums>,
    scans: VecDeque<Duration>,
    end: Option<Instant>,
    stopping: Option<String>,
    /// Moves on with every event that changes what is seen, samples apart.
    pub version: u64,
}

impl Tracker {
    pub fn new(started: Instant) -> Self {
        let services = ["catalog", "storage", "index"];
        Self {
            started,
            gazettes: HashMap::new(),
            durations: BTreeMap::new(),
            // Who sees this sees it in the catalogue, which has answered.
            breakers: services
                .map(|service| {
                    let is_untried = service != "catalog";
                    (service.to_owned(), Breaker { is_untried, ..Breaker::default() })
                })
                .into(),
            retries: BTreeMap::new(),
            bulks: Bulks::default(),
            permits: Permits::default(),
            connections: Connections::default(),
            downloaded_bytes: 0,
            pages: 0,
            readers: 0,
            bound_bytes: 0,
            memory: TreeMemory::default(),
            own_bytes: 0,
            slots: Slots::default(),
            curve: Curve::default(),
            recent: VecDeque::new(),
            scans: VecDeque::new(),
            end: None,
            stopping: None,
            version: 0,
        }
    }

    /// Follows one event; answers with the stage that is over by it.
    pub fn observe(&mut self, event: &Event<'_>, documents: u64, now: Instant) -> Option<Passed> {
        if let Event::Sampled(sample) = event {
            self.sampled(sample, documents, now);
            return None;
        }
        self.version += 1;
        match event {
            Event::RunStarted { memory_budget_bytes, .. } => self.bound_bytes = *memory_budget_bytes,
            Event::Claimed { gazette, key } if self.gazettes.len() < MOST => {
                let (stage, waiting) = (Stage::Download, true);
                let followed =
                    Followed { key: (*key).into(), claimed: now, stage, waiting, since: now, took: BTreeMap::new() };
                self.gazettes.insert(*gazette, followed);
            }
            Event::StageBegun { gazette, stage } => return self.moves(*gazette, *stage, false, now),
            Event::Downloaded { gazette, bytes, elapsed } => {
                self.downloaded_bytes += bytes;
                // A file of a folder is read where it lies, without a call.
                self.breaker("storage").is_untried = false;
                self.took_of(*gazette, Stage::Download, elapsed.as_secs_f64());
                return self.moves(*gazette, Stage::Extract, true, now);
            }
            Event::Extracted { gazette, pages, scans, elapsed, .. } => {
                self.pages += u64::from(*pages).saturating_sub(*scans as u64);
                self.took_of(*gazette, Stage::Extract, elapsed.as_secs_f64());
                return self.moves(*gazette, Stage::Store, true, now);
            }
            Event::PageRecognized { elapsed, .. } => {
                self.pages += 1;
                self.scans.truncate(SCANS - 1);
                self.scans.push_front(*elapsed);
            }
            Event::EndSet { within, .. } => self.end = Some(now + *within),
            Event::Recognized { gazette, elapsed, .. } => {
                self.took_of(*gazette, Stage::Ocr, elapsed.as_secs_f64());
                return self.moves(*gazette, Stage::Store, true, now);
            }
            Event::Interrupted { gazette, elapsed, .. } => self.took_of(*gazette, Stage::Ocr, elapsed.as_secs_f64()),
            Event::TextStored { gazette, elapsed, .. } => {
                self.took_of(*gazette, Stage::Store, elapsed.as_secs_f64());
                return self.moves(*gazette, Stage::Index, true, now);
            }
            Event::BulkAnswered { documents, acknowledged, resent, rejected, elapsed } => {
                #[allow(clippy::cast_precision_loss)] // a hundred at most
                self.bulks.documents.add(DOCUMENTS, *documents as f64);
                self.bulks.acknowledged += *acknowledged as u64;
                self.bulks.resent += *resent as u64;
                self.bulks.rejected += *rejected as u64;
                self.took(Stage::Index, elapsed.as_secs_f64());
            }
            Event::BulkSplit { .. } => self.bulks.split += 1,
            Event::Retrying { operation, .. }
                if self.retries.len() < OPERATIONS || self.retries.contains_key(*operation) =>
            {
                *self.retries.entry((*operation).to_owned()).or_default() += 1;
            }
            Event::ServiceAnswered { service } => self.breaker(service).is_untried = false,
            Event::BreakerOpened { service, error, .. } => {
                let breaker = self.breaker(service);
                breaker.state = BreakerState::Open;
                breaker.openings += 1;
                breaker.error = shortened(error, 500);
            }
            Event::BreakerHalfOpen { service } => self.breaker(service).state = BreakerState::HalfOpen,
            Event::BreakerReopened { service } => self.breaker(service).state = BreakerState::Open,
            Event::BreakerClosed { service, .. } => {
                let breaker = self.breaker(service);
                (breaker.state, breaker.is_untried) = (BreakerState::Closed, false);
            }
            Event::Indexed { gazette, .. }
            | Event::Failed { gazette, .. }
            | Event::Deferred { gazette, .. }
            | Event::Released { gazette, .. }
            | Event::ClaimLost { gazette, .. } => return self.leaves(*gazette),
            Event::Draining { reason } => self.stopping = Some(reason.as_str().to_owned()),
            // What is left was given back, or is free when the lease has run out.
            Event::RunFinished { .. } => self.gazettes.clear(),
            _ => {}
        }
        None
    }

    fn sampled(&mut self, sample: &super::Sample, documents: u64, now: Instant) {
        self.memory = sample.tree;
        self.own_bytes = sample.own_bytes;
        self.readers = sample.readers;
        self.permits = sample.permits;
        self.connections = sample.connections;
        self.slots.assign(&sample.children);
        let seconds = now.saturating_duration_since(self.started).as_secs_f64();
        self.curve.add(seconds, sample.tree.resident);
        self.recent.push_back(Sums { seconds, documents, bytes: self.downloaded_bytes, pages: self.pages });
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    fn took(&mut self, stage: Stage, seconds: f64) {
        self.durations.entry(stage).or_default().add(SECONDS, seconds);
    }

    fn took_of(&mut self, gazette: GazetteId, stage: Stage, seconds: f64) {
        self.took(stage, seconds);
        if let Some(followed) = self.gazettes.get_mut(&gazette) {
            #[allow(clippy::cast_possible_truncation)] // for people
            followed.took.insert(stage, seconds as f32);
        }
    }

    /// Seconds that each stage took of a gazette that has no outcome yet, the one that it is in so far.
    pub fn timings(&self, gazette: GazetteId, now: Instant) -> BTreeMap<Stage, f32> {
        let Some(followed) = self.gazettes.get(&gazette) else { return BTreeMap::new() };
        let mut took = followed.took.clone();
        if !followed.waiting {
            took.insert(followed.stage, now.saturating_duration_since(followed.since).as_secs_f32());
        }
        took
    }

    fn moves(&mut self, gazette: GazetteId, stage: Stage, waiting: bool, now: Instant) -> Option<Passed> {
        let followed = self.gazettes.get_mut(&gazette)?;
        let passed = (!followed.waiting && followed.stage != stage).then_some(Passed {
            gazette,
            stage: followed.stage,
            began: followed.since,
        });
        (followed.stage, followed.waiting, followed.since) = (stage, waiting, now);
        passed
    }

    fn leaves(&mut self, gazette: GazetteId) -> Option<Passed> {
        let followed = self.gazettes.remove(&gazette)?;
        let Followed { stage, waiting, since: began, .. } = followed;
        (!waiting).then_some(Passed { gazette, stage, began })
    }

    fn breaker(&mut self, service: &str) -> &mut Breaker {
        // As the log names them.
        let label = match service {
            "the catalogue" => "catalog",
            "the storage" => "storage",
            _ => "index",
        };
        self.breakers.entry(label.to_owned()).or_default()
    }

    /// What is to be seen now.
    pub fn live(&self, lane: Lane, counts: RunCounts, now: Instant) -> Live {
        let seconds_since = |moment: Instant| now.saturating_duration_since(moment).as_secs_f64();
        let mut stages: BTreeMap<Stage, StageUse> = Stage::ALL
            .into_iter()
            .map(|stage| {
                let seconds = self.durations.get(&stage).cloned().unwrap_or_default();
                (stage, StageUse { seconds, ..StageUse::default() })
            })
            .collect();
        for followed in self.gazettes.values() {
            let stage = stages.entry(followed.stage).or_default();
            *(if followed.waiting { &mut stage.waiting } else { &mut stage.working }) += 1;
        }
        let mut longest: Vec<(&GazetteId, &Followed)> = self.gazettes.iter().collect();
        // Who works holds others up; of those who wait, the oldest.
        longest.sort_unstable_by_key(|(id, followed)| (followed.waiting, followed.claimed, id.0));
        longest.truncate(LONGEST);
        let longest = longest
            .into_iter()
            .map(|(id, followed)| InFlight {
                id: *id,
                key: shortened(&followed.key, 200),
                stage: followed.stage,
                waiting: followed.waiting,
                seconds: seconds_since(followed.claimed),
                seconds_in_stage: seconds_since(followed.since),
            })
            .collect();
        Live {
            lane,
            recent: self.rates(&counts, seconds_since(self.started)),
            counts,
            memory: MemoryUse {
                resident_bytes: self.memory.resident,
                held_bytes: self.memory.held,
                peak_bytes: memory::peak_of_tree_bytes(),
                bound_bytes: self.bound_bytes,
                own_bytes: self.own_bytes,
                children_bytes: self.slots.bytes().to_vec(),
                over_time: self.curve.points().to_vec(),
            },
            readers: self.readers,
            stages,
            in_flight: self.gazettes.len() as u64,
            longest,
            breakers: self.breakers.clone(),
            retries: self.retries.clone(),
            bulks: self.bulks.clone(),
            permits: self.permits,
            connections: self.connections,
            downloaded_bytes: self.downloaded_bytes,
            scans: self.recent_scans(),
            seconds_to_end: self.end.map(|end| end.saturating_duration_since(now).as_secs_f64()),
            stopping: self.stopping.clone(),
        }
    }

    fn recent_scans(&self) -> RecentScans {
        let Some(longest) = self.scans.iter().max() else { return RecentScans::default() };
        #[allow(clippy::cast_possible_truncation)] // 32 at most
        let pages = self.scans.len() as u32;
        let sum: Duration = self.scans.iter().sum();
        RecentScans { pages, mean_seconds: (sum / pages).as_secs_f64(), longest_seconds: longest.as_secs_f64() }
    }

    fn rates(&self, counts: &RunCounts, seconds: f64) -> Rates {
        let beginning = Sums { seconds: 0.0, documents: 0, bytes: 0, pages: 0 };
        let then = self.recent.front().copied().filter(|_| self.recent.len() >= RECENT).unwrap_or(beginning);
        let span = (seconds - then.seconds).max(0.5);
        #[allow(clippy::cast_precision_loss)] // rates for people
        let rate = |now: u64, then: u64| now.saturating_sub(then) as f64 / span;
        Rates {
            documents: rate(counts.finished() + counts.deferred, then.documents),
            bytes: rate(self.downloaded_bytes, then.bytes),
            pages: rate(self.pages, then.pages),
        }
    }
}

/// The first of its characters.
pub(crate) fn shortened(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Sample;
    use super::*;
    use crate::failure::{Failure, FailureCode};

    const ID: GazetteId = GazetteId(1);

    #[test]
    fn a_gazette_is_followed_from_its_claim_to_its_outcome() {
        let start = Instant::now();
        let mut tracker = Tracker::new(start);
        let elapsed = Duration::from_millis(80);
        let failure = Failure::new(FailureCode::NotFound, "404");
        let mut passed = Vec::new();
        let mut seen = Vec::new();
        let events = [
            Event::Claimed { gazette: ID, key: "a.pdf" },
            Event::StageBegun { gazette: ID, stage: Stage::Download },
            Event::Downloaded { gazette: ID, bytes: 1000, elapsed },
            Event::StageBegun { gazette: ID, stage: Stage::Extract },
            Event::Extracted {
                gazette: ID,
                pages: 5,
                scans: 1,
                characters: 9,
                recovered: false,
                partial: false,
                elapsed,
            },
            Event::StageBegun { gazette: ID, stage: Stage::Ocr },
            Event::PageRecognized { gazette: ID, elapsed },
            Event::Recognized { gazette: ID, pages: 1, by_engine: 1, confidence: None, warnings: &[], elapsed },
            Event::StageBegun { gazette: ID, stage: Stage::Store },
            Event::TextStored { gazette: ID, bytes: 9, elapsed },
            Event::StageBegun { gazette: ID, stage: Stage::Index },
            Event::BulkAnswered { documents: 1, acknowledged: 0, resent: 0, rejected: 1, elapsed },
            Event::Failed { gazette: ID, key: "a.pdf", failure: &failure, again: false },
        ];
        for (second, event) in (0..).zip(&events) {
            let now = start + Duration::from_secs(second);
            passed.extend(tracker.observe(event, 0, now).map(|passed| passed.stage));
            let live = tracker.live(Lane::Digital, RunCounts::default(), now + Duration::from_secs(1));
            seen.extend(live.longest.first().map(|first| (first.stage, first.waiting, first.seconds_in_stage > 0.9)));
        }
        assert_eq!(passed, Stage::ALL);
        assert_eq!(seen.len(), events.len() - 1, "with its outcome it is gone");
        assert_eq!(seen[0], (Stage::Download, true, true));
        assert_eq!(seen[5], (Stage::Ocr, false, true));
        let live = tracker.live(Lane::Ocr, RunCounts::default(), start + Duration::from_secs(10));
        assert_eq!((live.in_flight, live.downloaded_bytes, live.bulks.rejected), (0, 1000, 1));
        assert!(Stage::ALL.iter().all(|stage| live.stages[stage].seconds.count() == 1), "{:?}", live.stages);
        assert!((live.recent.pages - 0.5).abs() < 1e-9, "{:?}", live.recent);
    }

    #[test]
    fn the_last_pages_say_how_long_a_page_takes() {
        let start = Instant::now();
        let mut tracker = Tracker::new(start);
        let live = |tracker: &Tracker| tracker.live(Lane::Ocr, RunCounts::default(), start + Duration::from_secs(10));
        assert_eq!((live(&tracker).scans, live(&tracker).seconds_to_end), (RecentScans::default(), None));
        tracker.observe(&Event::EndSet { at: "", within: Duration::from_mins(1) }, 0, start);
        for seconds in (1..=100).rev() {
            let elapsed = Duration::from_secs(seconds);
            tracker.observe(&Event::PageRecognized { gazette: ID, elapsed }, 0, start);
        }
        assert_eq!(live(&tracker).scans, RecentScans { pages: 32, mean_seconds: 16.5, longest_seconds: 32.0 });
        assert_eq!(live(&tracker).seconds_to_end, Some(50.0));
    }

    #[test]
    fn what_is_seen_is_bounded_and_survives_json() {
        let start = Instant::now();
        let mut tracker = Tracker::new(start);
        let long = "x".repeat(5000);
        for id in 0..5000 {
            tracker.observe(&Event::Claimed { gazette: GazetteId(id), key: &long }, 0, start);
        }
        let mut sample = Sample { children: (0..500).map(|pid| (pid, 1 << 40)).collect(), ..Sample::default() };
        for second in 0..5000 {
            sample.tree.resident = second << 30;
            tracker.observe(&Event::Sampled(&sample), second, start + Duration::from_secs(second));
        }
        let error = std::io::Error::other("no");
        let opened = Event::BreakerOpened { service: "the storage", error: &long, wait: Duration::ZERO };
        let retried = |operation| Event::Retrying { operation, error: &error, wait: Duration::ZERO, gazette: None };
        let words: Vec<String> = (0..200).map(|number| format!("operation {number}")).collect();
        for word in &words {
            tracker.observe(&retried(word), 0, start);
        }
        tracker.observe(&opened, 0, start);
        let live = tracker.live(Lane::Digital, RunCounts::default(), start + Duration::from_secs(9));
        let json = serde_json::to_string(&live).unwrap();
        assert!(json.len() < 20_000, "{} bytes", json.len());
        assert_eq!(live.breakers["storage"].state, BreakerState::Open);
        assert_eq!(serde_json::from_str::<Live>(&json).unwrap().breakers, live.breakers);
        assert_eq!(serde_json::from_str::<Live>("{}").unwrap(), Live::default());
    }
}
