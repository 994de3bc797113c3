//! What holds for every request and every answer: bounds, and headers that keep a hostile text a text.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{
    CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode, Version};
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::hosts::Hosts;
use super::operations::HEALTH_PATH;
use super::problem::Problem;

/// What requests may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// At work at once. Who comes beyond waits.
    pub at_once: usize,
    /// From the request to the head of its answer, the wait for its turn included.
    pub answer: Duration,
}

impl Limits {
    pub const USUAL: Self = Self { at_once: 32, answer: Duration::from_secs(15) };
}

/// A browser or a script that was turned away may come again after so many seconds.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("10");
/// Of path and query. A query of 1,000 characters and a hundred filters fit.
const ADDRESS_BYTES: usize = 8_192;

/// Nothing but what this server itself sends: no script within a page, no style within a tag, no form to elsewhere.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// What probes and Prometheus ask for.
const FOR_MACHINES: [&str; 3] = [HEALTH_PATH, "/readyz", "/metrics"];

/// Shared by all requests.
#[derive(Clone)]
pub struct Guard {
    permits: Arc<Semaphore>,
    limits: Limits,
    hosts: Arc<Hosts>,
}

impl Guard {
    pub fn new(limits: Limits, hosts: Hosts) -> Self {
        Self { permits: Arc::new(Semaphore::new(limits.at_once)), limits, hosts: Arc::new(hosts) }
    }

    fn allow(&self, path: &str, host: &str) -> bool {
        if FOR_MACHINES.contains(&path) { self.hosts.allow_machine(host) } else { self.hosts.allow(host) }
    }

    /// Whether it is this server that was asked (RFC 9112, 3.2, and RFC 9110, 15.5.20).
    fn addressed(&self, request: &Request) -> Result<(), Problem> {
        let mut hosts = request.headers().get_all(HOST).iter();
        let (host, more) = (hosts.next(), hosts.next());
        // That of the first line counts where it is there, as proxies send it.
        let asked = request.uri().host().or_else(|| host.and_then(|host| host.to_str().ok()));
        match asked {
            Some(asked) if more.is_none() && self.allow(request.uri().path(), asked) => Ok(()),
            // Older than this header.
            None if host.is_none() && request.version() < Version::HTTP_11 => Ok(()),
            Some(_) if more.is_none() => Err(Problem::new(
                StatusCode::MISDIRECTED_REQUEST,
                "Este servidor não atende por este nome. Quem cuida dele acrescenta o nome à configuração `web_hosts`.",
                "This server does not answer to this name. Who operates it adds the name to the setting `web_hosts`.",
            )),
            _ => Err(Problem::bad_request(
                "O pedido não diz, em uma única linha `Host`, a que servidor se dirige.",
                "The request does not say, in one line `Host`, which server it is for.",
            )),
        }
    }

    /// The turn of a request, or why it has none. Whether the process lives is answered however many wait: a server that
    /// is busy is not to be killed for it.
    async fn turn(&self, path: &str, until: Instant) -> Result<Option<SemaphorePermit<'_>>, Problem> {
        if path == HEALTH_PATH {
            return Ok(None);
        }
        // The semaphore is never closed; an error would only mean no bound.
        timeout_at(until, self.permits.acquire()).await.map(Result::ok).map_err(|_| {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Há pesquisas demais ao mesmo tempo. Tente de novo em alguns segundos.",
                "There are too many requests at once. Try again in a few seconds.",
            )
        })
    }

    async fn answered(&self, request: Request, next: Next) -> Result<Response, Problem> {
        let address = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
        if address > ADDRESS_BYTES {
            return Err(Problem::new(
                StatusCode::URI_TOO_LONG,
                "O endereço é longo demais: pesquise menos palavras ou use menos filtros.",
                "The address is too long: search for fewer words, or use fewer filters.",
            ));
        }
        self.addressed(&request)?;
        let until = Instant::now() + self.limits.answer;
        // The turn ends with the head of the answer: bodies are streamed at the pace of whoever reads them.
        let _turn = self.turn(request.uri().path(), until).await?;
        timeout_at(until, next.run(request)).await.map_err(|_| {
            Problem::new(
                StatusCode::GATEWAY_TIMEOUT,
                "A resposta demorou demais. Tente de novo, ou restrinja a pesquisa.",
                "The answer took too long. Try again, or narrow the search.",
            )
        })
    }
}

/// Lets a request through, and finishes its answer.
pub async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let headers = request.headers().clone();
    let answered = guard.answered(request, next).await;
    let mut response = answered.unwrap_or_else(|problem| problem.answer(uri.path(), uri.query(), &headers));
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().entry(RETRY_AFTER).or_insert(RETRY_SECONDS);
    }
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

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::Router;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::super::connections;
    use super::*;

    /// Nothing here takes so long; a test that hangs is to fail.
    const LONG: Duration = Duration::from_mins(1);
    const SHORT: Duration = Duration::from_millis(300);

    /// A server whose `/held` waits for a permit of `gate`, and tells by `begun` that it has begun.
    struct Server {
        address: SocketAddr,
        guard: Guard,
        gate: Arc<Semaphore>,
        begun: Arc<Semaphore>,
    }

    impl Server {
        async fn start(limits: Limits) -> Self {
            let (gate, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
            let (held_at, tells) = (Arc::clone(&gate), Arc::clone(&begun));
            let held = async move || {
                tells.add_permits(1);
                held_at.acquire().await.unwrap().forget();
                "held"
            };
            let guard = Guard::new(limits, Hosts::of(None, false));
            let pages = Router::new()
                .route("/", get(async || "here"))
                .route("/held", get(held.clone()))
                .route("/api/held", get(held))
                .route(HEALTH_PATH, get(async || "ok"))
                .layer(from_fn_with_state(guard.clone(), super::guard));
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let usual = connections::Limits::USUAL;
            tokio::spawn(connections::serve(listener, pages, usual, std::future::pending(), LONG));
            Self { address, guard, gate, begun }
        }

        /// Asks, and returns before there is an answer.
        async fn asked(&self, path: &str) -> TcpStream {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept-Language: en\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            stream
        }

        async fn got(&self, path: &str) -> String {
            answer(self.asked(path).await).await
        }

        async fn has_begun(&self) {
            tokio::time::timeout(LONG, self.begun.acquire()).await.expect("it is at work").unwrap().forget();
        }
    }

    async fn answer(mut stream: TcpStream) -> String {
        let mut answer = String::new();
        tokio::time::timeout(LONG, stream.read_to_string(&mut answer)).await.expect("an answer").unwrap();
        answer
    }

    #[tokio::test]
    async fn an_answer_that_takes_too_long_is_given_up_in_words() {
        let server = Server::start(Limits { at_once: 4, answer: SHORT }).await;
        let page = server.got("/held").await;
        assert!(page.starts_with("HTTP/1.1 504") && page.contains("The answer took too long"), "{page}");
        assert!(
            page.contains("content-security-policy: default-src 'none'") && !page.contains("retry-after"),
            "{page}"
        );
        let program = server.got("/api/held").await;
        assert!(program.contains("application/problem+json") && program.contains("\"status\":504"), "{program}");
        assert!(server.got("/").await.ends_with("here"), "what was given up has made room");
    }

    #[tokio::test]
    async fn who_comes_beyond_the_bound_waits_for_a_turn() {
        let server = Server::start(Limits { at_once: 2, answer: LONG }).await;
        let held = [server.asked("/held").await, server.asked("/held").await];
        server.has_begun().await;
        server.has_begun().await;
        let third = server.asked("/held").await;
        assert!(server.got(HEALTH_PATH).await.ends_with("ok"), "whether it lives is answered all the same");
        assert_eq!(server.begun.available_permits(), 0, "the third has not begun");
        server.gate.add_permits(1);
        server.has_begun().await;
        server.gate.add_permits(2);
        for stream in held.into_iter().chain([third]) {
            assert!(answer(stream).await.ends_with("held"));
        }
    }

    #[tokio::test]
    async fn who_gets_no_turn_is_told_to_come_again() {
        let server = Server::start(Limits { at_once: 1, answer: SHORT }).await;
        let taken = server.guard.permits.acquire().await.unwrap();
        let page = server.got("/").await;
        assert!(page.starts_with("HTTP/1.1 503") && page.contains("too many requests at once"), "{page}");
        assert!(page.contains("retry-after: 10"), "{page}");
        assert!(server.got("/api/held").await.contains("\"status\":503"));
        assert_eq!(server.begun.available_permits(), 0, "it was never begun");
        drop(taken);
        assert!(server.got("/").await.ends_with("here"));
    }
}
