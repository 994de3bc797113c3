//! A backlog in a world of its own: a folder with SQLite and the embedded index, or PostgreSQL, S3 and OpenSearch.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, SqliteConnection};
use time::macros::date;

use crate::outcome::{FROM, Outcome, ROW};
use crate::process::{Ended, Run};
use crate::support::servers::{Row, World, gazettes, md5_of};
use crate::support::{Prelo, contents, fixtures, shared};

/// A file's path in the folder or its key in the bucket, and its content.
pub type Files = Vec<(String, Vec<u8>)>;

/// 1 when the migrations are done, else 0.
const POSTGRES_HAS_TABLES: &str = "SELECT count(to_regclass('prelo_gazettes'))";

/// Where a backlog lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Folder,
    Servers,
}

pub struct Backlog {
    prelo: Prelo,
    servers: Option<World>,
    /// Keys that were uploaded, which are no texts that a run has stored.
    uploaded: BTreeSet<String>,
    runs: Cell<u32>,
}

/// The gazettes that the project makes, the four that fail among them, and copies up to `count`.
pub fn small_files(count: usize) -> Files {
    let root = fixtures();
    let mut files: Files = contents(&root)
        .into_iter()
        .map(|(path, content)| (path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(), content))
        .collect();
    let readable = ["ribeira-do-sol-1214.pdf", "sem-identificacao.pdf", "serra-clara/camara-118.pdf"];
    let originals: Files = files.iter().filter(|(path, _)| readable.contains(&path.as_str())).cloned().collect();
    for n in files.len()..count {
        let (path, content) = &originals[n % originals.len()];
        files.push((format!("copies/{n:03}/{path}"), another(content, n)));
    }
    files
}

/// The real gazettes where they are there, and small ones up to `count`.
pub fn large_files(count: usize) -> Files {
    let mut files = match shared("gazettes") {
        Some(folder) => {
            gazettes(&folder).into_iter().map(|(name, content)| (format!("real/{name}"), content)).collect()
        }
        None => Vec::new(),
    };
    files.extend(small_files(count - files.len()));
    files
}

/// Bytes after the end of a PDF are no part of it, and make it another file.
fn another(content: &[u8], n: usize) -> Vec<u8> {
    [content, format!("\n% {n}\n").as_bytes()].concat()
}

impl Backlog {
    /// `None`, said aloud, when it wants servers and there are none.
    pub async fn new(path: Place, files: &Files) -> Option<Self> {
        match path {
            Place::Folder => Some(Self::in_folder(files)),
            Place::Servers => Self::on_servers(files).await,
        }
    }

    fn in_folder(files: &Files) -> Self {
        let prelo = Prelo::new();
        let folder = prelo.path().join("gazettes");
        for (path, content) in files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        Self { prelo, servers: None, uploaded: BTreeSet::new(), runs: Cell::new(0) }
    }

    async fn on_servers(files: &Files) -> Option<Self> {
        let world = World::new("kill").await?;
        let files: Vec<_> = files.iter().filter(|(path, _)| !path.ends_with("gazettes.csv")).collect();
        let mut rows = Vec::new();
        for (n, (path, content)) in files.iter().enumerate() {
            world.upload(path, content.clone()).await;
            rows.push(Row {
                territory: if n % 2 == 0 { "2704302" } else { "3106200" }.to_owned(),
                date: date!(2020 - 01 - 01) + time::Duration::DAY * i32::try_from(n).unwrap(),
                checksum: md5_of(content),
                path: path.clone(),
            });
        }
        world.insert(&rows).await;
        let uploaded = files.iter().map(|(path, _)| path.clone()).collect();
        Some(Self { prelo: world.prelo(), servers: Some(world), uploaded, runs: Cell::new(0) })
    }

    pub fn prelo(&self) -> &Prelo {
        &self.prelo
    }

    /// Where the embedded index is.
    pub fn index_folder(&self) -> std::path::PathBuf {
        self.data().join("index")
    }

    fn data(&self) -> std::path::PathBuf {
        self.prelo.path().join("prelo-data")
    }

    /// A run in small steps, so that there is much between them.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut all = vec!["run", "--format", "json", "--log-level", "debug", "--lease-seconds", "10"];
        all.extend(["--page-size", "16", "--bulk-delay-ms", "10"]);
        if self.servers.is_none() {
            all.extend(["--folder", "gazettes"]);
        }
        all.extend(arguments);
        self.prelo.command(&all)
    }

    pub fn start(&self, command: &Command) -> Run {
        let number = self.runs.get();
        self.runs.set(number + 1);
        let file = |suffix: &str| self.prelo.path().join(format!("run-{number}.{suffix}"));
        Run::start(command, file("json"), file("log"))
    }

    /// Does all that is left: once the lease of a dead run has been ended, one run is enough.
    pub async fn finish(&self, arguments: &[&str]) -> Ended {
        loop {
            self.expire_lease().await;
            let ended = self.start(&self.command(arguments)).end();
            // What a dead run had sent before its end may have extended its lease since.
            if !ended.was_busy() {
                assert!(matches!(ended.status.code(), Some(0 | 3)), "{:?}\n{}", ended.status, ended.stderr);
                return ended;
            }
        }
    }

    /// The leases of runs and gazettes are over, as they would be after ten seconds.
    pub async fn expire_lease(&self) {
        if let Some(world) = &self.servers {
            if world.number(POSTGRES_HAS_TABLES).await > 0 {
                for statement in [
                    "UPDATE prelo_runs SET lease_until = timezone('utc', now()) - interval '1 second'
                     WHERE finished_at IS NULL",
                    "UPDATE prelo_gazettes SET lease_until = timezone('utc', now()) - interval '1 second'
                     WHERE lease_run IS NOT NULL",
                ] {
                    world.execute(statement).await;
                }
            }
            return;
        }
        let Some(mut connection) = self.sqlite().await else { return };
        crate::support::end_leases(&mut connection).await;
    }

    /// Seconds until the lease of the run that is not closed runs out.
    pub async fn lease_left(&self) -> f64 {
        match &self.servers {
            Some(world) => sqlx::query_scalar(
                "SELECT CAST(extract(epoch FROM lease_until - timezone('utc', now())) AS float8) FROM prelo_runs
                 WHERE finished_at IS NULL",
            )
            .fetch_one(&world.pool)
            .await
            .unwrap(),
            None => sqlx::query_scalar(
                "SELECT (julianday(lease_until) - julianday('now')) * 86400.0 FROM prelo_runs
                 WHERE finished_at IS NULL",
            )
            .fetch_one(&mut self.sqlite().await.unwrap())
            .await
            .unwrap(),
        }
    }

    /// Starts that are counted, of all gazettes.
    pub async fn starts(&self) -> i64 {
        const STARTS: &str = "SELECT CAST(sum(starts) AS bigint) FROM prelo_gazettes";
        match &self.servers {
            Some(world) => world.number(STARTS).await,
            None => sqlx::query_scalar(STARTS).fetch_one(&mut self.sqlite().await.unwrap()).await.unwrap(),
        }
    }

    /// The catalogue of a folder; `None` while a killed run has not made its tables.
    async fn sqlite(&self) -> Option<SqliteConnection> {
        let path = self.data().join("catalog.db");
        if !path.exists() {
            return None;
        }
        let options = SqliteConnectOptions::new().filename(path).busy_timeout(std::time::Duration::from_secs(30));
        let mut connection = options.connect().await.unwrap();
        let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE name = 'prelo_gazettes'")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        (tables > 0).then_some(connection)
    }

    /// What there is now.
    pub async fn outcome(&self) -> Outcome {
        let mut outcome = Outcome::default();
        match &self.servers {
            Some(world) => self.of_servers(world, &mut outcome).await,
            None => self.of_folder(&mut outcome).await,
        }
        outcome.spool = names(&self.data().join("spool"));
        outcome
    }

    async fn of_folder(&self, outcome: &mut Outcome) {
        if let Some(mut connection) = self.sqlite().await {
            let rows = format!("SELECT json_object({ROW}) {FROM}");
            let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&mut connection).await.unwrap();
            for row in &rows {
                outcome.add_row(row);
            }
            outcome.open_runs = sqlx::query_scalar("SELECT count(*) FROM prelo_runs WHERE finished_at IS NULL")
                .fetch_one(&mut connection)
                .await
                .unwrap();
        }
        outcome.add_embedded(&self.index_folder(), self.prelo.path().to_str().unwrap());
        let texts = self.data().join("texts");
        if texts.is_dir() {
            outcome.texts = contents(&texts)
                .into_iter()
                .map(|(path, content)| {
                    (path.strip_prefix(&texts).unwrap().to_str().unwrap().to_owned(), md5_of(&content))
                })
                .collect();
        }
    }

    async fn of_servers(&self, world: &World, outcome: &mut Outcome) {
        if world.number(POSTGRES_HAS_TABLES).await > 0 {
            let rows = format!("SELECT CAST(json_build_object({ROW}) AS text) {FROM}");
            let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&world.pool).await.unwrap();
            for row in &rows {
                outcome.add_row(row);
            }
            outcome.open_runs = world.number("SELECT count(*) FROM prelo_runs WHERE finished_at IS NULL").await;
        }
        for (id, document) in world.whole_documents().await {
            let text = document["source_text"].as_str().unwrap().to_owned();
            outcome.add_document(id, &text, document, world.bucket());
        }
        for key in world.keys().await {
            if !self.uploaded.contains(&key) {
                let text = world.object(&key).await.unwrap();
                outcome.texts.insert(key, md5_of(&text));
            }
        }
    }

    /// Removes what was made.
    pub async fn remove(self) {
        if let Some(world) = self.servers {
            world.remove().await;
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}
