//! What every page works with.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::catalog::Catalog;
use crate::config::Config;
use crate::gazette::GazetteId;
use crate::search_index::SearchIndex;
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
}

/// Tells what `prelo explain` tells, so that the page of a gazette and the verb never disagree.
#[async_trait]
pub trait Storyteller: Send + Sync {
    /// `None` when there is no such gazette.
    async fn story(&self, id: GazetteId) -> Result<Option<Story>, StoryError>;
}

/// Why a story cannot be told.
pub type StoryError = Box<dyn std::error::Error + Send + Sync>;

/// Everything known about one gazette.
#[derive(Debug, Clone)]
pub struct Story {
    /// Name and value, in the order in which they are told.
    pub rows: Vec<(String, String)>,
    /// The same for programs.
    pub json: Value,
}
