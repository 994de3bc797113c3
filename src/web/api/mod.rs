//! The API: what the pages show, for programs. Described by an `OpenAPI` document; mistakes are `application/problem+json`.

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::asked::Asked;
use super::gazette::{PageText, id, page_text};
use super::language::Language;
use super::problem::Problem;
use super::search::misunderstood;
use super::site::Shared;
use crate::search_index::SearchQuery;

mod numbers; // as they are meant
mod openapi; // the document

pub use numbers::round;
pub use openapi::{answers, schema};

/// Names of the parameters of a search.
pub const SEARCH_PARAMETERS: [&str; 10] =
    ["q", "territory", "state", "from", "to", "edition", "power", "sort", "offset", "limit"];

/// No gazette has more pages.
const PAGES: u32 = 1_000_000;

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/v1/search", get(search))
        .route("/api/v1/gazettes/{id}", get(gazette))
        .route("/api/v1/openapi.json", get(document))
}

async fn document(RawQuery(query): RawQuery, uri: Uri, headers: HeaderMap) -> Response {
    let asked = Asked::strictly_named(query.as_deref(), &[]);
    told(asked.map(|_| openapi::document()), uri.path(), &headers)
}

async fn search(State(site): State<Shared>, RawQuery(query): RawQuery, uri: Uri, headers: HeaderMap) -> Response {
    let found = async {
        let mut asked = Asked::strictly(query.as_deref(), &SEARCH_PARAMETERS)?;
        let directory = site.territories.directory(&site.catalog).await?;
        let search = asked.resolved(&directory);
        if let Some((portuguese, english)) = asked.mistakes.first() {
            return Err(Problem::bad_request(portuguese, english));
        }
        search.understood().map_err(misunderstood)?;
        let results = site.search(&SearchQuery { totals: true, ..search }).await?;
        Ok(json!(results))
    };
    told(found.await, uri.path(), &headers)
}

async fn gazette(State(site): State<Shared>, RawQuery(query): RawQuery, uri: Uri, headers: HeaderMap) -> Response {
    let found = async {
        let page = number(query.as_deref(), "page", PAGES)?;
        let unknown = || Problem::new(StatusCode::NOT_FOUND, "Este diário não existe.", "There is no such gazette.");
        let id = id(&uri).ok_or_else(unknown)?;
        let story = site.storyteller.story(id, Language::English).await?.ok_or_else(unknown)?;
        let mut told = json!(story.told);
        let Some(page) = page else { return Ok(told) };
        let key = story.told.file_path.unwrap_or_default();
        let text = if key.is_empty() { PageText::NotStored } else { page_text(&*site.storage, &key, page).await? };
        told["page"] = json!(page);
        told["text"] = match text {
            PageText::There { text, .. } => Value::String(text),
            PageText::Beyond { .. } | PageText::NotStored => Value::Null,
        };
        Ok(told)
    };
    told(found.await, uri.path(), &headers)
}

/// The only parameter that an address may have, where it is given: a number from 1 to `most`.
pub fn number(query: Option<&str>, name: &str, most: u32) -> Result<Option<u32>, Problem> {
    let asked = Asked::strictly_named(query, &[name])?;
    let Some((_, text)) = asked.first() else { return Ok(None) };
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse().ok().filter(|number| plain && (1..=most).contains(number)) {
        Some(number) if asked.len() == 1 => Ok(Some(number)),
        _ => Err(Problem::bad_request(
            format!("`{name}` deve ser um número de 1 a {most}, uma só vez."),
            format!("`{name}` has to be one number from 1 to {most}."),
        )),
    }
}

/// What was asked for, or why there is none.
pub fn told(found: Result<Value, Problem>, path: &str, headers: &HeaderMap) -> Response {
    match found {
        Ok(mut value) => {
            round(&mut value);
            ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], value.to_string()).into_response()
        }
        Err(problem) => problem.answer(path, None, headers),
    }
}
