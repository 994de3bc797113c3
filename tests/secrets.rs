//! Credentials stay where they belong: not in a title, not in a core dump, and they go to nobody who cannot prove who he is.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use support::Prelo;

mod support;

/// What `ps` shows of a process.
fn title(pid: u32) -> String {
    String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()).replace('\0', " ")
}

/// A run that waits for a search engine which never answers.
fn waiting(prelo: &Prelo, arguments: &[&str]) -> (Child, TcpListener) {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let index = format!("opensearch+http://admin:hunter6@{}/gazettes", nobody.local_addr().unwrap());
    let all = [arguments, &["--index", &index]].concat();
    let mut child = prelo.spawn(&all);
    // It has begun its work when it calls.
    nobody.set_nonblocking(true).unwrap();
    while nobody.accept().is_err() {
        assert!(child.try_wait().unwrap().is_none(), "{:?}", child.wait_with_output());
        std::thread::sleep(Duration::from_millis(10));
    }
    (child, nobody)
}

#[test]
fn secrets_that_were_typed_are_in_no_title() {
    let prelo = Prelo::new();
    let (mut run, _nobody) =
        waiting(&prelo, &["check", "--s3-access-key=AKhunter", "--s3-access-secret", "hunter7", "--format", "json"]);
    let shown = title(run.id());
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(shown.contains("check") && shown.contains("--format json"), "{shown}");
    assert!(!shown.contains("hunter") && !shown.contains("--index"), "{shown}");
    // They hold all the same.
    let listing = prelo.json(0, &["config", "--opensearch-user", "admin", "--opensearch-password", "hunter8"]);
    let password = listing.as_array().unwrap().iter().find(|entry| entry["key"] == "opensearch_password").unwrap();
    assert_eq!(password["value"], "***");
}

#[test]
fn a_process_that_holds_secrets_leaves_no_core() {
    let prelo = Prelo::new();
    let (run, _nobody) = waiting(&prelo, &["check"]);
    // Whatever this machine's bound on cores is: raised again from outside, as an operator might.
    let raised = Command::new("prlimit").args(["--core=unlimited", "--pid", &run.id().to_string()]).output();
    if !raised.is_ok_and(|answer| answer.status.success()) {
        eprintln!("SKIPPED in part: this machine lets nobody raise the bound on core dumps");
    }
    let pid = rustix::process::Pid::from_child(&run);
    rustix::process::kill_process(pid, rustix::process::Signal::ABORT).unwrap();
    let status = run.wait_with_output().unwrap().status;
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
    assert!(fs::read_dir(prelo.path()).unwrap().flatten().all(|entry| entry.file_name() == "prelo-data"));
}

/// A server whose certificate nobody has signed but itself.
struct SelfSigned {
    server: Child,
    port: u16,
}

impl SelfSigned {
    fn start(folder: &Path) -> Option<Self> {
        let (key, certificate) = (folder.join("key.pem"), folder.join("certificate.pem"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output();
        if !made.is_ok_and(|answer| answer.status.success()) {
            eprintln!("SKIPPED: no `openssl` to make a certificate with");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("openssl")
            .args(["s_server", "-quiet", "-accept", &format!("127.0.0.1:{port}"), "-key"])
            .arg(key)
            .arg("-cert")
            .arg(certificate)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { server: child, port };
        let up = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        assert!(up, "openssl does not listen");
        Some(server)
    }

    /// What it was sent once the connection was encrypted.
    fn received(mut self) -> String {
        self.server.kill().unwrap();
        let mut said = Vec::new();
        self.server.stdout.take().unwrap().read_to_end(&mut said).unwrap();
        self.server.wait().unwrap();
        String::from_utf8_lossy(&said).into_owned()
    }
}

impl Drop for SelfSigned {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn nothing_is_told_to_a_server_that_cannot_prove_who_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = SelfSigned::start(folder.path()) else { return };
    let port = server.port;
    let prelo = Prelo::new()
        .with("PRELO_STORAGE", &format!("s3://gazettes?endpoint=https://localhost:{port}&region=us-east-1"))
        .with("PRELO_S3_ACCESS_KEY", "AKhunter")
        .with("PRELO_S3_ACCESS_SECRET", "hunter2")
        .with("PRELO_INDEX", &format!("opensearch+https://admin:hunter2@localhost:{port}/gazettes"))
        .with("PRELO_RETRY_MIN_DELAY_MS", "1")
        .with("PRELO_RETRY_MAX_DELAY_MS", "10");
    let findings = prelo.json(4, &["check"]);
    for service in ["storage", "index"] {
        let finding = findings.as_array().unwrap().iter().find(|finding| finding["service"] == service).unwrap();
        assert_eq!(finding["ok"], false, "{finding}");
        let says = finding["says"].as_str().unwrap().to_lowercase();
        assert!(says.contains("its certificate is not trusted"), "{finding}");
    }
    let received = server.received();
    assert!(received.is_empty(), "it was told: {received}");
}
