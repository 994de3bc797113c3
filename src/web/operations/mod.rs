//! The dashboard, and what machines ask: metrics, health, runs.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};

use super::site::Shared;

mod act; // what changes something, for those who know the token
mod api; // runs for programs
mod chart; // memory over time
mod dashboard; // the page
mod failures; // set aside, by code, and the gazettes of one code
mod health; // is it alive, is it ready
mod history; // the last runs
mod live; // a run at one moment
mod scrape; // metrics of the catalogue and of the last run
mod sessions; // who has shown the token
mod words; // numbers and moments as people write them

pub use api::openapi;

/// Where the dashboard is.
pub const PATH: &str = "/painel";
/// Whether the process lives.
pub const HEALTH_PATH: &str = "/healthz";
const STYLE_PATH: &str = concat!("/static/", env!("CARGO_PKG_VERSION"), "/dashboard.css");
const SCRIPT_PATH: &str = concat!("/static/", env!("CARGO_PKG_VERSION"), "/dashboard.js");
/// A form of these pages is far smaller.
const FORM_BYTES: usize = 4096;

/// What these pages share beside the site.
#[derive(Default)]
struct Desk {
    sessions: sessions::Sessions,
    health: health::Health,
    scrape: scrape::Scrape,
}

pub fn routes() -> Router<Shared> {
    let desk: Arc<Desk> = Arc::default();
    Router::new()
        .route(PATH, get(dashboard::dashboard))
        .route("/dashboard", get(|| async { Redirect::permanent("/painel?lang=en") }))
        .route("/painel/execucoes/{id}", get(dashboard::run))
        .route("/painel/falhas/{code}", get(failures::of_code))
        .route("/painel/entrar", post(act::enter))
        .route("/painel/sair", post(act::leave))
        .route("/painel/reprocessar", post(act::reprocess))
        .route("/metrics", get(scrape::metrics))
        .route(HEALTH_PATH, get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/api/v1/runs", get(api::runs))
        .route("/api/v1/runs/{id}", get(api::run))
        .route(STYLE_PATH, get(|| async { file("text/css; charset=utf-8", include_str!("dashboard.css")) }))
        .route(SCRIPT_PATH, get(|| async { file("text/javascript; charset=utf-8", include_str!("dashboard.js")) }))
        .layer(DefaultBodyLimit::max(FORM_BYTES))
        .layer(axum::Extension(desk))
}

fn file(kind: &'static str, content: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "public, max-age=3600")], content)
}
