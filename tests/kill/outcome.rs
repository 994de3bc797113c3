//! What runs have made of a backlog: rows, documents and stored texts, without what every run has of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};
use std::path::Path;

use ::tantivy::collector::DocSetCollector;
use ::tantivy::query::AllQuery;
use ::tantivy::schema::{TantivyDocument, Value as _};
use prelo::gazette::GazetteId;
use serde_json::{Map, Value};

use crate::support::servers::md5_of;

/// Everything that a backlog has become.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// By id: what the catalogue says of each gazette.
    pub rows: BTreeMap<i64, Value>,
    /// By id: every document of it in the index, with the md5 of its text in place of the text.
    pub documents: BTreeMap<i64, Vec<Value>>,
    /// By key: md5 of the stored text; and whatever else lies where texts are stored.
    pub texts: BTreeMap<String, String>,
    /// Runs that are not closed.
    pub open_runs: i64,
    /// What is left in the spool.
    pub spool: Vec<String>,
}

/// Of a gazette's row what an undisturbed run would write, too; understood by PostgreSQL and SQLite.
pub const ROW: &str = "'id', g.id, 'path', g.file_path, 'processed', g.processed, 'state', p.state, \
     'code', p.failure_code, 'detail', p.failure_detail, 'text_checksum', p.text_checksum, 'pages', p.pages, \
     'ocr_pages', p.ocr_pages, 'characters', p.characters, 'bytes', p.bytes, 'quality', p.quality, \
     'extractor_version', p.extractor_version, 'file_checksum', p.file_checksum, 'held', p.lease_run IS NOT NULL, \
     'starts', CASE WHEN p.state = 'indexed' THEN p.starts END";

pub const FROM: &str = "FROM gazettes g LEFT JOIN prelo_gazettes p ON p.gazette_id = g.id";

/// How an outcome differs from that of an undisturbed run.
#[derive(Debug, Default)]
pub struct Differences {
    /// Gazettes that are not marked, or not in the index, or whose text is not stored, and should be.
    pub lost: BTreeSet<i64>,
    /// Gazettes with more than one document.
    pub doubled: BTreeSet<i64>,
    /// Everything else, in words.
    pub other: Vec<String>,
}

impl Differences {
    pub fn is_empty(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.other.is_empty()
    }
}

impl Display for Differences {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { lost, doubled, other } = self;
        write!(formatter, "lost {lost:?}, doubled {doubled:?}, otherwise different: {}", other.join("\n"))
    }
}

impl Outcome {
    pub fn add_row(&mut self, json: &str) {
        let row: Value = serde_json::from_str(json).unwrap();
        self.rows.insert(row["id"].as_i64().unwrap(), row);
    }

    /// `world` is the folder or the name that differs from world to world, and stands in links.
    pub fn add_document(&mut self, id: i64, text: &str, mut record: Map<String, Value>, world: &str) {
        record.insert("text_md5".into(), md5_of(text.as_bytes()).into());
        for volatile in ["scraped_at", "created_at", "source_text"] {
            record.remove(volatile);
        }
        for volatile in ["run_id", "indexed_at"] {
            record["prelo"].as_object_mut().unwrap().remove(volatile).unwrap();
        }
        let record = Value::Object(record).to_string().replace(world, "WORLD");
        self.documents.entry(id).or_default().push(serde_json::from_str(&record).unwrap());
    }

    /// Every document of an embedded index, of its last commit.
    pub fn add_embedded(&mut self, folder: &Path, world: &str) {
        if !folder.join("meta.json").is_file() {
            return;
        }
        let index = ::tantivy::Index::open_in_dir(folder).unwrap();
        let field = |name: &str| index.schema().get_field(name).unwrap();
        let (id, text, record) = (field("id"), field("source_text"), field("record"));
        let searcher = index.reader().unwrap().searcher();
        for address in searcher.search(&AllQuery, &DocSetCollector).unwrap() {
            let document: TantivyDocument = searcher.doc(address).unwrap();
            let string = |field| document.get_first(field).unwrap().as_str().unwrap();
            let record = serde_json::from_str(string(record)).unwrap();
            let id = document.get_first(id).unwrap().as_i64().unwrap();
            self.add_document(GazetteId(id).0, string(text), record, world);
        }
    }

    /// Gazettes that are marked.
    pub fn marked(&self) -> usize {
        self.rows.values().filter(|row| is_true(&row["processed"])).count()
    }

    /// What is wrong with it at any instant, also right after a kill: gazettes that are marked and whose document or
    /// text is not there.
    pub fn marked_in_vain(&self) -> Vec<i64> {
        let marked = self.rows.iter().filter(|(_, row)| is_true(&row["processed"]));
        let vain = marked.filter(|(id, row)| {
            let document = self.documents.get(id).is_some_and(
                |documents| matches!(documents.as_slice(), [document] if document["text_md5"] == row["text_checksum"]),
            );
            let stored = self.texts.get(&text_key(row)).is_some_and(|md5| row["text_checksum"] == md5.as_str());
            !(document && stored)
        });
        vain.map(|(id, _)| *id).collect()
    }

    /// Compares with what an undisturbed run has made of the same backlog.
    pub fn against(&self, oracle: &Self) -> Differences {
        let mut differences = Differences::default();
        for (id, wanted) in &oracle.rows {
            let row = self.rows.get(id);
            let is_indexed = |row: &Value| is_true(&row["processed"]);
            if is_indexed(wanted)
                && !(row.is_some_and(is_indexed)
                    && self.documents.contains_key(id)
                    && self.texts.contains_key(&text_key(wanted)))
            {
                differences.lost.insert(*id);
            } else if row != Some(wanted) {
                differences.other.push(format!("row {id} is {row:?}, should be {wanted}"));
            }
        }
        for (id, documents) in &self.documents {
            if documents.len() > 1 {
                differences.doubled.insert(*id);
            } else if oracle.documents.get(id) != Some(documents) {
                let wanted = oracle.documents.get(id);
                differences.other.push(format!("document {id} is {documents:?}, should be {wanted:?}"));
            }
        }
        for (key, md5) in &self.texts {
            let wanted = oracle.texts.get(key);
            if wanted != Some(md5) {
                differences.other.push(format!("text {key} has md5 {md5}, should have {wanted:?}"));
            }
        }
        let extra = self.rows.keys().filter(|id| !oracle.rows.contains_key(id));
        differences.other.extend(extra.map(|id| format!("row {id} should not be there")));
        if self.open_runs > 0 {
            differences.other.push(format!("{} runs are not closed", self.open_runs));
        }
        differences.other.extend(self.spool.iter().map(|name| format!("{name} is left in the spool")));
        differences
    }
}

fn text_key(row: &Value) -> String {
    format!("{}.txt", row["path"].as_str().unwrap())
}

/// SQLite has no booleans.
fn is_true(value: &Value) -> bool {
    value == &Value::Bool(true) || value == &Value::from(1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn whole() -> Outcome {
        let mut outcome = Outcome::default();
        for id in 1..=2 {
            let checksum = md5_of(b"text");
            outcome.add_row(
                &json!({"id": id, "path": id.to_string(), "processed": 1, "text_checksum": checksum}).to_string(),
            );
            let record = json!({"prelo": {"run_id": "r", "indexed_at": "t"}, "url": "here/x"});
            outcome.add_document(id, "text", record.as_object().unwrap().clone(), "here");
            outcome.texts.insert(format!("{id}.txt"), checksum);
        }
        outcome
    }

    /// A comparison that cannot fail would show nothing.
    #[test]
    fn every_kind_of_damage_is_seen() {
        let oracle = whole();
        assert!(whole().against(&oracle).is_empty() && whole().marked_in_vain().is_empty());

        let mut lost = whole();
        lost.documents.remove(&1);
        assert_eq!(lost.marked_in_vain(), [1]);
        assert_eq!(lost.against(&oracle).lost, BTreeSet::from([1]));
        let mut lost = whole();
        lost.texts.remove("2.txt");
        assert_eq!(lost.marked_in_vain(), [2]);
        assert_eq!(lost.against(&oracle).lost, BTreeSet::from([2]));
        let mut lost = whole();
        lost.rows.get_mut(&1).unwrap()["processed"] = json!(0);
        assert_eq!(lost.against(&oracle).lost, BTreeSet::from([1]));

        let mut doubled = whole();
        let again = doubled.documents[&2][0].clone();
        doubled.documents.get_mut(&2).unwrap().push(again);
        assert_eq!(doubled.against(&oracle).doubled, BTreeSet::from([2]));

        for change in [
            |outcome: &mut Outcome| outcome.open_runs = 1,
            |outcome: &mut Outcome| outcome.spool.push("1".into()),
            |outcome: &mut Outcome| drop(outcome.texts.insert(".part".into(), String::new())),
            |outcome: &mut Outcome| outcome.rows.get_mut(&1).unwrap()["state"] = json!("started"),
            |outcome: &mut Outcome| outcome.documents.get_mut(&1).unwrap()[0]["url"] = json!("elsewhere"),
            |outcome: &mut Outcome| drop(outcome.documents.insert(3, vec![json!({})])),
            |outcome: &mut Outcome| drop(outcome.rows.insert(3, json!({}))),
        ] {
            let mut other = whole();
            change(&mut other);
            assert_eq!(other.against(&oracle).other.len(), 1, "{other:?}");
        }
    }
}
