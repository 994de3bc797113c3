//! What is set aside, by code, with what it means and what to do.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::PATH;
use super::sessions::Session;
use crate::failure::{FailureCode, Permanence};
use crate::web::language::Language;

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

fn row(language: Language, word: &str, count: u64, session: Option<&Session>) -> Markup {
    let code = FailureCode::parse(word);
    html! {
        tr {
            th scope="row" { code { (word) } }
            td.number { (language.number(count)) }
            td { @if let Some(code) = code {
                @let (sentence, action) = match language {
                    Language::Portuguese => code.in_portuguese(),
                    Language::English => (code.sentence(), code.action()),
                };
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
            } }
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
