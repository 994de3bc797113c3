//! What the three URLs must look like beyond their scheme. Their scheme is checked where they are read.

use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use url::Url;

/// What would end the path of a `sqlite:` URL or be decoded in it.
const PATH: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#');

/// Where files are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Folder(PathBuf),
    Bucket(Url),
}

/// A URL whose path may be relative: `sqlite://prelo-data/catalog.db`. Readers decode percent signs.
pub(super) fn local_url(scheme: &str, path: &Path) -> String {
    format!("{scheme}://{}", utf8_percent_encode(&path.to_string_lossy(), PATH))
}

/// The path of a URL made by [`local_url`], or written by hand: all between `://` and `?`, percent signs decoded.
/// `None` when the scheme is another.
#[must_use]
pub fn local_path(url: &str, scheme: &str) -> Option<PathBuf> {
    let path = url.strip_prefix(scheme)?.strip_prefix("://")?;
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    Some(PathBuf::from(percent_decode_str(path).decode_utf8().ok()?.into_owned()))
}

/// Checks a catalogue's URL; the error says what it must be.
pub(super) fn check_catalog(text: &str) -> Result<(), String> {
    const EXPECTED: &str = "a URL such as postgres://USER:PASSWORD@HOST:5432/DATABASE, where `%`, `@`, `:`, `/`, `?` \
                            and `#` of a password are written %25, %40, %3A, %2F, %3F and %23";
    if text.starts_with("sqlite://") {
        return decodable(text, "sqlite");
    }
    let sound = Url::parse(text).is_ok_and(|url| {
        let host_in_query = url.query_pairs().any(|(key, _)| key == "host" || key == "hostaddr");
        (url.host_str().is_some_and(|host| !host.is_empty()) || host_in_query) && url.fragment().is_none()
    });
    if sound { Ok(()) } else { Err(EXPECTED.into()) }
}

fn decodable(text: &str, scheme: &str) -> Result<(), String> {
    match local_path(text, scheme) {
        Some(path) if !path.as_os_str().is_empty() => Ok(()),
        _ => Err(format!("a URL such as {scheme}://PATH, where `%`, `?` and `#` are written %25, %3F and %23")),
    }
}

/// Checks an index's URL; the error says what it must be.
pub(super) fn check_index(text: &str) -> Result<(), String> {
    const EXPECTED: &str = "a URL such as opensearch+http://HOST:9200/NAME, where NAME is the index";
    let Some(server) = text.strip_prefix("opensearch+") else { return decodable(text, "tantivy") };
    let sound = Url::parse(server).is_ok_and(|url| {
        let mut segments = url.path().trim_matches('/').split('/');
        segments.next().is_some_and(|name| !name.is_empty())
            && segments.next().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    if sound { Ok(()) } else { Err(EXPECTED.into()) }
}

/// Reads a storage's URL; the error says what it must be. A relative `file://FOLDER` is taken as it is meant.
pub(super) fn parse_storage(text: &str) -> Result<Place, String> {
    if let Some(path) = text.strip_prefix("file://") {
        let path = path.strip_prefix("localhost").filter(|path| path.starts_with('/')).unwrap_or(path);
        let path = percent_decode_str(path).decode_utf8().map_err(|_| "a path in UTF-8".to_owned())?;
        return Ok(Place::Folder(PathBuf::from(path.into_owned())));
    }
    let url = Url::parse(text).ok().filter(|url| url.host_str().is_some_and(|bucket| !bucket.is_empty()));
    let url = url.ok_or("a URL such as s3://BUCKET?endpoint=http://HOST:9000&region=NAME")?;
    if url.query_pairs().any(|(key, _)| key != "endpoint" && key != "region") {
        return Err("a URL without other parameters than endpoint and region".into());
    }
    let endpoint = url.query_pairs().find(|(key, _)| key == "endpoint").map(|(_, value)| Url::parse(&value));
    let endpoint = endpoint.transpose().map_err(|_| "a URL whose endpoint is one, such as http://HOST:9000")?;
    let sound = |endpoint: &Url| ["http", "https"].contains(&endpoint.scheme()) && endpoint.host().is_some();
    if !endpoint.iter().all(sound) {
        return Err("a URL whose endpoint begins with http:// or https://".into());
    }
    let has_credentials = |url: &Url| !url.username().is_empty() || url.password().is_some();
    if has_credentials(&url) || endpoint.as_ref().is_some_and(has_credentials) {
        return Err("a URL without credentials: they belong to s3_access_key and s3_access_secret".into());
    }
    Ok(Place::Bucket(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_survive_a_url() {
        for path in ["prelo-data/catalog.db", "/abs/a b/é#1?x%20.db", "../up"] {
            let url = local_url("sqlite", Path::new(path));
            assert_eq!(local_path(&url, "sqlite"), Some(PathBuf::from(path)), "{url}");
        }
        assert_eq!(local_path("sqlite://a.db?mode=ro", "sqlite"), Some("a.db".into()));
        assert_eq!(local_path("sqlite://a.db", "tantivy"), None);
    }

    #[test]
    fn urls_of_the_catalogue_and_the_index() {
        for (text, sound) in [
            ("sqlite://x", true),
            ("postgres://u:p@h:5432/db", true),
            ("postgresql://h/db", true),
            ("postgres:///db?host=/run/postgresql", true),
            ("postgres://%2Frun%2Fpostgresql:5432/db", true),
            ("postgres:///db", false),
            ("postgres://u:hun#ter2@h/db", false),
            ("postgres://u:1#2@h/db", false),
        ] {
            assert_eq!(check_catalog(text).is_ok(), sound, "{text}");
        }
        for (text, sound) in [
            ("tantivy://x", true),
            ("opensearch+http://h:9200/gazettes", true),
            ("opensearch+https://u:p@h/gazettes", true),
            ("opensearch+http://h:9200", false),
            ("opensearch+http://h:9200/", false),
            ("opensearch+http://h:9200/a/b", false),
            ("opensearch+http://h:x/a", false),
        ] {
            assert_eq!(check_index(text).is_ok(), sound, "{text}");
        }
    }

    #[test]
    fn urls_of_the_storage() {
        for (text, folder) in [
            ("file:///a/b%20c%23", Some("/a/b c#")),
            ("file://localhost/a", Some("/a")),
            ("file://gazettes", Some("gazettes")),
            ("file://./a b", Some("./a b")),
            ("s3://bucket", None),
            ("s3://bucket?endpoint=http://127.0.0.1:9000&region=us-east-1", None),
        ] {
            match parse_storage(text).unwrap() {
                Place::Folder(path) => assert_eq!(Some(path.as_path()), folder.map(Path::new)),
                Place::Bucket(url) => assert_eq!((url.as_str(), None), (text, folder)),
            }
        }
        for text in [
            "s3://?endpoint=http://h",
            "s3://bucket?endpoint=127.0.0.1:9000",
            "s3://bucket?endpoint=ftp://h",
            "s3://key:hunter2@bucket",
            "s3://bucket?endpoint=http://key:hunter2@h",
            "s3://bucket?secret_key=hunter2",
        ] {
            let expected = parse_storage(text).unwrap_err();
            assert!(expected.starts_with("a URL") && !expected.contains("hunter2"), "{expected}");
        }
    }
}
