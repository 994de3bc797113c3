//! `status`: the backlog by state and lane, what failed and what to do, the last runs, and when all should be done.

use anyhow::Result;
use serde::Serialize;
use serde_json::json;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::cli::Format;
use super::lanes::{self, Lanes};
use super::output::moment;
use super::{nothing_yet, output, runs, services, set_aside};
use crate::catalog::{RunRecord, ShownRun, Status};
use crate::config::Config;
use crate::gazette::{Lane, OcrMode};
use crate::rfc3339;
use crate::telemetry::{Live, glance};
use crate::words::{number, t, told};

const RUNS: u32 = 5;

pub async fn status(config: &Config, format: Format) -> Result<u8> {
    let Some(catalog) = services::existing_catalog(config).await? else {
        return empty(config, format);
    };
    let (status, seen) = tokio::try_join!(catalog.status(), runs::seen(&*catalog, RUNS))?;
    // What is indexed and waits for its scans is not pending.
    let lanes = Lanes::new(status.pending + status.incomplete, status.scans, &seen.runs);
    let end = in_seconds(seconds_for(&lanes));
    let scans = if config.ocr == OcrMode::Off { Some(0.0) } else { left(&lanes.ocr) };
    let run = seen.at_work.as_ref().map(|run| AtWork::new(run, scans));
    match format {
        Format::Json => output::json(&json!({
            "gazettes": status,
            "lanes": lanes,
            "expected_end": end.and_then(rfc3339::of_utc),
            "running": run,
            "runs": seen.runs,
        }))?,
        Format::Text => output::text(&render(&status, &lanes, end, run.as_ref(), &seen.runs))?,
    }
    Ok(0)
}

fn empty(config: &Config, format: Format) -> Result<u8> {
    match format {
        Format::Json => output::json(
            &json!({ "gazettes": Status::default(), "lanes": Lanes::default(), "expected_end": null, "running": null, "runs": [] }),
        )?,
        Format::Text => output::text(&nothing_yet::words(config))?,
    }
    Ok(0)
}

/// The run that is at work.
#[derive(Serialize)]
struct AtWork<'a> {
    #[serde(flatten)]
    run: &'a ShownRun,
    /// At the rates so far; `None` before they are known.
    seconds_left: Option<f64>,
    #[serde(serialize_with = "rfc3339::serialize")]
    expected_end: Option<PrimitiveDateTime>,
}

impl<'a> AtWork<'a> {
    /// `scans` is how long what waits for OCR takes; `None` when that is not known.
    fn new(run: &'a ShownRun, scans: Option<f64>) -> Self {
        let seconds_left = run.live.as_ref().and_then(|live| left_of_run(live, scans));
        Self { run, seconds_left, expected_end: in_seconds(seconds_left) }
    }

    fn render(&self) -> String {
        let record = &self.run.record;
        let id: String = record.id.to_string().chars().take(8).collect();
        let since = record.started_at.map_or_else(|| "-".into(), moment);
        let title = told("at work since {since} (run {run})", &[("since", &since), ("run", &id)]);
        let mut text = format!("\n{title}:\n");
        let mut line = |line: &str| text.push_str(&format!("  {line}\n"));
        match &self.run.live {
            None => line(t("nothing is to be seen of it yet")),
            Some(live) => {
                for words in glance(live) {
                    line(&words);
                }
                if let Some(end) = self.expected_end {
                    line(&format!("{}  {}", t("expected end"), moment(end)));
                }
                if live.stopping.is_some() {
                    line(t("it claims nothing more: what is in flight is finished"));
                }
            }
        }
        text
    }
}

/// Seconds until a run is done at the rates so far, or has to be; `None` when that cannot be said.
fn left_of_run(live: &Live, scans: Option<f64>) -> Option<f64> {
    let digital = live.counts.digital;
    let left = match live.lane {
        Lane::Ocr => live.counts.ocr.seconds_left(),
        Lane::Digital => digital.seconds_left().zip(scans).map(|(digital, scans)| digital + scans),
    };
    match (left, live.seconds_to_end) {
        (Some(left), Some(end)) => Some(left.min(end)),
        (left, end) => left.or(end),
    }
}

fn left(lane: &lanes::Lane) -> Option<f64> {
    if lane.gazettes == 0 { Some(0.0) } else { lane.seconds }
}

/// How long all that waits takes, if runs go on at the rates of the last ones; `None` when no rate is known.
fn seconds_for(lanes: &Lanes) -> Option<f64> {
    Some(left(&lanes.digital)? + left(&lanes.ocr)?)
}

/// The moment after so long; `None` when it is now, or not to be told.
fn in_seconds(seconds: Option<f64>) -> Option<PrimitiveDateTime> {
    // A century is as good as never.
    let seconds = seconds.filter(|seconds| *seconds > 0.0 && *seconds < 3e9)?;
    let end = OffsetDateTime::now_utc() + time::Duration::seconds_f64(seconds);
    Some(PrimitiveDateTime::new(end.date(), end.time()))
}

fn render(
    status: &Status,
    lanes: &Lanes,
    end: Option<PrimitiveDateTime>,
    run: Option<&AtWork<'_>>,
    runs: &[RunRecord],
) -> String {
    let failed: u64 = status.failed.values().sum();
    let about = if status.about { t("about ") } else { "" };
    let rereading = status.claimed.saturating_sub(status.pending_claimed);
    let remark = |what, count: u64| if count > 0 { told(what, &[("n", &number(count))]) } else { String::new() };
    let mut rows: Vec<Vec<String>> = [
        ("gazettes", status.gazettes, about, String::new()),
        ("processed", status.processed, about, remark("{n} of them being read again", rereading)),
        ("pending", status.pending, about, remark("{n} of them in work", status.pending_claimed)),
        ("failed", failed, "", String::new()),
    ]
    .into_iter()
    .map(|(name, count, about, remark)| vec![t(name).to_owned(), format!("{about}{}", number(count)), remark])
    .collect();
    rows.extend(set_aside::rows(status));
    if let Some(oldest) = status.oldest_pending_at {
        let story = status.oldest_pending.map(|id| format!("prelo explain {id}")).unwrap_or_default();
        rows.push(vec![t("oldest pending").to_owned(), moment(oldest), story]);
    }
    // What waits without a known end, before a run has measured anything, is said to be so.
    let waits = lanes.digital.gazettes + lanes.ocr.gazettes > 0;
    if let Some(end) = end.map(moment).or_else(|| waits.then(|| t("not known before a run has measured it").to_owned()))
    {
        rows.push(vec![t("expected end").to_owned(), end]);
    }
    let mut text = output::pairs(&rows);
    text.push_str(&run.map(AtWork::render).unwrap_or_default());
    let lanes = lanes.table();
    if !lanes.is_empty() {
        text.push_str(&format!("\n{}:\n{lanes}", t("waiting")));
    }
    if failed > 0 {
        text.push_str(&format!("\n{}:\n", t("failures")));
        text.push_str(&super::run::failure_table(&status.failed));
        text.push_str(&format!("  {}\n", t("One by one: prelo failures --code CODE")));
    }
    if !runs.is_empty() {
        text.push_str(&format!("\n{}:\n", t("last runs")));
        text.push_str(&runs::table(runs, run.map(|run| run.run.record.id), false));
        if let Some(detail) = runs.first().and_then(|run| run.counts.stopped_detail.as_ref()) {
            text.push_str(&output::indented(2, &told("what stopped the last one: {detail}", &[("detail", detail)])));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ScanBacklog;
    use crate::commands::lanes::Lane;
    use crate::telemetry::{LaneCounts, RunCounts};

    #[test]
    fn an_end_is_expected_only_where_a_rate_is_known() {
        let lane = |gazettes, seconds| Lane { gazettes, seconds, ..Lane::default() };
        for (digital, ocr, known) in [
            (lane(0, None), lane(0, None), false),
            (lane(10, None), lane(0, None), false),
            (lane(10, Some(60.0)), lane(0, None), true),
            (lane(10, Some(60.0)), lane(2, None), false),
            (lane(0, None), lane(2, Some(60.0)), true),
            (lane(10, Some(1e30)), lane(0, None), false),
        ] {
            assert_eq!(in_seconds(seconds_for(&Lanes { digital, ocr })).is_some(), known, "{digital:?} {ocr:?}");
        }
    }

    #[test]
    fn what_is_estimated_says_so() {
        let status = Status { gazettes: 1_000_000, about: true, ..Status::default() };
        let text = render(&status, &Lanes::new(0, ScanBacklog::default(), &[]), None, None, &[]);
        assert!(text.contains("about 1,000,000") && !text.contains("expected end"), "{text}");
        let text = render(&status, &Lanes::new(3, ScanBacklog::default(), &[]), None, None, &[]);
        assert!(text.contains("expected end  not known before a run has measured it"), "{text}");
    }

    #[test]
    fn the_run_at_work_ends_when_its_lanes_do_or_when_it_has_to() {
        let lane = |selected, gazettes| LaneCounts { selected, gazettes, seconds: 10.0, ..LaneCounts::default() };
        let counts = RunCounts { digital: lane(20, 10), ocr: lane(4, 1), ..RunCounts::default() };
        let live = |lane, seconds_to_end| Live { lane, seconds_to_end, counts: counts.clone(), ..Live::default() };
        let (digital, ocr) = (crate::gazette::Lane::Digital, crate::gazette::Lane::Ocr);
        for (live, scans, expected) in [
            (live(digital, None), Some(0.0), Some(10.0)),
            (live(digital, None), Some(60.0), Some(70.0)),
            (live(digital, None), None, None),
            (live(digital, Some(15.0)), Some(60.0), Some(15.0)),
            (live(digital, Some(15.0)), None, Some(15.0)),
            (live(ocr, Some(99.0)), None, Some(30.0)),
        ] {
            assert_eq!(left_of_run(&live, scans), expected);
        }
    }

    #[test]
    fn the_run_at_work_is_told_as_its_bars_tell_it() {
        let digital = LaneCounts { selected: 20, gazettes: 10, seconds: 10.0, ..LaneCounts::default() };
        let counts = RunCounts { digital, ..RunCounts::default() };
        let record = RunRecord::with_counts(counts.clone());
        let live = Some(Live { counts, ..Live::default() });
        let shown = ShownRun { record, is_live: true, live, shown_seconds_ago: Some(1.0) };
        let text = AtWork::new(&shown, Some(0.0)).render();
        assert!(text.contains("10/20  1.0 docs/s") && text.contains("expected end"), "{text}");
        let json = serde_json::to_value(AtWork::new(&shown, Some(0.0))).unwrap();
        assert_eq!((json["seconds_left"].as_f64(), json["live"]["lane"].as_str()), (Some(10.0), Some("digital")));
    }
}
