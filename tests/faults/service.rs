//! The real binary between a real catalogue, a bucket and a search engine that answer as they are told.

use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bucket::Bucket;
use super::database::Database;
use super::engine::{Bulk, Engine};
use super::support::servers::md5_of;
use super::support::{Answer, Prelo};
use super::world::{NEIGHBOURS, Ran, neighbour};

/// A fault by its number, with one healthy gazette listed before and one after what has it.
pub struct Service {
    row: u32,
    pub prelo: Arc<Prelo>,
    pub bucket: Bucket,
    pub engine: Engine,
    pub database: Database,
    arguments: Vec<String>,
    /// The neighbour that is listed first is there.
    complete: bool,
}

impl Service {
    /// Over a SQLite catalogue.
    pub fn new(row: u32) -> Self {
        Self::over(row, None, None)
    }

    /// Over PostgreSQL: as the test reaches it, and as prelo does.
    pub fn on_postgres(row: u32, own: &str, of_prelo: &str) -> Self {
        Self::over(row, Some(own), Some(of_prelo))
    }

    fn over(row: u32, own: Option<&str>, of_prelo: Option<&str>) -> Self {
        let (bucket, engine) = (Bucket::new(), Engine::new());
        let storage = format!("s3://bucket?endpoint=http://{}", bucket.address);
        let index = format!("opensearch+http://{}/gazettes", engine.address);
        let prelo = [
            ("PRELO_CATALOG", of_prelo.unwrap_or("sqlite://prelo-data/catalog.db")),
            ("PRELO_STORAGE", &storage),
            ("PRELO_INDEX", &index),
            ("PRELO_S3_ACCESS_KEY", "key"),
            ("PRELO_S3_ACCESS_SECRET", "hunter2"),
            ("PRELO_RETRY_MIN_DELAY_MS", "1"),
            ("PRELO_RETRY_MAX_DELAY_MS", "20"),
            ("PRELO_BULK_DELAY_MS", "50"),
            ("PRELO_DOWNLOAD_STALL_TIMEOUT_SECONDS", "1"),
            // A service that is down stops the run as soon as that is known.
            ("PRELO_DEPENDENCY_PATIENCE_SECONDS", "0"),
        ]
        .into_iter()
        .fold(Prelo::new(), |prelo, (name, value)| prelo.with(name, value));
        let database = match own {
            Some(url) => Database::Postgres(url.to_owned()),
            None => Database::Sqlite(prelo.path().join("prelo-data/catalog.db")),
        };
        prelo.expect(0, &["migrate"]);
        database.execute("INSERT INTO territories (id, name, state_code) VALUES ('2704302', 'Maceió', 'AL')");
        let service =
            Self { row, prelo: Arc::new(prelo), bucket, engine, database, arguments: Vec::new(), complete: false };
        let (name, word) = NEIGHBOURS[0];
        service.insert(name, neighbour(word).as_bytes());
        service
    }

    /// Flags with their values; a later value stands for an earlier one.
    pub fn with(mut self, arguments: &[&str]) -> Self {
        for argument in arguments {
            if let Some(earlier) = self.arguments.iter().position(|there| there == argument)
                && argument.starts_with("--")
            {
                self.arguments.drain(earlier..earlier + 2);
            }
            self.arguments.push((*argument).to_owned());
        }
        self
    }

    pub fn file(self, key: &str, content: &[u8]) -> Self {
        self.insert(key, content);
        self
    }

    /// A pending gazette and its object; answers with its id.
    pub fn insert(&self, key: &str, content: &[u8]) -> i64 {
        self.bucket.put(key, content);
        self.database.insert(key, &md5_of(content))
    }

    pub fn id(&self, key: &str) -> i64 {
        self.database.number(&format!("SELECT CAST(id AS bigint) FROM gazettes WHERE file_path = '{key}'"))
    }

    pub fn run(&mut self) -> Ran {
        let answer = self.command().output().unwrap().into();
        self.ran(answer)
    }

    /// A run that is under way.
    pub fn start(&mut self) -> Running {
        use std::process::Stdio;
        let child = self.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Running { child, row: self.row }
    }

    /// What a run that was started has answered.
    pub fn ran(&self, answer: Answer) -> Ran {
        Ran::new(self.row, self.prelo.clone(), Some(self.engine.clone()), answer)
    }

    /// The run to come. All gazettes are there now.
    pub fn command(&mut self) -> Command {
        if !self.complete {
            let (name, word) = NEIGHBOURS[1];
            self.insert(name, neighbour(word).as_bytes());
            self.complete = true;
        }
        let mut arguments = vec!["run", "--format", "json", "--log-level", "debug"];
        arguments.extend(self.arguments.iter().map(String::as_str));
        self.prelo.command(&arguments)
    }

    /// The same, started by another program whose last argument is followed by a program to start and its arguments.
    pub fn run_through(&mut self, wrapper: &[&str]) -> Ran {
        let inner = self.command();
        let mut command = Command::new(wrapper[0]);
        command.args(&wrapper[1..]).arg(inner.get_program()).args(inner.get_args());
        command.current_dir(inner.get_current_dir().unwrap()).env_clear();
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let answer = command.output().unwrap().into();
        self.ran(answer)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The servers stay until the test program ends; what their rules hold, such as a database, does not.
        self.bucket.rule(|_| None);
        self.engine.rule(|_| Bulk::Well);
    }
}

/// A run that is under way. It never outlives its test.
pub struct Running {
    pub child: Child,
    row: u32,
}

impl Running {
    pub fn signal(&self, signal: rustix::process::Signal) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, signal).unwrap();
    }

    /// Ends it as a machine that loses its power does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn answer(mut self) -> Answer {
        use std::io::Read as _;
        // Both are read at once, so that the run never waits for its reader.
        let mut stderr = self.child.stderr.take().unwrap();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        Answer { code, stdout, stderr: reader.join().unwrap() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, or a test has failed.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            eprintln!("row {}: the run is ended with its test", self.row);
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Waits for something that comes soon.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_mins(1), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
