//! Versions in OpenSearch: indices behind aliases. The name is the alias of the one that is searched, `NAME-next` of
//! one that is being filled, `NAME-previous` of the one before. What else is to be known of a version stands in the
//! `_meta` of its mapping.
//! <https://docs.opensearch.org/latest/im-plugin/index-alias/>

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Http, Method};
use super::{Existing, OpenSearchIndex, answer, bulk, mapping};
use crate::gazette::GazetteId;
use crate::search_index::error::Diagnosis;
use crate::search_index::versions::{Named, Next, Version, Versions, Which, after};
use crate::search_index::{Document, ItemOutcome, SearchIndexError, SearchIndexErrorKind as Kind};

/// Names tried for a new version, when some are taken.
const NAMES: u32 = 100;

/// How an `illegal_state_exception` says that an alias would get a second index to write to.
const TWO_BEGUN: &str = "more than one write index";

/// The answer to a question for aliases, also when some of them are missing.
#[derive(Debug, Default, Deserialize)]
struct Aliased {
    #[serde(default)]
    aliases: BTreeMap<String, Value>,
}

/// Which index is behind each alias.
#[derive(Debug, Default)]
struct Behind {
    current: Option<String>,
    next: Option<String>,
    previous: Option<String>,
}

/// `_meta.prelo` of a version's mapping.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
struct Meta {
    /// Since this moment of the catalogue's clock it is written to.
    since: Option<String>,
    /// What it may lack is what was indexed since.
    changed_since: Option<String>,
    back: bool,
}

impl OpenSearchIndex {
    fn alias(&self, of: &str) -> String {
        format!("{}-{of}", self.http.name())
    }

    async fn behind(&self, operation: &str) -> Result<Behind, SearchIndexError> {
        let (name, next, previous) = (self.http.name(), self.alias("next"), self.alias("previous"));
        let (status, body) = self.get(operation, &format!("/_alias/{name},{next},{previous}")).await?;
        // A user who may write to this index alone sees no other: then nobody fills one with that user's rights.
        if status == 403 {
            return Ok(Behind::default());
        }
        if status != 404 {
            self.accepted(operation, &(status, body.clone()))?;
        }
        // Aliases that are missing are told beside those that are there.
        let found: BTreeMap<String, Value> =
            answer::json(&body).map_err(|diagnosis| self.error(operation, diagnosis))?;
        let mut behind = Behind::default();
        for (index, about) in found {
            let Ok(Aliased { aliases }) = serde_json::from_value(about) else { continue };
            for (alias, slot) in
                [(name, &mut behind.current), (&next, &mut behind.next), (&previous, &mut behind.previous)]
            {
                if aliases.contains_key(alias) {
                    *slot = Some(index.clone());
                }
            }
        }
        Ok(behind)
    }

    /// The alias of the version that is being filled, where there is one.
    pub(super) async fn next_alias(&self) -> Result<Option<String>, SearchIndexError> {
        if !self.is_followed || !self.behind_alias.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let next = self.behind("look for a version that is being filled").await?.next;
        Ok(next.map(|_| self.alias("next")))
    }

    /// Writes what the index has acknowledged to the version that is being filled as well. It is looked for after the
    /// bulk: one that was begun later finds these gazettes in work, and waits for their marks. When the version that
    /// took the bulk is not the one that is searched any more, the bulk is to be sent again.
    pub(super) async fn followed(
        &self,
        documents: &[&Document],
        mut outcomes: Vec<ItemOutcome>,
        taken_by: Option<&str>,
    ) -> Result<Vec<ItemOutcome>, SearchIndexError> {
        if !self.is_followed || !self.behind_alias.load(Ordering::Relaxed) {
            return Ok(outcomes);
        }
        let behind = self.behind("look for a version that is being filled").await?;
        let moved = matches!((taken_by, &behind.current), (Some(taken), Some(current)) if taken != current);
        if !moved && behind.next.is_none() {
            return Ok(outcomes);
        }
        let acknowledged: Vec<usize> =
            (0..outcomes.len()).filter(|n| outcomes[*n] == ItemOutcome::Acknowledged).collect();
        if moved {
            for n in acknowledged {
                outcomes[n] = ItemOutcome::Resend("another version of the index has taken its place".into());
            }
            return Ok(outcomes);
        }
        let some: Vec<&Document> = acknowledged.iter().map(|n| documents[*n]).collect();
        let operation = bulk::operation(some.len());
        let (status, body) = self.send_bulk(&operation, &self.alias("next"), bulk::encode(&some)).await?;
        let sent: Vec<GazetteId> = some.iter().map(|document| document.id).collect();
        let answers = match bulk::judge(status, &body, &sent) {
            Ok(answers) => answers,
            // It has taken its place, or was given up, at this very moment.
            Err(diagnosis) if diagnosis.kind == Kind::NotThere => {
                vec![ItemOutcome::Resend("the versions of the index have changed".into()); some.len()]
            }
            Err(diagnosis) => return Err(self.error(&operation, diagnosis)),
        };
        for (n, answer) in acknowledged.into_iter().zip(answers) {
            // What the new mapping refuses is for whoever fills it to say: what is searched now has taken it.
            if let ItemOutcome::Resend(_) = answer {
                outcomes[n] = answer;
            }
        }
        Ok(outcomes)
    }

    async fn meta(&self, index: &str) -> Result<Meta, SearchIndexError> {
        #[derive(Deserialize)]
        struct Of {
            mappings: Mappings,
        }
        #[derive(Default, Deserialize)]
        struct Mappings {
            #[serde(rename = "_meta", default)]
            meta: Value,
        }
        let operation = "read the mapping";
        let answer = self.get(operation, &format!("/{index}/_mapping")).await?;
        let mut of: BTreeMap<String, Of> = self.read(operation, &answer)?;
        let meta = of.remove(index).map(|of| of.mappings.meta).unwrap_or_default();
        Ok(serde_json::from_value(meta["prelo"].clone()).unwrap_or_default())
    }

    async fn change_aliases(&self, operation: &str, actions: Vec<Value>) -> Result<(), SearchIndexError> {
        let answer = self.send_json(operation, Method::Post, "/_aliases", &json!({ "actions": actions })).await?;
        self.accepted(operation, &answer)
    }

    fn missing(&self, operation: &str, advice: &str) -> SearchIndexError {
        self.error(operation, Diagnosis::new(Kind::NotThere, advice))
    }
}

#[async_trait]
impl Versions for OpenSearchIndex {
    async fn named(&self) -> Result<Named, SearchIndexError> {
        let Behind { current, next, previous } = self.behind("look for versions").await?;
        let next = match next {
            Some(name) => {
                let Meta { changed_since, back, .. } = self.meta(&name).await?;
                Some(Next { name, changed_since, back })
            }
            None => None,
        };
        Ok(Named { current, next, previous })
    }

    async fn begin(&self, now: &str) -> Result<(), SearchIndexError> {
        let operation = "begin a version of the index";
        if matches!(self.existing(operation).await?, Some(Existing::Index)) {
            let advice = format!(
                "`{0}` is an index and not an alias, so that another cannot take its place; name a new index with \
                 --index, such as {1}-2: `prelo reindex` fills it from the same texts, and its readers follow when they ask there",
                self.http.name(),
                self.http.shown()
            );
            return Err(self.error(operation, Diagnosis::new(Kind::BadUrl, advice)));
        }
        let mut name = after(self.http.name(), self.behind(operation).await?.current.as_deref());
        let meta = json!({"prelo": {"since": now, "changed_since": now}});
        for _ in 0..NAMES {
            let mut body =
                mapping::version(&self.alias("next"), self.settings.shards, self.settings.replicas, meta.clone());
            // Nobody searches it yet.
            body["settings"]["index"]["refresh_interval"] = "60s".into();
            // An alias has one index at most that is written to: of two that begin at once, the second is refused.
            body["aliases"][self.alias("next")]["is_write_index"] = true.into();
            let created = self.send_json(operation, Method::Put, &format!("/{name}"), &body).await?;
            let cause = answer::cause(&created.1);
            if cause.as_ref().is_some_and(|cause| cause.reason.as_deref().is_some_and(|why| why.contains(TWO_BEGUN))) {
                let advice = "another `prelo reindex` has begun one at this very moment; leave it to that one";
                return Err(self.error(operation, Diagnosis::new(Kind::Locked, advice)));
            }
            if cause.is_none_or(|cause| cause.kind != "resource_already_exists_exception") {
                return self.accepted(operation, &created);
            }
            name = after(self.http.name(), Some(&name));
        }
        Err(self.error(operation, Diagnosis::new(Kind::Other, format!("{name} and all before it are taken"))))
    }

    async fn begin_back(&self, now: &str) -> Result<(), SearchIndexError> {
        let operation = "begin to go back to the version before";
        let Behind { current, previous, .. } = self.behind(operation).await?;
        let previous = previous.ok_or_else(|| self.missing(operation, "there is no version before this one"))?;
        let changed_since = match current {
            Some(current) => self.meta(&current).await?.since,
            None => None,
        };
        let meta = json!({"_meta": {"prelo": {"since": now, "changed_since": changed_since, "back": true}}});
        let noted = self.send_json(operation, Method::Put, &format!("/{previous}/_mapping"), &meta).await?;
        self.accepted(operation, &noted)?;
        let actions = vec![
            json!({"remove": {"index": previous, "alias": self.alias("previous")}}),
            json!({"add": {"index": previous, "alias": self.alias("next"), "is_write_index": true}}),
        ];
        self.change_aliases(operation, actions).await
    }

    async fn next(&self) -> Result<Box<dyn Version>, SearchIndexError> {
        let http = Http::new(self.http.address().renamed(self.alias("next")), *self.http.limits())?;
        let settings = self.settings.clone();
        Ok(Box::new(Self { http, settings, behind_alias: AtomicBool::new(true), is_followed: false }))
    }

    async fn switch(&self) -> Result<(), SearchIndexError> {
        let operation = "put another version of the index in its place";
        let Behind { current, next, previous } = self.behind(operation).await?;
        let next = next.ok_or_else(|| self.missing(operation, "no version is being filled; somebody was quicker"))?;
        // What it holds is found from the first moment on.
        let refreshed = self.http.send(operation, Method::Post, &format!("/{next}/_refresh"), None).await?;
        self.accepted(operation, &refreshed)?;
        let usual = json!({"index": {"refresh_interval": null}});
        let answer = self.send_json(operation, Method::Put, &format!("/{next}/_settings"), &usual).await?;
        self.accepted(operation, &answer)?;
        let mut actions = vec![
            json!({"remove": {"index": next, "alias": self.alias("next")}}),
            json!({"add": {"index": next, "alias": self.http.name()}}),
        ];
        if let Some(previous) = previous {
            actions.push(json!({"remove": {"index": previous, "alias": self.alias("previous")}}));
        }
        if let Some(current) = current {
            actions.push(json!({"remove": {"index": current, "alias": self.http.name()}}));
            actions.push(json!({"add": {"index": current, "alias": self.alias("previous")}}));
        }
        self.change_aliases(operation, actions).await
    }

    async fn discard(&self, which: Which) -> Result<Option<String>, SearchIndexError> {
        let operation = "remove a version of the index";
        let Behind { current, next, previous } = self.behind(operation).await?;
        let name = match which {
            Which::Next => next,
            Which::Previous => previous,
        };
        let Some(name) = name.filter(|name| current.as_ref() != Some(name)) else { return Ok(None) };
        let answer = self.http.send(operation, Method::Delete, &format!("/{name}"), None).await?;
        if answer.0 != 404 {
            self.accepted(operation, &answer)?;
        }
        Ok(Some(name))
    }
}

#[async_trait]
impl Version for OpenSearchIndex {
    async fn add(&self, documents: &[&Document]) -> Result<Vec<ItemOutcome>, SearchIndexError> {
        if documents.is_empty() {
            return Ok(Vec::new());
        }
        let operation = bulk::operation(documents.len());
        let (status, body) = self.send_bulk(&operation, self.http.name(), bulk::encode_new(documents)).await?;
        let sent: Vec<GazetteId> = documents.iter().map(|document| document.id).collect();
        bulk::judge_new(status, &body, &sent).map_err(|diagnosis| self.error(&operation, diagnosis))
    }
}
