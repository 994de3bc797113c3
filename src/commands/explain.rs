//! `explain ID`: the whole story of one gazette, in order.

use anyhow::Result;
use serde::Serialize;

use super::cli::{ExplainArgs, Format};
use super::output::moment;
use super::places::Places;
use super::{Usage, output, services, set_aside};
use crate::catalog::{Attempt, Catalog, CatalogError, GazetteState, PageRun, ReadInPart, Source};
use crate::config::Config;
use crate::failure::FailureCode;
use crate::gazette::GazetteId;
use crate::pipeline::story::{self, Story};
use crate::search_index::SearchIndex;
use crate::telemetry::{Stage, duration};
use crate::web;
use crate::words::{self, decimal, number, plain, t, t_one, told};

pub async fn explain(args: &ExplainArgs, config: &Config, format: Format) -> Result<u8> {
    let unknown = || {
        Usage(told(
            "there is no gazette {id} in the catalogue: `prelo status` tells what there is",
            &[("id", &args.id)],
        ))
    };
    let catalog = services::existing_catalog(config).await?.ok_or_else(unknown)?;
    let mut config = config.clone();
    // A folder that is gone takes nothing away from what the catalogue tells.
    let _ = services::settle_folder(&mut config);
    let config = &config;
    let index = services::search_index(config).await.ok();
    let story = story::story(&*catalog, index.as_deref(), GazetteId(args.id)).await?.ok_or_else(unknown)?;
    let places = Places::of(config, &story);
    match format {
        Format::Json => output::json(&Printed { story: &story, places: &places })?,
        Format::Text => output::text(&render(&story, &places, config.failed_attempts))?,
    }
    Ok(0)
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    story: &'a Story,
    places: &'a Places,
}

/// The same for the page of a gazette, whose visitors are not told where this machine keeps things. Services that are open
/// are used as they are.
pub async fn story(
    catalog: &dyn Catalog,
    index: &dyn SearchIndex,
    config: &Config,
    id: GazetteId,
    language: web::Language,
) -> Result<Option<web::Story>, CatalogError> {
    let Some(story) = story::story(catalog, Some(index), id).await? else { return Ok(None) };
    let pair = |row: Vec<String>| {
        let mut cells = row.into_iter();
        (cells.next().unwrap_or_default(), cells.collect::<Vec<_>>().join("  "))
    };
    let rows = words::in_language(language == web::Language::Portuguese, || {
        let mut rows: Vec<(String, String)> =
            rows(&story, &Places::default(), config.failed_attempts).into_iter().map(pair).collect();
        rows.extend(story.attempts.iter().map(|told| (t("attempts").to_owned(), labelled(attempt(told)))));
        rows.extend(story.pages.iter().map(|told| (t("pages").to_owned(), pages(told).join("  "))));
        rows
    });
    Ok(Some(web::Story { rows, told: story }))
}

/// `12 (1-3,7), confidence 0.93`
fn by_ocr(state: &GazetteState) -> Option<String> {
    let pages = state.ocr_pages.filter(|pages| *pages > 0)?;
    let numbers = state.ocr_page_numbers.as_deref().unwrap_or(t("which ones is not known"));
    let confidence =
        state.ocr_confidence.map(|confidence| format!(", {} {confidence:.2}", t("confidence"))).unwrap_or_default();
    Some(format!("{pages} ({numbers}){confidence}"))
}

/// Each code with its meaning.
fn warnings(codes: &str) -> String {
    let told = |word: &str| match FailureCode::parse(word) {
        Some(code) => format!("{code}: {}", output::code_words(code).0),
        None => word.to_owned(),
    };
    codes.split(',').filter(|word| !word.is_empty()).map(told).collect::<Vec<_>>().join(" ")
}

/// Name and value, in the order in which they are told.
fn rows(story: &Story, places: &Places, attempts: u32) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |name: &'static str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            // Keys, and what files begin with, must not steer the terminal.
            rows.push(vec![t(name).to_owned(), plain(&value)]);
        }
    };
    row("gazette", Some(story.id.to_string()));
    row(
        "territory",
        match (&story.territory, &story.territory_id) {
            (Some(territory), _) => Some(
                [&territory.name, &territory.state_code, &territory.id].map(String::as_str).join(" ").trim().to_owned(),
            ),
            (None, id) => Some(format!("{} ({})", id.as_deref().unwrap_or("-"), t("not in `territories`"))),
        },
    );
    row("date", story.date.as_deref().map(output::readable));
    row("edition", story.edition_number.clone());
    row("file", there(places.file.as_ref().or(story.file_path.as_ref()), places.file_is_gone));
    row("text", there(places.text.as_ref().or(story.text_path.as_ref()), places.text_is_gone));
    row("document", places.document.clone());
    row("md5", story.file_checksum.clone());
    row("url", story.file_url.clone());
    row(t_one("processed"), Some(t(if story.processed { "yes" } else { "no" }).to_owned()));
    match &story.state {
        None => row("state", Some(t("pending: no run has taken it up yet").into())),
        Some(state) => {
            row("state", Some(t_state(&state.state)));
            if let Some(word) = &state.failure_code {
                row("failure", Some(word.clone()));
                row("detail", state.failure_detail.clone());
                if let Some(failure) = &story.failure {
                    let (meaning, action) = output::code_words(failure.code);
                    row("meaning", Some(meaning.to_owned()));
                    row("to do", Some(action.to_owned()));
                }
                row("next attempt", Some(set_aside::next_attempt(state, attempts)));
            }
            if state.failures > 0 {
                row("failures in a row", Some(state.failures.to_string()));
            }
            row("starts", set_aside::starts(state));
            row("size", state.bytes.map(output::bytes));
            row("pages", state.pages.map(|pages| number(u64::from(pages))));
            row("pages by OCR", by_ocr(state));
            row(
                "waiting for OCR",
                state
                    .ocr_due
                    .filter(|due| *due > 0)
                    .map(|due| format!("{} {}", number(u64::from(due)), t(if due == 1 { "page" } else { "pages" }))),
            );
            row("warnings", state.warnings.as_deref().map(warnings));
            row("characters", state.characters.map(number));
            row("quality", state.quality.map(|quality| decimal(f64::from(quality), 2)));
            row("extractor", state.extractor_version.map(|version| version.to_string()));
            row("indexed at", state.indexed_at.map(moment));
            row("last run", state.run_id.map(|run| run.to_string()));
            row("held by run", state.lease_run.map(|run| run.to_string()));
            row("held until", state.lease_until.map(moment));
        }
    }
    row(
        "in the index",
        Some(match &story.index {
            Some(indexed) => format!(
                "{}, {}",
                t("yes"),
                told(
                    "written {at} by run {run}",
                    &[("at", &output::readable(&indexed.indexed_at)), ("run", &indexed.run_id)]
                )
            ),
            None if story.index_answered => t("no").into(),
            None => t("not known: the index cannot be asked, `prelo check` says why").into(),
        }),
    );
    rows
}

fn render(story: &Story, places: &Places, attempts: u32) -> String {
    let mut text = output::pairs(&rows(story, places, attempts));
    if !story.attempts.is_empty() {
        let header = ATTEMPT.map(t);
        let rows: Vec<Vec<String>> = story.attempts.iter().map(attempt).collect();
        text.push_str(&format!("\n{}:\n{}", t("attempts"), output::fitting(&header, &rows)));
    }
    if !story.pages.is_empty() {
        let rows: Vec<Vec<String>> = story.pages.iter().map(pages).collect();
        text.push_str(&format!("\n{}:\n{}", t("pages"), output::table(&["pages", "source", "quality"].map(t), &rows)));
    }
    text
}

/// What is told of an attempt.
const ATTEMPT: [&str; 8] = ["when", "what came out", "download", "reading", "OCR", "storing", "index", "run"];

/// An attempt where there is no header above it.
fn labelled(cells: Vec<String>) -> String {
    let label = |(place, (name, value))| if place < 2 { value } else { format!("{} {value}", t(name)) };
    let told = ATTEMPT.into_iter().zip(cells).enumerate().filter(|(_, (_, value))| value != "-");
    told.map(label).collect::<Vec<_>>().join(", ")
}

fn t_state(state: &str) -> String {
    let known = ["pending", "claimed", "started", "indexed", "failed"].into_iter().find(|word| *word == state);
    known.map_or_else(|| state.to_owned(), |word| t_one(word).to_owned())
}

/// A place, and whether what should be there is gone.
fn there(place: Option<&String>, is_gone: bool) -> Option<String> {
    let gone = if is_gone { format!("  ({})", t("not there any more")) } else { String::new() };
    place.map(|place| format!("{place}{gone}"))
}

/// Most stages of most gazettes take milliseconds, which are kept as such.
fn stage_took(seconds: f64) -> String {
    match seconds {
        0.0..0.0005 => "<1ms".to_owned(),
        0.0005..0.9995 => format!("{:.0}ms", seconds * 1_000.0),
        _ => duration(seconds),
    }
}

fn attempt(attempt: &Attempt) -> Vec<String> {
    let took = |stage| attempt.timings.get(&stage).map_or_else(|| "-".into(), |took| stage_took(f64::from(*took)));
    let outcome = match attempt.outcome.as_str() {
        "indexed" => t_one("indexed").to_owned(),
        "deferred" => t("waits for OCR").to_owned(),
        "interrupted" => {
            let ReadInPart { pages, due } = attempt.scans.unwrap_or(ReadInPart { pages: 0, due: 0 });
            told("cut off: {pages} of {due} pages read", &[("pages", &pages), ("due", &due)])
        }
        code => code.to_owned(),
    };
    // The whole id is in the JSON; its beginning is enough for `prelo runs`.
    let run = attempt.run.map_or_else(|| "-".into(), |run| run.to_string().chars().take(8).collect());
    vec![
        attempt.at.map_or_else(|| "-".into(), output::moment_with_seconds),
        outcome,
        took(Stage::Download),
        took(Stage::Extract),
        took(Stage::Ocr),
        took(Stage::Store),
        took(Stage::Index),
        run,
    ]
}

fn pages(run: &PageRun) -> Vec<String> {
    let pages = if run.from == run.to { run.from.to_string() } else { format!("{}-{}", run.from, run.to) };
    let source = match run.source {
        Source::Text => "text of the file",
        Source::Ocr => "OCR",
        Source::None => "none",
    };
    vec![pages, t(source).to_owned(), run.quality.map_or_else(|| "-".into(), |quality| decimal(f64::from(quality), 2))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_stages_are_told_in_milliseconds() {
        for (seconds, text) in
            [(0.0, "<1ms"), (0.001, "1ms"), (0.0384, "38ms"), (0.999, "999ms"), (1.0, "1.0s"), (75.0, "1m 15s")]
        {
            assert_eq!(stage_took(seconds), text);
        }
    }

    #[test]
    fn a_file_that_is_gone_is_told_as_such() {
        let place = "/srv/a.pdf".to_owned();
        assert_eq!(there(Some(&place), true).as_deref(), Some("/srv/a.pdf  (not there any more)"));
        assert_eq!(there(Some(&place), false), Some(place));
        assert_eq!(there(None, false), None);
    }
}
