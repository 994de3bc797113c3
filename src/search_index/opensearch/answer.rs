//! What an answer of the search engine means. The HTTP client's `Ok` says only that bytes came back.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::search_index::SearchIndexErrorKind as Kind;
use crate::search_index::error::Diagnosis;

/// Characters of a foreign text that an error quotes.
const QUOTED: usize = 400;

/// `error` of an answer or of an item.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::search_index) struct Cause {
    #[serde(rename = "type")]
    pub kind: String,
    pub reason: Option<String>,
    pub caused_by: Option<Box<Cause>>,
    /// Of a search: why the shards failed.
    #[serde(rename = "root_cause")]
    pub roots: Vec<Cause>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |cause: &Self| cut(cause.reason.as_deref().unwrap_or(&cause.kind).trim_end_matches(';'));
        f.write_str(&text(self))?;
        // The cause of a failed search is told by its shards; of other failures the root is the cause itself.
        let shards = self.roots.first().filter(|root| root.reason != self.reason);
        let deeper: Vec<String> =
            std::iter::successors(self.caused_by.as_deref().or(shards), |cause| cause.caused_by.as_deref())
                .take(3)
                .map(text)
                .collect();
        if deeper.is_empty() { Ok(()) } else { write!(f, " ({})", deeper.join("; ")) }
    }
}

#[derive(Deserialize)]
struct Refusal {
    error: Cause,
}

/// The cause in the body of a refusal, where there is one.
pub(in crate::search_index) fn cause(body: &[u8]) -> Option<Cause> {
    serde_json::from_slice::<Refusal>(body).ok().map(|refusal| refusal.error)
}

/// Reads an answer that promised to be JSON.
pub(in crate::search_index) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Diagnosis> {
    serde_json::from_slice(body).map_err(|error| {
        let advice = format!("the answer cannot be read ({error}): {}; is a proxy in between?", beginning(body));
        Diagnosis::new(Kind::Unavailable, advice)
    })
}

/// What a status outside of 200..=299 means.
pub(in crate::search_index) fn refused(status: u16, body: &[u8]) -> Result<(), Diagnosis> {
    if (200..=299).contains(&status) {
        return Ok(());
    }
    let cause = cause(body);
    if let Some(diagnosis) = cause.as_ref().and_then(blames_the_index) {
        return Err(diagnosis);
    }
    let said = cause.map_or_else(|| beginning(body), |cause| cause.to_string());
    Err(match status {
        401 => Diagnosis::new(
            Kind::Unauthorized,
            "the user or the password is wrong; set `opensearch_user` and `opensearch_password`",
        ),
        403 => Diagnosis::new(Kind::Unauthorized, format!("the user may not do this: {said}")),
        408 => Diagnosis::new(Kind::Timeout, format!("it took too long (408): {said}")),
        413 => Diagnosis::new(
            Kind::TooLarge,
            "the request is larger than the search engine takes (413); raise its `http.max_content_length`",
        ),
        429 => Diagnosis::new(Kind::Throttled, format!("it is too busy (429): {said}; lower `bulk_concurrency`")),
        500.. => Diagnosis::new(Kind::Unavailable, format!("it answered {status}: {said}; look at its log")),
        _ => Diagnosis::new(Kind::Other, format!("it answered {status}: {said}; is it a search engine?")),
    })
}

/// Whether a cause lies with the whole index, so that no document can be blamed for it.
pub(in crate::search_index) fn blames_the_index(cause: &Cause) -> Option<Diagnosis> {
    let reason = cause.reason.as_deref().unwrap_or_default();
    Some(match cause.kind.as_str() {
        "cluster_block_exception" if reason.contains("SERVICE_UNAVAILABLE") => {
            Diagnosis::new(Kind::Unavailable, format!("the cluster has no leader or is not ready: {cause}"))
        }
        "cluster_block_exception" => {
            Diagnosis::new(Kind::Blocked, format!("the index takes no writes: {cause}; {MAKE_ROOM}"))
        }
        "index_closed_exception" => Diagnosis::new(Kind::Blocked, format!("the index is closed: {cause}; open it")),
        "index_not_found_exception" => Diagnosis::new(
            Kind::NotThere,
            "there is no such index yet, or no longer: `prelo run` makes it, and `prelo reindex` where gazettes were indexed before",
        ),
        "security_exception" => Diagnosis::new(Kind::Unauthorized, format!("the user may not do this: {cause}")),
        "invalid_index_name_exception" => Diagnosis::new(Kind::BadUrl, format!("no index can have this name: {cause}")),
        "illegal_argument_exception" if reason.starts_with("no write index is defined") => {
            Diagnosis::new(Kind::Other, format!("{cause}; mark one index of the alias with `is_write_index`"))
        }
        _ => return None,
    })
}

/// One of the answers to `GET /NAME/_settings?flat_settings=true`.
#[derive(Deserialize)]
pub(super) struct IndexSettings {
    settings: BTreeMap<String, serde_json::Value>,
}

/// A setting that lets nobody write to an index:
/// <https://docs.opensearch.org/latest/install-and-configure/configuring-opensearch/index-settings/>
pub(super) fn write_block(indices: &BTreeMap<String, IndexSettings>) -> Option<Diagnosis> {
    const BLOCKS: [&str; 3] = ["index.blocks.read_only_allow_delete", "index.blocks.read_only", "index.blocks.write"];
    indices.iter().find_map(|(index, IndexSettings { settings })| {
        let block = BLOCKS.into_iter().find(|block| settings.get(*block).is_some_and(|value| value == "true"))?;
        Some(Diagnosis::new(
            Kind::Blocked,
            format!("`{index}` takes no writes: its setting `{block}` is true; {MAKE_ROOM}"),
        ))
    })
}

const MAKE_ROOM: &str = "free disk space, or lift `index.blocks` in its settings";

fn beginning(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * QUOTED)]);
    if text.trim().is_empty() { "nothing".to_owned() } else { format!("`{}`", cut(text.trim())) }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
