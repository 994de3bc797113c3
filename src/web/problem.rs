//! What goes wrong: a page for people, `application/problem+json` (RFC 9457) for programs.

use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::html;
use serde_json::json;

use super::asked::address;
use super::language::Language;
use super::layout::{self, Frame};
use super::site::StoryError;
use crate::catalog::{CatalogError, CatalogErrorKind};
use crate::search_index::{SearchIndexError, SearchIndexErrorKind};
use crate::storage::{StorageError, StorageErrorKind};
use crate::telemetry::{request_failed, with_causes};

/// What went wrong and what to do now, in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub status: StatusCode,
    portuguese: String,
    english: String,
    /// For the log alone: it may name servers and paths.
    reason: Option<String>,
}

impl Problem {
    pub fn new(status: StatusCode, portuguese: impl Into<String>, english: impl Into<String>) -> Self {
        Self { status, portuguese: portuguese.into(), english: english.into(), reason: None }
    }

    /// A mistake of the visitor.
    pub fn bad_request(portuguese: impl Into<String>, english: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, portuguese, english)
    }

    fn because(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        self.reason = Some(with_causes(error));
        self
    }

    /// A defect, or something that only its operator can mend.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Algo deu errado aqui. O registro do servidor diz o que foi.",
            "Something went wrong here. The log of the server says what it was.",
        )
        .because(error)
    }

    /// The sentence for people.
    #[must_use]
    pub fn sentence(&self, language: Language) -> &str {
        language.of(&self.portuguese, &self.english)
    }

    /// As a page, or as JSON where JSON was asked for. The query of the address, or a form that was sent, may
    /// ask for a language.
    #[must_use]
    pub fn answer(&self, path: &str, query: Option<&str>, headers: &HeaderMap) -> Response {
        if let Some(reason) = &self.reason {
            request_failed(path, self.status.as_u16(), reason);
        }
        let is_json = path.starts_with("/api/") || path.rsplit_once('.').is_some_and(|(_, end)| end == "json");
        if is_json { self.json() } else { self.page(Language::of_query(query, headers)) }
    }

    fn json(&self) -> Response {
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or_default(),
            "status": self.status.as_u16(),
            "detail": self.english,
        });
        let kind = HeaderValue::from_static("application/problem+json");
        (self.status, [(CONTENT_TYPE, kind)], body.to_string()).into_response()
    }

    fn page(&self, (language, is_chosen): (Language, bool)) -> Response {
        let title = match self.status {
            StatusCode::NOT_FOUND => language.of("Não encontrado", "Not found"),
            _ => language.of("Não foi possível", "That did not work"),
        };
        let frame = Frame { language, is_chosen, title, path: "", query: "" };
        let search = address("/", String::new(), is_chosen.then(|| language.tag()));
        let body = html! {
            h1 { (title) }
            p.lead { (self.sentence(language)) }
            p { a href=(search) { (language.of("Voltar à pesquisa", "Back to the search")) } }
        };
        (self.status, layout::page(&frame, &body)).into_response()
    }
}

impl From<SearchIndexError> for Problem {
    fn from(error: SearchIndexError) -> Self {
        use SearchIndexErrorKind as Kind;
        let problem = match error.kind {
            Kind::BadQuery => {
                return Self::bad_request("Não foi possível entender a pesquisa.", error.advice.clone());
            }
            Kind::NotThere => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Ainda não há índice: execute `prelo run` primeiro.",
                "There is no index yet: run `prelo run` first.",
            ),
            Kind::Timeout => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "O índice não respondeu a tempo. Tente de novo, ou restrinja a pesquisa.",
                "The index did not answer in time. Try again, or narrow the search.",
            ),
            Kind::NameNotResolved | Kind::Unavailable | Kind::Throttled => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "O índice não está respondendo. Tente de novo em alguns minutos.",
                "The index does not answer. Try again in a few minutes.",
            ),
            _ => return Self::internal(&error),
        };
        problem.because(&error)
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        let problem = match error.kind {
            CatalogErrorKind::TableMissing => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "O catálogo ainda está vazio: execute `prelo run` primeiro.",
                "The catalogue is still empty: run `prelo run` first.",
            ),
            CatalogErrorKind::Other => return Self::internal(&error),
            _ => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "O catálogo não está respondendo. Tente de novo em alguns minutos.",
                "The catalogue does not answer. Try again in a few minutes.",
            ),
        };
        problem.because(&error)
    }
}

impl From<StoryError> for Problem {
    fn from(error: StoryError) -> Self {
        match error.downcast::<CatalogError>() {
            Ok(error) => (*error).into(),
            Err(error) => Self::internal(&*error),
        }
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        use StorageErrorKind as Kind;
        match error.kind {
            Kind::NotFound | Kind::BadKey => Self::new(
                StatusCode::NOT_FOUND,
                "O arquivo deste diário não está mais onde estava.",
                "The file of this gazette is no longer where it was.",
            ),
            Kind::Other | Kind::BadUrl => return Self::internal(&error),
            _ => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "O armazenamento dos arquivos não está respondendo. Tente de novo em alguns minutos.",
                "The storage of the files does not answer. Try again in a few minutes.",
            ),
        }
        .because(&error)
    }
}

/// For methods that an address does not know; the router says which it does.
pub async fn no_such_method(request: Request) -> Response {
    let method = request.method();
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("Este endereço não responde a {method}."),
        format!("This address does not answer to {method}."),
    )
    .answer(request.uri().path(), request.uri().query(), request.headers())
}

/// For every address that nothing answers.
pub async fn no_such_page(request: Request) -> Response {
    Problem::new(StatusCode::NOT_FOUND, "Esta página não existe.", "There is no such page.").answer(
        request.uri().path(),
        request.uri().query(),
        request.headers(),
    )
}
