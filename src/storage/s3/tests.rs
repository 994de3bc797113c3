use std::env;
use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, resume_unwind};

use futures_util::FutureExt;
use uuid::Uuid;

use super::*;
use crate::storage::conformance;

#[path = "../../../tests/support/canned_http.rs"]
mod canned_http;

use canned_http::{Canned, CannedHttp};

fn settings(key: &str, secret: &str) -> Settings {
    Settings {
        region: "us-east-1".into(),
        access_key: Some(Secret::new(key)),
        access_secret: Some(Secret::new(secret)),
        max_connections: 2,
        connect_timeout: Duration::from_secs(2),
        read_timeout: Duration::from_millis(300),
    }
}

fn bucket_at(endpoint: &str) -> Bucket {
    let url = Url::parse(&format!("s3://bucket?endpoint={endpoint}")).unwrap();
    Bucket::open(&url, &settings("key", "hunter2")).unwrap()
}

fn kind<T>(result: Result<T, StorageError>) -> Kind {
    result.err().expect("it should have failed").kind
}

/// The whole chain, as a log line would show it.
fn told(error: &StorageError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn error_answer(status: &str, code: &str) -> Canned {
    let body = format!("<Error><Code>{code}</Code><Message>said the server</Message></Error>");
    Canned::answer(&format!("{status}\r\nContent-Type: application/xml\r\nContent-Length: {}", body.len()), &body)
}

#[tokio::test]
async fn one_call_is_one_request_whatever_the_answer() {
    let cases = [
        (error_answer("503 Slow Down", "SlowDown"), Kind::Throttled),
        (error_answer("500 Internal Server Error", "InternalError"), Kind::Unavailable),
        (error_answer("404 Not Found", "NoSuchBucket"), Kind::NoBucket),
        (error_answer("404 Not Found", "NoSuchKey"), Kind::NotFound),
        (error_answer("403 Forbidden", "AccessDenied"), Kind::AccessDenied),
        (error_answer("403 Forbidden", "RequestTimeTooSkewed"), Kind::ClockSkewed),
        (error_answer("412 Precondition Failed", "PreconditionFailed"), Kind::Replaced),
        (Canned::answer("502 Bad Gateway\r\nContent-Length: 13", "<html></html>"), Kind::Unavailable),
        (Canned::Answer(Vec::new()), Kind::Unavailable),
        (Canned::Silence(Duration::from_secs(1)), Kind::Timeout),
    ];
    for (answer, expected) in cases {
        // A second answer is at hand: a client that tried again would find it.
        let server = CannedHttp::start(vec![answer, Canned::answer("200 OK\r\nContent-Length: 0", "")]);
        let error = bucket_at(&format!("http://{}", server.address)).get("key.pdf", None).await.err().unwrap();
        assert_eq!(error.kind, expected, "{}", told(&error));
        assert_eq!(server.requests().len(), 1, "{expected:?}");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn answers_to_head_have_no_body_and_are_understood_all_the_same() {
    for (status, expected) in [
        ("404 Not Found", Kind::NotFound),
        ("403 Forbidden", Kind::AccessDenied),
        ("503 Service Unavailable", Kind::Unavailable),
    ] {
        let server = CannedHttp::start(vec![Canned::answer(status, "")]);
        assert_eq!(kind(bucket_at(&format!("http://{}", server.address)).head("key.pdf").await), expected, "{status}");
    }
}

#[tokio::test]
async fn a_request_carries_the_etag_and_the_key_in_the_path() {
    let server = CannedHttp::start(vec![Canned::answer("200 OK\r\nContent-Length: 2", "ok")]);
    let bucket = bucket_at(&format!("http://{}", server.address));
    drop(bucket.get("a/b c+d%20é.pdf", Some("\"version\"")).await.unwrap());
    let request = server.requests().remove(0);
    assert!(request.starts_with("GET /bucket/a/b%20c%2Bd%2520%C3%A9.pdf"), "{request}");
    assert!(request.to_ascii_lowercase().contains("if-match: \"version\""), "{request}");
}

#[tokio::test]
async fn a_body_that_ends_early_is_an_error() {
    for (head, body, expected) in [
        ("200 OK\r\nContent-Length: 10", "short", Kind::Truncated),
        ("200 OK\r\nTransfer-Encoding: chunked", "a\r\nshort", Kind::Truncated),
    ] {
        let server = CannedHttp::start(vec![Canned::answer(head, body)]);
        let bucket = bucket_at(&format!("http://{}", server.address));
        let chunks: Vec<_> = bucket.get("key.pdf", None).await.unwrap().collect().await;
        let error = chunks.into_iter().next_back().unwrap().unwrap_err();
        assert_eq!(error.kind, expected, "{head}: {}", told(&error));
    }
}

#[tokio::test]
async fn unreachable_services_are_told_apart() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (endpoint, expected) in
        [(format!("http://{closed}"), Kind::Unavailable), ("http://no-such-host.invalid".into(), Kind::NameNotResolved)]
    {
        let error = bucket_at(&endpoint).check().await.unwrap_err();
        assert_eq!(error.kind, expected, "{}", told(&error));
    }
}

#[test]
fn missing_keys_are_told_before_anything_is_sent() {
    let url = Url::parse("s3://bucket").unwrap();
    let error = Bucket::open(&url, &Settings { access_secret: None, ..settings("key", "") }).unwrap_err();
    assert_eq!(error.kind, Kind::Unauthorized);
    assert!(error.to_string().contains("s3_access_secret"), "{error}");
}

/// A bucket of its own on the server of the tests, or nothing when there is none.
struct TestBucket {
    bucket: Bucket,
    url: Url,
}

impl TestBucket {
    async fn create() -> Option<Self> {
        let Ok(url) = env::var("PRELO_TEST_STORAGE") else {
            eprintln!("SKIPPED: S3 is not tested, PRELO_TEST_STORAGE is not set");
            return None;
        };
        let mut url = Url::parse(&url).unwrap();
        url.set_host(Some(&format!("prelo-test-{}", Uuid::new_v4().simple()))).unwrap();
        let bucket = Bucket::open(&url, &Self::settings()).unwrap();
        bucket.client.create_bucket().bucket(&bucket.name).send().await.unwrap();
        Some(Self { bucket, url })
    }

    fn settings() -> Settings {
        let secret = |name| env::var(name).unwrap_or_else(|_| panic!("{name} goes with PRELO_TEST_STORAGE"));
        let (key, secret) = (secret("PRELO_TEST_S3_ACCESS_KEY"), secret("PRELO_TEST_S3_ACCESS_SECRET"));
        Settings { read_timeout: Duration::from_secs(30), ..settings(&key, &secret) }
    }

    /// Runs a test in the bucket, and removes the bucket also when the test fails.
    async fn run(self, test: impl AsyncFnOnce(&Self)) {
        let outcome = AssertUnwindSafe(test(&self)).catch_unwind().await;
        self.remove().await;
        if let Err(panic) = outcome {
            resume_unwind(panic);
        }
    }

    async fn remove(self) {
        let (client, name) = (&self.bucket.client, &self.bucket.name);
        let versions = client.list_object_versions().bucket(name).send().await.unwrap();
        let marked = versions.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
        let kept = versions.versions().iter().map(|version| (version.key(), version.version_id()));
        for (key, version) in kept.chain(marked) {
            let request = client.delete_object().bucket(name).set_key(key.map(Into::into));
            request.set_version_id(version.map(Into::into)).send().await.unwrap();
        }
        client.delete_bucket().bucket(name).send().await.unwrap();
    }
}

#[tokio::test]
async fn a_bucket_is_a_storage() {
    let Some(test) = TestBucket::create().await else { return };
    test.run(async |test| {
        let (client, name) = (test.bucket.client.clone(), test.bucket.name.clone());
        let put = move |key: String, content: Vec<u8>| {
            let request = client.put_object().bucket(&name).key(key).body(content.into());
            async move { drop(request.send().await.unwrap()) }.boxed()
        };
        conformance::suite(&test.bucket, &put).await;

        let request = test.bucket.client.head_object().bucket(&test.bucket.name).key("texts/a.pdf.txt");
        assert_eq!(request.send().await.unwrap().content_type(), Some("text/plain; charset=utf-8"));
    })
    .await;
}

#[tokio::test]
async fn check_tells_what_is_wrong() {
    let Some(test) = TestBucket::create().await else { return };
    test.run(async |test| {
        let mut missing = test.url.clone();
        missing.set_host(Some("prelo-test-no-such-bucket")).unwrap();
        let good = TestBucket::settings();
        let wrong_secret = Settings { access_secret: Some(Secret::new("wrong")), ..good.clone() };
        let wrong_key = Settings { access_key: Some(Secret::new("nobody")), ..good.clone() };
        let cases = [
            (&missing, &good, Kind::NoBucket),
            (&test.url, &wrong_secret, Kind::Unauthorized),
            (&test.url, &wrong_key, Kind::Unauthorized),
        ];
        for (url, settings, expected) in cases {
            let error = Bucket::open(url, settings).unwrap().check().await.unwrap_err();
            assert_eq!(error.kind, expected, "{}", told(&error));
        }
        let missing = Bucket::open(&missing, &good).unwrap();
        assert_eq!(kind(missing.get("key.pdf", None).await), Kind::NoBucket);
    })
    .await;
}
