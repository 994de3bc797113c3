//! The search page and its other forms.

use axum::Router;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use maud::html;

use super::language::Language;
use super::layout::{self, Frame};
use super::site::Shared;

pub fn routes() -> Router<Shared> {
    Router::new().route("/", get(page))
}

async fn page(headers: HeaderMap) -> Response {
    let language = Language::chosen(None, &headers);
    let title = language.of("Pesquisa em diários oficiais", "Search in official gazettes");
    layout::page(&Frame { language, title, path: "/", query: "" }, &html! { h1 { (title) } })
}
