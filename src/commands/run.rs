//! `run` and `reprocess`.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::cli::{Format, RunArgs};
use super::metrics::Exports;
use super::reload::Reloader;
use super::until::End;
use super::{Usage, output, plan, readers, services, signals, territories, until};
use crate::config::{Config, LiveConfig, Loaded, Origin};
use crate::failpoint::{self, Point};
use crate::failure::{FailureCode, Permanence};
use crate::gazette::{Mode, RunId, Selection};
use crate::pipeline::registrar::{self, Notice, Paths, Registered};
use crate::pipeline::{self, Context, Dependencies, Ended, Report};
use crate::rfc3339;
use crate::shutdown::{Shutdown, StopReason};
use crate::telemetry::{Event, Telemetry, duration};
use crate::words::{decimal, gazettes, number, t, told};

pub async fn run(args: &RunArgs, loaded: Loaded, format: Format) -> Result<u8> {
    // Whoever asks for what an older extractor has read means rows that are processed.
    let chosen = loaded.origins.get("mode").is_some_and(|origin| *origin != Origin::Default);
    let mode = match args.selection.extractor_older_than {
        Some(_) if !chosen => Mode::All,
        _ => loaded.config.mode,
    };
    let selection = args.selection.over(mode)?;
    perform(args, loaded, selection, format).await
}

pub async fn reprocess(args: &RunArgs, loaded: Loaded, format: Format) -> Result<u8> {
    let selection = args.selection.to_reprocess()?;
    perform(args, loaded, selection, format).await
}

async fn perform(args: &RunArgs, mut loaded: Loaded, mut selection: Selection, format: Format) -> Result<u8> {
    let began = std::time::Instant::now();
    if args.dry_run && args.report.is_some() {
        return Err(Usage(
            t("--dry-run makes no report: leave one of them out (--format json prints the plan)").into(),
        )
        .into());
    }
    if args.dry_run {
        return plan::of_selection(&loaded, &selection, format).await;
    }
    if let Some(path) = &args.report {
        writable(path)?;
    }
    let end = end(args)?;
    services::settle_folder(&mut loaded.config)?;
    let config = Arc::new(LiveConfig::from(loaded.config.clone()));
    let exports = Exports::of(&config)?;
    config.storage()?;
    services::note_folder(&config)?;
    let catalog = services::catalog(&config).await?;
    catalog.migrate().await?;
    failpoint::pass(Point::TablesMade);
    let telemetry = Telemetry::new(RunId::new());
    let shutdown = Shutdown::default();
    if let Some(end) = end {
        if let Some(deadline) = began.checked_add(end.within) {
            shutdown.end_by(deadline);
        }
        telemetry.emit(&Event::EndSet { at: &end.iso(), within: end.within });
        // On a terminal the log is silent about it.
        if std::io::stderr().is_terminal() {
            output::note(&end.sentence());
        }
    }
    let dependencies = Dependencies::new(&config);
    let reloader = Reloader::new(loaded, config.clone(), dependencies.clone(), telemetry.clone());
    signals::reload(reloader, shutdown.clone(), telemetry.clone()).context("could not listen for signals")?;
    let registered = match (&config.folder, catalog.registry()) {
        (Some(folder), Some(registry)) => {
            let notice = |notice: Notice<'_>| match notice {
                Notice::Vanished(path) => telemetry.emit(&Event::FileVanished { path }),
                Notice::LeftOut(reason) => telemetry.emit(&Event::FileLeftOut { reason }),
                Notice::Compared(files) => telemetry.emit(&Event::FilesCompared { files }),
            };
            let registered = registrar::register(folder, &config.data, registry, notice).await?;
            failpoint::pass(Point::FolderRegistered);
            telemetry.emit(&Event::FolderRegistered {
                new: registered.new,
                changed: registered.changed,
                unchanged: registered.unchanged,
                renditions: registered.renditions,
                vanished: registered.vanished.count,
                left_out: registered.left_out.count,
            });
            Some(registered)
        }
        _ => None,
    };
    // By now also those of the folder are known.
    selection.territories = territories::ids(&selection.territories, Some(&*catalog), format).await?;
    signals::listen(shutdown.clone(), telemetry.clone()).context("could not listen for signals")?;
    let context = Context {
        storage: services::storage(&config).await?,
        index: services::search_index(&config).await?,
        catalog: catalog.clone(),
        sandbox: readers::sandbox(&config),
        ocr: Arc::new(readers::ocr(&config)),
        config: config.clone(),
        dependencies,
        telemetry,
        shutdown,
    };
    let exports = exports.begin(&context.telemetry, &catalog).await?;
    let ended = pipeline::run(&context, &selection).await;
    exports.end(&ended).await;
    let report = match ended? {
        Ended::Ran(report) => report,
        Ended::Busy { run, since } => return busy(run, since, format),
    };
    match format {
        Format::Json => output::json(&report)?,
        Format::Text => {
            let status = if report.selected == 0 { catalog.status().await.ok() } else { None };
            let mut text = registered.as_ref().map(folder_lines).unwrap_or_default();
            match status {
                Some(status) => text.push_str(&nothing_to_do(&status)),
                None => text.push_str(&closing(&report, &config)),
            }
            output::text(&text)?;
        }
    }
    if let Some(path) = &args.report {
        write_report(path, &report)?;
    }
    Ok(report.exit_code())
}

/// When the run has to be done, if that was said.
fn end(args: &RunArgs) -> Result<Option<End>, Usage> {
    let now = until::local_now();
    match (args.span, args.until) {
        (Some(span), _) => End::after(span, now).map(Some),
        (None, Some(time)) => End::at(time, now).map(Some),
        (None, None) => Ok(None),
    }
}

/// Before hours of work: whether the report can be written at their end. An older report stays as it is until then.
fn writable(path: &Path) -> Result<(), Usage> {
    let there = path.exists();
    match std::fs::OpenOptions::new().create(true).append(true).open(path) {
        Ok(_) if there => Ok(()),
        Ok(_) => match std::fs::remove_file(path) {
            // Another run that begins at this moment has removed what it, too, had only tried.
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.to_string()),
            _ => Ok(()),
        },
        Err(error) => Err(error.to_string()),
    }
    .map_err(|error| {
        Usage(told(
            "the report cannot be written to {file} ({error}): name another file",
            &[("file", &path.display()), ("error", &error)],
        ))
    })
}

pub(super) fn busy(run: RunId, since: time::PrimitiveDateTime, format: Format) -> Result<u8> {
    match format {
        Format::Json => {
            let since = rfc3339::of_utc(since);
            output::json(&json!({ "already_running": { "run_id": run, "since": since } }))?;
        }
        Format::Text => {
            let since = output::moment(since);
            let words = "Another run holds the lease since {since} (run {run}); nothing was done.";
            output::text(&(told(words, &[("since", &since), ("run", &run)]) + "\n"))?;
        }
    }
    Ok(0)
}

fn write_report(path: &Path, report: &Report) -> Result<()> {
    let content = serde_json::to_vec_pretty(report)?;
    std::fs::write(path, content).with_context(|| format!("could not write the report {}", path.display()))
}

fn folder_lines(registered: &Registered) -> String {
    let mut text = String::new();
    if registered.renditions > 0 {
        let words = "{n} text files lie beside PDFs of the same name and are taken for their texts, not for gazettes";
        text.push_str(&(told(words, &[("n", &number(registered.renditions))]) + "\n"));
    }
    for (paths, problem) in [
        (&registered.vanished, "vanished from the folder; what was indexed of it stays searchable"),
        (&registered.missing, "described by gazettes.csv, and not in the folder"),
        (&registered.left_out, "left out"),
    ] {
        let Paths { count, first } = paths;
        for path in first {
            text.push_str(&format!("{path}: {}\n", t(problem)));
        }
        let more = count.saturating_sub(first.len() as u64);
        if more > 0 {
            text.push_str(&format!("{}: {}\n", told("… and {n} more", &[("n", &number(more))]), t(problem)));
        }
    }
    text
}

fn nothing_to_do(status: &crate::catalog::Status) -> String {
    let failed: u64 = status.failed.values().sum();
    let (done, all) = (number(status.processed), gazettes(status.gazettes));
    let mut text = told("Nothing to do: {done} of {all} indexed", &[("done", &done), ("all", &all)]);
    if failed > 0 {
        text.push_str(&told(", {n} set aside", &[("n", &number(failed))]));
    }
    text.push_str(".\n");
    if failed > 0 {
        text.push_str(&failure_table(&status.failed));
        text.push_str(&format!("{}\n", t("To try them again: prelo reprocess --failed any")));
    }
    text
}

/// Codes with counts; below each what it means and what to do.
pub fn failure_table(failed: &BTreeMap<String, u64>) -> String {
    let mut text = String::new();
    for (word, count) in failed {
        text.push_str(&format!("  {word}  {}\n", number(*count)));
        if let Some(code) = FailureCode::parse(word) {
            let again = match code.permanence() {
                Permanence::Retryable => t(" Later runs try again, ever more rarely, and not for ever."),
                Permanence::External => t(" Later runs try again."),
                Permanence::Permanent => "",
            };
            let (meaning, action) = output::code_words(code);
            text.push_str(&output::indented(6, &format!("{meaning}{again}")));
            text.push_str(&output::indented(6, action));
        }
    }
    text
}

/// What a run did, in numbers.
fn figures(report: &Report) -> Vec<Vec<String>> {
    let mut rows = vec![
        vec![t("indexed").to_owned(), number(report.indexed)],
        vec![t("failed").to_owned(), number(report.failures())],
        vec![t("pages").to_owned(), number(report.pages)],
        vec![t("read").to_owned(), output::bytes(report.bytes)],
        vec![t("docs/s").to_owned(), decimal(report.documents_per_second, 1)],
        vec![t("time").to_owned(), duration(report.seconds)],
        vec![t("peak memory").to_owned(), format!("{} MiB", number(report.peak_rss_bytes >> 20))],
    ];
    if report.ocr_pages > 0 {
        rows.insert(3, vec![t("pages by OCR").to_owned(), number(report.ocr_pages)]);
    }
    if report.ocr.pages > 0 {
        let rate = format!("{} ({})", decimal(report.ocr.pages_per_second(), 1), duration(report.ocr.seconds));
        rows.push(vec![t("OCR pages/s").to_owned(), rate]);
    }
    if report.kept_pages > 0 {
        rows.push(vec![t("OCR pages kept").to_owned(), number(report.kept_pages)]);
    }
    // Of a run that was stopped, they were given back, and are among those that remain.
    let skipped = if report.stop.is_none() { report.skipped } else { 0 };
    for (name, count) in [("skipped", skipped), ("remaining", report.remaining)] {
        if count > 0 {
            rows.push(vec![t(name).to_owned(), number(count)]);
        }
    }
    rows
}

fn closing(report: &Report, config: &Config) -> String {
    let mut text = output::table(&[], &figures(report));
    if report.failures() > 0 {
        text.push_str(&format!("\n{}:\n", t("set aside")));
        text.push_str(&failure_table(&report.failed));
    }
    text.push('\n');
    let mut line = |words: &str| text.push_str(&output::indented(0, words));
    match &report.stop {
        Some(StopReason::DependencyDown(detail)) => {
            line(&format!("{}{detail}", t("Stopped: ")));
            line(t("Nothing was marked that is not indexed. `prelo check` tells more; then run again."));
        }
        Some(StopReason::LeaseLost) => {
            line(t("Stopped: another run took the lease over. Nothing was marked that is not indexed."));
        }
        Some(StopReason::Internal(detail)) => line(&format!("{}{detail}", t("Stopped by a defect of prelo: "))),
        Some(StopReason::Signal(_)) => line(t("Stopped by a signal; run again to go on.")),
        Some(StopReason::OutOfTime) => line(t("Stopped in time, as --until or --for says; the next run goes on.")),
        None if report.indexed > 0 => {
            let data = match &config.folder {
                Some(_) if config.data != Path::new("prelo-data") => {
                    format!(" --data {}", for_a_shell(&config.data.to_string_lossy()))
                }
                _ => String::new(),
            };
            line(&format!("{}prelo search \"pregão eletrônico\"{data}", t("Next: ")));
        }
        None => line(&format!("{}prelo status", t("Next: "))),
    }
    text
}

/// Quoted where a POSIX shell would make something else of it.
fn for_a_shell(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::RunCounts;

    #[test]
    fn the_next_command_can_be_pasted() {
        for (word, quoted) in [("dados/2024", "dados/2024"), ("a b#", "'a b#'"), ("d'água", "'d'\\''água'")] {
            assert_eq!(for_a_shell(word), quoted);
        }
    }

    #[test]
    fn a_second_run_says_that_there_is_nothing_to_do() {
        let mut status = crate::catalog::Status { gazettes: 15, processed: 12, ..Default::default() };
        status.failed.insert("NEEDS_OCR".into(), 3);
        let text = nothing_to_do(&status);
        assert!(text.starts_with("Nothing to do: 12 of 15 gazettes indexed, 3 set aside.\n"), "{text}");
        assert!(text.contains("NEEDS_OCR") && text.contains("reprocess --failed any"), "{text}");
    }

    #[test]
    fn vanished_files_are_named_but_not_all_of_thousands() {
        let vanished = Paths { count: 7, first: (0..5).map(|n| format!("{n}.pdf")).collect() };
        let text = folder_lines(&Registered { vanished, ..Registered::default() });
        assert!(text.starts_with("0.pdf: vanished") && text.contains("… and 2 more"), "{text}");
    }

    #[test]
    fn what_was_given_back_is_told_as_what_remains() {
        let counts = RunCounts { skipped: 3, ..RunCounts::default() };
        let names = |stop| {
            let rows = figures(&Report::new(RunId::new(), counts.clone(), 7, stop));
            rows.into_iter().map(|row| row[0].clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(None)[names(None).len() - 2..], ["skipped", "remaining"]);
        let stopped = names(Some(StopReason::OutOfTime));
        assert!(!stopped.contains(&"skipped".to_owned()) && stopped.contains(&"remaining".to_owned()), "{stopped:?}");
    }

    #[test]
    fn pages_of_scans_that_were_cut_off_are_not_lost() {
        let kept = |kept_pages| {
            let counts = RunCounts { ocr_pages: 2, kept_pages, ..RunCounts::default() };
            let rows = figures(&Report::new(RunId::new(), counts, 7, Some(StopReason::OutOfTime)));
            rows.into_iter().find(|row| row[0] == "OCR pages kept").map(|row| row[1].clone())
        };
        assert_eq!((kept(0), kept(3)), (None, Some("3".to_owned())));
    }

    #[test]
    fn unknown_codes_of_a_newer_version_are_shown_too() {
        let failed = [("FROM_THE_FUTURE".to_owned(), 1)].into();
        assert!(failure_table(&failed).contains("FROM_THE_FUTURE"));
        let report = Report::new(RunId::new(), RunCounts::default(), 0, None);
        assert_eq!(report.exit_code(), 0);
    }
}
