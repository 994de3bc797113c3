//! What the index holds, asked of the search engine.

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Cause;
use super::http::Method;
use super::{JSON, OpenSearchIndex};
use crate::gazette::GazetteId;
use crate::search_index::error::Diagnosis;
use crate::search_index::inventory::{Entry, FIELDS, Held, Stored, gazette_of};
use crate::search_index::{SearchIndexError, SearchIndexErrorKind as Kind};

/// Hits of one request at most, unless an index says otherwise (`index.max_result_window`).
const MAX_HITS: usize = 10_000;

#[derive(Deserialize)]
struct Documents {
    docs: Vec<Document>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "_id")]
    key: String,
    #[serde(default)]
    found: bool,
    #[serde(rename = "_source", default)]
    stored: Stored,
    error: Option<Cause>,
}

#[derive(Deserialize)]
struct Page {
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    hits: Hits,
}

#[derive(Deserialize)]
struct Shards {
    failed: u32,
}

#[derive(Deserialize)]
struct Hits {
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_id")]
    key: String,
    #[serde(rename = "_source", default)]
    stored: Stored,
}

impl OpenSearchIndex {
    /// By key first, which sees what was written a moment ago; what is not found so may be there under the key that
    /// another service gave it.
    pub(super) async fn look_up(&self, gazettes: &[GazetteId]) -> Result<Vec<Held>, SearchIndexError> {
        let operation = format!("look up {} gazettes", gazettes.len());
        let keys: Vec<String> = gazettes.iter().map(ToString::to_string).collect();
        let path = format!("/{}/_mget?_source_includes={FIELDS}", self.http.name());
        let answer = self.send_json(&operation, Method::Post, &path, &json!({ "ids": keys })).await?;
        let Documents { docs } = self.read(&operation, &answer)?;
        let mut held = Vec::with_capacity(docs.len());
        let mut missing = Vec::new();
        for document in docs {
            if let Some(cause) = document.error {
                // Nothing is known of it: to call it missing would make a gazette pending that is not.
                let diagnosis = super::answer::blames_the_index(&cause).unwrap_or_else(|| {
                    Diagnosis::new(Kind::Unavailable, format!("it could not look for {}: {cause}", document.key))
                });
                return Err(self.error(&operation, diagnosis));
            }
            match gazette_of(&document.key) {
                Some(gazette) if document.found => {
                    let file_checksum = document.stored.file_checksum();
                    held.push(Held { gazette, key: document.key, file_checksum, copies: 1 });
                }
                _ => missing.push(document.key),
            }
        }
        if missing.is_empty() {
            return Ok(held);
        }
        let query = json!({"terms": {"id": missing}});
        let elsewhere = self.hits(&operation, json!({"size": MAX_HITS, "query": query})).await?;
        held.extend(elsewhere.into_iter().filter_map(|hit| {
            let gazette = hit.stored.gazette()?;
            // A document with a gazette's key is that gazette's, whatever else it says; it was found by it above.
            let file_checksum = hit.stored.file_checksum();
            gazette_of(&hit.key).is_none().then_some(Held { gazette, key: hit.key, file_checksum, copies: 1 })
        }));
        Ok(held)
    }

    /// In the order of `_id`: a page can be asked for again, and what is written meanwhile moves none. That order
    /// takes the engine a table of all keys in memory.
    pub(super) async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, SearchIndexError> {
        let operation = "list the documents";
        let mut body = json!({"size": limit.min(MAX_HITS), "query": {"match_all": {}}, "sort": [{"_id": "asc"}]});
        if let Some(after) = after {
            body["search_after"] = json!([after]);
        }
        let hits = self.hits(operation, body).await?;
        Ok(hits
            .into_iter()
            .map(|hit| Entry {
                gazette: gazette_of(&hit.key).or_else(|| hit.stored.gazette()),
                file_checksum: hit.stored.file_checksum(),
                by_prelo: hit.stored.by_prelo(),
                key: hit.key,
            })
            .collect())
    }

    pub(super) async fn remove_keys(&self, name: &str, keys: &[String]) -> Result<(), SearchIndexError> {
        let operation = format!("remove {} documents", keys.len());
        let mut body = Vec::new();
        for key in keys {
            body.extend_from_slice(json!({"delete": {"_id": key}}).to_string().as_bytes());
            body.push(b'\n');
        }
        let path = format!("/{name}/_bulk?refresh=true&filter_path=items.*._id,items.*.status,items.*.error");
        let answer = self.http.send(&operation, Method::Post, &path, Some((super::NDJSON, body.into()))).await?;
        let Removals { items } = self.read(&operation, &answer)?;
        // A document that is gone answers 404 without an error: somebody was quicker, or the answer to an earlier call
        // was lost. An index that is gone answers 404 with one.
        let done = |item: &Removal| item.error.is_none() && matches!(item.status, 200..=299 | 404);
        let refused = items.iter().map(|item| &item.delete).find(|item| !done(item));
        if let Some(Removal { status, error }) = refused {
            let cause = error.as_ref().map(ToString::to_string).unwrap_or_default();
            let diagnosis = error.as_ref().and_then(super::answer::blames_the_index);
            let diagnosis = diagnosis
                .unwrap_or_else(|| Diagnosis::new(Kind::Unavailable, format!("it answered {status}: {cause}")));
            return Err(self.error(&operation, diagnosis));
        }
        if items.len() != keys.len() {
            let advice = format!("it answered for {} documents of {}", items.len(), keys.len());
            return Err(self.error(&operation, Diagnosis::new(Kind::Unavailable, advice)));
        }
        Ok(())
    }

    /// Hits of a search, from every shard or none: what a shard keeps to itself would be taken for missing.
    async fn hits(&self, operation: &str, mut body: Value) -> Result<Vec<Hit>, SearchIndexError> {
        body["_source"] = FIELDS.split(',').collect();
        body["track_total_hits"] = false.into();
        let path = format!("/{}/_search?allow_partial_search_results=false", self.http.name());
        let body = Some((JSON, bytes::Bytes::from(body.to_string())));
        let answer = self.http.send(operation, Method::Post, &path, body).await?;
        let page: Page = self.read(operation, &answer)?;
        if page.timed_out || page.shards.failed > 0 {
            let advice = "a part of the index did not answer; look at the cluster's health";
            return Err(self.error(operation, Diagnosis::new(Kind::Unavailable, advice)));
        }
        Ok(page.hits.hits)
    }
}

#[derive(Deserialize)]
struct Removals {
    items: Vec<RemovalItem>,
}

#[derive(Deserialize)]
struct RemovalItem {
    delete: Removal,
}

#[derive(Deserialize)]
struct Removal {
    status: u16,
    error: Option<Cause>,
}
