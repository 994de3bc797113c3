//! `reindex`: a new version of the index from the stored texts, and the way back.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use serde_json::json;

use super::cli::{Format, ReindexArgs};
use super::{Usage, output, services};
use crate::config::Config;
use crate::pipeline::reindexer::{self, Options, Reindexed, Summary};
use crate::search_index::{Named, SearchIndex, Which};
use crate::shutdown::StopReason;
use crate::telemetry::duration;
use crate::words::{decimal, number, t, told};

pub async fn reindex(args: &ReindexArgs, config: &Config, format: Format) -> Result<u8> {
    let mut config = config.clone();
    services::settle_folder(&mut config)?;
    let index: Arc<dyn SearchIndex> = Arc::from(crate::search_index::open_to_rebuild(&config)?);
    if args.drop_old || args.cancel {
        let which = if args.cancel { Which::Next } else { Which::Previous };
        return discard(&*index, which, format).await;
    }
    let Some(catalog) = services::existing_catalog(&config).await? else {
        return Err(Usage(t("there is no catalogue yet, and so no text: `prelo run` comes first").into()).into());
    };
    catalog.migrate().await?;
    let context = services::context(config, catalog, index).await?;
    let options = Options { back: args.rollback, accept_fewer: args.accept_fewer };
    let mut line = Line::new();
    let reindexed = reindexer::reindex(&context, options, &mut |done, all| line.show(done, all)).await;
    line.clear();
    let summary = match reindexed? {
        Reindexed::Done(summary) => summary,
        Reindexed::Refused(why) => return Err(Usage(why).into()),
    };
    match format {
        Format::Json => output::json(&*summary)?,
        Format::Text => output::text(&closing(&summary, args.rollback))?,
    }
    Ok(summary.exit_code())
}

async fn discard(index: &dyn SearchIndex, which: Which, format: Format) -> Result<u8> {
    let (named, removed) = match index.versions() {
        Some(versions) => (versions.named().await?, versions.discard(which).await?),
        None => (Named::default(), None),
    };
    let Named { current: searched, next, .. } = named;
    let was_back = next.is_some_and(|next| next.back);
    match format {
        Format::Json => output::json(&json!({ "removed": removed, "searched": searched }))?,
        Format::Text => output::text(&(discarded(which, was_back, removed.as_deref(), searched.as_deref()) + "\n"))?,
    }
    Ok(0)
}

/// What happened to a version, and what follows from it.
fn discarded(which: Which, was_back: bool, removed: Option<&str>, searched: Option<&str>) -> String {
    let words = match (which, removed) {
        (Which::Next, Some(_)) if was_back => {
            "{removed}, which --rollback was bringing up to date, was removed: there is no way back to it."
        }
        (Which::Next, Some(_)) => "{removed}, which was being filled, was removed.",
        (Which::Next, None) => "No version is being filled: nothing was removed.",
        (Which::Previous, Some(_)) => {
            "{removed}, which was kept for --rollback, was removed: there is no way back to it."
        }
        (Which::Previous, None) => "No version is kept for --rollback: nothing was removed.",
    };
    let mut text = told(words, &[("removed", &removed.unwrap_or_default())]);
    if let Some(searched) = searched {
        text.push_str(&told(" {searched} is searched as before.", &[("searched", &searched)]));
    }
    if which == Which::Next && removed.is_some() && !was_back {
        text.push_str(t(" To fill another version: prelo reindex"));
    }
    text
}

/// How far it is, on a terminal.
struct Line {
    terminal: bool,
    started: Instant,
    shown: Option<Instant>,
}

impl Line {
    fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), started: Instant::now(), shown: None }
    }

    #[allow(clippy::cast_precision_loss)] // a rate for people
    fn show(&mut self, done: u64, all: u64) {
        let due = self.shown.is_none_or(|shown| shown.elapsed().as_millis() > 200);
        if !self.terminal || !due {
            return;
        }
        self.shown = Some(Instant::now());
        let rate = done as f64 / self.started.elapsed().as_secs_f64().max(0.001);
        let left = duration(all.saturating_sub(done) as f64 / rate.max(0.001));
        let (done, all, rate) = (number(done), number(all), decimal(rate, 0));
        let line = format!("reindex {done}/{all}  {rate} docs/s  {}", told("{span} left", &[("span", &left)]));
        let line: String = line.chars().take(textwrap::termwidth().saturating_sub(1)).collect();
        let _ = write!(std::io::stderr(), "\r\u{1b}[K{line}");
    }

    fn clear(&self) {
        if self.terminal && self.shown.is_some() {
            let _ = write!(std::io::stderr(), "\r\u{1b}[K");
        }
    }
}

fn closing(summary: &Summary, back: bool) -> String {
    #[allow(clippy::cast_precision_loss)] // a rate for people
    let rate = summary.written as f64 / summary.seconds.max(0.001);
    // Counted at the end: of one that was stopped earlier nothing is known.
    let before = match summary.documents_before {
        Some(count) => Some(number(count)),
        None => summary.stop.is_none().then(|| t("cannot be read").to_owned()),
    };
    let mut rows = vec![
        vec![t("version").to_owned(), summary.version.clone()],
        vec![t("gazettes indexed, by the catalogue").to_owned(), number(summary.gazettes)],
        vec![t("documents written").to_owned(), number(summary.written)],
        vec![t("documents in it").to_owned(), number(summary.documents)],
        vec![t("text").to_owned(), output::bytes(summary.bytes)],
        vec![t("time").to_owned(), format!("{} ({} docs/s)", duration(summary.seconds), decimal(rate, 0))],
    ];
    if let Some(before) = before {
        rows.insert(4, vec![t("documents in the one before").to_owned(), before]);
    }
    for (name, count) in [("stored texts missing", summary.missing), ("refused", summary.refused)] {
        if count > 0 {
            rows.push(vec![t(name).to_owned(), number(count)]);
        }
    }
    let mut text = output::table(&[], &rows);
    text.push('\n');
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    if let Some(removed) = &summary.removed {
        line(told("Removed {removed}, which was kept from the time before.", &[("removed", removed)]));
    }
    for gazette in &summary.first_missing {
        line(told("no stored text: {gazette}", &[("gazette", gazette)]));
    }
    if summary.missing > 0 {
        line(t("What has no stored text is read again by: prelo verify --repair, then prelo run").into());
    }
    if let Some(why) = &summary.refusal {
        line(told("refused first: {why}", &[("why", why)]));
    }
    let version = &summary.version;
    match (&summary.stop, summary.switched, &summary.why) {
        (_, true, _) if back => line(told("{version} is searched again.", &[("version", version)])),
        (_, true, _) => {
            line(told("{version} is searched now.", &[("version", version)]));
            if let Some(why) = &summary.why {
                line(why.clone());
            }
            if let Some(before) = &summary.before {
                line(told(
                    "{before} is kept. Back to it: prelo reindex --rollback. Without it: prelo reindex --drop-old",
                    &[("before", before)],
                ));
            }
        }
        (Some(stop), ..) => {
            line(match stop {
                StopReason::DependencyDown(detail) => format!("{}{detail}", t("Stopped: ")),
                _ => t("Stopped.").into(),
            });
            line(t("The index is as it was. To go on where it stopped: prelo reindex. To give it up: prelo reindex --cancel").into());
        }
        (None, false, why) => {
            let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            line(told("{version} was not put in its place{why}.", &[("version", version), ("why", &why)]));
            line(t("The index is as it was. To go on after a repair: prelo reindex. To give the new version up: prelo reindex --cancel").into());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_says_what_is_searched_and_how_to_go_back() {
        let mut summary = Summary {
            version: "index-000002".into(),
            before: Some("index".into()),
            documents: 12,
            documents_before: Some(12),
            switched: true,
            ..Summary::default()
        };
        let text = closing(&summary, false);
        assert!(
            text.contains("index-000002 is searched now.\nindex is kept. Back to it: prelo reindex --rollback"),
            "{text}"
        );
        summary.switched = false;
        summary.why = Some("11 documents are in the new version".into());
        assert!(closing(&summary, false).contains("was not put in its place: 11 documents"));
        summary.documents_before = None;
        assert!(closing(&summary, false).contains("cannot be read"), "it was asked and did not answer");
        summary.stop = Some(StopReason::Signal(2));
        assert!(!closing(&summary, false).contains("cannot be read"), "it was not asked");
        assert!(closing(&summary, false).contains("To go on where it stopped: prelo reindex."));
    }

    #[test]
    fn what_is_discarded_is_said_with_what_stays() {
        let back = discarded(Which::Next, true, Some("a-2"), Some("a-1"));
        assert!(back.ends_with("there is no way back to it. a-1 is searched as before."), "{back}");
        for (which, removed, words) in [
            (
                Which::Next,
                Some("a-2"),
                "a-2, which was being filled, was removed. a-1 is searched as before. To fill another version: prelo reindex",
            ),
            (Which::Next, None, "No version is being filled: nothing was removed. a-1 is searched as before."),
            (
                Which::Previous,
                Some("a-2"),
                "a-2, which was kept for --rollback, was removed: there is no way back to it. a-1 is searched as before.",
            ),
            (
                Which::Previous,
                None,
                "No version is kept for --rollback: nothing was removed. a-1 is searched as before.",
            ),
        ] {
            assert_eq!(discarded(which, false, removed, Some("a-1")), words);
        }
    }
}
