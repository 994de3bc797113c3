//! Gazettes that failed, in plain words: which are tried again, when, and what brings the others back.

use super::output::moment;
use crate::catalog::{GazetteState, Status};
use crate::failure::{FailureCode, Permanence};
use crate::words::{number, t, told};

const SPENT: &str = "their attempts are spent; `prelo reprocess --failed any` tries once more";
const QUARANTINED: &str = "prelo died while reading these; `prelo reprocess --failed QUARANTINED` reads them again";

/// What is waiting, spent and quarantined: name, number, remark. Nothing of what there is none of.
pub fn rows(status: &Status) -> Vec<Vec<String>> {
    let due = status.next_attempt_at.map(|next| format!("{}{}", t("from "), moment(next))).unwrap_or_default();
    [
        ("to be retried", status.waiting, due),
        ("not retried", status.spent, t(SPENT).to_owned()),
        ("quarantined", status.quarantined, t(QUARANTINED).to_owned()),
    ]
    .into_iter()
    .filter(|(_, count, _)| *count > 0)
    .map(|(name, count, remark)| vec![t(name).to_owned(), number(count), remark])
    .collect()
}

/// When a failed gazette is tried again, and if never, why not and what to do. `attempts` is the setting
/// `failed_attempts`.
pub fn next_attempt(state: &GazetteState, attempts: u32) -> String {
    let word = state.failure_code.as_deref().unwrap_or_default();
    let permanence = FailureCode::parse(word).map(FailureCode::permanence);
    if let Some(next) = state.next_attempt_at {
        let next = moment(next);
        return match permanence {
            Some(Permanence::Retryable) => {
                told("from {next}; given up after {n} failures in a row", &[("next", &next), ("n", &attempts)])
            }
            Some(Permanence::External) => told("from {next}", &[("next", &next)]),
            // Somebody asked for it, or its file or the extractor has changed, and the run did not come to its end.
            Some(Permanence::Permanent) | None => {
                told("from {next}: it was to be read again and is not yet", &[("next", &next)])
            }
        };
    }
    let why = match permanence {
        Some(Permanence::Retryable) => "none: the attempts are spent",
        _ if word == FailureCode::Quarantined.as_str() => "none: it is quarantined",
        _ => "not by itself",
    };
    let back = "another file, a newer extractor or `prelo reprocess --failed {code}` brings it back";
    format!("{}; {}", t(why), told(back, &[("code", &word)]))
}

/// Starts of the reader that did not come to an end, if there are any.
pub fn starts(state: &GazetteState) -> Option<String> {
    match (state.state.as_str(), state.starts) {
        (_, 0) => None,
        ("started", 1) => Some(t("1, under way").to_owned()),
        ("started", starts) => {
            Some(told("{n}, the last of them under way; prelo died during the others", &[("n", &starts)]))
        }
        (_, starts) => Some(told("{n} without an end: prelo died meanwhile", &[("n", &starts)])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn state(code: &str, due: bool) -> GazetteState {
        GazetteState {
            state: "failed".into(),
            failure_code: Some(code.into()),
            failure_detail: None,
            starts: 0,
            failures: 3,
            lease_run: None,
            lease_until: None,
            next_attempt_at: due.then_some(datetime!(2026-03-04 05:06)),
            extractor_version: None,
            bytes: None,
            pages: None,
            ocr_pages: None,
            characters: None,
            quality: None,
            text_checksum: None,
            indexed_at: None,
            run_id: None,
            ocr_due: None,
            ocr_page_numbers: None,
            ocr_confidence: None,
            warnings: None,
        }
    }

    #[test]
    fn every_failure_says_when_or_how_it_comes_back() {
        for (code, due, words) in [
            ("NOT_FOUND", true, "given up after 8 failures in a row"),
            (
                "NOT_FOUND",
                false,
                "none: the attempts are spent; another file, a newer extractor or `prelo reprocess \
              --failed NOT_FOUND` brings it back",
            ),
            ("SPOOL_FULL", true, "from 2026-03-04 05:06"),
            ("NEEDS_OCR", false, "not by itself; another file"),
            ("NEEDS_OCR", true, "it was to be read again and is not yet"),
            ("QUARANTINED", false, "none: it is quarantined; another file"),
            ("FROM_THE_FUTURE", false, "not by itself; another file"),
        ] {
            let text = next_attempt(&state(code, due), 8);
            assert!(text.contains(words), "{code}: {text}");
        }
    }

    #[test]
    fn the_status_names_what_there_is() {
        assert!(rows(&Status::default()).is_empty());
        let status = Status { waiting: 2, spent: 3, quarantined: 1, ..Status::default() };
        let rows = rows(&status);
        let counts: Vec<&str> = rows.iter().map(|row| row[1].as_str()).collect();
        assert_eq!(counts, ["2", "3", "1"]);
        assert!(rows[1][2].contains("attempts are spent") && rows[2][2].contains("reprocess --failed QUARANTINED"));
    }
}
