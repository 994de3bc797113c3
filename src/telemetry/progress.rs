//! The bars on a terminal: one for each lane, and a line for memory and for what takes longest.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{InFlight, Live, Stage, log};
use crate::gazette::Lane;
use crate::words::{decimal, number, plain, t, told};

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
    /// Columns of a bar.
    bar: usize,
    when: Option<Instant>,
}

impl Drawn {
    fn new(width: usize) -> Self {
        let style =
            |template: &str| ProgressStyle::with_template(template).map(|style| style.progress_chars("█▉▊▋▌▍▎▏ ")).ok();
        let all: &MultiProgress = log::bars();
        all.set_draw_target(ProgressDrawTarget::stderr());
        let bar = |template: String| {
            // Of nothing it would be full.
            let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::hidden());
            if let Some(style) = style(&template) {
                bar.set_style(style);
            }
            bar
        };
        // What does not fit is cut, and not wrapped.
        let columns = bar_width(width);
        let of_lane = format!("{{prefix}} {{bar:{columns}}} {{wide_msg}}");
        let digital = all.add(bar(of_lane.clone()));
        let below = all.add(bar("{wide_msg}".into()));
        Self { digital, ocr: bar(of_lane), below, has_ocr: false, bar: columns, when: None }
    }

    fn show(&mut self, live: &Live) {
        let shown = lines(live, &Room::beside(self.bar, textwrap::termwidth()));
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

    /// Before there are lanes: how far the comparison of the folder is.
    pub(super) fn prepare(&self, files: u64) {
        if self.terminal {
            let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
            let drawn = drawn.get_or_insert_with(|| Drawn::new(textwrap::termwidth()));
            drawn.below.set_message(told("{n} files of the folder compared", &[("n", &number(files))]));
        }
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

/// Columns of the name of a lane.
fn lane_width() -> usize {
    t("text").chars().count().max("OCR".len())
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

/// Columns for what is told beside the bars, and below them.
struct Room {
    beside: usize,
    below: usize,
}

impl Room {
    const ENOUGH: Self = Self { beside: usize::MAX, below: usize::MAX };

    fn beside(bar: usize, terminal: usize) -> Self {
        Self { beside: terminal.saturating_sub(lane_width() + bar + 2), below: terminal }
    }
}

/// What is told, with a rank: where there is no room for all of it, the highest rank goes first.
struct Fields(Vec<(u8, String)>);

impl Fields {
    fn fitting(mut self, columns: usize) -> String {
        loop {
            let texts: Vec<&str> =
                self.0.iter().map(|(_, text)| text.as_str()).filter(|text| !text.is_empty()).collect();
            let line = texts.join("  ");
            let last = self.0.iter().map(|(rank, _)| *rank).max().unwrap_or_default();
            if last == 0 || line.chars().count() <= columns {
                return line;
            }
            self.0.retain(|(rank, _)| *rank < last);
        }
    }
}

/// What is not known yet is left out.
fn lines(live: &Live, room: &Room) -> Lines {
    let counts = &live.counts;
    let left = |seconds: Option<f64>| {
        seconds.map_or_else(String::new, |seconds| told("{span} left", &[("span", &duration(seconds))]))
    };
    let rate = |rate: f64, decimals: usize, unit: &str| {
        // What would be shown as 0 is left out.
        if rate >= 0.05 { format!("{} {unit}", decimal(rate, decimals)) } else { String::new() }
    };
    let digital = counts.digital;
    let running = live.lane == Lane::Digital;
    let width = lane_width();
    let all = digital.selected.max(digital.gazettes);
    let fields = Fields(vec![
        (0, format!("{}/{}", number(digital.gazettes), number(all))),
        (2, rate(digital.gazettes_per_second(), 1, "docs/s")),
        (3, if running { rate(live.recent.bytes / 1e6, 1, "MB/s") } else { String::new() }),
        (1, if running { left(digital.seconds_left()) } else { String::new() }),
    ]);
    let digital = LaneLine {
        prefix: format!("{:<width$}", t("text")),
        done: digital.gazettes,
        all,
        message: fields.fitting(room.beside),
    };
    let ocr = (counts.ocr.selected > 0 || counts.deferred > 0).then(|| {
        let ocr = counts.ocr;
        let message = if live.lane == Lane::Ocr {
            let pages = ocr.selected_pages.max(ocr.pages);
            let fields = Fields(vec![
                (0, told("{done}/{all} pages", &[("done", &number(ocr.pages)), ("all", &number(pages))])),
                (2, rate(ocr.pages_per_second(), 2, t("pages/s"))),
                (3, rate(live.recent.bytes / 1e6, 1, "MB/s")),
                (1, left(ocr.seconds_left())),
            ]);
            fields.fitting(room.beside)
        } else {
            told("{n} scans wait", &[("n", &number(counts.deferred))])
        };
        LaneLine { prefix: format!("{:<width$}", "OCR"), done: ocr.pages, all: ocr.selected_pages, message }
    });
    Lines { digital, ocr, below: below(live, room.below) }
}

/// Memory, failures, and what takes longest.
fn below(live: &Live, columns: usize) -> String {
    /// Columns without which a name tells nothing.
    const LEAST: usize = 16;
    let (memory, failures) = (&live.memory, live.counts.failures());
    let mut fields = Vec::new();
    if memory.resident_bytes > 0 {
        fields.push(format!(
            "{} {}/{} MiB",
            t("memory"),
            number(memory.resident_bytes / MIB),
            number(memory.bound_bytes / MIB)
        ));
    }
    if failures > 0 {
        fields.push(format!("{} {}", number(failures), t("failed")));
    }
    let taken: usize = fields.iter().map(|field| field.chars().count() + 2).sum();
    let room = columns.saturating_sub(taken);
    if let Some(longest) = live.longest.iter().find(|gazette| !gazette.waiting)
        && room >= LEAST
    {
        let told = in_flight(longest);
        let is_cut = told.chars().count() > room;
        let shown = if is_cut { room - 1 } else { room };
        fields.push(told.chars().take(shown).chain(is_cut.then_some('…')).collect());
    }
    fields.join("  ")
}

/// The run at a glance, in the words of its bars: a line for each lane, and one for memory and what takes longest.
#[must_use]
pub fn glance(live: &Live) -> Vec<String> {
    let Lines { digital, ocr, below } = lines(live, &Room::ENOUGH);
    let lane = |line: LaneLine| format!("{}  {}", line.prefix, line.message);
    let lines = [Some(lane(digital)), ocr.map(lane), Some(below)];
    lines.into_iter().flatten().filter(|line| !line.is_empty()).collect()
}

fn in_flight(gazette: &InFlight) -> String {
    let doing = match gazette.stage {
        Stage::Download => "{span} downloading {file}",
        Stage::Extract => "{span} reading {file}",
        Stage::Ocr => "{span} OCR of {file}",
        Stage::Store => "{span} storing {file}",
        Stage::Index => "{span} indexing {file}",
    };
    // The key of a file must not steer the terminal.
    let key = plain(&gazette.key);
    told(doing, &[("span", &duration(gazette.seconds)), ("file", &key)])
}

/// `4.2s` or `4,2s`, `45s`, `3m 05s`, `2h 07m`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    if seconds < 9.95 {
        return decimal(seconds.max(0.0), 1) + "s";
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
    use crate::words::in_language;

    #[test]
    fn durations_read_like_durations() {
        for (seconds, text) in [(0.2, "0.2s"), (59.4, "59s"), (185.0, "3m 05s"), (7620.0, "2h 07m"), (-1.0, "0.0s")] {
            assert_eq!(in_language(false, || duration(seconds)), text);
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
        let shown = in_language(false, || lines(&live, &Room::ENOUGH));
        assert_eq!(shown.digital.message, "40/100  2.0 docs/s  2.5 MB/s  30s left");
        assert_eq!(shown.below, "memory 64/512 MiB  12s reading a[2J.pdf");
        assert!(shown.ocr.is_none(), "no scan is known");

        live.counts.deferred = 3;
        live.counts.failed.insert("NOT_FOUND".into(), 10);
        let shown = in_language(false, || lines(&live, &Room::ENOUGH));
        assert_eq!(shown.ocr.unwrap().message, "3 scans wait");
        assert!(shown.below.starts_with("memory 64/512 MiB  10 failed"), "{}", shown.below);

        live.lane = Lane::Ocr;
        live.counts.ocr =
            LaneCounts { selected: 3, selected_pages: 12, pages: 2, seconds: 4.0, ..LaneCounts::default() };
        let shown = in_language(true, || lines(&live, &Room::ENOUGH));
        assert_eq!(shown.digital.message, "40/100  2,0 docs/s", "that lane is over");
        assert_eq!(shown.ocr.unwrap().message, "2/12 págs.  0,50 págs./s  2,5 MB/s  restam 20s");
    }

    #[test]
    fn what_does_not_fit_is_left_out_whole_and_what_is_least_worth_first() {
        let mut live = live();
        live.counts.failed.insert("NOT_FOUND".into(), 10);
        live.longest[0].key = "serra-clara/DOE-2023-05-19.pdf".into();
        for (columns, lane, below) in [
            (
                80,
                "40/100  2.0 docs/s  2.5 MB/s  30s left",
                "memory 64/512 MiB  10 failed  12s reading serra-clara/DOE-2023-05-19.pdf",
            ),
            (
                60,
                "40/100  2.0 docs/s  2.5 MB/s  30s left",
                "memory 64/512 MiB  10 failed  12s reading serra-clara/DOE-2…",
            ),
            (40, "40/100  30s left", "memory 64/512 MiB  10 failed"),
            (20, "40/100", "memory 64/512 MiB  10 failed"),
        ] {
            let shown = in_language(false, || lines(&live, &Room::beside(bar_width(columns), columns)));
            assert_eq!((shown.digital.message.as_str(), shown.below.as_str()), (lane, below), "{columns}");
        }
        let shown = in_language(false, || lines(&Live::default(), &Room::ENOUGH));
        assert_eq!((shown.digital.message.as_str(), shown.below.as_str()), ("0/0", ""), "nothing is known yet");
    }

    #[test]
    fn a_narrow_terminal_has_a_short_bar() {
        assert!(bar_width(60) < bar_width(80) && bar_width(80) < bar_width(120));
    }
}
