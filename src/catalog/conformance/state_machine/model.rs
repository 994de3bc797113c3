//! What the catalogue should hold, said as plainly as possible.

use crate::failure::{FailureCode, Permanence};

/// Failures in a row that a gazette may have.
pub const ATTEMPTS: u32 = 3;

/// A run by its place in [`Model::runs`].
pub type Run = usize;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Unprocessed,
    All,
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    Never,
    Later,
    Now,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: FailureCode,
    pub due: Due,
    /// The file that it is about.
    pub file: u32,
    /// By an extractor that is no longer the newest.
    pub outdated: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gazette {
    /// Which file lies in the storage now: the scraper exchanges it.
    pub file: u32,
    pub processed: bool,
    pub holder: Option<Run>,
    /// The lease of the row has passed.
    pub expired: bool,
    pub started: bool,
    pub starts: u32,
    pub failures: u32,
    pub failure: Option<Failure>,
    /// It was indexed at least once.
    pub indexed: bool,
    /// The run of the last outcome.
    pub finished_by: Option<Run>,
}

impl Gazette {
    /// The word in `prelo_gazettes.state`.
    pub fn state(&self) -> &'static str {
        match (self.holder, self.started, &self.failure, self.indexed) {
            (Some(_), true, ..) => "started",
            (Some(_), false, ..) => "claimed",
            (None, _, Some(_), _) => "failed",
            (None, _, None, true) => "indexed",
            (None, _, None, false) => "pending",
        }
    }

    fn set_free(&mut self) {
        (self.holder, self.expired, self.started) = (None, false, false);
    }

    fn give_back(&mut self) {
        if self.started {
            self.starts = self.starts.saturating_sub(1);
        }
        self.set_free();
    }

    fn is_wanted(&self, wish: Wish) -> bool {
        let failed = self.state() == "failed";
        match wish {
            Wish::All => true,
            Wish::Failed => failed,
            Wish::Unprocessed if failed => {
                self.failure.as_ref().is_some_and(|failure| failure.due == Due::Now || self.has_changed(failure))
            }
            Wish::Unprocessed => !self.processed,
        }
    }

    fn has_changed(&self, failure: &Failure) -> bool {
        failure.file != self.file || failure.outdated
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunState {
    pub open: bool,
    pub expired: bool,
}

#[derive(Debug, Default)]
pub struct Model {
    pub gazettes: Vec<Gazette>,
    pub runs: Vec<RunState>,
}

impl Model {
    /// How many gazettes of dead runs are freed; `None`: another run is alive.
    pub fn begin(&mut self) -> Option<u64> {
        if self.runs.iter().any(|run| run.open && !run.expired) {
            return None;
        }
        self.runs.iter_mut().for_each(|run| run.open = false);
        self.runs.push(RunState { open: true, expired: false });
        let held = self.gazettes.iter_mut().filter(|gazette| gazette.holder.is_some());
        Some(held.map(Gazette::set_free).count() as u64)
    }

    /// What a run that has not touched it yet finds.
    pub fn lists(&self, run: Run, wish: Wish) -> Vec<usize> {
        let fresh = |gazette: &Gazette| gazette.holder != Some(run) && gazette.finished_by != Some(run);
        let free = |gazette: &Gazette| gazette.holder.is_none() || gazette.expired;
        let found = self.gazettes.iter().enumerate();
        found
            .filter(|(_, gazette)| fresh(gazette) && free(gazette) && gazette.is_wanted(wish))
            .map(|(i, _)| i)
            .collect()
    }

    /// Whether the claim is got.
    pub fn claim(&mut self, run: Run, gazette: usize, asked: bool) -> bool {
        let gazette = &mut self.gazettes[gazette];
        let free = gazette.holder.is_none_or(|holder| holder == run || gazette.expired);
        if !self.runs[run].open || !free {
            return false;
        }
        (gazette.holder, gazette.expired) = (Some(run), false);
        if let Some(failure) = gazette.failure.clone()
            && (asked || gazette.has_changed(&failure))
        {
            (gazette.starts, gazette.failures) = (0, 0);
            gazette.failure = Some(Failure { due: Due::Now, file: gazette.file, outdated: false, ..failure });
        }
        true
    }

    pub fn start(&mut self, run: Run, gazette: usize) -> bool {
        let gazette = &mut self.gazettes[gazette];
        if gazette.holder != Some(run) {
            return false;
        }
        gazette.starts += u32::from(!gazette.started);
        gazette.started = true;
        true
    }

    pub fn survive(&mut self, run: Run, gazette: usize) {
        let gazette = &mut self.gazettes[gazette];
        if gazette.holder == Some(run) && gazette.started {
            (gazette.starts, gazette.started) = (0, false);
        }
    }

    /// Whether it is marked, now or by an earlier call of the same run.
    pub fn complete(&mut self, run: Run, gazette: usize, file: u32) -> bool {
        let gazette = &mut self.gazettes[gazette];
        if gazette.holder != Some(run) {
            return gazette.state() == "indexed" && gazette.finished_by == Some(run);
        }
        gazette.set_free();
        (gazette.starts, gazette.failures, gazette.failure, gazette.indexed) = (0, 0, None, true);
        gazette.finished_by = Some(run);
        gazette.processed = gazette.file == file;
        true
    }

    /// As [`Self::complete`].
    pub fn fail(&mut self, run: Run, gazette: usize, file: u32, code: FailureCode) -> bool {
        let gazette = &mut self.gazettes[gazette];
        if gazette.holder != Some(run) {
            return gazette.state() == "failed" && gazette.finished_by == Some(run);
        }
        gazette.failures += 1;
        if gazette.started {
            gazette.starts = 0;
        }
        gazette.set_free();
        gazette.finished_by = Some(run);
        let due = match code.permanence() {
            Permanence::Permanent => Due::Never,
            Permanence::Retryable if gazette.failures >= ATTEMPTS => Due::Never,
            Permanence::Retryable | Permanence::External => Due::Later,
        };
        gazette.failure = Some(Failure { code, due, file, outdated: false });
        true
    }

    pub fn release(&mut self, run: Run, gazette: usize) {
        let gazette = &mut self.gazettes[gazette];
        if gazette.holder == Some(run) {
            gazette.give_back();
        }
    }

    /// `false`: the lease is lost.
    pub fn heartbeat(&mut self, run: Run) -> bool {
        if !self.runs[run].open {
            return false;
        }
        self.runs[run].expired = false;
        self.held_by(run).for_each(|gazette| gazette.expired = false);
        true
    }

    pub fn finish(&mut self, run: Run) {
        if self.runs[run].open {
            self.held_by(run).for_each(Gazette::give_back);
            self.runs[run].open = false;
        }
    }

    /// The leases that there are pass.
    pub fn expire(&mut self) {
        self.runs.iter_mut().filter(|run| run.open).for_each(|run| run.expired = true);
        self.gazettes.iter_mut().filter(|gazette| gazette.holder.is_some()).for_each(|gazette| gazette.expired = true);
    }

    /// So much time passes that every wait is over.
    pub fn wait(&mut self) {
        for failure in self.gazettes.iter_mut().filter_map(|gazette| gazette.failure.as_mut()) {
            if failure.due == Due::Later {
                failure.due = Due::Now;
            }
        }
    }

    fn held_by(&mut self, run: Run) -> impl Iterator<Item = &mut Gazette> {
        self.gazettes.iter_mut().filter(move |gazette| gazette.holder == Some(run))
    }
}
