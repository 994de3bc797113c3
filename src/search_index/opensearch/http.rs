//! One request to the search engine: a bounded number at a time, its timeouts, and what is said when it fails.

use std::error::Error as _;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::opensearch::auth::Credentials;
pub(super) use ::opensearch::http::Method;
use ::opensearch::http::headers::{CONTENT_TYPE, HeaderMap, HeaderValue};
use ::opensearch::http::transport::{SingleNodeConnectionPool, Transport, TransportBuilder};
use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::NDJSON;
use super::address::Address;
use crate::failpoint::{self, Point};
use crate::search_index::error::Diagnosis;
use crate::search_index::{SearchIndexError, SearchIndexErrorKind as Kind};

/// No document is larger: the search engine takes requests of 100 MiB at most, unless told otherwise.
const MAX_ANSWER_BYTES: u64 = 128 << 20;

/// How the search engine is talked to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Requests at once, and so the connections that stay open between them.
    pub connections: u32,
    pub connect_timeout: Duration,
    pub request_timeout: Duration,
}

/// Status and whole body of an answer, whatever they are.
pub(super) type Answer = (u16, Bytes);

pub(super) struct Http {
    transport: Transport,
    address: Address,
    limits: Limits,
    permits: Semaphore,
    /// Whether the last request got an answer, so that the next need not find out first who listens.
    reached: AtomicBool,
}

impl Http {
    /// Proxies of the environment are not used: a search engine is in the same network, and its name may be known
    /// there alone.
    pub fn new(address: Address, limits: Limits) -> Result<Self, SearchIndexError> {
        let mut builder = TransportBuilder::new(SingleNodeConnectionPool::new(address.base.clone()))
            .disable_proxy()
            .timeout(limits.request_timeout);
        if let Some((user, password)) = &address.credentials {
            builder = builder.auth(Credentials::Basic(user.clone(), password.expose().to_owned()));
        }
        let transport = builder.build().map_err(|error| {
            let diagnosis = Diagnosis::new(Kind::Other, "the HTTP client does not start; are there root certificates?");
            diagnosis.during("open the index", &address.shown).caused_by(error)
        })?;
        let permits = Semaphore::new(limits.connections.max(1) as usize);
        Ok(Self { transport, address, limits, permits, reached: AtomicBool::new(false) })
    }

    /// The index by its name.
    pub fn name(&self) -> &str {
        &self.address.name
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The URL without its credentials.
    pub fn shown(&self) -> &str {
        &self.address.shown
    }

    /// Sends one request and reads the whole answer.
    pub async fn send(
        &self,
        operation: &str,
        method: Method,
        path: &str,
        body: Option<(&'static str, Bytes)>,
    ) -> Result<Answer, SearchIndexError> {
        let _permit = self.permits.acquire().await;
        if !self.reached.load(Ordering::Relaxed) {
            self.dial().await.map_err(|(diagnosis, error)| {
                let failed = diagnosis.during(operation, &self.address.shown);
                if let Some(error) = error { failed.caused_by(error) } else { failed }
            })?;
        }
        let bulk = body.as_ref().is_some_and(|(content_type, _)| *content_type == NDJSON);
        let mut headers = HeaderMap::new();
        let body = body.map(|(content_type, body)| {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            body
        });
        let answer = async {
            let response = self.transport.send(method, path, headers, None::<&()>, body, None).await?;
            if bulk {
                failpoint::pass(Point::BulkSent);
            }
            let status = response.status_code().as_u16();
            if response.content_length().is_some_and(|bytes| bytes > MAX_ANSWER_BYTES) {
                return Ok(None);
            }
            Ok(Some((status, response.bytes().await?)))
        }
        .await;
        self.reached.store(answer.is_ok(), Ordering::Relaxed);
        let answer = answer.map_err(|error: ::opensearch::Error| {
            diagnose(&error, &self.limits).during(operation, &self.address.shown).caused_by(error)
        })?;
        answer.ok_or_else(|| {
            let advice = format!("its answer is larger than {} MiB; is it a search engine?", MAX_ANSWER_BYTES >> 20);
            Diagnosis::new(Kind::Other, advice).during(operation, &self.address.shown)
        })
    }

    /// Finds out who listens. The client has one timeout for the whole request and one word for every failure to
    /// connect; a bulk is worth longer waiting than a host that is not there.
    async fn dial(&self) -> Result<(), (Diagnosis, Option<io::Error>)> {
        let (host, port) = (self.address.host.as_str(), self.address.port);
        let connect = async {
            let addresses: Vec<_> = tokio::net::lookup_host((host, port))
                .await
                .map_err(|error| {
                    let advice = format!("the name {host} cannot be resolved; check it, and the DNS");
                    (Diagnosis::new(Kind::NameNotResolved, advice), Some(error))
                })?
                .collect();
            TcpStream::connect(addresses.as_slice()).await.map(drop).map_err(|error| {
                let advice = match error.kind() {
                    io::ErrorKind::ConnectionRefused => {
                        format!("nobody listens on {host}:{port}; start it, or check the port")
                    }
                    _ => format!("{host}:{port} cannot be reached; check the network"),
                };
                (Diagnosis::new(Kind::Unavailable, advice), Some(error))
            })
        };
        let seconds = self.limits.connect_timeout.as_secs_f32();
        tokio::time::timeout(self.limits.connect_timeout, connect).await.unwrap_or_else(|_| {
            let advice =
                format!("{host}:{port} does not take a connection within {seconds} s; is a firewall in between?");
            Err((Diagnosis::new(Kind::Timeout, advice), None))
        })
    }
}

/// Why a request that reached a listener got no answer.
fn diagnose(error: &::opensearch::Error, limits: &Limits) -> Diagnosis {
    if error.is_timeout() {
        let seconds = limits.request_timeout.as_secs_f32();
        let advice =
            format!("no answer within {seconds} s; is it overloaded? See `opensearch_request_timeout_seconds`");
        return Diagnosis::new(Kind::Timeout, advice);
    }
    let deepest = std::iter::successors(error.source(), |&cause| cause.source()).last().map(ToString::to_string);
    let tells = |signs: &[&str]| deepest.as_ref().is_some_and(|cause| signs.iter().any(|sign| cause.contains(sign)));
    if tells(&["certificate"]) {
        let advice = "its certificate is not trusted; install its authority on this machine";
        return Diagnosis::new(Kind::Other, advice);
    }
    if tells(&["corrupt message", "HTTP version"]) {
        let advice = "what listens there does not speak as expected; the URL begins with `opensearch+https` for TLS, \
                      with `opensearch+http` without";
        return Diagnosis::new(Kind::BadUrl, advice);
    }
    Diagnosis::new(Kind::Unavailable, "the connection broke; look at the search engine's log")
}
