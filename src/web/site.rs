//! What every page works with.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::gazette::SeenFiles;
use super::language::Language;
use super::territories::Territories;

use crate::catalog::Catalog;
use crate::config::Config;
use crate::gazette::GazetteId;
use crate::pipeline::story;
use crate::search_index::{Hit, Passage, SearchIndex, SearchIndexError, SearchQuery, SearchResults};
use crate::storage::Storage;

/// The site as handlers share it.
pub type Shared = Arc<Site>;

/// Opened once, when the server starts.
pub struct Site {
    pub config: Config,
    pub catalog: Arc<dyn Catalog>,
    pub storage: Arc<dyn Storage>,
    pub index: Arc<dyn SearchIndex>,
    pub storyteller: Arc<dyn Storyteller>,
    pub(super) territories: Territories,
    pub(super) files: SeenFiles,
    /// Texts in memory at once, whoever asks for them.
    texts: Semaphore,
}

/// A text may have 5 MB and more, and cores do not become more by asking.
const TEXTS_AT_ONCE: usize = 4;

impl Site {
    pub fn new(
        config: Config,
        catalog: Arc<dyn Catalog>,
        storage: Arc<dyn Storage>,
        index: Arc<dyn SearchIndex>,
        storyteller: Arc<dyn Storyteller>,
    ) -> Self {
        let (territories, files) = (Territories::default(), SeenFiles::default());
        let texts = Semaphore::new(TEXTS_AT_ONCE);
        Self { config, catalog, storage, index, storyteller, territories, files, texts }
    }

    /// [`SearchIndex::search`], waiting for its turn where texts are read for it.
    pub(super) async fn search(&self, asked: &SearchQuery) -> Result<SearchResults, SearchIndexError> {
        // The semaphore is never closed; an error would only mean no bound.
        let _turn = if asked.without_passages { None } else { self.texts.acquire().await.ok() };
        self.index.search(asked).await
    }

    /// [`SearchIndex::passages`] in its turn. Filters alone have none to show.
    pub(super) async fn passages(&self, text: &str, hit: &Hit) -> Result<Vec<Passage>, SearchIndexError> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let _turn = self.texts.acquire().await.ok();
        self.index.passages(text, hit).await
    }
}

/// Tells what `prelo explain` tells, so that the page of a gazette and the verb never disagree.
#[async_trait]
pub trait Storyteller: Send + Sync {
    /// `None` when there is no such gazette.
    async fn story(&self, id: GazetteId, language: Language) -> Result<Option<Story>, StoryError>;
}

/// Why a story cannot be told.
pub type StoryError = Box<dyn std::error::Error + Send + Sync>;

/// Everything known about one gazette.
#[derive(Debug, Clone)]
pub struct Story {
    /// Name and value, in the order in which they are told.
    pub rows: Vec<(String, String)>,
    /// What they tell.
    pub told: story::Story,
}
