//! The pages and the API of `prelo serve`. Rendered here, working without a script, Portuguese first.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;

mod api; // for programs
mod asked; // what an address asks for
mod assets; // style sheet and icon, compiled in
mod connections; // how many, and how long one may say nothing
mod gazette; // one gazette
mod guard; // what holds for every request and every answer
mod language; // Portuguese or English
mod layout; // the frame around every page
mod operations; // the dashboard, metrics, health, runs
mod problem; // what goes wrong, for people and for programs
mod search; // the search page and its other forms
mod site; // what every page works with
mod territories; // by name

pub use language::Language;
pub use problem::Problem;
pub use site::{Shared, Site, Story, StoryError, Storyteller};

/// Every route. One function for each group of pages.
pub fn router(site: Shared) -> Router {
    Router::new()
        .merge(search::routes())
        .merge(gazette::routes())
        .merge(api::routes())
        .merge(assets::routes())
        .merge(operations::routes())
        .fallback(problem::no_such_page)
        .layer(from_fn_with_state(guard::Guard::new(guard::Limits::USUAL), guard::guard))
        .with_state(site)
}

/// Answers requests until `stop` resolves; what is under way then may take `grace` longer.
pub async fn serve(listener: TcpListener, site: Shared, stop: impl Future<Output = ()>, grace: Duration) {
    let first = Arc::clone(&site);
    tokio::spawn(async move { first.territories.directory(&first.catalog).await });
    connections::serve(listener, router(site), connections::Limits::USUAL, stop, grace).await;
}
