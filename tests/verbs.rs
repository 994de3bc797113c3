//! What each verb prints, read as a person or a program would.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Prelo, copy, fixtures};

mod support;

fn ran() -> Prelo {
    let prelo = Prelo::new();
    prelo.expect(3, &["run", "--folder", fixtures().to_str().unwrap()]);
    prelo
}

/// The ids of what is set aside.
fn set_aside(prelo: &Prelo) -> Vec<Value> {
    prelo.json(0, &["failures"]).as_array().unwrap().clone()
}

#[test]
fn the_story_of_a_gazette_is_told_in_order() {
    let prelo = ran();
    prelo.expect(0, &["reprocess", "--id", "1"]);
    let story = prelo.json(0, &["explain", "1"]);
    let attempts = story["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 2, "{story}");
    let runs = prelo.json(0, &["runs"]);
    for (attempt, run) in attempts.iter().zip(runs.as_array().unwrap().iter().rev()) {
        assert_eq!((&attempt["outcome"], &attempt["run"]), (&json!("indexed"), &run["id"]), "{story}");
        assert!(attempt["at"].as_str().unwrap().starts_with("20"), "{story}");
        for stage in ["extract", "store", "index"] {
            assert!(attempt["timings"][stage].as_f64().is_some_and(|seconds| seconds < 600.0), "{stage} in {story}");
        }
    }
    let pages = story["pages"].as_array().unwrap();
    assert_eq!((&pages[0]["from"], &pages[0]["source"]), (&json!(1), &json!("text")));
    assert_eq!(pages.last().unwrap()["to"], story["state"]["pages"], "{story}");
    assert!(story["text_path"].as_str().is_some_and(|path| path.contains(".txt")), "{story}");
    let (places, path) = (&story["places"], story["file_path"].as_str().unwrap());
    assert_eq!(places["file"], fixtures().canonicalize().unwrap().join(path).to_str().unwrap());
    assert!(fs::exists(places["text"].as_str().unwrap()).unwrap(), "{places}");
    let index = places["document"].as_str().unwrap().strip_suffix(" (id 1)").unwrap();
    assert!(fs::exists(index).unwrap(), "{places}");
    let text = prelo.expect(0, &["explain", "1"]).stdout;
    for words in ["attempts:", "what came out", "pages:", "text of the file", "in the index  ", "text  "] {
        assert!(text.contains(words), "no `{words}` in\n{text}");
    }

    let failed = &set_aside(&prelo)[0];
    let story = prelo.json(0, &["explain", &failed["gazette_id"].to_string()]);
    assert_eq!(story["attempts"][0]["outcome"], failed["code"]);
    assert_eq!(story["failure"]["code"], failed["code"]);
    assert!(story["failure"]["action"].as_str().unwrap().ends_with('.') && story["text_path"].is_null(), "{story}");
}

#[test]
fn only_the_last_attempts_are_told() {
    let prelo = Prelo::new();
    let folder = prelo.path().join("gazettes");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a.txt"), "Decreto nº 1.").unwrap();
    prelo.expect(0, &["run", "--folder", "gazettes"]);
    for _ in 0..12 {
        prelo.expect(0, &["reprocess", "--id", "1"]);
    }
    let story = prelo.json(0, &["explain", "1"]);
    let attempts = story["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 10);
    assert_eq!(attempts[9]["run"], prelo.json(0, &["runs", "--limit", "1"])[0]["id"]);
}

#[test]
fn failures_are_listed_and_narrowed() {
    let prelo = ran();
    let all = set_aside(&prelo);
    assert_eq!(all.len(), 4);
    let of_code = prelo.json(0, &["failures", "--code", "needs_ocr"]);
    assert!(of_code.as_array().unwrap().iter().all(|failure| failure["code"] == "NEEDS_OCR"), "{of_code}");
    assert!(!of_code.as_array().unwrap().is_empty());
    assert_eq!(prelo.json(0, &["failures", "--limit", "1"]).as_array().unwrap().len(), 1);
    assert_eq!(prelo.json(0, &["failures", "--territory", "nowhere"]), json!([]));
    let csv = prelo.expect(0, &["failures", "--csv"]).stdout;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(reader.headers().unwrap().iter().take(3).collect::<Vec<_>>(), ["gazette_id", "code", "date"]);
    assert_eq!(reader.records().count(), 4);
    let text = prelo.expect(0, &["failures"]).stdout;
    assert!(text.contains("EMPTY_OBJECT") && text.contains("prelo explain ID"), "{text}");
    let unknown = prelo.expect(2, &["failures", "--code", "NO_SUCH"]);
    assert!(unknown.stderr.contains("no failure code"), "{}", unknown.stderr);
    assert_eq!(
        prelo.expect(0, &["failures", "--territory", "0"]).stdout,
        "Nothing is set aside of what was asked for.\n"
    );
    let cut = prelo.expect(0, &["failures", "--csv", "--limit", "1"]);
    assert_eq!((cut.stdout.lines().count(), cut.stderr.as_str()), (2, "1 lines; there may be more: --limit N\n"));
}

#[test]
fn where_nothing_is_yet_it_is_said_where_that_is_and_how_to_begin() {
    let prelo = Prelo::new();
    for verb in ["status", "runs", "failures", "verify"] {
        let text = prelo.expect(0, &[verb]).stdout;
        for words in ["prelo-data/catalog.db", "prelo run --folder DIR", "PRELO_CATALOG", "--data DIR"] {
            assert!(text.contains(words), "{verb}: no `{words}` in\n{text}");
        }
    }
    assert_eq!(prelo.json(0, &["status"])["gazettes"]["gazettes"], 0);
    assert_eq!((prelo.json(0, &["runs"]), prelo.json(0, &["failures"])), (json!([]), json!([])));
    assert!(prelo.expect(0, &["failures", "--csv"]).stdout.starts_with("gazette_id,code,"));
    assert_eq!(fs::read_dir(prelo.path()).unwrap().count(), 0, "nothing is made by looking");
}

#[test]
fn runs_are_listed_and_one_is_told_in_full() {
    let prelo = ran();
    let list = prelo.expect(0, &["runs"]).stdout;
    let runs = prelo.json(0, &["runs"]);
    let id = runs[0]["id"].as_str().unwrap();
    assert!(list.contains(&id[..8]) && list.contains("docs/s"), "{list}");
    let one = prelo.expect(0, &["runs", &id[..8]]).stdout;
    for words in [id, "selection", "files as they are", "failures:", "EMPTY_OBJECT"] {
        assert!(one.contains(words), "no `{words}` in\n{one}");
    }
    assert_eq!(prelo.json(0, &["runs", id])["counts"]["indexed"], 12);
    let none = prelo.expect(2, &["runs", "zzz"]);
    assert!(none.stderr.contains("`prelo runs` lists them"), "{}", none.stderr);
}

#[test]
fn the_status_tells_the_backlog_and_when_it_should_be_done() {
    let prelo = Prelo::new();
    let folder = prelo.path().join("gazettes");
    support::copy(&fixtures(), &folder);
    prelo.expect(3, &["run", "--folder", "gazettes"]);
    let done = prelo.json(0, &["status"]);
    assert_eq!((&done["expected_end"], &done["gazettes"]["oldest_pending_at"]), (&Value::Null, &Value::Null));
    for n in 0..20 {
        fs::write(folder.join(format!("{n}.txt")), format!("Decreto nº {n}.")).unwrap();
    }
    prelo.expect(0, &["run", "--limit", "5"]);
    let status = prelo.json(0, &["status"]);
    assert_eq!((&status["gazettes"]["pending"], &status["gazettes"]["about"]), (&json!(15), &json!(false)));
    assert!(status["expected_end"].is_string() && status["gazettes"]["oldest_pending_at"].is_string(), "{status}");
    let text = prelo.expect(0, &["status"]).stdout;
    let oldest = format!("prelo explain {}", status["gazettes"]["oldest_pending"]);
    assert!(
        prelo.expect(0, &["explain", &status["gazettes"]["oldest_pending"].to_string()]).stdout.contains("pending")
    );
    for words in
        [oldest.as_str(), "oldest pending", "expected end", "last runs:", "failures:", "prelo failures --code CODE"]
    {
        assert!(text.contains(words), "no `{words}` in\n{text}");
    }
}

#[test]
fn a_run_ends_in_time_and_the_next_goes_on() {
    let prelo = Prelo::new();
    let folder = prelo.path().join("gazettes");
    fs::create_dir(&folder).unwrap();
    for n in 0..3_000 {
        fs::write(folder.join(format!("{n}.txt")), format!("Decreto nº {n}.")).unwrap();
    }
    let arguments = ["run", "--folder", "gazettes", "--for", "8s", "--bulk-documents", "50"];
    let began = Instant::now();
    let report = prelo.json(0, &arguments);
    let took = began.elapsed();
    if report["remaining"] == 0 {
        eprintln!("SKIPPED: this machine does 3,000 gazettes in 8 s");
        return;
    }
    assert_eq!(report["stopped_by"], "out_of_time", "{report}");
    let (indexed, remaining) = (report["indexed"].as_u64().unwrap(), report["remaining"].as_u64().unwrap());
    assert!(indexed > 0 && indexed + remaining == 3_000, "{report}");
    assert!(took < Duration::from_mins(2), "{took:?}");
    assert_eq!(prelo.json(0, &["runs", "--limit", "1"])[0]["stopped_by"], "out_of_time");

    // No time at all: nothing is claimed, and that is no failure.
    let none = prelo.expect(0, &["run", "--for", "1s"]);
    assert!(none.stdout.contains("Stopped in time"), "{}", none.stdout);
    let report = prelo.json(0, &["run"]);
    assert_eq!((&report["remaining"], &report["indexed"]), (&json!(0), &json!(remaining)));

    let wrong = prelo.expect(2, &["run", "--until", "25:00"]);
    assert!(wrong.stderr.contains("HH:MM"), "{}", wrong.stderr);
    prelo.expect(2, &["run", "--until", "05:30", "--for", "2h"]);
}

#[test]
fn a_time_that_has_just_passed_is_refused_and_the_end_is_said() {
    let prelo = Prelo::new().with("TZ", "UTC");
    let folder = prelo.path().join("gazettes");
    fs::create_dir(&folder).unwrap();
    let minute = |minutes: i64| {
        let moment = time::OffsetDateTime::now_utc() + time::Duration::minutes(minutes);
        format!("{:02}:{:02}", moment.hour(), moment.minute())
    };
    let late = prelo.expect(2, &["run", "--folder", "gazettes", "--until", &minute(-10)]);
    assert!(late.stderr.contains("minutes ago") && late.stderr.contains("--for 23h"), "{}", late.stderr);
    let by = minute(20);
    let run = prelo.expect(0, &["run", "--folder", "gazettes", "--until", &by]);
    let said = run.stderr.lines().find(|line| line.contains("ends by a given moment")).unwrap();
    let said: Value = serde_json::from_str(said).unwrap();
    assert!(said["at"].as_str().unwrap().contains(&format!("T{by}:00")), "{said}");
    assert!(said["seconds"].as_u64().is_some_and(|seconds| (60..=1_200).contains(&seconds)), "{said}");
}

#[test]
fn a_run_at_work_is_told_in_numbers() {
    let prelo = Prelo::new();
    // It takes calls and answers none: gazettes are read, and wait to be indexed.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let index = format!("opensearch+http://{}/gazettes", nobody.local_addr().unwrap());
    let mut child = prelo.spawn(&["run", "--folder", fixtures().to_str().unwrap(), "--index", &index, "--for", "1h"]);
    let status = loop {
        assert!(child.try_wait().unwrap().is_none(), "it should wait for its index");
        let answer = prelo.call(&["status", "--format", "json"]);
        let status: Value = serde_json::from_str(&answer.stdout).unwrap_or_default();
        if status["running"]["live"]["counts"]["selected"] == 16 {
            break status;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let running = &status["running"];
    assert_eq!((&running["is_live"], &running["id"]), (&json!(true), &status["runs"][0]["id"]));
    assert!(running["expected_end"].is_string(), "in an hour it has to be over: {running}");
    assert_eq!(prelo.json(0, &["runs"])[0]["counts"]["selected"], 16);
    let text = prelo.expect(0, &["status"]).stdout;
    for words in ["at work since", "text  0/", "expected end", "running"] {
        assert!(text.contains(words), "no `{words}` in\n{text}");
    }
    assert!(!text.lines().any(|line| line.starts_with(' ') && line.trim().is_empty()), "no line for nothing: {text}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_check_sizes_this_machine() {
    let prelo = ran();
    let text = prelo.expect(0, &["check"]).stdout;
    for load in ["# low load", "# middle load", "# high load"] {
        let (_, lines) = text.split_once(load).unwrap_or_else(|| panic!("no {load} in\n{text}"));
        let lines: Vec<&str> = lines.lines().skip(1).take_while(|line| !line.is_empty()).collect();
        let settings: toml::Table = toml::from_str(&lines.join("\n")).unwrap();
        assert!(settings["extraction_threads"].as_integer().unwrap() >= 1);
        fs::write(prelo.path().join("prelo.toml"), lines.join("\n")).unwrap();
        prelo.expect(0, &["config"]);
    }
    fs::remove_file(prelo.path().join("prelo.toml")).unwrap();
    let findings = prelo.json(0, &["check"]);
    let sizing = findings.as_array().unwrap().iter().find(|finding| finding["service"] == "sizing").unwrap();
    assert_eq!(sizing["proposals"].as_array().unwrap().len(), 3);
}

#[test]
fn whoever_asks_for_portuguese_gets_it_and_programs_do_not() {
    let prelo = ran();
    let portuguese = |arguments: &[&str]| {
        let answer: support::Answer = prelo.command(arguments).env("LANG", "pt_BR.UTF-8").output().unwrap().into();
        answer.stdout
    };
    let status = portuguese(&["status"]);
    for words in ["processados", "últimas execuções", "O arquivo não tem nenhum byte."] {
        assert!(status.contains(words), "no `{words}` in\n{status}");
    }
    let id = set_aside(&prelo)[0]["gazette_id"].to_string();
    assert!(portuguese(&["explain", &id]).contains("o que fazer"));
    assert!(portuguese(&["failures"]).contains("O que fazer com cada código"));
    assert!(portuguese(&["runs"]).contains("selecionados"));
    assert!(portuguese(&["plan"]).contains("Nada a fazer"));
    assert!(portuguese(&["search", "palavrainexistente"]).contains("Nada encontrado"));
    assert!(portuguese(&["search", "pregão"]).contains("diários encontrados"));
    assert!(portuguese(&["verify"]).contains("Catálogo, armazenamento e índice concordam."));
    assert!(portuguese(&["reindex", "--cancel"]).contains("Nenhuma versão está sendo preenchida"));
    assert!(portuguese(&["reindex"]).contains("A busca agora está em index-000002."));
    assert!(portuguese(&["run"]).contains("Nada a fazer: 12 de 16 diários indexados, 4 separados."));
    let check = portuguese(&["check"]);
    assert!(check.contains("carga média") && check.contains("sem rede"), "{check}");
    let json: Value = serde_json::from_str(&portuguese(&["check", "--format", "json"])).unwrap();
    assert_eq!(json, prelo.json(0, &["check"]));
    let json: Value = serde_json::from_str(&portuguese(&["status", "--format", "json"])).unwrap();
    assert_eq!(json, prelo.json(0, &["status"]));
    for (arguments, words) in [
        (&["--help"][..], "Uso: prelo [OPÇÕES] <COMANDO>"),
        (&["help", "run"], "Lê e indexa o que está pendente"),
        (&["man"], "CÓDIGO DE SAÍDA"),
        (&["config", "--example"], "# == O quê e onde =="),
        (&["completions", "zsh"], "Lista os diários separados"),
    ] {
        assert!(portuguese(arguments).contains(words), "{arguments:?}");
    }
    for (arguments, words) in [
        (&["serch", "x"][..], "erro: comando desconhecido: 'serch'"),
        (&["search"], "erro: faltam estes argumentos:"),
        (&["status", "--page-size", "0"], "erro: page_size é 0 (opção --page-size); esperado: entre 1 e 10.000"),
        (&["run", "--folder", "nowhere"], "não existe; indique uma pasta que existe"),
        (&["search", "x", "--territory", "Ribera do Sol"], "parecidos são: Ribeira do Sol (AL) = 2799901"),
    ] {
        let answer: support::Answer = prelo.command(arguments).env("LANG", "pt_BR.UTF-8").output().unwrap().into();
        assert_eq!(answer.code, 2, "{arguments:?}: {}", answer.stderr);
        assert!(answer.stderr.contains(words), "{arguments:?}: {}", answer.stderr);
    }
    let english: support::Answer =
        prelo.command(&["status"]).env("LANG", "pt_BR.UTF-8").env("LC_ALL", "C").output().unwrap().into();
    assert!(english.stdout.contains("processed"));
}

#[test]
fn a_territory_is_known_by_its_name() {
    let prelo = ran();
    let by_id = prelo.json(0, &["search", "pregão", "--territory", "2799901"]);
    assert_ne!(by_id["total"], 0);
    for name in ["Ribeira do Sol/AL", "ribeira do sol", "RIBEIRA DO SOL (AL)"] {
        assert_eq!(prelo.json(0, &["search", "pregão", "--territory", name]), by_id, "{name}");
    }
    let answer = prelo.expect(0, &["search", "pregão", "--territory", "ribeira do sol"]);
    assert!(answer.stderr.contains("Territory: Ribeira do Sol (AL), id 2799901"), "{}", answer.stderr);
    for verb in [&["failures"][..], &["plan", "--mode", "all"], &["run", "--mode", "all", "--dry-run"]] {
        let with = |territory: &'static str| prelo.json(0, &[verb, &["--territory", territory]].concat());
        assert_eq!(with("ribeira do sol"), with("2799901"), "{verb:?}");
    }
    let answer = prelo.expect(2, &["reprocess", "--territory", "Ribera do Sol"]);
    assert!(answer.stderr.contains("near it are: Ribeira do Sol (AL) = 2799901"), "{}", answer.stderr);

    // In a folder that no run has seen yet, its files tell.
    let prelo = Prelo::new();
    copy(&fixtures(), &prelo.path().join("gazettes"));
    let plan = |territory| prelo.json(0, &["plan", "--folder", "gazettes", "--territory", territory]);
    assert_eq!(plan("ribeira do sol"), plan("2799901"));
    assert_ne!(plan("ribeira do sol")["gazettes"], 0);
}

#[test]
fn completions_and_the_manual_know_the_verbs() {
    let prelo = Prelo::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = prelo.expect(0, &["completions", shell]).stdout;
        assert!(script.contains("reindex") && script.contains("failures"), "{shell}");
        assert!(!script.contains("read-documents") && !script.contains("become-engine"), "{shell}");
    }
    let page = prelo.expect(0, &["man"]).stdout;
    assert!(page.starts_with(".ie") || page.contains(".TH"), "{}", &page[..200]);
    assert!(page.contains("prelo reindex [OPTIONS]") && page.contains("prelo explain [OPTIONS] <ID>"), "every verb");
}
