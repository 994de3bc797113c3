//! The dashboard: how much waits, what the run does, what is set aside, and what became of the runs before.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::sessions::Session;
use super::{Desk, PATH, SCRIPT_PATH, STYLE_PATH, api, failures, history, live, scrape, words};
use crate::catalog::{Backlog, CatalogError, RunEnd, RunRecord, ShownRun};
use crate::failure::FailureCode;
use crate::gazette::RunId;
use crate::web::language::Language;
use crate::web::layout::{self, Frame};
use crate::web::problem::Problem;
use crate::web::site::{Shared, Site};

/// Runs in the history.
const RUNS: u32 = 20;
/// Without a script, a page with a run at work is loaded anew so often, and another one so often; in seconds.
const RELOAD: u32 = 5;
const RELOAD_AT_REST: u32 = 60;

struct Seen {
    backlog: Arc<Backlog>,
    run: Option<ShownRun>,
    runs: Vec<RunRecord>,
}

async fn look(site: &Site, desk: &Desk) -> Result<Seen, CatalogError> {
    let backlog = desk.scrape.backlog(site).await?;
    let run = scrape::latest_run(site).await?;
    let mut runs = site.catalog.runs(RUNS).await?;
    if let Some(run) = &run {
        run.refresh(&mut runs);
    }
    Ok(Seen { backlog, run, runs })
}

pub async fn dashboard(
    State(site): State<Shared>,
    Extension(desk): Extension<Arc<Desk>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let (language, is_chosen) = Language::of_query(query.as_deref(), &headers);
    let done = parameter(query.as_deref(), "feito").filter(|done| !done.is_empty());
    if done.is_some() {
        desk.scrape.forget().await;
    }
    let seen = match look(&site, &desk).await {
        Ok(seen) => seen,
        Err(error) => return Problem::from(error).answer(PATH, query.as_deref(), &headers),
    };
    let session = desk.sessions.of(&headers, Instant::now());
    let body = html! {
        div id="live" data-live data-every=(if at_work(&seen) { 3 } else { 30 }) { (state(language, &seen)) }
        section.card aria-labelledby="failures" {
            h2 id="failures" { (language.of("Falhas", "Failures")) }
            @if let Some(done) = &done { (told(language, done)) }
            div id="failed" data-live { (failures::table(language, &seen.backlog.failed, session.as_ref())) }
            @if site.config.web_token.is_some() && !seen.backlog.failed.is_empty() { (door(language, session.as_ref())) }
        }
        section.card aria-labelledby="history" {
            h2 id="history" { (language.of("Últimas execuções", "Last runs")) }
            div id="runs" data-live {
                @if seen.runs.is_empty() {
                    p.muted { (language.of("Ainda não houve nenhuma.", "There was none yet.")) " " code { "prelo run" } }
                } @else {
                    (history::table(language, &seen.runs, live_id(seen.run.as_ref())))
                }
            }
        }
    };
    let title = language.of("Painel", "Dashboard");
    let reload = if at_work(&seen) { RELOAD } else { RELOAD_AT_REST };
    page(&Frame { language, is_chosen, title, path: PATH, query: "" }, Some(reload), &body)
}

/// A parameter of an address; what cannot be read is not there.
pub fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let mut parameters = url::form_urlencoded::parse(query?.as_bytes());
    parameters.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn at_work(seen: &Seen) -> bool {
    seen.run.as_ref().is_some_and(|run| run.is_live)
}

fn live_id(run: Option<&ShownRun>) -> Option<RunId> {
    run.filter(|run| run.is_live).map(|run| run.record.id)
}

/// One run, at work or over.
pub async fn run(State(site): State<Shared>, uri: Uri, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let (language, is_chosen) = Language::of_query(query.as_deref(), &headers);
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "Esta execução não existe.", "There is no such run.");
    let Some(id) = api::run_id(&uri) else { return unknown().answer(PATH, query.as_deref(), &headers) };
    let run = match site.catalog.run(id).await {
        Ok(Some(run)) => run,
        Ok(None) => return unknown().answer(PATH, query.as_deref(), &headers),
        Err(error) => return Problem::from(error).answer(PATH, query.as_deref(), &headers),
    };
    let counts = &run.record.counts;
    let path = format!("{PATH}/execucoes/{id}");
    let body = html! {
        p { a href=(format!("{PATH}?lang={}", language.tag())) { "← " (language.of("Painel", "Dashboard")) } }
        h1 { (language.of("Execução de ", "Run of ")) (words::moment(language, run.record.started_at)) }
        div id="live" data-live data-every=(if run.is_live { 3 } else { 0 }) {
            p.lead { (history::end(language, &run.record, live_id(Some(&run)))) " " code { (id) } }
            dl.tiles {
                (live::figure(language.of("duração", "took"), &words::time_span(language, counts.seconds)))
                (live::figure(language.of("selecionados", "selected"), &language.number(counts.selected)))
                (live::figure(language.of("indexados", "indexed"), &language.number(counts.indexed)))
                (live::figure(language.of("falhas", "failed"), &language.number(counts.failures())))
                (live::figure(language.of("páginas", "pages"), &language.number(counts.pages)))
                (live::figure("MB", &words::decimal(language, megabytes(counts.bytes))))
            }
            @match &run.live {
                Some(seen) => (live::section(language, &run, seen)),
                None => p.muted { (language.of("Esta execução não deixou detalhes.", "This run has left no details.")) },
            }
        }
        section.card aria-labelledby="failures" {
            h2 id="failures" { (language.of("Falhas desta execução", "Failures of this run")) }
            div id="failed" data-live { (failures::table(language, &counts.failed, None)) }
        }
        section.card aria-labelledby="selection" {
            h2 id="selection" { (language.of("Seleção", "Selection")) }
            pre { code { (run.record.selection) } }
        }
    };
    let title = language.of("Execução", "Run");
    page(&Frame { language, is_chosen, title, path: &path, query: "" }, run.is_live.then_some(RELOAD), &body)
}

#[allow(clippy::cast_precision_loss)] // for people
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

pub fn page(frame: &Frame<'_>, reload: Option<u32>, body: &Markup) -> Response {
    let head = html! {
        link rel="stylesheet" href=(STYLE_PATH);
        script src=(SCRIPT_PATH) defer {}
        @if let Some(seconds) = reload { noscript { meta http-equiv="refresh" content=(seconds); } }
    };
    let text = format!("{}{}{}", layout::opening(frame, &head), body.0, layout::closing(frame));
    // It shows numbers of this moment, and perhaps a form of one session.
    ([(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store")], text).into_response()
}

fn state(language: Language, seen: &Seen) -> Markup {
    let backlog = &seen.backlog;
    let number = |value| language.number(value);
    html! {
        div.headline {
            h1 { (language.of("Painel", "Dashboard")) }
            (now(language, seen.run.as_ref()))
        }
        dl.tiles {
            (live::figure(language.of("pendentes", "pending"), &number(backlog.pending)))
            (live::figure(language.of("em processamento", "in work"), &number(backlog.in_work)))
            (live::figure(language.of("processados", "processed"), &number(backlog.processed)))
            (live::figure(language.of("com falha", "failed"), &number(backlog.failed.values().sum())))
            (live::figure(language.of("esperam OCR", "wait for OCR"), &number(backlog.scans)))
            (live::figure(
                language.of("pendente mais antigo", "oldest pending"),
                &backlog.oldest_pending_seconds.map_or_else(|| "–".to_owned(), |seconds| words::age(language, seconds)),
            ))
        }
        @if let Some(run) = &seen.run {
            @if let Some(seen) = &run.live {
                @if !run.is_live {
                    p.muted { (language.of("Abaixo, o fim da última execução.", "Below, the end of the last run.")) }
                }
                (live::section(language, run, seen))
            }
        }
    }
}

fn now(language: Language, run: Option<&ShownRun>) -> Markup {
    let Some(run) = run else {
        return html! { p.status { span.badge { (language.of("nunca executado", "never run")) } } };
    };
    if !run.is_live {
        return html! {
            p.status {
                span.badge { (language.of("parado", "at rest")) } " "
                (language.of("última execução: ", "last run: "))
                (words::moment(language, run.record.finished_at.or(run.record.heartbeat_at))) " "
                (history::end(language, &run.record, None))
            }
        };
    }
    let counts = run.live.as_ref().map_or(&run.record.counts, |live| &live.counts);
    let late = run.shown_seconds_ago.filter(|seconds| *seconds > 30.0);
    html! {
        p.status {
            span.badge.good.pulse { (language.of("em execução", "at work")) } " "
            (language.of("há ", "for ")) (words::time_span(language, counts.seconds))
            @if let Some(seconds) = run.live.as_ref().and_then(|live| live.seconds_to_end) {
                (language.of(", termina em até ", ", ends within ")) (words::time_span(language, seconds))
            }
            @if let Some(reason) = run.live.as_ref().and_then(|live| live.stopping.as_ref()) {
                " " span.badge.fair { (language.of("terminando: ", "stopping: ")) (words::either(language, RunEnd::of_reason(reason).words())) }
            }
            @if let Some(seconds) = late {
                " " span.badge.fair { (language.of("sem notícias há ", "not heard of for ")) (words::time_span(language, seconds)) }
            }
        }
    }
}

/// What a form has done.
fn told(language: Language, done: &str) -> Markup {
    if done == "token" {
        return html! { p.notice.bad role="alert" { (language.of("O código de acesso não confere.", "That is not the token.")) } };
    }
    // Whoever sends a link writes what is in it: no word of it is shown that is not one of ours.
    let told = done.split_once(':').and_then(|(count, code)| Some((count.parse().ok()?, FailureCode::parse(code)?)));
    let Some((number, code)) = told else { return html! {} };
    let count = language.number(number);
    let (portuguese, english) = match number {
        0 => (format!("Nenhum diário está separado com {code}."), format!("No gazette is set aside with {code}.")),
        1 => (
            format!("1 diário com {code} será lido de novo pela próxima execução."),
            format!("1 gazette with {code} is read again by the next run."),
        ),
        _ => (
            format!("{count} diários com {code} serão lidos de novo pela próxima execução."),
            format!("{count} gazettes with {code} are read again by the next run."),
        ),
    };
    html! { p.notice role="status" { (language.of(portuguese, english)) } }
}

/// Where the token is shown, and where who has shown it goes out.
fn door(language: Language, session: Option<&Session>) -> Markup {
    let hidden = html! { input type="hidden" name="lang" value=(language.tag()); };
    html! {
        @if session.is_some() {
            form.door method="post" action=(format!("{PATH}/sair")) {
                (hidden)
                button.quiet type="submit" { (language.of("Sair", "Leave")) }
            }
        } @else {
            details.door {
                summary { (language.of("Reprocessar falhas", "Reprocess failures")) }
                form method="post" action=(format!("{PATH}/entrar")) {
                    (hidden)
                    label for="token" { (language.of("Código de acesso", "Token")) }
                    input id="token" type="password" name="token" autocomplete="current-password" required;
                    button type="submit" { (language.of("Entrar", "Enter")) }
                }
            }
        }
    }
}
