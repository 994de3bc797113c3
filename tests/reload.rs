//! SIGHUP during a run: what can change does, what cannot is named, and what is wrong changes nothing.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;
use support::{Prelo, fixtures};

mod support;

/// Enough for a run to be met at work several times.
const GAZETTES: usize = 400;

/// A run at work, with its log lines as they come.
struct AtWork {
    child: Child,
    lines: Receiver<Value>,
}

impl AtWork {
    fn begin(prelo: &Prelo, arguments: &[&str]) -> Self {
        let folder = prelo.path().join("gazettes");
        fs::create_dir(&folder).unwrap();
        let pdf = fs::read(fixtures().join("ribeira-do-sol-1214.pdf")).unwrap();
        for n in 0..GAZETTES {
            fs::write(folder.join(format!("{n}.pdf")), [pdf.as_slice(), n.to_string().as_bytes()].concat()).unwrap();
        }
        let mut child = prelo.spawn(&[&["run", "--folder", "gazettes"], arguments].concat());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // Warnings about the settings are plain text.
                let _ = serde_json::from_str(&line).map(|line: Value| sender.send(line));
            }
        });
        let work = Self { child, lines };
        work.until("run started");
        work
    }

    /// Has the settings read anew; answers with the lines about it, the last one included.
    fn reload(&self, last: &str) -> Vec<Value> {
        let status = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        self.until(last)
    }

    fn until(&self, message: &str) -> Vec<Value> {
        let mut seen = Vec::new();
        loop {
            let line = self.lines.recv_timeout(Duration::from_mins(1)).unwrap();
            let is_last = line["message"] == message;
            seen.push(line);
            if is_last {
                return seen;
            }
        }
    }

    fn ends_well(mut self) -> Vec<Value> {
        assert!(self.child.wait().unwrap().success());
        self.lines.iter().collect()
    }
}

fn about<'a>(lines: &'a [Value], message: &str) -> Vec<(&'a str, &'a str, &'a str)> {
    let text = |line: &'a Value, key: &str| line[key].as_str().unwrap();
    lines
        .iter()
        .filter(|line| line["message"] == message)
        .map(|line| (text(line, "key"), text(line, "from"), text(line, "to")))
        .collect()
}

const WAITS: &str = "this setting cannot change while a run is at work";

#[test]
fn a_run_takes_new_settings_in_and_says_which_must_wait() {
    let prelo = Prelo::new();
    let settings = prelo.path().join("settings.toml");
    fs::write(&settings, "extraction_threads = 2\nopensearch_password = \"old\"\nopensearch_user = \"u\"\n").unwrap();
    let run = AtWork::begin(&prelo, &["--config", "settings.toml", "--page-size", "50"]);

    fs::write(&settings, "max_file_size_mb = 0\n").unwrap();
    let refused = run.reload("settings not reloaded: nothing was changed");
    let error = refused.last().unwrap()["error"].as_str().unwrap();
    assert_eq!(error, "max_file_size_mb is 0, from settings.toml:1; it must be between 1 and 4,096");

    fs::write(
        &settings,
        "extraction_threads = 1\nopensearch_password = \"hunter2\"\nopensearch_user = \"u\"\n\
         download_concurrency = 9\nmax_file_size_mb = 7\nspool_budget_mb = 100\npage_size = 60\nlog_level = \"debug\"\n",
    )
    .unwrap();
    let lines = run.reload("settings reloaded");
    assert_eq!(
        about(&lines, "setting changed"),
        [
            ("max_file_size_mb", "500", "7"),
            ("download_concurrency", "3", "9"),
            ("extraction_threads", "2", "1"),
            ("log_level", "info", "debug"),
        ],
        "the flag beats the page_size of the file"
    );
    assert_eq!(about(&lines, WAITS), [("spool_budget_mb", "2048", "100"), ("opensearch_password", "***", "***")]);
    assert_eq!((&lines.last().unwrap()["changed"], &lines.last().unwrap()["waiting"]), (&4.into(), &2.into()));
    run.until("indexed"); // a line of the level debug

    // Nothing new, and nothing said but that.
    let lines = run.reload("settings reloaded");
    assert_eq!((about(&lines, "setting changed"), about(&lines, WAITS)), (vec![], vec![]));

    fs::write(&settings, "extraction_threads = 64\nopensearch_password = \"hunter2\"\nopensearch_user = \"u\"\n")
        .unwrap();
    let lines = run.reload("settings reloaded");
    assert_eq!(
        about(&lines, WAITS),
        [("spool_budget_mb", "100", "2048"), ("extraction_threads", "1", "64")],
        "readers have been given their share of the memory"
    );
    let rest = run.ends_well();
    assert!(!format!("{lines:?}{rest:?}").contains("hunter2"));
    assert_eq!(prelo.json(0, &["status"])["gazettes"]["processed"], GAZETTES);
}

#[test]
fn the_file_of_variables_is_read_anew_and_the_process_s_own_beat_it() {
    let prelo = Prelo::new().with("PRELO_FAILED_ATTEMPTS", "5");
    let variables = prelo.path().join("prelo.env");
    fs::write(&variables, "# the old service's\nMAX_GAZETTE_FILE_SIZE_MB=40\nPRELO_FAILED_ATTEMPTS=6\nOTHER=1\n")
        .unwrap();
    let run = AtWork::begin(&prelo, &["--env-file", "prelo.env"]);

    fs::write(&variables, "PRELO_MAX_FILESIZE_MB=4\n").unwrap();
    let refused = run.reload("settings not reloaded: nothing was changed");
    let error = refused.last().unwrap()["error"].as_str().unwrap();
    assert!(error.ends_with("did you mean `PRELO_MAX_FILE_SIZE_MB`?"), "{error}");

    fs::write(&variables, "MAX_GAZETTE_FILE_SIZE_MB=4\nPRELO_FAILED_ATTEMPTS=7\n").unwrap();
    let lines = run.reload("settings reloaded");
    assert_eq!(about(&lines, "setting changed"), [("max_file_size_mb", "40", "4")]);
    run.ends_well();
}
