//! Every odd PDF there is, pushed through one run between healthy neighbours: each ends with a text or a code, and none
//! takes anybody with it.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use std::fs;

use prelo::failure::FailureCode;
use serde_json::Value;
use support::{Prelo, shared};

mod support;

/// The gazettes that are healthy, and a word that only each of them holds: the first by name, one in between, the last.
const NEIGHBOURS: [(&str, &str); 3] =
    [("0-vizinho.txt", "jabuticabeira"), ("m-vizinho.txt", "carnaubeira"), ("zz-vizinho.txt", "pitangueira")];

#[test]
fn each_odd_file_ends_with_a_text_or_a_code() {
    let Some(corpus) = shared("pdf-corpus") else { return };
    let prelo = Prelo::new();
    let folder = prelo.path().join("gazettes");
    fs::create_dir(&folder).unwrap();
    let mut odd = 0;
    for entry in fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "pdf") {
            fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
            odd += 1;
        }
    }
    assert!(odd >= 300, "only {odd} odd PDFs");
    for (name, word) in NEIGHBOURS {
        fs::write(folder.join(name), format!("Diário Oficial. Extrato de contrato: {word}.\n")).unwrap();
    }

    let report = prelo.json(3, &["run", "--folder", "gazettes", "--log-level", "error"]);
    let (count, all) = (|field: &str| report[field].as_u64().unwrap(), odd + NEIGHBOURS.len() as u64);
    let failed = report["failed"].as_object().unwrap();
    let of_codes: u64 = failed.values().map(|number| number.as_u64().unwrap()).sum();
    assert_eq!((count("selected"), count("remaining"), &report["stopped_by"]), (all, 0, &Value::Null), "{report}");
    assert_eq!(count("indexed") + of_codes, all, "{report}");
    assert!(count("indexed") >= 230, "{report}");
    for code in failed.keys() {
        assert!(FailureCode::parse(code).is_some(), "{code} is in no catalogue");
        assert!(!code.starts_with("EXTRACTOR_"), "a reader died: {report}");
    }
    for (name, word) in NEIGHBOURS {
        let found = prelo.json(0, &["search", word]);
        assert_eq!((&found["total"], &found["hits"][0]["file_path"]), (&1.into(), &name.into()), "{word}: {found}");
    }

    // Not one of the indexed is empty.
    let texts = support::contents(&prelo.path().join("prelo-data/texts"));
    assert_eq!(texts.len() as u64, count("indexed"));
    assert!(texts.values().all(|text| text.iter().any(|byte| !byte.is_ascii_whitespace())));
    let again = prelo.json(0, &["run", "--folder", "gazettes", "--log-level", "error"]);
    assert_eq!(again["selected"], 0, "what failed for good is not tried again: {again}");
}
