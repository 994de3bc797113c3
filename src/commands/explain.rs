//! `explain ID`: everything known about one gazette.

use anyhow::Result;
use serde_json::json;

use super::cli::{ExplainArgs, Format};
use super::output::moment;
use super::{Usage, output, services, set_aside};
use crate::catalog::{Catalog, CatalogError, Explanation, GazetteState};
use crate::config::Config;
use crate::failure::FailureCode;
use crate::gazette::GazetteId;
use crate::search_index::SearchIndex;
use crate::search_index::document::Provenance;
use crate::storage::text_key;
use crate::web::Story;

pub async fn explain(args: &ExplainArgs, config: &Config, format: Format) -> Result<u8> {
    let unknown =
        || Usage(format!("there is no gazette {} in the catalogue: `prelo status` tells what there is", args.id));
    let catalog = services::existing_catalog(config).await?.ok_or_else(unknown)?;
    let id = GazetteId(args.id);
    let explanation = catalog.explain(id).await?.ok_or_else(unknown)?;
    // The index may be away; the catalogue's story is worth telling all the same.
    let indexed = match services::search_index(config).await {
        Ok(index) => index.find(id).await.ok().flatten(),
        Err(_) => None,
    };
    match format {
        Format::Json => output::json(&as_json(&explanation, indexed.as_ref()))?,
        Format::Text => output::text(&render(&explanation, indexed.as_ref(), config.failed_attempts))?,
    }
    Ok(0)
}

/// The same for the page of a gazette. Services that are open are used as they are.
pub async fn story(
    catalog: &dyn Catalog,
    index: &dyn SearchIndex,
    config: &Config,
    id: GazetteId,
) -> Result<Option<Story>, CatalogError> {
    let Some(explanation) = catalog.explain(id).await? else { return Ok(None) };
    let indexed = index.find(id).await.ok().flatten();
    let rows = rows(&explanation, indexed.as_ref(), config.failed_attempts);
    let rows = rows.into_iter().map(|[name, value]| (name, value)).collect();
    Ok(Some(Story { rows, json: as_json(&explanation, indexed.as_ref()) }))
}

fn as_json(explanation: &Explanation, indexed: Option<&Provenance>) -> serde_json::Value {
    let gazette = &explanation.gazette;
    json!({
        "id": gazette.id,
        "territory_id": gazette.territory_id,
        "territory": gazette.territory,
        "date": gazette.date.map(|date| date.to_string()),
        "edition_number": gazette.edition_number,
        "is_extra_edition": gazette.is_extra_edition,
        "power": gazette.power,
        "file_path": gazette.file_path,
        "file_checksum": gazette.file_checksum,
        "file_url": gazette.file_url,
        "processed": explanation.processed,
        "state": explanation.state,
        "index": indexed,
    })
}

/// `12 (1-3,7), confidence 0.93`
fn by_ocr(state: &GazetteState) -> Option<String> {
    let pages = state.ocr_pages.filter(|pages| *pages > 0)?;
    let numbers = state.ocr_page_numbers.as_deref().unwrap_or("which ones is not known");
    let confidence = state.ocr_confidence.map(|confidence| format!(", confidence {confidence:.2}")).unwrap_or_default();
    Some(format!("{pages} ({numbers}){confidence}"))
}

/// Each code with its meaning.
fn warnings(codes: &str) -> String {
    let told = |word: &str| match FailureCode::parse(word) {
        Some(code) => format!("{code}: {}", code.sentence()),
        None => word.to_owned(),
    };
    codes.split(',').filter(|word| !word.is_empty()).map(told).collect::<Vec<_>>().join(" ")
}

fn render(explanation: &Explanation, indexed: Option<&Provenance>, attempts: u32) -> String {
    let rows: Vec<Vec<String>> = rows(explanation, indexed, attempts).into_iter().map(Vec::from).collect();
    output::table(&[], &rows)
}

/// Name and value, in the order in which they are told.
fn rows(explanation: &Explanation, indexed: Option<&Provenance>, attempts: u32) -> Vec<[String; 2]> {
    let gazette = &explanation.gazette;
    let mut rows: Vec<[String; 2]> = Vec::new();
    let mut row = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            rows.push([name.to_owned(), value]);
        }
    };
    row("gazette", Some(gazette.id.to_string()));
    row(
        "territory",
        match (&gazette.territory, &gazette.territory_id) {
            (Some(territory), _) => Some(
                [&territory.name, &territory.state_code, &territory.id].map(String::as_str).join(" ").trim().to_owned(),
            ),
            (None, id) => Some(format!("{} (not in `territories`)", id.as_deref().unwrap_or("-"))),
        },
    );
    row("date", gazette.date.map(|date| date.to_string()));
    row("edition", gazette.edition_number.clone());
    row("file", gazette.file_path.clone());
    row("text", gazette.file_path.as_deref().filter(|_| indexed.is_some()).map(text_key));
    row("md5", gazette.file_checksum.clone());
    row("url", gazette.file_url.clone());
    row("processed", Some(if explanation.processed { "yes" } else { "no" }.to_owned()));
    match &explanation.state {
        None => row("state", Some("pending: no run has taken it up yet".into())),
        Some(state) => {
            row("state", Some(state.state.clone()));
            if let Some(word) = &state.failure_code {
                row("failure", Some(word.clone()));
                row("detail", state.failure_detail.clone());
                if let Some(code) = FailureCode::parse(word) {
                    row("meaning", Some(code.sentence().to_owned()));
                    row("to do", Some(code.action().to_owned()));
                }
                row("next attempt", Some(set_aside::next_attempt(state, attempts)));
            }
            if state.failures > 0 {
                row("failures in a row", Some(state.failures.to_string()));
            }
            row("starts", set_aside::starts(state));
            row("size", state.bytes.map(output::bytes));
            row("pages", state.pages.map(|pages| pages.to_string()));
            row("pages by OCR", by_ocr(state));
            row("waiting for OCR", state.ocr_due.filter(|due| *due > 0).map(|due| format!("{due} pages")));
            row("warnings", state.warnings.as_deref().map(warnings));
            row("characters", state.characters.map(|characters| characters.to_string()));
            row("quality", state.quality.map(|quality| format!("{quality:.2}")));
            row("extractor", state.extractor_version.map(|version| version.to_string()));
            row("indexed at", state.indexed_at.map(moment));
            row("last run", state.run_id.map(|run| run.to_string()));
            row("held by run", state.lease_run.map(|run| run.to_string()));
            row("held until", state.lease_until.map(moment));
        }
    }
    row(
        "in the index",
        Some(match indexed {
            Some(indexed) => format!("yes, written {} by run {}", indexed.indexed_at, indexed.run_id),
            None => "no".into(),
        }),
    );
    rows
}
