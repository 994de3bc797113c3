//! Metrics and traces of real runs, as those who read them get them: a file, a Pushgateway, a scraper, a collector. And
//! that alerts and dashboards ask for nothing that is not there.
#![allow(clippy::unwrap_used, clippy::float_cmp)] // a test may fail by panic; counts are whole numbers

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use support::canned_http::{Canned, CannedHttp};
use support::{Prelo, fixtures, http};

mod support;

/// Values by name and labels, as they stand.
fn parsed(text: &str) -> BTreeMap<String, f64> {
    let samples = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    samples
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
        })
        .collect()
}

/// What promtool, where it is installed, has to say about metrics.
fn checked_by_promtool(text: &str) {
    let child =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        eprintln!("SKIPPED: promtool is not installed (on Debian: apt-get install prometheus)");
        return;
    };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Method and path, and the body, of each request.
type Taken = Arc<Mutex<Vec<(String, String)>>>;

/// Takes everything that it is sent: path, and body as text.
fn receiver() -> (CannedHttp, Taken) {
    let taken = Taken::default();
    let seen = taken.clone();
    let server = CannedHttp::answering(move |asked| {
        let entry = (format!("{} {}", asked.method, asked.path), String::from_utf8(asked.body.clone()).unwrap());
        seen.lock().unwrap().push(entry);
        Canned::answer("200 OK", "{}")
    });
    (server, taken)
}

#[test]
fn a_run_leaves_its_metrics_in_a_file_and_with_a_pushgateway() {
    let prelo = Prelo::new();
    let (server, taken) = receiver();
    let push = format!("http://cron:hunter9@{}", server.address);
    let arguments = ["--metrics-textfile", "prelo.prom", "--metrics-push", &push, "--format", "json"];
    let folder = fixtures();
    let answer = prelo.expect(3, &[&["run", "--folder", folder.to_str().unwrap()], &arguments[..]].concat());
    let report: Value = serde_json::from_str(&answer.stdout).unwrap();
    let text = fs::read_to_string(prelo.path().join("prelo.prom")).unwrap();
    checked_by_promtool(&text);
    let metrics = parsed(&text);
    for (name, expected) in [
        (r#"prelo_documents_total{outcome="indexed",code="none"}"#, report["indexed"].as_f64()),
        (r#"prelo_documents_total{outcome="failed",code="NOT_A_PDF"}"#, report["failed"]["NOT_A_PDF"].as_f64()),
        (r#"prelo_documents_total{outcome="failed",code="LIMIT_MEMORY"}"#, Some(0.0)),
        (r#"prelo_pages_total{source="text"}"#, report["pages"].as_f64()),
        ("prelo_document_bytes_total", report["bytes"].as_f64()),
        ("prelo_run_selected_gazettes", report["selected"].as_f64()),
        (r#"prelo_bulk_items_total{result="acknowledged"}"#, report["indexed"].as_f64()),
        (r#"prelo_stage_duration_seconds_count{stage="store"}"#, report["indexed"].as_f64()),
        (r#"prelo_backlog_gazettes{state="pending"}"#, Some(0.0)),
        (r#"prelo_failed_gazettes{code="NOT_A_PDF"}"#, report["failed"]["NOT_A_PDF"].as_f64()),
        (r#"prelo_in_flight_gazettes{stage="extract"}"#, Some(0.0)),
        (r#"prelo_breaker_state{service="index",state="closed"}"#, Some(1.0)),
        ("prelo_memory_limit_bytes", Some(512.0 * 1024.0 * 1024.0)),
        ("prelo_run_active", Some(0.0)),
        ("prelo_memory_bytes", Some(0.0)),
        ("prelo_readers", Some(0.0)),
        (r#"prelo_permit_bytes{pool="texts"}"#, Some(0.0)),
        (r#"prelo_catalog_connections{state="idle"}"#, Some(0.0)),
    ] {
        assert_eq!(metrics.get(name).copied(), expected, "{name}\n{text}");
    }
    let memory = |name: &str| metrics[name];
    assert!(memory("prelo_memory_peak_bytes") > 1e6, "it stays");
    assert!(memory("prelo_last_success_timestamp_seconds") > 1.5e9);

    let taken = taken.lock().unwrap();
    let (asked, pushed) = taken.last().unwrap();
    assert_eq!(asked, "PUT /metrics/job/prelo");
    assert_eq!(parsed(pushed), metrics, "both say the same");
    assert!(!answer.stderr.contains("hunter9"), "{}", answer.stderr);
}

#[test]
fn who_scrapes_while_it_runs_sees_it_at_work() {
    let prelo = Prelo::new();
    // A search engine that never answers keeps the run waiting.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let index = format!("opensearch+http://{}/gazettes", nobody.local_addr().unwrap());
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = fixtures();
    let port = free.port().to_string();
    let arguments = ["run", "--folder", folder.to_str().unwrap(), "--index", &index, "--metrics-listen", &port];
    let mut child = prelo.spawn(&arguments);
    let metrics = loop {
        let scraped = http::ask(&free.to_string(), "GET", "/metrics", &[], "");
        if let Some(reply) = scraped.filter(|reply| reply.body.contains("prelo_run_selected_gazettes 16")) {
            assert_eq!(reply.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
            checked_by_promtool(&reply.body);
            break parsed(&reply.body);
        }
        assert!(child.try_wait().unwrap().is_none(), "{:?}", child.wait_with_output());
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert_eq!(metrics["prelo_run_active"], 1.0);
    assert_eq!(http::get(&free.to_string(), "/healthz").status, 200);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn who_does_not_take_them_never_ends_a_run() {
    let prelo = Prelo::new();
    let folder = fixtures();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (push, collector) = (format!("http://u:hunter10@{gone}"), format!("http://{gone}"));
    let arguments =
        ["run", "--folder", folder.to_str().unwrap(), "--metrics-push", &push, "--otlp-endpoint", &collector];
    let answer = prelo.expect(3, &arguments);
    for to in ["metrics_push", "otlp_endpoint"] {
        let lines = answer.stderr.lines().filter(|line| line.contains("not taken") && line.contains(to)).count();
        assert_eq!(lines, 1, "{to}\n{}", answer.stderr);
    }
    assert!(!answer.stderr.contains("hunter10"), "{}", answer.stderr);
    // What can be known before is said before.
    for (flag, value) in
        [("--metrics-textfile", "none/here.prom"), ("--metrics-listen", "gazettes"), ("--metrics-push", "ftp://x")]
    {
        let answer = prelo.call(&["run", "--folder", folder.to_str().unwrap(), flag, value]);
        assert_eq!(answer.code, 2, "{flag}\n{}", answer.stderr);
    }
}

#[test]
fn a_collector_gets_one_trace_of_the_run_with_every_stage_of_every_gazette() {
    let prelo = Prelo::new();
    let (server, taken) = receiver();
    let prelo = prelo
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{}/otlp", server.address))
        .with("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hunter11");
    let folder = fixtures();
    let answer = prelo.expect(3, &["run", "--folder", folder.to_str().unwrap(), "--format", "json"]);
    let report: Value = serde_json::from_str(&answer.stdout).unwrap();
    let taken = taken.lock().unwrap();
    assert!(taken.iter().all(|(asked, _)| asked == "POST /otlp/v1/traces"), "{taken:?}");
    let mut spans: Vec<Value> = Vec::new();
    for (_, body) in taken.iter() {
        let body: Value = serde_json::from_str(body).unwrap();
        spans.extend(body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().iter().cloned());
    }
    let trace = report["run_id"].as_str().unwrap().replace('-', "");
    assert!(spans.iter().all(|span| span["traceId"] == trace.as_str()));
    let (roots, stages): (Vec<Value>, Vec<Value>) = spans.into_iter().partition(|span| span["parentSpanId"].is_null());
    assert_eq!(roots.len(), 1);
    assert_eq!(roots[0]["name"], "run");
    let ids: BTreeSet<&str> = stages.iter().map(|span| span["spanId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), stages.len(), "each has an id of its own");
    assert!(ids.iter().all(|id| id.len() == 16));
    let nanos = |span: &Value, at: &str| span[at].as_str().unwrap().parse::<u128>().unwrap();
    for span in &stages {
        assert_eq!(span["parentSpanId"], roots[0]["spanId"]);
        assert!(nanos(span, "startTimeUnixNano") <= nanos(span, "endTimeUnixNano"), "{span}");
    }
    let of = |name: &str| stages.iter().filter(|span| span["name"] == name).count() as u64;
    let indexed = report["indexed"].as_u64().unwrap();
    assert_eq!((of("store"), of("index")), (indexed, indexed));
    assert!(of("extract") >= indexed && of("download") >= of("extract"));
    let failed = stages.iter().filter(|span| span["status"]["message"] == "NOT_A_PDF").count() as u64;
    assert_eq!(Some(failed), report["failed"]["NOT_A_PDF"].as_u64());
    let requests = server.requests().join("\n");
    assert!(requests.to_lowercase().contains("api-key: hunter11"), "{requests}");
    assert!(!answer.stderr.contains("hunter11"));
}

/// Every `prelo_…` of a text, without the endings that a histogram adds.
fn names(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = text.split(|c| !is_name(c)).filter(|word| word.starts_with("prelo_"));
    words
        .map(|word| {
            ["_bucket", "_sum", "_count"]
                .iter()
                .fold(word, |word, end| word.strip_suffix(end).unwrap_or(word))
                .to_owned()
        })
        .collect()
}

#[test]
fn alerts_and_dashboards_ask_for_metrics_that_there_are() {
    let prelo = Prelo::new();
    let folder = fixtures();
    prelo.expect(3, &["run", "--folder", folder.to_str().unwrap(), "--metrics-textfile", "prelo.prom"]);
    let of_run = fs::read_to_string(prelo.path().join("prelo.prom")).unwrap();
    let server = support::serving::Server::start(&prelo, &[]);
    let of_serve = http::get(&server.host, "/metrics");
    assert_eq!(of_serve.status, 200);
    checked_by_promtool(&of_serve.body);
    let mut exported = names(&of_run);
    exported.extend(names(&of_serve.body));
    // Only where something was called again.
    exported.insert("prelo_retries_total".to_owned());
    let ops = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ops");
    for file in ["prometheus/alerts.yml", "prometheus/alerts.test.yml", "grafana/dashboard.json"] {
        let asked = names(&fs::read_to_string(ops.join(file)).unwrap());
        let missing: Vec<&String> = asked.difference(&exported).collect();
        assert!(asked.len() > 5 && missing.is_empty(), "{file}: {missing:?}");
    }
    let run = parsed(&of_run);
    let serve = parsed(&of_serve.body);
    for name in [
        "prelo_document_bytes_total",
        r#"prelo_documents_total{outcome="indexed",code="none"}"#,
        "prelo_run_active",
        "prelo_memory_bytes",
        r#"prelo_in_flight_gazettes{stage="index"}"#,
    ] {
        assert_eq!(run[name], serve[name], "{name}: what the run has shown is what serve tells");
    }
    // The clock of the database, and that of the run.
    let began = |metrics: &BTreeMap<String, f64>| metrics["prelo_run_start_timestamp_seconds"];
    assert!((began(&run) - began(&serve)).abs() < 60.0, "{} {}", began(&run), began(&serve));
    assert_eq!(serve[r#"prelo_dependency_up{service="catalog"}"#], 1.0);
}

#[test]
fn the_alerts_fire_when_they_should() {
    let ops = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ops/prometheus");
    for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]] {
        let Ok(output) = Command::new("promtool").args(arguments).current_dir(&ops).output() else {
            eprintln!("SKIPPED: promtool is not installed (on Debian: apt-get install prometheus)");
            return;
        };
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    }
}
