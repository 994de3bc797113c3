//! `--log-file`: lines go there, its size is bounded, and a disk that is full stops nothing.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{Prelo, fixtures};

mod support;

#[test]
fn lines_go_to_the_file_and_every_run_goes_on_with_it() {
    let prelo = Prelo::new();
    let folder = fixtures();
    for expected in [1, 2] {
        let answer =
            prelo.expect(3, &["run", "--folder", folder.to_str().unwrap(), "--mode", "all", "--log-file", "prelo.log"]);
        assert_eq!(answer.stderr, "");
        let log = fs::read_to_string(prelo.path().join("prelo.log")).unwrap();
        let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let started = lines.iter().filter(|line| line["message"] == "run started").count();
        assert_eq!(started, expected);
    }
}

#[test]
fn a_full_disk_stops_no_run() {
    if !Path::new("/dev/full").exists() {
        return eprintln!("SKIPPED: there is no /dev/full");
    }
    let prelo = Prelo::new();
    let answer = prelo.expect(3, &["run", "--folder", fixtures().to_str().unwrap(), "--log-file", "/dev/full"]);
    let (first, rest) = answer.stderr.split_once('\n').unwrap();
    assert!(first.starts_with("warning: /dev/full cannot be written (No space left on device"), "{first}");
    assert!(rest.lines().all(|line| line.starts_with('{')), "the complaint comes once: {rest}");
    assert!(rest.contains("run finished"));
}

#[test]
fn a_file_that_cannot_be_opened_is_a_mistake_of_usage() {
    let prelo = Prelo::new();
    let answer = prelo.expect(2, &["status", "--log-file", "not/there/prelo.log"]);
    assert!(answer.stderr.contains("the log file not/there/prelo.log cannot be opened"), "{}", answer.stderr);
}
