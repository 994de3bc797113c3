//! The search page and its other forms: tables for programs, and a feed.

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use super::asked::{Asked, PER_PAGE};
use super::problem::Problem;
use super::site::Shared;
use crate::search_index::Misunderstood;

mod bars; // totals as small charts
mod export; // CSV and JSON
mod feed; // Atom
mod form; // what is asked
mod help; // when nothing is found
mod page; // what is found
mod suggestions; // names of territories while one types

pub use page::marked;

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/", get(search))
        .route("/search.csv", get(export::csv))
        .route("/search.json", get(export::json))
        .route("/search.atom", get(feed::feed))
        .route("/territories.json", get(suggestions::suggestions))
}

async fn search(State(site): State<Shared>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let mut asked = Asked::read(query.as_deref());
    asked.search.limit = PER_PAGE;
    // A form sends its empty fields, too. What people see, keep and send is the address without them.
    let has_empty = query.as_deref().unwrap_or_default().split('&').any(|pair| pair.ends_with('='));
    if has_empty && asked.mistakes.is_empty() {
        return Redirect::to(&asked.address("/")).into_response();
    }
    match page::page(Arc::clone(&site), asked, &headers).await {
        Ok(response) => response,
        Err(problem) => problem.answer("/", query.as_deref(), &headers),
    }
}

/// Why a query cannot be searched for.
pub fn misunderstood(why: Misunderstood) -> Problem {
    let (portuguese, english) = help::why(why);
    Problem::bad_request(portuguese, english)
}

/// What the other forms of a search begin with: no mistake is passed over there.
async fn read(site: &Shared, query: Option<&str>) -> Result<(Asked, crate::search_index::SearchQuery), Problem> {
    let mut asked = Asked::read(query);
    let directory = site.territories.directory(&site.catalog).await?;
    let search = asked.resolved(&directory);
    if let Some((portuguese, english)) = asked.mistakes.first() {
        return Err(Problem::bad_request(portuguese, english));
    }
    search.understood().map_err(misunderstood)?;
    Ok((asked, search))
}
