//! Events as log lines, on standard error or in a file: text on a terminal, JSON elsewhere.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use indicatif::{MultiProgress, ProgressDrawTarget};
use tracing::{debug, error, info, trace, warn};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, reload};

use super::log_file::LogFile;
use super::{Event, Live, memory};
use crate::failure::FailureCode;
use crate::gazette::{Lane, RunId};
use crate::shutdown::StopReason;

/// The bars of this process; hidden until there is progress. Log lines are written above them.
pub(super) fn bars() -> &'static MultiProgress {
    static BARS: OnceLock<MultiProgress> = OnceLock::new();
    BARS.get_or_init(|| MultiProgress::with_draw_target(ProgressDrawTarget::hidden()))
}

/// What is logged, how it looks, and where.
#[derive(Debug)]
pub struct Lines<'a> {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: &'a str,
    /// JSON or text; what fits the place when that is not said: text on a terminal, JSON elsewhere.
    pub json: Option<bool>,
    /// Takes the lines instead of standard error, which then shows warnings on a terminal, and nothing elsewhere.
    pub file: Option<LogFile>,
}

type Filter = reload::Handle<EnvFilter, Registry>;

/// What passes, changed by [`set_level`].
static FILTER: OnceLock<Filter> = OnceLock::new();

/// Unless `NO_COLOR` says otherwise (<https://no-color.org>).
#[must_use]
pub fn wants_colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|said| said.is_empty())
}

/// Begins to write log lines. Only prelo's own: those of libraries know no run. A second call changes nothing.
pub fn install(lines: Lines<'_>) {
    let Lines { level, json, file } = lines;
    let terminal = io::stderr().is_terminal();
    let (filter, handle) = reload::Layer::new(only_ours(level));
    let on_screen = match (&file, terminal) {
        (None, _) => LevelFilter::TRACE,
        (Some(_), true) => LevelFilter::WARN,
        (Some(_), false) => LevelFilter::OFF,
    };
    let screen = layer(json.unwrap_or(!terminal), terminal, || AboveTheBar).with_filter(on_screen);
    let file = file.map(|file| {
        let file = Arc::new(Mutex::new(file));
        layer(json.unwrap_or(true), false, move || ToTheFile(file.clone()))
    });
    if tracing_subscriber::registry().with(filter).with(screen).with(file).try_init().is_ok() {
        let _ = FILTER.set(handle);
    }
}

/// From now on lines of `level` and above are logged.
pub fn set_level(level: &str) {
    if let Some(filter) = FILTER.get() {
        // It lives as long as the process.
        let _ = filter.reload(only_ours(level));
    }
}

fn only_ours(level: &str) -> EnvFilter {
    EnvFilter::new(format!("prelo={level}"))
}

fn layer<S, W, M>(json: bool, terminal: bool, writer: M) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    W: Write,
    M: Fn() -> W + Send + Sync + 'static,
{
    // What cannot be written has nowhere else to be complained about: standard error may be the reason.
    let layer = tracing_subscriber::fmt::layer().with_target(false).log_internal_errors(false).with_writer(writer);
    if json {
        layer.json().flatten_event(true).with_current_span(false).boxed()
    } else if terminal {
        // Who looks on knows what time it is, and which run.
        let fields = debug_fn(|writer, field, value| match field.name() {
            "run_id" => Ok(()),
            "message" => write!(writer, "{value:?}"),
            name => write!(writer, " {name}={value:?}"),
        });
        layer.with_ansi(wants_colours()).without_time().fmt_fields(fields).boxed()
    } else {
        layer.with_ansi(false).boxed()
    }
}

/// A terminal that is gone, or a pipe that nobody reads, is no reason to stop.
struct AboveTheBar;

impl Write for AboveTheBar {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        // Beside bars a line is a line: what does not fit is in `prelo failures`. `suspend` would panic when the terminal is gone.
        let _ = if bars().is_hidden() {
            io::stderr().write_all(text.as_bytes())
        } else {
            bars().println(cut(text.trim_end(), textwrap::termwidth()))
        };
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lines that the file cannot take go to standard error, where a platform may see them, until it can again.
struct ToTheFile(Arc<Mutex<LogFile>>);

impl Write for ToTheFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        static FAILING: AtomicBool = AtomicBool::new(false);
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match file.append(line) {
            Ok(()) => FAILING.store(false, Ordering::Relaxed),
            Err(error) => {
                if !FAILING.swap(true, Ordering::Relaxed) {
                    let path = file.path().display();
                    let lost = format!("warning: {path} cannot be written ({error}); log lines go to standard error\n");
                    let _ = AboveTheBar.write(lost.as_bytes());
                }
                AboveTheBar.write(line)?;
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The first columns of a line; what makes it bold or coloured takes none.
fn cut(line: &str, columns: usize) -> String {
    let (mut text, mut taken, mut escaped) = (String::new(), 0, false);
    for c in line.chars() {
        escaped |= c == '\u{1b}';
        if !escaped {
            taken += 1;
        }
        if escaped || taken < columns {
            text.push(c);
        } else if taken == columns {
            text.push('…');
        }
        escaped &= c != 'm';
    }
    text
}

/// An error with its causes, each said once.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

pub(super) fn write(run: RunId, event: &Event<'_>) {
    if event.is_a_trace() && !tracing::enabled!(tracing::Level::TRACE) {
        return;
    }
    let run_id = run.to_string();
    match event {
        Event::RunStarted { selection, selected, recovered, memory_budget_bytes } => {
            info!(run_id, selection, selected, recovered, memory_budget_bytes, "run started");
        }
        Event::FolderRegistered { new, changed, unchanged, renditions, vanished, left_out } => {
            info!(run_id, new, changed, unchanged, renditions, vanished, left_out, "folder registered");
        }
        Event::FilesCompared { files } => trace!(run_id, files, "the folder is compared with the catalogue"),
        Event::FileVanished { path } => warn!(run_id, path, "a registered file has vanished from the folder"),
        Event::FileLeftOut { reason } => warn!(run_id, reason, "a file of the folder is left out"),
        Event::ReadersConfined { files: true, network: true } => {
            debug!(run_id, "processes that read documents have no file system and no network");
        }
        Event::ReadersConfined { files, network } => warn!(
            run_id,
            without_files = files,
            without_network = network,
            "this kernel cannot confine the processes that read documents fully: Landlock (Linux 5.13) takes their files \
             away, seccomp their network"
        ),
        Event::ReadersAdjusted { readers, memory_bytes, base_line_bytes } => {
            warn!(
                readers,
                memory_bytes, base_line_bytes, run_id, "memory guard: so many documents at once from now on"
            );
        }
        Event::PageListed { pass, rows, fresh } => debug!(run_id, pass, rows, fresh, "page listed"),
        Event::ClaimMissed { gazette } => {
            debug!(run_id, gazette_id = gazette.0, "not claimed: deleted, or held by another run");
        }
        Event::Claimed { gazette, key } => trace!(run_id, gazette_id = gazette.0, key, "claimed"),
        Event::StageBegun { gazette, stage } => {
            trace!(run_id, gazette_id = gazette.0, stage = stage.as_str(), "stage begun");
        }
        Event::Downloaded { gazette, bytes, elapsed } => {
            debug!(run_id, gazette_id = gazette.0, bytes, seconds = elapsed.as_secs_f64(), "downloaded");
        }
        Event::Extracted { gazette, pages, scans, characters, recovered, partial, elapsed } => {
            let seconds = elapsed.as_secs_f64();
            debug!(run_id, gazette_id = gazette.0, pages, scans, characters, recovered, partial, seconds, "extracted");
            if *partial {
                let code = FailureCode::TextPartial.as_str();
                warn!(run_id, gazette_id = gazette.0, code, "the file breaks off; what could be read of it goes on");
            }
        }
        Event::OcrUnavailable { why } => {
            let code = FailureCode::OcrUnavailable.as_str();
            warn!(run_id, code, why, "scans cannot be read: the OCR engine cannot be used");
        }
        Event::LaneBegun { lane: Lane::Digital, .. } => {}
        Event::LaneBegun { lane: Lane::Ocr, gazettes, pages } => info!(run_id, gazettes, pages, "scans are read now"),
        Event::Deferred { gazette, scans } => {
            debug!(run_id, gazette_id = gazette.0, scans, "put off until its scans are read");
        }
        Event::PageRecognized { gazette, elapsed } => {
            trace!(run_id, gazette_id = gazette.0, seconds = elapsed.as_secs_f64(), "page read by OCR");
        }
        Event::Interrupted { gazette, pages, elapsed } => {
            let seconds = elapsed.as_secs_f64();
            debug!(run_id, gazette_id = gazette.0, pages, seconds, "scans read in part: the run ends");
        }
        Event::PageRemembered { gazette, .. } => trace!(run_id, gazette_id = gazette.0, "page was read before"),
        Event::EndSet { at, within } => {
            info!(
                run_id,
                at,
                seconds = within.as_secs(),
                "the run ends by a given moment: claiming stops in time for it"
            );
        }
        Event::Recognized { gazette, pages, by_engine, confidence, warnings, elapsed } => {
            let (gazette_id, seconds) = (gazette.0, elapsed.as_secs_f64());
            debug!(run_id, gazette_id, pages, by_engine, confidence, seconds, "scans read");
            for code in *warnings {
                warn!(run_id, gazette_id, code = code.as_str(), "indexed, but: {}", code.sentence());
            }
        }
        Event::TextStored { gazette, bytes, elapsed } => {
            debug!(run_id, gazette_id = gazette.0, bytes, seconds = elapsed.as_secs_f64(), "text stored");
        }
        Event::BulkAnswered { documents, acknowledged, resent, rejected, elapsed } => {
            debug!(run_id, documents, acknowledged, resent, rejected, seconds = elapsed.as_secs_f64(), "bulk answered");
        }
        Event::BulkSplit { documents } => {
            info!(
                run_id,
                documents, "bulk sent in halves: too large for one request, or refused whole again and again"
            );
        }
        Event::Retrying { operation, error, wait, gazette } => {
            let gazette_id = gazette.map(|id| id.0);
            let wait_seconds = wait.as_secs_f64();
            warn!(run_id, operation, gazette_id, error = with_causes(*error), wait_seconds, "will try again");
        }
        Event::ServiceAnswered { service } => debug!(run_id, service, "the service answers"),
        Event::BreakerOpened { service, error, wait } => {
            let wait_seconds = wait.as_secs_f64();
            warn!(run_id, service, error, wait_seconds, breaker = "open", "a service is down: the intake is paused");
        }
        Event::BreakerHalfOpen { service } => {
            info!(run_id, service, breaker = "half open", "one call finds out whether the service is back");
        }
        Event::BreakerReopened { service } => debug!(run_id, service, "the service is not back yet"),
        Event::BreakerClosed { service, after } => {
            let seconds = after.as_secs_f64();
            info!(run_id, service, seconds, breaker = "closed", "the service is back: the intake goes on");
        }
        Event::SettingChanged { key, from, to } => info!(run_id, key, from, to, "setting changed"),
        Event::SettingWaits { key, from, to, why } => {
            warn!(run_id, key, from, to, why, "this setting cannot change while a run is at work");
        }
        Event::SettingsReloaded { changed, waiting } => info!(run_id, changed, waiting, "settings reloaded"),
        Event::SettingsRefused { error } => error!(run_id, error, "settings not reloaded: nothing was changed"),
        Event::Sampled(sample) => {
            trace!(run_id, memory_bytes = sample.tree.resident, held_bytes = sample.tree.held, "sampled");
        }
        Event::ConcurrencyChanged { service, from, to } => {
            info!(run_id, service, from, to, "calls at once changed");
        }
        Event::SpoolFull { error } => warn!(run_id, error, "the spool is full: the intake is paused"),
        Event::Indexed { gazette, bytes, pages, ocr_pages, again } => {
            debug!(run_id, gazette_id = gazette.0, bytes, pages, ocr_pages, again, "indexed");
        }
        Event::Failed { gazette, key, failure, again: _ } => {
            let (gazette_id, code) = (gazette.0, failure.code.as_str());
            // A terminal shows the beginning: what leads on.
            warn!(code, gazette_id, key, detail = failure.detail, run_id, "failed");
        }
        Event::Released { gazette, again } => debug!(run_id, gazette_id = gazette.0, again, "given back"),
        Event::ClaimLost { gazette, again: _ } => {
            warn!(run_id, gazette_id = gazette.0, "not marked: the claim was lost to another run");
        }
        Event::VersionBegun { version, resumed } => info!(run_id, version, resumed, "a version of the index is filled"),
        Event::VersionFilled { documents, all } => info!(run_id, documents, all, "progress"),
        Event::VersionSearched { version, documents } => {
            info!(run_id, version, documents, "another version of the index is searched now");
        }
        Event::Draining { reason } => match reason {
            StopReason::DependencyDown(detail) => error!(run_id, reason = reason.as_str(), detail, "stopping"),
            StopReason::Internal(detail) => error!(run_id, reason = reason.as_str(), detail, "stopping"),
            _ => warn!(run_id, reason = reason.as_str(), "stopping: what is in flight is finished first"),
        },
        Event::NotExported { to, error } => {
            warn!(run_id, to, error, "metrics or traces are not taken: the run goes on without");
        }
        Event::RunFinished { stopped_by } => {
            info!(run_id, stopped_by, peak_rss_bytes = memory::peak_of_tree_bytes(), "run finished");
        }
    }
}

pub(super) fn write_progress(run: RunId, live: &Live) {
    let (lane, counts) = (live.lane, &live.counts);
    let of_lane = counts.lane(lane);
    let longest = live.longest.iter().find(|gazette| !gazette.waiting);
    info!(
        run_id = run.to_string(),
        lane = lane.as_str(),
        done = of_lane.gazettes,
        of = of_lane.selected,
        failed = counts.failures(),
        scans_waiting = counts.deferred,
        documents_per_second = rounded(of_lane.gazettes_per_second()),
        pages_per_second = rounded(of_lane.pages_per_second()),
        bytes_per_second = rounded(live.recent.bytes),
        memory_bytes = memory::sample_tree().resident,
        memory_bound_bytes = live.memory.bound_bytes,
        longest_id = longest.map(|gazette| gazette.id.0),
        longest_seconds = longest.map(|gazette| rounded(gazette.seconds)),
        left_seconds = of_lane.seconds_left().map(rounded),
        "progress"
    );
}

/// The same of a folder that takes long to be compared.
pub(super) fn write_compared(run: RunId, files: u64) {
    info!(run_id = run.to_string(), files_compared = files, "progress");
}

fn rounded(rate: f64) -> f64 {
    (rate * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt;

    #[derive(Debug)]
    struct Cause(&'static str, Option<Box<Cause>>);
    impl fmt::Display for Cause {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }
    impl std::error::Error for Cause {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            self.1.as_deref().map(|inner| inner as &dyn std::error::Error)
        }
    }

    #[test]
    fn a_line_is_cut_where_it_would_wrap() {
        assert_eq!(cut("failed", 6), "faile…");
        assert_eq!(cut("failed", 7), "failed");
        assert_eq!(cut("\u{1b}[33mfailed\u{1b}[0m", 4), "\u{1b}[33mfai…\u{1b}[0m");
    }

    #[test]
    fn causes_are_said_once() {
        let error = Cause("could not fetch x", Some(Box::new(Cause("connection refused", None))));
        assert_eq!(with_causes(&error), "could not fetch x: connection refused");
        let repeating = Cause("could not: refused", Some(Box::new(Cause("refused", None))));
        assert_eq!(with_causes(&repeating), "could not: refused");
    }
}
