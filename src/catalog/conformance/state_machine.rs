//! Random histories of a few gazettes, played against the catalogue and against a model of it: processes that list,
//! claim, start, acknowledge, fail, die and come too late, while leases pass and files are exchanged.
//!
//! After every step the two must agree. At the end of a history the world calms down, and runs follow one another until
//! nothing is left to do: then every gazette has its outcome, and one that kills its reader is set aside by name.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::{Config, TestRunner};

use super::super::{Begun, Completion, Cursor, FailedGazette, RunCounts};
use super::world::{LEASE, World, completion, failed, gazette_ids, in_postgres, in_sqlite, mode, raw_ids};
use crate::failure::{FailureCode, Permanence};
use crate::gazette::{FailedFilter, GazetteId, Mode, RunId, Selection};
use crate::retry::Recheck;
use model::{ATTEMPTS, Due, Gazette, Model, Run, Wish};

mod model;

const GAZETTES: usize = 4;
const PROCESSES: usize = 2;
/// Deaths during the reading of one gazette, after which it is not read again.
const QUARANTINE: u32 = 3;

/// One thing that happens. `process` and `gazette` are places in their lists; where a process deals with a gazette, in
/// the list of those that it has claimed, counted round and round.
#[derive(Debug, Clone)]
enum Step {
    Begin {
        process: usize,
        wish: Wish,
    },
    /// Lists, and claims what it found; `dies` before it has looked at what it got.
    Claim {
        process: usize,
        dies: bool,
    },
    Start {
        process: usize,
        gazette: usize,
    },
    Survive {
        process: usize,
        gazette: usize,
    },
    /// The index has the document; `dies` before the catalogue hears of it.
    Acknowledge {
        process: usize,
        gazette: usize,
        dies: bool,
    },
    Fail {
        process: usize,
        gazette: usize,
        code: FailureCode,
    },
    Release {
        process: usize,
        gazette: usize,
    },
    Heartbeat {
        process: usize,
    },
    Finish {
        process: usize,
    },
    Kill {
        process: usize,
    },
    Expire,
    Wait,
    Exchange {
        gazette: usize,
    },
    Outdate {
        gazette: usize,
    },
}

#[derive(Debug, Clone)]
struct History {
    steps: Vec<Step>,
    /// Gazettes that kill whoever reads them, once the world has calmed down.
    poison: BTreeSet<usize>,
}

fn histories() -> impl Strategy<Value = History> {
    let process = || 0..PROCESSES;
    let gazette = || 0..GAZETTES;
    let both = || (0..PROCESSES, 0..GAZETTES);
    let wish = prop_oneof![3 => Just(Wish::Unprocessed), 1 => Just(Wish::All), 1 => Just(Wish::Failed)];
    let code = prop_oneof![
        Just(FailureCode::NotFound),
        Just(FailureCode::NotFound),
        Just(FailureCode::SpoolFull),
        Just(FailureCode::NeedsOcr)
    ];
    let dies = || proptest::bool::weighted(0.1);
    let step = prop_oneof![
        4 => (process(), wish).prop_map(|(process, wish)| Step::Begin { process, wish }),
        5 => (process(), dies()).prop_map(|(process, dies)| Step::Claim { process, dies }),
        8 => both().prop_map(|(process, gazette)| Step::Start { process, gazette }),
        4 => both().prop_map(|(process, gazette)| Step::Survive { process, gazette }),
        3 => (both(), dies()).prop_map(|((process, gazette), dies)| Step::Acknowledge { process, gazette, dies }),
        4 => (both(), code).prop_map(|((process, gazette), code)| Step::Fail { process, gazette, code }),
        2 => both().prop_map(|(process, gazette)| Step::Release { process, gazette }),
        1 => process().prop_map(|process| Step::Heartbeat { process }),
        2 => process().prop_map(|process| Step::Finish { process }),
        1 => process().prop_map(|process| Step::Kill { process }),
        3 => Just(Step::Expire),
        2 => Just(Step::Wait),
        1 => gazette().prop_map(|gazette| Step::Exchange { gazette }),
        1 => gazette().prop_map(|gazette| Step::Outdate { gazette }),
    ];
    let poison = proptest::collection::btree_set(gazette(), 0..=2);
    (proptest::collection::vec(step, 1..80), poison).prop_map(|(steps, poison)| History { steps, poison })
}

fn check(cases: u32, play: impl Fn(History)) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let outcome = TestRunner::new(config).run(&histories(), |history| {
        play(history);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn sqlite_agrees_with_the_model() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    check(48, |history| runtime.block_on(in_sqlite(async |world| play(world, history).await)));
}

#[test]
fn postgres_agrees_with_the_model() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cases = if std::env::var_os("PRELO_TEST_CATALOG").is_some() { 16 } else { 1 };
    check(cases, |history| runtime.block_on(in_postgres(async |world| play(world, history).await)));
}

/// A process at work, alive or thinking that it still holds its lease.
struct Process {
    run: Run,
    wish: Wish,
    /// What it thinks it may read, with the file that it saw.
    claimed: BTreeMap<usize, u32>,
}

struct Play<'a> {
    world: &'a World,
    model: Model,
    /// The ids of [`Model::runs`].
    runs: Vec<RunId>,
    processes: [Option<Process>; PROCESSES],
    /// Which file of which gazette the index has acknowledged, ever.
    acknowledged: BTreeSet<(usize, u32)>,
}

async fn play(world: &World, history: History) {
    world.with_gazettes(id(GAZETTES - 1).0).await;
    let mut play = Play {
        world,
        model: Model { gazettes: vec![Gazette::default(); GAZETTES], runs: Vec::new() },
        runs: Vec::new(),
        processes: [const { None }; PROCESSES],
        acknowledged: BTreeSet::new(),
    };
    for gazette in 0..GAZETTES {
        world.execute(&format!("UPDATE gazettes SET file_checksum = 'file 0' WHERE id = {}", gazette + 1)).await;
    }
    for step in history.steps {
        play.step(step.clone()).await;
        play.agrees(&step).await;
    }
    play.calm_down(&history.poison).await;
}

fn id(gazette: usize) -> GazetteId {
    GazetteId(i64::try_from(gazette).unwrap() + 1)
}

fn selection(wish: Wish) -> Selection {
    match wish {
        Wish::Unprocessed => mode(Mode::Unprocessed),
        Wish::All => mode(Mode::All),
        Wish::Failed => Selection { failed: Some(FailedFilter::Any), ..mode(Mode::All) },
    }
}

impl Play<'_> {
    async fn step(&mut self, step: Step) {
        let catalog = &self.world.catalog;
        match step {
            Step::Begin { process, wish } => self.begin(process, wish).await,
            Step::Claim { process, dies } => self.claim(process, dies).await,
            Step::Start { process, gazette } => {
                let Some((run, gazette, _)) = self.chosen(process, gazette) else { return };
                let started = catalog.start(self.runs[run], id(gazette)).await.unwrap();
                assert_eq!(started, self.model.start(run, gazette));
            }
            Step::Survive { process, gazette } => {
                let Some((run, gazette, _)) = self.chosen(process, gazette) else { return };
                catalog.survived(self.runs[run], id(gazette)).await.unwrap();
                self.model.survive(run, gazette);
            }
            Step::Acknowledge { process, gazette, dies } => {
                let Some((run, gazette, file)) = self.chosen(process, gazette) else { return };
                self.acknowledged.insert((gazette, file));
                if dies {
                    self.processes[process] = None;
                } else {
                    self.complete(run, gazette, file).await;
                }
            }
            Step::Fail { process, gazette, code } => {
                let Some((run, gazette, file)) = self.chosen(process, gazette) else { return };
                self.fail(run, gazette, file, code).await;
            }
            Step::Release { process, gazette } => {
                let Some((run, gazette, _)) = self.chosen(process, gazette) else { return };
                catalog.release(self.runs[run], &[id(gazette)]).await.unwrap();
                self.model.release(run, gazette);
            }
            Step::Heartbeat { process } => {
                let Some(Process { run, .. }) = self.processes[process] else { return };
                let alive = catalog.heartbeat(self.runs[run], LEASE, &RunCounts::default()).await.unwrap();
                assert_eq!(alive, self.model.heartbeat(run));
            }
            Step::Finish { process } => {
                let Some(Process { run, .. }) = self.processes[process].take() else { return };
                catalog.finish_run(self.runs[run], &RunCounts::default(), None).await.unwrap();
                self.model.finish(run);
            }
            Step::Kill { process } => self.processes[process] = None,
            Step::Expire => self.expire().await,
            Step::Wait => self.wait().await,
            Step::Exchange { gazette } => {
                let gazette_id = id(gazette);
                let gazette = &mut self.model.gazettes[gazette];
                (gazette.file, gazette.processed) = (gazette.file + 1, false);
                let file = gazette.file;
                let exchange = "UPDATE gazettes SET processed = false, file_checksum";
                self.world.execute(&format!("{exchange} = 'file {file}' WHERE id = {gazette_id}")).await;
            }
            Step::Outdate { gazette } => {
                let outdate = "UPDATE prelo_gazettes SET extractor_version = extractor_version - 1";
                self.world.execute(&format!("{outdate} WHERE gazette_id = {}", id(gazette))).await;
                if let Some(failure) = &mut self.model.gazettes[gazette].failure {
                    failure.outdated = true;
                }
            }
        }
    }

    /// Run, gazette and the file that it saw. Only what the quarantine let through is among them.
    fn chosen(&self, process: usize, gazette: usize) -> Option<(Run, usize, u32)> {
        let Process { run, claimed, .. } = self.processes[process].as_ref()?;
        let (gazette, file) = claimed.iter().nth(gazette % claimed.len().max(1))?;
        Some((*run, *gazette, *file))
    }

    async fn begin(&mut self, process: usize, wish: Wish) {
        let run = RunId::new();
        let begun = self.world.catalog.begin_run(run, &selection(wish), LEASE).await.unwrap();
        match self.model.begin() {
            Some(recovered) => {
                assert_eq!(begun, Begun::Started { recovered });
                self.runs.push(run);
                let run = self.runs.len() - 1;
                self.processes[process] = Some(Process { run, wish, claimed: BTreeMap::new() });
            }
            None => assert!(matches!(begun, Begun::Busy { .. }), "{begun:?} beside a run that is alive"),
        }
    }

    async fn claim(&mut self, process: usize, dies: bool) {
        let Some(Process { run, wish, .. }) = self.processes[process] else { return };
        let token = self.runs[run];
        let listed = self.world.pass(&selection(wish), token, Cursor::Before(None), 100, true).await;
        let mut listed = raw_ids(listed.iter().map(|listed| &listed.gazette.id));
        listed.reverse();
        let expected: Vec<i64> = self.model.lists(run, wish).into_iter().map(|gazette| id(gazette).0).collect();
        assert_eq!(listed, expected, "{wish:?} for run {run}");

        let asked = selection(wish).asks_by_name();
        let claims = self.world.catalog.claim(token, &gazette_ids(&listed), LEASE, asked).await.unwrap();
        let mut got: Vec<i64> = claims.iter().map(|claim| claim.id.0).collect();
        got.sort_unstable();
        let places = listed.iter().map(|id| usize::try_from(id - 1).unwrap());
        let expected: Vec<usize> = places.filter(|gazette| self.model.claim(run, *gazette, asked)).collect();
        assert_eq!(got, expected.iter().map(|gazette| id(*gazette).0).collect::<Vec<_>>());
        if dies {
            self.processes[process] = None;
            return;
        }
        for claim in claims {
            let gazette = usize::try_from(claim.id.0 - 1).unwrap();
            let file = self.model.gazettes[gazette].file;
            assert_eq!(claim.starts, self.model.gazettes[gazette].starts);
            if claim.starts >= QUARANTINE {
                self.fail(run, gazette, file, FailureCode::Quarantined).await;
            } else if let Some(process) = &mut self.processes[process] {
                process.claimed.insert(gazette, file);
            }
        }
    }

    async fn complete(&mut self, run: Run, gazette: usize, file: u32) {
        let completion = Completion { file_checksum: Some(format!("file {file}")), ..completion(id(gazette).0) };
        let marked = self.world.catalog.complete(self.runs[run], &[completion]).await.unwrap();
        assert_eq!(!marked.is_empty(), self.model.complete(run, gazette, file));
    }

    async fn fail(&mut self, run: Run, gazette: usize, file: u32, code: FailureCode) {
        let recheck = |attempts| Recheck { first: LEASE * 60, longest: LEASE * 240, attempts };
        let recheck = match code.permanence() {
            Permanence::Permanent => None,
            Permanence::Retryable => Some(recheck(Some(ATTEMPTS))),
            Permanence::External => Some(recheck(None)),
        };
        let failure =
            FailedGazette { recheck, file_checksum: Some(format!("file {file}")), ..failed(id(gazette).0, code, None) };
        let marked = self.world.catalog.fail(self.runs[run], &[failure]).await.unwrap();
        assert_eq!(!marked.is_empty(), self.model.fail(run, gazette, file, code));
    }

    async fn expire(&mut self) {
        let past = self.world.ago("1 hours");
        self.world.execute(&format!("UPDATE prelo_runs SET lease_until = {past} WHERE finished_at IS NULL")).await;
        self.world
            .execute(&format!("UPDATE prelo_gazettes SET lease_until = {past} WHERE lease_run IS NOT NULL"))
            .await;
        self.model.expire();
    }

    async fn wait(&mut self) {
        let past = self.world.ago("1 hours");
        self.world
            .execute(&format!("UPDATE prelo_gazettes SET next_attempt_at = {past} WHERE next_attempt_at IS NOT NULL"))
            .await;
        self.model.wait();
    }

    /// The catalogue and the model say the same, and what must never be is not.
    async fn agrees(&self, step: &Step) {
        let open = self.world.number("SELECT count(*) FROM prelo_runs WHERE finished_at IS NULL").await;
        assert!(open <= 1, "{open} runs are open after {step:?}");
        assert_eq!(open == 1, self.model.runs.iter().any(|run| run.open), "after {step:?}");
        for (place, gazette) in self.model.gazettes.iter().enumerate() {
            let explanation = self.world.catalog.explain(id(place)).await.unwrap().unwrap();
            let seen = format!("gazette {} after {step:?}: {gazette:#?}\n{explanation:#?}", id(place));
            assert_eq!(explanation.processed, gazette.processed, "{seen}");
            if explanation.processed {
                assert!(self.acknowledged.contains(&(place, gazette.file)), "marked and not acknowledged: {seen}");
            }
            let Some(state) = explanation.state else {
                assert_eq!(*gazette, Gazette { file: gazette.file, ..Gazette::default() }, "{seen}");
                continue;
            };
            assert_eq!(state.state, gazette.state(), "{seen}");
            assert_eq!(state.lease_run, gazette.holder.map(|run| self.runs[run]), "{seen}");
            assert_eq!((state.starts, state.failures), (gazette.starts, gazette.failures), "{seen}");
            assert!(state.starts <= QUARANTINE, "{seen}");
            let code = gazette.failure.as_ref().map(|failure| failure.code.as_str());
            assert_eq!(state.failure_code.as_deref(), code, "{seen}");
            let comes_back = gazette.failure.as_ref().is_some_and(|failure| failure.due != Due::Never);
            assert_eq!(state.next_attempt_at.is_some(), comes_back, "{seen}");
            assert_eq!(state.run_id, gazette.finished_by.map(|run| self.runs[run]), "{seen}");
        }
    }

    /// Runs follow one another, each as a run does it, until one finds nothing to do.
    async fn calm_down(&mut self, poison: &BTreeSet<usize>) {
        for gazette in poison {
            self.acknowledged.retain(|(acknowledged, _)| acknowledged != gazette);
            self.step(Step::Exchange { gazette: *gazette }).await;
        }
        // Every poison kills as often as it may; then one run does the rest, and one finds nothing.
        for _ in 0..=poison.len() * QUARANTINE as usize + 1 {
            self.expire().await;
            self.wait().await;
            self.begin(0, Wish::Unprocessed).await;
            self.claim(0, false).await;
            let Some(Process { run, claimed, .. }) = &self.processes[0] else { unreachable!() };
            let (run, claimed) = (*run, claimed.clone());
            for (gazette, file) in claimed {
                let (token, poisonous) = (self.runs[run], poison.contains(&gazette));
                assert!(self.world.catalog.start(token, id(gazette)).await.unwrap());
                self.model.start(run, gazette);
                if poisonous {
                    break;
                }
                self.acknowledged.insert((gazette, file));
                self.complete(run, gazette, file).await;
            }
            self.agrees(&Step::Wait).await;
        }
        assert_eq!(self.world.selected(&mode(Mode::Unprocessed)).await, [] as [i64; 0], "nothing is left to do");
        for (place, gazette) in self.model.gazettes.iter().enumerate() {
            assert!(matches!(gazette.state(), "indexed" | "failed"), "gazette {}: {gazette:?}", id(place));
            assert!(gazette.processed || gazette.failure.is_some(), "gazette {}: {gazette:?}", id(place));
            if poison.contains(&place) {
                let code = gazette.failure.as_ref().map(|failure| failure.code);
                assert_eq!(code, Some(FailureCode::Quarantined), "gazette {}: {gazette:?}", id(place));
            }
        }
    }
}
