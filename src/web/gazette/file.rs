//! The file of a gazette, streamed from the storage, whole or a part of it.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG,
};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use futures_util::TryStreamExt as _;

use super::super::language::Language;
use super::super::problem::Problem;
use super::super::site::Shared;
use super::disposition::{self, BEGINNING_BYTES, Shown};
use super::range::Wanted;
use super::seen::SeenFile;
use crate::storage::{ObjectBody, ObjectHead, Storage, StorageError, StorageErrorKind};

/// A file that is replaced between a look at it and its reading is looked at again.
const ATTEMPTS: u32 = 3;

pub async fn file(State(site): State<Shared>, uri: Uri, method: Method, headers: HeaderMap) -> Response {
    match answer(&site, &uri, method == Method::HEAD, &headers).await {
        Ok(response) => response,
        Err(problem) => problem.answer(uri.path(), uri.query(), &headers),
    }
}

async fn answer(site: &Shared, uri: &Uri, is_head: bool, headers: &HeaderMap) -> Result<Response, Problem> {
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "Este diário não existe.", "There is no such gazette.");
    let id = super::id(uri).ok_or_else(unknown)?;
    let wanted = |file: &SeenFile| Wanted::of(headers, is_head, file.etag().as_deref(), file.bytes);
    if let Some(file) = site.files.get(id, Instant::now())
        && let Wanted::Part { first, last } = wanted(&file)
        // Asked for in the version that was seen. Where that is no longer there, or cannot be had, it is looked at anew.
        && let Ok(part) = site.storage.get_part(&file.key, first, last - first + 1, file.version.as_deref()).await
    {
        return answered(&file, &Wanted::Part { first, last }, Body::from_stream(part));
    }
    let gazette = site.catalog.explain(id).await?.ok_or_else(unknown)?.gazette;
    let key = gazette.file_path.filter(|key| !key.is_empty()).ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "Este diário não tem arquivo.", "This gazette has no file.")
    })?;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let file = Arc::new(look(&*site.storage, &key).await?);
        site.files.put(id, &file, Instant::now());
        let wanted = wanted(&file);
        let (first, bytes) = match wanted {
            Wanted::Whole if !is_head => (0, file.bytes),
            Wanted::Part { first, last } => (first, last - first + 1),
            _ => (0, 0),
        };
        if bytes == 0 {
            return answered(&file, &wanted, Body::empty());
        }
        match site.storage.get_part(&key, first, bytes, file.version.as_deref()).await {
            Err(error) if error.kind == StorageErrorKind::Replaced && attempts < ATTEMPTS => {}
            body => return answered(&file, &wanted, Body::from_stream(body?)),
        }
    }
}

/// With the headers of what is wanted, which `body` is.
fn answered(file: &SeenFile, wanted: &Wanted, body: Body) -> Result<Response, Problem> {
    let bytes = file.bytes;
    let mut response = Response::builder()
        .header(CONTENT_TYPE, file.shown.kind)
        .header(CONTENT_DISPOSITION, &file.shown.disposition)
        .header(CONTENT_SECURITY_POLICY, file.shown.policy)
        .header(ACCEPT_RANGES, "bytes")
        .header(CACHE_CONTROL, "private, no-cache");
    if let Some(etag) = file.etag() {
        response = response.header(ETAG, etag);
    }
    let response = match wanted {
        Wanted::Nothing => response.status(StatusCode::NOT_MODIFIED),
        Wanted::Whole => response.header(CONTENT_LENGTH, bytes),
        Wanted::Part { first, last } => response
            .status(StatusCode::PARTIAL_CONTENT)
            .header(CONTENT_RANGE, format!("bytes {first}-{last}/{bytes}"))
            .header(CONTENT_LENGTH, last - first + 1),
        Wanted::Beyond => {
            response.status(StatusCode::RANGE_NOT_SATISFIABLE).header(CONTENT_RANGE, format!("bytes */{bytes}"))
        }
    };
    response.body(body).map_err(|error| Problem::internal(&error))
}

/// What the storage says of a file, and how it is handed out. One that is replaced at this very moment is looked at again.
async fn look(storage: &dyn Storage, key: &str) -> Result<SeenFile, StorageError> {
    match look_once(storage, key).await {
        Err(error) if error.kind == StorageErrorKind::Replaced => look_once(storage, key).await,
        seen => seen,
    }
}

async fn look_once(storage: &dyn Storage, key: &str) -> Result<SeenFile, StorageError> {
    let ObjectHead { bytes, etag: version } = storage.head(key).await?;
    let beginning = match bytes {
        0 => Vec::new(),
        _ => first_bytes(storage.get_part(key, 0, bytes.min(BEGINNING_BYTES), version.as_deref()).await?).await?,
    };
    Ok(SeenFile { key: key.to_owned(), bytes, version, shown: disposition::of(&beginning, key) })
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
        Ok(file) if file.bytes == 0 => Err(Unoffered::Empty),
        Ok(file) => Ok(file.shown),
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
