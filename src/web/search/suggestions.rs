//! Names of territories that fit what is being typed.

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

use super::super::site::Shared;

/// More than fit below a field.
const NAMES: usize = 20;

pub async fn suggestions(State(site): State<Shared>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let query = query.unwrap_or_default();
    let typed = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "q").map(|(_, value)| value);
    match site.territories.directory(&site.catalog).await {
        Ok(directory) => {
            let names = serde_json::json!(directory.suggestions(&typed.unwrap_or_default(), NAMES));
            ([(CONTENT_TYPE, "application/json")], names.to_string()).into_response()
        }
        Err(problem) => problem.answer("/territories.json", Some(&query), &headers),
    }
}
