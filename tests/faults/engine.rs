//! A search engine that answers bulks as it is told, and keeps what it took.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::support::canned_http::{Asked, Canned, CannedHttp};

/// A bulk that came.
pub struct Sent {
    /// Bulks before this one.
    pub nth: usize,
    pub bytes: usize,
}

/// What becomes of it.
pub enum Bulk {
    Well,
    /// These are refused with a status, a type and a reason; the others are well.
    Refuse(BTreeMap<i64, (u16, &'static str, &'static str)>),
    /// Nothing is taken.
    Instead(Canned),
    /// So many of its documents are taken, and nobody hears of it.
    TakeThen(usize, Canned),
    /// Its answer without the last items, or cut, or with another head.
    Spoilt(fn(String) -> Canned),
}

type Rule = dyn Fn(&Sent) -> Bulk + Send + Sync;

/// Clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    documents: Mutex<BTreeMap<i64, Document>>,
    bulks: Mutex<Vec<BTreeSet<i64>>>,
    rule: Mutex<Arc<Rule>>,
}

/// What lies under an `_id`.
#[derive(Clone)]
pub struct Document {
    pub source: Value,
    /// How often it was written.
    pub times: u32,
}

impl Engine {
    pub fn new() -> Self {
        let state = Arc::new(State {
            documents: Mutex::default(),
            bulks: Mutex::default(),
            rule: Mutex::new(Arc::new(|_| Bulk::Well)),
        });
        let shared = state.clone();
        let server = CannedHttp::answering(move |asked| shared.answer(asked));
        Self { address: server.address, state }
    }

    pub fn rule(&self, rule: impl Fn(&Sent) -> Bulk + Send + Sync + 'static) {
        *self.state.rule.lock().unwrap() = Arc::new(rule);
    }

    /// What is searchable.
    pub fn documents(&self) -> BTreeMap<i64, Document> {
        self.state.documents.lock().unwrap().clone()
    }

    pub fn ids(&self) -> Vec<i64> {
        self.state.documents.lock().unwrap().keys().copied().collect()
    }

    /// The files whose text holds the words.
    pub fn found(&self, words: &str) -> Vec<String> {
        let holds = |document: &&Document| document.source["source_text"].as_str().unwrap().contains(words);
        let path = |document: &Document| document.source["file_path"].as_str().unwrap().to_owned();
        self.state.documents.lock().unwrap().values().filter(holds).map(path).collect()
    }

    /// The ids of every bulk that came.
    pub fn bulks(&self) -> Vec<BTreeSet<i64>> {
        self.state.bulks.lock().unwrap().clone()
    }
}

fn json_answer(body: &str) -> Canned {
    Canned::answer(&format!("200 OK\r\nContent-Type: application/json\r\nContent-Length: {}", body.len()), body)
}

/// An error of the engine itself.
pub fn refused(status: &str, kind: &str, reason: &str) -> Canned {
    let body = json!({"error": {"type": kind, "reason": reason}, "status": 0}).to_string();
    Canned::answer(&format!("{status}\r\nContent-Type: application/json\r\nContent-Length: {}", body.len()), &body)
}

impl State {
    fn answer(&self, asked: &Asked) -> Canned {
        match asked.path.split('?').next().unwrap() {
            path if path.ends_with("/_bulk") => self.bulk(&asked.body),
            "/" => json_answer(r#"{"version":{"number":"2.19.5","distribution":"opensearch"}}"#),
            path if path.starts_with("/_alias/") => json_answer(r#"{"gazettes-000001":{"aliases":{"gazettes":{}}}}"#),
            _ => json_answer("{}"),
        }
    }

    fn bulk(&self, body: &[u8]) -> Canned {
        let lines: Vec<Value> =
            body.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        let documents: Vec<(i64, &Value)> = lines
            .chunks(2)
            .map(|pair| (pair[0]["index"]["_id"].as_str().unwrap().parse().unwrap(), &pair[1]))
            .collect();
        let nth = {
            let mut bulks = self.bulks.lock().unwrap();
            bulks.push(documents.iter().map(|(id, _)| *id).collect());
            bulks.len() - 1
        };
        let rule = self.rule.lock().unwrap().clone();
        let no_refusal = BTreeMap::new();
        match rule(&Sent { nth, bytes: body.len() }) {
            Bulk::Well => json_answer(&self.take(&documents, &no_refusal)),
            Bulk::Refuse(refusals) => json_answer(&self.take(&documents, &refusals)),
            Bulk::Instead(answer) => answer,
            Bulk::TakeThen(count, answer) => {
                self.take(&documents[..count.min(documents.len())], &no_refusal);
                answer
            }
            Bulk::Spoilt(spoil) => spoil(self.take(&documents, &no_refusal)),
        }
    }

    fn take(&self, sent: &[(i64, &Value)], refusals: &BTreeMap<i64, (u16, &'static str, &'static str)>) -> String {
        let mut documents = self.documents.lock().unwrap();
        let items: Vec<Value> = sent
            .iter()
            .map(|(id, source)| match refusals.get(id) {
                Some((status, kind, reason)) => {
                    let error = json!({"type": kind, "reason": reason});
                    json!({"index": {"_id": id.to_string(), "status": status, "error": error}})
                }
                None => {
                    let times = documents.get(id).map_or(0, |document| document.times) + 1;
                    documents.insert(*id, Document { source: (*source).clone(), times });
                    json!({"index": {"_id": id.to_string(), "status": 201}})
                }
            })
            .collect();
        json!({ "items": items }).to_string()
    }
}
