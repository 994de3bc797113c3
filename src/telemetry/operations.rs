//! What a run may have to do again, in the words of [`super::Event::Retrying`].

/// All of it, so that the first retry of a kind is an increase and not a new series.
pub(super) const OPERATIONS: [&str; 23] = [
    "claim gazettes",
    "close the run",
    "count a start",
    "count the scans",
    "count the selection",
    "download a file",
    "extend the lease",
    "forget a start",
    "give gazettes back",
    "give gazettes back that were read in part",
    "look up registered files",
    "mark gazettes",
    "prepare the index",
    "put off scans",
    "reach the storage",
    "read a page",
    "read a page of scans",
    "read the highest id",
    "record failures",
    "resolve the selection",
    "store a text",
    "take the lease",
    "write a bulk",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Verbs that are no run, and count nothing.
    const OTHERS: [&str; 2] = ["reindexer.rs", "verifier.rs"];

    #[test]
    fn no_operation_of_the_pipeline_is_missing() {
        let mut named = BTreeSet::new();
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pipeline")).unwrap() {
            let path = entry.unwrap().path();
            if !path.is_file() || OTHERS.iter().any(|other| path.ends_with(other)) {
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            let code = source.split("#[cfg(test)]").next().unwrap();
            for mark in ["&policy, \"", "operation: \"", "(operation, error) = (\""] {
                named.extend(code.split(mark).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
            }
        }
        assert_eq!(named, OPERATIONS.map(str::to_owned).into());
    }
}
