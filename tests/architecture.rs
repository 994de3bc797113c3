//! Arrows between modules point down only; the modules of one level do not know one another.
#![allow(clippy::unwrap_used)] // a test may fail by panic

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// From the words that everyone uses up to the verbs.
const LEVELS: &[&[&str]] = &[
    &["budget", "checksum", "failpoint", "failure", "gazette", "retry", "rfc3339", "shutdown", "words"],
    &["config", "telemetry"],
    &["catalog", "extraction", "search_index", "storage"],
    &["pipeline"],
    &["web"],
    &["commands"],
];

fn level(module: &str) -> Option<usize> {
    LEVELS.iter().position(|modules| modules.contains(&module))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The first module named after every `crate::`.
fn used(source: &str) -> Vec<String> {
    source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1))
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(group) => group.split(',').map(str::trim).map(name).collect(),
            None => vec![name(rest)],
        })
        .filter(|module| level(module).is_some())
        .collect()
}

fn name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn arrows_point_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut upward = BTreeMap::new();
    let mut seen = 0;
    for path in sources(&src) {
        let below = path.strip_prefix(&src).unwrap();
        let module = name(below.iter().next().unwrap().to_str().unwrap());
        let Some(own) = level(&module) else {
            assert!(["lib", "main", "allocator"].contains(&module.as_str()), "{module} has no level: add it to LEVELS");
            continue;
        };
        for used in used(&fs::read_to_string(&path).unwrap()) {
            seen += 1;
            if used != module && level(&used).unwrap() >= own {
                upward.entry(below.display().to_string()).or_insert_with(Vec::new).push(used);
            }
        }
    }
    assert!(upward.is_empty(), "these files use a module beside or above their own: {upward:#?}");
    assert!(seen > 50, "only {seen} uses were found: this test no longer reads what it should");
}

#[test]
fn uses_are_found_in_every_form() {
    let source = "use crate::gazette::{Gazette};\nuse crate::{failure, config::Config};\nlet x = crate::storage::open();\n// crate::web";
    assert_eq!(used(source), ["gazette", "failure", "config", "storage"]);
}
