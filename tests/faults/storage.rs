//! Rows 19, 23 to 30, 44 and 47: what the storage does, and what it is asked for.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::bucket::{error, refusal, whole};
use super::database::Database;
use super::service::{Service, until};
use super::support::canned_http::{Canned, Step};
use super::support::own_postgres::OwnPostgres;
use super::world::Fault;

const MIB: u64 = 1024 * 1024;

#[test]
fn fault_19_too_large_by_its_head_or_against_it() {
    let mut service = Service::new(19)
        .file("huge.txt", b"it is not asked for")
        .file("longer.txt", b"twenty bytes of text")
        .file("endless.txt", b"as many bytes again!");
    let sent = Arc::new(AtomicU64::new(0));
    let counted = sent.clone();
    service.bucket.rule(move |call| match (call.method, call.key) {
        ("HEAD", "huge.txt") => Some(Canned::answer(&format!("200 OK\r\nContent-Length: {}", 501 * MIB), "")),
        ("GET", "longer.txt") => Some(whole(&[b'a'; 5000])),
        ("GET", "endless.txt") => Some(Canned::Steps(vec![
            Step::Send(Canned::head("200 OK")),
            Step::Flood { most: 1024 * MIB, sent: counted.clone() },
        ])),
        _ => None,
    });
    let ran = service.run();
    ran.neighbours_are_well();
    for name in ["huge.txt", "longer.txt", "endless.txt"] {
        ran.failed(name, &["TOO_LARGE"]);
    }
    assert_eq!(service.bucket.calls("GET", "huge.txt"), 0, "judged before the download");
    for name in ["longer.txt", "endless.txt"] {
        assert_eq!(service.bucket.calls("GET", name), 1, "{name}: not fetched again");
    }
    let sent = sent.load(Ordering::SeqCst);
    assert!(sent < 64 * MIB, "the connection was kept for {sent} bytes");
    let story = ran.prelo.json(0, &["explain", &service.id("huge.txt").to_string()]);
    assert_eq!(story["state"]["next_attempt_at"], serde_json::Value::Null, "permanent: {story}");
}

#[test]
fn fault_23_not_there() {
    let mut service = Service::new(23).file("f.txt", b"never uploaded").with(&[
        "--failed-attempts",
        "2",
        "--retry-failed-after-seconds",
        "0",
    ]);
    service.bucket.rule(|call| call.is("HEAD", "f.txt").then(|| Canned::answer("404 Not Found", "")));
    service.run().neighbours_are_well().failed("f.txt", &["NOT_FOUND"]);
    // Looked for once more by a later run, and then no more.
    let again = service.run();
    again.failed("f.txt", &["NOT_FOUND"]);
    assert_eq!((again.answer.code, &again.report["selected"]), (3, &1.into()), "{}", again.report);
    let last = service.run();
    assert_eq!((last.answer.code, &last.report["selected"]), (0, &0.into()), "{}", last.report);
    assert_eq!(service.bucket.calls("HEAD", "f.txt"), 2);
    let story = last.prelo.json(0, &["explain", &service.id("f.txt").to_string()]);
    assert_eq!(story["state"]["next_attempt_at"], serde_json::Value::Null, "{story}");
}

#[test]
fn fault_24_refused_one_or_all() {
    let mut service = Service::new(24).file("f.txt", b"not for everybody");
    service.bucket.rule(|call| (call.key == "f.txt").then(|| refusal("AccessDenied")));
    service.run().neighbours_are_well().failed("f.txt", &["ACCESS_DENIED"]);

    let mut service = Service::new(24).file("f.txt", b"not for anybody");
    service.bucket.rule(|_| Some(refusal("AccessDenied")));
    service.run().stopped("let it read objects (s3:GetObject)");
    assert!(service.engine.bulks().is_empty());
}

#[test]
fn fault_25_slow_down() {
    let slow = || error("503 Slow Down", "SlowDown");
    let mut service = Service::new(25).file("twice.txt", b"pitangueira");
    service.bucket.rule(move |call| (call.is("GET", "twice.txt") && call.nth < 2).then(slow));
    let ran = service.run();
    ran.neighbours_are_well().indexed("twice.txt", "pitangueira");
    assert_eq!(service.bucket.calls("GET", "twice.txt"), 3);

    let mut service = Service::new(25).file("ever.txt", b"pitangueira");
    service.bucket.rule(move |call| (call.is("GET", "ever.txt") && call.nth < 1000).then(slow));
    let ran = service.run();
    ran.neighbours_are_well().failed("ever.txt", &["DOWNLOAD_FAILED"]);
    assert!(service.bucket.calls("GET", "ever.txt") < 10, "later, not now");
    let changed = ran.line("calls at once changed");
    assert!(changed["to"].as_u64() < changed["from"].as_u64(), "{changed}");
    let story = ran.prelo.json(0, &["explain", &service.id("ever.txt").to_string()]);
    assert!(story["state"]["next_attempt_at"].is_string(), "a later run tries again: {story}");
}

/// Half of the object, then this.
fn half_then(object: &[u8], step: Step) -> Canned {
    let head = Canned::head(&format!("200 OK\r\nContent-Length: {}", object.len()));
    Canned::Steps(vec![Step::Send(head), Step::Send(object[..object.len() / 2].to_vec()), step])
}

#[test]
fn fault_26_connection_reset_in_the_middle() {
    // Large enough for halves that cannot be mistaken for each other; the catalogue's md5 is compared as well.
    let text = (0..20_000).map(|n| format!("pitangueira {n}")).collect::<Vec<_>>().join("\n");
    let mut service = Service::new(26).file("f.txt", text.as_bytes());
    service.bucket.rule(|call| (call.is("GET", "f.txt") && call.nth < 2).then(|| half_then(call.object, Step::Reset)));
    service.run().neighbours_are_well().indexed("f.txt", "pitangueira");
    assert_eq!(service.bucket.calls("GET", "f.txt"), 3);
    let stored = service.bucket.object("f.txt.txt").unwrap();
    assert!(String::from_utf8(stored).unwrap() == text, "every byte once");
}

#[test]
fn fault_27_bodies_that_are_too_short() {
    let mut service = Service::new(27)
        .file("announced.txt", b"pitangueira pitangueira pitangueira")
        .file("unannounced.txt", b"guabirobeira guabirobeira guabirobeira")
        .file("chunked.txt", b"cambucizeiro cambucizeiro cambucizeiro");
    service.bucket.rule(|call| {
        let half = &call.object[..call.object.len() / 2];
        match (call.method, call.key) {
            ("GET", "announced.txt") => Some(half_then(call.object, Step::Send(Vec::new()))),
            ("GET", "unannounced.txt") => Some(Canned::with_bytes("200 OK", half)),
            ("GET", "chunked.txt") => {
                let chunk = [format!("{:x}\r\n", half.len()).as_bytes(), half, b"\r\n"].concat();
                Some(Canned::with_bytes("200 OK\r\nTransfer-Encoding: chunked", &chunk))
            }
            _ => None,
        }
    });
    let ran = service.run();
    ran.neighbours_are_well();
    for name in ["announced.txt", "unannounced.txt", "chunked.txt"] {
        ran.failed(name, &["SIZE_MISMATCH"]);
        assert_eq!(service.bucket.calls("GET", name), 4, "{name}: as often as download_attempts says");
        let story = ran.prelo.json(0, &["explain", &service.id(name).to_string()]);
        assert!(story["state"]["next_attempt_at"].is_string(), "a later run tries again: {story}");
    }
}

#[test]
fn fault_28_checksum_mismatch() {
    let mut service = Service::new(28).file("once.txt", b"pitangueira").file("ever.txt", b"guabirobeira");
    service.bucket.rule(|call| {
        let wrong = call.is("GET", "ever.txt") || (call.is("GET", "once.txt") && call.nth == 0);
        wrong.then(|| whole(&call.object.to_ascii_uppercase()))
    });
    let ran = service.run();
    ran.neighbours_are_well().indexed("once.txt", "pitangueira").failed("ever.txt", &["CHECKSUM"]);
    assert_eq!(service.bucket.calls("GET", "ever.txt"), 2, "the same wrong bytes twice are what the storage has");
    assert!(ran.found("GUABIROBEIRA").is_empty());
}

#[test]
fn fault_29_stall_and_drip() {
    let mut service = Service::new(29).file("stall.txt", &[b'a'; 200]).file("drip.txt", &[b'b'; 200]).with(&[
        "--download-attempts",
        "2",
        "--download-timeout-seconds",
        "3",
    ]);
    service.bucket.rule(|call| match (call.method, call.key) {
        ("GET", "stall.txt") => Some(half_then(call.object, Step::Wait(Duration::from_mins(1)))),
        ("GET", "drip.txt") => {
            let mut steps = vec![Step::Send(Canned::head("200 OK\r\nContent-Length: 200"))];
            for byte in call.object {
                steps.extend([Step::Send(vec![*byte]), Step::Wait(Duration::from_millis(500))]);
            }
            Some(Canned::Steps(steps))
        }
        _ => None,
    });
    let ran = service.run();
    ran.neighbours_are_well().failed("stall.txt", &["DOWNLOAD_TIMEOUT"]).failed("drip.txt", &["DOWNLOAD_TIMEOUT"]);
    let detail = |key: &str| {
        let line = ran.said("failed").into_iter().find(|line| line["key"] == key).unwrap();
        line["detail"].as_str().unwrap().to_owned()
    };
    assert!(detail("stall.txt").contains("download_stall_timeout_seconds"), "{}", detail("stall.txt"));
    assert!(detail("drip.txt").contains("download_timeout_seconds"), "{}", detail("drip.txt"));
}

#[test]
fn fault_30_object_replaced_between_attempts() {
    let mut service = Service::new(30).file("once.txt", b"pitangueira, nova").file("ever.txt", b"guabirobeira");
    service.bucket.rule(|call| match (call.method, call.key) {
        // An older object at first: its GET is refused, for it asks for the one whose HEAD was seen.
        ("HEAD", "once.txt") if call.nth == 0 => {
            Some(Canned::answer("200 OK\r\nContent-Length: 11\r\nETag: \"older\"", ""))
        }
        ("HEAD", "ever.txt") => {
            Some(Canned::answer(&format!("200 OK\r\nContent-Length: 12\r\nETag: \"{}\"", call.nth), ""))
        }
        _ => None,
    });
    let ran = service.run();
    ran.neighbours_are_well().indexed("once.txt", "pitangueira, nova").failed("ever.txt", &["DOWNLOAD_FAILED"]);
    assert_eq!((service.bucket.calls("HEAD", "once.txt"), service.bucket.calls("GET", "once.txt")), (2, 2));
    assert!(service.bucket.calls("GET", "ever.txt") <= 4, "not for ever");
}

#[test]
fn fault_30_file_of_a_folder_changed_while_it_is_read() {
    // Read where it lies, by a reader that hangs over it until it is changed.
    let fault = Fault::new(30).file("f.txt", b"%PRELO-POISON hang \n").with(&["--reader-silence-seconds", "5"]);
    fault.prelo.expect(0, &["migrate"]);
    let (file, catalog) = (fault.path("f.txt"), fault.prelo.path().join("prelo-data/catalog.db"));
    let changed = std::thread::spawn(move || {
        let started = "SELECT count(*) FROM prelo_gazettes p JOIN gazettes g ON g.id = p.gazette_id \
                       WHERE g.file_path = 'f.txt' AND p.starts > 0";
        let database = Database::Sqlite(catalog);
        until("its reading", || database.number(started) == 1);
        std::thread::sleep(Duration::from_millis(300));
        fs::write(file, "Diário Oficial, pitangueira").unwrap();
    });
    let ran = fault.run();
    changed.join().unwrap();
    ran.neighbours_are_well().failed("f.txt", &["CHECKSUM"]);
    let detail = ran.line("failed")["detail"].as_str().unwrap();
    assert!(detail.contains("changed while it was read"), "{detail}");
    // It is another file now, and the next run knows.
    let report = ran.prelo.json(0, &["run", "--folder", "gazettes"]);
    assert_eq!((&report["indexed"], ran.found("pitangueira").len()), (&1.into(), 1), "{report}");
}

#[test]
fn fault_44_clock_off_by_an_hour() {
    // The storage's clock: S3 says so only in the body of an answer, which a HEAD has not.
    let mut service = Service::new(44).file("f.txt", b"pitangueira");
    let skewed = || refusal("RequestTimeTooSkewed");
    service
        .bucket
        .rule(move |call| Some(if call.method == "HEAD" { Canned::answer("403 Forbidden", "") } else { skewed() }));
    let checks = AtomicU64::new(0);
    service.bucket.check_rule(move |method| {
        // The clock is put wrong once the run has begun.
        let first = checks.fetch_add(1, Ordering::SeqCst) == 0;
        (!first).then(|| if method == "HEAD" { Canned::answer("403 Forbidden", "") } else { skewed() })
    });
    service.run().stopped("the clocks of this machine and of the storage differ");

    // The database's clock, an hour behind this machine's or before it: leases are by it alone.
    let Some(postgres) = OwnPostgres::start() else { return };
    let url = OwnPostgres::url_at(&postgres.address());
    for hours in [-1, 1] {
        let mut service = Service::on_postgres(44, &url, &url).file("f.txt", b"pitangueira");
        service.database.execute(&format!(
            "CREATE OR REPLACE FUNCTION public.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS \
             'SELECT pg_catalog.statement_timestamp() + interval ''{hours} hours'''"
        ));
        service.database.execute("ALTER DATABASE prelo SET search_path = public, pg_catalog");
        let seconds_left = Arc::new(Mutex::new(Vec::new()));
        let (seen, database, prelo) = (seconds_left.clone(), service.database.clone(), service.prelo.clone());
        service.bucket.rule(move |call| {
            if call.is("GET", "f.txt") {
                let left = database.number(
                    "SELECT CAST(extract(epoch FROM lease_until - timezone('utc', pg_catalog.now())) AS bigint) \
                     FROM prelo_runs WHERE finished_at IS NULL",
                );
                seen.lock().unwrap().push(left);
                // By this machine's clock, the lease may be long over.
                let other = prelo.json(0, &["run"]);
                assert!(other["already_running"].is_object(), "{other}");
            }
            None
        });
        service.run().neighbours_are_well().indexed("f.txt", "pitangueira");
        let left = seconds_left.lock().unwrap()[0] - hours * 3600;
        assert!((1..=60).contains(&left), "{left} s of the lease were left by the database's clock");
        service.database.execute("ALTER DATABASE prelo RESET search_path");
        service.database.execute("TRUNCATE gazettes, territories, prelo_gazettes, prelo_runs");
    }
}

#[test]
fn fault_47_hostile_keys() {
    let refused = ["../../../../tmp/prelo-escaped.txt", "a/../b.txt", "nul\0.txt", &format!("{}.txt", "ç".repeat(511))];
    let longest = format!("{}.txt", "ç".repeat(508));
    assert_eq!((refused[3].len(), longest.len()), (1026, 1020));
    // The second is one that a shell, a URL or a log would take for something else.
    let taken =
        [longest.as_str(), "-rf *;$(touch x) `y` %2e%2e%2f?x=1&b#f \"c\".txt", "/etc//passwd", "a\nb\t\u{202e}.txt"];
    let mut service = Service::new(47);
    for key in refused.iter().chain(&taken) {
        let id = service.insert(key, format!("Portaria sobre {key}").as_bytes());
        assert!(id > 0);
    }
    let spool = service.prelo.path().join("prelo-data/spool");
    let names = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = names.clone();
    service.bucket.rule(move |call| {
        if call.method == "GET" {
            for run in fs::read_dir(&spool).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
                let files = fs::read_dir(run.path()).unwrap().flatten();
                seen.lock().unwrap().extend(files.map(|file| file.file_name().into_string().unwrap()));
            }
        }
        None
    });
    let ran = service.run();
    ran.neighbours_are_well();
    for key in refused {
        ran.failed(key, &["INVALID_FILE_PATH"]);
        for method in ["HEAD", "GET", "PUT"] {
            assert_eq!(service.bucket.calls(method, key), 0, "{method} {key}");
        }
    }
    for key in taken {
        assert!(service.engine.documents().values().any(|document| document.source["file_path"] == key), "{key:?}");
        assert!(service.bucket.object(&format!("{key}.txt")).is_some(), "the text of {key:?}");
    }
    // A file of the spool and a document are named after the row.
    let ids: BTreeSet<String> =
        service.database.numbers("SELECT id FROM gazettes").iter().map(i64::to_string).collect();
    let names = names.lock().unwrap();
    assert!(names.len() >= taken.len() && names.is_subset(&ids), "{names:?}");
    assert!(service.engine.ids().iter().all(|id| ids.contains(&id.to_string())));
    let inside: Vec<_> = fs::read_dir(service.prelo.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(inside, ["prelo-data"], "nothing was written elsewhere");
}
