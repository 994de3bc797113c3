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
mod hosts; // by which names this server is asked
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

/// Every route. One function for each group of pages. Whether only this machine can reach it tells by which names it is asked.
pub fn router(site: Shared, is_loopback: bool) -> Router {
    let hosts = hosts::Hosts::of(site.config.web_hosts.as_deref(), is_loopback);
    let guard = guard::Guard::new(guard::Limits::USUAL, hosts);
    Router::new()
        .merge(search::routes())
        .merge(gazette::routes())
        .merge(api::routes())
        .merge(assets::routes())
        .merge(operations::routes())
        .fallback(problem::no_such_page)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(from_fn_with_state(guard, guard::guard))
        .with_state(site)
}

/// Answers requests until `stop` resolves; what is under way then may take `grace` longer.
pub async fn serve(listener: TcpListener, site: Shared, stop: impl Future<Output = ()>, grace: Duration) {
    let first = Arc::clone(&site);
    tokio::spawn(async move { first.territories.directory(&first.catalog).await });
    // What cannot tell its address is taken for what more can reach.
    let is_loopback = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
    connections::serve(listener, router(site, is_loopback), connections::Limits::USUAL, stop, grace).await;
}
