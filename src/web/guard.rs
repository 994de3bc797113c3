//! What holds for every request and every answer: bounds, and headers that keep a hostile text a text.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::Semaphore;

use super::problem::Problem;

/// Requests at work at once; whoever comes beyond that waits for the time-out of a request at most.
const AT_ONCE: usize = 32;
/// From the request to the head of its answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Of path and query. A query of 1,000 characters and a hundred filters fit.
const ADDRESS_BYTES: usize = 8_192;

/// Nothing but what this server itself sends: no script within a page, no style within a tag, no form to elsewhere.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// Shared by all requests.
#[derive(Clone)]
pub struct Guard {
    permits: Arc<Semaphore>,
}

impl Default for Guard {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

/// Lets a request through, and finishes its answer.
pub async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let address = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
    let uri = request.uri().clone();
    let headers = request.headers().clone();
    let mut response = if address > ADDRESS_BYTES {
        Problem::new(
            StatusCode::URI_TOO_LONG,
            "O endereço é longo demais: pesquise menos palavras ou use menos filtros.",
            "The address is too long: search for fewer words, or use fewer filters.",
        )
        .answer(uri.path(), uri.query(), &headers)
    } else {
        // The permit is given back with the head of the answer: bodies are streamed at the pace of whoever reads them.
        let work = async {
            let _permit = guard.permits.acquire().await;
            next.run(request).await
        };
        tokio::time::timeout(TIMEOUT, work).await.unwrap_or_else(|_| {
            Problem::new(
                StatusCode::GATEWAY_TIMEOUT,
                "A resposta demorou demais. Tente de novo, ou restrinja a pesquisa.",
                "The answer took too long. Try again, or narrow the search.",
            )
            .answer(uri.path(), uri.query(), &headers)
        })
    };
    finish(response.headers_mut());
    response
}

/// What the handler has set stays.
fn finish(headers: &mut HeaderMap) {
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    ] {
        headers.entry(name).or_insert(value);
    }
}
