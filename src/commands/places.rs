//! Where file, text and document of a gazette are, written so that other programs find them. No credentials are in it.

use std::path::{Path, absolute};

use serde::Serialize;
use url::Url;

use crate::config::{Config, local_path};
use crate::pipeline::story::Story;
use crate::storage::text_file;

/// Of one gazette; `None` where it has none, or it cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Places {
    /// `s3://BUCKET/KEY`, or a path.
    pub file: Option<String>,
    pub text: Option<String>,
    /// The URL of the document, or `PATH (id ID)`.
    pub document: Option<String>,
    /// Only looked at where it is a path of this machine.
    pub file_is_gone: bool,
    pub text_is_gone: bool,
}

impl Places {
    pub fn of(config: &Config, story: &Story) -> Self {
        let key = story.file_path.as_deref().filter(|key| !key.is_empty());
        let storage = config.storage.as_ref();
        let file = key.zip(storage).and_then(|(key, storage)| file(storage, key));
        let text = key
            .zip(storage)
            .filter(|_| story.text_path.is_some())
            .and_then(|(key, storage)| text(storage, config, key));
        let is_local = storage.is_some_and(|storage| storage.scheme() == "file");
        let is_gone = |place: &Option<String>| {
            is_local && place.as_ref().is_some_and(|place| matches!(Path::new(place).try_exists(), Ok(false)))
        };
        Self {
            file_is_gone: is_gone(&file),
            text_is_gone: is_gone(&text),
            file,
            text,
            document: story.index.as_ref().and_then(|_| document(config.index.expose(), &story.id.to_string())),
        }
    }
}

fn file(storage: &Url, key: &str) -> Option<String> {
    match storage.scheme() {
        "file" => Some(storage.to_file_path().ok()?.join(key).display().to_string()),
        scheme => Some(format!("{scheme}://{}/{key}", storage.host_str()?)),
    }
}

fn text(storage: &Url, config: &Config, key: &str) -> Option<String> {
    match storage.scheme() {
        "file" => Some(absolute(text_file(config, key)?).ok()?.display().to_string()),
        _ => file(storage, &crate::storage::text_key(key)),
    }
}

/// `_id` is the gazette's.
fn document(index: &str, id: &str) -> Option<String> {
    if let Some(path) = local_path(index, "tantivy") {
        return Some(format!("{} (id {id})", absolute(path).ok()?.display()));
    }
    let url = Url::parse(index.strip_prefix("opensearch+")?).ok()?;
    let host = url.host_str()?;
    let (scheme, port) = (url.scheme(), url.port().unwrap_or(if url.scheme() == "https" { 443 } else { 9200 }));
    Some(format!("{scheme}://{host}:{port}/{}/_doc/{id}", url.path().trim_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_whole_and_hold_no_secret() {
        for (storage, expected) in [
            ("s3://gazettes?endpoint=https://s3.example", "s3://gazettes/a b/1.pdf"),
            ("file:///srv/my%20files", "/srv/my files/a b/1.pdf"),
        ] {
            assert_eq!(file(&Url::parse(storage).unwrap(), "a b/1.pdf").as_deref(), Some(expected));
        }
        for (index, expected) in [
            ("opensearch+https://u:hunter2@h:9243/gazettes", Some("https://h:9243/gazettes/_doc/7")),
            ("opensearch+http://h/gazettes/", Some("http://h:9200/gazettes/_doc/7")),
            ("opensearch+https://h/gazettes", Some("https://h:443/gazettes/_doc/7")),
            ("tantivy:///srv/index", Some("/srv/index (id 7)")),
            ("hunter2", None),
        ] {
            assert_eq!(document(index, "7").as_deref(), expected);
        }
    }
}
