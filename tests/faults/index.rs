//! Rows 31 to 37 and 49: what the search engine answers, and what becomes of the embedded index.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::database::Database;
use super::engine::{Bulk, refused};
use super::service::{Service, until};
use super::support::Prelo;
use super::support::canned_http::{Canned, Step};
use super::world::Fault;

/// Gazettes that come together in one bulk.
fn many(row: u32, count: usize) -> Service {
    let together = ["--bulk-delay-ms", "3000", "--bulk-documents", "100", "--store-text=false"];
    (0..count).fold(Service::new(row), |service, n| service.file(&format!("{n}.txt"), b"Portaria.")).with(&together)
}

#[test]
fn fault_31_some_items_are_refused_for_now() {
    let mut service = many(31, 8);
    let busy = [service.id("2.txt"), service.id("5.txt")];
    service.engine.rule(move |sent| {
        let refusal = (429, "rejected_execution_exception", "rejected execution of coordinating operation");
        if sent.nth < 2 { Bulk::Refuse(busy.into_iter().map(|id| (id, refusal)).collect()) } else { Bulk::Well }
    });
    let ran = service.run();
    ran.neighbours_are_well();
    let bulks = service.engine.bulks();
    assert_eq!(bulks.len(), 3, "{bulks:?}");
    assert_eq!(bulks[0].len(), 10, "{bulks:?}");
    assert!(bulks[1..].iter().all(|bulk| *bulk == busy.into()), "only those are sent again: {bulks:?}");
    assert!(service.engine.documents().values().all(|document| document.times == 1));
}

#[test]
fn fault_32_busy_or_away_for_longer_than_the_patience() {
    for (status, kind) in [("429 Too Many Requests", "circuit_breaking_exception"), ("503 Service Unavailable", "x")] {
        // The patience of ten minutes, made shorter.
        let mut service = many(32, 4).with(&["--dependency-patience-seconds", "2", "--bulk-delay-ms", "50"]);
        service.engine.rule(move |_| Bulk::Instead(refused(status, kind, "as told")));
        let ran = service.run();
        ran.stopped("the index has not come back for 2 s (dependency_patience_seconds)");
        let paused = ran.said("a service is down: the intake is paused");
        assert_eq!(paused.len(), 1, "said once: {paused:?}");
        let waits: Vec<f64> =
            ran.said("will try again").iter().filter_map(|line| line["wait_seconds"].as_f64()).collect();
        assert!(waits.len() >= 2 && waits.iter().all(|wait| *wait <= 0.05), "with back-off: {waits:?}");
        // When it is back, the same run takes everything up.
        service.engine.rule(|_| Bulk::Well);
        service.run().neighbours_are_well();
    }
}

#[test]
fn fault_33_larger_than_one_request_may_be() {
    let mut service = many(33, 8).file("f.txt", "Portaria. ".repeat(20_000).as_bytes());
    service.engine.rule(|sent| {
        // Four of the small ones fit, and never the large one.
        if sent.bytes > 4_000 { Bulk::Instead(Canned::answer("413 Request Entity Too Large", "")) } else { Bulk::Well }
    });
    let ran = service.run();
    ran.neighbours_are_well().failed("f.txt", &["DOC_TOO_LARGE"]);
    let sizes: Vec<usize> = service.engine.bulks().iter().map(BTreeSet::len).collect();
    assert_eq!(sizes.iter().max(), Some(&11), "{sizes:?}");
    assert!(sizes.len() <= 15, "in halves: {sizes:?}");
    let story = ran.prelo.json(0, &["explain", &service.id("f.txt").to_string()]);
    assert_eq!(story["state"]["next_attempt_at"], serde_json::Value::Null, "permanent: {story}");
}

#[test]
fn fault_34_mapping_error_on_one_of_a_hundred() {
    let mut service = many(34, 98);
    let id = service.id("50.txt");
    let refusal = (400, "mapper_parsing_exception", "failed to parse field [date] of type [date]");
    service.engine.rule(move |_| Bulk::Refuse(BTreeMap::from([(id, refusal)])));
    let ran = service.run();
    ran.neighbours_are_well().failed("50.txt", &["MAPPING_REJECTED"]);
    assert_eq!(ran.report["indexed"], 99, "{}", ran.report);
    let processed = service.database.processed();
    assert_eq!((processed.len(), processed.contains(&id)), (99, false));
    assert_eq!(processed, service.engine.ids());
}

#[test]
fn fault_35_response_lost_and_node_restarted() {
    // All is taken, and the answer is lost.
    let mut service = many(35, 8);
    service.engine.rule(|sent| match sent.nth {
        0 => Bulk::TakeThen(100, Canned::Steps(vec![Step::Reset])),
        _ => Bulk::Well,
    });
    service.run().neighbours_are_well();
    assert!(service.engine.documents().values().all(|document| document.times == 2), "sent again");
    assert_eq!(service.database.processed(), service.engine.ids(), "one document for each");

    // The node goes in the middle of a bulk and is away for a while: connections end without a word.
    let mut service = many(35, 8).with(&["--dependency-patience-seconds", "60"]);
    service.engine.rule(|sent| match sent.nth {
        0 => Bulk::TakeThen(4, Canned::Steps(vec![Step::Reset])),
        1..=15 => Bulk::Instead(Canned::Steps(Vec::new())),
        _ => Bulk::Well,
    });
    let ran = service.run();
    ran.neighbours_are_well();
    assert_eq!(service.database.processed(), service.engine.ids());
    assert!(ran.log.iter().any(|line| line["breaker"] == "closed"), "{}", ran.answer.stderr);
}

#[test]
fn fault_36_answers_that_are_none() {
    let html = || Canned::answer("502 Bad Gateway\r\nContent-Type: text/html", "<html><h1>502 Bad Gateway</h1></html>");
    let broken: [fn(String) -> Canned; 4] = [
        |whole| Canned::answer("200 OK\r\nContent-Type: application/json", &whole[..whole.len() / 2]),
        |whole| Canned::answer(&format!("200 OK\r\nContent-Length: {}", whole.len()), &whole[..whole.len() / 2]),
        |_| Canned::answer("200 OK", r#"{"items":[{"index":{"_id":"1","status":201}}]}"#),
        |_| Canned::answer("200 OK\r\nContent-Type: text/html", "<html>login</html>"),
    ];
    for spoil in broken {
        // It stays so: nothing is marked, although all of it is taken. When it passes, all of it is marked.
        let mut service = many(36, 2).with(&["--bulk-delay-ms", "50"]);
        service.engine.rule(move |_| Bulk::Spoilt(spoil));
        service.run().stopped("");
        assert!(service.database.processed().is_empty());
        service.engine.rule(|_| Bulk::Well);
        service.run().neighbours_are_well();
    }
    let mut service = many(36, 2);
    service.engine.rule(move |_| Bulk::Instead(html()));
    service.run().stopped("502");
    // It passes within the run; what is an answer without a content type is one.
    let calls = AtomicU32::new(0);
    service.engine.rule(move |_| match calls.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => Bulk::Instead(html()),
        _ => Bulk::Spoilt(|whole| Canned::answer("200 OK", &whole)),
    });
    service.run().neighbours_are_well();
}

#[test]
fn fault_37_index_takes_no_writes() {
    let mut service = many(37, 4).with(&["--dependency-patience-seconds", "60"]);
    let reason = "index [gazettes-000001] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, \
                  index has read-only-allow-delete block];";
    service.engine.rule(move |_| Bulk::Instead(refused("429 Too Many Requests", "cluster_block_exception", reason)));
    let ran = service.run();
    ran.stopped("flood-stage");
    assert!(ran.line("stopping")["detail"].as_str().unwrap().contains("free disk space"), "{}", ran.line("stopping"));
    assert_eq!(service.engine.bulks().len(), 1, "waiting does not help against a full disk");
}

/// How many gazettes are found, as somebody who searches sees it.
fn searchable(prelo: &Prelo) -> u64 {
    prelo.json(0, &["search", "diário"])["total"].as_u64().unwrap()
}

#[test]
fn fault_49_embedded_index_killed_mid_commit_or_locked() {
    // Its lock is held by another process, as far as file locks tell.
    let prelo = Prelo::new();
    let folder = prelo.path().join("gazettes");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("um.txt"), "Diário Oficial, pitangueira").unwrap();
    prelo.expect(0, &["run", "--folder", "gazettes"]);
    fs::write(folder.join("dois.txt"), "Diário Oficial, guabirobeira").unwrap();
    let lock = File::create(prelo.path().join("prelo-data/index/.tantivy-writer.lock")).unwrap();
    lock.lock().unwrap();
    let answer = prelo.expect(4, &["run", "--folder", "gazettes"]);
    assert!(answer.stderr.contains("another process is writing to it"), "{}", answer.stderr);
    assert_eq!(searchable(&prelo), 1, "who searches needs no lock");
    let status = prelo.json(0, &["status"]);
    assert_eq!(status["gazettes"]["pending"], 1);
    let run = &status["runs"][0];
    assert!(run["counts"]["stopped_detail"].as_str().unwrap().contains("another process is writing to it"), "{run}");
    for verb in [&["status"][..], &["runs", run["id"].as_str().unwrap()]] {
        let told = prelo.call(verb).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains("another process is writing to it"), "{told}");
    }
    drop(lock);
    assert_eq!(prelo.json(0, &["run", "--folder", "gazettes"])["indexed"], 1);

    // Killed in the middle of a commit: segments of the next are there, and its list of them is not. The kill at each
    // single step is in tests/kill; here, wherever the moment falls.
    let count = 400;
    for n in 0..count {
        fs::write(folder.join(format!("{n}.txt")), format!("Diário Oficial {}", "umbuzeiro ".repeat(n))).unwrap();
    }
    let database = Database::Sqlite(prelo.path().join("prelo-data/catalog.db"));
    let index = prelo.path().join("prelo-data/index");
    let arguments = ["run", "--folder", "gazettes", "--bulk-documents", "50", "--bulk-delay-ms", "60000"];
    let mut before = searchable(&prelo);
    for _ in 0..3 {
        let files = || fs::read_dir(&index).map_or(0, Iterator::count);
        let meta = || fs::metadata(index.join("meta.json")).and_then(|meta| meta.modified()).unwrap();
        let last = meta();
        let mut run = prelo.spawn(&arguments);
        until("a commit", || meta() != last || run.try_wait().unwrap().is_some());
        let (committed, there) = (meta(), files());
        until("the next commit begins", || files() != there || meta() != committed);
        run.kill().unwrap();
        let ended = run.wait().unwrap();
        assert!(ended.code().is_none(), "it was done before it could be killed");
        database.expire_leases();
        let found = searchable(&prelo);
        assert!(found >= before, "the commit before it is there: {found} after {before}");
        let marked = database.processed().len() as u64;
        assert!(marked <= found, "{marked} are marked and {found} are found");
        before = found;
    }
    let began = Instant::now();
    let report = prelo.json(0, &["run", "--folder", "gazettes"]);
    assert!(began.elapsed() < Duration::from_mins(1));
    assert_eq!(report["remaining"], 0, "{report}");
    assert_eq!(database.processed().len(), count + 2);
    assert_eq!(searchable(&prelo), count as u64 + 2, "each once");
    Fault::new(49).run().neighbours_are_well();
}
