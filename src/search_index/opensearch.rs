//! The index in OpenSearch.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;

use super::document::Provenance;
use super::error::Diagnosis;
use super::query::{Misunderstood, Query};
use super::{
    Document, Entry, Held, Hit, ItemOutcome, Passage, SearchIndex, SearchIndexError, SearchIndexErrorKind as Kind,
    SearchQuery, SearchResults, Versions, bulk, hit, matches, passages,
};
use crate::config::{Config, Secret};
use crate::gazette::GazetteId;
use address::Address;
use answer::IndexSettings;
use http::{Answer, Http, Limits, Method};

mod address;
pub(super) mod answer;
mod http;
mod inventory;
mod mapping;
mod search;
#[cfg(test)]
pub(super) mod tests;
mod versions;

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";

/// Documents behind an alias, or in an index of that very name which an older service made.
pub(super) struct OpenSearchIndex {
    http: Http,
    settings: Settings,
    /// Whether bulks ask for an alias: always, unless the name is known to be an index. Without that, the first
    /// document would make an index that is missing, or has vanished meanwhile, with a guessed mapping.
    behind_alias: AtomicBool,
    /// Whether a version that is being filled gets what is written, too; not when this is one.
    is_followed: bool,
}

/// What the configuration says of the search engine.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub connections: u32,
    pub connect_timeout: Duration,
    pub request_timeout: Duration,
    pub shards: u32,
    pub replicas: u32,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        Self {
            user: config.opensearch_user.clone(),
            password: config.opensearch_password.clone(),
            connections: config.opensearch_max_connections,
            connect_timeout: Duration::from_secs(config.opensearch_connect_timeout_seconds),
            request_timeout: Duration::from_secs(config.opensearch_request_timeout_seconds),
            shards: config.opensearch_shards,
            replicas: config.opensearch_replicas,
        }
    }
}

impl OpenSearchIndex {
    /// Reads the URL. Nothing is sent yet.
    pub fn new(url: &str, settings: Settings) -> Result<Self, SearchIndexError> {
        let address = Address::parse(url, settings.user.as_deref(), settings.password.as_ref())?;
        let limits = Limits {
            connections: settings.connections,
            connect_timeout: settings.connect_timeout,
            request_timeout: settings.request_timeout,
        };
        Ok(Self { http: Http::new(address, limits)?, settings, behind_alias: AtomicBool::new(true), is_followed: true })
    }

    async fn get(&self, operation: &str, path: &str) -> Result<Answer, SearchIndexError> {
        self.http.send(operation, Method::Get, path, None).await
    }

    async fn send_json(
        &self,
        operation: &str,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Answer, SearchIndexError> {
        self.http.send(operation, method, path, Some((JSON, Bytes::from(body.to_string())))).await
    }

    /// What the name stands for now.
    async fn existing(&self, operation: &str) -> Result<Option<Existing>, SearchIndexError> {
        let name = self.http.name();
        let alias = self.get(operation, &format!("/_alias/{name}")).await?;
        if alias.0 != 404 {
            self.accepted(operation, &alias)?;
            return Ok(Some(Existing::Alias));
        }
        let index = self.http.send(operation, Method::Head, &format!("/{name}"), None).await?;
        if index.0 == 404 {
            return Ok(None);
        }
        self.accepted(operation, &index)?;
        Ok(Some(Existing::Index))
    }

    /// Sends documents to an alias, or to an index of that very name.
    async fn send_bulk(
        &self,
        operation: &str,
        name: &str,
        body: Result<Bytes, serde_json::Error>,
    ) -> Result<Answer, SearchIndexError> {
        let body = body.map_err(|error| {
            self.error(operation, Diagnosis::new(Kind::Other, "a document cannot be written as JSON")).caused_by(error)
        })?;
        let alias = self.behind_alias.load(Ordering::Relaxed);
        let path = format!(
            "/{name}/_bulk?require_alias={alias}&filter_path=items.*._id,items.*._index,items.*.status,items.*.error,error"
        );
        self.http.send(operation, Method::Post, &path, Some((NDJSON, body))).await
    }

    fn accepted(&self, operation: &str, (status, body): &Answer) -> Result<(), SearchIndexError> {
        answer::refused(*status, body).map_err(|diagnosis| self.error(operation, diagnosis))
    }

    fn understood(&self, operation: &str, query: Result<Query, Misunderstood>) -> Result<Query, SearchIndexError> {
        query.map_err(|why| self.error(operation, Diagnosis::new(Kind::BadQuery, why.advice())))
    }

    fn error(&self, operation: &str, diagnosis: Diagnosis) -> SearchIndexError {
        diagnosis.during(operation, self.http.shown())
    }

    fn read<T: serde::de::DeserializeOwned>(&self, operation: &str, answer: &Answer) -> Result<T, SearchIndexError> {
        self.accepted(operation, answer)?;
        answer::json(&answer.1).map_err(|diagnosis| self.error(operation, diagnosis))
    }

    /// The passages of one hit. Its text is fetched alone, so that one text at most is held.
    async fn passages_at(&self, handle: &str, query: Query) -> Result<Vec<Passage>, SearchIndexError> {
        #[derive(Deserialize)]
        struct Stored {
            #[serde(rename = "_source")]
            source: Option<Text>,
        }
        #[derive(Deserialize)]
        struct Text {
            #[serde(default)]
            source_text: String,
        }
        let operation = "fetch a text";
        let path = format!("/{handle}?_source_includes=source_text");
        let answer = self.get(operation, &path).await?;
        if answer.0 == 404 {
            return Ok(Vec::new()); // removed since the search
        }
        let stored: Stored = self.read(operation, &answer)?;
        drop(answer);
        let text = stored.source.map(|source| source.source_text).unwrap_or_default();
        let passages = tokio::task::spawn_blocking(move || passages::best(&text, &matches::find(&text, &query))).await;
        passages.map_err(|error| {
            self.error(operation, Diagnosis::new(Kind::Other, "a thread of prelo failed")).caused_by(error)
        })
    }
}

/// What may stand under the name that was given.
enum Existing {
    Alias,
    /// Made by another service, or by hand; used as it is.
    Index,
}

#[async_trait]
impl SearchIndex for OpenSearchIndex {
    async fn check(&self) -> Result<String, SearchIndexError> {
        #[derive(Deserialize)]
        struct Root {
            version: Version,
        }
        #[derive(Deserialize)]
        struct Version {
            number: String,
            distribution: Option<String>,
        }
        let operation = "reach the search engine";
        let answer = self.get(operation, "/").await?;
        let Root { version } = self.read(operation, &answer)?;
        let product =
            if version.distribution.as_deref() == Some("opensearch") { "OpenSearch" } else { "Elasticsearch" };
        Ok(format!("{product} {}", version.number))
    }

    async fn check_writable(&self) -> Result<(), SearchIndexError> {
        let operation = "ask whether the index takes writes";
        let path = format!("/{}/_settings/index.blocks.*?flat_settings=true", self.http.name());
        let answer = self.get(operation, &path).await?;
        // It is made by the first run. Who may write need not be let to see settings.
        if matches!(answer.0, 403 | 404) {
            return Ok(());
        }
        let indices: BTreeMap<String, IndexSettings> = self.read(operation, &answer)?;
        match answer::write_block(&indices) {
            Some(diagnosis) => Err(self.error(operation, diagnosis)),
            None => Ok(()),
        }
    }

    async fn prepare(&self) -> Result<(), SearchIndexError> {
        let operation = "create the index";
        let name = self.http.name();
        let first = format!("/{name}-000001");
        let mut existing = self.existing(operation).await?;
        if existing.is_none() {
            let body = mapping::index(name, self.settings.shards, self.settings.replicas);
            let created = self.send_json(operation, Method::Put, &first, &body).await?;
            if (200..=299).contains(&created.0) {
                existing = Some(Existing::Alias);
            } else {
                // Another run may have been quicker, with the index or with the name.
                existing = self.existing(operation).await?;
                let there = answer::cause(&created.1).is_some_and(|c| c.kind == "resource_already_exists_exception");
                if existing.is_none() && there {
                    let alias = self.http.send(operation, Method::Put, &format!("{first}/_alias/{name}"), None).await?;
                    self.accepted(operation, &alias)?;
                    existing = Some(Existing::Alias);
                }
                if existing.is_none() {
                    self.accepted(operation, &created)?;
                }
            }
        }
        self.behind_alias.store(matches!(existing, Some(Existing::Alias)), Ordering::Relaxed);
        Ok(())
    }

    async fn bulk(&self, documents: &[&Document]) -> Result<Vec<ItemOutcome>, SearchIndexError> {
        if documents.is_empty() {
            return Ok(Vec::new());
        }
        let operation = bulk::operation(documents.len());
        let body = bulk::encode(documents);
        let (status, answer) = self.send_bulk(&operation, self.http.name(), body).await?;
        let sent: Vec<GazetteId> = documents.iter().map(|document| document.id).collect();
        let outcomes = bulk::judge(status, &answer, &sent).map_err(|diagnosis| self.error(&operation, diagnosis))?;
        let taken_by = bulk::taken_by(&answer);
        self.followed(documents, outcomes, taken_by.as_deref()).await
    }

    async fn refresh(&self) -> Result<(), SearchIndexError> {
        let operation = "refresh the index";
        let path = format!("/{}/_refresh", self.http.name());
        let answer = self.http.send(operation, Method::Post, &path, None).await?;
        self.accepted(operation, &answer)
    }

    async fn search(&self, asked: &SearchQuery) -> Result<SearchResults, SearchIndexError> {
        let operation = "search";
        let query = self.understood(operation, asked.understood())?;
        asked.within_reach().map_err(|advice| self.error(operation, Diagnosis::new(Kind::BadQuery, advice)))?;
        let path = format!("/{}/_search", self.http.name());
        let answer = self.send_json(operation, Method::Post, &path, &search::body(&query, asked)).await?;
        let search::Answer { hits, aggregations } = self.read(operation, &answer)?;
        let totals = asked.totals.then(|| aggregations.unwrap_or_default().totals());
        let mut results = SearchResults { total: hits.total.value, hits: Vec::with_capacity(hits.hits.len()), totals };
        for found in hits.hits {
            let handle = format!("{}/_doc/{}", found.index, utf8_percent_encode(&found.id, NON_ALPHANUMERIC));
            // Without words there is nothing to be shown, and no text to be fetched for it.
            let without = asked.without_passages || query.all.is_empty();
            let passages = if without { Vec::new() } else { self.passages_at(&handle, query.clone()).await? };
            // Another service may have named its documents otherwise; such a document is no gazette of this catalogue.
            let id = GazetteId(found.id.parse().unwrap_or_default());
            results.hits.push(hit::hit(id, &found.fields, found.score.unwrap_or_default(), passages, handle));
        }
        Ok(results)
    }

    async fn passages(&self, text: &str, hit: &Hit) -> Result<Vec<Passage>, SearchIndexError> {
        let query = self.understood("fetch a text", Query::parse(text))?;
        self.passages_at(&hit.handle, query).await
    }

    async fn find(&self, id: GazetteId) -> Result<Option<Provenance>, SearchIndexError> {
        #[derive(Deserialize)]
        struct Stored {
            #[serde(default)]
            found: bool,
            #[serde(rename = "_source", default)]
            source: Option<Source>,
        }
        #[derive(Deserialize)]
        struct Source {
            #[serde(default)]
            prelo: Provenance,
        }
        let operation = format!("look up gazette {id}");
        let answer = self.get(&operation, &format!("/{}/_doc/{id}?_source_includes=prelo", self.http.name())).await?;
        let (status, body) = &answer;
        if *status == 404 && answer::cause(body).is_none() {
            return Ok(None);
        }
        let stored: Stored = self.read(&operation, &answer)?;
        Ok(stored.found.then(|| stored.source.map(|source| source.prelo).unwrap_or_default()))
    }

    async fn count(&self) -> Result<u64, SearchIndexError> {
        #[derive(Deserialize)]
        struct Count {
            count: u64,
        }
        let operation = "count the documents";
        let answer = self.get(operation, &format!("/{}/_count", self.http.name())).await?;
        self.read::<Count>(operation, &answer).map(|answer| answer.count)
    }

    async fn held(&self, gazettes: &[GazetteId]) -> Result<Vec<Held>, SearchIndexError> {
        if gazettes.is_empty() {
            return Ok(Vec::new());
        }
        self.look_up(gazettes).await
    }

    async fn entries(&self, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, SearchIndexError> {
        self.list(after, limit).await
    }

    async fn remove(&self, keys: &[String]) -> Result<(), SearchIndexError> {
        if keys.is_empty() {
            return Ok(());
        }
        self.remove_keys(self.http.name(), keys).await?;
        match self.next_alias().await? {
            Some(next) => self.remove_keys(&next, keys).await,
            None => Ok(()),
        }
    }

    fn versions(&self) -> Option<&dyn Versions> {
        Some(self)
    }
}
