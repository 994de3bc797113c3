//! The index embedded in prelo, in a folder: no server is needed.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::document::Provenance;
use super::error::Diagnosis;
use super::{
    Document, Entry, Filling, FillingLock, Held, Hit, ItemOutcome, Named, Next, Passage, SearchIndex, SearchIndexError,
    SearchIndexErrorKind as Kind, SearchQuery, SearchResults, Version, Versions, Which, bulk,
};
use crate::gazette::GazetteId;
use schema::Fields;
use store::{Store, lock};
use versions::{Layout, Pointer};

mod inventory;
mod inversion;
mod merging;
mod replaced;
mod schema;
mod searching;
mod segment;
mod store;
#[cfg(test)]
mod tests;
mod totals;
mod versions;
mod writing;

/// What writing segments takes beside the texts, in bytes of a third of it: measured.
const FILLING_BYTES: u64 = 24 << 20;
/// Of texts in a bulk that fills a version.
const LEAST_BYTES: u64 = 4 << 20;

/// Documents in a folder. One process writes at a time; any number read, also meanwhile.
pub(super) struct TantivyIndex {
    place: Arc<Place>,
    fields: Fields,
    shown: String,
}

/// Where the documents are.
struct Place {
    layout: Layout,
    /// The version of this name alone, and not the one that is searched.
    version: Option<String>,
    /// The folder and what is opened there.
    store: Mutex<Option<(PathBuf, Arc<Store>)>>,
    shown: String,
}

impl Place {
    /// The version that is searched now: another may have taken its place.
    fn store(&self) -> Result<Arc<Store>, SearchIndexError> {
        let folder = match &self.version {
            Some(name) => self.layout.folder(name),
            None => self.layout.current_folder(&self.pointer()?),
        };
        let mut slot = lock(&self.store);
        match slot.as_ref() {
            Some((opened, store)) if *opened == folder => Ok(Arc::clone(store)),
            _ => {
                // The one before is closed first: nobody writes to it any more.
                *slot = None;
                let store = Arc::new(Store::open(folder.clone(), self.shown.clone(), 1)?);
                *slot = Some((folder, Arc::clone(&store)));
                Ok(store)
            }
        }
    }

    fn pointer(&self) -> Result<Pointer, SearchIndexError> {
        self.layout.pointer().map_err(|error| self.failed("read which version of the index is searched", error))
    }

    fn failed(&self, operation: &str, error: io::Error) -> SearchIndexError {
        let advice =
            format!("the files beside {} cannot be read or written; look at the disk", self.layout.base.display());
        Diagnosis::new(Kind::Other, advice).during(operation, &self.shown).caused_by(error)
    }

    /// Writes to the version that is searched, and to the one that is being filled, while neither changes its place.
    fn write<W: Clone>(
        &self,
        what: W,
        work: impl Fn(&Store, W) -> Result<(), SearchIndexError>,
    ) -> Result<(), SearchIndexError> {
        if let Some(name) = &self.version {
            return self.briefly(name, |store| work(store, what));
        }
        // Where nothing is yet, no file may be made for a lock.
        self.store()?.opened("write to the index")?;
        let _held = self.layout.shared().map_err(|error| self.failed("write to the index", error))?;
        match self.pointer()?.next {
            None => work(&*self.store()?, what),
            Some(next) => {
                work(&*self.store()?, what.clone())?;
                self.briefly(&next, |store| work(store, what))
            }
        }
    }

    /// Writes to a version that is being filled: two processes do, each in its turn.
    fn briefly(
        &self,
        name: &str,
        work: impl FnOnce(&Store) -> Result<(), SearchIndexError>,
    ) -> Result<(), SearchIndexError> {
        let folder = self.layout.folder(name);
        let _turn = versions::turn(&folder).map_err(|error| self.failed("write to a version of the index", error))?;
        // Whoever fills a version does nothing else; a run that writes to it, too, has readers to feed.
        let threads = if self.version.is_some() { filling_threads() } else { 1 };
        let store = Store::open(folder, self.shown.clone(), threads)?;
        work(&store)?;
        store.close()
    }
}

impl TantivyIndex {
    /// The index in a folder, relative to the working folder or absolute. Nothing is created yet.
    pub async fn open(path: PathBuf) -> Result<Self, SearchIndexError> {
        let index = Self::unopened(path, None)?;
        index.with_store("open the index", |_| Ok(())).await?;
        Ok(index)
    }

    /// The same without a look at what is there: it may be what another version of prelo has left.
    pub fn unopened(base: PathBuf, version: Option<String>) -> Result<Self, SearchIndexError> {
        let shown = format!("tantivy://{}", base.display());
        if base.as_os_str().is_empty() {
            let diagnosis =
                Diagnosis::new(Kind::BadUrl, "the URL names no folder; it looks like tantivy://prelo-data/index");
            return Err(diagnosis.during("open the index", shown));
        }
        let place = Place { layout: Layout { base }, version, store: Mutex::default(), shown: shown.clone() };
        Ok(Self { place: Arc::new(place), fields: Fields::schema().1, shown })
    }

    async fn with_store<T: Send + 'static>(
        &self,
        operation: &str,
        work: impl FnOnce(&Store) -> Result<T, SearchIndexError> + Send + 'static,
    ) -> Result<T, SearchIndexError> {
        self.at_place(operation, |place| work(&*place.store()?)).await
    }

    async fn at_place<T: Send + 'static>(
        &self,
        operation: &str,
        work: impl FnOnce(&Place) -> Result<T, SearchIndexError> + Send + 'static,
    ) -> Result<T, SearchIndexError> {
        let place = Arc::clone(&self.place);
        blocking(operation, &self.shown, move || work(&place)).await
    }

    fn written(&self, operation: &str, documents: &[&Document]) -> Result<writing::Written, SearchIndexError> {
        let written: Result<_, serde_json::Error> =
            documents.iter().map(|document| Ok((document.id, self.fields.document(document)?))).collect();
        written.map_err(|error| {
            let diagnosis = Diagnosis::new(Kind::Other, "a document cannot be written as JSON");
            diagnosis.during(operation, &self.shown).caused_by(error)
        })
    }
}

/// Threads that write one bulk of a version that is being filled: more than a few wait for the disk.
fn filling_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(4)
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
        let written = self.written(&operation, documents)?;
        self.at_place(&operation, move |place| place.write(written, Store::write)).await?;
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
        self.at_place("remove documents", move |place| place.write(keys, |store, keys| store.remove(&keys))).await
    }

    fn versions(&self) -> Option<&dyn Versions> {
        Some(self)
    }
}

#[async_trait]
impl Version for TantivyIndex {
    /// It makes segments of each bulk and commits it: large ones are merged seldom, and wait seldom for the disk. One is
    /// written while the texts of the next are fetched.
    fn filling(&self, bytes: u64) -> Option<Filling> {
        Some(Filling {
            documents: 5_000,
            bytes: (bytes.saturating_sub(FILLING_BYTES) / 2).max(LEAST_BYTES),
            at_once: 2,
        })
    }

    async fn add(&self, documents: &[&Document]) -> Result<Vec<ItemOutcome>, SearchIndexError> {
        if documents.is_empty() {
            return Ok(Vec::new());
        }
        let operation = bulk::operation(documents.len());
        let written = self.written(&operation, documents)?;
        self.at_place(&operation, move |place| place.write(written, Store::add)).await?;
        Ok(vec![ItemOutcome::Acknowledged; documents.len()])
    }
}

#[async_trait]
impl Versions for TantivyIndex {
    async fn named(&self) -> Result<Named, SearchIndexError> {
        self.at_place("look for versions", |place| {
            let pointer = place.pointer()?;
            let Pointer { changed_since, back, .. } = pointer.clone();
            let next = pointer.next.clone().map(|name| Next { name, changed_since, back });
            let there = place.layout.current_folder(&pointer).join("meta.json").is_file();
            let current = there.then(|| place.layout.current_name(&pointer));
            Ok(Named { current, next, previous: pointer.previous })
        })
        .await
    }

    async fn hold(&self) -> Result<Option<FillingLock>, SearchIndexError> {
        let operation = "look whether a version is being filled";
        self.at_place(operation, move |place| {
            let failed = |error| place.failed(operation, error);
            if let Some(parent) = place.layout.base.parent() {
                std::fs::create_dir_all(parent).map_err(failed)?;
            }
            let held = place.layout.filling().map_err(failed)?;
            Ok(held.map(|file| FillingLock { _file: Some(file) }))
        })
        .await
    }

    async fn begin(&self, now: &str) -> Result<(), SearchIndexError> {
        let now = now.to_owned();
        let operation = "begin a version of the index";
        self.at_place(operation, move |place| {
            let failed = |error| place.failed(operation, error);
            if let Some(parent) = place.layout.base.parent() {
                std::fs::create_dir_all(parent).map_err(failed)?;
            }
            let _alone = place.layout.alone().map_err(failed)?;
            let mut pointer = place.pointer()?;
            place.layout.sweep(&mut pointer).map_err(failed)?;
            let name = place.layout.name_of_next(&pointer);
            let folder = place.layout.folder(&name);
            // What lies there was begun, and never pointed to.
            versions::remove(&folder).map_err(failed)?;
            Store::open(folder, place.shown.clone(), 1)?.prepare()?;
            let since = Some(now);
            (pointer.next, pointer.changed_since, pointer.next_since) = (Some(name), since.clone(), since);
            pointer.back = false;
            place.layout.point(&pointer).map_err(failed)
        })
        .await
    }

    async fn begin_back(&self, now: &str) -> Result<(), SearchIndexError> {
        let now = now.to_owned();
        let operation = "begin to go back to the version before";
        self.at_place(operation, move |place| {
            let failed = |error| place.failed(operation, error);
            let _alone = place.layout.alone().map_err(failed)?;
            let mut pointer = place.pointer()?;
            let Some(previous) = pointer.previous.take() else {
                let advice = "there is no version before this one";
                return Err(Diagnosis::new(Kind::NotThere, advice).during(operation, &place.shown));
            };
            // It must be readable by this prelo before anybody writes to it.
            Store::open(place.layout.folder(&previous), place.shown.clone(), 1)?.opened(operation)?;
            (pointer.next, pointer.back) = (Some(previous), true);
            (pointer.changed_since, pointer.next_since) = (pointer.since.clone(), Some(now));
            place.layout.point(&pointer).map_err(failed)
        })
        .await
    }

    async fn next(&self) -> Result<Box<dyn Version>, SearchIndexError> {
        let operation = "open the version that is being filled";
        let next = self.at_place(operation, |place| Ok(place.pointer()?.next)).await?;
        match next {
            Some(name) => Ok(Box::new(Self::unopened(self.place.layout.base.clone(), Some(name))?)),
            None => Err(Diagnosis::new(Kind::NotThere, "there is none").during(operation, &self.shown)),
        }
    }

    async fn switch(&self) -> Result<(), SearchIndexError> {
        let operation = "put another version of the index in its place";
        self.at_place(operation, move |place| {
            let failed = |error| place.failed(operation, error);
            let _alone = place.layout.alone().map_err(failed)?;
            let mut pointer = place.pointer()?;
            let Some(next) = pointer.next.take() else {
                let advice = "no version is being filled; somebody was quicker";
                return Err(Diagnosis::new(Kind::NotThere, advice).during(operation, &place.shown));
            };
            pointer.previous = Some(place.layout.current_name(&pointer));
            (pointer.current, pointer.since, pointer.next_since) = (Some(next), pointer.next_since, None);
            (pointer.changed_since, pointer.back) = (None, false);
            place.layout.point(&pointer).map_err(failed)
        })
        .await
    }

    async fn discard(&self, which: Which) -> Result<Option<String>, SearchIndexError> {
        let operation = "remove a version of the index";
        self.at_place(operation, move |place| {
            let failed = |error| place.failed(operation, error);
            if place.pointer()? == Pointer::default() {
                return Ok(None);
            }
            let _alone = place.layout.alone().map_err(failed)?;
            let mut pointer = place.pointer()?;
            let removed = match which {
                Which::Next => pointer.next.take(),
                Which::Previous => pointer.previous.take(),
            };
            let Some(name) = removed else { return Ok(None) };
            if which == Which::Next {
                (pointer.changed_since, pointer.next_since, pointer.back) = (None, None, false);
            }
            // First the pointer: nobody searches a folder that is half there.
            pointer.removing.push(name.clone());
            place.layout.point(&pointer).map_err(failed)?;
            place.layout.sweep(&mut pointer).map_err(failed)?;
            place.layout.point(&pointer).map_err(failed)?;
            Ok(Some(name))
        })
        .await
    }
}
