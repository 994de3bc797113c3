//! Traces for an OpenTelemetry collector: one a run, one span a stage of a gazette, as OTLP over HTTP in its JSON form
//! (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>, <https://github.com/open-telemetry/opentelemetry-proto>).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;
use uuid::Uuid;

use super::{client, send};
use crate::gazette::{GazetteId, RunId};
use crate::telemetry::{RunCounts, Stage};

/// Spans that wait to be sent; more are lost, and counted.
const QUEUE: usize = 4096;
/// Spans of one request at most.
const BATCH: usize = 512;
/// A span waits no longer for others.
const COMPANY: Duration = Duration::from_secs(5);
/// `SpanKind` and `StatusCode` of opentelemetry/proto/trace/v1.
const INTERNAL: u8 = 1;
const ERROR: u8 = 2;

/// A stage of a gazette that is over.
#[derive(Debug)]
struct Span {
    gazette: GazetteId,
    stage: Stage,
    began: Instant,
    ended: Instant,
    /// Why it was the last one, if it failed.
    code: Option<&'static str>,
}

/// Where spans are put; never waits.
#[derive(Debug, Clone)]
pub struct Spans {
    queue: Sender<Span>,
    dropped: Arc<AtomicU64>,
}

impl Spans {
    pub(in crate::telemetry) fn put(
        &self,
        gazette: GazetteId,
        stage: Stage,
        began: Instant,
        ended: Instant,
        code: Option<&'static str>,
    ) {
        if self.queue.try_send(Span { gazette, stage, began, ended, code }).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Spans that the collector did not get.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Where spans go to.
#[derive(Debug, Clone)]
pub struct Collector {
    client: reqwest::Client,
    url: Url,
    headers: Vec<(String, String)>,
}

impl Collector {
    /// Of the base URL of a collector, such as `http://localhost:4318`; traces go to its `/v1/traces`. `headers` are those of
    /// `OTEL_EXPORTER_OTLP_HEADERS`: `name=value,name=value`.
    ///
    /// # Errors
    /// In words, when it is no URL.
    pub fn new(endpoint: &str, headers: &str) -> Result<Self, String> {
        let mut url = Url::parse(endpoint).map_err(|error| error.to_string())?;
        let path = url.path().trim_end_matches('/').to_owned();
        if !path.ends_with("/v1/traces") {
            url.set_path(&format!("{path}/v1/traces"));
        }
        let headers = headers.split(',').filter_map(|pair| pair.split_once('='));
        let headers = headers.map(|(name, value)| (name.trim().to_owned(), decoded(value.trim()))).collect();
        Ok(Self { client: client()?, url, headers })
    }

    async fn export(&self, body: &Value) -> Result<(), String> {
        let mut request = self.client.post(self.url.clone()).header("content-type", "application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        send(request.body(body.to_string())).await
    }
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The trace of one run, under way.
#[derive(Debug)]
pub struct TraceOfRun {
    run: RunId,
    spans: Spans,
    collector: Collector,
    began: Instant,
    /// Dropped when nothing more comes.
    last: oneshot::Sender<()>,
    sending: JoinHandle<Option<String>>,
}

impl TraceOfRun {
    /// Begins to send what is put into [`TraceOfRun::spans`].
    #[must_use]
    pub fn begin(run: RunId, collector: Collector) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let (last, ended) = oneshot::channel();
        let sending = tokio::spawn(forward(run, collector.clone(), waiting, ended, dropped.clone()));
        Self { run, spans: Spans { queue, dropped }, collector, began: Instant::now(), last, sending }
    }

    #[must_use]
    pub fn spans(&self) -> Spans {
        self.spans.clone()
    }

    /// Sends what waits, and the span of the run itself. `is_error` is false of a run that somebody has stopped, or that has
    /// stopped in time: it has done what it should.
    ///
    /// # Errors
    /// In words, when the collector did not take something.
    pub async fn end(self, counts: &RunCounts, stopped_by: Option<&str>, is_error: bool) -> Result<(), String> {
        let whole = of_run(self.run, self.began, counts, stopped_by, is_error);
        let Self { run, spans, collector, mut sending, last, .. } = self;
        // Whoever else holds a sender of the queue has nothing more to put.
        drop((last, spans));
        let earlier = match tokio::time::timeout(super::PATIENCE, &mut sending).await {
            Ok(Ok(error)) => error,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => {
                sending.abort();
                Some("it is slower than the run".to_owned())
            }
        };
        collector.export(&request(run, &[whole])).await?;
        earlier.map_or(Ok(()), Err)
    }
}

/// Sends spans in batches until `last` is dropped and all are sent; answers with the last error.
async fn forward(
    run: RunId,
    collector: Collector,
    mut waiting: Receiver<Span>,
    mut last: oneshot::Receiver<()>,
    dropped: Arc<AtomicU64>,
) -> Option<String> {
    let mut error = None;
    let mut is_last = false;
    let mut batch = Vec::with_capacity(BATCH);
    while !is_last || !waiting.is_empty() {
        let due = tokio::time::Instant::now() + COMPANY;
        while batch.len() < BATCH && !(is_last && waiting.is_empty()) {
            tokio::select! {
                Some(span) = waiting.recv() => batch.push(span),
                _ = &mut last, if !is_last => is_last = true,
                () = tokio::time::sleep_until(due) => break,
            }
        }
        if batch.is_empty() {
            continue;
        }
        let spans: Vec<Value> = batch.drain(..).map(|span| of_stage(run, &span)).collect();
        if let Err(failed) = collector.export(&request(run, &spans)).await {
            dropped.fetch_add(spans.len() as u64, Ordering::Relaxed);
            error = Some(failed);
        }
    }
    error
}

fn request(run: RunId, spans: &[Value]) -> Value {
    json!({ "resourceSpans": [{
        "resource": { "attributes": [
            text("service.name", "prelo"),
            text("service.version", env!("CARGO_PKG_VERSION")),
            text("prelo.run_id", &run.to_string()),
        ] },
        "scopeSpans": [{ "scope": { "name": "prelo" }, "spans": spans }],
    }] })
}

fn of_run(run: RunId, began: Instant, counts: &RunCounts, stopped_by: Option<&str>, is_error: bool) -> Value {
    let mut attributes = vec![
        integer("prelo.selected", counts.selected),
        integer("prelo.indexed", counts.indexed),
        integer("prelo.failed", counts.failures()),
    ];
    attributes.extend(stopped_by.map(|reason| text("prelo.stopped_by", reason)));
    let status = if is_error { json!({ "code": ERROR, "message": stopped_by }) } else { json!({}) };
    json!({
        "traceId": trace_id(run),
        "spanId": root_id(run),
        "name": "run",
        "kind": INTERNAL,
        "startTimeUnixNano": nanos(began),
        "endTimeUnixNano": nanos(Instant::now()),
        "attributes": attributes,
        "status": status,
    })
}

fn of_stage(run: RunId, span: &Span) -> Value {
    let mut attributes = vec![integer("prelo.gazette_id", span.gazette.0.unsigned_abs())];
    attributes.extend(span.code.map(|code| text("prelo.failure_code", code)));
    let status = span.code.map_or_else(|| json!({}), |code| json!({ "code": ERROR, "message": code }));
    json!({
        "traceId": trace_id(run),
        "spanId": &Uuid::new_v4().simple().to_string()[16..],
        "parentSpanId": root_id(run),
        "name": span.stage.as_str(),
        "kind": INTERNAL,
        "startTimeUnixNano": nanos(span.began),
        "endTimeUnixNano": nanos(span.ended),
        "attributes": attributes,
        "status": status,
    })
}

/// Sixteen bytes in hex, as the run's id is: whoever has one finds the other.
fn trace_id(run: RunId) -> String {
    run.0.simple().to_string()
}

/// Eight bytes in hex.
fn root_id(run: RunId) -> String {
    trace_id(run)[16..].to_owned()
}

/// Nanoseconds since 1970 as text, as 64-bit numbers are in the JSON form of Protocol Buffers.
fn nanos(moment: Instant) -> String {
    let wall = SystemTime::now().checked_sub(moment.elapsed()).unwrap_or(UNIX_EPOCH);
    wall.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos()).to_string()
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn integer(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_have_their_place_below_the_collector() {
        for (given, used) in [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            ("https://c/otlp/", "https://c/otlp/v1/traces"),
            ("http://c/v1/traces", "http://c/v1/traces"),
        ] {
            let collector = Collector::new(given, "api-key=a%20b, x = y").unwrap();
            assert_eq!(collector.url.as_str(), used);
            let headers = [("api-key", "a b"), ("x", "y")].map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(collector.headers, headers);
        }
        assert!(Collector::new("nowhere", "").is_err());
    }

    #[test]
    fn a_run_that_stops_in_time_is_no_error() {
        let span =
            |stopped_by, is_error| of_run(RunId::new(), Instant::now(), &RunCounts::default(), stopped_by, is_error);
        let in_time = span(Some("out_of_time"), false);
        assert_eq!(in_time["status"], json!({}));
        assert_eq!(in_time["attributes"][3]["value"]["stringValue"], "out_of_time");
        let down = span(Some("dependency_down"), true);
        assert_eq!(down["status"], json!({ "code": ERROR, "message": "dependency_down" }));
        assert_eq!(span(None, false)["attributes"].as_array().map(Vec::len), Some(3));
    }

    #[tokio::test]
    async fn a_collector_that_is_away_costs_spans_and_no_time() {
        let collector = Collector::new("http://127.0.0.1:9", "").unwrap();
        let trace = TraceOfRun::begin(RunId::new(), collector);
        let spans = trace.spans();
        let now = Instant::now();
        for id in 0..10_000 {
            spans.put(GazetteId(id), Stage::Store, now, now, None);
        }
        assert!(trace.end(&RunCounts::default(), None, false).await.is_err());
        assert_eq!(spans.dropped(), 10_000);
    }
}
