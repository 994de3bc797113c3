//! Rows 20 to 22, 41, 42 and 45: memory, the spool, signals, and the processes that read.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use lopdf::{Stream, dictionary};
use rustix::process::Signal;

use super::engine::Bulk;
use super::pdfs::{bytes, document, one_page, page, plain, raw, raw_stream, zlib_of};
use super::service::{Service, until};
use super::support::canned_http::Canned;
use super::world::{Fault, NEIGHBOURS};

const MIB: usize = 1024 * 1024;

/// A PDF of exactly so many bytes, most of them in a stream that no page uses.
fn padded_pdf(words: &str, size: usize) -> Vec<u8> {
    let of = |padding: usize| {
        let mut objects = one_page(&page(words));
        objects.push(raw_stream("", &vec![b'x'; padding]));
        raw(&objects)
    };
    let first = size - 2_000;
    let content = of(first + size - of(first).len());
    assert_eq!(content.len(), size);
    content
}

/// Bytes of the files in the spool of any run.
fn spooled(spool: &Path) -> u64 {
    let runs = fs::read_dir(spool).into_iter().flatten().flatten();
    let files = runs.filter_map(|run| fs::read_dir(run.path()).ok()).flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}

/// Files of exactly the limit, four at once. The limit is 8 MiB here and the spool 16: so the bound is reached with
/// little, and it is the same that holds for 500. ops/memory reads files of 490 MB.
#[test]
fn fault_20_the_limit_four_times_at_once() {
    // A spool in which two fit at once, and one in which none does: then one alone.
    for (budget, most) in [("16", 16 * MIB), ("1", 8 * MIB)] {
        let words = ["pitangueira", "guabirobeira", "cambucizeiro", "araticunzeiro"];
        let mut service = Service::new(20).file("more.pdf", &padded_pdf("uma a mais", 8 * MIB + 1)).with(&[
            "--max-file-size-mb",
            "8",
            "--download-concurrency",
            "4",
            "--spool-budget-mb",
            budget,
            "--memory-budget-mb",
            "128",
            "--extraction-threads",
            "2",
        ]);
        for (n, word) in words.iter().enumerate() {
            service.insert(&format!("{n}.pdf"), &padded_pdf(word, 8 * MIB));
        }
        let spool = service.prelo.path().join("prelo-data/spool");
        let (over, highest) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let watch = {
            let (over, highest) = (over.clone(), highest.clone());
            std::thread::spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    highest.fetch_max(spooled(&spool), Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(1));
                }
            })
        };
        let ran = service.run();
        over.store(true, Ordering::SeqCst);
        watch.join().unwrap();
        ran.neighbours_are_well().failed("more.pdf", &["TOO_LARGE"]);
        for (n, word) in words.iter().enumerate() {
            ran.indexed(&format!("{n}.pdf"), word);
        }
        let highest = highest.load(Ordering::SeqCst);
        // The neighbours are a few bytes.
        assert!((1..=most as u64 + 1024).contains(&highest), "{highest} bytes in a spool of {budget} MiB");
        let peak = ran.report["peak_rss_bytes"].as_u64().unwrap();
        assert!(peak < 128 * MIB as u64, "{peak} bytes");
    }
}

/// A picture that would be 1.6 GB of grey. Without OCR nobody has to look at it; with it: `scans.rs`.
#[test]
fn fault_21_picture_that_nobody_has_to_look_at() {
    let picture = |filter: &str, content: Vec<u8>| {
        let mut scan = document(vec![plain(b"600 0 0 800 0 0 cm /I Do".to_vec())]);
        let image = scan.add_object(
            Stream::new(
                dictionary! {
                    "Type" => "XObject", "Subtype" => "Image", "Width" => 40_000, "Height" => 40_000,
                    "ColorSpace" => "DeviceGray", "BitsPerComponent" => 1, "Filter" => filter,
                },
                content,
            )
            .with_compression(false),
        );
        let pages: Vec<_> = scan.get_pages().into_values().collect();
        let resources = scan.get_object_mut(pages[0]).and_then(lopdf::Object::as_dict_mut).unwrap();
        resources.set("Resources", dictionary! { "XObject" => dictionary! { "I" => image } });
        bytes(scan)
    };
    let ran = Fault::new(21)
        .file("flate.pdf", &picture("FlateDecode", zlib_of(&[0; 4], 200_000_000)))
        .file("jpeg.pdf", &picture("DCTDecode", vec![0xff, 0xd8, 0xff, 0xd9]))
        .with(&["--memory-budget-mb", "128"])
        .run();
    ran.neighbours_are_well().failed("flate.pdf", &["NEEDS_OCR"]).failed("jpeg.pdf", &["NEEDS_OCR"]);
    let peak = ran.report["peak_rss_bytes"].as_u64().unwrap();
    assert!(peak < 128 * MIB as u64, "200 MB were not unpacked: {peak} bytes");
}

#[test]
fn fault_22_readers_that_panic_abort_hang_or_are_killed() {
    let cases = [
        ("panic", "EXTRACTOR_PANICKED"),
        ("abort", "EXTRACTOR_ABORTED"),
        ("exit", "EXTRACTOR_EXITED"),
        ("garbage", "EXTRACTOR_GARBLED"),
        ("hang", "EXTRACTOR_SILENT"),
        ("grow", "LIMIT_MEMORY"),
        ("killed", "EXTRACTOR_KILLED"),
    ];
    let fault = cases.iter().fold(Fault::new(22), |fault, (word, _)| {
        // By their names, they are listed and read before the neighbours.
        fault.file(&format!("zz-{word}.txt"), format!("%PRELO-POISON {word} \n").as_bytes())
    });
    // One reader at a time: the neighbours find a new one in the place of six.
    let ran = fault.with(&["--extraction-threads", "1", "--reader-silence-seconds", "2"]).run();
    ran.neighbours_are_well();
    let read = ran.said("extracted");
    let last: Vec<_> = read.iter().map(|line| line["gazette_id"].as_i64().unwrap()).collect();
    assert!(last.iter().all(|id| *id <= 2), "the neighbours are read last: {last:?}");
    for (word, code) in cases {
        ran.failed(&format!("zz-{word}.txt"), &[code]);
    }
}

#[test]
fn fault_41_spool_disk_full_and_folder_deleted() {
    // A file that is larger than any may be; the signal that goes with it is ignored, as a full disk sends none.
    let mut service = Service::new(41).file("f.pdf", &padded_pdf("pitangueira", 5 * MIB));
    let limited = ["sh", "-c", "trap '' XFSZ; ulimit -f 8192; exec \"$@\"", "sh"];
    let ran = service.run_through(&limited);
    ran.neighbours_are_well().failed("f.pdf", &["SPOOL_FULL"]);
    assert!(!ran.said("the spool is full: the intake is paused").is_empty(), "{}", ran.answer.stderr);
    let story = ran.prelo.json(0, &["explain", &service.id("f.pdf").to_string()]);
    assert!(story["state"]["next_attempt_at"].is_string(), "a later run tries again: {story}");

    // A disk of 4 MiB, in a name space of mounts of its own: two files fit at once, and one never does.
    let works = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    if works.is_ok_and(|answer| answer.status.success()) {
        let waits = ["--retry-min-delay-ms", "100", "--retry-max-delay-ms", "500", "--download-attempts", "12"];
        let mut service = Service::new(41).file("f.pdf", &padded_pdf("pitangueira", 5 * MIB)).with(&waits);
        for n in 0..6 {
            service.insert(&format!("{n}.pdf"), &padded_pdf("guabirobeira", MIB + 600_000 + n));
        }
        let disk = "mkdir -p prelo-data/spool && mount -t tmpfs -o size=4m none prelo-data/spool && exec \"$@\"";
        let ran = service.run_through(&["unshare", "-rm", "sh", "-c", disk, "sh"]);
        ran.neighbours_are_well().failed("f.pdf", &["SPOOL_FULL"]);
        assert_eq!(ran.found("guabirobeira").len(), 6, "who waited for room found it: {}", ran.answer.stderr);
        let paused = ran.line("the spool is full: the intake is paused");
        assert!(paused["error"].as_str().unwrap().contains("No space left on device"), "{paused}");
    } else {
        eprintln!("SKIPPED: a full disk, because this machine lets nobody mount one (unshare -rm)");
    }

    // The folder goes while a file comes; and what a dead run left behind goes when the next begins.
    let service = Service::new(41).file("f.txt", b"pitangueira").with(&["--download-concurrency", "3"]);
    let spool = service.prelo.path().join("prelo-data/spool");
    fs::create_dir_all(spool.join("dead")).unwrap();
    fs::write(spool.join("dead/7"), b"half of a file").unwrap();
    fs::write(spool.join("dead.lock"), b"").unwrap();
    let (engine, folder, gone) = (service.engine.clone(), spool.clone(), AtomicBool::new(false));
    service.bucket.rule(move |call| {
        if call.is("HEAD", NEIGHBOURS[0].0) {
            until("the folder is gone", || gone.load(Ordering::SeqCst));
        }
        if call.is("GET", "f.txt") && call.nth == 0 {
            assert!(!folder.join("dead").exists(), "what a dead run left is still there");
            // Whatever came before has left the spool.
            until("the neighbour", || !engine.found(NEIGHBOURS[1].1).is_empty());
            for run in fs::read_dir(&folder).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
                fs::remove_dir_all(run.path()).unwrap();
            }
            gone.store(true, Ordering::SeqCst);
        }
        None
    });
    let mut service = service.with(&["--download-stall-timeout-seconds", "60"]);
    service.run().neighbours_are_well().failed("f.txt", &["SPOOL_FULL"]);
    // A failure that passes: the same run an instant later.
    let again = service.with(&["--failed", "SPOOL_FULL"]).run();
    assert_eq!((again.answer.code, again.found("pitangueira").len()), (0, 1), "{}", again.report);
    assert_eq!(fs::read_dir(&spool).unwrap().count(), 0, "nothing is left in the spool");
}

#[test]
fn fault_42_sigterm_mid_run() {
    let mut service = Service::new(42).with(&["--download-concurrency", "1", "--download-stall-timeout-seconds", "60"]);
    for n in 0..40 {
        service.insert(&format!("{n}.txt"), b"Portaria.");
    }
    let (asked, is_asked) = mpsc::channel();
    let (asked, (go_on, waits)) = (Mutex::new(asked), mpsc::channel::<()>());
    let waits = Mutex::new(waits);
    service.bucket.rule(move |call| {
        if call.is("GET", "35.txt") && call.nth == 0 {
            let _ = asked.lock().unwrap().send(());
            let _ = waits.lock().unwrap().recv_timeout(Duration::from_secs(30));
        }
        None
    });
    // The first: what is in flight is finished, nothing is begun.
    let run = service.start();
    is_asked.recv_timeout(Duration::from_mins(1)).unwrap();
    run.signal(Signal::TERM);
    std::thread::sleep(Duration::from_millis(200));
    go_on.send(()).unwrap();
    let ran = service.ran(run.answer());
    assert_eq!((ran.answer.code, &ran.report["failed"]), (143, &serde_json::json!({})), "{}", ran.report);
    assert!(service.database.processed().contains(&service.id("35.txt")), "it was in flight: {}", ran.answer.stderr);
    assert_eq!(service.bucket.calls("HEAD", "34.txt"), 0, "it was not");
    let indexed = ran.report["indexed"].as_u64().unwrap();
    assert_eq!(ran.report["remaining"], 42 - indexed, "{}", ran.report);
    assert_eq!(service.database.number("SELECT count(*) FROM prelo_gazettes WHERE lease_run IS NOT NULL"), 0);

    // The second ends what the first only drains. Without it, the grace is ten minutes.
    let (sent, is_sent) = mpsc::channel();
    let sent = Mutex::new(sent);
    service.engine.rule(move |_| {
        let _ = sent.lock().unwrap().send(());
        Bulk::Instead(Canned::Silence(Duration::from_mins(10)))
    });
    let mut service = service.with(&["--grace-seconds", "600"]);
    let mut run = service.start();
    is_sent.recv_timeout(Duration::from_mins(1)).unwrap();
    run.signal(Signal::TERM);
    std::thread::sleep(Duration::from_secs(1));
    assert!(run.child.try_wait().unwrap().is_none(), "the first waits for what is in flight");
    run.signal(Signal::TERM);
    until("an end at once", || run.child.try_wait().unwrap().is_some());
    assert_eq!(run.answer().code, 143);
    assert_eq!(service.database.processed().len() as u64, indexed, "nothing was marked");
    service.engine.rule(|_| Bulk::Well);
    service.database.expire_leases();
    service.run().neighbours_are_well();
    assert!(service.engine.documents().values().all(|document| document.times == 1));
}

/// A run is killed when it reads this file, and its lease is over.
pub fn killed_while_reading(service: &mut Service, key: &str) {
    let id = service.id(key);
    let starts = format!("SELECT COALESCE(max(starts), 0) FROM prelo_gazettes WHERE gazette_id = {id}");
    let before = service.database.number(&starts);
    let run = service.start();
    until("its reading begins", || service.database.number(&starts) > before);
    run.kill();
    service.database.expire_leases();
}

#[test]
fn fault_45_document_that_kills_the_whole_process() {
    let mut service = Service::new(45).file("f.txt", b"%PRELO-POISON hang \n");
    let id = service.id("f.txt");
    for starts in 1..=3 {
        killed_while_reading(&mut service, "f.txt");
        let counted = service.database.number(&format!("SELECT starts FROM prelo_gazettes WHERE gazette_id = {id}"));
        assert_eq!(counted, starts, "counted and committed before it is read");
        assert_eq!(service.database.failed(), 0);
    }
    let ran = service.run();
    ran.neighbours_are_well().failed("f.txt", &["QUARANTINED"]);
    assert_eq!(service.bucket.calls("GET", "f.txt"), 3, "not even fetched again");
    let detail = ran.line("failed")["detail"].as_str().unwrap();
    assert!(detail.contains("started 3 times"), "{detail}");
}
