//! `plan` and `run --dry-run`: what a run would do and how long it should take, touching nothing.

use std::collections::BTreeMap;

use anyhow::Result;
use futures_util::StreamExt as _;
use futures_util::stream;
use serde::Serialize;

use super::cli::{Format, PlanArgs};
use super::lanes::Lanes;
use super::memory::{Room, mib};
use super::{output, runs, services, set_aside, territories};
use crate::catalog::{RunRecord, SelectionSummary, Status};
use crate::config::{Config, Loaded};
use crate::gazette::Selection;
use crate::pipeline::registrar;
use crate::telemetry::duration;
use crate::words::{number, t};

/// Sizes asked of the storage at most; the rest is extrapolated.
const SAMPLE: u32 = 100;
/// Runs whose rates are averaged.
const RUNS: u32 = 10;

#[derive(Debug, PartialEq, Serialize)]
struct Plan {
    gazettes: u64,
    /// Files of the folder that the run would register first; they are among `gazettes`.
    unregistered: u64,
    /// `None` when nothing is known of any size.
    bytes: Option<u64>,
    /// Whether `bytes` is extrapolated from a part.
    bytes_estimated: bool,
    pages: Option<u64>,
    pages_estimated: bool,
    /// By failure code.
    failed_before: BTreeMap<String, u64>,
    /// The failures of the whole catalogue, in the selection or not.
    set_aside: SetAside,
    /// From the rates of the last runs; `None` when there were none.
    seconds: Option<f64>,
    lanes: Lanes,
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    memory: Room,
}

/// As in [`Status`].
#[derive(Debug, Default, PartialEq, Serialize)]
struct SetAside {
    waiting: u64,
    spent: u64,
    quarantined: u64,
}

pub async fn plan(args: &PlanArgs, loaded: &Loaded, format: Format) -> Result<u8> {
    let selection = args.selection.over(loaded.config.mode)?;
    of_selection(loaded, &selection, format).await
}

pub(super) async fn of_selection(loaded: &Loaded, selection: &Selection, format: Format) -> Result<u8> {
    let mut config = loaded.config.clone();
    services::settle_folder(&mut config)?;
    let catalog = services::existing_catalog(&config).await?;
    let mut selection = selection.clone();
    selection.territories =
        territories::ids_with_folder(&selection.territories, catalog.as_deref(), &config, format).await?;
    let selection = &selection;
    if catalog.is_none() {
        // Where nothing was ever read, a run asks for what to read; so does its plan.
        config.storage()?;
    }
    let (mut summary, mut runs) = (SelectionSummary::default(), Vec::new());
    let mut status = Status::default();
    if let Some(catalog) = &catalog {
        status = catalog.status().await?;
        summary = catalog.summarize(&catalog.resolve(selection).await?, SAMPLE).await?;
        runs = runs::seen(&**catalog, RUNS).await?.runs;
    }
    let registry = catalog.as_ref().and_then(|catalog| catalog.registry());
    let fresh = match &config.folder {
        Some(folder) => registrar::preview(folder, &config.data, registry, selection).await?,
        None => registrar::Preview::default(),
    };
    let sampled = sample(&config, &summary).await;
    let memory = Room::of(&config);
    let Status { waiting, spent, quarantined, .. } = status;
    let set_aside = SetAside { waiting, spent, quarantined };
    let plan = Plan { set_aside, ..estimate(&summary, within(fresh, selection, &summary), sampled, &runs) };
    match format {
        Format::Json => output::json(&Printed { plan: &plan, memory })?,
        Format::Text => output::text(&render(&plan, &memory, &status))?,
    }
    Ok(0)
}

/// What the selection's limit leaves of it.
fn within(fresh: registrar::Preview, selection: &Selection, summary: &SelectionSummary) -> registrar::Preview {
    let room = selection.limit.map_or(fresh.files, |limit| limit.saturating_sub(summary.gazettes).min(fresh.files));
    let bytes = share(room, fresh.files, fresh.bytes).unwrap_or(0);
    registrar::Preview { files: room, bytes }
}

/// How many files were asked for, and their bytes. What cannot be asked is left out: a plan is no check.
async fn sample(config: &Config, summary: &SelectionSummary) -> (u64, u64) {
    if summary.sample_paths.is_empty() || config.storage.is_none() {
        return (0, 0);
    }
    let Ok(storage) = services::storage(config).await else { return (0, 0) };
    stream::iter(&summary.sample_paths)
        .map(|path| storage.head(path))
        .buffer_unordered(config.download_concurrency as usize)
        .fold((0, 0), async |(files, bytes), head| match head {
            Ok(head) => (files + 1, bytes + head.bytes),
            Err(_) => (files, bytes),
        })
        .await
}

fn estimate(
    summary: &SelectionSummary,
    fresh: registrar::Preview,
    (sampled, sampled_bytes): (u64, u64),
    runs: &[RunRecord],
) -> Plan {
    let gazettes = summary.gazettes + fresh.files;
    let sized = summary.sized_gazettes + fresh.files + sampled;
    let bytes = share(gazettes, sized, summary.known_bytes + fresh.bytes + sampled_bytes);
    let total = |pick: fn(&RunRecord) -> f64| runs.iter().filter(|run| run.counts.indexed > 0).map(pick).sum::<f64>();
    #[allow(clippy::cast_precision_loss)] // rates for people
    let (run_seconds, run_bytes, run_pages, run_documents) = (
        total(|run| run.counts.seconds),
        total(|run| run.counts.bytes as f64),
        total(|run| run.counts.pages as f64),
        total(|run| run.counts.finished() as f64),
    );
    let pages = share(gazettes, summary.paged_gazettes, summary.known_pages).or_else(|| {
        let bytes = bytes.filter(|_| run_bytes > 0.0)?;
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Some((bytes as f64 * run_pages / run_bytes).round() as u64)
    });
    #[allow(clippy::cast_precision_loss)]
    let seconds = match bytes {
        Some(bytes) if run_bytes > 0.0 => Some(bytes as f64 * run_seconds / run_bytes),
        _ if run_documents > 0.0 => Some(gazettes as f64 * run_seconds / run_documents),
        _ => None,
    };
    Plan {
        gazettes,
        unregistered: fresh.files,
        bytes,
        bytes_estimated: sized < gazettes,
        pages,
        pages_estimated: summary.paged_gazettes < gazettes,
        failed_before: summary.failed_before.clone(),
        set_aside: SetAside::default(),
        seconds,
        lanes: Lanes::new(gazettes, summary.scans, runs),
    }
}

/// The sum over all, when `known` of them sum up to `sum`; `None` when none is known.
fn share(all: u64, known: u64, sum: u64) -> Option<u64> {
    match (all, known) {
        (0, _) => Some(0),
        (_, 0) => None,
        _ => u64::try_from(u128::from(sum) * u128::from(all) / u128::from(known)).ok(),
    }
}

fn render(plan: &Plan, memory: &Room, status: &Status) -> String {
    let mut set_aside = output::table(&[], &set_aside::rows(status));
    if !set_aside.is_empty() {
        set_aside.insert_str(0, &format!("\n{}:\n", t("failures in the whole catalogue")));
    }
    if plan.gazettes == 0 {
        return format!("{}\n{set_aside}", t("Nothing to do: the selection holds no gazette."));
    }
    let about = |estimated: bool| if estimated { t("about ") } else { "" };
    let unknown = || t("unknown before a first run").to_owned();
    let bytes = plan.bytes.map_or_else(
        || t("unknown: the storage did not tell").to_owned(),
        |bytes| format!("{}{}", about(plan.bytes_estimated), output::bytes(bytes)),
    );
    let pages = plan.pages.map_or_else(unknown, |pages| format!("{}{}", about(plan.pages_estimated), number(pages)));
    let seconds = plan.seconds.map_or_else(unknown, |seconds| format!("{}{}", t("about "), duration(seconds)));
    let mut rows = vec![
        vec![t("gazettes").to_owned(), number(plan.gazettes)],
        vec![t("size").to_owned(), bytes],
        vec![t("pages").to_owned(), pages],
        vec![t("time").to_owned(), seconds],
        vec![t("memory").to_owned(), mib(memory.budget_bytes)],
    ];
    if plan.unregistered > 0 {
        rows.insert(1, vec![t("not registered yet").to_owned(), number(plan.unregistered)]);
    }
    let mut text = output::table(&[], &rows);
    let lanes = plan.lanes.table();
    if !lanes.is_empty() {
        text.push_str(&format!("\n{lanes}"));
    }
    text.push_str(&format!("\n{}", output::indented(0, &memory.sentence())));
    if !plan.failed_before.is_empty() {
        text.push_str(&format!("\n{}:\n", t("failed before")));
        text.push_str(&super::run::failure_table(&plan.failed_before));
    }
    text + &set_aside
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::RunCounts;

    fn room() -> Room {
        Room::of(&crate::config::load(&crate::config::Sources::default()).unwrap().config)
    }

    fn run(indexed: u64, bytes: u64, pages: u64, seconds: f64) -> RunRecord {
        RunRecord::with_counts(RunCounts { indexed, bytes, pages, seconds, ..RunCounts::default() })
    }

    #[test]
    fn what_is_known_is_exact_and_the_rest_says_that_it_is_not() {
        let known = SelectionSummary {
            gazettes: 10,
            sized_gazettes: 10,
            known_bytes: 1_000,
            paged_gazettes: 10,
            known_pages: 50,
            ..SelectionSummary::default()
        };
        let plan = estimate(&known, registrar::Preview::default(), (0, 0), &[run(5, 500, 20, 10.0)]);
        assert_eq!((plan.bytes, plan.bytes_estimated), (Some(1_000), false));
        assert_eq!((plan.pages, plan.pages_estimated), (Some(50), false));
        assert_eq!(plan.seconds, Some(20.0));

        let unknown = SelectionSummary { gazettes: 10, ..SelectionSummary::default() };
        let plan = estimate(&unknown, registrar::Preview::default(), (2, 200), &[run(5, 500, 20, 10.0)]);
        assert_eq!((plan.bytes, plan.bytes_estimated), (Some(1_000), true), "two files of 100 bytes were asked for");
        assert_eq!((plan.pages, plan.pages_estimated), (Some(40), true));

        let plan = estimate(&unknown, registrar::Preview::default(), (0, 0), &[]);
        assert_eq!((plan.bytes, plan.pages, plan.seconds), (None, None, None));
        assert!(render(&plan, &room(), &Status::default()).contains("unknown before a first run"));
    }

    #[test]
    fn files_that_are_not_registered_yet_count() {
        let fresh = registrar::Preview { files: 3, bytes: 300 };
        let plan = estimate(&SelectionSummary::default(), fresh, (0, 0), &[]);
        assert_eq!((plan.gazettes, plan.bytes, plan.bytes_estimated), (3, Some(300), false));
        let nothing = estimate(&SelectionSummary::default(), registrar::Preview::default(), (0, 0), &[]);
        assert!(render(&nothing, &room(), &Status::default()).starts_with("Nothing to do"));
    }
}
