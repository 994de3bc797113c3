//! `status`: the backlog by state and lane, what failed and what to do, the last runs, and when all should be done.

use anyhow::Result;
use serde_json::json;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::cli::Format;
use super::lanes::Lanes;
use super::output::{iso_of, moment};
use super::words::t;
use super::{output, runs, services, set_aside};
use crate::catalog::{RunRecord, Status};
use crate::config::Config;

const RUNS: u32 = 5;

pub async fn status(config: &Config, format: Format) -> Result<u8> {
    let Some(catalog) = services::existing_catalog(config).await? else {
        return nothing_yet(format);
    };
    let (status, runs) = tokio::try_join!(catalog.status(), catalog.runs(RUNS))?;
    let lanes = Lanes::new(status.pending, status.scans, &runs);
    let end = expected_end(&lanes);
    match format {
        Format::Json => output::json(&json!({
            "gazettes": status,
            "lanes": lanes,
            "expected_end": end.and_then(iso_of),
            "runs": runs::as_json(&runs),
        }))?,
        Format::Text => output::text(&render(&status, &lanes, end, &runs))?,
    }
    Ok(0)
}

fn nothing_yet(format: Format) -> Result<u8> {
    match format {
        Format::Json => output::json(
            &json!({ "gazettes": Status::default(), "lanes": Lanes::default(), "expected_end": null, "runs": [] }),
        )?,
        Format::Text => output::text(&format!("{}\n", t("Nothing here yet. Begin with: prelo run --folder DIR")))?,
    }
    Ok(0)
}

/// When all that waits should be done, if runs went on at the rates of the last ones; `None` when nothing waits, or no
/// rate is known.
fn expected_end(lanes: &Lanes) -> Option<PrimitiveDateTime> {
    let left = |gazettes: u64, seconds: Option<f64>| if gazettes == 0 { Some(0.0) } else { seconds };
    let seconds = left(lanes.digital.gazettes, lanes.digital.seconds)? + left(lanes.ocr.gazettes, lanes.ocr.seconds)?;
    // A century is as good as never.
    let seconds = Some(seconds).filter(|seconds| *seconds > 0.0 && *seconds < 3e9)?;
    let end = OffsetDateTime::now_utc() + time::Duration::seconds_f64(seconds);
    Some(PrimitiveDateTime::new(end.date(), end.time()))
}

fn render(status: &Status, lanes: &Lanes, end: Option<PrimitiveDateTime>, runs: &[RunRecord]) -> String {
    let failed: u64 = status.failed.values().sum();
    let about = if status.about { t("about ") } else { "" };
    let mut rows: Vec<Vec<String>> = [
        ("gazettes", status.gazettes, about),
        ("processed", status.processed, about),
        ("pending", status.pending, about),
        ("in work", status.claimed, ""),
        ("failed", failed, ""),
    ]
    .iter()
    .map(|(name, count, about)| vec![t(name).to_owned(), format!("{about}{count}")])
    .collect();
    rows.extend(set_aside::rows(status));
    if let Some(oldest) = status.oldest_pending_at {
        rows.push(vec![t("oldest pending").to_owned(), moment(oldest)]);
    }
    if let Some(end) = end {
        rows.push(vec![t("expected end").to_owned(), moment(end)]);
    }
    let mut text = output::table(&[], &rows);
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
        text.push_str(&runs::table(runs, false));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ScanBacklog;
    use crate::commands::lanes::Lane;

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
            assert_eq!(expected_end(&Lanes { digital, ocr }).is_some(), known, "{digital:?} {ocr:?}");
        }
    }

    #[test]
    fn what_is_estimated_says_so() {
        let status = Status { gazettes: 1_000_000, about: true, ..Status::default() };
        let text = render(&status, &Lanes::new(0, ScanBacklog::default(), &[]), None, &[]);
        assert!(text.contains("about 1000000"), "{text}");
    }
}
