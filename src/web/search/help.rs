//! What helps when a search finds nothing, or cannot be understood.

use maud::{Markup, html};

use super::super::asked::{Asked, PER_PAGE};
use super::super::language::Language;
use crate::search_index::{Misunderstood, Query};

/// How the query was understood, and what might find more.
pub fn nothing_found(language: Language, asked: &Asked, query: &Query) -> Markup {
    let t = |portuguese: &'static str, english: &'static str| language.of(portuguese, english);
    html! {
        section.help aria-labelledby="nothing" {
            h2 id="nothing" { (t("Nada encontrado", "Nothing found")) }
            @if query.all.is_empty() {
                p { (t("Não há diários com estes filtros.", "There are no gazettes with these filters.")) }
            } @else {
                p { (t("Procurou-se por diários que contêm ", "Looked for gazettes that hold ")) (understood(language, query)) "." }
            }
            ul {
                @if asked.search.has_filter() {
                    li {
                        a href=(asked.without_filters().address("/")) {
                            @if query.all.is_empty() { (t("Retirar os filtros", "Take the filters away")) }
                            @else { (t("Pesquisar o mesmo sem filtros", "Search for the same without filters")) }
                        }
                    }
                }
                @if !query.all.is_empty() {
                    li { (t(
                        "Confira a grafia. Acentos, maiúsculas e plurais não importam.",
                        "Check the spelling. Accents, capitals and plurals do not matter.",
                    )) }
                    li { (t(
                        "Use menos palavras, ou sinônimos com OU: contratação OU admissão.",
                        "Use fewer words, or others with OR: contratação OR admissão.",
                    )) }
                }
                @if query.wanted().any(|clause| clause.stems.len() > 1) {
                    li { (t(
                        "Uma frase entre aspas precisa aparecer palavra por palavra: tente sem as aspas.",
                        "A quoted phrase has to occur word by word: try it without quotes.",
                    )) }
                }
            }
        }
    }
}

/// Where the results end, for an address of a page behind them.
pub fn beyond(language: Language, asked: &Asked, total: u64) -> Markup {
    let pages = total.div_ceil(PER_PAGE as u64).max(1);
    let first = asked.with(|_| {}).address("/");
    let count = language.number(pages);
    html! {
        section.help aria-labelledby="beyond" {
            h2 id="beyond" { (language.of("Os resultados terminam antes desta página", "The results end before this page")) }
            p {
                @if pages == 1 { (language.of("Só há uma página.", "There is only one page.")) }
                @else { (language.of(format!("Só há {count} páginas."), format!("There are only {count} pages."))) }
                " " a href=(first) { (language.of("Ir para a primeira", "Go to the first")) }
            }
        }
    }
}

/// `pregão` e (`dispensa` ou `inexigibilidade`), sem `obras`
fn understood(language: Language, query: &Query) -> Markup {
    let (and, or, without) = language.of((" e ", " ou ", ", sem "), (" and ", " or ", ", without "));
    html! {
        @for (number, group) in query.all.iter().enumerate() {
            @if number > 0 { (and) }
            @for (number, clause) in group.iter().enumerate() {
                @if number > 0 { (or) }
                q { (clause.text) }
            }
        }
        @for clause in &query.none { (without) q { (clause.text) } }
    }
}

/// Why a query cannot be searched for, in Portuguese and in English.
pub fn why(misunderstood: Misunderstood) -> (&'static str, &'static str) {
    match misunderstood {
        Misunderstood::TooLong => (
            "A pesquisa tem mais de 1.000 caracteres: procure menos palavras.",
            "The query is longer than 1,000 characters: search for fewer words.",
        ),
        Misunderstood::OnlyExclusions => (
            "A pesquisa só diz o que não deve aparecer: acrescente uma palavra que deve.",
            "The query only says what must not occur: add a word that must.",
        ),
        Misunderstood::OnlyCommonWords => (
            "A pesquisa só tem palavras que aparecem em toda parte, como “de”, ou longas demais: acrescente outra.",
            "The query holds only words that occur everywhere, such as “de”, or that are too long: add another.",
        ),
        Misunderstood::Nothing => (
            "Não há o que procurar: digite uma palavra ou uma \"frase\".",
            "There is nothing to search for: give a word or a \"phrase\".",
        ),
    }
}

/// The same below the form.
pub fn misunderstood(language: Language, misunderstood: Misunderstood) -> Markup {
    let (portuguese, english) = why(misunderstood);
    html! {
        section.help aria-labelledby="misunderstood" {
            h2 id="misunderstood" { (language.of("Não deu para entender a pesquisa", "The query could not be understood")) }
            p { (language.of(portuguese, english)) }
        }
    }
}

/// What stands below the form before anything was asked.
pub fn welcome(language: Language, asked: &Asked, gazettes: Option<u64>) -> Markup {
    html! {
        section.welcome {
            @if let Some(gazettes) = gazettes {
                p.lead {
                    (language.of("Pesquise no texto de ", "Search the text of ")) strong { (language.number(gazettes)) }
                    @if gazettes == 1 { (language.of(" diário oficial.", " official gazette.")) }
                    @else { (language.of(" diários oficiais.", " official gazettes.")) }
                }
            }
            p { (language.of("Por exemplo: ", "For example: "))
                @for (number, example) in EXAMPLES.iter().enumerate() {
                    @if number > 0 { " · " }
                    a href=(asked.with(|search| (*example).clone_into(&mut search.text)).address("/")) { (example) }
                }
            }
        }
    }
}

const EXAMPLES: [&str; 4] =
    ["pregão eletrônico", "\"dispensa de licitação\"", "nomear OU exonerar", "\"secretaria de saúde\" -obras"];
