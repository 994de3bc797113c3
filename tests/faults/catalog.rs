//! Rows 38 to 40, 46 and 48: the catalogue, its leases, and who else writes to it.
//!
//! prelo's queue is the catalogue: a claim is a delivery, a mark is an acknowledgement, a lease that runs out is a
//! redelivery, and a row that is `QUARANTINED` is a dead letter.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use super::database::Database;
use super::engine::Bulk;
use super::process::killed_while_reading;
use super::service::{Service, until};
use super::support::canned_http::Canned;
use super::support::cutting_proxy::CuttingProxy;
use super::support::own_postgres::OwnPostgres;

/// Over a PostgreSQL that the test may stop; prelo reaches it at one address, wherever it listens.
fn restartable(row: u32) -> Option<(Service, Arc<Restartable>)> {
    let postgres = OwnPostgres::start()?;
    let proxy = CuttingProxy::to(postgres.address());
    let own = OwnPostgres::url_at(&postgres.address());
    let service = Service::on_postgres(row, &own, &OwnPostgres::url_at(&proxy.address.to_string()));
    // A second is about what a restart takes; the patience is longer.
    let service = service.with(&["--dependency-patience-seconds", "60", "--retry-max-delay-ms", "200"]);
    let server = Restartable { postgres, proxy, up: AtomicBool::new(true), restarts: AtomicU32::new(0) };
    Some((service, Arc::new(server)))
}

struct Restartable {
    postgres: OwnPostgres,
    proxy: CuttingProxy,
    up: AtomicBool,
    restarts: AtomicU32,
}

impl Restartable {
    /// It is down when this returns, and back soon afterwards.
    fn restart(self: &Arc<Self>) {
        self.up.store(false, Ordering::SeqCst);
        self.restarts.fetch_add(1, Ordering::SeqCst);
        self.postgres.stop();
        let server = self.clone();
        std::thread::spawn(move || {
            // Long enough to be noticed by whoever wants it meanwhile.
            std::thread::sleep(Duration::from_millis(500));
            server.postgres.start_again();
            server.proxy.redirect(server.postgres.address());
            server.up.store(true, Ordering::SeqCst);
        });
    }

    /// Where it is now, once it is back.
    fn moved(&self, service: &mut Service) {
        until("the database is back", || self.up.load(Ordering::SeqCst));
        service.database = Database::Postgres(OwnPostgres::url_at(&self.postgres.address()));
    }
}

#[test]
fn fault_38_database_restarts_mid_run_and_at_mark_time() {
    let Some((service, server)) = restartable(38) else { return };
    for n in 0..30 {
        service.insert(&format!("{n}.txt"), format!("Portaria {n}.").as_bytes());
    }
    // In the middle: while a file comes. At mark time: when a bulk has been taken, and before prelo hears of it.
    let (mid_run, at_mark) = (AtomicBool::new(false), AtomicBool::new(false));
    let restarted = server.clone();
    service.bucket.rule(move |call| {
        if call.is("GET", "20.txt") && !mid_run.swap(true, Ordering::SeqCst) {
            restarted.restart();
        }
        None
    });
    let restarted = server.clone();
    service.engine.rule(move |_| {
        let once_before = restarted.restarts.load(Ordering::SeqCst) == 1 && restarted.up.load(Ordering::SeqCst);
        if once_before && !at_mark.swap(true, Ordering::SeqCst) {
            restarted.restart();
        }
        Bulk::Well
    });
    let mut service = service.with(&["--download-concurrency", "1", "--bulk-delay-ms", "20"]);
    let ran = service.run();
    server.moved(&mut service);
    ran.neighbours_are_well();
    assert_eq!(server.restarts.load(Ordering::SeqCst), 2, "both came about");
    assert!(!ran.said("will try again").is_empty(), "it was noticed: {}", ran.answer.stderr);
    assert_eq!(service.database.processed(), service.engine.ids());
    assert_eq!(service.database.processed().len(), 32);
    let again = service.run();
    assert_eq!((again.answer.code, &again.report["selected"]), (0, &0.into()), "{}", again.report);
}

#[test]
fn fault_39_lease_runs_out_and_the_slow_run_finishes_late() {
    let mut service = Service::new(39).file("f.txt", b"pitangueira").with(&["--bulk-delay-ms", "1000"]);
    let (database, prelo) = (service.database.clone(), service.prelo.clone());
    let other = Arc::new(Mutex::new(None));
    let report = other.clone();
    service.engine.rule(move |sent| {
        if sent.nth == 0 {
            // This run's documents are on their way; meanwhile its lease is over, and another run does it all.
            database.expire_leases();
            *report.lock().unwrap() = Some(prelo.json(0, &["run"]));
        }
        Bulk::Well
    });
    let ran = service.run();
    let other = other.lock().unwrap().take().unwrap();
    assert_eq!(other["indexed"], 3, "{other}");
    assert_eq!(ran.report["indexed"], 0, "acknowledged, and not this run's to mark: {}", ran.report);
    let lost = ran.said("not marked: the claim was lost to another run");
    let ids: BTreeSet<i64> = lost.iter().filter_map(|line| line["gazette_id"].as_i64()).collect();
    assert_eq!(ids, service.engine.ids().into_iter().collect(), "{}", ran.answer.stderr);
    // It ends as one that has lost its lease, or as one that found nothing left to do.
    assert!([0, 4].contains(&ran.answer.code), "{}", ran.report);
    let run = other["run_id"].as_str().unwrap();
    let theirs = service.database.number(&format!("SELECT count(*) FROM prelo_gazettes WHERE run_id = '{run}'"));
    assert_eq!(theirs, 3);
    assert_eq!(service.database.processed(), service.engine.ids(), "one document for each");
    eprintln!("FAULT 39: survived");
}

#[test]
fn fault_40_two_runs_start_together() {
    let mut service = Service::new(40);
    for n in 0..6 {
        service.insert(&format!("{n}.txt"), b"Portaria.");
    }
    service.bucket.rule(|call| {
        if call.method == "GET" {
            std::thread::sleep(Duration::from_millis(200));
        }
        None
    });
    let (one, other) = (service.start(), service.start());
    let answers = [one.answer(), other.answer()];
    let said: Vec<serde_json::Value> =
        answers.iter().map(|answer| serde_json::from_str(&answer.stdout).unwrap()).collect();
    assert!(answers.iter().all(|answer| answer.code == 0), "{answers:?}");
    assert_eq!(said.iter().filter(|said| said["already_running"].is_object()).count(), 1, "{said:?}");
    let worked = usize::from(said[0]["already_running"].is_object());
    let [first, second] = answers;
    service.ran(if worked == 0 { first } else { second }).neighbours_are_well();
    assert!(service.engine.documents().values().all(|document| document.times == 1));
}

#[test]
fn fault_46_rows_inserted_deleted_and_flipped_during_paging() {
    for paging in ["offset", "keyset"] {
        let mut service = Service::new(46).with(&[
            "--paging",
            paging,
            "--page-size",
            "4",
            "--download-concurrency",
            "3",
            "--bulk-delay-ms",
            "10",
        ]);
        for n in 0..60 {
            service.insert(&format!("{n}.txt"), b"Portaria.");
        }
        service.database.execute("DELETE FROM gazettes WHERE id BETWEEN 11 AND 15");
        service.bucket.put("late.txt", b"Portaria.");
        let database = service.database.clone();
        let heads = Mutex::new(0);
        let flipped_back = Arc::new(Mutex::new(Vec::new()));
        let flipped = flipped_back.clone();
        service.bucket.rule(move |call| {
            if call.method != "HEAD" {
                return None;
            }
            let nth = {
                let mut heads = heads.lock().unwrap();
                *heads += 1;
                *heads
            };
            let row = |id: i64| {
                format!(
                    "INSERT INTO gazettes (id, territory_id, date, file_path, processed) \
                     VALUES ({id}, '2704302', '2024-05-06', 'late.txt{}', false)",
                    if id > 100 { "?" } else { "" }
                )
            };
            match nth {
                // Between those that wait, and above all that were there at the start.
                8 => drop((database.execute(&row(12)), database.execute(&row(1000)))),
                12 => drop(database.execute("DELETE FROM gazettes WHERE id IN (3, 4, 5)")),
                16 => drop(database.execute("UPDATE gazettes SET processed = true WHERE id IN (7, 8)")),
                20 => {
                    // Somebody wants again what this run has marked.
                    until("a mark", || database.processed().iter().any(|id| *id > 30));
                    let marked = database.processed().into_iter().filter(|id| *id > 30).collect::<Vec<_>>();
                    for id in &marked {
                        database.execute(&format!("UPDATE gazettes SET processed = false WHERE id = {id}"));
                    }
                    flipped.lock().unwrap().extend(marked);
                }
                _ => {}
            }
            None
        });
        let ran = service.run();
        assert_eq!(ran.answer.code, 0, "{paging}: {}\n{}", ran.report, ran.answer.stderr);
        let flipped_back = flipped_back.lock().unwrap().clone();
        assert!(!flipped_back.is_empty(), "{paging}: nothing was marked when it was to be flipped");
        let documents = service.engine.ids();
        let pending = service.database.numbers("SELECT id FROM gazettes WHERE NOT processed AND id <> 1000");
        let passed_over: Vec<_> = pending.iter().filter(|id| !flipped_back.contains(id)).collect();
        assert!(passed_over.is_empty(), "{paging}: {passed_over:?}");
        let missing: Vec<i64> = service.database.numbers("SELECT id FROM gazettes WHERE id NOT IN (7, 8, 1000)");
        let missing: Vec<_> = missing.into_iter().filter(|id| !documents.contains(id)).collect();
        assert!(missing.is_empty(), "{paging}: not in the index: {missing:?}");
        // The next run takes up what came too late for this one.
        service.bucket.put("late.txt?", b"Portaria.");
        let next = service.run();
        assert_eq!((next.answer.code, &next.report["remaining"]), (0, &0.into()), "{paging}: {}", next.report);
        assert_eq!(service.database.number("SELECT count(*) FROM gazettes WHERE NOT processed"), 0, "{paging}");
        assert!(service.engine.ids().contains(&1000), "{paging}");
        eprintln!("FAULT 46: survived ({paging})");
    }
}

#[test]
fn fault_48_queue_redelivery_and_dead_letters() {
    // Redelivery: the worker dies when its documents are taken and before it says so; its lease runs out.
    let mut service = Service::new(48).file("f.txt", b"pitangueira");
    let (taken, is_taken) = mpsc::channel();
    let taken = Mutex::new(taken);
    service.engine.rule(move |sent| {
        let _ = taken.lock().unwrap().send(());
        if sent.nth == 0 { Bulk::TakeThen(100, Canned::Silence(Duration::from_mins(1))) } else { Bulk::Well }
    });
    let run = service.start();
    is_taken.recv_timeout(Duration::from_mins(1)).unwrap();
    run.kill();
    assert!(service.database.processed().is_empty());
    service.database.expire_leases();
    service.run().neighbours_are_well().indexed("f.txt", "pitangueira");
    assert!(service.engine.documents().values().any(|document| document.times == 2), "delivered twice");
    assert_eq!(service.database.processed(), service.engine.ids(), "one document for each");

    // Deliveries without an end: the dead letter has a name, is not delivered again, and can be asked for.
    let mut service =
        Service::new(48).file("f.txt", b"%PRELO-POISON hang \n").with(&["--quarantine-after-starts", "2"]);
    for _ in 0..2 {
        killed_while_reading(&mut service, "f.txt");
    }
    service.run().neighbours_are_well().failed("f.txt", &["QUARANTINED"]);
    let last = service.run();
    assert_eq!((last.answer.code, &last.report["selected"]), (0, &0.into()), "{}", last.report);
    assert_eq!(last.prelo.json(0, &["status"])["gazettes"]["quarantined"], 1);
    service.bucket.put("f.txt", b"cambucizeiro, novo");
    service.database.execute("UPDATE gazettes SET file_checksum = NULL WHERE file_path = 'f.txt'");
    let report = service.prelo.json(0, &["reprocess", "--failed", "QUARANTINED"]);
    assert_eq!(report["indexed"], 1, "{report}");
    assert_eq!(service.engine.found("cambucizeiro"), ["f.txt"]);
}

#[test]
fn fault_48_queue_acknowledgement_lost_and_broker_restarted() {
    let Some((mut service, server)) = restartable(48) else { return };
    service.insert("f.txt", b"pitangueira");
    let (proxy, lost) = (server.clone(), AtomicBool::new(false));
    service.engine.rule(move |_| {
        if !lost.swap(true, Ordering::SeqCst) {
            // The next commit is the mark's, or a heartbeat's beside it.
            proxy.proxy.lose_commits(2);
        }
        Bulk::Well
    });
    let ran = service.run();
    ran.neighbours_are_well().indexed("f.txt", "pitangueira");
    until("a lost answer", || server.proxy.commits_to_lose() < 2);
    assert_eq!(service.database.processed(), service.engine.ids(), "marked, and once");
    server.proxy.lose_commits(0);

    // Restarted between a delivery and its acknowledgement.
    let id = service.insert("g.txt", b"guabirobeira");
    let (restarts, restarted) = (server.clone(), AtomicBool::new(false));
    service.bucket.rule(move |call| {
        if call.is("PUT", "g.txt.txt") && !restarted.swap(true, Ordering::SeqCst) {
            restarts.restart();
        }
        None
    });
    let ran = service.run();
    server.moved(&mut service);
    assert_eq!(server.restarts.load(Ordering::SeqCst), 1);
    assert_eq!((ran.answer.code, &ran.report["indexed"]), (0, &1.into()), "{}\n{}", ran.report, ran.answer.stderr);
    assert!(service.database.processed().contains(&id));
    assert_eq!(service.engine.documents()[&id].times, 1);
}
