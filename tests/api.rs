//! The API against the document that describes it: each way in which an answer can fail, made to happen.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};

use serde_json::Value;
use support::canned_http::{Canned, CannedHttp};
use support::http;
use support::serving::Server;
use support::{Prelo, fixtures};

mod support;

const SEARCH: &str = "/api/v1/search";
const GAZETTE: &str = "/api/v1/gazettes/{id}";
const RUNS: &str = "/api/v1/runs";
const RUN: &str = "/api/v1/runs/{id}";
const DOCUMENT: &str = "/api/v1/openapi.json";

/// What was answered, by operation.
#[derive(Default)]
struct Seen {
    document: Value,
    statuses: BTreeMap<&'static str, BTreeSet<u16>>,
}

impl Seen {
    /// Asks, and holds the answer to the document.
    fn ask(&mut self, server: &Server, operation: &'static str, address: &str) -> Value {
        let reply = http::get(&server.host, address);
        let described = &self.document["paths"][operation]["get"]["responses"][reply.status.to_string()];
        assert!(described.is_object(), "{address}: {} is not in the document", reply.status);
        let described = match described["$ref"].as_str() {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap(),
            None => described,
        };
        assert!(described["content"][reply.header("content-type")].is_object(), "{address}: {reply:?}");
        for (name, header) in described["headers"].as_object().into_iter().flatten() {
            assert!(header["required"] != true || !reply.header(name).is_empty(), "{address}: no {name} in {reply:?}");
        }
        self.statuses.entry(operation).or_default().insert(reply.status);
        let told = reply.json();
        if reply.status != 200 {
            assert_eq!(told["status"], reply.status, "{address}: {told}");
            assert!(told["detail"].as_str().is_some_and(|detail| detail.ends_with('.')), "{address}: {told}");
        }
        told
    }
}

#[test]
fn whatever_the_api_answers_is_in_its_document() {
    let prelo = Prelo::new();
    let folder = fixtures();
    prelo.call(&["run", "--folder", folder.to_str().unwrap()]);
    let server = Server::start(&prelo, &[]);
    let mut seen = Seen { document: http::get(&server.host, DOCUMENT).json(), ..Seen::default() };
    let operations = seen.document["paths"].as_object().unwrap();
    assert_eq!(operations.keys().collect::<Vec<_>>(), [GAZETTE, DOCUMENT, RUNS, RUN, SEARCH]);

    let run = seen.ask(&server, RUNS, RUNS)["runs"][0]["id"].as_str().unwrap().to_owned();
    let gazette = seen.ask(&server, SEARCH, "/api/v1/search?q=preg%C3%A3o")["hits"][0]["id"].to_string();
    let places = [
        (SEARCH, format!("{SEARCH}?q=obras&")),
        (GAZETTE, format!("/api/v1/gazettes/{gazette}?")),
        (RUNS, format!("{RUNS}?")),
        (RUN, format!("/api/v1/runs/{run}?")),
        (DOCUMENT, format!("{DOCUMENT}?")),
    ];
    for (operation, address) in &places {
        seen.ask(&server, operation, address);
        let unknown = seen.ask(&server, operation, &format!("{address}oops=1"));
        assert!(unknown["detail"].as_str().unwrap().contains("no parameter `oops`"), "{unknown}");
        seen.ask(&server, operation, &format!("{address}page={}", "1".repeat(9_000)));
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "ODD"] {
            let refused = http::ask(&server.host, method, address, &[], "").unwrap();
            assert_eq!((refused.status, refused.header("allow")), (405, "GET,HEAD"), "{method} {address}");
            assert_eq!(refused.json()["status"], 405, "{method} {address}");
        }
    }
    for (operation, address) in [
        (RUN, "/api/v1/runs/none"),
        (RUN, "/api/v1/runs/00000000-0000-4000-8000-000000000000"),
        (GAZETTE, "/api/v1/gazettes/999999"),
        (GAZETTE, "/api/v1/gazettes/99999999999999999999"),
        (GAZETTE, "/api/v1/gazettes/..%2F1"),
        (GAZETTE, "/api/v1/gazettes/%FF"),
    ] {
        assert_eq!(seen.ask(&server, operation, address)["status"], 404, "{address}");
    }

    // An index that is away, one that is silent, and one that talks nonsense.
    // Nobody listens there without being root.
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let odd = || Canned::answer("400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 2", "{}");
    let odd = CannedHttp::start((0..8).map(|_| odd()).collect());
    for (address, status) in [(nobody, 503), (silent.local_addr().unwrap(), 504), (odd.address, 500)] {
        let index = format!("opensearch+http://{address}/gazettes");
        let lame = Server::start(&prelo, &["--index", &index, "--opensearch-request-timeout-seconds", "1"]);
        let told = seen.ask(&lame, SEARCH, "/api/v1/search?q=obras");
        assert_eq!(told["status"], status, "{told}");
        assert!(!told.to_string().contains("127.0.0.1"), "where it is, is nobody's business: {told}");
        assert!(seen.ask(&lame, GAZETTE, &format!("/api/v1/gazettes/{gazette}"))["index"].is_null());
    }
    // A catalogue without its tables.
    support::in_catalog(prelo.path(), async |connection| {
        for change in ["ALTER TABLE prelo_runs RENAME TO away", "ALTER TABLE gazettes RENAME TO far_away"] {
            sqlx::query(change).execute(&mut *connection).await.unwrap();
        }
    });
    for (operation, address) in &places[1..4] {
        assert_eq!(seen.ask(&server, operation, address)["status"], 503, "{address}");
    }
    // What only a server that is overrun answers, the tests of its guard make; a defect nobody can order.
    for (operation, statuses) in &mut seen.statuses {
        statuses.extend([500, 503, 504]);
        let described = seen.document["paths"][*operation]["get"]["responses"].as_object().unwrap();
        let described: BTreeSet<u16> = described.keys().map(|status| status.parse().unwrap()).collect();
        assert_eq!(*statuses, described, "{operation}");
    }
}

#[test]
fn numbers_have_the_digits_that_they_mean() {
    let prelo = Prelo::new();
    let folder = fixtures();
    prelo.call(&["run", "--folder", folder.to_str().unwrap()]);
    let server = Server::start(&prelo, &[]);
    let runs = http::get(&server.host, RUNS).json();
    let run = format!("/api/v1/runs/{}", runs["runs"][0]["id"].as_str().unwrap());
    for address in ["/api/v1/search?q=preg%C3%A3o", "/api/v1/gazettes/1", RUNS, &run] {
        let mut fractions = Vec::new();
        collect(&http::get(&server.host, address).json(), &mut fractions);
        assert!(!fractions.is_empty(), "{address}");
        for fraction in fractions {
            let digits = fraction.split_once('.').map_or(0, |(_, digits)| digits.len());
            assert!(digits <= 6, "{address}: {fraction}");
        }
    }
}

/// Every number that is no integer.
fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Number(number) if number.is_f64() => found.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, found)),
        _ => {}
    }
}
