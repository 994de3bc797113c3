//! A folder of gazettes with a fault among healthy neighbours, run by the real binary.

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use prelo::failure::{FailureCode, Permanence};
use serde_json::{Value, json};

use super::engine::Engine;
use super::support::{Answer, Prelo};

/// Words that only one gazette holds.
pub const NEIGHBOURS: [(&str, &str); 2] = [("vizinho-a.txt", "jabuticabeira"), ("vizinho-z.txt", "carnaubeira")];

/// The text of a healthy gazette.
pub fn neighbour(word: &str) -> String {
    format!("Diário Oficial. Extrato de contrato: {word}.\n")
}

/// A fault by its number, the files that have it, and what the run is told.
pub struct Fault {
    row: u32,
    pub prelo: Arc<Prelo>,
    arguments: Vec<String>,
}

/// How the run over them ended.
pub struct Ran {
    row: u32,
    pub prelo: Arc<Prelo>,
    /// Where its texts went, unless into the embedded index.
    engine: Option<Engine>,
    pub answer: Answer,
    pub report: Value,
    pub log: Vec<Value>,
    survived: Cell<bool>,
}

impl Drop for Ran {
    fn drop(&mut self) {
        // Not before what the row itself asserts.
        if self.survived.get() && !std::thread::panicking() {
            eprintln!("FAULT {}: survived", self.row);
        }
    }
}

impl Fault {
    pub fn new(row: u32) -> Self {
        let prelo = Arc::new(Prelo::new());
        fs::create_dir(prelo.path().join("gazettes")).unwrap();
        let fault = Self { row, prelo, arguments: Vec::new() };
        NEIGHBOURS.iter().fold(fault, |fault, (name, word)| fault.file(name, neighbour(word).as_bytes()))
    }

    pub fn file(self, name: &str, content: &[u8]) -> Self {
        fs::write(self.prelo.path().join("gazettes").join(name), content).unwrap();
        self
    }

    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(ToString::to_string));
        self
    }

    /// Of one of its files.
    pub fn path(&self, name: &str) -> PathBuf {
        self.prelo.path().join("gazettes").join(name)
    }

    pub fn run(self) -> Ran {
        let mut arguments = vec!["run", "--folder", "gazettes", "--format", "json", "--log-level", "debug"];
        arguments.extend(self.arguments.iter().map(String::as_str));
        let answer = self.prelo.call(&arguments);
        Ran::new(self.row, self.prelo, None, answer)
    }
}

impl Ran {
    pub fn new(row: u32, prelo: Arc<Prelo>, engine: Option<Engine>, answer: Answer) -> Self {
        let report = serde_json::from_str(&answer.stdout)
            .unwrap_or_else(|error| panic!("row {row}: {error}\n{}\n{}", answer.stdout, answer.stderr));
        let log = answer.stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Self { row, prelo, engine, answer, report, log, survived: Cell::new(false) }
    }

    /// Both neighbours are found, nothing is left over, memory is bounded, and the exit status says whether any failed.
    #[track_caller]
    pub fn neighbours_are_well(&self) -> &Self {
        for (name, word) in NEIGHBOURS {
            assert_eq!(self.found(word), [name], "row {}: {}", self.row, self.report);
        }
        let failed: u64 = self.report["failed"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
        assert_eq!(self.answer.code, if failed > 0 { 3 } else { 0 }, "row {}: {}", self.row, self.report);
        assert_eq!(self.report["remaining"], 0, "row {}: {}", self.row, self.report);
        let indexed = self.report["indexed"].as_u64().unwrap();
        assert_eq!(indexed + failed, self.report["selected"].as_u64().unwrap(), "row {}: none is lost", self.row);
        let in_the_index = self.engine.as_ref().map_or(indexed, |engine| engine.ids().len() as u64);
        let status = self.prelo.json(0, &["status"]);
        assert_eq!(status["gazettes"]["processed"], in_the_index, "row {}: marked is what is indexed", self.row);
        let peak = self.report["peak_rss_bytes"].as_u64().unwrap();
        assert!(peak < 512 * 1024 * 1024, "row {}: {peak} bytes", self.row);
        self.survived.set(true);
        self
    }

    /// The file was set aside under one of the codes: in the log with its id, in the report, and in its story.
    #[track_caller]
    pub fn failed(&self, name: &str, codes: &[&str]) -> &Self {
        let lines: Vec<&Value> =
            self.log.iter().filter(|line| line["message"] == "failed" && line["key"] == name).collect();
        let [line] = lines[..] else { panic!("row {}: one line about {name} in\n{}", self.row, self.answer.stderr) };
        let code = line["code"].as_str().unwrap();
        assert!(codes.contains(&code), "row {}: {name}: {line}", self.row);
        assert!(self.report["failed"][code].as_u64() >= Some(1), "row {}: {}", self.row, self.report);
        let id = line["gazette_id"].as_i64().unwrap().to_string();
        let story = self.prelo.json(0, &["explain", &id]);
        assert!(story.to_string().contains(code), "row {}: {story}", self.row);
        // One that may pass has none either when its attempts are spent.
        let is_permanent = FailureCode::parse(code).unwrap().permanence() == Permanence::Permanent;
        assert!(!is_permanent || story["state"]["next_attempt_at"].is_null(), "row {}: {story}", self.row);
        self
    }

    /// The file was indexed: these words lead to it.
    #[track_caller]
    pub fn indexed(&self, name: &str, words: &str) -> &Self {
        assert_eq!(self.found(words), [name], "row {}: {}\n{}", self.row, self.report, self.answer.stderr);
        self
    }

    /// The run stopped because of a service, says so with these words, and holds no gazette responsible.
    #[track_caller]
    pub fn stopped(&self, words: &str) -> &Self {
        assert_eq!(self.answer.code, 4, "row {}: {}\n{}", self.row, self.report, self.answer.stderr);
        assert_eq!(self.report["failed"], json!({}), "row {}: {}", self.row, self.report);
        let stopping = self.line("stopping");
        assert_eq!(stopping["level"], "ERROR", "row {}: {stopping}", self.row);
        assert!(stopping["detail"].as_str().unwrap().contains(words), "row {}: {stopping}", self.row);
        let gazettes = &self.prelo.json(0, &["status"])["gazettes"];
        assert_eq!(gazettes["failed"], json!({}), "row {}: {gazettes}", self.row);
        assert_eq!(gazettes["processed"], self.report["indexed"], "row {}: {gazettes}", self.row);
        let left = gazettes["gazettes"].as_u64().unwrap() - gazettes["processed"].as_u64().unwrap();
        assert_eq!(gazettes["pending"], left, "row {}: what is not indexed is pending", self.row);
        self.survived.set(true);
        self
    }

    /// Lines of the log with this message.
    pub fn said(&self, message: &str) -> Vec<&Value> {
        self.log.iter().filter(|line| line["message"] == message).collect()
    }

    /// The files that hold these words.
    pub fn found(&self, words: &str) -> Vec<String> {
        if let Some(engine) = &self.engine {
            return engine.found(words);
        }
        let results = self.prelo.json(0, &["search", words]);
        let hits = results["hits"].as_array().unwrap();
        hits.iter().map(|hit| hit["file_path"].as_str().unwrap().to_owned()).collect()
    }

    /// One line of the log with this message, about a gazette.
    #[track_caller]
    pub fn line(&self, message: &str) -> &Value {
        let found = self.log.iter().find(|line| line["message"] == message);
        found.unwrap_or_else(|| panic!("row {}: no `{message}` in\n{}", self.row, self.answer.stderr))
    }
}
