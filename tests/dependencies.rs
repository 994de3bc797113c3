//! Services that are down, slow, full or lying while a run works: what is called, what waits, what is marked, and what
//! is said about it.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use prelo::config::Secret;
use prelo::search_index::SearchIndexErrorKind;
use prelo::storage::StorageErrorKind;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _};
use support::canned_http::{Asked, Canned, CannedHttp};
use support::cutting_proxy::CuttingProxy;
use support::doubles::{Get, Put};
use support::stage::{Played, Stage};

mod support;

/// Names of that many gazettes; the last one is listed first.
fn names(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("{n}.txt")).collect()
}

async fn stage_of(count: usize) -> Stage {
    Stage::new(&names(count).iter().map(String::as_str).collect::<Vec<_>>()).await
}

fn nothing_marked(played: &Played, all: u64) {
    assert_eq!(played.report.exit_code(), 4, "{:?}", played.report);
    assert!(played.failed().is_empty(), "{:?}", played.report);
    assert_eq!(played.report.remaining, all, "{:?}", played.report);
}

// The storage

#[tokio::test]
async fn a_storage_that_comes_back_costs_waiting_and_no_gazette_anything() {
    let mut stage = stage_of(12).await;
    stage.set(|config| config.dependency_patience_seconds = 60);
    *stage.storage.outage.lock().unwrap() = (40, Some(StorageErrorKind::Unavailable));
    let played = stage.run().await;
    assert_eq!((played.report.indexed, played.report.exit_code()), (12, 0), "{:?}", played.report);
    let breaker = played.breaker("the storage");
    assert_eq!((breaker.first(), breaker.last()), (Some(&"open"), Some(&"closed")), "{breaker:?}");
    assert_eq!(breaker.iter().filter(|state| **state == "open").count(), 1, "said once: {breaker:?}");
    // While it is open, only trials are made: each is followed by nothing but its check.
    let retries = played.said("message", "will try again").len();
    assert!(retries < 40, "{retries} calls failed aloud: everybody went on calling");
}

#[tokio::test]
async fn a_storage_that_stays_away_stops_the_run_when_the_patience_is_over() {
    let mut stage = stage_of(20).await;
    stage.set(|config| config.dependency_patience_seconds = 1);
    *stage.storage.outage.lock().unwrap() = (u32::MAX, Some(StorageErrorKind::Unavailable));
    let played = stage.run().await;
    nothing_marked(&played, 20);
    assert!(played.report.seconds >= 1.0, "{:?}", played.report);
    assert_eq!(played.breaker("the storage").iter().filter(|state| **state == "open").count(), 1);
    let stopping = played.said("message", "stopping");
    assert_eq!(stopping[0]["level"], "ERROR");
    let detail = stopping[0]["detail"].as_str().unwrap();
    assert!(detail.contains("the storage has not come back for 1 s (dependency_patience_seconds)"), "{detail}");
}

#[tokio::test]
async fn a_name_that_is_not_resolved_for_a_moment_is_waited_for() {
    let mut stage = stage_of(3).await;
    stage.set(|config| config.dependency_patience_seconds = 60);
    *stage.storage.outage.lock().unwrap() = (4, Some(StorageErrorKind::NameNotResolved));
    let played = stage.run().await;
    assert_eq!((played.report.indexed, played.report.exit_code()), (3, 0), "{:?}", played.report);
}

#[tokio::test]
async fn trouble_with_one_file_never_opens_the_breaker() {
    let mut stage = stage_of(6).await;
    stage.set(|config| config.download_attempts = 9);
    stage.storage.objects.remove("1.txt");
    stage.script("2.txt", &[Get::Cut; 20]);
    stage.script("3.txt", &[Get::Refused(StorageErrorKind::Timeout); 20]);
    stage.script("4.txt", &[Get::Broken; 20]);
    stage.storage.refused.insert("5.txt".into(), StorageErrorKind::AccessDenied);
    let played = stage.run().await;
    assert_eq!(
        played.failed(),
        BTreeMap::from([
            ("NOT_FOUND", 1),
            ("SIZE_MISMATCH", 1),
            ("DOWNLOAD_TIMEOUT", 1),
            ("DOWNLOAD_FAILED", 1),
            ("ACCESS_DENIED", 1)
        ])
    );
    assert_eq!((played.report.indexed, played.report.exit_code()), (1, 3));
    assert!(played.breaker("the storage").is_empty(), "{:?}", played.breaker("the storage"));
}

#[tokio::test]
async fn slow_down_lowers_the_concurrency_and_fails_nobody_too_early() {
    let mut stage = stage_of(120).await;
    stage.set(|config| {
        config.download_concurrency = 8;
        config.dependency_patience_seconds = 60;
    });
    stage.storage.delay = Duration::from_millis(2);
    stage.storage.checks_well = true;
    // Enough for the breaker to open as well.
    *stage.storage.outage.lock().unwrap() = (30, Some(StorageErrorKind::Throttled));
    let played = stage.run().await;
    assert_eq!((played.report.indexed, played.report.exit_code()), (120, 0), "{:?}", played.report);
    let changes: Vec<_> = played
        .said("message", "calls at once changed")
        .iter()
        .map(|line| (line["from"].as_u64().unwrap(), line["to"].as_u64().unwrap()))
        .collect();
    assert_eq!(&changes[..3], [(8, 4), (4, 2), (2, 1)], "{changes:?}");
    assert!(changes.contains(&(1, 2)), "raised again, slowly: {changes:?}");
    assert!(changes.len() < 12, "{changes:?}");
}

#[tokio::test]
async fn a_thousand_slow_downs_of_one_file_set_it_aside_for_later() {
    let stage = stage_of(5).await;
    stage.script("3.txt", &[Get::Refused(StorageErrorKind::Throttled); 1000]);
    let played = stage.run().await;
    assert_eq!(played.failed(), BTreeMap::from([("DOWNLOAD_FAILED", 1)]));
    assert_eq!((played.report.indexed, played.report.exit_code()), (4, 3));
    assert_eq!(played.storage.calls("get", "3.txt"), 4);
    assert_eq!(played.said("message", "calls at once changed")[0]["to"], 1, "three, halved");
}

#[tokio::test]
async fn no_more_calls_at_once_than_are_allowed() {
    let mut stage = stage_of(40).await;
    stage.set(|config| config.download_concurrency = 4);
    stage.storage.delay = Duration::from_millis(3);
    let played = stage.run().await;
    assert_eq!(played.report.indexed, 40);
    assert_eq!(played.storage.heads.most.load(Ordering::SeqCst), 4);
}

// Refusals

#[tokio::test]
async fn refusals_wait_for_a_success_and_hold_up_nobody() {
    let mut stage = stage_of(10).await;
    // One slot, and nine refusals before the first success.
    stage.set(|config| config.download_concurrency = 1);
    for n in 2..=10 {
        stage.storage.refused.insert(format!("{n}.txt"), StorageErrorKind::AccessDenied);
    }
    let played = stage.run().await;
    assert_eq!(played.failed(), BTreeMap::from([("ACCESS_DENIED", 9)]));
    assert_eq!((played.report.indexed, played.report.exit_code()), (1, 3));
}

#[tokio::test]
async fn when_everything_is_refused_nothing_is_set_aside() {
    // Three that end before ten have come; exactly ten; more.
    for count in [1, 3, 10, 25] {
        let mut stage = stage_of(count).await;
        for name in names(count) {
            stage.storage.refused.insert(name, StorageErrorKind::AccessDenied);
        }
        let played = stage.run().await;
        nothing_marked(&played, count as u64);
        let detail = played.said("message", "stopping")[0]["detail"].as_str().unwrap();
        assert!(detail.contains("s3:GetObject"), "{detail}");
    }
}

#[tokio::test]
async fn refusals_after_the_last_success_belong_to_the_gazettes_while_the_storage_welcomes_the_key() {
    let mut stage = stage_of(6).await;
    for n in 1..=3 {
        stage.storage.refused.insert(format!("{n}.txt"), StorageErrorKind::AccessDenied);
    }
    stage.set(|config| config.download_concurrency = 1);
    let played = stage.run().await;
    assert_eq!(played.failed(), BTreeMap::from([("ACCESS_DENIED", 3)]));
    assert_eq!((played.report.indexed, played.report.exit_code()), (3, 3));
}

/// A bucket whose objects answer by `object`; the bucket itself is there for `checks` questions.
fn bucket(checks: u32, object: impl Fn(&Asked) -> Canned + Send + Sync + 'static) -> CannedHttp {
    let left = AtomicU32::new(checks);
    let skewed = "<Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and the \
                  current time is too large.</Message></Error>";
    CannedHttp::answering(move |asked| {
        let path = asked.path.split('?').next().unwrap();
        if path.strip_prefix("/bucket/").is_some_and(|key| !key.is_empty()) {
            return object(asked);
        }
        let well = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        match (well, asked.method.as_str()) {
            (true, _) => Canned::answer("200 OK\r\nContent-Length: 0", ""),
            (false, "HEAD") => Canned::answer("403 Forbidden", ""),
            (false, _) => Canned::answer(&format!("403 Forbidden\r\nContent-Length: {}", skewed.len()), skewed),
        }
    })
}

async fn read_from(stage: &mut Stage, server: &CannedHttp) {
    stage.set(|config| {
        config.s3_access_key = Some(Secret::new("key"));
        config.s3_access_secret = Some(Secret::new("hunter2"));
    });
    let url = format!("s3://bucket?endpoint=http://{}", server.address).parse().unwrap();
    stage.real_storage = Some(Arc::from(prelo::storage::open(&url, &stage.config).await.unwrap()));
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_named_although_a_refused_head_says_nothing() {
    let mut stage = stage_of(12).await;
    let server = bucket(1, |_| Canned::answer("403 Forbidden", ""));
    read_from(&mut stage, &server).await;
    let played = stage.run().await;
    nothing_marked(&played, 12);
    let detail = played.said("message", "stopping")[0]["detail"].as_str().unwrap();
    assert!(detail.contains("the clocks of this machine and of the storage differ"), "{detail}");
    assert!(played.lines.iter().all(|line| !line.to_string().contains("hunter2")));
}

#[tokio::test]
async fn slow_down_in_the_words_of_s3() {
    let mut stage = stage_of(4).await;
    let texts = stage.storage.objects.clone();
    let refusals = AtomicU32::new(0);
    let server = bucket(u32::MAX, move |asked| {
        let name = asked.path.split(['/', '?']).nth(2).unwrap();
        let object = texts.get(name).cloned().unwrap_or_default();
        match asked.method.as_str() {
            "HEAD" => Canned::answer(&format!("200 OK\r\nContent-Length: {}", object.len()), ""),
            "GET" if name == "2.txt" && refusals.fetch_add(1, Ordering::SeqCst) < 2 => {
                let body = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
                Canned::answer(&format!("503 Slow Down\r\nContent-Length: {}", body.len()), body)
            }
            "GET" => {
                let body = String::from_utf8(object).unwrap();
                Canned::answer(&format!("200 OK\r\nContent-Length: {}", body.len()), &body)
            }
            _ => Canned::answer("200 OK\r\nContent-Length: 0", ""),
        }
    });
    read_from(&mut stage, &server).await;
    let played = stage.run().await;
    assert_eq!((played.report.indexed, played.report.exit_code()), (4, 0), "{:?}", played.report);
    let gets = server.requests().iter().filter(|head| head.starts_with("GET /bucket/2.txt")).count();
    assert_eq!(gets, 3);
    assert!(!played.said("message", "calls at once changed").is_empty());
}

// The index

#[tokio::test]
async fn an_index_that_comes_back_gets_everything_once_and_nothing_is_begun_meanwhile() {
    let mut stage = stage_of(300).await;
    stage.set(|config| {
        config.dependency_patience_seconds = 60;
        config.bulk_documents = 50;
    });
    *stage.index.down.lock().unwrap() = (12, Some(SearchIndexErrorKind::Throttled));
    let played = stage.run().await;
    assert_eq!((played.report.indexed, played.report.exit_code()), (300, 0), "{:?}", played.report);
    assert!(played.index.acknowledged.lock().unwrap().values().all(|times| *times == 1));
    let breaker = played.breaker("the index");
    assert_eq!((breaker.first(), breaker.last()), (Some(&"open"), Some(&"closed")), "{breaker:?}");

    let at = |state: &str| played.lines.iter().position(|line| line["breaker"] == state).unwrap();
    let meanwhile = &played.lines[at("open")..at("closed")];
    let begun = meanwhile.iter().filter(|line| line["message"] == "downloaded").count();
    assert!(begun <= 3, "{begun} downloads ended while the index was down: more than were under way");
}

#[tokio::test]
async fn an_index_that_stays_busy_stops_the_run_with_every_row_pending() {
    for kind in [SearchIndexErrorKind::Throttled, SearchIndexErrorKind::Unavailable, SearchIndexErrorKind::Timeout] {
        let mut stage = stage_of(150).await;
        stage.set(|config| config.dependency_patience_seconds = 1);
        *stage.index.down.lock().unwrap() = (u32::MAX, Some(kind));
        let played = stage.run().await;
        nothing_marked(&played, 150);
        assert_eq!(played.breaker("the index").iter().filter(|state| **state == "open").count(), 1);
        let bulks = played.index.bulks.lock().unwrap().len();
        assert!(bulks < 900, "{bulks} bulks in a second of waits between 1 and 2 ms");
        let detail = played.said("message", "stopping")[0]["detail"].as_str().unwrap();
        assert!(detail.starts_with("the index has not come back"), "{detail}");
    }
}

#[tokio::test]
async fn a_bulk_of_refusals_alone_is_a_refusal_of_the_bulk() {
    // HTTP 200, and every item 429: for ten minutes, that is an index that is down.
    let stage = stage_of(8).await;
    stage.index.script.lock().unwrap().extend((1..=8).map(|id| (id, Put::Busy(u32::MAX))));
    let played = stage.run().await;
    nothing_marked(&played, 8);
}

#[tokio::test]
async fn an_answer_that_is_lost_leaves_one_document_for_each_gazette() {
    let stage = stage_of(5).await;
    *stage.index.lost.lock().unwrap() = 2;
    let played = stage.run().await;
    assert_eq!((played.report.indexed, played.report.exit_code()), (5, 0));
    let acknowledged = played.index.acknowledged.lock().unwrap().clone();
    assert_eq!(acknowledged.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert!(acknowledged.values().any(|times| *times > 1), "nothing was sent again");
}

#[tokio::test]
async fn what_makes_a_bulk_fail_is_found_and_its_neighbours_are_indexed() {
    let mut stage = stage_of(60).await;
    stage.set(|config| {
        config.dependency_patience_seconds = 60;
        config.bulk_documents = 50;
        config.bulk_delay_ms = 2_000;
    });
    stage.index.script.lock().unwrap().insert(33, Put::Poison);
    let played = stage.run().await;
    assert_eq!(played.failed(), BTreeMap::from([("INDEX_REJECTED", 1)]), "{:?}", played.report);
    assert_eq!((played.report.indexed, played.report.exit_code()), (59, 3));
    assert!(!played.index.acknowledged.lock().unwrap().contains_key(&33));
    assert!(played.index.acknowledged.lock().unwrap().values().all(|times| *times == 1));
}

/// A search engine that says `bulk` to every bulk, and is well otherwise.
fn engine(bulk: impl Fn(&Asked) -> Canned + Send + Sync + 'static) -> CannedHttp {
    CannedHttp::answering(move |asked| {
        let json = |body: &str| {
            Canned::answer(&format!("200 OK\r\nContent-Type: application/json\r\nContent-Length: {}", body.len()), body)
        };
        match asked.path.split('?').next().unwrap() {
            path if path.ends_with("/_bulk") => bulk(asked),
            "/" => json(r#"{"version":{"number":"2.19.5","distribution":"opensearch"}}"#),
            path if path.starts_with("/_alias/") => json(r#"{"gazettes-000001":{"aliases":{"gazettes":{}}}}"#),
            _ => json("{}"),
        }
    })
}

async fn write_to(stage: &mut Stage, server: &CannedHttp) {
    stage.set(|config| config.index = Secret::new(format!("opensearch+http://{}/gazettes", server.address)));
    stage.real_index = Some(Arc::from(prelo::search_index::open(&stage.config).await.unwrap()));
}

/// What an engine that is well answers.
fn acknowledged(asked: &Asked) -> String {
    let items: Vec<_> = asked
        .body
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok())
        .filter_map(|line| line["index"]["_id"].as_str().map(str::to_owned))
        .map(|id| json!({"index": {"_id": id, "status": 201}}))
        .collect();
    json!({ "items": items }).to_string()
}

#[tokio::test]
async fn answers_that_are_none_are_asked_for_again_and_mark_nothing() {
    let broken: [fn(&Asked) -> Canned; 5] = [
        |_| Canned::answer("502 Bad Gateway\r\nContent-Type: text/html", "<html><h1>502 Bad Gateway</h1></html>"),
        |_| Canned::answer("200 OK\r\nContent-Type: text/html", "<html>login</html>"),
        |asked| {
            let whole = acknowledged(asked);
            Canned::answer("200 OK\r\nContent-Type: application/json", &whole[..whole.len() / 2])
        },
        |_| Canned::answer("200 OK", r#"{"items":[{"index":{"_id":"4","status":201}}]}"#),
        |_| Canned::answer("200 OK\r\nContent-Length: 500", "{"),
    ];
    for (n, broken) in broken.into_iter().enumerate() {
        // It stays so: the run stops.
        let mut stage = stage_of(4).await;
        let server = engine(broken);
        write_to(&mut stage, &server).await;
        nothing_marked(&stage.run().await, 4);

        // It passes: nothing is lost. An answer without a content type is one.
        let mut stage = stage_of(4).await;
        let bulks = AtomicU32::new(0);
        let server = engine(move |asked| match bulks.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => broken(asked),
            _ => Canned::answer("200 OK", &acknowledged(asked)),
        });
        write_to(&mut stage, &server).await;
        let played = stage.run().await;
        assert_eq!((played.report.indexed, played.report.exit_code()), (4, 0), "answer {n}: {:?}", played.report);
    }
}

#[tokio::test]
async fn an_index_that_takes_no_writes_stops_the_run_with_an_alert_that_says_what_to_do() {
    let block = "index [gazettes-000001] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, \
                 index has read-only-allow-delete block];";
    let item = json!({"type": "cluster_block_exception", "reason": block});
    let bodies = [
        (429, json!({"error": item, "status": 429}).to_string()),
        (200, json!({"items": [{"index": {"_id": "1", "status": 429, "error": item}}]}).to_string()),
    ];
    for (status, body) in bodies {
        let mut stage = stage_of(1).await;
        stage.set(|config| config.dependency_patience_seconds = 60);
        let server = engine(move |_| Canned::answer(&format!("{status} As Told"), &body));
        write_to(&mut stage, &server).await;
        let played = stage.run().await;
        nothing_marked(&played, 1);
        let stopping = played.said("message", "stopping");
        assert_eq!(stopping[0]["level"], "ERROR");
        let detail = stopping[0]["detail"].as_str().unwrap();
        assert!(detail.contains("flood-stage") && detail.contains("free disk space"), "{detail}");
        let bulks = server.requests().iter().filter(|head| head.contains("/_bulk")).count();
        assert_eq!(bulks, 1, "waiting does not help against a full disk");
    }
}

// The spool

#[tokio::test]
async fn a_full_spool_pauses_the_intake_and_the_gazette_fits_later() {
    let stage = stage_of(30).await;
    // The first write meets a full disk; its file goes, and then there is room.
    let folder = stage.config.spool.join(stage.run.to_string());
    fs::create_dir_all(&folder).unwrap();
    symlink("/dev/full", folder.join("30")).unwrap();
    let played = stage.run().await;
    assert_eq!((played.report.indexed, played.report.exit_code()), (30, 0), "{:?}", played.report);
    assert_eq!(played.said("message", "the spool is full: the intake is paused").len(), 1);
}

#[tokio::test]
async fn a_gazette_that_finds_no_room_is_set_aside_for_later_and_ten_stop_the_run() {
    for (blocked, indexed, code) in [(1..=1, 19, 3), (1..=20, 0, 4)] {
        let stage = stage_of(20).await;
        let folder = stage.config.spool.join(stage.run.to_string());
        for id in blocked.clone() {
            // A folder where the file should be: it can never be written.
            fs::create_dir_all(folder.join(id.to_string())).unwrap();
        }
        let played = stage.run().await;
        assert_eq!((played.report.indexed, played.report.exit_code()), (indexed, code), "{:?}", played.report);
        if code == 3 {
            assert_eq!(played.failed(), BTreeMap::from([("SPOOL_FULL", 1)]));
        } else {
            assert_eq!(played.failed(), BTreeMap::from([("SPOOL_FULL", 9)]), "the tenth stops the run");
            let detail = played.said("message", "stopping")[0]["detail"].as_str().unwrap();
            assert!(detail.contains("no room in the spool"), "{detail}");
        }
    }
}

#[tokio::test]
async fn a_spool_folder_that_is_removed_is_made_again() {
    let mut stage = stage_of(40).await;
    stage.storage.delay = Duration::from_millis(5);
    let folder = stage.config.spool.join(stage.run.to_string());
    let removed = std::thread::spawn(move || {
        for _ in 0..2_000 {
            if folder.exists() && fs::remove_dir_all(&folder).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    });
    let played = stage.run().await;
    assert!(removed.join().unwrap(), "the folder was never there");
    // A file that lay there is lost with it, and comes again in a later run.
    let lost = played.failed().get("SPOOL_FULL").copied().unwrap_or(0);
    assert!(played.report.indexed >= 34 && played.report.indexed + lost == 40, "{:?}", played.report);
}

// Time

#[tokio::test]
async fn one_gazette_that_takes_for_ever_holds_up_nobody() {
    let mut stage = stage_of(30).await;
    stage.set(|config| config.gazette_timeout_seconds = 2);
    stage.script("30.txt", &[Get::Drip; 9]);
    stage.storage.silent_puts.insert("29.txt".into());
    let played = stage.run().await;
    assert_eq!(played.failed(), BTreeMap::from([("DOWNLOAD_TIMEOUT", 1), ("TEXT_STORE_FAILED", 1)]));
    assert_eq!((played.report.indexed, played.report.exit_code()), (28, 3));
    let failed: Vec<_> = played.said("message", "failed").iter().map(|line| line["detail"].to_string()).collect();
    assert!(failed.iter().all(|detail| detail.contains("gazette_timeout_seconds")), "{failed:?}");
    let position = |message: &str| played.lines.iter().rposition(|line| line["message"] == message).unwrap();
    let first_failure = played.lines.iter().position(|line| line["message"] == "failed").unwrap();
    assert!(position("indexed") < first_failure, "the others were done before its time was over");
    assert!(played.breaker("the storage").is_empty());
}

// The catalogue

/// The rows of a stage in a database of their own behind a proxy; `None`, said aloud, without a server.
async fn behind_a_proxy(stage: &mut Stage, count: usize) -> Option<(CuttingProxy, sqlx::PgPool)> {
    let Ok(admin) = std::env::var("PRELO_TEST_CATALOG") else {
        eprintln!("SKIPPED: no real servers, PRELO_TEST_CATALOG is not set (ops/test starts them)");
        return None;
    };
    let name = format!("prelo-test-proxy-{}", uuid::Uuid::new_v4().simple());
    let mut connection = sqlx::PgConnection::connect(&admin).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE \"{name}\""))).execute(&mut connection).await.unwrap();
    let mut url = url::Url::parse(&admin).unwrap();
    url.set_path(&name);
    let pool = sqlx::PgPool::connect(url.as_str()).await.unwrap();
    let proxy = CuttingProxy::to(format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432)));
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(proxy.address.port())).unwrap();
    stage.set(|config| config.catalog = Secret::new(url.as_str()));
    stage.catalog = Arc::from(prelo::catalog::open(&stage.config).await.unwrap());
    stage.catalog.migrate().await.unwrap();
    sqlx::query("INSERT INTO territories (id, name, state_code) VALUES ('2704302', 'Maceió', 'AL')")
        .execute(&pool)
        .await
        .unwrap();
    for name in names(count) {
        sqlx::query(
            "INSERT INTO gazettes (territory_id, date, file_path, file_checksum) VALUES ('2704302', $1, $2, $3)",
        )
        .bind(time::macros::date!(2024 - 05 - 06))
        .bind(&name)
        .bind(support::servers::md5_of(&stage.storage.objects[&name]))
        .execute(&pool)
        .await
        .unwrap();
    }
    Some((proxy, pool))
}

async fn once_each(played: &Played, pool: &sqlx::PgPool, count: u64) {
    assert_eq!((played.report.indexed, played.report.exit_code()), (count, 0), "{:?}", played.report);
    let processed: i64 =
        sqlx::query_scalar("SELECT count(*) FROM gazettes WHERE processed").fetch_one(pool).await.unwrap();
    assert_eq!(processed, i64::try_from(count).unwrap());
    assert_eq!(played.index.acknowledged.lock().unwrap().len() as u64, count);
}

#[tokio::test]
async fn a_database_that_restarts_mid_run_is_waited_for() {
    let mut stage = stage_of(80).await;
    let Some((proxy, pool)) = behind_a_proxy(&mut stage, 80).await else { return };
    stage.storage.delay = Duration::from_millis(20);
    stage.set(|config| config.dependency_patience_seconds = 60);
    let restarts = async {
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            proxy.restart(Duration::from_millis(800));
            tokio::time::sleep(Duration::from_millis(800)).await;
        }
        std::future::pending::<()>().await;
    };
    let played = stage.run_until(restarts).await;
    once_each(&played, &pool, 80).await;
    let breaker = played.breaker("the catalogue");
    assert_eq!((breaker.first(), breaker.last()), (Some(&"open"), Some(&"closed")), "{breaker:?}");
}

#[tokio::test]
async fn a_database_that_stays_away_stops_the_run_and_its_rows_are_pending() {
    let mut stage = stage_of(80).await;
    let Some((proxy, pool)) = behind_a_proxy(&mut stage, 80).await else { return };
    stage.storage.delay = Duration::from_millis(20);
    stage.set(|config| config.dependency_patience_seconds = 1);
    let strikes = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        proxy.restart(Duration::from_mins(10));
        std::future::pending::<()>().await;
    };
    let played = stage.run_unchecked(strikes).await;
    assert_eq!(played.report.exit_code(), 4, "{:?}", played.report);
    assert!(played.failed().is_empty() && played.report.remaining > 0, "{:?}", played.report);
    let detail = played.said("message", "stopping")[0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("the catalogue has not come back"), "{detail}");
    let number = async |query: &'static str| sqlx::query_scalar::<_, i64>(query).fetch_one(&pool).await.unwrap();
    assert_eq!(number("SELECT count(*) FROM prelo_gazettes WHERE state = 'failed'").await, 0);
    let marked = number("SELECT count(*) FROM gazettes WHERE processed").await;
    assert!(marked <= i64::try_from(played.index.acknowledged.lock().unwrap().len()).unwrap());
}

#[tokio::test]
async fn commits_whose_answer_is_lost_are_made_again_with_the_same_effect() {
    for lost in [1, 3, 5] {
        let mut stage = stage_of(120).await;
        let Some((proxy, pool)) = behind_a_proxy(&mut stage, 120).await else { return };
        stage.storage.delay = Duration::from_millis(5);
        stage.set(|config| config.dependency_patience_seconds = 60);
        let proxy = Arc::new(proxy);
        let cutting = proxy.clone();
        let loses = async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            cutting.lose_commits(lost);
            std::future::pending::<()>().await;
        };
        let played = stage.run_until(loses).await;
        assert_eq!(proxy.commits_to_lose(), 0, "none was lost");
        once_each(&played, &pool, 120).await;
    }
}
