//! What the tests of the whole program share: running the binary, folders of gazettes.
#![allow(dead_code, clippy::expect_used, clippy::unwrap_used)] // each test program uses a part; a test may fail by panic

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use sqlx::Connection as _;

pub mod canned_http;
pub mod cutting_proxy;
pub mod doubles;
pub mod http;
pub mod own_postgres;
pub mod scans;
pub mod servers;
pub mod serving;
pub mod stage;

/// The binary in a working folder of its own, with an environment of its own.
pub struct Prelo {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

/// What a call of the binary answered.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Prelo {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    /// Sets a variable for every call.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The working folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        // What a test sees must not depend on what is installed: tests of scans turn it on.
        command.env("PRELO_OCR", "off");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn call(&self, arguments: &[&str]) -> Answer {
        self.command(arguments).output().unwrap().into()
    }

    /// Calls and expects this exit code.
    #[track_caller]
    pub fn expect(&self, code: i32, arguments: &[&str]) -> Answer {
        let answer = self.call(arguments);
        assert_eq!(answer.code, code, "prelo {arguments:?}\n{}\n{}", answer.stdout, answer.stderr);
        answer
    }

    /// Calls with `--format json`, expects this exit code, and parses standard output.
    #[track_caller]
    pub fn json(&self, code: i32, arguments: &[&str]) -> serde_json::Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--format", "json"]).collect();
        let answer = self.expect(code, &arguments);
        serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{error} in:\n{}", answer.stdout))
    }

    /// The call on a terminal of so many columns, which goes when the command is ended. `script` gives it one.
    pub fn on_a_terminal(&self, columns: u32, arguments: &[&str]) -> Command {
        let call = self.command(arguments);
        let words = [call.get_program()].into_iter().chain(call.get_args()).map(|word| word.to_str().unwrap());
        let line = format!("stty rows 24 cols {columns}; exec {}", words.collect::<Vec<_>>().join(" "));
        let mut script = Command::new("script");
        script.args(["--quiet", "--flush", "--return", "--command", &line, "/dev/null"]).current_dir(self.path());
        script.env_clear().envs(call.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", "xterm");
        // Its end would be the end of the input.
        script.stdin(Stdio::piped()).stdout(Stdio::piped());
        script
    }

    /// Starts without waiting; standard output and error are kept.
    pub fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The binary that was built with the tests, or another that `PRELO_TEST_BINARY` names.
pub fn binary() -> PathBuf {
    std::env::var_os("PRELO_TEST_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_prelo").into(), PathBuf::from)
}

/// The processes that read documents, for a pipeline that runs inside of a test.
pub fn readers(config: &prelo::config::Config) -> std::sync::Arc<prelo::extraction::sandbox::Sandbox> {
    let mut settings = prelo::commands::readers::settings(config);
    settings.program = binary();
    std::sync::Arc::new(prelo::extraction::sandbox::Sandbox::new(settings))
}

/// OCR for a pipeline that runs inside of a test: the engine is started by the real program.
pub fn ocr(config: &prelo::config::Config) -> prelo::extraction::ocr::Ocr {
    let mut settings = prelo::commands::readers::ocr_settings(config);
    settings.wrapper.0 = binary();
    prelo::extraction::ocr::Ocr::new(settings)
}

/// In a folder's catalogue, leases of dead runs and their gazettes are over, as they would be in time.
pub async fn end_leases(connection: &mut sqlx::SqliteConnection) {
    for statement in [
        "UPDATE prelo_runs SET lease_until = strftime('%Y-%m-%d %H:%M:%f', 'now', '-1 seconds')
         WHERE finished_at IS NULL",
        "UPDATE prelo_gazettes SET lease_until = strftime('%Y-%m-%d %H:%M:%f', 'now', '-1 seconds')
         WHERE lease_run IS NOT NULL",
    ] {
        sqlx::query(statement).execute(&mut *connection).await.unwrap();
    }
}

/// The same for a test that does not wait.
pub fn end_lease(working_folder: &Path) {
    in_catalog(working_folder, async |connection| end_leases(connection).await);
}

/// Changes a folder's catalogue behind the back of the program.
pub fn in_catalog(working_folder: &Path, change: impl AsyncFnOnce(&mut sqlx::SqliteConnection)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let catalog = format!("sqlite://{}", working_folder.join("prelo-data/catalog.db").display());
    runtime.block_on(async {
        let mut connection = sqlx::SqliteConnection::connect(&catalog).await.unwrap();
        change(&mut connection).await;
    });
}

/// The gazettes that the project makes.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/gazettes")
}

/// Real data beside the project, where it is there; says aloud when it is not.
pub fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PRELO_TEST_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = root.join(name);
    if path.is_dir() {
        return path.canonicalize().ok();
    }
    eprintln!("SKIPPED: no real data at ../shared/{name}");
    None
}

/// A copy of a folder that a test may change.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file below a folder with its bytes.
pub fn contents(folder: &Path) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
    let mut files = std::collections::BTreeMap::new();
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            files.insert(entry.path().to_owned(), std::fs::read(entry.path()).unwrap());
        }
    }
    files
}
