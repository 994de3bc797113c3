//! `/metrics`: the backlog from the catalogue, and the run that is at work, or was last, from what it has shown.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use time::{OffsetDateTime, PrimitiveDateTime};
use tokio::sync::Mutex;

use super::Desk;
use crate::catalog::{Backlog, CatalogError, ShownRun};
use crate::telemetry::{Exposed, exposition};
use crate::web::problem::Problem;
use crate::web::site::{Shared, Site};

/// Counting the backlog of a million gazettes takes 0.2 s; every open dashboard asks every three seconds.
const KEPT: Duration = Duration::from_secs(10);

#[derive(Default)]
pub struct Scrape(Mutex<Option<(Instant, Arc<Backlog>)>>);

impl Scrape {
    pub async fn backlog(&self, site: &Site) -> Result<Arc<Backlog>, CatalogError> {
        let mut known = self.0.lock().await;
        if let Some((counted, backlog)) = &*known
            && counted.elapsed() < KEPT
        {
            return Ok(backlog.clone());
        }
        let backlog = Arc::new(site.catalog.backlog().await?);
        *known = Some((Instant::now(), backlog.clone()));
        Ok(backlog)
    }

    /// What is known is not what it was.
    pub async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

/// The run at work, or the last one.
pub async fn latest_run(site: &Site) -> Result<Option<ShownRun>, CatalogError> {
    if let Some(run) = site.catalog.live_run().await? {
        return Ok(Some(run));
    }
    match site.catalog.runs(1).await?.first() {
        Some(run) => site.catalog.run(run.id).await,
        None => Ok(None),
    }
}

/// Of a moment of the database, in seconds.
fn since_1970(moment: PrimitiveDateTime) -> f64 {
    (moment.assume_utc() - OffsetDateTime::UNIX_EPOCH).as_seconds_f64()
}

pub async fn metrics(
    State(site): State<Shared>,
    Extension(desk): Extension<Arc<Desk>>,
    headers: HeaderMap,
) -> Response {
    let dependencies = desk.health.of(&site).await;
    let told = async { Ok::<_, CatalogError>((desk.scrape.backlog(&site).await?, latest_run(&site).await?)) };
    let (backlog, run) = match told.await {
        Ok((backlog, run)) => (Some(backlog), run),
        // Whoever watches is to see which service is down, rather than nothing.
        Err(error) if dependencies.iter().any(|(_, up)| !up) => {
            drop(error);
            (None, None)
        }
        Err(error) => {
            let mut response = Problem::from(error).answer("/api/metrics", None, &headers);
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            return response;
        }
    };
    let text = exposition(&Exposed {
        live: run.as_ref().and_then(|run| run.live.as_ref()),
        is_active: run.as_ref().is_some_and(|run| run.is_live),
        began: run.as_ref().and_then(|run| run.record.started_at).map(since_1970),
        backlog: backlog.as_deref(),
        dependencies: &dependencies,
        dropped_spans: None,
    });
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
