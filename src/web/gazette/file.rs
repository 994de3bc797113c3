//! The file of a gazette, streamed from the storage, whole or a part of it.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt as _;

use super::super::language::Language;
use super::super::problem::Problem;
use super::super::site::Shared;
use super::disposition::{self, BEGINNING_BYTES, Shown};
use crate::storage::{ObjectBody, ObjectHead, Storage, StorageError, StorageErrorKind};

pub async fn file(State(site): State<Shared>, uri: Uri, method: Method, headers: HeaderMap) -> Response {
    match answer(&site, &uri, &method, &headers).await {
        Ok(response) => response,
        Err(problem) => problem.answer(uri.path(), uri.query(), &headers),
    }
}

async fn answer(site: &Shared, uri: &Uri, method: &Method, headers: &HeaderMap) -> Result<Response, Problem> {
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "Este diário não existe.", "There is no such gazette.");
    let id = super::id(uri).ok_or_else(unknown)?;
    let gazette = site.catalog.explain(id).await?.ok_or_else(unknown)?.gazette;
    let key = gazette.file_path.filter(|key| !key.is_empty()).ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "Este diário não tem arquivo.", "This gazette has no file.")
    })?;
    let (head, shown) = look(&*site.storage, &key).await?;
    let etag =
        head.etag.as_deref().map(|etag| format!("\"{}\"", etag.trim_matches('"').replace(['"', '\r', '\n'], "")));
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let mut response = Response::builder()
        .header(CONTENT_TYPE, shown.kind)
        .header(CONTENT_DISPOSITION, shown.disposition)
        .header(CONTENT_SECURITY_POLICY, shown.policy)
        .header(ACCEPT_RANGES, "bytes")
        .header(CACHE_CONTROL, "private, no-cache");
    if let Some(etag) = &etag {
        response = response.header(ETAG, etag);
        if text(IF_NONE_MATCH).is_some_and(|known| known.split(',').any(|known| known.trim() == etag)) {
            return built(response.status(StatusCode::NOT_MODIFIED).body(Body::empty()));
        }
    }
    // A part of another version would be joined to what the browser has.
    let same = text(IF_RANGE).is_none_or(|known| Some(known) == etag.as_deref());
    let range = text(RANGE).filter(|_| same).map_or(Range::Whole, |asked| Range::of(asked, head.bytes));
    let (first, bytes) = match range {
        Range::Whole => (0, head.bytes),
        Range::Part { first, last } => {
            let told = format!("bytes {first}-{last}/{}", head.bytes);
            response = response.status(StatusCode::PARTIAL_CONTENT).header(CONTENT_RANGE, told);
            (first, last - first + 1)
        }
        Range::Beyond => {
            let told = format!("bytes */{}", head.bytes);
            let response = response.status(StatusCode::RANGE_NOT_SATISFIABLE).header(CONTENT_RANGE, told);
            return built(response.body(Body::empty()));
        }
    };
    response = response.header(CONTENT_LENGTH, bytes);
    if *method == Method::HEAD || bytes == 0 {
        return built(response.body(Body::empty()));
    }
    built(response.body(Body::from_stream(site.storage.get_part(&key, first, bytes).await?)))
}

fn built(response: Result<Response, axum::http::Error>) -> Result<Response, Problem> {
    response.map(IntoResponse::into_response).map_err(|error| Problem::internal(&error))
}

/// What the storage says of a file, and how it is handed out.
async fn look(storage: &dyn Storage, key: &str) -> Result<(ObjectHead, Shown), StorageError> {
    let head = storage.head(key).await?;
    let beginning = match head.bytes {
        0 => Vec::new(),
        bytes => first_bytes(storage.get_part(key, 0, bytes.min(BEGINNING_BYTES)).await?).await?,
    };
    let shown = disposition::of(&beginning, key);
    Ok((head, shown))
}

/// Why the file of a gazette is not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unoffered {
    NoFile,
    Empty,
    Gone,
    /// The storage does not answer.
    Away,
}

impl Unoffered {
    pub fn sentence(self, language: Language) -> &'static str {
        match self {
            Self::NoFile => language.of("sem arquivo", "no file"),
            Self::Empty => language.of("o arquivo está vazio", "the file is empty"),
            Self::Gone => language.of("o arquivo não está mais onde estava", "the file is no longer where it was"),
            Self::Away => language.of("o arquivo não pode ser aberto agora", "the file cannot be opened now"),
        }
    }
}

/// How a file would be handed out, where there is anything to hand out.
pub async fn offered(storage: &dyn Storage, key: &str) -> Result<Shown, Unoffered> {
    match look(storage, key).await {
        Ok((head, _)) if head.bytes == 0 => Err(Unoffered::Empty),
        Ok((_, shown)) => Ok(shown),
        Err(error) if matches!(error.kind, StorageErrorKind::NotFound | StorageErrorKind::BadKey) => {
            Err(Unoffered::Gone)
        }
        Err(_) => Err(Unoffered::Away),
    }
}

/// As much as it takes to tell what a file is.
async fn first_bytes(mut body: ObjectBody) -> Result<Vec<u8>, StorageError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.try_next().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 >= BEGINNING_BYTES {
            break;
        }
    }
    Ok(bytes)
}

/// One range of bytes (RFC 9110, 14.1.2). Of several, and of what cannot be read, the whole file is the answer, as the
/// standard allows.
#[derive(Debug, PartialEq, Eq)]
enum Range {
    Whole,
    /// Both included, both within the file.
    Part {
        first: u64,
        last: u64,
    },
    /// It lies behind the end.
    Beyond,
}

impl Range {
    fn of(asked: &str, bytes: u64) -> Self {
        let number = |text: &str| {
            let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            text.parse::<u64>().ok().filter(|_| plain)
        };
        let Some((first, last)) = asked.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-')) else {
            return Self::Whole;
        };
        match (number(first), number(last)) {
            (Some(first), _) if first >= bytes => Self::Beyond,
            (Some(first), None) if last.is_empty() => Self::Part { first, last: bytes - 1 },
            (Some(first), Some(last)) if first <= last => Self::Part { first, last: last.min(bytes - 1) },
            (None, Some(0)) if first.is_empty() => Self::Beyond,
            (None, Some(_)) if first.is_empty() && bytes == 0 => Self::Beyond,
            (None, Some(count)) if first.is_empty() => {
                Self::Part { first: bytes.saturating_sub(count), last: bytes - 1 }
            }
            _ => Self::Whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let part = |first, last| Range::Part { first, last };
        for (asked, expected) in [
            ("bytes=0-0", part(0, 0)),
            ("bytes=2-", part(2, 9)),
            ("bytes=2-5", part(2, 5)),
            ("bytes=2-500", part(2, 9)),
            ("bytes=-3", part(7, 9)),
            ("bytes=-30", part(0, 9)),
            ("bytes=10-", Range::Beyond),
            ("bytes=-0", Range::Beyond),
            ("bytes=5-2", Range::Whole),
            ("bytes=0-1,4-5", Range::Whole),
            ("bytes=-", Range::Whole),
            ("bytes=+1-2", Range::Whole),
            ("lines=1-2", Range::Whole),
            ("bytes=99999999999999999999-", Range::Whole),
        ] {
            assert_eq!(Range::of(asked, 10), expected, "{asked}");
        }
        assert_eq!(Range::of("bytes=0-", 0), Range::Beyond);
        assert_eq!(Range::of("bytes=-1", 0), Range::Beyond);
    }
}
