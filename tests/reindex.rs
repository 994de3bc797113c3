//! A new version of the index from the stored texts, also when it is killed, and while runs go on.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use prelo::config::{Secret, Sources, load};
use prelo::failpoint::VARIABLE;
use prelo::gazette::GazetteId;
use prelo::search_index;
use serde_json::{Value, json};
use support::servers::{Row, World, md5_of};
use support::{Prelo, copy, fixtures};
use time::macros::date;

mod support;

fn folder_of(prelo: &Prelo, texts: usize) -> PathBuf {
    let folder = prelo.path().join("gazettes");
    fs::create_dir(&folder).unwrap();
    for n in 0..texts {
        fs::write(folder.join(format!("{n:03}.txt")), format!("Decreto nº {n}, do pregão eletrônico.")).unwrap();
    }
    folder
}

/// The run that wrote each document, by gazette, and by the catalogue.
async fn runs(prelo: &Prelo, ids: std::ops::RangeInclusive<i64>) -> BTreeMap<i64, String> {
    let mut config = load(&Sources::default()).unwrap().config;
    config.index = Secret::new(format!("tantivy://{}", prelo.path().join("prelo-data/index").display()));
    let index = search_index::open(&config).await.unwrap();
    let mut runs = BTreeMap::new();
    for id in ids {
        if let Some(found) = index.find(GazetteId(id)).await.unwrap() {
            runs.insert(id, found.run_id);
        }
    }
    runs
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_new_version_holds_what_the_one_before_held_and_one_can_go_back() {
    let prelo = Prelo::new();
    let nothing = prelo.expect(2, &["reindex"]);
    assert!(nothing.stderr.contains("`prelo run` comes first"), "{}", nothing.stderr);
    let folder = prelo.path().join("gazettes");
    copy(&fixtures(), &folder);
    prelo.expect(3, &["run", "--folder", "gazettes"]);
    let before = prelo.json(0, &["search", "pregão", "--limit", "100"]);
    let explained = prelo.json(0, &["explain", "1"])["index"].clone();

    let refused = prelo.expect(2, &["reindex", "--rollback"]);
    assert!(refused.stderr.contains("no version to go back to"), "{}", refused.stderr);
    let answer = prelo.expect(0, &["reindex"]);
    assert!(answer.stdout.contains("index-000002 is searched now.\nindex is kept. Back to it: "), "{}", answer.stdout);
    assert_eq!(prelo.json(0, &["search", "pregão", "--limit", "100"]), before);
    let now = prelo.json(0, &["explain", "1"])["index"].clone();
    assert_eq!((&now["run_id"], &now["pages"]), (&explained["run_id"], &explained["pages"]));
    prelo.expect(0, &["verify"]);

    // What is indexed since is in the one before, too, when one has gone back to it.
    fs::write(folder.join("nova.txt"), "Portaria que nomeia Zulmira Exemplar.").unwrap();
    prelo.expect(0, &["run"]);
    let back = prelo.json(0, &["reindex", "--rollback"]);
    assert_eq!((&back["switched"], &back["version"]), (&json!(true), &json!("index")), "{back}");
    assert_eq!(prelo.json(0, &["search", "Zulmira"])["total"], 1);
    prelo.expect(0, &["verify"]);
    let again = prelo.json(0, &["reindex", "--rollback"]);
    assert_eq!(again["version"], "index-000002");
    assert_eq!(prelo.json(0, &["search", "Zulmira"])["total"], 1);

    // As it is left by who is killed between the pointer and the folder; the other is somebody's own.
    let (data, pointer) = (prelo.path().join("prelo-data"), prelo.path().join("prelo-data/index.versions"));
    copy(&data.join("index"), &data.join("index-000001"));
    copy(&data.join("index"), &data.join("index.backup"));
    let mut told: Value = serde_json::from_slice(&fs::read(&pointer).unwrap()).unwrap();
    told["removing"] = json!(["index-000001"]);
    fs::write(&pointer, told.to_string()).unwrap();
    let third = prelo.json(0, &["reindex"]);
    assert_eq!((&third["version"], &third["removed"]), (&json!("index-000003"), &json!("index")));
    let dropped = prelo.expect(0, &["reindex", "--drop-old"]);
    let words = "index-000002, which was kept for --rollback, was removed: there is no way back to it. index-000003 is \
                 searched as before.\n";
    assert_eq!(dropped.stdout, words);
    let nothing = prelo.json(0, &["reindex", "--cancel"]);
    assert_eq!((&nothing["removed"], &nothing["searched"]), (&json!(null), &json!("index-000003")));
    let data = names(&prelo.path().join("prelo-data"));
    assert!(data.contains(&"index.backup".to_owned()), "{data:?}");
    assert_eq!(data.iter().filter(|name| name.starts_with("index-")).count(), 2, "a folder and its turns: {data:?}");
    assert_eq!(prelo.json(0, &["search", "Zulmira"])["total"], 1);
    fs::write(folder.join("outra.txt"), "Portaria que exonera Zulmira Exemplar.").unwrap();
    prelo.expect(0, &["run"]);
    assert_eq!(prelo.json(0, &["search", "Zulmira"])["total"], 2);
}

#[test]
fn a_text_that_is_missing_is_named_and_keeps_the_version_from_its_place() {
    let prelo = Prelo::new();
    folder_of(&prelo, 5);
    prelo.expect(0, &["run", "--folder", "gazettes"]);
    fs::remove_file(prelo.path().join("prelo-data/texts/002.txt.txt")).unwrap();
    fs::write(prelo.path().join("prelo-data/texts/001.txt.txt"), "\n\u{c}\n").unwrap();
    let summary = prelo.json(3, &["reindex"]);
    assert_eq!((&summary["switched"], &summary["missing"]), (&json!(false), &json!(2)), "{summary}");
    let named = |n: usize| summary["first_missing"][n].as_str().unwrap().rsplit(' ').next().unwrap().to_owned();
    assert_eq!((named(0), named(1)), ("002.txt".into(), "001.txt".into()), "an empty text is none: {summary}");
    assert_eq!(prelo.json(0, &["search", "pregão"])["total"], 5, "the one before is searched");
    let answer = prelo.expect(3, &["reindex", "--accept-fewer"]);
    assert!(answer.stdout.contains("no stored text: 3 002.txt") && answer.stdout.contains("is searched now"));
    assert_eq!(prelo.json(0, &["search", "pregão"])["total"], 3);
    prelo.expect(0, &["verify", "--repair"]);
    prelo.expect(0, &["run"]);
    assert_eq!(prelo.json(0, &["search", "pregão"])["total"], 5);
}

#[test]
fn of_two_that_fill_a_version_the_second_leaves_it_alone() {
    let prelo = Prelo::new();
    folder_of(&prelo, 3);
    prelo.expect(0, &["run", "--folder", "gazettes"]);
    let held = fs::File::create(prelo.path().join("prelo-data/index.filling")).unwrap();
    held.lock().unwrap();
    let refused = prelo.expect(2, &["reindex"]);
    assert!(refused.stderr.contains("another `prelo reindex` is at work on this index"), "{}", refused.stderr);
    drop(held);
    assert_eq!(prelo.json(0, &["reindex"])["switched"], true);
}

#[test]
fn going_back_says_which_texts_it_could_not_bring_along() {
    let prelo = Prelo::new();
    let folder = folder_of(&prelo, 5);
    prelo.expect(0, &["run", "--folder", "gazettes"]);
    prelo.expect(0, &["reindex"]);
    fs::write(folder.join("002.txt"), "Mudou: Zulmira.").unwrap();
    prelo.expect(0, &["run"]);
    fs::remove_file(prelo.path().join("prelo-data/texts/002.txt.txt")).unwrap();
    let back = prelo.json(3, &["reindex", "--rollback"]);
    assert_eq!(
        (&back["switched"], &back["missing"], &back["documents"]),
        (&json!(true), &json!(1), &json!(5)),
        "{back}"
    );
    assert!(back["first_missing"][0].as_str().unwrap().ends_with("002.txt"), "{back}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_one_is_gone_on_with_and_what_runs_index_meanwhile_is_in_both() {
    let prelo = Prelo::new();
    let folder = folder_of(&prelo, 40);
    prelo.expect(0, &["run", "--folder", "gazettes"]);
    let killed = prelo.command(&["reindex", "--page-size", "10"]).env(VARIABLE, "index_committed:2").output().unwrap();
    assert!(!killed.status.success());
    assert_eq!(prelo.json(0, &["search", "pregão"])["total"], 40, "the one before is searched");

    // One of those that are in the new version already, one that is not, and one that nobody knew.
    for (name, text) in [("039", "Mudou: Zulmira."), ("000", "Mudou: Zulmira."), ("nova", "Chegou: Zulmira.")] {
        fs::write(folder.join(format!("{name}.txt")), text).unwrap();
    }
    let run = prelo.json(0, &["run"])["run_id"].as_str().unwrap().to_owned();
    assert_eq!(prelo.json(0, &["search", "Zulmira"])["total"], 3);
    let refused = prelo.expect(2, &["reindex", "--rollback"]);
    assert!(refused.stderr.contains("finish it with `prelo reindex`"), "{}", refused.stderr);

    let summary = prelo.json(0, &["reindex", "--page-size", "10"]);
    assert_eq!((&summary["resumed"], &summary["switched"]), (&json!(true), &json!(true)), "{summary}");
    assert_eq!((&summary["documents"], &summary["documents_before"]), (&json!(41), &json!(41)));
    assert!(summary["written"].as_u64().unwrap() < 41, "what was there was not written again: {summary}");
    assert_eq!(prelo.json(0, &["search", "Zulmira"])["total"], 3);
    let runs = runs(&prelo, 1..=41).await;
    assert_eq!(runs.values().filter(|of| **of == run).count(), 3, "the newer ones stay: {runs:?}");
    prelo.expect(0, &["verify"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_run_over_everything_nothing_is_lost_and_nothing_stays_old() {
    let prelo = Prelo::new();
    folder_of(&prelo, 150);
    prelo.expect(0, &["run", "--folder", "gazettes"]);
    for _ in 0..2 {
        let run =
            prelo.spawn(&["run", "--mode", "all", "--page-size", "10", "--bulk-delay-ms", "20", "--format", "json"]);
        let reindex = prelo.spawn(&["reindex", "--page-size", "10", "--format", "json"]);
        let reindexed: support::Answer = reindex.wait_with_output().unwrap().into();
        let ran: support::Answer = run.wait_with_output().unwrap().into();
        assert_eq!((ran.code, reindexed.code), (0, 0), "{}\n{}\n{}", ran.stderr, reindexed.stdout, reindexed.stderr);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(report["indexed"], 150);
        let runs = runs(&prelo, 1..=150).await;
        assert_eq!(runs.len(), 150);
        assert!(runs.values().all(|run| report["run_id"] == run.as_str()), "{runs:?}");
        prelo.expect(0, &["verify"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_real_servers_too() {
    let Some(world) = World::new("reindex").await else { return };
    let mut rows = Vec::new();
    for n in 0..60_u32 {
        let text = format!("Decreto nº {n}, do pregão eletrônico.").into_bytes();
        let path = format!("2704302/{n}.txt");
        world.upload(&path, text.clone()).await;
        let date = date!(2024 - 01 - 01) + time::Duration::DAY * n;
        rows.push(Row { territory: "2704302".into(), date, checksum: md5_of(&text), path });
    }
    let ids = world.insert(&rows[..50]).await;
    let prelo = world.prelo();
    prelo.expect(0, &["run"]);
    let killed = prelo.command(&["reindex", "--page-size", "10"]).env(VARIABLE, "bulk_sent:2").output().unwrap();
    assert!(!killed.status.success());

    let later = world.insert(&rows[50..]).await;
    world.execute("UPDATE gazettes SET processed = false WHERE edition_number = '7' AND date = '2024-02-19'").await;
    let run = prelo.json(0, &["run"])["run_id"].as_str().unwrap().to_owned();
    let summary = prelo.json(0, &["reindex", "--page-size", "10"]);
    assert_eq!((&summary["resumed"], &summary["switched"]), (&json!(true), &json!(true)), "{summary}");
    assert!(summary["version"].as_str().unwrap().ends_with("-000002"), "{summary}");
    let documents = world.documents().await;
    let all: Vec<i64> = ids.iter().chain(&later).copied().collect();
    assert_eq!(documents.keys().copied().collect::<Vec<_>>(), all);
    let of_the_run: Vec<i64> = documents.iter().filter(|(_, by)| **by == run).map(|(id, _)| *id).collect();
    assert_eq!(of_the_run.len(), 11, "ten new ones and one that was read again: {of_the_run:?}");
    prelo.expect(0, &["verify"]);

    // Beside a run over everything.
    let all_anew =
        prelo.spawn(&["run", "--mode", "all", "--page-size", "10", "--bulk-delay-ms", "20", "--format", "json"]);
    let third = prelo.json(0, &["reindex", "--page-size", "10"]);
    let ran: support::Answer = all_anew.wait_with_output().unwrap().into();
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(third["version"].as_str().unwrap().ends_with("-000003"), "{third}");
    prelo.json(0, &["verify"]);
    let documents = world.documents().await;
    assert_eq!(documents.len(), 60);
    assert!(documents.values().all(|run| report["run_id"] == run.as_str()), "{documents:?}");

    let back = prelo.json(0, &["reindex", "--rollback"]);
    assert!(back["version"].as_str().unwrap().ends_with("-000002"), "{back}");
    assert_eq!(world.documents().await, documents, "what was written since came along");
    let dropped = prelo.json(0, &["reindex", "--drop-old"]);
    assert!(dropped["removed"].as_str().unwrap().ends_with("-000003"), "{dropped}");
    world.remove().await;
}
