//! A bucket of an S3 service that answers as it is told: HEAD, GET with `If-Match`, PUT, and the check of the bucket.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use percent_encoding::percent_decode_str;

use super::support::canned_http::{Asked, Canned, CannedHttp};
use super::support::servers::md5_of;

/// A request about an object.
pub struct Call<'a> {
    pub method: &'a str,
    pub key: &'a str,
    /// How many of this method for this key came before.
    pub nth: usize,
    /// What the bucket has.
    pub object: &'a [u8],
}

impl Call<'_> {
    pub fn is(&self, method: &str, key: &str) -> bool {
        self.method == method && self.key == key
    }
}

type Rule = dyn Fn(&Call<'_>) -> Option<Canned> + Send + Sync;
type CheckRule = dyn Fn(&str) -> Option<Canned> + Send + Sync;

/// Clones are the same bucket.
#[derive(Clone)]
pub struct Bucket {
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    calls: Mutex<Vec<(String, String)>>,
    rule: Mutex<Arc<Rule>>,
    check: Mutex<Arc<CheckRule>>,
}

impl Bucket {
    pub fn new() -> Self {
        let state = Arc::new(State {
            objects: Mutex::default(),
            calls: Mutex::default(),
            rule: Mutex::new(Arc::new(|_| None)),
            check: Mutex::new(Arc::new(|_| None)),
        });
        let shared = state.clone();
        let server = CannedHttp::answering(move |asked| shared.answer(asked));
        Self { address: server.address, state }
    }

    pub fn put(&self, key: &str, content: &[u8]) {
        self.state.objects.lock().unwrap().insert(key.to_owned(), content.to_vec());
    }

    /// An object, or a text that was stored.
    pub fn object(&self, key: &str) -> Option<Vec<u8>> {
        self.state.objects.lock().unwrap().get(key).cloned()
    }

    /// What happens instead of the usual, where it answers with something.
    pub fn rule(&self, rule: impl Fn(&Call<'_>) -> Option<Canned> + Send + Sync + 'static) {
        *self.state.rule.lock().unwrap() = Arc::new(rule);
    }

    /// The same for questions about the bucket itself, by their method.
    pub fn check_rule(&self, rule: impl Fn(&str) -> Option<Canned> + Send + Sync + 'static) {
        *self.state.check.lock().unwrap() = Arc::new(rule);
    }

    pub fn calls(&self, method: &str, key: &str) -> usize {
        self.state.calls.lock().unwrap().iter().filter(|call| call.0 == method && call.1 == key).count()
    }
}

/// `403` in the words of S3.
pub fn refusal(code: &str) -> Canned {
    error("403 Forbidden", code)
}

pub fn error(status: &str, code: &str) -> Canned {
    let body = format!("<Error><Code>{code}</Code><Message>As told.</Message></Error>");
    Canned::answer(&format!("{status}\r\nContent-Type: application/xml\r\nContent-Length: {}", body.len()), &body)
}

/// A whole object with its ETag.
pub fn whole(object: &[u8]) -> Canned {
    Canned::with_bytes(&format!("200 OK\r\nContent-Length: {}\r\nETag: \"{}\"", object.len(), md5_of(object)), object)
}

impl State {
    fn answer(&self, asked: &Asked) -> Canned {
        let path = asked.path.split('?').next().unwrap();
        let key = match path.strip_prefix("/bucket/") {
            Some(key) if !key.is_empty() => percent_decode_str(key).decode_utf8().unwrap().into_owned(),
            _ => {
                let check = self.check.lock().unwrap().clone();
                return check(&asked.method).unwrap_or_else(|| Canned::answer("200 OK\r\nContent-Length: 0", ""));
            }
        };
        let nth = {
            let mut calls = self.calls.lock().unwrap();
            let nth = calls.iter().filter(|call| call.0 == asked.method && call.1 == key).count();
            calls.push((asked.method.clone(), key.clone()));
            nth
        };
        let object = self.objects.lock().unwrap().get(&key).cloned();
        let rule = self.rule.lock().unwrap().clone();
        let call = Call { method: &asked.method, key: &key, nth, object: object.as_deref().unwrap_or_default() };
        if let Some(answer) = rule(&call) {
            return answer;
        }
        match (asked.method.as_str(), object) {
            ("PUT", _) => {
                self.objects.lock().unwrap().insert(key, asked.body.clone());
                Canned::answer("200 OK\r\nContent-Length: 0", "")
            }
            ("HEAD", Some(object)) => {
                let etag = md5_of(&object);
                Canned::answer(&format!("200 OK\r\nContent-Length: {}\r\nETag: \"{etag}\"", object.len()), "")
            }
            ("GET", Some(object)) => {
                let wanted = asked.head.lines().filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
                    name.eq_ignore_ascii_case("if-match").then(|| value.trim().trim_matches('"').to_owned())
                });
                if wanted.is_some_and(|wanted| wanted != md5_of(&object)) {
                    return error("412 Precondition Failed", "PreconditionFailed");
                }
                whole(&object)
            }
            ("HEAD", None) => Canned::answer("404 Not Found", ""),
            _ => error("404 Not Found", "NoSuchKey"),
        }
    }
}
