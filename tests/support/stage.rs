//! The pipeline between a real catalogue and services that fail as they are told.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prelo::catalog::{self, Catalog, FolderFile};
use prelo::config::{Config, Sources, load};
use prelo::gazette::{GazetteId, RunId, Selection, Territory};
use prelo::pipeline::{self, Context, Dependencies, Ended, Report};
use prelo::search_index::SearchIndex;
use prelo::shutdown::{Shutdown, StopReason};
use prelo::storage::Storage;
use prelo::telemetry::Telemetry;
use serde_json::Value;

use super::doubles::{Get, ScriptedIndex, ScriptedStorage};

/// A catalogue with `names` as pending gazettes, ids from 1 in their order, and one object for each.
pub struct Stage {
    pub config: Arc<Config>,
    pub catalog: Arc<dyn Catalog>,
    pub storage: ScriptedStorage,
    pub index: ScriptedIndex,
    /// Services that are used instead of the doubles.
    pub real_storage: Option<Arc<dyn Storage>>,
    pub real_index: Option<Arc<dyn SearchIndex>>,
    /// The run to come.
    pub run: RunId,
    folder: tempfile::TempDir,
}

impl Stage {
    /// Without patience: a service that is down stops the run as soon as that is known.
    pub async fn new(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flags = [
            ("data", folder.path().to_str().unwrap()),
            ("retry_min_delay_ms", "1"),
            ("retry_max_delay_ms", "2"),
            ("download_stall_timeout_seconds", "1"),
            ("bulk_delay_ms", "50"),
            ("dependency_patience_seconds", "0"),
            ("ocr", "off"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
        let config = load(&Sources { flags: flags.into(), ..Sources::default() }).unwrap().config;
        let catalog: Arc<dyn Catalog> = Arc::from(catalog::open(&config).await.unwrap());
        catalog.migrate().await.unwrap();
        let mut storage = ScriptedStorage::default();
        let files: Vec<FolderFile> = names
            .iter()
            .map(|name| {
                let content = format!("Portaria de {name}, que homologa o pregão.").into_bytes();
                let file = FolderFile {
                    path: (*name).to_owned(),
                    bytes: content.len() as u64,
                    modified_ns: 0,
                    file_checksum: super::servers::md5_of(&content),
                    metadata_checksum: String::new(),
                    territory: Territory { id: String::new(), name: String::new(), state_code: String::new() },
                    date: None,
                    edition_number: None,
                    is_extra_edition: None,
                    power: None,
                    file_url: None,
                };
                storage.objects.insert((*name).to_owned(), content);
                file
            })
            .collect();
        catalog.registry().unwrap().register(&files).await.unwrap();
        Self {
            config: Arc::new(config),
            catalog,
            storage,
            index: ScriptedIndex::default(),
            real_storage: None,
            real_index: None,
            run: RunId::new(),
            folder,
        }
    }

    /// Changes settings.
    pub fn set(&mut self, change: impl FnOnce(&mut Config)) {
        change(Arc::make_mut(&mut self.config));
    }

    pub fn script(&self, name: &str, gets: &[Get]) {
        self.storage.gets.lock().unwrap().insert(name.to_owned(), gets.iter().copied().collect());
    }

    /// So many runs die while they read these gazettes.
    pub async fn died(&self, ids: &[i64], times: u32) {
        let ids: Vec<GazetteId> = ids.iter().copied().map(GazetteId).collect();
        for _ in 0..times {
            let (run, selection) = (RunId::new(), Selection::default());
            self.catalog.begin_run(run, &selection, Duration::ZERO).await.unwrap();
            assert_eq!(self.catalog.claim(run, &ids, Duration::ZERO, false).await.unwrap().len(), ids.len());
            for id in &ids {
                assert!(self.catalog.start(run, *id).await.unwrap());
            }
        }
    }

    pub async fn run(self) -> Played {
        self.run_until(std::future::pending()).await
    }

    /// Runs, and is told to end when `signal` comes.
    pub async fn run_until(self, signal: impl Future<Output = ()>) -> Played {
        let spooled = self.config.spool.join(self.run.to_string());
        let played = self.run_unchecked(signal).await;
        let status = played.catalog.status().await.unwrap();
        assert_eq!(status.processed, played.report.indexed, "what is marked is what was indexed");
        assert_eq!(status.claimed, 0, "nothing is held after a run");
        assert!(!spooled.exists(), "nothing of this run is left in the spool");
        played
    }

    /// The same, for a catalogue that cannot be asked afterwards.
    pub async fn run_unchecked(self, signal: impl Future<Output = ()>) -> Played {
        let (storage, index) = (Arc::new(self.storage), Arc::new(self.index));
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(move || writer.clone())
            .finish();
        // All of a test runs in one thread.
        let _guard = tracing::subscriber::set_default(subscriber);
        let context = Context {
            dependencies: Dependencies::new(&self.config),
            sandbox: super::readers(&self.config),
            ocr: Arc::new(super::ocr(&self.config)),
            config: Arc::new(prelo::config::LiveConfig::from((*self.config).clone())),
            catalog: self.catalog.clone(),
            storage: self.real_storage.unwrap_or_else(|| storage.clone()),
            index: self.real_index.unwrap_or_else(|| index.clone()),
            telemetry: Telemetry::new(self.run),
            shutdown: Shutdown::default(),
        };
        let selection = Selection::default();
        let run = pipeline::run(&context, &selection);
        tokio::pin!(run);
        let ended = tokio::select! {
            ended = &mut run => ended.unwrap(),
            () = signal => {
                context.shutdown.drain(StopReason::Signal(15));
                run.await.unwrap()
            }
        };
        let Ended::Ran(report) = ended else { panic!("{ended:?}") };
        Played { report, storage, index, catalog: self.catalog, lines: log.lines(), _folder: self.folder }
    }
}

pub struct Played {
    pub report: Report,
    pub storage: Arc<ScriptedStorage>,
    pub index: Arc<ScriptedIndex>,
    pub catalog: Arc<dyn Catalog>,
    /// The log, from debug on.
    pub lines: Vec<Value>,
    _folder: tempfile::TempDir,
}

impl Played {
    pub fn failed(&self) -> BTreeMap<&str, u64> {
        self.report.failed.iter().map(|(code, count)| (code.as_str(), *count)).collect()
    }

    /// Lines in which this field has this value.
    pub fn said(&self, field: &str, value: &str) -> Vec<&Value> {
        self.lines.iter().filter(|line| line[field] == value).collect()
    }

    /// What became of the breaker of a service, in order.
    pub fn breaker(&self, service: &str) -> Vec<&str> {
        self.said("service", service).into_iter().filter_map(|line| line["breaker"].as_str()).collect()
    }
}

/// Log lines as they come.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self) -> Vec<Value> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
