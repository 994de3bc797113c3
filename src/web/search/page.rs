//! The search page. Its beginning is sent as soon as the index has ranked what matches; passages, for which whole texts are
//! read, follow hit by hit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use maud::{Markup, html};
use url::form_urlencoded;

use super::super::asked::{Asked, PER_PAGE, address};
use super::super::gazette::address as gazette_address;
use super::super::language::Language;
use super::super::layout::{self, Frame};
use super::super::problem::Problem;
use super::super::site::Shared;
use super::super::territories::{Directory, label};
use super::{bars, export, form, help};
use crate::search_index::{Hit, MAX_REACH, Passage, SearchQuery, SearchResults, Sort};

/// Passages of one page may take so long; hits beyond that are shown without.
const PASSAGES_DEADLINE: Duration = Duration::from_secs(20);

/// Everything that a page is made of but its hits' passages.
struct View {
    language: Language,
    asked: Asked,
    title: String,
    query: String,
}

impl View {
    fn frame(&self) -> Frame<'_> {
        let is_chosen = self.asked.language.is_some();
        Frame { language: self.language, is_chosen, title: &self.title, path: "/", query: &self.query }
    }
}

pub async fn page(site: Shared, mut asked: Asked, headers: &HeaderMap) -> Result<Response, Problem> {
    let language = Language::chosen(asked.language.as_deref(), headers);
    let directory = site.territories.directory(&site.catalog).await?;
    let search = asked.resolved(&directory);
    let name = language.of("Pesquisa em diários oficiais", "Search in official gazettes");
    let named = named(language, &asked, &directory);
    let title = if named.is_empty() { name.to_owned() } else { format!("{named} – {name}") };
    let view = View { language, query: asked.query(), title, asked };
    if search.text.is_empty() && !search.has_filter() && view.asked.mistakes.is_empty() {
        let gazettes = site.index.count().await.ok();
        return Ok(alone(&view, &directory, StatusCode::OK, &help::welcome(language, &view.asked, gazettes)));
    }
    if !view.asked.mistakes.is_empty() {
        // Above the form, where it is seen also on a phone.
        let body = html! { (mistakes(&view)) (top(&view, &directory)) };
        return Ok((StatusCode::BAD_REQUEST, layout::page(&view.frame(), &body)).into_response());
    }
    let query = match search.understood() {
        Ok(query) => query,
        Err(why) => {
            let body = help::misunderstood(language, why);
            return Ok(alone(&view, &directory, StatusCode::BAD_REQUEST, &body));
        }
    };
    let search = SearchQuery { without_passages: true, totals: true, ..search };
    let results = site.search(&search).await?;
    if results.total == 0 {
        let body = help::nothing_found(language, &view.asked, &query);
        return Ok(alone(&view, &directory, StatusCode::OK, &body));
    }
    if results.hits.is_empty() {
        let body = help::beyond(language, &view.asked, results.total);
        return Ok(alone(&view, &directory, StatusCode::OK, &body));
    }
    Ok(found(site, &view, &directory, results))
}

/// A page without hits.
fn alone(view: &View, directory: &Directory, status: StatusCode, body: &Markup) -> Response {
    let head = html! { (top(view, directory)) (body) };
    (status, layout::page(&view.frame(), &head)).into_response()
}

fn top(view: &View, directory: &Directory) -> Markup {
    let heading = view.language.of("Pesquisa em diários oficiais", "Search in official gazettes");
    html! {
        h1.for-ears { (heading) }
        (form::form(view.language, &view.asked, directory))
    }
}

fn mistakes(view: &View) -> Markup {
    html! {
        div.mistakes role="alert" {
            @for (portuguese, english) in &view.asked.mistakes { p { (view.language.of(portuguese, english)) } }
        }
    }
}

/// A page with hits, as a stream.
fn found(site: Shared, view: &View, directory: &Directory, results: SearchResults) -> Response {
    let SearchResults { total, hits, totals } = results;
    let head = html! {
        link rel="alternate" type="application/atom+xml" title=(view.title) href=(view.asked.address("/search.atom"));
    };
    let mut beginning = layout::opening(&view.frame(), &head);
    beginning.push_str(&top(view, directory).0);
    beginning.push_str(&summary(view, directory, total).0);
    beginning
        .push_str(&format!("<div class=\"results\"><ol class=\"hits\" start=\"{}\">", view.asked.search.offset + 1));
    let last = view.asked.search.offset + hits.len();
    let charts = totals.map(|totals| bars::bars(view.language, &view.asked, total, &totals).0).unwrap_or_default();
    let end = format!("</ol>{}{}</div>{}", paging(view, total, last).0, charts, layout::closing(&view.frame()));
    let began = Instant::now();
    let (asked, language) = (Arc::new(view.asked.clone()), view.language);
    let items = stream::iter(hits).then(move |hit| {
        let (site, asked) = (Arc::clone(&site), Arc::clone(&asked));
        async move {
            let passages = if began.elapsed() < PASSAGES_DEADLINE {
                site.passages(&asked.search.text, &hit).await.unwrap_or_default()
            } else {
                Vec::new()
            };
            item(language, &asked, &hit, &passages).0
        }
    });
    let whole = stream::iter([beginning]).chain(items).chain(stream::iter([end]));
    (layout::headers(), Body::from_stream(whole.map(Ok::<_, std::convert::Infallible>))).into_response()
}

/// How many, under which filters, and the other forms of the same.
fn summary(view: &View, directory: &Directory, total: u64) -> Markup {
    let language = view.language;
    let asked = &view.asked;
    let search = &asked.search;
    html! {
        p.on-paper { strong { (view.title) } }
        div.summary {
            p role="status" {
                strong { (language.number(total)) }
                @if total == 1 { (language.of(" diário encontrado", " gazette found")) }
                @else { (language.of(" diários encontrados", " gazettes found")) }
                @if search.text.is_empty() && search.order() == Sort::Newest && total > 1 {
                    (language.of(", os mais recentes primeiro", ", newest first"))
                }
                @if search.offset > 0 {
                    (language.of(", página ", ", page ")) (search.offset / PER_PAGE + 1)
                }
            }
            @if search.has_filter() { (chips(view, directory)) }
            p.forms {
                a href=(asked.address("/search.csv")) download="prelo.csv" { "CSV" } " "
                @if language == Language::Portuguese {
                    a href=(for_excel(asked)) download="prelo.csv" { "CSV para Excel" } " "
                }
                a href=(asked.address("/search.json")) download="prelo.json" { "JSON" } " "
                a href=(asked.address("/search.atom")) { (language.of("Acompanhar (RSS/Atom)", "Follow (RSS/Atom)")) }
                @if let Some(note) = cut(language, total) { span.quiet { (note) } }
            }
        }
    }
}

/// The same table as Excel opens it in Brazil.
fn for_excel(asked: &Asked) -> String {
    let query = form_urlencoded::Serializer::new(asked.query()).append_pair(export::SEPARATOR, ";").finish();
    address("/search.csv", query, asked.language.as_deref())
}

/// That tables end before the hits do, where they do.
fn cut(language: Language, total: u64) -> Option<String> {
    let most = export::MOST as u64;
    let number = language.number(most);
    (total > most)
        .then(|| language.of(format!("CSV e JSON: os {number} primeiros"), format!("CSV and JSON: the first {number}")))
}

/// The words and the filters of a search, as a title that tells it from others.
pub fn named(language: Language, asked: &Asked, directory: &Directory) -> String {
    let words = Some(asked.search.text.clone()).filter(|text| !text.is_empty());
    let filters = filters(language, asked, directory).into_iter().map(|(name, _)| name);
    words.into_iter().chain(filters).collect::<Vec<_>>().join(", ")
}

/// Each filter, and the search without it.
fn filters(language: Language, asked: &Asked, directory: &Directory) -> Vec<(String, Asked)> {
    let SearchQuery { territories, state, from, to, extra, power, .. } = &asked.search;
    let mut chips: Vec<(String, Asked)> = Vec::new();
    for (number, typed) in territories.iter().enumerate() {
        let without = asked.with(|search| {
            search.territories.remove(number);
        });
        chips.push((directory.label_of(typed).to_owned(), without));
    }
    if let Some(state) = state {
        chips.push((state.clone(), asked.with(|search| search.state = None)));
    }
    let date = |date| language.date(&super::super::asked::iso(date));
    if let Some(from) = *from {
        let name = format!("{} {}", language.of("de", "from"), date(from));
        chips.push((name, asked.with(|search| search.from = None)));
    }
    if let Some(to) = *to {
        let name = format!("{} {}", language.of("até", "to"), date(to));
        chips.push((name, asked.with(|search| search.to = None)));
    }
    if let Some(extra) = extra {
        let name = if *extra {
            language.of("edição extra", "extra edition")
        } else {
            language.of("edição regular", "regular edition")
        };
        chips.push((name.to_owned(), asked.with(|search| search.extra = None)));
    }
    if let Some(power) = power {
        chips.push((power.clone(), asked.with(|search| search.power = None)));
    }
    chips
}

/// Each filter as a link that takes it away.
fn chips(view: &View, directory: &Directory) -> Markup {
    let language = view.language;
    html! {
        ul.chips aria-label=(language.of("Filtros", "Filters")) {
            @for (name, without) in filters(language, &view.asked, directory) {
                li {
                    a href=(without.address("/")) {
                        span.for-ears { (language.of("Retirar o filtro ", "Take away the filter ")) }
                        (name) span aria-hidden="true" { " ×" }
                    }
                }
            }
        }
    }
}

fn item(language: Language, asked: &Asked, hit: &Hit, passages: &[Passage]) -> Markup {
    let file = hit.file_path.rsplit('/').next().unwrap_or_default();
    let place = match (hit.territory_name.as_str(), hit.territory_id.as_str()) {
        ("", "") => file.to_owned(),
        ("", id) => id.to_owned(),
        (name, _) => label(name, &hit.state_code),
    };
    let date = hit.date.as_deref().map(|date| language.date(date));
    let known = hit.id.0 != 0;
    let first = passages.first().map_or(1, |passage| passage.page);
    let at = |page: u32| (known && is_pdf(&hit.file_path)).then(|| format!("/gazettes/{}/file#page={page}", hit.id));
    let details = |page: u32| gazette_address(hit.id, page, asked);
    let title_address = at(first).or_else(|| known.then(|| details(first)));
    html! {
        li.hit {
            h2 {
                @match &title_address {
                    Some(address) => a href=(address) { (place) },
                    None => (place),
                }
                @if let Some(date) = &date { " " span.date { time datetime=[hit.date.as_deref()] { (date) } } }
            }
            p.meta {
                @if !hit.edition_number.is_empty() {
                    span { (language.of("edição ", "edition ")) (hit.edition_number) }
                } @else if place != file {
                    // Two of one day would look alike.
                    span { (file) }
                }
                @if hit.is_extra_edition == Some(true) { span.extra { (language.of("extra", "extra")) } }
                @if known {
                    a href=(details(first)) { (language.of("texto e detalhes", "text and details")) }
                }
                @if hit.url.starts_with("https://") || hit.url.starts_with("http://") {
                    a href=(hit.url) rel="noreferrer noopener" { (language.of("original", "original")) }
                }
            }
            @if !passages.is_empty() {
                ul.passages {
                    @for passage in passages {
                        li {
                            @match at(passage.page).or_else(|| known.then(|| details(passage.page))) {
                                Some(address) => a.page href=(address) {
                                    (language.of("p. ", "p. ")) (passage.page)
                                    span.for-ears { (language.of(" do documento", " of the document")) }
                                },
                                None => span.page { "p. " (passage.page) },
                            }
                            " " span.text {
                                @if passage.is_cut.0 { "… " }
                                (marked(&passage.text, &passage.highlights))
                                @if passage.is_cut.1 { " …" }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The text with what matched marked. Ranges that do not fit are passed over.
pub fn marked(text: &str, highlights: &[(usize, usize)]) -> Markup {
    let mut parts: Vec<(&str, bool)> = Vec::new();
    let mut at = 0;
    for &(start, end) in highlights {
        if let (Some(before), Some(matched)) = (text.get(at..start), text.get(start..end)) {
            parts.extend([(before, false), (matched, true)]);
            at = end;
        }
    }
    parts.push((text.get(at..).unwrap_or_default(), false));
    html! { @for (part, is_match) in parts { @if is_match { mark { (part) } } @else { (part) } } }
}

/// Told by its name: what the file really is, the answer that sends it looks at.
pub fn is_pdf(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("pdf"))
}

fn paging(view: &View, total: u64, last: usize) -> Markup {
    let language = view.language;
    let at = |offset| view.asked.with(|search| search.offset = offset).address("/");
    let offset = view.asked.search.offset;
    let more = (last as u64) < total && offset + 2 * PER_PAGE <= MAX_REACH;
    html! {
        @if offset > 0 || more {
            nav.paging aria-label=(language.of("Páginas de resultados", "Pages of results")) {
                @if offset > 0 {
                    a rel="prev" href=(at(offset.saturating_sub(PER_PAGE))) { "← " (language.of("Anteriores", "Previous")) }
                } @else { span {} }
                span { (language.number(offset as u64 + 1)) "–" (language.number(last as u64)) (language.of(" de ", " of ")) (language.number(total)) }
                @if more {
                    a rel="next" href=(at(offset + PER_PAGE)) { (language.of("Próximos", "Next")) " →" }
                } @else { span {} }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_that_end_early_say_so() {
        assert_eq!(cut(Language::Portuguese, 1_000), None);
        assert_eq!(cut(Language::Portuguese, 1_001).as_deref(), Some("CSV e JSON: os 1.000 primeiros"));
        assert_eq!(cut(Language::English, 5_000).as_deref(), Some("CSV and JSON: the first 1,000"));
    }
}
