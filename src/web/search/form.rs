//! The form of the search page.

use maud::{Markup, html};

use super::super::asked::{Asked, edition, iso, sort};
use super::super::language::Language;
use super::super::territories::Directory;
use crate::search_index::Sort;

/// So many names come along with the page; of more, a script fetches those that fit what is typed. Without it, a name is
/// understood all the same.
const NAMES_IN_PAGE: usize = 300;

/// The form with what was asked in it.
pub fn form(language: Language, asked: &Asked, directory: &Directory) -> Markup {
    let t = |portuguese: &'static str, english: &'static str| language.of(portuguese, english);
    let search = &asked.search;
    // What was asked for, and not what is done without words: those that are added are to be ranked.
    html! {
        form.search role="search" action="/" method="get" {
            div.ask {
                label for="q" { (t("O que procurar", "What to look for")) }
                div.ask-line {
                    input id="q" name="q" type="search" value=(search.text) maxlength="1000" autocomplete="off"
                        autocapitalize="none" spellcheck="false" aria-describedby="q-hint"
                        placeholder=(t("pregão eletrônico", "pregão eletrônico"));
                    button type="submit" { (t("Pesquisar", "Search")) }
                }
                p.hint id="q-hint" {
                    (t("Todas as palavras precisam aparecer. ", "All words must occur. "))
                    code { "\"secretaria de saúde\"" } (t(" frase exata · ", " exact phrase · "))
                    code { (t("dispensa OU inexigibilidade", "dispensa OR inexigibilidade")) } (t(" uma ou outra · ", " either one · "))
                    code { "-obras" } (t(" sem a palavra", " without the word"))
                }
            }
            details.filters open[search.has_filter() || search.sort != Sort::Relevance] {
                summary { (t("Filtros e ordem", "Filters and order")) }
                div.fields {
                    (territories(language, asked, directory))
                    div.state {
                        label for="state" { (t("Estado", "State")) }
                        select id="state" name="state" {
                            option value="" { (t("todos", "all")) }
                            @for state in states(asked, directory) {
                                option value=(state) selected[search.state.as_deref() == Some(state)] { (state) }
                            }
                        }
                    }
                    div {
                        label for="from" { (t("De", "From")) }
                        input id="from" name="from" type="date" value=[search.from.map(iso)];
                    }
                    div {
                        label for="to" { (t("Até", "To")) }
                        input id="to" name="to" type="date" value=[search.to.map(iso)];
                    }
                    div {
                        label for="edition" { (t("Edição", "Edition")) }
                        select id="edition" name="edition" {
                            option value="" { (t("todas", "all")) }
                            @for (extra, name) in [(false, t("regular", "regular")), (true, t("extra", "extra"))] {
                                option value=(edition(extra)) selected[search.extra == Some(extra)] { (name) }
                            }
                        }
                    }
                    div {
                        label for="sort" { (t("Ordem", "Order")) }
                        select id="sort" name="sort" {
                            @for (value, name) in [
                                (Sort::Relevance, t("relevância", "relevance")),
                                (Sort::Newest, t("mais recentes", "newest first")),
                                (Sort::Oldest, t("mais antigas", "oldest first")),
                            ] {
                                option value=(sort(value)) selected[search.sort == value] { (name) }
                            }
                        }
                    }
                }
            }
            @if let Some(power) = &search.power { input type="hidden" name="power" value=(power); }
            @if let Some(tag) = &asked.language { input type="hidden" name="lang" value=(tag); }
        }
    }
}

fn territories(language: Language, asked: &Asked, directory: &Directory) -> Markup {
    let typed = asked.search.territories.first().map(|typed| directory.label_of(typed));
    let few = directory.len() <= NAMES_IN_PAGE;
    html! {
        div.territory {
            label for="territory" { (language.of("Município ou órgão", "City or body")) }
            input id="territory" name="territory" type="text" list="territories" autocomplete="off" value=[typed]
                placeholder=(language.of("todos", "all")) data-suggestions=[(!few).then_some("/territories.json")];
            datalist id="territories" {
                @if few {
                    @for name in directory.suggestions("", NAMES_IN_PAGE) { option value=(name); }
                }
            }
            // The field takes one; further ones come from links.
            @for other in asked.search.territories.iter().skip(1) {
                input type="hidden" name="territory" value=(other);
            }
        }
    }
}

fn states<'a>(asked: &'a Asked, directory: &'a Directory) -> Vec<&'a str> {
    let mut states = directory.states();
    if let Some(state) = asked.search.state.as_deref()
        && !states.contains(&state)
    {
        states.push(state);
    }
    states
}
