//! How a child ended, in the words of the catalogue.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use crate::failure::{Failure, FailureCode};

/// Why a child was not asked any further.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was gone before it got the document.
    BeforeAsked,
    /// Its pipe was closed: it has ended by itself, or was ended by others.
    ByItself,
    /// It took longer than this.
    TooLate(Duration),
    /// It reported no page for so long.
    Silent(Duration),
    /// It answered what is no answer.
    Garbled(String),
}

/// What the document died of; `None` when the child had never seen it. `said` is what the child said last on standard
/// error.
pub(super) fn failure(ended: Ended, status: Option<ExitStatus>, said: &str) -> Option<Failure> {
    let (code, detail) = match ended {
        Ended::BeforeAsked => return None,
        Ended::TooLate(limit) => {
            (FailureCode::ExtractionTimeout, format!("it was not read within {} s", limit.as_secs()))
        }
        Ended::Silent(limit) => {
            (FailureCode::ExtractorSilent, format!("no page was reported for {} s", limit.as_secs()))
        }
        Ended::Garbled(what) => (FailureCode::ExtractorGarbled, format!("the process answered nonsense: {what}")),
        Ended::ByItself => of_status(status, said),
    };
    Some(Failure::new(code, detail))
}

fn of_status(status: Option<ExitStatus>, said: &str) -> (FailureCode, String) {
    let last_words = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it said nothing");
    // The words of Rust's handler for allocations that fail.
    if said.contains("memory allocation of") {
        return (FailureCode::LimitMemory, format!("the process that read it reached its bound: {last_words}"));
    }
    let Some(status) = status else {
        return (FailureCode::ExtractorExited, "the process that read it is gone".to_owned());
    };
    match status.signal() {
        Some(libc::SIGXCPU) => (FailureCode::ExtractionTimeout, "it took more CPU time than it may".to_owned()),
        // Nobody but the kernel, out of memory, or a person at the machine sends it.
        Some(libc::SIGKILL) => {
            (FailureCode::ExtractorKilled, "the process that read it was killed from outside (signal 9)".to_owned())
        }
        Some(signal) => (FailureCode::ExtractorAborted, format!("signal {signal}; last words: {last_words}")),
        None => {
            let code = status.code().unwrap_or(-1);
            (FailureCode::ExtractorExited, format!("exit code {code}; last words: {last_words}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_a_code_of_its_own() {
        use FailureCode as Code;
        let status = |raw| Some(ExitStatus::from_raw(raw));
        let minute = Duration::from_mins(1);
        for (ended, status, said, expected) in [
            (Ended::BeforeAsked, status(9), "", None),
            (Ended::TooLate(minute), status(9), "", Some(Code::ExtractionTimeout)),
            (Ended::Silent(minute), status(9), "", Some(Code::ExtractorSilent)),
            (Ended::Garbled("x".into()), status(9), "", Some(Code::ExtractorGarbled)),
            (Ended::ByItself, status(6), "memory allocation of 99 bytes failed\n", Some(Code::LimitMemory)),
            (Ended::ByItself, status(6), "has overflowed its stack", Some(Code::ExtractorAborted)),
            (Ended::ByItself, status(11), "", Some(Code::ExtractorAborted)),
            (Ended::ByItself, status(9), "", Some(Code::ExtractorKilled)),
            (Ended::ByItself, status(24), "", Some(Code::ExtractionTimeout)),
            (Ended::ByItself, status(7 << 8), "", Some(Code::ExtractorExited)),
            (Ended::ByItself, None, "", Some(Code::ExtractorExited)),
        ] {
            assert_eq!(failure(ended, status, said).map(|failure| failure.code), expected, "{status:?} {said}");
        }
    }
}
