//! What is set aside, by code, with what it means and what to do; and the gazettes of one code.

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use maud::{Markup, html};

use super::sessions::Session;
use super::{PATH, dashboard};
use crate::catalog::SetAside;
use crate::failure::{FailureCode, Permanence};
use crate::web::asked::iso;
use crate::web::language::Language;
use crate::web::layout::Frame;
use crate::web::problem::Problem;
use crate::web::site::Shared;
use crate::web::territories::label;

/// Gazettes on the page of a code.
const MOST: u32 = 100;

/// With a button for each code, for who has shown the token.
pub fn table(language: Language, failed: &BTreeMap<String, u64>, session: Option<&Session>) -> Markup {
    let mut rows: Vec<(&String, &u64)> = failed.iter().collect();
    rows.sort_by_key(|(code, count)| (std::cmp::Reverse(**count), *code));
    html! {
        @if rows.is_empty() {
            p.muted { (language.of("Nenhum diário está separado por falha.", "No gazette is set aside.")) }
        } @else {
            div.scroll tabindex="0" { table.failures {
                thead { tr {
                    th scope="col" { (language.of("Código", "Code")) }
                    th.number scope="col" { (language.of("Diários", "Gazettes")) }
                    th scope="col" { (language.of("O que houve, e o que fazer", "What happened, and what to do")) }
                    @if session.is_some() { th scope="col" { (language.of("Ação", "Action")) } }
                } }
                tbody { @for (word, count) in rows { (row(language, word, *count, session)) } }
            } }
        }
    }
}

/// What stands between backticks is to be typed.
fn marked(text: &str) -> Markup {
    html! { @for (place, part) in text.split('`').enumerate() {
        @if place % 2 == 1 { code { (part) } } @else { (part) }
    } }
}

/// What it means and what to do.
fn told(language: Language, code: FailureCode) -> Markup {
    let (sentence, action) = match language {
        Language::Portuguese => code.in_portuguese(),
        Language::English => (code.sentence(), code.action()),
    };
    html! {
        p { (marked(sentence)) }
        p.detail { (marked(action)) }
        @match code.permanence() {
            Permanence::Permanent => {}
            Permanence::Retryable => p.muted {
                (language.of(
                    "As próximas execuções tentam de novo, cada vez mais raramente.",
                    "Later runs try again, ever more rarely.",
                ))
            }
            Permanence::External => p.muted {
                (language.of("As próximas execuções tentam de novo.", "Later runs try again."))
            }
        }
    }
}

fn row(language: Language, word: &str, count: u64, session: Option<&Session>) -> Markup {
    let code = FailureCode::parse(word);
    html! {
        tr {
            th scope="row" {
                @match code {
                    Some(code) => a href=(format!("{PATH}/falhas/{code}?lang={}", language.tag())) { code { (code) } },
                    None => code { (word) },
                }
            }
            td.number { (language.number(count)) }
            td { @if let Some(code) = code { (told(language, code)) } }
            @if let Some(session) = session {
                td {
                    form method="post" action=(format!("{PATH}/reprocessar")) {
                        input type="hidden" name="form" value=(session.form);
                        input type="hidden" name="code" value=(word);
                        input type="hidden" name="lang" value=(language.tag());
                        button type="submit" { (language.of("Tentar de novo", "Try again")) }
                    }
                }
            }
        }
    }
}

/// The gazettes that are set aside with one code.
pub async fn of_code(State(site): State<Shared>, uri: Uri, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let (language, is_chosen) = Language::of_query(query.as_deref(), &headers);
    let Some(code) = uri.path().rsplit('/').next().and_then(FailureCode::parse) else {
        let problem = Problem::new(StatusCode::NOT_FOUND, "Este código não existe.", "There is no such code.");
        return problem.answer(PATH, query.as_deref(), &headers);
    };
    let gazettes = match site.catalog.failures(Some(code.as_str()), None, MOST).await {
        Ok(gazettes) => gazettes,
        Err(error) => return Problem::from(error).answer(PATH, query.as_deref(), &headers),
    };
    let body = html! {
        p { a href=(format!("{PATH}?lang={}", language.tag())) { "← " (language.of("Painel", "Dashboard")) } }
        h1 { (code) }
        (told(language, code))
        section.card aria-labelledby="gazettes" {
            h2 id="gazettes" { (language.of("Diários", "Gazettes")) }
            @if gazettes.is_empty() {
                p.muted { (language.of("Nenhum diário está separado com este código.", "No gazette is set aside with this code.")) }
            } @else {
                (list(language, &gazettes))
            }
            @if gazettes.len() == MOST as usize {
                p.muted {
                    (language.of("São os 100 mais recentes; todos: ", "These are the latest 100; all of them: "))
                    code { "prelo failures --code " (code) }
                }
            }
        }
    };
    let path = format!("{PATH}/falhas/{code}");
    let frame = Frame { language, is_chosen, title: code.as_str(), path: &path, query: "" };
    dashboard::page(&frame, None, &body)
}

fn list(language: Language, gazettes: &[SetAside]) -> Markup {
    html! {
        div.scroll tabindex="0" { table {
            thead { tr {
                th scope="col" { (language.of("Diário", "Gazette")) }
                th scope="col" { (language.of("Data", "Date")) }
                th scope="col" { (language.of("Arquivo", "File")) }
                th scope="col" { (language.of("Detalhe", "Detail")) }
            } }
            tbody { @for SetAside { gazette, state } in gazettes {
                @let territory = gazette.territory.as_ref().filter(|territory| !territory.name.is_empty());
                tr {
                    th scope="row" {
                        a href=(format!("/gazettes/{}?lang={}", gazette.id, language.tag())) {
                            (gazette.id)
                            @if let Some(territory) = territory { " " (label(&territory.name, &territory.state_code)) }
                        }
                    }
                    td { (gazette.date.map_or_else(|| "–".to_owned(), |date| language.date(&iso(date)))) }
                    td.key { (gazette.file_path.as_deref().unwrap_or("–")) }
                    td lang="en" { (state.failure_detail.as_deref().unwrap_or("–")) }
                }
            } }
        } }
    }
}
