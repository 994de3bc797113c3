//! Scans, from the folder to the passage that is found: with an engine that answers as it is told, and with Tesseract.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use serde_json::{Value, json};
use support::scans::{Page, engine, finding, pdf};
use support::{Answer, Prelo, fixtures, shared};

mod support;

/// A folder of gazettes, and an engine.
struct Desk {
    prelo: Prelo,
}

impl Desk {
    fn new(with_a_picture: &str) -> Self {
        let prelo = Prelo::new();
        fs::create_dir(prelo.path().join("gazettes")).unwrap();
        let desk = Self { prelo };
        desk.engine(with_a_picture);
        desk
    }

    fn engine(&self, with_a_picture: &str) -> PathBuf {
        engine(self.prelo.path(), "engine", with_a_picture)
    }

    fn file(&self, name: &str, pages: &[Page<'_>]) -> &Self {
        let path = self.prelo.path().join("gazettes").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, pdf(pages)).unwrap();
        self
    }

    fn run(&self, arguments: &[&str]) -> Answer {
        let engine = self.prelo.path().join("engine");
        let mut all = vec!["run", "--folder", "gazettes", "--ocr-engine", engine.to_str().unwrap()];
        if !arguments.contains(&"--ocr") {
            all.extend(["--ocr", "auto"]);
        }
        all.extend(["--format", "json", "--log-level", "debug", "--retry-failed-after-seconds", "0"]);
        all.extend(arguments);
        self.prelo.call(&all)
    }

    #[track_caller]
    fn ran(&self, code: i32, arguments: &[&str]) -> (Value, Vec<Value>) {
        let answer = self.run(arguments);
        assert_eq!(answer.code, code, "{}\n{}", answer.stdout, answer.stderr);
        (serde_json::from_str(&answer.stdout).unwrap(), lines(&answer))
    }

    fn found(&self, word: &str) -> Vec<(String, u64)> {
        let hits = self.prelo.json(0, &["search", word]);
        let hit = |hit: &Value| {
            let page = hit["passages"][0]["page"].as_u64().unwrap_or(0);
            (hit["file_path"].as_str().unwrap().to_owned(), page)
        };
        hits["hits"].as_array().unwrap().iter().map(hit).collect()
    }

    /// The state of the gazette with that path.
    fn state(&self, path: &str) -> Value {
        let all = (1..20).map(|id| self.prelo.call(&["explain", &id.to_string(), "--format", "json"]).stdout);
        let mut all = all.filter_map(|told| serde_json::from_str::<Value>(&told).ok());
        all.find(|told| told["file_path"] == path).unwrap()
    }
}

fn lines(answer: &Answer) -> Vec<Value> {
    answer.stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn said<'a>(log: &'a [Value], message: &str) -> Vec<&'a Value> {
    log.iter().filter(|line| line["message"] == message).collect()
}

/// Pages that the engine has read.
fn by_engine(log: &[Value]) -> u64 {
    said(log, "scans read").iter().filter_map(|line| line["by_engine"].as_u64()).sum()
}

#[test]
fn files_as_they_are_come_first_then_scans_the_newest_first() {
    let desk = Desk::new(&finding("carimbada"));
    desk.file("1/2026-01-02/a.pdf", &[Page::Scan(1)])
        .file("1/2026-03-04/b.pdf", &[Page::Scan(2), Page::Scan(3)])
        .file("1/2025-01-01/c.pdf", &[Page::Digital("Portaria que nomeia")])
        .file("1/2026-02-03/d.pdf", &[Page::Digital("Extrato de contrato"), Page::Scan(4)]);
    let (report, log) = desk.ran(0, &["--extraction-threads", "1", "--download-concurrency", "1"]);
    assert_eq!((&report["selected"], &report["indexed"], &report["ocr_pages"]), (&json!(4), &json!(4), &json!(4)));
    assert_eq!((&report["digital"]["gazettes"], &report["ocr"]["gazettes"]), (&json!(4), &json!(3)));
    assert_eq!((&report["pages"], &report["remaining"]), (&json!(6), &json!(0)));

    let begun = log.iter().position(|line| line["message"] == "scans are read now").unwrap();
    assert_eq!((&log[begun]["gazettes"], &log[begun]["pages"]), (&json!(3), &json!(4)));
    let indexed = |log: &[Value]| said(log, "indexed").len();
    assert_eq!((indexed(&log[..begun]), indexed(&log[begun..])), (2, 3), "d is indexed without its scan, then with it");
    let read: Vec<&Value> = said(&log, "scans read").iter().map(|line| &line["gazette_id"]).collect();
    let id = |path: &str| desk.state(path)["id"].clone();
    assert_eq!(read, [&id("1/2026-03-04/b.pdf"), &id("1/2026-02-03/d.pdf"), &id("1/2026-01-02/a.pdf")]);

    assert_eq!(desk.found("contrato"), [("1/2026-02-03/d.pdf".to_owned(), 1)]);
    let found: BTreeMap<String, u64> = desk.found("carimbada").into_iter().collect();
    assert_eq!((found.len(), found["1/2026-02-03/d.pdf"]), (3, 2), "{found:?}");
    let story = desk.state("1/2026-03-04/b.pdf");
    assert_eq!((&story["state"]["ocr_page_numbers"], &story["state"]["ocr_due"]), (&json!("1-2"), &json!(0)));
    assert!(story["index"]["ocr_confidence"].as_f64().unwrap() > 0.9, "{story}");

    let (report, _) = desk.ran(0, &[]);
    assert_eq!(report["selected"], 0, "nothing is left");
}

#[test]
fn what_was_read_is_remembered_and_redo_reads_it_again() {
    let desk = Desk::new(&finding("carimbada"));
    desk.file("a.pdf", &[Page::Scan(1), Page::Scan(2), Page::Scan(2)]);
    let (_, log) = desk.ran(0, &["--extraction-threads", "1"]);
    assert_eq!(by_engine(&log), 3);
    // An engine of the same name that would find something else.
    desk.engine(&finding("outra"));
    let (report, log) = desk.ran(0, &["--mode", "all"]);
    assert_eq!((by_engine(&log), &report["ocr_pages"]), (0, &json!(3)));
    assert_eq!((desk.found("carimbada").len(), desk.found("outra").len()), (1, 0));
    let (_, log) = desk.ran(0, &["--mode", "all", "--ocr", "redo"]);
    assert_eq!((by_engine(&log), desk.found("outra").len()), (3, 1));
}

#[test]
fn without_an_engine_scans_wait_and_the_rest_goes_on() {
    let desk = Desk::new(&finding("carimbada"));
    fs::remove_file(desk.prelo.path().join("engine")).unwrap();
    desk.file("scan.pdf", &[Page::Scan(1)]).file("mixed.pdf", &[Page::Digital("Extrato"), Page::Scan(2)]);
    let (report, log) = desk.ran(3, &[]);
    assert_eq!((&report["indexed"], &report["failed"]), (&json!(1), &json!({"OCR_UNAVAILABLE": 1})));
    assert!(log.iter().any(|line| line["code"] == "OCR_UNAVAILABLE" && line["why"].is_string()), "said once");
    let mixed = desk.state("mixed.pdf");
    assert_eq!((&mixed["state"]["warnings"], &mixed["state"]["ocr_due"]), (&json!("OCR_UNAVAILABLE"), &json!(1)));
    let check = desk.prelo.call(&["check", "--folder", "gazettes", "--ocr", "auto", "--ocr-engine", "/nowhere/engine"]);
    assert!(check.stdout.contains("ocr") && check.stdout.contains("apt-get install tesseract-ocr"), "{}", check.stdout);

    desk.engine(&finding("carimbada"));
    let (report, _) = desk.ran(0, &[]);
    assert_eq!((&report["selected"], &report["indexed"], &report["ocr_pages"]), (&json!(2), &json!(2), &json!(2)));
    assert_eq!((desk.found("carimbada").len(), desk.found("Extrato").len()), (2, 1));
}

#[test]
fn with_ocr_off_scans_are_set_aside_by_name_and_come_back_when_asked_for() {
    let desk = Desk::new(&finding("carimbada"));
    desk.file("scan.pdf", &[Page::Scan(1)]).file("mixed.pdf", &[Page::Digital("Extrato"), Page::Scan(2)]);
    let (report, _) = desk.ran(3, &["--ocr", "off"]);
    assert_eq!((&report["indexed"], &report["failed"]), (&json!(1), &json!({"NEEDS_OCR": 1})));
    let (report, _) = desk.ran(0, &[]);
    assert_eq!((&report["selected"], &report["ocr_pages"]), (&json!(1), &json!(1)), "the page that was left");
    let engine = desk.prelo.path().join("engine");
    let report = desk
        .prelo
        .json(0, &["reprocess", "--failed", "NEEDS_OCR", "--ocr", "auto", "--ocr-engine", engine.to_str().unwrap()]);
    assert_eq!((&report["selected"], &report["indexed"]), (&json!(1), &json!(1)));
}

#[test]
fn a_run_that_ends_in_between_goes_on_where_it_stopped() {
    for point in ["put_off:1", "marked:1", "pictures_read:1", "text_stored:2"] {
        let desk = Desk::new(&finding("carimbada"));
        desk.file("scan.pdf", &[Page::Scan(1)]).file("mixed.pdf", &[Page::Digital("Extrato"), Page::Scan(2)]);
        let engine = desk.prelo.path().join("engine");
        let killed = desk
            .prelo
            .command(&["run", "--folder", "gazettes", "--lease-seconds", "10", "--ocr", "auto"])
            .args(["--ocr-engine", engine.to_str().unwrap()])
            .env("PRELO_TEST_FAILPOINT", point)
            .output()
            .unwrap();
        if killed.status.code().is_some() {
            let has_fail_points = cfg!(debug_assertions);
            assert!(!has_fail_points, "{point} was not passed: {}", String::from_utf8_lossy(&killed.stderr));
            eprintln!("SKIPPED: fail points are in debug builds only");
            return;
        }
        support::end_lease(desk.prelo.path());
        desk.ran(0, &[]);
        assert_eq!(desk.found("carimbada").len(), 2, "after {point}");
        let status = desk.prelo.json(0, &["status"]);
        assert_eq!((&status["gazettes"]["processed"], &status["lanes"]["ocr"]["gazettes"]), (&json!(2), &json!(0)));
    }
}

#[test]
fn who_was_indexed_without_its_scans_is_not_skipped_when_their_turn_is_taken_back() {
    let desk = Desk::new(&format!("sleep 0.5; {}", finding("carimbada")));
    let scans: Vec<Page<'_>> = (1..=40).map(Page::Scan).collect();
    desk.file("mixed.pdf", &[&[Page::Digital("Extrato")], scans.as_slice()].concat());
    let engine = desk.prelo.path().join("engine");
    let arguments =
        ["run", "--folder", "gazettes", "--ocr", "auto", "--log-level", "debug", "--extraction-threads", "1"];
    let mut child =
        desk.prelo.spawn(&[&arguments[..], &["--format", "json", "--ocr-engine", engine.to_str().unwrap()]].concat());
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(log.any(|line| line.contains("scans are read now")));
    assert!(log.any(|line| line.contains(r#""message":"downloaded""#)), "it is in hand once more");
    let status = desk.prelo.json(0, &["status"])["gazettes"].clone();
    let numbers = ["processed", "pending", "claimed", "pending_claimed"].map(|name| status[name].clone());
    assert_eq!(numbers, [1, 0, 1, 0].map(|n| json!(n)), "in work, and pending no more: {status}");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
    let rest: Vec<String> = log.collect();
    let answer: Answer = child.wait_with_output().unwrap().into();
    assert!(rest.iter().any(|line| line.contains("given back")), "{rest:?}");
    let report: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!((answer.code, &report["selected"]), (143, &json!(1)), "{report}");
    assert_eq!((&report["indexed"], &report["skipped"], &report["remaining"]), (&json!(1), &json!(0), &json!(0)));
}

/// A scan of sixty pages, and the report of a run that was stopped after the first of them.
fn cut_off(more: &[&str]) -> (Desk, Value) {
    let desk = Desk::new(&format!("sleep 0.3; {}", finding("carimbada")));
    let scans: Vec<Page<'_>> = (1..=60).map(Page::Scan).collect();
    desk.file("long.pdf", &scans);
    let engine = desk.prelo.path().join("engine");
    let arguments =
        ["run", "--folder", "gazettes", "--log-level", "trace", "--extraction-threads", "1", "--format", "json"];
    let mut child = desk.prelo.spawn(&[&arguments[..], &["--ocr-engine", engine.to_str().unwrap()], more].concat());
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(log.any(|line| line.contains("page read by OCR")));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
    log.for_each(drop);
    let answer: Answer = child.wait_with_output().unwrap().into();
    (desk, serde_json::from_str(&answer.stdout).unwrap())
}

#[test]
fn what_is_not_remembered_of_a_scan_that_was_cut_off_is_still_due() {
    for more in [&["--ocr", "auto", "--store-text=false"][..], &["--ocr", "redo"]] {
        let (desk, report) = cut_off(more);
        assert_eq!(report["kept_pages"], 0, "{more:?}: {report}");
        let story = desk.state("long.pdf");
        assert_eq!(story["state"]["ocr_due"], 60, "{more:?}: {story}");
        assert_eq!(story["attempts"].as_array().unwrap().len(), 1, "{more:?}: {story}");
    }
}

#[test]
fn scans_that_were_cut_off_are_told_and_their_pages_are_not_read_again() {
    let (desk, report) = cut_off(&["--ocr", "auto"]);
    let read = report["ocr"]["pages"].as_u64().unwrap();
    assert!((1..60).contains(&read), "{report}");
    assert_eq!(report["kept_pages"], read);

    let story = desk.state("long.pdf");
    let attempts = story["attempts"].as_array().unwrap();
    let told: Vec<&Value> = attempts.iter().map(|attempt| &attempt["outcome"]).collect();
    assert_eq!(told, ["deferred", "interrupted"]);
    assert_eq!(attempts[1]["scans"], json!({"pages": read, "due": 60}));
    assert!(attempts[1]["timings"]["ocr"].as_f64().unwrap() > 0.2, "{story}");
    assert_eq!((&story["state"]["state"], &story["state"]["ocr_due"]), (&json!("pending"), &json!(60 - read)));
    let printed = desk.prelo.call(&["explain", "1"]).stdout;
    assert!(printed.contains(&format!("cut off: {read} of 60 pages read")), "{printed}");
    let lanes = desk.prelo.json(0, &["status"])["lanes"]["ocr"].clone();
    assert_eq!((&lanes["gazettes"], &lanes["pages"]), (&json!(1), &json!(60 - read)));

    desk.engine(&finding("carimbada"));
    let (report, log) = desk.ran(0, &["--extraction-threads", "1"]);
    assert_eq!((by_engine(&log), &report["ocr_pages"]), (60 - read, &json!(60)));
    let lane = (&report["ocr"]["pages"], &report["ocr"]["selected_pages"]);
    assert_eq!(lane, (&json!(60 - read), &json!(60 - read)), "what was known is no work of this run");
    let story = desk.state("long.pdf");
    let pages = story["pages"].as_array().unwrap();
    let quality = pages[0]["quality"].as_f64().unwrap();
    assert_eq!((pages.len(), &pages[0]["source"], &pages[0]["to"]), (1, &json!("ocr"), &json!(60)));
    assert!((0.9..=1.0).contains(&quality), "{pages:?}");
}

#[test]
fn lanes_show_in_plan_and_status() {
    let desk = Desk::new(&finding("carimbada"));
    desk.file("scan.pdf", &[Page::Scan(1), Page::Scan(2)]).file("digital.pdf", &[Page::Digital("Extrato")]);
    // The first lane puts the scan off; then the second ends before it begins.
    let engine = desk.prelo.path().join("engine");
    let killed = desk
        .prelo
        .command(&["run", "--folder", "gazettes", "--ocr", "auto", "--ocr-engine", engine.to_str().unwrap()])
        .env("PRELO_TEST_FAILPOINT", "put_off:1")
        .output()
        .unwrap();
    if killed.status.code().is_some() {
        eprintln!("SKIPPED: fail points are in debug builds only");
        return;
    }
    support::end_lease(desk.prelo.path());
    let status = desk.prelo.json(0, &["status"]);
    assert_eq!(status["gazettes"]["scans"], json!({"gazettes": 1, "pages": 2}));
    let plan = desk.prelo.json(0, &["plan", "--folder", "gazettes"]);
    assert_eq!((&plan["lanes"]["ocr"]["gazettes"], &plan["lanes"]["ocr"]["pages"]), (&json!(1), &json!(2)));
    let told = desk.prelo.expect(0, &["status"]).stdout;
    assert!(told.contains("scans (OCR)") && told.contains("files as they are"), "{told}");
}

/// Words of a text, as the benchmark counts them.
fn words(text: &str) -> BTreeMap<&str, usize> {
    let mut words = BTreeMap::new();
    for word in text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()) {
        *words.entry(word).or_default() += 1;
    }
    words
}

/// F1 of two bags of words.
#[allow(clippy::cast_precision_loss)] // words of a page
fn agreement(one: &str, other: &str) -> f64 {
    let (one, other) = (words(one), words(other));
    let common: usize = one.iter().map(|(word, count)| (*count).min(other.get(word).copied().unwrap_or(0))).sum();
    let total: usize = one.values().chain(other.values()).sum();
    2.0 * common as f64 / total as f64
}

fn has_tesseract(prelo: &Prelo) -> bool {
    let check = prelo.json(0, &["check", "--folder", fixtures().to_str().unwrap(), "--ocr", "auto"]);
    let ocr = check.as_array().unwrap().iter().find(|finding| finding["service"] == "ocr").unwrap().clone();
    if ocr["ok"] != true {
        eprintln!("SKIPPED: no Tesseract with Portuguese: {}", ocr["says"]);
    }
    ocr["ok"] == true
}

#[test]
fn tesseract_reads_the_scan_among_the_fixtures() {
    let prelo = Prelo::new();
    if !has_tesseract(&prelo) {
        return;
    }
    let report = prelo.json(3, &["run", "--folder", fixtures().to_str().unwrap(), "--ocr", "auto"]);
    assert_eq!((&report["indexed"], &report["ocr_pages"]), (&json!(13), &json!(1)), "{report}");
    assert_eq!(report["failed"], json!({"EMPTY_OBJECT": 1, "NOT_A_PDF": 1, "NO_TEXT": 1}));
    let text = fs::read_to_string(prelo.path().join("prelo-data/texts/camara-07-digitalizada.pdf.txt")).unwrap();
    let source = prelo.expect(0, &["extract", fixtures().join("ribeira-do-sol-camara-07.pdf").to_str().unwrap()]);
    let truth = source.stdout.split('\u{c}').next().unwrap();
    let score = agreement(&text, truth);
    assert!(score > 0.97, "{score}:\n{text}");
}

#[test]
fn only_the_scanned_page_of_a_mixed_file_goes_through_ocr() {
    let prelo = Prelo::new();
    let Some(scans) = shared("scans") else { return };
    if !has_tesseract(&prelo) {
        return;
    }
    let file = scans.join("mixed-digital-scan-digital.pdf");
    let read = prelo.json(0, &["extract", "--ocr", "auto", file.to_str().unwrap()]);
    assert_eq!((&read["ocr_page_numbers"], &read["pages"]), (&json!([2]), &json!(3)));
    let truth = fs::read_to_string(scans.join("mixed-digital-scan-digital.txt")).unwrap();
    let score = agreement(read["text"].as_str().unwrap(), &truth);
    assert!(score > 0.98, "{score}");
}
