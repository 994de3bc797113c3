//! Bad input: each has its own clear message, and exit code 2.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use std::fs;

use support::{Prelo, fixtures};

mod support;

#[test]
fn mistakes_are_named_with_what_to_do() {
    let prelo = Prelo::new();
    let folder = fixtures();
    let folder = folder.to_str().unwrap();
    let cases: &[(&[&str], &[&str])] = &[
        (&["run", "--folder", folder, "--mode", "weekly"], &["weekly", "unprocessed, daily, unread, all"]),
        (&["run", "--folder", folder, "--page-size", "0"], &["page_size is 0", "--page-size", "between 1 and 10,000"]),
        (&["run", "--catalog", "mysql://h/db", "--folder", folder], &["mysql", "sqlite", "postgres"]),
        (&["run", "--storage", "ftp://h/b"], &["ftp", "s3", "file"]),
        (&["run", "--index", "solr://h/i", "--folder", folder], &["solr", "tantivy", "opensearch+http"]),
        (&["run", "--folder", "no/such/folder"], &["no/such/folder", "does not exist"]),
        (&["run", "--folder", folder, "--from", "31/12/2024"], &["31/12/2024", "YYYY-MM-DD"]),
        (&["run", "--folder", folder, "--from", "2024-02-30"], &["2024-02-30", "no date"]),
        (
            &["run", "--folder", folder, "--from", "2024-02-02", "--to", "2024-02-01"],
            &["--from 2024-02-02 is after --to"],
        ),
        (&["reprocess", "--folder", folder], &["needs a filter", "--mode all"]),
        (&["reprocess", "--failed", "OOPS"], &["OOPS", "NEEDS_OCR"]),
        (&["run"], &["--folder DIR", "--storage s3://BUCKET"]),
        (&["plan"], &["--folder DIR", "--storage s3://BUCKET"]),
        (&["explain", "1"], &["no gazette 1"]),
        (&["extract", "missing.pdf"], &["missing.pdf is no file"]),
        (&["run", "--pagesize", "5"], &["--page-size"]),
        (&["serch", "x"], &["search"]),
        (
            &["run", "--folder", folder, "--report", "no/such/folder/r.json"],
            &["no/such/folder/r.json", "cannot be written"],
        ),
        (&["run", "--folder", folder, "--dry-run", "--report", "r.json"], &["--dry-run makes no report"]),
        (
            &["run", "--folder", folder, "--scraped-from", "2024-01-03", "--scraped-to", "2024-01-01"],
            &["--scraped-from 2024-01-03"],
        ),
    ];
    for (arguments, words) in cases {
        let answer = prelo.expect(2, arguments);
        for word in *words {
            assert!(answer.stderr.contains(word), "prelo {arguments:?}: no `{word}` in\n{}", answer.stderr);
        }
    }
    assert!(!prelo.path().join("prelo-data").exists(), "nothing was begun");
}

#[test]
fn settings_come_from_four_places_and_an_unknown_key_is_no_default() {
    let prelo = Prelo::new().with("PRELO_PAGE_SIZE", "20").with("GAZETTE_QUERY_PAGE_SIZE", "30");
    let origin = |arguments: &[&str], key: &str| {
        let listing = prelo.json(0, arguments);
        let entry = listing.as_array().unwrap().iter().find(|entry| entry["key"] == key).unwrap().clone();
        (entry["value"].as_str().unwrap_or_default().to_owned(), entry["origin"].as_str().unwrap().to_owned())
    };
    fs::write(prelo.path().join("prelo.toml"), "page_size = 10\nbulk_documents = 60\n").unwrap();
    assert_eq!(origin(&["config"], "page_size"), ("20".into(), "environment PRELO_PAGE_SIZE".into()));
    assert_eq!(origin(&["config", "--page-size", "5"], "page_size"), ("5".into(), "flag --page-size".into()));
    assert_eq!(origin(&["config"], "bulk_documents").0, "60");
    assert!(origin(&["config"], "bulk_documents").1.starts_with("prelo.toml"));
    assert_eq!(origin(&["config"], "bulk_delay_ms"), ("500".into(), "default".into()));
    fs::write(prelo.path().join("prelo.toml"), "pagesize = 10\n").unwrap();
    let answer = prelo.expect(2, &["config"]);
    assert!(
        answer.stderr.contains("unknown key `pagesize`") && answer.stderr.contains("`page_size`"),
        "{}",
        answer.stderr
    );
}

#[test]
fn secrets_are_never_printed() {
    let prelo = Prelo::new()
        .with("POSTGRES_HOST", "127.0.0.1")
        .with("POSTGRES_PORT", "1")
        .with("POSTGRES_USER", "prelo")
        .with("POSTGRES_PASSWORD", "hunter2")
        .with("STORAGE_ENDPOINT", "http://127.0.0.1:1")
        .with("STORAGE_BUCKET", "gazettes")
        .with("STORAGE_ACCESS_KEY", "AKhunter3")
        .with("STORAGE_ACCESS_SECRET", "hunter4")
        .with("OPENSEARCH_HOST", "http://127.0.0.1:1")
        .with("OPENSEARCH_INDEX", "gazettes")
        .with("OPENSEARCH_USER", "admin")
        .with("OPENSEARCH_PASSWORD", "hunter5")
        .with("PRELO_CATALOG_ATTEMPTS", "1")
        .with("DEBUG", "1");
    for (code, arguments) in [(0, &["config"][..]), (4, &["check"]), (4, &["run"]), (4, &["status"])] {
        let answer = prelo.expect(code, arguments);
        let all = answer.stdout + &answer.stderr;
        assert!(!all.contains("hunter"), "prelo {arguments:?} tells a secret:\n{all}");
    }
    let check = prelo.json(4, &["check"]);
    // What comes after the three services is about this machine.
    for finding in check.as_array().unwrap().iter().take(3) {
        assert_eq!(finding["ok"], false);
        assert!(finding["says"].as_str().unwrap().contains("refused"), "{finding}");
    }
}
