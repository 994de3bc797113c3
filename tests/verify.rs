//! `verify`: every way in which catalogue, storage and index can come apart is named, and `--repair` and a run put it
//! right.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use prelo::config::{Config, Sources, load};
use prelo::gazette::{Gazette, GazetteId};
use prelo::search_index::document::{Links, Provenance};
use prelo::search_index::{self, Document, ItemOutcome, SearchIndex};
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use support::servers::{Row, World, md5_of};
use support::{Prelo, copy, fixtures};
use time::macros::date;

mod support;

/// Gazettes of the fixtures that can be read.
const INDEXED: u64 = 12;

/// The fixtures after a run over them.
struct Embedded {
    prelo: Prelo,
    database: SqlitePool,
}

impl Embedded {
    async fn new() -> Self {
        let prelo = Prelo::new();
        copy(&fixtures(), &prelo.path().join("gazettes"));
        prelo.expect(3, &["run", "--folder", "gazettes"]);
        let file = prelo.path().join("prelo-data/catalog.db");
        let database = SqlitePool::connect_with(SqliteConnectOptions::new().filename(file)).await.unwrap();
        Self { prelo, database }
    }

    /// Ids and keys of what was indexed, lowest id first.
    async fn indexed(&self) -> Vec<(i64, String)> {
        let query = "SELECT id, file_path FROM gazettes WHERE processed ORDER BY id";
        sqlx::query_as(query).fetch_all(&self.database).await.unwrap()
    }

    async fn execute(&self, statement: &'static str, id: i64) {
        let changed = sqlx::query(statement).bind(id).execute(&self.database).await.unwrap();
        assert_eq!(changed.rows_affected(), 1, "{statement}");
    }

    fn text(&self, key: &str) -> PathBuf {
        self.prelo.path().join("prelo-data/texts").join(format!("{key}.txt"))
    }

    /// The index behind prelo's back. It holds the writer's lock until it is dropped.
    async fn index(&self) -> Box<dyn SearchIndex> {
        search_index::open(&configured(&format!("tantivy://{}/prelo-data/index", self.prelo.path().display())))
            .await
            .unwrap()
    }
}

fn configured(index: &str) -> Config {
    load(&Sources { flags: [("index".to_owned(), index.to_owned())].into(), ..Sources::default() }).unwrap().config
}

/// A document as an earlier run wrote it.
fn document(id: i64, file_checksum: &str) -> Document {
    let gazette = Gazette {
        id: GazetteId(id),
        territory_id: None,
        territory: None,
        date: Some(date!(2020 - 01 - 01)),
        edition_number: None,
        is_extra_edition: None,
        power: None,
        file_checksum: Some(file_checksum.to_owned()),
        file_path: Some("antigo.pdf".into()),
        file_url: None,
        scraped_at: None,
        created_at: None,
    };
    let provenance = Provenance { run_id: "an earlier one".into(), ..Provenance::default() };
    Document::new(&gazette, "Portaria antiga.".into(), "antigo.pdf.txt", &Links::default(), provenance)
}

async fn put(index: &dyn SearchIndex, document: &Document) {
    assert_eq!(index.bulk(&[document]).await.unwrap(), [ItemOutcome::Acknowledged]);
    index.refresh().await.unwrap();
}

/// Class and gazette of each finding.
fn found(answer: &Value) -> BTreeSet<(String, i64)> {
    let findings = answer["findings"].as_array().unwrap();
    let named = |finding: &Value| {
        (finding["class"].as_str().unwrap().to_owned(), finding["gazette_id"].as_i64().unwrap_or_default())
    };
    let all: BTreeSet<_> = findings.iter().map(named).collect();
    assert_eq!(all.len(), findings.len(), "nothing is named twice: {answer}");
    let counted: u64 = answer["summary"]["findings"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(counted, findings.len() as u64, "{answer}");
    all
}

fn named(findings: &[(&str, i64)]) -> BTreeSet<(String, i64)> {
    findings.iter().map(|(class, id)| ((*class).to_owned(), *id)).collect()
}

#[tokio::test]
async fn every_disagreement_of_a_folder_is_named_and_put_right() {
    let world = Embedded::new().await;
    let prelo = &world.prelo;
    let clean = prelo.json(0, &["verify"]);
    assert_eq!(clean["findings"], json!([]));
    for (count, expected) in [("rows", INDEXED), ("files", INDEXED), ("texts", INDEXED), ("documents", INDEXED)] {
        assert_eq!(clean["summary"][count], expected, "{count}: {clean}");
    }

    let rows = world.indexed().await;
    let [unindexed, textless, altered, stale, rowless, vanished] = [0, 1, 2, 3, 4, 5].map(|n| rows[n].clone());
    {
        let index = world.index().await;
        index.remove(&[unindexed.0.to_string()]).await.unwrap();
        put(&*index, &document(stale.0, "d41d8cd98f00b204e9800998ecf8427e")).await;
        put(&*index, &document(4_711, "x")).await;
    }
    fs::remove_file(world.text(&textless.1)).unwrap();
    let text = fs::read_to_string(world.text(&altered.1)).unwrap();
    fs::write(world.text(&altered.1), text.replace('a', "e")).unwrap();
    world.execute("DELETE FROM gazettes WHERE id = $1", rowless.0).await;
    fs::rename(prelo.path().join("gazettes").join(&vanished.1), prelo.path().join("aside")).unwrap();

    let wrong = named(&[
        ("NOT_IN_INDEX", unindexed.0),
        ("TEXT_MISSING", textless.0),
        ("TEXT_ALTERED", altered.0),
        ("STALE_DOCUMENT", stale.0),
        ("ORPHAN_DOCUMENT", rowless.0),
        ("ORPHAN_DOCUMENT", 4_711),
        ("FILE_MISSING", vanished.0),
    ]);
    // In pages of every size, and without being changed by looking.
    for size in ["1", "2", "5", "1000"] {
        let answer = prelo.json(3, &["verify", "--page-size", size]);
        assert_eq!(found(&answer), wrong, "pages of {size}");
        let file =
            answer["findings"].as_array().unwrap().iter().find(|finding| finding["class"] == "FILE_MISSING").unwrap();
        assert_eq!(file["key"], vanished.1.as_str());
        assert_eq!(answer["summary"]["unrepaired"], 7);
    }
    let without =
        |classes: &[&str]| wrong.iter().filter(|(class, _)| !classes.contains(&class.as_str())).cloned().collect();
    let unread: BTreeSet<_> = without(&["TEXT_MISSING", "TEXT_ALTERED"]);
    assert_eq!(found(&prelo.json(3, &["verify", "--no-texts"])), unread);
    let unasked: BTreeSet<_> = without(&["TEXT_MISSING", "TEXT_ALTERED", "FILE_MISSING"]);
    assert_eq!(found(&prelo.json(3, &["verify", "--quick"])), unasked);
    let text = prelo.expect(3, &["verify", "--limit", "2"]).stdout;
    assert!(text.contains("… and 5 more") && text.contains("prelo verify --repair"), "{text}");
    assert_eq!(prelo.json(3, &["verify", "--limit", "0"])["findings"], json!([]));

    fs::rename(prelo.path().join("aside"), prelo.path().join("gazettes").join(&vanished.1)).unwrap();
    let repaired = prelo.json(3, &["verify", "--repair"]);
    assert_eq!((&repaired["summary"]["reopened"], &repaired["summary"]["removed"]), (&json!(4), &json!(0)));
    assert_eq!(repaired["summary"]["unrepaired"], 2, "orphans are removed only when that is asked for: {repaired}");
    for finding in repaired["findings"].as_array().unwrap() {
        assert_eq!(finding["repaired"], finding["class"] != "ORPHAN_DOCUMENT", "{finding}");
    }
    let removed = prelo.json(0, &["verify", "--repair", "--delete-orphans"]);
    assert_eq!(found(&removed), named(&[("ORPHAN_DOCUMENT", rowless.0), ("ORPHAN_DOCUMENT", 4_711)]));
    assert_eq!(removed["summary"]["removed"], 2);

    let report = prelo.json(0, &["run"]);
    // The row that was deleted is registered again: its file is still there.
    assert_eq!(report["indexed"], 5, "{report}");
    let clean = prelo.expect(0, &["verify"]).stdout;
    assert!(clean.contains("Catalogue, storage and index agree."), "{clean}");
    assert_eq!(fs::read_to_string(world.text(&altered.1)).unwrap(), text_of(&world, &altered).await);
}

/// The text as the index finds it has the checksum that the catalogue noted.
async fn text_of(world: &Embedded, (id, key): &(i64, String)) -> String {
    let text = fs::read_to_string(world.text(key)).unwrap();
    let noted: String = sqlx::query_scalar("SELECT text_checksum FROM prelo_gazettes WHERE gazette_id = $1")
        .bind(id)
        .fetch_one(&world.database)
        .await
        .unwrap();
    assert_eq!(md5_of(text.as_bytes()), noted);
    text
}

#[tokio::test]
async fn a_lost_index_is_rebuilt_and_a_wrong_catalogue_removes_nothing() {
    let world = Embedded::new().await;
    let prelo = &world.prelo;
    // More than half of the index without a row: the operator has taken the wrong catalogue.
    sqlx::query("DELETE FROM gazettes").execute(&world.database).await.unwrap();
    let refused = prelo.json(3, &["verify", "--repair", "--delete-orphans"]);
    assert_eq!((&refused["summary"]["removal_refused"], &refused["summary"]["removed"]), (&json!(true), &json!(0)));
    assert_eq!(refused["summary"]["findings"]["ORPHAN_DOCUMENT"], INDEXED);
    assert_eq!(world.index().await.count().await.unwrap(), INDEXED);

    let world = Embedded::new().await;
    let prelo = &world.prelo;
    fs::remove_dir_all(prelo.path().join("prelo-data/index")).unwrap();
    let lost = prelo.json(3, &["verify"]);
    assert_eq!(lost["summary"]["findings"], json!({ "NOT_IN_INDEX": INDEXED }));
    assert_eq!(prelo.json(0, &["verify", "--repair"])["summary"]["reopened"], INDEXED);
    assert_eq!(prelo.json(0, &["run"])["indexed"], INDEXED);
    assert_eq!(prelo.json(0, &["verify"])["summary"]["documents"], INDEXED);
}

#[tokio::test]
async fn a_live_run_is_respected() {
    let world = Embedded::new().await;
    let prelo = &world.prelo;
    let rows = world.indexed().await;
    {
        let index = world.index().await;
        index.remove(&[rows[0].0.to_string(), rows[1].0.to_string()]).await.unwrap();
    }
    // A run as the database knows it, with one of the two gazettes in its hands.
    for statement in [
        "INSERT INTO prelo_runs (id, selection, counts, started_at, heartbeat_at, lease_until) \
         SELECT '00000000-0000-4000-8000-000000000001', selection, counts, started_at, heartbeat_at, \
         strftime('%Y-%m-%d %H:%M:%f', 'now', '+1 hours') FROM prelo_runs LIMIT 1",
        "UPDATE prelo_gazettes SET lease_run = '00000000-0000-4000-8000-000000000001', state = 'claimed', \
         lease_until = strftime('%Y-%m-%d %H:%M:%f', 'now', '+1 hours') \
         WHERE gazette_id = (SELECT min(id) FROM gazettes WHERE processed)",
    ] {
        sqlx::query(statement).execute(&world.database).await.unwrap();
    }
    let looked = prelo.json(3, &["verify"]);
    assert_eq!(found(&looked), named(&[("NOT_IN_INDEX", rows[1].0)]), "what is in work is no finding");
    assert_eq!(looked["summary"]["in_work"], 1);

    let busy = prelo.json(0, &["verify", "--repair"]);
    assert!(busy["already_running"]["run_id"].is_string(), "{busy}");
    let processed: i64 =
        sqlx::query_scalar("SELECT count(*) FROM gazettes WHERE processed").fetch_one(&world.database).await.unwrap();
    assert_eq!(processed, i64::try_from(INDEXED).unwrap(), "nothing was made pending");

    sqlx::query("UPDATE prelo_runs SET lease_until = started_at WHERE finished_at IS NULL")
        .execute(&world.database)
        .await
        .unwrap();
    assert_eq!(prelo.json(0, &["verify", "--repair"])["summary"]["reopened"], 2, "the dead run's gazettes are free");
    let open: i64 = sqlx::query_scalar("SELECT count(*) FROM prelo_runs WHERE finished_at IS NULL")
        .fetch_one(&world.database)
        .await
        .unwrap();
    assert_eq!(open, 0, "the lease was given back");
    assert_eq!(prelo.json(0, &["run"])["indexed"], 2);
    prelo.json(0, &["verify"]);
}

#[tokio::test]
async fn what_cannot_be_seen_is_not_made_pending() {
    let world = Embedded::new().await;
    let prelo = &world.prelo;
    let (id, key) = world.indexed().await[0].clone();
    let text = fs::read(world.text(&key)).unwrap();
    fs::remove_file(world.text(&key)).unwrap();
    fs::create_dir(world.text(&key)).unwrap();
    let answer = prelo.json(3, &["verify", "--repair"]);
    assert_eq!(found(&answer), named(&[("UNREADABLE", id)]));
    assert_eq!((&answer["summary"]["reopened"], &answer["summary"]["unrepaired"]), (&json!(0), &json!(1)));
    fs::remove_dir(world.text(&key)).unwrap();
    fs::write(world.text(&key), text).unwrap();
    prelo.json(0, &["verify"]);
}

#[test]
fn mistakes_and_empty_places_are_told() {
    let prelo = Prelo::new();
    assert!(prelo.expect(0, &["verify"]).stdout.starts_with("Nothing here yet"));
    assert_eq!(prelo.json(0, &["verify"])["summary"]["rows"], 0);
    assert!(!prelo.path().join("prelo-data").exists(), "looking makes no files");
    for wrong in [&["verify", "--delete-orphans"][..], &["verify", "--quick", "--no-texts"]] {
        prelo.expect(2, wrong);
    }
}

/// Rows of one small file each, in two territories.
async fn filled(world: &World, count: u8) -> Vec<i64> {
    let mut rows = Vec::new();
    for n in 1..=count {
        let content = format!("Portaria nº {n}: homologa o pregão eletrônico.").into_bytes();
        let path = format!("2704302/{n}.txt");
        let checksum = md5_of(&content);
        world.upload(&path, content).await;
        rows.push(Row {
            territory: "2704302".into(),
            date: date!(2024 - 01 - 01).replace_day(n).unwrap(),
            checksum,
            path,
        });
    }
    world.insert(&rows).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_disagreement_of_the_real_servers_is_named_and_put_right() {
    let Some(world) = World::new("verify").await else { return };
    let ids = filled(&world, 20).await;
    let prelo = world.prelo();
    prelo.expect(0, &["run"]);
    let clean = prelo.json(0, &["verify", "--page-size", "7"]);
    assert_eq!((&clean["findings"], &clean["summary"]["texts"]), (&json!([]), &json!(20)));
    assert_eq!(clean["summary"]["documents"], 20);

    world.delete_document(&ids[0].to_string()).await;
    world.delete_object("2704302/2.txt.txt").await;
    world.upload("2704302/3.txt.txt", b"Outro texto.".to_vec()).await;
    world.delete_object("2704302/4.txt").await;
    world.execute("UPDATE gazettes SET file_checksum = 'another' WHERE date = '2024-01-05'").await;
    world.execute("DELETE FROM gazettes WHERE date = '2024-01-06'").await;
    // The predecessor's way: marked, no state of prelo's, and a document named by the file's checksum.
    world.execute("DELETE FROM prelo_gazettes WHERE gazette_id IN (SELECT id FROM gazettes WHERE date IN ('2024-01-07', '2024-01-08'))").await;
    let checksum = |n: u8| md5_of(format!("Portaria nº {n}: homologa o pregão eletrônico.").as_bytes());
    world.delete_document(&ids[6].to_string()).await;
    world.delete_document(&ids[7].to_string()).await;
    for (n, key) in [(7, checksum(7)), (9, checksum(9))] {
        let document = json!({"id": ids[n - 1].to_string(), "file_checksum": key, "source_text": "Portaria"});
        world.put_document(&key, document).await;
    }
    world.put_document("stray", json!({"source_text": "Portaria"})).await;

    let wrong = named(&[
        ("NOT_IN_INDEX", ids[0]),
        ("TEXT_MISSING", ids[1]),
        ("TEXT_ALTERED", ids[2]),
        ("FILE_MISSING", ids[3]),
        ("STALE_DOCUMENT", ids[4]),
        ("ORPHAN_DOCUMENT", ids[5]),
        ("NOT_IN_INDEX", ids[7]),
        ("DUPLICATE_DOCUMENT", ids[8]),
        ("ORPHAN_DOCUMENT", 0),
    ]);
    for size in ["1", "4", "1000"] {
        let answer = prelo.json(3, &["verify", "--page-size", size]);
        assert_eq!(found(&answer), wrong, "pages of {size}");
        assert_eq!(answer["summary"]["by_predecessor"], 2);
    }

    let answer = prelo.json(3, &["verify", "--repair", "--delete-orphans"]);
    assert_eq!(found(&answer), wrong);
    assert_eq!((&answer["summary"]["reopened"], &answer["summary"]["removed"]), (&json!(6), &json!(2)));
    let left = answer["findings"].as_array().unwrap().iter().filter(|finding| finding["repaired"] == false);
    assert_eq!(left.map(|finding| &finding["document"]).collect::<Vec<_>>(), ["stray"], "not prelo's to remove");
    world.delete_document("stray").await;
    world.upload("2704302/4.txt", "Portaria nº 4: homologa o pregão eletrônico.".as_bytes().to_vec()).await;
    world.execute("UPDATE gazettes SET file_checksum = NULL WHERE file_checksum = 'another'").await;
    assert_eq!(prelo.json(0, &["run"])["indexed"], 6);
    let clean = prelo.json(0, &["verify"]);
    assert_eq!((&clean["findings"], &clean["summary"]["by_predecessor"]), (&json!([]), &json!(1)));
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_down_is_no_finding() {
    let Some(world) = World::new("verify-down").await else { return };
    filled(&world, 3).await;
    world.prelo().expect(0, &["run"]);
    for (variable, value) in [
        ("OPENSEARCH_HOST", "http://127.0.0.1:1"),
        ("STORAGE_ENDPOINT", "http://127.0.0.1:1"),
        ("STORAGE_BUCKET", "no-such-bucket-of-ours"),
        ("STORAGE_ACCESS_SECRET", "hunter2"),
    ] {
        let prelo = world
            .prelo()
            .with(variable, value)
            .with("PRELO_RETRY_MIN_DELAY_MS", "1")
            .with("PRELO_RETRY_MAX_DELAY_MS", "5");
        let answer = prelo.expect(4, &["verify", "--repair", "--delete-orphans"]);
        assert!(!(answer.stdout + &answer.stderr).contains("hunter2"), "{variable}");
        assert_eq!(world.processed().await.len(), 3, "{variable}: nothing was made pending");
    }
    assert_eq!(world.count_documents().await, 3);
    world.prelo().expect(0, &["verify"]);
    world.remove().await;
}
