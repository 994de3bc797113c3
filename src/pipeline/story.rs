//! Everything known about one gazette, in order: for `explain` and for its page on the web.

use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;

use crate::catalog::{Attempt, Catalog, CatalogError, Explanation, GazetteState, PageRun};
use crate::failure::{FailureCode, Permanence};
use crate::gazette::{GazetteId, Territory};
use crate::search_index::document::Provenance;
use crate::search_index::{SearchIndex, SearchIndexErrorKind};
use crate::storage::text_key;

/// The index has so long to add its part.
const PATIENCE: Duration = Duration::from_secs(5);

/// The story of one gazette. As JSON it is what `explain --format json` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Story {
    pub id: GazetteId,
    pub territory_id: Option<String>,
    pub territory: Option<Territory>,
    /// `YYYY-MM-DD`.
    pub date: Option<String>,
    pub edition_number: Option<String>,
    pub is_extra_edition: Option<bool>,
    pub power: Option<String>,
    /// Where the file is: its key in the bucket, or its path below the folder.
    pub file_path: Option<String>,
    pub file_checksum: Option<String>,
    /// Where it was scraped.
    pub file_url: Option<String>,
    pub processed: bool,
    /// `None` when no run has taken it up yet.
    pub state: Option<GazetteState>,
    pub failure: Option<ToldFailure>,
    /// The last ones (ten at most), the first of them first.
    pub attempts: Vec<Attempt>,
    /// Pages that are alike together, a hundred runs of them at most.
    pub pages: Vec<PageRun>,
    /// Where its text is, once it has been indexed.
    pub text_path: Option<String>,
    /// How its document came to be; `None` when there is none, or the index cannot be asked.
    pub index: Option<Provenance>,
    /// Whether the index could be asked.
    pub index_answered: bool,
}

/// A failure in the words of the catalogue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToldFailure {
    pub code: FailureCode,
    pub permanence: Permanence,
    pub meaning: &'static str,
    pub action: &'static str,
}

/// The story of a gazette; `None` when the catalogue does not know it. The index may be away or silent: the
/// catalogue's part is worth telling all the same, and soon.
///
/// # Errors
/// When the catalogue cannot be read.
pub async fn story(
    catalog: &dyn Catalog,
    index: Option<&dyn SearchIndex>,
    id: GazetteId,
) -> Result<Option<Story>, CatalogError> {
    let Some(explanation) = catalog.explain(id).await? else { return Ok(None) };
    let (index_answered, document) = match index {
        Some(index) => match timeout(PATIENCE, index.find(id)).await {
            Ok(Ok(document)) => (true, document),
            Ok(Err(error)) => (error.kind == SearchIndexErrorKind::NotThere, None),
            Err(_) => (false, None),
        },
        None => (false, None),
    };
    Ok(Some(Story { index_answered, ..Story::new(explanation, document) }))
}

impl Story {
    fn new(explanation: Explanation, index: Option<Provenance>) -> Self {
        let Explanation { gazette, processed, state, attempts, pages } = explanation;
        let code = state.as_ref().and_then(|state| FailureCode::parse(state.failure_code.as_deref()?));
        let failure = code.map(|code| ToldFailure {
            code,
            permanence: code.permanence(),
            meaning: code.sentence(),
            action: code.action(),
        });
        let has_text = index.is_some() || state.as_ref().is_some_and(|state| state.text_checksum.is_some());
        Self {
            id: gazette.id,
            territory_id: gazette.territory_id,
            territory: gazette.territory,
            date: gazette.date.map(|date| date.to_string()),
            edition_number: gazette.edition_number,
            is_extra_edition: gazette.is_extra_edition,
            power: gazette.power,
            text_path: gazette.file_path.as_deref().filter(|_| has_text).map(text_key),
            file_path: gazette.file_path,
            file_checksum: gazette.file_checksum,
            file_url: gazette.file_url,
            processed,
            state,
            failure,
            attempts,
            pages,
            index,
            index_answered: false,
        }
    }
}
