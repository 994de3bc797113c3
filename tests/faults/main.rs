//! Every fault that the service must survive, by its number: injected, and seen to end as promised.
//!
//! For each: the exit status is right, no gazette is lost, every healthy gazette of the same batch is indexed, and one
//! log line carries the failure's code and the gazette's id.
//!
//! | rows | where | the fault is made by |
//! |---|---|---|
//! | 1 to 14, 16 to 18 | `files.rs` | files that the test makes, in a folder |
//! | 15, 21 | `scans.rs` | scans, and engines of the test's own that find a word, hang or die |
//! | 19, 23 to 30, 47 | `storage.rs` | a bucket that answers as it is told |
//! | 20 | `process.rs` | a limit and a spool that are small; files of the real size are read by `ops/memory` |
//! | 22 | `process.rs` | documents that do harm on demand (debug builds) |
//! | 31 to 37 | `index.rs` | a search engine that answers as it is told; 35 breaks connections where a node would restart |
//! | 38 | `catalog.rs` | a PostgreSQL that the test stops and starts; skipped, aloud, without servers |
//! | 39, 40, 46 | `catalog.rs` | SQL from outside, and two runs at once |
//! | 41 | `process.rs` | a limit on the size of files; a disk of 4 MiB, where the machine lets a test mount one |
//! | 42, 45 | `process.rs` | signals |
//! | 43 | `tests/kill` | fail points after each durable step |
//! | 44 | `storage.rs` | a bucket that says so; a PostgreSQL whose `statement_timestamp()` is an hour off |
//! | 48 | `catalog.rs` | kills, a proxy that loses answers, a PostgreSQL that restarts. prelo's queue is the catalogue |
//! | 49 | `index.rs` | kills, and a lock that the test holds |
#![allow(clippy::unwrap_used)] // a test may fail by panic

#[path = "../support/mod.rs"]
mod support;

mod bucket; // an S3 service that answers as it is told
mod catalog; // the catalogue, its leases, and who else writes to it
mod database; // the catalogue from outside
mod engine; // a search engine that answers as it is told
mod files; // what the files themselves are
mod index; // what the search engine answers
mod pdfs; // PDFs that are made to be hard
mod process; // memory, the spool, signals
mod scans; // scanned pages, and who reads them
mod service; // the real binary between all of these
mod storage; // what the storage does
mod world; // a folder of gazettes with a fault among them

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const ROWS: u32 = 49;
/// Rows that another program tests, and its folder.
const ELSEWHERE: [(u32, &str); 1] = [(43, "tests/kill")];

#[test]
fn every_row_has_its_test() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tested = BTreeSet::new();
    for entry in fs::read_dir(project.join("tests/faults")).unwrap() {
        let source = fs::read_to_string(entry.unwrap().path()).unwrap();
        let tests = source.split("#[test]\nfn fault_").skip(1);
        tested.extend(tests.map(|test| test[..2].parse::<u32>().unwrap()));
    }
    for (row, folder) in ELSEWHERE {
        tested.insert(row);
        match fs::read_to_string(project.join(folder).join("main.rs")) {
            Ok(program) => assert!(program.contains("#[test]") || program.contains("mod "), "{folder} tests nothing"),
            Err(_) => eprintln!("SKIPPED: row {row}, because {folder} is not there"),
        }
    }
    let missing: Vec<u32> = (1..=ROWS).filter(|row| !tested.contains(row)).collect();
    assert!(missing.is_empty() && tested.last() == Some(&ROWS), "no test for the rows {missing:?}");

    let shared = std::env::var_os("PRELO_TEST_SHARED").map_or_else(|| project.join("../shared"), PathBuf::from);
    match fs::read_to_string(shared.join("FAULTS.md")) {
        Ok(table) => {
            let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse::<u32>().ok());
            assert_eq!(rows.collect::<Vec<_>>(), (1..=ROWS).collect::<Vec<_>>(), "the table has other rows");
        }
        Err(_) => eprintln!("SKIPPED: no table of faults at ../shared/FAULTS.md"),
    }
}
