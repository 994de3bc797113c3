//! Documents that harm their reader harm one disposable process: each in its own way, with a code of its own, and their
//! neighbours never notice.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use std::fs;
use std::path::Path;
use std::time::Duration;

use prelo::config::{Sources, load};
use prelo::extraction::sandbox::{Document, ReadError, Sandbox, Settings};
use prelo::extraction::{self, Limits};
use prelo::gazette::OcrMode;

mod support;
use support::Prelo;

fn settings() -> Settings {
    let config = load(&Sources::default()).unwrap().config;
    let mut settings = prelo::commands::readers::settings(&config);
    settings.program = env!("CARGO_BIN_EXE_prelo").into();
    settings
}

fn read(sandbox: &Sandbox, file: &Path) -> Result<String, ReadError> {
    let limits = Limits::default();
    let (opened, bytes) = extraction::open(file, &limits)?;
    let name = file.to_string_lossy();
    let document = Document { file: &opened, name: &name, bytes, limits: &limits };
    sandbox.read(&document, OcrMode::Off, |_, _| ()).map(|(text, ())| text.text)
}

fn code(result: Result<String, ReadError>) -> String {
    match result {
        Ok(text) => format!("a text: {text}"),
        Err(ReadError::Document(failure)) => failure.code.to_string(),
        Err(error) => error.to_string(),
    }
}

fn poison(folder: &Path, word: &str) -> std::path::PathBuf {
    let path = folder.join(format!("{word}.txt"));
    fs::write(&path, format!("%PRELO-POISON {word} \n")).unwrap();
    path
}

fn healthy(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("healthy.txt");
    fs::write(&path, "Diário Oficial\n").unwrap();
    path
}

#[test]
fn each_way_to_end_has_its_code_and_the_next_document_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let healthy = healthy(folder.path());
    let mut settings = settings();
    settings.silence = Duration::from_secs(2);
    let sandbox = Sandbox::new(settings);
    for (word, expected) in [
        ("abort", "EXTRACTOR_ABORTED"),
        ("overflow", "EXTRACTOR_ABORTED"),
        ("exit", "EXTRACTOR_EXITED"),
        ("garbage", "EXTRACTOR_GARBLED"),
        ("grow", "LIMIT_MEMORY"),
        ("hang", "EXTRACTOR_SILENT"),
        ("killed", "EXTRACTOR_KILLED"),
    ] {
        let before = sandbox.started();
        assert_eq!(code(read(&sandbox, &poison(folder.path(), word))), expected, "{word}");
        assert_eq!(read(&sandbox, &healthy).unwrap(), "Diário Oficial", "after {word}");
        assert!(sandbox.started() > before, "{word}: the process was replaced");
    }
}

#[test]
fn a_document_that_is_never_done_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let mut patient = settings();
    (patient.base, patient.per_mib) = (Duration::from_secs(2), Duration::ZERO);
    let sandbox = Sandbox::new(patient);
    for word in ["chatter", "spin"] {
        assert_eq!(code(read(&sandbox, &poison(folder.path(), word))), "EXTRACTION_TIMEOUT", "{word}");
    }
}

#[test]
fn a_reader_is_replaced_when_it_is_old_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let healthy = healthy(folder.path());
    let mut settings = settings();
    settings.recycling.documents = 8;
    let sandbox = Sandbox::new(settings);
    for _ in 0..40 {
        read(&sandbox, &healthy).unwrap();
    }
    assert!((4..=7).contains(&sandbox.started()), "{} readers for 40 documents", sandbox.started());
}

#[test]
fn a_reader_is_replaced_when_it_has_grown_and_when_time_has_passed() {
    let folder = tempfile::tempdir().unwrap();
    let healthy = healthy(folder.path());
    let started = |change: fn(&mut Settings)| {
        let mut settings = settings();
        settings.recycling.documents = 1_000;
        change(&mut settings);
        let sandbox = Sandbox::new(settings);
        for _ in 0..4 {
            read(&sandbox, &healthy).unwrap();
        }
        sandbox.started()
    };
    assert_eq!(started(|_| ()), 1);
    assert_eq!(started(|settings| settings.recycling.age = Duration::ZERO), 4);
    assert!(started(|settings| settings.recycling.growth_bytes = 0) >= 2, "reading leaves something in memory");
}

#[test]
fn a_reader_that_cannot_be_started_is_no_fault_of_the_document() {
    let folder = tempfile::tempdir().unwrap();
    for program in ["/bin/false", "/no/such/program"] {
        let sandbox = Sandbox::new(Settings { program: program.into(), ..settings() });
        assert!(matches!(read(&sandbox, &healthy(folder.path())), Err(ReadError::NoChild(_))), "{program}");
    }
}

#[test]
fn a_reader_sees_neither_files_nor_network_nor_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(settings());
    let confinement = sandbox.warm_up().unwrap();
    let report = read(&sandbox, &poison(folder.path(), "report")).unwrap();
    let says = |what: &str| report.lines().any(|line| line == what);
    assert!(says("environment: _RJEM_MALLOC_CONF"), "{report}");
    assert!(says("no new privileges: 1") && says("core: 0"), "{report}");
    if confinement.files {
        for line in ["read a file: denied", "list a folder: denied", "write a file: denied"] {
            assert!(says(line), "{line} in:\n{report}");
        }
    } else {
        eprintln!("SKIPPED: this kernel has no Landlock");
    }
    if confinement.network {
        assert!(says("open a socket: denied") && says("start a program: denied"), "{report}");
    } else {
        eprintln!("SKIPPED: this kernel has no seccomp");
    }
}

#[test]
fn extract_and_run_go_on_beside_what_harms_them() {
    let prelo = Prelo::new();
    let folder = prelo.path().join("gazettes");
    fs::create_dir(&folder).unwrap();
    for word in ["abort", "exit", "garbage", "grow", "killed"] {
        poison(&folder, word);
    }
    for name in ["a", "b", "c"] {
        fs::write(folder.join(format!("{name}.txt")), format!("Diário Oficial, caderno {name}\n")).unwrap();
    }
    let report = prelo.json(3, &["run", "--folder", "gazettes", "--extraction-threads", "2"]);
    assert_eq!(report["indexed"], 3, "{report}");
    let codes = ["EXTRACTOR_ABORTED", "EXTRACTOR_EXITED", "EXTRACTOR_GARBLED", "EXTRACTOR_KILLED", "LIMIT_MEMORY"];
    for code in codes {
        assert_eq!(report["failed"][code], 1, "{code} in {report}");
    }
    let files: Vec<String> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path().display().to_string()).collect();
    let mut arguments = vec!["extract", "--out", "texts"];
    arguments.extend(files.iter().map(String::as_str));
    let answer = prelo.expect(3, &arguments);
    for code in codes {
        assert_eq!(answer.stderr.matches(code).count(), 1, "{code} in {}", answer.stderr);
    }
    assert_eq!(fs::read_dir(prelo.path().join("texts")).unwrap().count(), 3);
}

#[test]
fn a_killed_run_leaves_no_reader_behind() {
    let prelo = Prelo::new();
    let folder = prelo.path().join("gazettes");
    fs::create_dir(&folder).unwrap();
    poison(&folder, "hang");
    let mut run = prelo.spawn(&["run", "--folder", "gazettes"]);
    let children = || -> Vec<u32> {
        let list = fs::read_to_string(format!("/proc/{0}/task/{0}/children", run.id())).unwrap_or_default();
        let mut all: Vec<u32> = list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
        // A child belongs to the thread that started it.
        if let Ok(tasks) = fs::read_dir(format!("/proc/{}/task", run.id())) {
            for task in tasks.flatten() {
                let list = fs::read_to_string(task.path().join("children")).unwrap_or_default();
                all.extend(list.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
            }
        }
        all
    };
    let reader = (0..300).find_map(|_| {
        std::thread::sleep(Duration::from_millis(50));
        children().first().copied()
    });
    let reader = reader.expect("a reader was started");
    run.kill().unwrap();
    run.wait().unwrap();
    let gone = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        !Path::new(&format!("/proc/{reader}")).exists() || is_zombie(reader)
    });
    assert!(gone, "reader {reader} outlived its run");
}

fn is_zombie(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}
