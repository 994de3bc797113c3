//! How a run ended, in words for people: one catalogue for the terminal and for the pages.

use super::RunRecord;
use crate::gazette::RunId;

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunEnd<'a> {
    pub outlook: Outlook,
    portuguese: &'a str,
    english: &'a str,
}

/// Whether somebody should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// It ended as it was wanted.
    Good,
    /// It is at work.
    Open,
    /// Something, or somebody, has ended it.
    Bad,
}

impl<'a> RunEnd<'a> {
    /// In Portuguese and in English.
    #[must_use]
    pub fn words(&self) -> (&'a str, &'a str) {
        (self.portuguese, self.english)
    }

    /// Of a word of `prelo_runs.stopped_by`. That of a newer version stays as it is.
    #[must_use]
    pub fn of_reason(reason: &'a str) -> Self {
        let known = ENDS.iter().find(|(word, ..)| *word == reason).copied();
        let (_, outlook, portuguese, english) = known.unwrap_or((reason, Outlook::Bad, reason, reason));
        Self { outlook, portuguese, english }
    }
}

impl RunRecord {
    /// `at_work` is the run that holds the lease.
    #[must_use]
    pub fn end(&self, at_work: Option<RunId>) -> RunEnd<'_> {
        match (&self.stopped_by, self.finished_at) {
            (Some(reason), _) => RunEnd::of_reason(reason),
            (None, Some(_)) => DONE,
            (None, None) if at_work == Some(self.id) => AT_WORK,
            // It died, and no run has come after it yet.
            (None, None) => NOT_HEARD_OF,
        }
    }
}

const DONE: RunEnd<'static> = RunEnd { outlook: Outlook::Good, portuguese: "concluída", english: "done" };
const AT_WORK: RunEnd<'static> = RunEnd { outlook: Outlook::Open, portuguese: "em execução", english: "running" };
const NOT_HEARD_OF: RunEnd<'static> =
    RunEnd { outlook: Outlook::Bad, portuguese: "interrompida (sem notícias)", english: "interrupted (not heard of)" };

/// Words of `prelo_runs.stopped_by`, and what is said of them.
const ENDS: [(&str, Outlook, &str, &str); 8] = [
    ("sigint", Outlook::Bad, "interrompida com ^C", "stopped by ^C"),
    ("sigterm", Outlook::Bad, "interrompida por um sinal", "stopped by a signal"),
    ("dependency_down", Outlook::Bad, "um serviço fora do ar", "a service was down"),
    ("lease_lost", Outlook::Bad, "outra execução assumiu", "another run took over"),
    ("lease_expired", Outlook::Bad, "morreu", "died"),
    ("out_of_time", Outlook::Good, "parou a tempo", "stopped in time"),
    ("could_not_begin", Outlook::Bad, "não pôde começar", "could not begin"),
    ("internal", Outlook::Bad, "defeito do prelo", "a defect of prelo"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shutdown::StopReason;
    use crate::telemetry::RunCounts;

    #[test]
    fn a_run_without_an_end_runs_only_while_it_holds_the_lease() {
        let run = RunRecord::with_counts(RunCounts::default());
        assert_eq!(run.end(Some(run.id)), AT_WORK);
        assert_eq!(run.end(None), NOT_HEARD_OF);
        let over = RunRecord { stopped_by: Some("out_of_time".into()), ..run };
        assert_eq!(over.end(Some(over.id)).words(), ("parou a tempo", "stopped in time"));
        assert_eq!(RunEnd::of_reason("from_the_future").words(), ("from_the_future", "from_the_future"));
    }

    #[test]
    fn every_reason_has_words_in_both_languages() {
        let reasons = [
            StopReason::Signal(2),
            StopReason::Signal(15),
            StopReason::DependencyDown(String::new()),
            StopReason::LeaseLost,
            StopReason::OutOfTime,
            StopReason::Internal(String::new()),
        ];
        // The other two are written by the catalogue and by a run that could not begin.
        for reason in reasons.iter().map(StopReason::as_str).chain(["lease_expired", "could_not_begin"]) {
            let (portuguese, english) = RunEnd::of_reason(reason).words();
            assert!(portuguese != reason && english != reason && portuguese != english, "{reason}");
        }
    }
}
