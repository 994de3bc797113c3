//! Style sheet, script and icon, compiled in.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;

use super::site::Shared;

// The version is part of the address: a page never meets the style sheet of another one in a browser's cache.
pub const STYLE_PATH: &str = concat!("/static/", env!("CARGO_PKG_VERSION"), "/style.css");
pub const SCRIPT_PATH: &str = concat!("/static/", env!("CARGO_PKG_VERSION"), "/prelo.js");
pub const ICON_PATH: &str = concat!("/static/", env!("CARGO_PKG_VERSION"), "/icon.svg");

const KEPT: &str = "public, max-age=3600";

pub fn routes() -> Router<Shared> {
    Router::new()
        .route(STYLE_PATH, get(async || file("text/css; charset=utf-8", include_str!("assets/style.css"))))
        .route(SCRIPT_PATH, get(async || file("text/javascript; charset=utf-8", include_str!("assets/prelo.js"))))
        .route(ICON_PATH, get(async || file("image/svg+xml", include_str!("assets/icon.svg"))))
}

fn file(kind: &'static str, content: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, KEPT)], content)
}
