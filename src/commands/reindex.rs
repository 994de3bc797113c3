//! `reindex`: a new version of the index from the stored texts, and the way back.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::cli::{Format, ReindexArgs};
use super::{Usage, output, readers, services, signals};
use crate::config::{Config, LiveConfig};
use crate::gazette::RunId;
use crate::pipeline::reindexer::{self, Options, Reindexed, Summary};
use crate::pipeline::{Context, Dependencies};
use crate::search_index::{SearchIndex, Which};
use crate::shutdown::{Shutdown, StopReason};
use crate::telemetry::{Telemetry, duration};

pub async fn reindex(args: &ReindexArgs, config: &Config, format: Format) -> Result<u8> {
    let mut config = config.clone();
    services::settle_folder(&mut config)?;
    let index: Arc<dyn SearchIndex> = Arc::from(crate::search_index::open_to_rebuild(&config)?);
    if args.drop_old || args.cancel {
        let which = if args.cancel { Which::Next } else { Which::Previous };
        return discard(&*index, which, format).await;
    }
    let Some(catalog) = services::existing_catalog(&config).await? else {
        return Err(Usage("there is no catalogue yet, and so no text: `prelo run` comes first".into()).into());
    };
    catalog.migrate().await?;
    let config = Arc::new(LiveConfig::from(config));
    let telemetry = Telemetry::new(RunId::new());
    let shutdown = Shutdown::default();
    signals::listen(shutdown.clone(), telemetry.clone()).context("could not listen for signals")?;
    let context = Context {
        storage: services::storage(&config).await?,
        index,
        catalog,
        // Nothing is read here: it starts no process before the first document.
        sandbox: readers::sandbox(&config),
        ocr: Arc::new(readers::ocr(&config)),
        dependencies: Dependencies::new(&config),
        config: config.clone(),
        telemetry,
        shutdown,
    };
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
    let removed = match index.versions() {
        Some(versions) => versions.discard(which).await?,
        None => None,
    };
    match (format, &removed) {
        (Format::Json, _) => output::json(&json!({ "removed": removed }))?,
        (Format::Text, Some(name)) => output::text(&format!("Removed {name}.\n"))?,
        (Format::Text, None) => output::text("There is no such version; nothing was removed.\n")?,
    }
    Ok(0)
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
        let line = format!("reindex {done}/{all}  {rate:.0} docs/s  {left} left");
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
    let before = summary.documents_before.map_or_else(|| "cannot be read".to_owned(), |count| count.to_string());
    let mut rows = vec![
        vec!["version".to_owned(), summary.version.clone()],
        vec!["gazettes indexed, by the catalogue".to_owned(), summary.gazettes.to_string()],
        vec!["documents written".to_owned(), summary.written.to_string()],
        vec!["documents in it".to_owned(), summary.documents.to_string()],
        vec!["documents in the one before".to_owned(), before],
        vec!["text".to_owned(), output::bytes(summary.bytes)],
        vec!["time".to_owned(), format!("{} ({rate:.0} docs/s)", duration(summary.seconds))],
    ];
    for (name, count) in
        [("stored texts missing", summary.missing), ("altered", summary.altered), ("refused", summary.refused)]
    {
        if count > 0 {
            rows.push(vec![name.to_owned(), count.to_string()]);
        }
    }
    let mut text = output::table(&[], &rows);
    text.push('\n');
    if let Some(removed) = &summary.removed {
        text.push_str(&format!("Removed {removed}, which was kept from the time before.\n"));
    }
    for gazette in &summary.first_missing {
        text.push_str(&format!("no stored text: {gazette}\n"));
    }
    if summary.missing > 0 {
        text.push_str("What has no stored text is read again by: prelo verify --repair, then prelo run\n");
    }
    if let Some(why) = &summary.refusal {
        text.push_str(&format!("refused first: {why}\n"));
    }
    text.push_str(&match (&summary.stop, summary.switched, &summary.why) {
        (_, true, _) if back => format!("{} is searched again.\n", summary.version),
        (_, true, _) => match &summary.before {
            Some(before) => format!(
                "{} is searched now; {before} is kept. Back: prelo reindex --rollback. Without it: prelo reindex --drop-old\n",
                summary.version
            ),
            None => format!("{} is searched now.\n", summary.version),
        },
        (Some(StopReason::DependencyDown(detail)), ..) => {
            format!("Stopped: {detail}\nThe index is as it was. `prelo reindex` goes on where it stopped.\n")
        }
        (Some(_), ..) => "Stopped; the index is as it was. `prelo reindex` goes on where it stopped.\n".into(),
        (None, false, Some(why)) => format!("Not put in its place: {why}.\n"),
        (None, false, None) => "Not put in its place.\n".into(),
    });
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
        assert!(text.contains("index-000002 is searched now; index is kept. Back: prelo reindex --rollback"), "{text}");
        summary.switched = false;
        summary.why = Some("11 documents are in the new version".into());
        assert!(closing(&summary, false).contains("Not put in its place: 11 documents"));
        summary.stop = Some(StopReason::Signal(2));
        assert!(closing(&summary, false).contains("goes on where it stopped"));
    }
}
