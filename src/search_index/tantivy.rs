//! The index embedded in prelo, in a folder: no server is needed.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use super::document::Provenance;
use super::error::Diagnosis;
use super::{
    Document, Entry, Held, Hit, ItemOutcome, Passage, SearchIndex, SearchIndexError, SearchIndexErrorKind as Kind,
    SearchQuery, SearchResults, bulk,
};
use crate::gazette::GazetteId;
use schema::Fields;
use store::Store;

mod inventory;
mod merging;
mod schema;
mod store;
#[cfg(test)]
mod tests;
mod totals;

/// Documents in a folder. One process writes at a time; any number read, also meanwhile.
pub(super) struct TantivyIndex {
    store: Arc<Store>,
    fields: Fields,
    shown: String,
}

impl TantivyIndex {
    /// The index in a folder, relative to the working folder or absolute. Nothing is created yet.
    pub async fn open(path: PathBuf) -> Result<Self, SearchIndexError> {
        let shown = format!("tantivy://{}", path.display());
        if path.as_os_str().is_empty() {
            let diagnosis =
                Diagnosis::new(Kind::BadUrl, "the URL names no folder; it looks like tantivy://prelo-data/index");
            return Err(diagnosis.during("open the index", shown));
        }
        let target = shown.clone();
        let store = blocking("open the index", &shown, move || Store::open(path, target)).await?;
        Ok(Self { store: Arc::new(store), fields: Fields::schema().1, shown })
    }

    async fn with_store<T: Send + 'static>(
        &self,
        operation: &str,
        work: impl FnOnce(&Store) -> Result<T, SearchIndexError> + Send + 'static,
    ) -> Result<T, SearchIndexError> {
        let store = Arc::clone(&self.store);
        blocking(operation, &self.shown, move || work(&store)).await
    }
}

/// Runs what blocks on a thread for that. A panic in there is an error of this call alone.
async fn blocking<T: Send + 'static>(
    operation: &str,
    target: &str,
    work: impl FnOnce() -> Result<T, SearchIndexError> + Send + 'static,
) -> Result<T, SearchIndexError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        let diagnosis =
            Diagnosis::new(Kind::Other, "the embedded index failed; if it stays, remove its folder and run again");
        Err(diagnosis.during(operation, target).caused_by(error))
    })
}

#[async_trait]
impl SearchIndex for TantivyIndex {
    async fn check(&self) -> Result<String, SearchIndexError> {
        let there = self.with_store("open the index", Store::check).await?;
        let version =
            ::tantivy::version_string().split(',').next().unwrap_or_default().replace("tantivy v", "Tantivy ");
        Ok(if there { version } else { format!("{version}, no index yet") })
    }

    async fn prepare(&self) -> Result<(), SearchIndexError> {
        self.with_store("create the index", Store::prepare).await
    }

    async fn bulk(&self, documents: &[&Document]) -> Result<Vec<ItemOutcome>, SearchIndexError> {
        if documents.is_empty() {
            return Ok(Vec::new());
        }
        let operation = bulk::operation(documents.len());
        let written: Result<Vec<_>, _> =
            documents.iter().map(|document| Ok((document.id, self.fields.document(document)?))).collect();
        let written = written.map_err(|error: serde_json::Error| {
            let diagnosis = Diagnosis::new(Kind::Other, "a document cannot be written as JSON");
            diagnosis.during(&operation, &self.shown).caused_by(error)
        })?;
        self.with_store(&operation, move |store| store.write(written)).await?;
        Ok(vec![ItemOutcome::Acknowledged; documents.len()])
    }

    /// Nothing to do: each bulk is a commit, and each search begins with the last one.
    async fn refresh(&self) -> Result<(), SearchIndexError> {
        self.with_store("refresh the index", |store| store.count().map(drop)).await
    }

    async fn search(&self, query: &SearchQuery) -> Result<SearchResults, SearchIndexError> {
        let query = query.clone();
        self.with_store("search", move |store| store.search(&query)).await
    }

    async fn passages(&self, text: &str, hit: &Hit) -> Result<Vec<Passage>, SearchIndexError> {
        let (text, id) = (text.to_owned(), hit.id);
        self.with_store("read a text", move |store| store.passages(&text, id)).await
    }

    async fn find(&self, id: GazetteId) -> Result<Option<Provenance>, SearchIndexError> {
        self.with_store("look up a gazette", move |store| store.find(id)).await
    }

    async fn count(&self) -> Result<u64, SearchIndexError> {
        self.with_store("count the documents", Store::count).await
    }

    async fn held(&self, gazettes: &[GazetteId]) -> Result<Vec<Held>, SearchIndexError> {
        let gazettes = gazettes.to_vec();
        self.with_store("look up gazettes", move |store| store.held(&gazettes)).await
    }

    async fn entries(&self, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, SearchIndexError> {
        let after = after.map(str::to_owned);
        self.with_store("list the documents", move |store| store.entries(after.as_deref(), limit)).await
    }

    async fn remove(&self, keys: &[String]) -> Result<(), SearchIndexError> {
        if keys.is_empty() {
            return Ok(());
        }
        let keys = keys.to_vec();
        self.with_store("remove documents", move |store| store.remove(&keys)).await
    }
}
