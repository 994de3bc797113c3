//! Whether this process lives, and whether what it needs answers.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::Desk;
use crate::telemetry::{request_failed, with_causes};
use crate::web::site::{Shared, Site};

/// A service has so long to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// And is not asked again before.
const KEPT: Duration = Duration::from_secs(5);

/// Whether each service answered, and when they were asked.
#[derive(Default)]
pub struct Health(Mutex<Option<(Instant, Answers)>>);

/// By service.
type Answers = [(&'static str, bool); 3];

impl Health {
    /// Who comes while they are being asked waits for that answer.
    pub async fn of(&self, site: &Site) -> Answers {
        let mut known = self.0.lock().await;
        if let Some((asked, answers)) = *known
            && asked.elapsed() < KEPT
        {
            return answers;
        }
        let (catalog, storage, index) = tokio::join!(
            up("catalog", site.catalog.check()),
            up("storage", site.storage.check()),
            up("index", site.index.check())
        );
        let answers = [("catalog", catalog), ("storage", storage), ("index", index)];
        *known = Some((Instant::now(), answers));
        answers
    }
}

/// Why it does not answer is for the log: it may name servers.
async fn up<T, E>(service: &str, check: impl Future<Output = Result<T, E>>) -> bool
where
    E: std::error::Error + 'static,
{
    let reason = match tokio::time::timeout(PATIENCE, check).await {
        Ok(Ok(_)) => return true,
        Ok(Err(error)) => with_causes(&error),
        Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
    };
    request_failed("/readyz", 503, &format!("{service}: {reason}"));
    false
}

/// The process answers.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// What it needs answers.
pub async fn ready(State(site): State<Shared>, Extension(desk): Extension<Arc<Desk>>) -> Response {
    let answers = desk.health.of(&site).await;
    let is_ready = answers.iter().all(|(_, up)| *up);
    let dependencies: serde_json::Map<String, Value> =
        answers.iter().map(|(service, up)| ((*service).to_owned(), Value::Bool(*up))).collect();
    let body = json!({ "ready": is_ready, "dependencies": dependencies });
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], body.to_string()).into_response()
}
