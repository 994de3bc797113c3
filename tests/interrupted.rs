//! Two runs at once, signals, and a run that was killed.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::servers::{Row, World, md5_of};
use support::{Answer, Prelo, fixtures};
use time::macros::date;

mod support;

/// Enough for a run to be caught at work.
const GAZETTES: usize = 300;

/// A folder with as many gazettes; some of the texts are real pages.
fn backlog() -> Prelo {
    let prelo = Prelo::new();
    let folder = prelo.path().join("gazettes");
    fs::create_dir(&folder).unwrap();
    let pdf = fs::read(fixtures().join("ribeira-do-sol-1214.pdf")).unwrap();
    for n in 0..GAZETTES {
        // Bytes after the end of a PDF are no part of it, and make each file another one.
        fs::write(folder.join(format!("{n}.pdf")), [pdf.as_slice(), n.to_string().as_bytes()].concat()).unwrap();
    }
    prelo
}

/// Starts a run and waits until it has indexed something.
fn at_work(prelo: &Prelo, arguments: &[&str]) -> Child {
    let mut command = prelo.command(&[&["run", "--folder", "gazettes", "--log-level", "debug"], arguments].concat());
    // As a shell starts it: signals of a terminal go to its group.
    let mut child = command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (sender, receiver) = std::sync::mpsc::channel();
    // Read to the end, so that the run never waits for its reader.
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            if line.contains(r#""message":"indexed""#) {
                let _ = sender.send(());
            }
        }
    });
    receiver.recv_timeout(Duration::from_mins(1)).unwrap();
    child
}

fn signal(child: &Child, name: &str) {
    send(name, &child.id().to_string());
}

/// To the process and to all that it has started in its group, as a terminal does for ^C.
fn signal_of_terminal(child: &Child, name: &str) {
    send(name, &format!("-{}", child.id()));
}

fn send(name: &str, to: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), "--", to]).status().unwrap().success());
}

fn ended(child: Child) -> Answer {
    child.wait_with_output().unwrap().into()
}

/// What is left is done by the next run, and nothing twice.
fn finish(prelo: &Prelo) {
    let report = prelo.json(0, &["run"]);
    assert_eq!(report["remaining"], 0);
    let status = prelo.json(0, &["status"]);
    assert_eq!(status["gazettes"]["processed"], GAZETTES);
    assert_eq!(prelo.json(0, &["search", "pregão"])["total"], GAZETTES);
}

#[test]
fn a_second_run_says_who_holds_the_lease_and_does_nothing() {
    let prelo = backlog();
    let mut first = at_work(&prelo, &[]);
    let second = prelo.expect(0, &["run"]);
    assert!(first.try_wait().unwrap().is_none(), "the first run was over too soon to be met");
    assert!(second.stdout.starts_with("Another run holds the lease since 20"), "{}", second.stdout);
    assert!(prelo.json(0, &["run"])["already_running"]["run_id"].is_string());
    assert_eq!(ended(first).code, 0);
    finish(&prelo);
}

/// Starts runs at the same moment, and counts by their logs how often each gazette was indexed.
fn together(prelo: &Prelo, arguments: &[&str]) -> BTreeMap<String, u32> {
    const RUNS: usize = 3;
    let arguments =
        [&["run", "--format", "json", "--log-level", "debug", "--report", "report.json"], arguments].concat();
    let runs: Vec<Child> = (0..RUNS).map(|_| prelo.spawn(&arguments)).collect();
    // Read all at once, so that none waits for its reader.
    let readers = runs.into_iter().map(|run| std::thread::spawn(move || ended(run)));
    let answers: Vec<Answer> = readers.collect::<Vec<_>>().into_iter().map(|reader| reader.join().unwrap()).collect();
    let mut indexed = BTreeMap::new();
    let mut busy = 0;
    for answer in &answers {
        assert_eq!(answer.code, 0, "{}\n{}", answer.stdout, answer.stderr);
        let said: Value = serde_json::from_str(&answer.stdout).unwrap();
        busy += u32::from(said["already_running"]["run_id"].is_string());
        for line in answer.stderr.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            if line["message"] == "indexed" {
                *indexed.entry(line["gazette_id"].to_string()).or_default() += 1;
            }
        }
    }
    assert!(busy > 0, "nobody met another: {answers:?}");
    indexed
}

#[test]
fn of_runs_that_start_together_one_works_also_when_there_is_nothing_yet() {
    let prelo = backlog();
    let indexed = together(&prelo, &["--folder", "gazettes"]);
    assert_eq!(indexed.len(), GAZETTES);
    assert!(indexed.values().all(|times| *times == 1), "{indexed:?}");
    finish(&prelo);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_runs_that_start_together_on_servers_one_works() {
    let Some(world) = World::new("together").await else { return };
    let mut rows = Vec::new();
    for day in 0..60 {
        let (text, path) = (format!("Portaria nº {day}.").into_bytes(), format!("2704302/{day}.txt"));
        rows.push(Row {
            territory: "2704302".into(),
            date: date!(2024 - 01 - 01) + time::Duration::DAY * day,
            checksum: md5_of(&text),
            path: path.clone(),
        });
        world.upload(&path, text).await;
    }
    let ids = world.insert(&rows).await;
    // Neither prelo's tables nor the index are there yet: they are made by whoever is first.
    let indexed = together(&world.prelo(), &[]);
    assert_eq!(indexed.len(), ids.len());
    assert!(indexed.values().all(|times| *times == 1), "{indexed:?}");
    assert_eq!(world.processed().await.len(), ids.len());
    assert_eq!(world.count_documents().await, ids.len() as u64);
    world.remove().await;
}

#[test]
fn a_first_signal_drains_and_the_next_run_goes_on() {
    let one: fn(&Child, &str) = signal;
    for (send, name, code, stopped_by) in
        [(one, "TERM", 143, "sigterm"), (one, "INT", 130, "sigint"), (signal_of_terminal, "INT", 130, "sigint")]
    {
        let prelo = backlog();
        let child = at_work(&prelo, &["--report", "report.json"]);
        send(&child, name);
        let answer = ended(child);
        assert_eq!(answer.code, code, "{}", answer.stdout);
        let report: Value = serde_json::from_slice(&fs::read(prelo.path().join("report.json")).unwrap()).unwrap();
        assert_eq!((&report["stopped_by"], &report["failed"]), (&json!(stopped_by), &json!({})), "readers finish");
        let (indexed, remaining) = (report["indexed"].as_u64().unwrap(), report["remaining"].as_u64().unwrap());
        assert!(remaining > 0, "stopped before the end: {report}");
        assert_eq!(indexed + remaining, GAZETTES as u64, "{report}");
        let status = prelo.json(0, &["status"]);
        assert_eq!(status["gazettes"]["claimed"], 0, "nothing is held any more");
        assert_eq!(status["gazettes"]["processed"], indexed);
        assert_eq!(fs::read_dir(prelo.path().join("prelo-data/spool")).unwrap().count(), 0, "the spool is empty");
        finish(&prelo);
    }
}

#[test]
fn a_run_whose_terminal_is_closed_drains() {
    let prelo = backlog();
    let arguments = ["run", "--folder", "gazettes", "--log-level", "debug", "--log-file", "prelo.log"];
    let Ok(mut terminal) = prelo.on_a_terminal(80, &arguments).stdout(Stdio::null()).spawn() else {
        eprintln!("SKIPPED: there is no `script` here (on Debian: apt-get install bsdutils)");
        return;
    };
    let log = || fs::read_to_string(prelo.path().join("prelo.log")).unwrap_or_default();
    until("it is at work", || log().contains(r#""message":"indexed""#));
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    until("it has closed its row", || !prelo.json(0, &["runs"])[0]["finished_at"].is_null());
    let run = &prelo.json(0, &["runs"])[0];
    assert_eq!((&run["stopped_by"], &run["counts"]["failed"]), (&json!("sigterm"), &json!({})), "{run}\n{}", log());
    finish(&prelo);
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_mins(1), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let prelo = backlog();
    let child = at_work(&prelo, &["--grace-seconds", "600", "--report", "report.json"]);
    signal(&child, "TERM");
    signal(&child, "TERM");
    let since = Instant::now();
    assert_eq!(ended(child).code, 143);
    assert!(since.elapsed() < Duration::from_secs(10));
    let report: Value = serde_json::from_slice(&fs::read(prelo.path().join("report.json")).unwrap()).unwrap();
    let (indexed, remaining) = (report["indexed"].as_u64().unwrap(), report["remaining"].as_u64().unwrap());
    assert_eq!(indexed + remaining, GAZETTES as u64, "what was given up is left to do: {report}");
    finish(&prelo);
}

#[test]
fn a_killed_run_loses_nothing_once_its_lease_has_expired() {
    let prelo = backlog();
    let child = at_work(&prelo, &["--lease-seconds", "10"]);
    signal(&child, "KILL");
    ended(child);
    assert!(prelo.json(0, &["run"])["already_running"].is_object(), "its lease is still alive");
    std::thread::sleep(Duration::from_secs(11));
    finish(&prelo);
    let runs = prelo.json(0, &["status"])["runs"].clone();
    assert_eq!(runs[1]["stopped_by"], json!("lease_expired"), "{runs}");
}
