//! The bars on a terminal: one for each lane, and a line for memory and for what takes longest.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{InFlight, Live, Stage, log};
use crate::gazette::Lane;

/// Between two drawings.
const PAUSE: Duration = Duration::from_millis(100);
const MIB: u64 = 1024 * 1024;

/// Bars, or nothing where there is no terminal.
#[derive(Debug)]
pub(super) struct Progress {
    terminal: bool,
    drawn: Mutex<Option<Drawn>>,
}

#[derive(Debug)]
struct Drawn {
    digital: ProgressBar,
    ocr: ProgressBar,
    below: ProgressBar,
    /// The scans have a bar once there are any.
    has_ocr: bool,
    when: Option<Instant>,
}

impl Drawn {
    fn new(width: usize) -> Self {
        let style =
            |template: &str| ProgressStyle::with_template(template).map(|style| style.progress_chars("█▉▊▋▌▍▎▏ ")).ok();
        let all: &MultiProgress = log::bars();
        all.set_draw_target(ProgressDrawTarget::stderr());
        let bar = |template: String| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
            if let Some(style) = style(&template) {
                bar.set_style(style);
            }
            bar
        };
        // What does not fit is cut, and not wrapped.
        let of_lane = format!("{{prefix}} {{bar:{}}} {{wide_msg}}", bar_width(width));
        let digital = all.add(bar(of_lane.clone()));
        let below = all.add(bar("{wide_msg}".into()));
        Self { digital, ocr: bar(of_lane), below, has_ocr: false, when: None }
    }

    fn show(&mut self, live: &Live) {
        let words = Words::of_environment();
        let shown = lines(live, words);
        if !self.has_ocr && shown.ocr.is_some() {
            self.has_ocr = true;
            self.ocr = log::bars().insert_after(&self.digital, self.ocr.clone());
        }
        for (bar, line) in [(&self.digital, Some(&shown.digital)), (&self.ocr, shown.ocr.as_ref())] {
            let Some(LaneLine { prefix, done, all, message }) = line else { continue };
            bar.set_prefix(prefix.clone());
            bar.set_length((*all).max(*done).max(1));
            bar.set_position(*done);
            bar.set_message(message.clone());
        }
        self.below.set_message(shown.below);
    }
}

impl Progress {
    pub(super) fn new(terminal: bool) -> Self {
        Self { terminal, drawn: Mutex::default() }
    }

    pub(super) fn is_bar(&self) -> bool {
        self.terminal
    }

    /// Draws, unless it was done a moment ago; `live` is asked for only then.
    pub(super) fn show(&self, live: impl FnOnce() -> Live) {
        if !self.terminal {
            return;
        }
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let drawn = drawn.get_or_insert_with(|| Drawn::new(textwrap::termwidth()));
        if drawn.when.is_none_or(|when| when.elapsed() >= PAUSE) {
            drawn.when = Some(Instant::now());
            drawn.show(&live());
        }
    }

    pub(super) fn close(&self) {
        if let Some(drawn) = self.drawn.lock().unwrap_or_else(PoisonError::into_inner).take() {
            drawn.digital.finish_and_clear();
            drawn.ocr.finish_and_clear();
            drawn.below.finish_and_clear();
            let _ = log::bars().clear();
            log::bars().set_draw_target(ProgressDrawTarget::hidden());
        }
    }
}

/// Columns of a bar on a terminal of so many.
fn bar_width(terminal: usize) -> usize {
    match terminal {
        0..70 => 8,
        70..100 => 16,
        _ => 28,
    }
}

/// The few words of the bars.
struct Words {
    digital: &'static str,
    left: &'static str,
    waiting: &'static str,
    failed: &'static str,
    pages: &'static str,
    memory: &'static str,
    stages: [&'static str; 5],
}

impl Words {
    const ENGLISH: Self = Self {
        digital: "text",
        left: "left",
        waiting: "scans wait",
        failed: "failed",
        pages: "pages",
        memory: "memory",
        stages: ["downloading", "reading", "OCR of", "storing", "indexing"],
    };
    const PORTUGUESE: Self = Self {
        digital: "texto",
        left: "restam",
        waiting: "digitalizações à espera",
        failed: "falharam",
        pages: "págs.",
        memory: "memória",
        stages: ["baixando", "lendo", "OCR de", "gravando", "indexando"],
    };

    fn of_environment() -> &'static Self {
        if super::asks_for_portuguese() { &Self::PORTUGUESE } else { &Self::ENGLISH }
    }
}

struct LaneLine {
    prefix: String,
    done: u64,
    all: u64,
    message: String,
}

struct Lines {
    digital: LaneLine,
    ocr: Option<LaneLine>,
    below: String,
}

/// What is most worth knowing first: a narrow terminal shows the beginning.
fn lines(live: &Live, words: &Words) -> Lines {
    let counts = &live.counts;
    let left = |seconds: Option<f64>| {
        seconds.map_or_else(String::new, |seconds| match words.left {
            "left" => format!("  {} left", duration(seconds)),
            other => format!("  {other} {}", duration(seconds)),
        })
    };
    let digital = counts.digital;
    let running = live.lane == Lane::Digital;
    #[allow(clippy::cast_precision_loss)] // a rate for people
    let megabytes = live.recent.bytes / 1e6;
    let rates = format!("{:.1} docs/s  {megabytes:.1} MB/s", digital.gazettes_per_second());
    let width = words.digital.chars().count().max(3);
    let all = digital.selected.max(digital.gazettes);
    let digital = LaneLine {
        prefix: format!("{:<width$}", words.digital),
        done: digital.gazettes,
        all,
        message: format!(
            "{}/{all}  {rates}{}",
            digital.gazettes,
            if running { left(digital.seconds_left()) } else { String::new() }
        ),
    };
    let ocr = (counts.ocr.selected > 0 || counts.deferred > 0).then(|| {
        let ocr = counts.ocr;
        let message = if live.lane == Lane::Ocr {
            format!(
                "{}/{} {}  {:.2} {}/s{}",
                ocr.pages,
                ocr.selected_pages.max(ocr.pages),
                words.pages,
                ocr.pages_per_second(),
                words.pages,
                left(ocr.seconds_left())
            )
        } else {
            format!("{} {}", counts.deferred, words.waiting)
        };
        LaneLine { prefix: format!("{:<width$}", "OCR"), done: ocr.pages, all: ocr.selected_pages, message }
    });
    let memory = &live.memory;
    let mut below = format!("{} {}/{} MiB", words.memory, memory.resident_bytes / MIB, memory.bound_bytes / MIB);
    if counts.failures() > 0 {
        below.push_str(&format!("  {} {}", counts.failures(), words.failed));
    }
    if let Some(longest) = live.longest.iter().find(|gazette| !gazette.waiting) {
        below.push_str(&format!("  {}", in_flight(longest, words)));
    }
    Lines { digital, ocr, below }
}

/// The run at a glance, in the words of its bars: a line for each lane, and one for memory and what takes longest.
#[must_use]
pub fn glance(live: &Live) -> Vec<String> {
    let Lines { digital, ocr, below } = lines(live, Words::of_environment());
    let lane = |line: LaneLine| format!("{}  {}", line.prefix, line.message);
    [Some(lane(digital)), ocr.map(lane), Some(below)].into_iter().flatten().collect()
}

fn in_flight(gazette: &InFlight, words: &Words) -> String {
    let place = Stage::ALL.iter().position(|stage| *stage == gazette.stage).unwrap_or_default();
    // The key of a file must not steer the terminal.
    let key: String = gazette.key.chars().filter(|c| !c.is_control()).collect();
    format!("{} {} {key}", duration(gazette.seconds), words.stages[place])
}

/// `4.2s`, `45s`, `3m 05s`, `2h 07m`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{:.1}s", seconds.max(0.0));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive, and far below 2^63
    let seconds = seconds.round() as u64;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LaneCounts, MemoryUse, Rates, RunCounts};
    use super::*;
    use crate::gazette::GazetteId;

    #[test]
    fn durations_read_like_durations() {
        for (seconds, text) in [(0.2, "0.2s"), (59.4, "59s"), (185.0, "3m 05s"), (7620.0, "2h 07m"), (-1.0, "0.0s")] {
            assert_eq!(duration(seconds), text);
        }
    }

    fn live() -> Live {
        let digital = LaneCounts { selected: 100, gazettes: 40, seconds: 20.0, ..LaneCounts::default() };
        Live {
            counts: RunCounts { digital, ..RunCounts::default() },
            recent: Rates { bytes: 2_500_000.0, ..Rates::default() },
            memory: MemoryUse { resident_bytes: 64 * MIB, bound_bytes: 512 * MIB, ..MemoryUse::default() },
            longest: vec![InFlight {
                id: GazetteId(1),
                key: "a\u{1b}[2J.pdf".into(),
                stage: Stage::Extract,
                waiting: false,
                seconds: 12.0,
                seconds_in_stage: 1.0,
            }],
            ..Live::default()
        }
    }

    #[test]
    fn each_lane_has_its_line_and_one_tells_of_memory_and_of_what_takes_longest() {
        let mut live = live();
        let shown = lines(&live, &Words::ENGLISH);
        assert_eq!(shown.digital.message, "40/100  2.0 docs/s  2.5 MB/s  30s left");
        assert_eq!(shown.below, "memory 64/512 MiB  12s reading a[2J.pdf");
        assert!(shown.ocr.is_none(), "no scan is known");

        live.counts.deferred = 3;
        live.counts.failed.insert("NOT_FOUND".into(), 10);
        let shown = lines(&live, &Words::ENGLISH);
        assert_eq!(shown.ocr.unwrap().message, "3 scans wait");
        assert!(shown.below.starts_with("memory 64/512 MiB  10 failed"), "{}", shown.below);

        live.lane = Lane::Ocr;
        live.counts.ocr =
            LaneCounts { selected: 3, selected_pages: 12, pages: 2, seconds: 4.0, ..LaneCounts::default() };
        let shown = lines(&live, &Words::PORTUGUESE);
        assert_eq!(shown.digital.message, "40/100  2.0 docs/s  2.5 MB/s", "that lane is over");
        assert_eq!(shown.ocr.unwrap().message, "2/12 págs.  0.50 págs./s  restam 20s");
    }

    #[test]
    fn a_narrow_terminal_has_a_short_bar() {
        assert!(bar_width(60) < bar_width(80) && bar_width(80) < bar_width(120));
    }
}
