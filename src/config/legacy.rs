//! The environment of the service that prelo replaces, in our words. Its variables work unchanged; a value of ours
//! for the same key beats them.

use std::collections::BTreeMap;

use compose::Composed;

use super::error::ConfigError;
use super::kind::parse_flag;
use super::origin::Origin;
use super::settings;
use super::sources::{Assigned, Layer, assign};

mod compose;

/// Every variable of the replaced service that we read.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    settings::all().flat_map(|setting| setting.replaces.iter().copied())
}

/// What the variables say, and remarks on those that say nothing.
pub(super) struct Legacy {
    pub layer: Layer,
    pub warnings: Vec<String>,
}

/// Translates the variables; empty ones count as unset.
pub(super) fn translate(environment: &BTreeMap<String, String>) -> Result<Legacy, ConfigError> {
    let variables = Variables(environment);
    let mut legacy = Legacy { layer: Layer::new(), warnings: Vec::new() };
    let composed = [
        ("catalog", compose::catalog(&variables)?),
        ("storage", compose::storage(&variables)),
        ("index", compose::index(&variables)?),
    ];
    for (key, composed) in composed {
        let Some(setting) = settings::find(key) else { continue };
        let given = variables.given(setting.replaces);
        match composed {
            Composed::Url { url, added } => {
                legacy.warnings.extend(added.as_ref().map(|added| format!("{key}: {added}")));
                let origin = Origin::Environment { variables: given, added };
                legacy.layer.extend([assign(setting, &url, origin)?]);
            }
            Composed::Lacking(missing) if !given.is_empty() => {
                legacy.warnings.push(format!("{} not used: {missing} is not set", given.join(", ")));
            }
            Composed::Lacking(_) => {}
        }
    }
    for setting in settings::all() {
        let [name] = setting.replaces else { continue };
        let Some(text) = variables.get(name) else { continue };
        if *name != "DEBUG" {
            legacy.layer.extend([assign(setting, text, Origin::variable(*name))?]);
            continue;
        }
        // Many programs read a DEBUG of their own kind, so that a strange value is no reason to stop.
        match parse_flag(text) {
            Some(true) => {
                let assigned = Assigned { value: "debug".into(), origin: Origin::variable(*name) };
                legacy.layer.insert(setting.key, assigned);
            }
            Some(false) => {}
            None => legacy.warnings.push("DEBUG not used: it is neither 1 nor 0".into()),
        }
    }
    Ok(legacy)
}

/// The environment, where empty counts as unset.
struct Variables<'a>(&'a BTreeMap<String, String>);

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn given(&self, names: &[&str]) -> Vec<String> {
        names.iter().filter(|name| self.get(name).is_some()).map(|&name| name.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn variables_become_our_keys() {
        type Pairs<'a> = &'a [(&'a str, &'a str)];
        let cases: &[(Pairs, &str, &str, &str)] = &[
            (
                &[
                    ("POSTGRES_USER", "que rido"),
                    ("POSTGRES_PASSWORD", "p@s:s/w#r?d%40"),
                    ("POSTGRES_DB", "diários"),
                    ("POSTGRES_HOST", "127.0.0.1"),
                    ("POSTGRES_PORT", "5433"),
                ],
                "catalog",
                "postgres://que%20rido:p%40s%3As%2Fw%23r%3Fd%2540@127.0.0.1:5433/di%C3%A1rios",
                "environment POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, POSTGRES_HOST, POSTGRES_PORT",
            ),
            (
                &[("POSTGRES_HOST", "db"), ("POSTGRES_PORT", "")],
                "catalog",
                "postgres://db:5432",
                "environment POSTGRES_HOST",
            ),
            (
                &[("POSTGRES_DB", "qd")],
                "catalog",
                "postgres://localhost:5432/qd",
                "environment POSTGRES_DB (host `localhost`, as POSTGRES_HOST is not set)",
            ),
            (
                &[("POSTGRES_HOST", "db"), ("POSTGRES_PASSWORD", "p")],
                "catalog",
                "postgres://:p@db:5432",
                "environment POSTGRES_PASSWORD, POSTGRES_HOST",
            ),
            (&[("POSTGRES_HOST", "::1")], "catalog", "postgres://[::1]:5432", "environment POSTGRES_HOST"),
            (
                &[("POSTGRES_HOST", "/run/postgresql")],
                "catalog",
                "postgres://%2Frun%2Fpostgresql:5432",
                "environment POSTGRES_HOST",
            ),
            (
                &[
                    ("STORAGE_ENDPOINT", "http://127.0.0.1:9000"),
                    ("STORAGE_REGION", "us-east-1"),
                    ("STORAGE_BUCKET", "queridodiariobucket"),
                ],
                "storage",
                "s3://queridodiariobucket?endpoint=http%3A%2F%2F127.0.0.1%3A9000&region=us-east-1",
                "environment STORAGE_ENDPOINT, STORAGE_REGION, STORAGE_BUCKET",
            ),
            (&[("STORAGE_BUCKET", "b")], "storage", "s3://b", "environment STORAGE_BUCKET"),
            (
                &[("OPENSEARCH_HOST", "http://localhost:9200"), ("OPENSEARCH_INDEX", "querido-diario")],
                "index",
                "opensearch+http://localhost:9200/querido-diario",
                "environment OPENSEARCH_HOST, OPENSEARCH_INDEX",
            ),
            (&[("EXECUTION_MODE", "DAILY")], "mode", "daily", "environment EXECUTION_MODE"),
            (&[("EXECUTION_MODE", "Unprocessed")], "mode", "unprocessed", "environment EXECUTION_MODE"),
            (&[("GAZETTE_QUERY_PAGE_SIZE", "250")], "page_size", "250", "environment GAZETTE_QUERY_PAGE_SIZE"),
            (&[("MAX_GAZETTE_FILE_SIZE_MB", "80")], "max_file_size_mb", "80", "environment MAX_GAZETTE_FILE_SIZE_MB"),
            (
                &[("QUERIDO_DIARIO_FILES_ENDPOINT", "http://f/b")],
                "files_endpoint",
                "http://f/b",
                "environment QUERIDO_DIARIO_FILES_ENDPOINT",
            ),
            (
                &[("USE_RELATIVE_FILE_PATHS", "True")],
                "use_relative_file_paths",
                "true",
                "environment USE_RELATIVE_FILE_PATHS",
            ),
            (&[("STORAGE_ACCESS_KEY", "k")], "s3_access_key", "k", "environment STORAGE_ACCESS_KEY"),
            (&[("STORAGE_ACCESS_SECRET", "s")], "s3_access_secret", "s", "environment STORAGE_ACCESS_SECRET"),
            (&[("OPENSEARCH_USER", "admin")], "opensearch_user", "admin", "environment OPENSEARCH_USER"),
            (&[("OPENSEARCH_PASSWORD", "1")], "opensearch_password", "1", "environment OPENSEARCH_PASSWORD"),
            (&[("DEBUG", "1")], "log_level", "debug", "environment DEBUG"),
            (&[("DEBUG", "true")], "log_level", "debug", "environment DEBUG"),
        ];
        for (variables, key, value, origin) in cases {
            let legacy = translate(&environment(variables)).unwrap();
            assert_eq!(legacy.layer.len(), 1, "{variables:?}");
            let assigned = &legacy.layer[key];
            let text = assigned.value.as_str().map_or_else(|| assigned.value.to_string(), str::to_owned);
            assert_eq!((text.as_str(), assigned.origin.to_string().as_str()), (*value, *origin));
        }
    }

    #[test]
    fn variables_that_say_nothing_are_remarked() {
        for (name, value, warning) in [
            ("POSTGRES_USER", "u", Some("POSTGRES_USER not used: POSTGRES_HOST is not set")),
            ("STORAGE_ENDPOINT", "http://h", Some("STORAGE_ENDPOINT not used: STORAGE_BUCKET is not set")),
            ("OPENSEARCH_INDEX", "i", Some("OPENSEARCH_INDEX not used: OPENSEARCH_HOST is not set")),
            ("DEBUG", "app:*", Some("DEBUG not used: it is neither 1 nor 0")),
            ("DEBUG", "0", None),
            ("POSTGRES_HOST", "", None),
        ] {
            let legacy = translate(&environment(&[(name, value)])).unwrap();
            assert!(legacy.layer.is_empty(), "{name}");
            assert_eq!(legacy.warnings.first().map(String::as_str), warning);
        }
    }

    #[test]
    fn variables_without_sense_are_errors() {
        for (name, value, message) in [
            (
                "EXECUTION_MODE",
                "WEEKLY",
                "mode is `WEEKLY`, from environment EXECUTION_MODE; it must be one of unprocessed, daily, unread, all",
            ),
            (
                "GAZETTE_QUERY_PAGE_SIZE",
                "0",
                "page_size is 0, from environment GAZETTE_QUERY_PAGE_SIZE; it must be between 1 and 10,000",
            ),
            (
                "OPENSEARCH_HOST",
                "search",
                "OPENSEARCH_INDEX in the environment is not set; it must be the name of the index, because \
                 OPENSEARCH_HOST is set",
            ),
            (
                "OPENSEARCH_HOST",
                "ftp://u:hunter2@h",
                "OPENSEARCH_HOST in the environment is `ftp://***@h`; it must be HOST, HOST:PORT, http://HOST:PORT or \
                 https://HOST:PORT, one host and no path",
            ),
        ] {
            assert_eq!(translate(&environment(&[(name, value)])).err().unwrap().to_string(), message);
        }
        let port = translate(&environment(&[("POSTGRES_HOST", "h"), ("POSTGRES_PORT", "0")])).err().unwrap();
        assert_eq!(port.to_string(), "POSTGRES_PORT in the environment is `0`; it must be a port between 1 and 65535");
    }
}
