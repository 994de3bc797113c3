//! A storage and an index that answer as they are told, and count what they were asked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, stream};
use prelo::gazette::GazetteId;
use prelo::search_index::document::Provenance;
use prelo::search_index::{
    Document, Entry, Held, Hit, ItemOutcome, Passage, SearchIndex, SearchIndexError, SearchIndexErrorKind, SearchQuery,
    SearchResults,
};
use prelo::storage::{ObjectBody, ObjectHead, Storage, StorageError, StorageErrorKind};

/// How one GET goes.
#[derive(Debug, Clone, Copy)]
pub enum Get {
    Whole,
    /// The body ends in the middle, in silence.
    Cut,
    /// The connection breaks in the middle.
    Broken,
    /// More bytes than the HEAD said.
    Grown,
    /// The middle never comes.
    Stalled,
    /// Refused with this kind.
    Refused(StorageErrorKind),
    /// One byte, and another, and another.
    Drip,
}

/// Calls that are under way at once.
#[derive(Debug, Default)]
pub struct InFlight {
    pub now: AtomicU32,
    pub most: AtomicU32,
}

impl InFlight {
    fn begin(&self) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
    }

    fn end(&self) {
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Objects by key, with what their next GETs do; a GET beyond the script is whole.
#[derive(Default)]
pub struct ScriptedStorage {
    pub objects: BTreeMap<String, Vec<u8>>,
    pub gets: Mutex<BTreeMap<String, VecDeque<Get>>>,
    /// Sizes that HEAD claims instead of the truth.
    pub claimed: BTreeMap<String, u64>,
    /// Every HEAD and GET is refused with this kind, and so is the check.
    pub down: Mutex<Option<StorageErrorKind>>,
    /// HEADs of these keys are refused with this kind.
    pub refused: BTreeMap<String, StorageErrorKind>,
    /// So many calls are refused with this kind, then all is well. Unless it is told to be well, the check fails as
    /// long, and is one of them.
    pub outage: Mutex<(u32, Option<StorageErrorKind>)>,
    pub checks_well: bool,
    /// Every HEAD takes so long.
    pub delay: Duration,
    pub heads: InFlight,
    /// No text can be stored.
    pub read_only: bool,
    /// Texts of these keys are never done being stored.
    pub silent_puts: BTreeSet<String>,
    /// Calls by operation and key.
    pub calls: Mutex<BTreeMap<(&'static str, String), u32>>,
}

fn storage_error(kind: StorageErrorKind, key: &str) -> StorageError {
    StorageError { kind, operation: "fetch", target: key.into(), advice: "it was told so".into(), source: None }
}

impl ScriptedStorage {
    pub fn calls(&self, operation: &'static str, key: &str) -> u32 {
        self.calls.lock().unwrap().get(&(operation, key.to_owned())).copied().unwrap_or(0)
    }

    fn count(&self, operation: &'static str, key: &str) -> Result<(), StorageError> {
        *self.calls.lock().unwrap().entry((operation, key.to_owned())).or_default() += 1;
        self.out(key)?;
        match *self.down.lock().unwrap() {
            Some(kind) => Err(storage_error(kind, key)),
            None => Ok(()),
        }
    }

    fn out(&self, key: &str) -> Result<(), StorageError> {
        let mut outage = self.outage.lock().unwrap();
        match *outage {
            (times @ 1.., Some(kind)) => {
                outage.0 = times - 1;
                Err(storage_error(kind, key))
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Storage for ScriptedStorage {
    async fn check(&self) -> Result<String, StorageError> {
        // The run begins while all is well; trouble strikes later.
        if !self.checks_well && self.calls("check", "") > 0 {
            self.out("the storage")?;
        }
        match *self.down.lock().unwrap() {
            Some(kind) if self.calls("check", "") > 0 => Err(storage_error(kind, "the storage")),
            _ => {
                *self.calls.lock().unwrap().entry(("check", String::new())).or_default() += 1;
                Ok("a script".into())
            }
        }
    }

    async fn head(&self, key: &str) -> Result<ObjectHead, StorageError> {
        self.heads.begin();
        tokio::time::sleep(self.delay).await;
        self.heads.end();
        self.count("head", key)?;
        if let Some(kind) = self.refused.get(key) {
            return Err(storage_error(*kind, key));
        }
        let object = self.objects.get(key).ok_or_else(|| storage_error(StorageErrorKind::NotFound, key))?;
        let bytes = self.claimed.get(key).copied().unwrap_or(object.len() as u64);
        Ok(ObjectHead { bytes, etag: Some("v1".into()) })
    }

    async fn get(&self, key: &str, if_match: Option<&str>) -> Result<ObjectBody, StorageError> {
        self.count("get", key)?;
        assert_eq!(if_match, Some("v1"), "the ETag of the HEAD comes back");
        let object = Bytes::from(self.objects[key].clone());
        let half = object.slice(..object.len() / 2);
        let next = self.gets.lock().unwrap().get_mut(key).and_then(VecDeque::pop_front);
        let key = key.to_owned();
        Ok(match next.unwrap_or(Get::Whole) {
            Get::Whole => stream::iter([Ok(half), Ok(object.slice(object.len() / 2..))]).boxed(),
            Get::Cut => stream::iter([Ok(half)]).boxed(),
            Get::Broken => stream::iter([Ok(half), Err(storage_error(StorageErrorKind::Unavailable, &key))]).boxed(),
            Get::Grown => stream::iter([Ok(object.clone()), Ok(object)]).boxed(),
            Get::Stalled => stream::iter([Ok(half)]).chain(stream::pending()).boxed(),
            Get::Drip => stream::iter(0..object.len())
                .then(move |n| {
                    let byte = object.slice(n..=n);
                    async move {
                        tokio::time::sleep(Duration::from_millis(200)).await;
                        Ok(byte)
                    }
                })
                .boxed(),
            Get::Refused(kind) => return Err(storage_error(kind, &key)),
        })
    }

    async fn get_part(&self, key: &str, _: u64, _: u64, _: Option<&str>) -> Result<ObjectBody, StorageError> {
        panic!("a run reads no part of a file, and not of {key}")
    }

    async fn put_text(&self, key: &str, _: Bytes) -> Result<(), StorageError> {
        self.count("put", key)?;
        if self.silent_puts.contains(key) {
            std::future::pending::<()>().await;
        }
        if self.read_only { Err(storage_error(StorageErrorKind::AccessDenied, key)) } else { Ok(()) }
    }

    async fn get_text(&self, key: &str) -> Result<Bytes, StorageError> {
        Err(storage_error(StorageErrorKind::NotFound, key))
    }

    async fn stream_text(&self, key: &str) -> Result<ObjectBody, StorageError> {
        Err(storage_error(StorageErrorKind::NotFound, key))
    }
}

/// What the index does with a document of some gazette.
#[derive(Debug, Clone)]
pub enum Put {
    /// 429, so many times.
    Busy(u32),
    /// The mapping refuses it.
    Refuse,
    /// Any bulk with it is answered with 413.
    Large,
    /// Any bulk with it fails whole.
    Poison,
}

/// Documents by id, with what happens to some of them.
#[derive(Default)]
pub struct ScriptedIndex {
    pub script: Mutex<BTreeMap<i64, Put>>,
    /// Whole bulks are refused with this kind, so many times.
    pub down: Mutex<(u32, Option<SearchIndexErrorKind>)>,
    /// So many bulks are taken, and the answer is lost.
    pub lost: Mutex<u32>,
    /// How often each was acknowledged.
    pub acknowledged: Mutex<BTreeMap<i64, u32>>,
    /// The texts that came.
    pub texts: Mutex<Vec<String>>,
    /// Ids of every bulk that was sent.
    pub bulks: Mutex<Vec<Vec<i64>>>,
    /// The index never answers when it is prepared.
    pub black_hole: bool,
    /// Happens once, while the first bulk is under way.
    pub meanwhile: Mutex<Option<BoxFuture<'static, ()>>>,
}

fn index_error(kind: SearchIndexErrorKind) -> SearchIndexError {
    SearchIndexError {
        kind,
        operation: "write a bulk".into(),
        target: "script".into(),
        advice: "it was told so".into(),
        source: None,
    }
}

#[async_trait]
impl SearchIndex for ScriptedIndex {
    async fn check(&self) -> Result<String, SearchIndexError> {
        Ok("a script".into())
    }

    async fn prepare(&self) -> Result<(), SearchIndexError> {
        if self.black_hole {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    async fn bulk(&self, documents: &[&Document]) -> Result<Vec<ItemOutcome>, SearchIndexError> {
        let ids: Vec<i64> = documents.iter().map(|document| document.id.0).collect();
        self.bulks.lock().unwrap().push(ids.clone());
        self.texts.lock().unwrap().extend(documents.iter().map(|document| document.source_text.clone()));
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile.await;
        }
        {
            let mut down = self.down.lock().unwrap();
            if let (times @ 1.., Some(kind)) = *down {
                down.0 = times - 1;
                return Err(index_error(kind));
            }
        }
        let mut script = self.script.lock().unwrap();
        if ids.iter().any(|id| matches!(script.get(id), Some(Put::Large))) {
            return Err(index_error(SearchIndexErrorKind::TooLarge));
        }
        if ids.iter().any(|id| matches!(script.get(id), Some(Put::Poison))) {
            return Err(index_error(SearchIndexErrorKind::Unavailable));
        }
        let mut acknowledged = self.acknowledged.lock().unwrap();
        let mut lost = self.lost.lock().unwrap();
        if *lost > 0 {
            *lost -= 1;
            for id in ids {
                *acknowledged.entry(id).or_default() += 1;
            }
            return Err(index_error(SearchIndexErrorKind::Timeout));
        }
        Ok(ids
            .into_iter()
            .map(|id| match script.get_mut(&id) {
                Some(Put::Busy(times @ 1..)) => {
                    *times -= 1;
                    ItemOutcome::Resend("rejected_execution_exception".into())
                }
                Some(Put::Refuse) => ItemOutcome::Rejected(prelo::failure::Failure::new(
                    prelo::failure::FailureCode::MappingRejected,
                    "failed to parse field [date]",
                )),
                _ => {
                    *acknowledged.entry(id).or_default() += 1;
                    ItemOutcome::Acknowledged
                }
            })
            .collect())
    }

    async fn refresh(&self) -> Result<(), SearchIndexError> {
        Ok(())
    }

    async fn search(&self, _: &SearchQuery) -> Result<SearchResults, SearchIndexError> {
        Ok(SearchResults::default())
    }

    async fn passages(&self, _: &str, _: &Hit) -> Result<Vec<Passage>, SearchIndexError> {
        Ok(Vec::new())
    }

    async fn find(&self, _: GazetteId) -> Result<Option<Provenance>, SearchIndexError> {
        Ok(None)
    }

    async fn count(&self) -> Result<u64, SearchIndexError> {
        Ok(self.acknowledged.lock().unwrap().len() as u64)
    }

    async fn held(&self, gazettes: &[GazetteId]) -> Result<Vec<Held>, SearchIndexError> {
        let acknowledged = self.acknowledged.lock().unwrap();
        let held = gazettes.iter().filter(|id| acknowledged.contains_key(&id.0));
        let of = |id: &GazetteId| Held { gazette: *id, key: id.to_string(), file_checksum: String::new(), copies: 1 };
        Ok(held.map(of).collect())
    }

    async fn entries(&self, after: Option<&str>, limit: usize) -> Result<Vec<Entry>, SearchIndexError> {
        let after = after.map_or(i64::MIN, |after| after.parse().unwrap());
        let acknowledged = self.acknowledged.lock().unwrap();
        let ids = acknowledged.keys().filter(|id| **id > after).take(limit);
        let of = |id: &i64| Entry {
            key: id.to_string(),
            gazette: Some(GazetteId(*id)),
            file_checksum: String::new(),
            by_prelo: true,
        };
        Ok(ids.map(of).collect())
    }

    async fn remove(&self, keys: &[String]) -> Result<(), SearchIndexError> {
        self.acknowledged.lock().unwrap().retain(|id, _| !keys.contains(&id.to_string()));
        Ok(())
    }
}
