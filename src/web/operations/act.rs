//! What changes something: only for who knows the token, and only from a page of this site.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::sessions::same;
use super::{Desk, PATH};
use crate::failure::FailureCode;
use crate::web::language::Language;
use crate::web::problem::Problem;
use crate::web::site::Shared;

/// A wrong token costs so long.
const PAUSE: Duration = Duration::from_millis(500);

/// Shows the token, and gets a session.
pub async fn enter(
    State(site): State<Shared>,
    Extension(desk): Extension<Arc<Desk>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (form, sent) = (fields(&body), std::str::from_utf8(&body).ok());
    let Some(token) = &site.config.web_token else { return nothing_to_change(sent, &headers) };
    if is_from_elsewhere(&headers) {
        return forbidden(sent, &headers);
    }
    if !same(field(&form, "token"), token.expose()) {
        tokio::time::sleep(PAUSE).await;
        return back(&form, "token", None);
    }
    let mut cookie = desk.sessions.open(Instant::now());
    if is_encrypted(&headers) {
        cookie.push_str("; Secure");
    }
    back(&form, "", Some(cookie))
}

/// Ends the session.
pub async fn leave(Extension(desk): Extension<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> Response {
    back(&fields(&body), "", Some(desk.sessions.close(&headers)))
}

/// Has the failures of one code read again by the next run.
pub async fn reprocess(
    State(site): State<Shared>,
    Extension(desk): Extension<Arc<Desk>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (form, sent) = (fields(&body), std::str::from_utf8(&body).ok());
    let Some(token) = &site.config.web_token else { return nothing_to_change(sent, &headers) };
    let by_session = desk
        .sessions
        .of(&headers, Instant::now())
        .is_some_and(|session| !session.form.is_empty() && same(field(&form, "form"), &session.form));
    let by_token = !field(&form, "token").is_empty() && same(field(&form, "token"), token.expose());
    if is_from_elsewhere(&headers) || !(by_session || by_token) {
        tokio::time::sleep(PAUSE).await;
        return forbidden(sent, &headers);
    }
    let Some(code) = FailureCode::parse(field(&form, "code")) else {
        return Problem::bad_request("Este código não existe.", "There is no such code.").answer(PATH, sent, &headers);
    };
    match site.catalog.retry_failed(code).await {
        Ok(count) => back(&form, &format!("{count}:{}", code.as_str()), None),
        Err(error) => Problem::from(error).answer(PATH, sent, &headers),
    }
}

/// Browsers say where a form was sent from; what is no browser says nothing, and has no cookie either.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let said = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    said.is_some_and(|site| !matches!(site, "same-origin" | "none"))
}

/// As far as a proxy in front tells. Where it does not, a cookie that wants encryption would never come back.
fn is_encrypted(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"))
}

fn fields(body: &[u8]) -> HashMap<String, String> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

fn field<'a>(form: &'a HashMap<String, String>, name: &str) -> &'a str {
    form.get(name).map_or("", String::as_str)
}

/// To the dashboard, with what was done.
fn back(form: &HashMap<String, String>, done: &str, cookie: Option<String>) -> Response {
    let language = Language::chosen(Some(field(form, "lang")), &HeaderMap::new());
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("lang", language.tag()), ("feito", done)])
        .finish();
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, format!("{PATH}?{query}"))]).into_response();
    if let Some(cookie) = cookie.and_then(|cookie| cookie.parse().ok()) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

fn forbidden(sent: Option<&str>, headers: &HeaderMap) -> Response {
    Problem::new(
        StatusCode::FORBIDDEN,
        "Entre com o código de acesso primeiro: a sessão pode ter terminado.",
        "Enter the token first: the session may have ended.",
    )
    .answer(PATH, sent, headers)
}

fn nothing_to_change(sent: Option<&str>, headers: &HeaderMap) -> Response {
    Problem::new(
        StatusCode::FORBIDDEN,
        "Nada pode ser mudado por aqui: o servidor foi iniciado sem `web_token`.",
        "Nothing can be changed here: the server was started without a `web_token`.",
    )
    .answer(PATH, sent, headers)
}
