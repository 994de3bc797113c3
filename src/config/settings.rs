//! The table of settings: one row each. Flags, variables, keys of `prelo.toml`, defaults, bounds and help come from it.

use super::kind::Kind;
use crate::gazette::OcrMode;
use crate::words::{t, told};

/// One thing that can be set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    /// Key in `prelo.toml`, and name of the field of [`super::Config`].
    pub key: &'static str,
    pub kind: Kind,
    pub fallback: Fallback,
    /// One line, without a full stop.
    pub help: &'static str,
    /// Variables of the service that prelo replaces from which the value can come.
    pub replaces: &'static [&'static str],
}

/// What holds when nobody says anything.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fallback {
    /// Not set.
    Absent,
    Text(&'static str),
    Number(u64),
    Flag(bool),
    /// Computed when everything else is known; the words are for the help.
    Computed(&'static str),
}

/// Settings that are shown together.
pub(super) struct Group {
    pub heading: &'static str,
    /// Shown by `-h` too, not only by `--help`.
    pub common: bool,
    pub settings: &'static [Setting],
}

/// Every setting, in the order of the table.
pub(super) fn all() -> impl Iterator<Item = &'static Setting> {
    GROUPS.iter().flat_map(|group| group.settings)
}

/// The row of a key.
pub(super) fn find(key: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.key == key)
}

impl Setting {
    /// Name of the flag, without its dashes.
    pub fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    /// Name of the environment variable.
    pub fn variable(&self) -> String {
        format!("PRELO_{}", self.key.to_uppercase())
    }

    /// What stands for the value in the help.
    pub fn value_name(&self) -> &'static str {
        match self.kind {
            Kind::Url(_) => "URL",
            Kind::Folder => "DIR",
            Kind::Secret => "SECRET",
            Kind::Flag => "true|false",
            Kind::Choice(_) => "WORD",
            Kind::Text if self.key.ends_with("_file") => "FILE",
            Kind::Text if self.key == "metrics_textfile" => "FILE",
            Kind::Text if self.key == "metrics_listen" => "ADDR",
            Kind::Text => "TEXT",
            Kind::Number { .. } if self.key.ends_with("_mb") => "MB",
            Kind::Number { .. } if self.key.ends_with("_ms") => "MS",
            Kind::Number { .. } if self.key.ends_with("_seconds") => "SECONDS",
            Kind::Number { .. } => "NUMBER",
        }
    }

    /// The help with the bounds or words that the value must keep.
    pub fn help_with_bounds(&self) -> String {
        match self.kind {
            Kind::Number { min, max } => {
                told("{help} ({min} to {max})", &[("help", &t(self.help)), ("min", &min), ("max", &max)])
            }
            Kind::Choice(words) => format!("{} ({})", t(self.help), words.join(", ")),
            _ => t(self.help).to_owned(),
        }
    }

    const fn replacing(self, replaces: &'static [&'static str]) -> Self {
        Self { replaces, ..self }
    }
}

const fn row(key: &'static str, kind: Kind, fallback: Fallback, help: &'static str) -> Setting {
    Setting { key, kind, fallback, help, replaces: &[] }
}

const fn number(key: &'static str, min: u64, max: u64, default: u64, help: &'static str) -> Setting {
    row(key, Kind::Number { min, max }, Fallback::Number(default), help)
}

const fn choice(
    key: &'static str,
    words: &'static [&'static str],
    default: &'static str,
    help: &'static str,
) -> Setting {
    row(key, Kind::Choice(words), Fallback::Text(default), help)
}

/// Rows of a page of the catalogue where nobody says anything.
pub const PAGE_SIZE: u64 = 1_000;

const CATALOG_SCHEMES: &[&str] = &["sqlite", "postgres", "postgresql"];
const STORAGE_SCHEMES: &[&str] = &["file", "s3"];
const INDEX_SCHEMES: &[&str] = &["tantivy", "opensearch+http", "opensearch+https"];

const POSTGRES: &[&str] = &["POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB", "POSTGRES_HOST", "POSTGRES_PORT"];
const STORAGE: &[&str] = &["STORAGE_ENDPOINT", "STORAGE_REGION", "STORAGE_BUCKET"];
const OPENSEARCH: &[&str] = &["OPENSEARCH_HOST", "OPENSEARCH_INDEX"];

pub(super) const GROUPS: &[Group] = &[
    Group {
        heading: "What and where",
        common: true,
        settings: &[
            row(
                "folder",
                Kind::Folder,
                Fallback::Absent,
                "Folder whose files are registered before the run; only read",
            ),
            row(
                "catalog",
                Kind::Url(CATALOG_SCHEMES),
                Fallback::Computed("sqlite://DATA/catalog.db"),
                "Where gazettes are listed: sqlite://PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE",
            )
            .replacing(POSTGRES),
            row(
                "storage",
                Kind::Url(STORAGE_SCHEMES),
                Fallback::Computed("the folder, when one is given"),
                "Where files are: file://FOLDER or s3://BUCKET?endpoint=URL&region=NAME",
            )
            .replacing(STORAGE),
            row(
                "index",
                Kind::Url(INDEX_SCHEMES),
                Fallback::Computed("tantivy://DATA/index"),
                "Where text is searched: tantivy://PATH or opensearch+http://HOST:PORT/NAME (or opensearch+https)",
            )
            .replacing(OPENSEARCH),
            row(
                "data",
                Kind::Folder,
                Fallback::Text("prelo-data"),
                "Folder of catalogue, index, texts and spool where their URLs do not say otherwise",
            ),
            choice("mode", &["unprocessed", "daily", "unread", "all"], "unprocessed", "Which backlog is taken up")
                .replacing(&["EXECUTION_MODE"]),
        ],
    },
    Group {
        heading: "Listing",
        common: false,
        settings: &[
            number("page_size", 1, 10_000, PAGE_SIZE, "Rows of a page of the catalogue")
                .replacing(&["GAZETTE_QUERY_PAGE_SIZE"]),
            choice(
                "paging",
                &["auto", "offset", "keyset"],
                "auto",
                "How pages are found; auto: offset up to 100 pages",
            ),
        ],
    },
    Group {
        heading: "Downloading",
        common: false,
        settings: &[
            number("max_file_size_mb", 1, 4096, 500, "Larger files are TOO_LARGE, in MiB")
                .replacing(&["MAX_GAZETTE_FILE_SIZE_MB"]),
            number("download_concurrency", 1, 64, 3, "Downloads at once"),
            number("download_attempts", 1, 20, 4, "Attempts of one download in all"),
            number("download_stall_timeout_seconds", 1, 3600, 30, "A download without a byte for so long has failed"),
            number("download_timeout_seconds", 1, 86_400, 900, "One attempt may take so long"),
            row(
                "spool",
                Kind::Folder,
                Fallback::Computed("DATA/spool"),
                "Folder for files between download and reading",
            ),
            number("spool_budget_mb", 1, 1_048_576, 2048, "Files in the spool at once, in MiB; then downloads wait"),
        ],
    },
    Group {
        heading: "Reading",
        common: false,
        settings: &[
            row(
                "extraction_threads",
                Kind::Number { min: 1, max: 64 },
                Fallback::Computed("the cores"),
                "Threads that read documents",
            ),
            number("memory_budget_mb", 128, 65_536, 512, "Bound on the memory of the whole process tree, in MiB"),
            number("reader_timeout_seconds", 1, 86_400, 60, "Reading a document may take so long"),
            number("reader_timeout_per_mb_ms", 0, 600_000, 1000, "And so much longer for each MiB of its file"),
            number("reader_silence_seconds", 1, 86_400, 60, "A reader that finishes no page for so long is ended"),
            number("reader_documents", 1, 1_000_000, 200, "A reader is replaced after so many documents, more or less"),
            number("reader_growth_mb", 1, 65_536, 48, "A reader is replaced when its memory has grown so much, in MiB"),
            number("reader_lifetime_seconds", 1, 86_400, 600, "A reader is replaced after so long"),
        ],
    },
    Group {
        heading: "Scans",
        common: false,
        settings: &[
            choice(
                "ocr",
                OcrMode::WORDS,
                "auto",
                "Which pages OCR reads; auto: those without readable text of their own",
            ),
            row("ocr_engine", Kind::Text, Fallback::Text("tesseract"), "Program of the OCR engine, Tesseract"),
            row("ocr_languages", Kind::Text, Fallback::Text("por"), "Languages that it reads, such as por+eng"),
            number("ocr_timeout_seconds", 1, 3600, 60, "OCR of one page may take so long"),
            number("ocr_dpi", 70, 1200, 300, "A page's picture has so many pixels per inch at most"),
            number("ocr_megapixels", 1, 200, 40, "And so many pixels in all, in millions; larger ones are scaled down"),
            number("ocr_least_confidence_percent", 0, 100, 60, "Below this mean confidence a text carries a warning"),
        ],
    },
    Group {
        heading: "Texts and links",
        common: false,
        settings: &[
            row("store_text", Kind::Flag, Fallback::Flag(true), "Store the text beside the file"),
            row(
                "files_endpoint",
                Kind::Text,
                Fallback::Text(""),
                "Prefix of the links to files and texts in the index",
            )
            .replacing(&["QUERIDO_DIARIO_FILES_ENDPOINT"]),
            row(
                "use_relative_file_paths",
                Kind::Flag,
                Fallback::Flag(false),
                "Links in the index are bare keys, without the prefix",
            )
            .replacing(&["USE_RELATIVE_FILE_PATHS"]),
        ],
    },
    Group {
        heading: "Indexing",
        common: false,
        settings: &[
            number("bulk_documents", 50, 100, 100, "Documents of a bulk at most"),
            number("bulk_size_mb", 1, 90, 8, "Text of a bulk at most, in MiB"),
            number("bulk_delay_ms", 1, 60_000, 500, "A bulk waits no longer for more documents"),
            number("bulk_concurrency", 1, 8, 2, "Bulks under way at once"),
            number("bulk_attempts", 1, 20, 6, "Attempts of one bulk in all"),
        ],
    },
    Group {
        heading: "Retrying",
        common: false,
        settings: &[
            number("retry_min_delay_ms", 1, 60_000, 200, "First wait before a retry; doubled after each"),
            number("retry_max_delay_ms", 1, 600_000, 20_000, "No wait before a retry is longer"),
            number("dependency_failures", 1, 100, 6, "Failed calls in a row after which a service is taken to be down"),
            number(
                "dependency_patience_seconds",
                0,
                86_400,
                300,
                "A service may be down so long, with the intake paused; then the run stops",
            ),
            number(
                "gazette_timeout_seconds",
                1,
                86_400,
                900,
                "So long may be spent on one gazette, waiting for others apart",
            ),
            number(
                "retry_failed_after_seconds",
                0,
                2_592_000,
                60,
                "A later run tries a gazette again whose failure may pass, so much later; doubled after each in a row",
            ),
            number("retry_failed_max_seconds", 0, 31_536_000, 86_400, "No wait before such another try is longer"),
            number(
                "failed_attempts",
                1,
                1_000,
                8,
                "Failures in a row of one gazette; then no run tries it again by itself",
            ),
            number(
                "quarantine_after_starts",
                1,
                1_000,
                3,
                "Starts of reading one file during which prelo died; then the file is QUARANTINED",
            ),
        ],
    },
    Group {
        heading: "Catalogue",
        common: false,
        settings: &[
            number("catalog_attempts", 1, 20, 6, "Attempts of one statement in all"),
            number("postgres_min_connections", 0, 100, 0, "Connections kept open"),
            number("postgres_max_connections", 1, 100, 5, "Connections at most"),
            number("postgres_acquire_timeout_seconds", 1, 600, 10, "Wait for a free connection"),
        ],
    },
    Group {
        heading: "S3",
        common: false,
        settings: &[
            row(
                "s3_region",
                Kind::Text,
                Fallback::Computed("that of the storage URL, or us-east-1"),
                "Region; overrides that of the storage URL",
            ),
            row("s3_access_key", Kind::Secret, Fallback::Absent, "Access key; better in the environment than a flag")
                .replacing(&["STORAGE_ACCESS_KEY"]),
            row(
                "s3_access_secret",
                Kind::Secret,
                Fallback::Absent,
                "Its secret; better in the environment than a flag",
            )
            .replacing(&["STORAGE_ACCESS_SECRET"]),
            number("s3_max_connections", 1, 256, 16, "Idle connections kept"),
            number("s3_connect_timeout_seconds", 1, 300, 5, "Wait for a connection"),
            number("s3_read_timeout_seconds", 1, 3600, 30, "Wait for the first byte of an answer"),
        ],
    },
    Group {
        heading: "OpenSearch",
        common: false,
        settings: &[
            row("opensearch_user", Kind::Text, Fallback::Absent, "User").replacing(&["OPENSEARCH_USER"]),
            row(
                "opensearch_password",
                Kind::Secret,
                Fallback::Absent,
                "Password; better in the environment than a flag",
            )
            .replacing(&["OPENSEARCH_PASSWORD"]),
            number("opensearch_max_connections", 1, 256, 8, "Idle connections kept"),
            number("opensearch_connect_timeout_seconds", 1, 300, 5, "Wait for a connection"),
            number("opensearch_request_timeout_seconds", 1, 3600, 60, "One request may take so long"),
            number("opensearch_shards", 1, 64, 1, "Shards of an index that prelo creates"),
            // None: a single node cannot place a replica and stays yellow for ever, and the stored texts rebuild a
            // lost index. Clusters of several nodes ask for one.
            number("opensearch_replicas", 0, 16, 0, "Replicas of an index that prelo creates; 1 with several nodes"),
        ],
    },
    Group {
        heading: "Metrics and traces",
        common: false,
        settings: &[
            row(
                "metrics_textfile",
                Kind::Text,
                Fallback::Absent,
                "File of a run's metrics, for node_exporter's textfile collector: a name that ends in .prom",
            ),
            row(
                "metrics_push",
                Kind::Url(&["http", "https"]),
                Fallback::Absent,
                "Pushgateway that gets the metrics of a run, such as http://HOST:9091",
            ),
            row(
                "metrics_listen",
                Kind::Text,
                Fallback::Absent,
                "A run answers /metrics on this address: ADDR:PORT, or a port of this machine alone",
            ),
            number("metrics_interval_seconds", 1, 3600, 15, "How often a run writes and pushes its metrics"),
            row(
                "otlp_endpoint",
                Kind::Url(&["http", "https"]),
                Fallback::Absent,
                "OpenTelemetry collector that gets a trace of each run, over HTTP, such as http://HOST:4318",
            )
            .replacing(&["OTEL_EXPORTER_OTLP_ENDPOINT"]),
            row(
                "otlp_headers",
                Kind::Secret,
                Fallback::Absent,
                "Headers for it, such as its key: NAME=VALUE, with commas between them",
            )
            .replacing(&["OTEL_EXPORTER_OTLP_HEADERS"]),
        ],
    },
    Group {
        heading: "Web",
        common: false,
        settings: &[
            row(
                "web_token",
                Kind::Secret,
                Fallback::Absent,
                "What asks for a change through the web has to know; without it nothing can be changed there",
            ),
            row(
                "web_hosts",
                Kind::Text,
                Fallback::Absent,
                "Names by which visitors reach `serve`, with commas between them, such as busca.example; without it, a server of this machine alone answers only to localhost and to IP addresses",
            ),
        ],
    },
    Group {
        heading: "Runs and logs",
        common: false,
        settings: &[
            number("lease_seconds", 10, 3600, 60, "A run without a sign of life for so long has lost its lease"),
            number("grace_seconds", 0, 3600, 30, "After SIGTERM, what is in flight may take so long"),
            choice("log_level", &["error", "warn", "info", "debug", "trace"], "info", "What is logged")
                .replacing(&["DEBUG"]),
            choice("log_format", &["auto", "text", "json"], "auto", "How log lines look; auto: text on a terminal"),
            row(
                "log_file",
                Kind::Text,
                Fallback::Absent,
                "File that takes the log lines instead of standard error; a terminal still shows warnings",
            ),
            number(
                "log_file_max_mb",
                1,
                10_240,
                20,
                "A larger log file becomes FILE.1, that FILE.2, and so on, in MiB",
            ),
            number("log_files_kept", 0, 1_000, 5, "Older log files that are kept"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::words::in_language;

    #[test]
    fn keys_are_unique_and_defaults_lie_within_bounds() {
        let mut keys = BTreeSet::new();
        for setting in all() {
            assert!(keys.insert(setting.key), "{} twice", setting.key);
            assert!(!setting.help.ends_with('.'), "{}", setting.key);
            match (setting.kind, setting.fallback) {
                (Kind::Number { min, max }, Fallback::Number(default)) => {
                    assert!((min..=max).contains(&default), "{}", setting.key);
                }
                (Kind::Choice(words), Fallback::Text(default)) => assert!(words.contains(&default), "{}", setting.key),
                _ => {}
            }
        }
    }

    #[test]
    fn every_setting_is_told_in_portuguese() {
        // What both languages call by the same name.
        const SAME: &[&str] = &["S3", "OpenSearch", "Web", "URL", "MB", "MS", "true|false"];
        for group in GROUPS {
            let computed = group.settings.iter().filter_map(|setting| match setting.fallback {
                Fallback::Computed(words) => Some(words),
                _ => None,
            });
            let told = group.settings.iter().flat_map(|setting| [setting.help, setting.value_name()]);
            for english in told.chain(computed).chain([group.heading]) {
                let told = in_language(true, || t(english));
                assert!(told != english || SAME.contains(&english), "{english} has no Portuguese");
            }
        }
    }

    #[test]
    fn names_follow_from_the_key() {
        let setting = find("max_file_size_mb").unwrap();
        assert_eq!(
            (setting.flag().as_str(), setting.variable().as_str(), setting.value_name()),
            ("max-file-size-mb", "PRELO_MAX_FILE_SIZE_MB", "MB")
        );
    }
}
