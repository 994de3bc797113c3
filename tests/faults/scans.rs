//! Rows 15 and 21: scans, and the engine that reads them.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::support::scans::{Page, engine, finding, pdf};
use super::world::Fault;

/// A fault whose scans are read by this engine.
fn with_engine(fault: Fault, engine: &Path) -> Fault {
    fault.with(&["--ocr", "auto", "--ocr-engine", engine.to_str().unwrap()])
}

#[test]
fn fault_15_scan_only() {
    let scan = pdf(&[Page::Scan(1)]);
    let ran = Fault::new(15).file("f.pdf", &scan).run();
    ran.neighbours_are_well().failed("f.pdf", &["NEEDS_OCR"]);

    let fault = Fault::new(15).file("f.pdf", &scan);
    let reads = engine(fault.prelo.path(), "engine", &finding("pitangueira"));
    let ran = with_engine(fault, &reads).run();
    ran.neighbours_are_well().indexed("f.pdf", "pitangueira");
}

#[test]
fn fault_21_pictures_that_are_too_large_and_engines_that_hang_or_die() {
    // A picture that would be 1.6 GB of grey is not decoded; the page beside it is read.
    let fault =
        Fault::new(21).file("part.pdf", &pdf(&[Page::Huge, Page::Scan(1)])).file("all.pdf", &pdf(&[Page::Huge]));
    let reads = engine(fault.prelo.path(), "engine", &finding("pitangueira"));
    let ran = with_engine(fault, &reads).with(&["--memory-budget-mb", "256"]).run();
    ran.neighbours_are_well().indexed("part.pdf", "pitangueira").failed("all.pdf", &["OCR_PARTIAL"]);
    let warned = ran.log.iter().find(|line| line["code"] == "OCR_PARTIAL" && line["level"] == "WARN").unwrap();
    assert!(warned["gazette_id"].is_i64(), "{warned}");
    let peak = ran.report["peak_rss_bytes"].as_u64().unwrap();
    assert!(peak < 256 * 1024 * 1024, "{peak} bytes");

    let mixed = pdf(&[Page::Digital("araucaria"), Page::Scan(1)]);
    let dies = {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("dies");
        fs::write(folder.path().join("dies.c"), "int main(void) { volatile int none = 0; return 1 / none; }").unwrap();
        let built = Command::new("cc").arg("-o").arg(&program).arg(folder.path().join("dies.c")).status().unwrap();
        assert!(built.success());
        (program, folder)
    };
    for (does, told) in [
        ("sleep 60".to_owned(), "longer than 1 s"),
        (format!("exec {}", dies.0.display()), "signal 8"),
        ("exit 9".to_owned(), "exit code 9"),
        ("while :; do :; done".to_owned(), "longer than 1 s"),
    ] {
        let fault = Fault::new(21).file("scan.pdf", &pdf(&[Page::Scan(1)])).file("mixed.pdf", &mixed);
        // Beside the engine, so that it may be run by it.
        let ill = engine(dies.1.path(), "engine", &does);
        let ran = with_engine(fault, &ill).with(&["--ocr-timeout-seconds", "1"]).run();
        ran.neighbours_are_well().indexed("mixed.pdf", "araucaria").failed("scan.pdf", &["OCR_PARTIAL"]);
        let detail = ran.line("failed")["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(told), "{does}: {detail}");
    }
}
