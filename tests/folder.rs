//! A folder of gazettes, no server at all: what a new user does in the first minute.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use std::fs;

use serde_json::{Value, json};
use support::{Prelo, contents, copy, fixtures};

mod support;

const INDEXED: u64 = 12;

fn run(prelo: &Prelo, folder: &std::path::Path) -> support::Answer {
    prelo.call(&["run", "--folder", folder.to_str().unwrap()])
}

#[test]
fn the_first_minute() {
    let prelo = Prelo::new();
    let before = contents(&fixtures());
    let answer = run(&prelo, &fixtures());
    assert_eq!(answer.code, 3, "four fixtures cannot be read without OCR\n{}\n{}", answer.stdout, answer.stderr);
    for word in ["indexed", "12", "EMPTY_OBJECT", "NOT_A_PDF", "NEEDS_OCR", "pages", "docs/s", "peak memory"] {
        assert!(answer.stdout.contains(word), "no `{word}` in\n{}", answer.stdout);
    }
    assert!(answer.stdout.contains("Next: prelo search \"pregão eletrônico\""), "{}", answer.stdout);
    assert!(answer.stderr.contains(r#""message":"progress""#), "a progress line every ten:\n{}", answer.stderr);
    for line in answer.stderr.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["run_id"].is_string(), "{line}");
    }

    let found = prelo.expect(0, &["search", "pregão eletrônico"]);
    for word in ["2025-", "Ribeira do Sol/AL", "p. ", "*pregão*", ".pdf"] {
        assert!(found.stdout.to_lowercase().contains(&word.to_lowercase()), "no `{word}` in\n{}", found.stdout);
    }

    let second = run(&prelo, &fixtures());
    assert_eq!(second.code, 0);
    assert!(second.stdout.starts_with("Nothing to do: 12 of 16 gazettes indexed, 4 set aside"), "{}", second.stdout);

    assert_eq!(contents(&fixtures()), before, "the user's folder is only read");
    let texts = contents(&prelo.path().join("prelo-data/texts"));
    assert_eq!(texts.len() as u64, INDEXED);
    assert!(texts.values().all(|text| !text.is_empty()));
    let spool = fs::read_dir(prelo.path().join("prelo-data/spool")).unwrap().count();
    assert_eq!(spool, 0, "nothing is left in the spool");
}

#[test]
fn what_is_unknown_stays_empty_and_accents_do_not_matter() {
    let prelo = Prelo::new();
    run(&prelo, &fixtures());
    let results = prelo.json(0, &["search", "PREGAO ELETRONICO", "--limit", "100"]);
    assert_eq!(results["total"], INDEXED);
    let hits = results["hits"].as_array().unwrap();
    let hit = |path: &str| hits.iter().find(|hit| hit["file_path"] == path).unwrap();
    let unknown = hit("sem-identificacao.pdf");
    for (field, empty) in [
        ("territory_id", json!("")),
        ("territory_name", json!("")),
        ("edition_number", json!("")),
        ("date", json!(null)),
    ] {
        assert_eq!(unknown[field], empty, "{field}");
    }
    let known = hit("serra-clara/Diário Oficial nº 3.322.pdf");
    assert_eq!(known["territory_name"], "Serra Clara");
    assert_eq!(known["edition_number"], "3322");
    assert_eq!(known["date"], "2025-04-08");
    for passage in known["passages"].as_array().unwrap() {
        assert!(passage["page"].as_u64().unwrap() >= 1);
        assert!(!passage["highlights"].as_array().unwrap().is_empty());
    }

    let one =
        prelo.json(0, &["search", "pregão", "--territory", "3199902", "--from", "2025-04-08", "--to", "2025-04-08"]);
    assert_eq!(one["total"], 1);
    let none = prelo.expect(0, &["search", "palavrainexistente"]);
    assert!(none.stdout.starts_with("Nothing found"), "{}", none.stdout);
}

#[test]
fn changed_files_are_read_again_vanished_ones_reported_and_copies_kept() {
    let prelo = Prelo::new();
    let folder = prelo.path().join("gazettes");
    copy(&fixtures(), &folder);
    run(&prelo, &folder);

    fs::copy(folder.join("ribeira-do-sol-1219.txt"), folder.join("copia.txt")).unwrap();
    fs::write(folder.join("ribeira-do-sol-1219.txt"), "Portaria que nomeia Zulmira Exemplar.").unwrap();
    fs::remove_file(folder.join("ribeira-do-sol-1214.pdf")).unwrap();
    let answer = run(&prelo, &folder);
    assert!(answer.stdout.contains("ribeira-do-sol-1214.pdf: vanished from the folder"), "{}", answer.stdout);
    let report = prelo.json(0, &["status"]);
    assert_eq!(report["gazettes"]["gazettes"], 17, "the copy is a gazette of its own");
    assert_eq!(report["runs"][0]["counts"]["selected"], 2, "the copy and the changed file: {report}");
    let copies = prelo.json(0, &["search", "pregão", "--limit", "100"]);
    let paths: Vec<&str> =
        copies["hits"].as_array().unwrap().iter().filter_map(|hit| hit["file_path"].as_str()).collect();
    assert!(paths.contains(&"copia.txt"), "{paths:?}");
    assert!(paths.contains(&"ribeira-do-sol-1214.pdf"), "what was indexed stays searchable: {paths:?}");
    assert!(!paths.contains(&"ribeira-do-sol-1219.txt"), "the new text replaced the old one: {paths:?}");
    assert_eq!(prelo.json(0, &["search", "Zulmira"])["hits"][0]["file_path"], "ribeira-do-sol-1219.txt");
}

#[test]
fn the_folder_is_remembered_and_looked_at_again() {
    let prelo = Prelo::new();
    let folder = prelo.path().join("gazettes");
    copy(&fixtures(), &folder);
    run(&prelo, &folder);
    fs::write(folder.join("nova.txt"), "Decreto nº 7: nomeia Zulmira Exemplar.").unwrap();
    assert_eq!(prelo.json(0, &["plan"])["gazettes"], 1);
    assert_eq!(prelo.json(0, &["plan", "--territory", "none"])["gazettes"], 0);
    assert_eq!(prelo.json(0, &["plan", "--mode", "all", "--limit", "3"])["gazettes"], 3);
    let report = prelo.json(0, &["run"]);
    assert_eq!((&report["selected"], &report["indexed"]), (&json!(1), &json!(1)));
    fs::rename(&folder, prelo.path().join("moved")).unwrap();
    let answer = prelo.expect(2, &["run"]);
    assert!(answer.stderr.contains("is gone") && answer.stderr.contains("--folder DIR"), "{}", answer.stderr);
    assert_eq!(prelo.json(0, &["search", "Zulmira"])["total"], 1, "searching needs no folder");
}

#[test]
fn names_that_urls_and_shells_would_change_are_kept() {
    let prelo = Prelo::new();
    let folder = prelo.path().join("gazetas d'água #1 100%?");
    copy(&fixtures(), &folder);
    let data = "dados %41#?é";
    let arguments = ["run", "--folder", folder.to_str().unwrap(), "--data", data];
    let answer = prelo.expect(3, &arguments);
    assert!(answer.stdout.contains("--data 'dados %41#?é'"), "{}", answer.stdout);
    let names: Vec<_> = fs::read_dir(prelo.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "one data folder, under its own name: {names:?}");
    assert_eq!(prelo.json(0, &["search", "pregão", "--data", data])["total"], INDEXED);
}

#[test]
fn a_folder_named_in_another_data_folder_is_refused() {
    let prelo = Prelo::new();
    run(&prelo, &fixtures());
    let other = prelo.path().join("outra");
    fs::create_dir(&other).unwrap();
    let answer = prelo.expect(2, &["run", "--folder", "outra"]);
    assert!(answer.stderr.contains("--data DIR"), "{}", answer.stderr);
    fs::write(other.join("a.txt"), "Decreto nº 1, de pregão.").unwrap();
    let answer = prelo.expect(0, &["run", "--folder", "outra", "--data", "outros-dados"]);
    assert!(
        answer.stdout.contains("Next: prelo search \"pregão eletrônico\" --data outros-dados"),
        "{}",
        answer.stdout
    );
}

#[test]
fn reports_for_programs_hold_what_was_promised() {
    let prelo = Prelo::new();
    let folder = fixtures();
    let folder = folder.to_str().unwrap();
    let plan = prelo.json(0, &["plan", "--folder", folder]);
    assert_eq!((&plan["gazettes"], &plan["unregistered"]), (&json!(16), &json!(16)));
    assert!(!prelo.path().join("prelo-data").exists(), "a plan touches nothing");
    assert_eq!(prelo.json(0, &["run", "--dry-run", "--folder", folder]), plan);

    let printed = prelo.json(3, &["run", "--folder", folder, "--report", "report.json"]);
    let report: Value = serde_json::from_slice(&fs::read(prelo.path().join("report.json")).unwrap()).unwrap();
    assert_eq!(printed, report);
    let keys: Vec<&str> = report.as_object().unwrap().keys().map(String::as_str).collect();
    for key in [
        "run_id",
        "selected",
        "indexed",
        "failed",
        "skipped",
        "remaining",
        "bytes",
        "pages",
        "ocr_pages",
        "seconds",
        "documents_per_second",
        "peak_rss_bytes",
        "stopped_by",
    ] {
        assert!(keys.contains(&key), "no {key} in {report}");
    }
    assert_eq!((&report["selected"], &report["indexed"], &report["remaining"]), (&json!(16), &json!(12), &json!(0)));
    assert_eq!(report["failed"], json!({"EMPTY_OBJECT": 1, "NOT_A_PDF": 1, "NEEDS_OCR": 2}));
    assert_eq!(report["stopped_by"], Value::Null);
    assert!(report["peak_rss_bytes"].as_u64().unwrap() > 1_000_000);

    let status = prelo.json(0, &["status"]);
    assert_eq!(status["gazettes"]["processed"], 12);
    assert_eq!(status["gazettes"]["failed"]["NEEDS_OCR"], 2);
    let explained = prelo.json(0, &["explain", "1"]);
    assert_eq!(explained["id"], 1);
    assert_eq!(explained["index"]["run_id"], report["run_id"]);
    let plan = prelo.json(0, &["plan", "--mode", "all"]);
    assert_eq!(plan["gazettes"], 16);
    assert_eq!(plan["bytes_estimated"], false);
    assert!(plan["seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(plan["failed_before"]["NOT_A_PDF"], 1);
    let again = prelo.json(0, &["run"]);
    assert_eq!((&again["selected"], &again["indexed"]), (&json!(0), &json!(0)), "nothing is left to do");
    for findings in prelo.json(0, &["check"]).as_array().unwrap() {
        assert_eq!(findings["ok"], true, "{findings}");
    }
    assert_eq!(prelo.json(0, &["migrate"]), json!({"applied": []}));
    let settings = prelo.json(0, &["config", "--page-size", "7"]);
    let page_size = settings.as_array().unwrap().iter().find(|entry| entry["key"] == "page_size").unwrap();
    assert_eq!((&page_size["value"], &page_size["origin"]), (&json!("7"), &json!("flag --page-size")));
}

#[test]
fn reprocessing_takes_exactly_what_was_asked_for() {
    let prelo = Prelo::new();
    run(&prelo, &fixtures());
    let first = prelo.json(0, &["explain", "1"])["index"]["run_id"].clone();
    let report = prelo.json(3, &["reprocess", "--failed", "any"]);
    assert_eq!((&report["selected"], &report["indexed"]), (&json!(4), &json!(0)));
    let report = prelo.json(0, &["reprocess", "--from", "2025-04-08", "--to", "2025-04-08"]);
    assert_eq!((&report["selected"], &report["indexed"]), (&json!(2), &json!(2)));
    let touched = (1..=16)
        .filter(|id| {
            let run = prelo.json(0, &["explain", &id.to_string()])["index"]["run_id"].clone();
            run != Value::Null && run != first
        })
        .count();
    assert_eq!(touched, 2, "the others keep the run that wrote them");
    let all = prelo.json(3, &["run", "--mode", "all"]);
    assert_eq!((&all["selected"], &all["indexed"]), (&json!(16), &json!(12)));
    assert_eq!(prelo.json(0, &["search", "pregão", "--limit", "100"])["total"], 12, "no document twice");
}

#[test]
fn extract_prints_text_or_json_and_writes_files() {
    let prelo = Prelo::new();
    let file = fixtures().join("ribeira-do-sol-1214.pdf");
    let file = file.to_str().unwrap();
    let plain = prelo.expect(0, &["extract", file]).stdout;
    assert!(plain.to_lowercase().contains("pregão"), "{plain}");
    let json = prelo.json(0, &["extract", file]);
    assert_eq!(json["text"], plain.as_str());
    assert_eq!(json["characters"], plain.chars().count());
    assert_eq!(json["pages"], plain.matches('\u{c}').count() + 1, "pages are separated by form feeds");
    for key in ["ocr_pages", "quality", "recovered", "failure"] {
        assert!(json.as_object().unwrap().contains_key(key), "no {key}");
    }
    assert_eq!(json["unreadable_pages"], json!([]));
    let failed = prelo.json(3, &["extract", fixtures().join("planta-do-loteamento.pdf").to_str().unwrap()]);
    assert_eq!(failed["failure"]["code"], "NEEDS_OCR");

    let empty = fixtures().join("vazio.pdf");
    let answer = prelo.expect(3, &["extract", file, empty.to_str().unwrap(), "--out", "texts"]);
    assert!(answer.stderr.contains("vazio.pdf") && answer.stderr.contains("EMPTY_OBJECT"), "{}", answer.stderr);
    assert_eq!(fs::read_to_string(prelo.path().join("texts/ribeira-do-sol-1214.txt")).unwrap(), plain);
}

#[test]
fn a_search_is_narrowed_ordered_paged_and_counted() {
    let prelo = Prelo::new();
    run(&prelo, &fixtures());
    let newest = prelo.json(0, &["search", "pregão", "--sort", "newest", "--limit", "100", "--totals"]);
    let dates: Vec<&str> = newest["hits"].as_array().unwrap().iter().filter_map(|hit| hit["date"].as_str()).collect();
    let mut sorted = dates.clone();
    sorted.sort_unstable();
    sorted.reverse();
    assert_eq!(dates, sorted);
    let by_territory = newest["totals"]["by_territory"].as_array().unwrap();
    let counted: u64 = by_territory.iter().map(|total| total["gazettes"].as_u64().unwrap()).sum();
    assert_eq!(counted, INDEXED, "{}", newest["totals"]);
    assert_eq!(newest["hits"][2], prelo.json(0, &["search", "pregão", "--sort", "newest", "--offset", "2"])["hits"][0]);
    let extra = prelo.json(0, &["search", "pregão", "--edition", "extra"])["total"].as_u64().unwrap();
    let regular = prelo.json(0, &["search", "pregão", "--edition", "regular"])["total"].as_u64().unwrap();
    assert!(extra > 0 && extra + regular == INDEXED, "{extra} and {regular}");
    let chamber = prelo.json(0, &["search", "pregão", "--power", "legislative"])["total"].as_u64().unwrap();
    assert!(chamber > 0 && chamber < INDEXED);
    let text = prelo.expect(0, &["search", "pregão", "--totals", "--limit", "1"]).stdout;
    assert!(
        text.contains("Serra Clara MG") && text.contains("2025-04") && text.contains("12 gazettes found, 1 shown"),
        "{text}"
    );
    prelo.expect(2, &["search", "pregão", "--offset", "9999"]);
}
