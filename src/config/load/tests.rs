use std::path::{Path, PathBuf};

use super::*;
use crate::config::Paging;
use crate::gazette::Mode;

type Pairs<'a> = &'a [(&'a str, &'a str)];

fn sources(flags: Pairs, environment: Pairs) -> Sources {
    let map = |pairs: Pairs| pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Sources { flags: map(flags), environment: map(environment), ..Sources::default() }
}

fn with_file(mut sources: Sources, folder: &Path, text: &str) -> Sources {
    let path = folder.join("prelo.toml");
    std::fs::write(&path, text).unwrap();
    sources.file = Some(path);
    sources
}

fn error(flags: Pairs, environment: Pairs) -> String {
    load(&sources(flags, environment)).unwrap_err().to_string()
}

fn origin(loaded: &Loaded, key: &str) -> String {
    loaded.origins[key].to_string()
}

#[test]
fn the_table_and_the_struct_have_the_same_keys() {
    let loaded = load(&Sources::default()).unwrap();
    let fields = serde_json::to_value(&loaded.config).unwrap();
    let mut fields: Vec<_> = fields.as_object().unwrap().keys().cloned().collect();
    let mut keys: Vec<_> = settings::all().map(|setting| setting.key.to_owned()).collect();
    fields.sort();
    keys.sort();
    assert_eq!(fields, keys);
}

#[test]
fn nothing_said_is_a_folder_of_data() {
    let Loaded { config, warnings, .. } = load(&Sources::default()).unwrap();
    assert_eq!(config.catalog.expose(), "sqlite://prelo-data/catalog.db");
    assert_eq!(config.index.expose(), "tantivy://prelo-data/index");
    assert_eq!(config.spool, PathBuf::from("prelo-data/spool"));
    assert_eq!((config.mode, config.paging, config.page_size), (Mode::Unprocessed, Paging::Auto, 1000));
    assert_eq!(config.s3_region, "us-east-1");
    assert!((1..=64).contains(&config.extraction_threads) && config.store_text && warnings.is_empty());
    assert_eq!(
        config.storage().unwrap_err().to_string(),
        "it is not said where the files are: name a folder with --folder DIR, or a bucket with --storage s3://BUCKET"
    );
}

#[test]
fn flag_beats_environment_beats_file_beats_default() {
    let folder = tempfile::tempdir().unwrap();
    let file = "page_size = 2\n";
    let old = ("GAZETTE_QUERY_PAGE_SIZE", "3");
    let new = ("PRELO_PAGE_SIZE", "4");
    let flag = ("page_size", "5");
    let in_file = format!("{}:1", folder.path().join("prelo.toml").display());
    let cases: [(Pairs, Pairs, &str, u32, &str); 7] = [
        (&[], &[], "", 1000, "default"),
        (&[], &[], file, 2, &in_file),
        (&[], &[old], file, 3, "environment GAZETTE_QUERY_PAGE_SIZE"),
        (&[], &[old, new], file, 4, "environment PRELO_PAGE_SIZE"),
        (&[], &[("PRELO_PAGE_SIZE", "")], file, 2, &in_file),
        (&[flag], &[old, new], file, 5, "flag --page-size"),
        (&[flag], &[], "", 5, "flag --page-size"),
    ];
    for (flags, environment, file, value, from) in cases {
        let loaded = load(&with_file(sources(flags, environment), folder.path(), file)).unwrap();
        assert_eq!((loaded.config.page_size, origin(&loaded, "page_size").as_str()), (value, from));
    }
}

#[test]
fn variables_that_are_beaten_are_remarked() {
    let loaded = load(&sources(
        &[("mode", "all")],
        &[("EXECUTION_MODE", "DAILY"), ("POSTGRES_HOST", "db"), ("PRELO_CATALOG", "sqlite://x.db")],
    ))
    .unwrap();
    assert_eq!(
        loaded.warnings,
        [
            "POSTGRES_HOST not used: catalog comes from environment PRELO_CATALOG",
            "EXECUTION_MODE not used: mode comes from flag --mode",
        ]
    );
}

#[test]
fn places_follow_from_the_data_folder() {
    let loaded = load(&sources(&[("data", "/srv/a b#1")], &[("PRELO_INDEX", "tantivy://x")])).unwrap();
    assert_eq!(loaded.config.catalog.expose(), "sqlite:///srv/a b%231/catalog.db");
    assert_eq!(loaded.config.index.expose(), "tantivy://x");
    assert_eq!(
        (origin(&loaded, "catalog").as_str(), origin(&loaded, "index").as_str()),
        ("setting data", "environment PRELO_INDEX")
    );
}

#[test]
fn a_folder_becomes_the_storage() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().canonicalize().unwrap().join("diários #1? %20");
    std::fs::create_dir(&folder).unwrap();
    let path = folder.to_str().unwrap();
    let loaded = load(&sources(&[("folder", path)], &[])).unwrap();
    let url = loaded.config.storage().unwrap();
    assert_eq!((url.scheme(), url.to_file_path().unwrap()), ("file", folder.clone()));
    assert_eq!((loaded.config.folder.as_ref(), loaded.warnings.len()), (Some(&folder), 0));
    // the same folder named twice, in two spellings
    let twice = sources(&[("folder", &format!("{path}/../diários #1? %20"))], &[("PRELO_STORAGE", url.as_str())]);
    assert_eq!(load(&twice).unwrap().config.storage.as_ref(), Some(url));

    let other = root.path().to_str().unwrap();
    for (flags, message) in [
        (
            &[("folder", path), ("storage", &format!("file://{other}"))][..],
            "folder (flag --folder) and storage (flag --storage) do not go together: they name two folders; leave one \
             of them out",
        ),
        (
            &[("folder", path), ("storage", "s3://bucket")],
            "folder (flag --folder) and storage (flag --storage) do not go together: files come from a folder or from \
             a bucket; leave one of them out",
        ),
        (
            &[("folder", path), ("catalog", "postgres://u:hunter2@h/db")],
            "folder (flag --folder) and catalog (flag --catalog) do not go together: files of a folder are registered \
             in an SQLite catalogue; for a Postgres that lists them already, name the folder as --storage file://FOLDER",
        ),
    ] {
        assert_eq!(error(flags, &[]), message);
    }
    let inside = load(&sources(&[("folder", path), ("data", &format!("{path}/prelo-data"))], &[])).unwrap();
    assert!(inside.warnings[0].contains("lies inside the folder"), "{:?}", inside.warnings);
}

#[test]
fn a_folder_must_exist_and_be_one() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    std::fs::write(&file, "").unwrap();
    let (root, file) = (root.path().display(), file.display());
    for (key, value, message) in [
        ("folder", format!("{root}/no"), format!("the folder {root}/no, from flag --folder, does not exist;")),
        ("folder", format!("{file}"), format!("the folder {file}, from flag --folder, is a file;")),
        ("folder", format!("{file}/x"), format!("the folder {file}/x, from flag --folder, cannot be read;")),
        ("storage", format!("file://{root}/no"), format!("the folder {root}/no, from flag --storage, does not exist;")),
        ("data", format!("{file}"), format!("the folder {file}, from flag --data, is a file;")),
    ] {
        let error = error(&[(key, &value)], &[]);
        assert!(error.starts_with(&message), "{error}");
    }
    let missing = Sources { file: Some("no/such/prelo.toml".into()), ..Sources::default() };
    assert_eq!(
        load(&missing).unwrap_err().to_string(),
        "could not read the configuration file no/such/prelo.toml; name another with --config FILE, or leave it out"
    );
}

#[test]
fn bad_input_says_what_it_is_where_it_stands_and_what_to_do() {
    for (key, value, message) in [
        ("page_size", "0", "page_size is 0, from flag --page-size; it must be between 1 and 10,000"),
        ("mode", "weekly", "mode is `weekly`, from flag --mode; it must be one of unprocessed, daily, unread, all"),
        (
            "log_level",
            "loud",
            "log_level is `loud`, from flag --log-level; it must be one of error, warn, info, debug, trace",
        ),
        (
            "catalog",
            "mysql://u:hunter2@h/db",
            "catalog is `mysql://***@h/db`, from flag --catalog; it must be a URL that begins with sqlite://, \
             postgres:// or postgresql://",
        ),
        (
            "storage",
            "gs://bucket",
            "storage is `gs://bucket`, from flag --storage; it must be a URL that begins with file:// or s3://",
        ),
        (
            "index",
            "http://h:9200/i",
            "index is `http://h:9200/i`, from flag --index; it must be a URL that begins with tantivy://, \
             opensearch+http:// or opensearch+https://",
        ),
    ] {
        assert_eq!(error(&[(key, value)], &[]), message);
    }
}

#[test]
fn contradictions_are_refused() {
    let cases: &[(Pairs, &str)] = &[
        (&[("retry_min_delay_ms", "500"), ("retry_max_delay_ms", "100")], "the first wait is longer than the longest"),
        (&[("postgres_min_connections", "9")], "more connections are kept than there may be"),
        (&[("s3_access_key", "k")], "one is set without the other"),
        (&[("opensearch_password", "hunter2")], "there is a password but no user"),
    ];
    for (flags, advice) in cases {
        let error = error(flags, &[]);
        assert!(error.contains(advice) && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn the_region_comes_from_its_setting_or_the_url() {
    let url = ("storage", "s3://bucket?region=sa-east-1");
    let cases: [(Pairs, Pairs, &str, &str); 4] = [
        (&[], &[], "us-east-1", "default"),
        (&[url], &[], "sa-east-1", "setting storage"),
        (&[url, ("s3_region", "eu-west-1")], &[], "eu-west-1", "flag --s3-region"),
        (&[], &[("STORAGE_BUCKET", "b"), ("STORAGE_REGION", "nyc3")], "nyc3", "setting storage"),
    ];
    for (flags, environment, region, from) in cases {
        let loaded = load(&sources(flags, environment)).unwrap();
        assert_eq!((loaded.config.s3_region.as_str(), origin(&loaded, "s3_region").as_str()), (region, from));
    }
}

#[test]
fn an_empty_flag_unsets_and_a_slash_at_the_end_is_cut() {
    let loaded = load(&sources(
        &[("opensearch_user", ""), ("files_endpoint", "https://files.example/")],
        &[("OPENSEARCH_USER", "admin")],
    ))
    .unwrap();
    assert_eq!(loaded.config.opensearch_user, None);
    assert_eq!(loaded.config.files_endpoint, "https://files.example");
}

#[test]
fn secrets_are_shown_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let environment: Pairs = &[
        ("POSTGRES_USER", "prelo"),
        ("POSTGRES_PASSWORD", "hunter2"),
        ("POSTGRES_HOST", "db"),
        ("STORAGE_ACCESS_KEY", "hunter2"),
        ("STORAGE_ACCESS_SECRET", "hunter2"),
        ("OPENSEARCH_HOST", "https://admin:hunter2@search:9200"),
        ("OPENSEARCH_INDEX", "gazettes"),
        ("OPENSEARCH_USER", "admin"),
    ];
    let sources = with_file(sources(&[], environment), folder.path(), "opensearch_password = \"hunter2\"");
    let loaded = load(&sources).unwrap();
    assert_eq!(loaded.config.catalog.expose(), "postgres://prelo:hunter2@db:5432");
    let listing = loaded.listing();
    let entry = |key: &str| listing.iter().find(|entry| entry.key == key).unwrap().value.clone().unwrap();
    assert_eq!(entry("catalog"), "postgres://***@db:5432");
    assert_eq!(entry("index"), "opensearch+https://***@search:9200/gazettes");
    assert_eq!(entry("opensearch_password"), "***");
    let everything = format!("{loaded:?} {listing:?} {}", serde_json::to_string(&loaded.config).unwrap());
    assert!(!everything.contains("hunter2"), "{everything}");
}

#[test]
fn every_setting_is_listed_with_its_origin() {
    let loaded = load(&sources(&[("store_text", "no")], &[])).unwrap();
    let listing = loaded.listing();
    assert_eq!(listing.len(), settings::all().count());
    let entry = |key: &str| {
        let entry = listing.iter().find(|entry| entry.key == key).unwrap();
        (entry.value.as_deref(), entry.origin.as_str())
    };
    assert_eq!(entry("store_text"), (Some("false"), "flag --store-text"));
    assert_eq!(entry("page_size"), (Some("1000"), "default"));
    assert_eq!(entry("folder"), (None, "default"));
    assert_eq!(entry("catalog"), (Some("sqlite://prelo-data/catalog.db"), "default"));
}
