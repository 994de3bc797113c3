//! The page of a gazette: its text page by page beside its file, and its story.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use maud::{Markup, html};
use url::form_urlencoded;

use super::super::asked::{self, PAGE};
use super::super::language::Language;
use super::super::layout::{self, Frame};
use super::super::problem::Problem;
use super::super::search::marked;
use super::super::site::{Shared, Story};
use super::super::territories::label;
use super::file::{Unoffered, offered};
use super::justified::rejoined;
use super::text::Sought;
use super::{PageText, page_and_next};
use crate::gazette::GazetteId;
use crate::search_index::{Query, highlights, is_met};

/// What the address asks for.
struct Asked {
    page: u32,
    /// What led here, and leads back.
    search: asked::Asked,
}

/// The page of results, where `page` is that of the gazette.
const RESULTS: &str = "results";

impl Asked {
    fn read(query: Option<&str>) -> Self {
        let mut page = 1;
        let mut rest = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match name.as_ref() {
                PAGE => page = value.parse().unwrap_or(1).clamp(1, 1_000_000),
                RESULTS => drop(rest.append_pair(PAGE, &value)),
                other => drop(rest.append_pair(other, &value)),
            }
        }
        Self { page, search: asked::Asked::read(Some(&rest.finish())) }
    }
}

fn query(page: u32, search: &asked::Asked) -> String {
    let mut query = form_urlencoded::Serializer::new(search.query_with(RESULTS));
    if page > 1 {
        query.append_pair(PAGE, &page.to_string());
    }
    query.finish()
}

/// The address of a page of a gazette, from which a link leads back to the search.
pub fn address(id: GazetteId, page: u32, search: &asked::Asked) -> String {
    asked::address(&format!("/gazettes/{id}"), query(page, search), search.language.as_deref())
}

pub async fn page(State(site): State<Shared>, uri: Uri, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    match answer(&site, &uri, query.as_deref(), &headers).await {
        Ok(response) => response,
        Err(problem) => problem.answer(uri.path(), query.as_deref(), &headers),
    }
}

async fn answer(site: &Shared, uri: &Uri, query: Option<&str>, headers: &HeaderMap) -> Result<Response, Problem> {
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "Este diário não existe.", "There is no such gazette.");
    let id = super::id(uri).ok_or_else(unknown)?;
    let asked = Asked::read(query);
    let language = Language::chosen(asked.search.language.as_deref(), headers);
    let story = site.storyteller.story(id, language).await?.ok_or_else(unknown)?;
    let key = story.told.file_path.as_deref().unwrap_or_default();
    // What is not stored, and a storage that is away, leave the story.
    let query = Query::parse(&asked.search.search.text).ok();
    let ((text, next), is_pdf) = if key.is_empty() {
        ((None, None), Err(Unoffered::NoFile))
    } else {
        let is_sought = |text: &str| query.as_ref().is_some_and(|query| is_met(text, query));
        let sought: Option<Sought<'_>> = query.is_some().then_some(&is_sought);
        let text = page_and_next(&*site.storage, key, asked.page, sought);
        let (text, shown) = tokio::join!(text, offered(&*site.storage, key));
        (text.map_or((None, None), |(text, next)| (Some(text), next)), shown.map(|shown| shown.is_pdf()))
    };
    let title = title(language, &story);
    let (path, here) = (format!("/gazettes/{id}"), self::query(asked.page, &asked.search));
    let is_chosen = asked.search.language.is_some();
    // So that the pages of one gazette can be told apart in a history and where a link was sent.
    let of_page = match asked.page {
        1 => title.clone(),
        page => format!("{title}, {} {page}", language.of("página", "page")),
    };
    let frame = Frame { language, is_chosen, title: &of_page, path: &path, query: &here };
    let view =
        View { language, asked: &asked, story: &story, is_pdf, text: text.as_ref(), found: query.as_ref(), next };
    Ok(layout::page(&frame, &view.body(&title)))
}

fn title(language: Language, Story { told, .. }: &Story) -> String {
    let name = match &told.territory {
        Some(territory) if !territory.name.is_empty() => label(&territory.name, &territory.state_code),
        _ => told.file_path.as_deref().and_then(|path| path.rsplit('/').next()).unwrap_or_default().to_owned(),
    };
    match &told.date {
        Some(date) => format!("{name}, {}", language.date(date)),
        None => name,
    }
}

struct View<'a> {
    language: Language,
    asked: &'a Asked,
    story: &'a Story,
    /// Whether the file is a PDF; or why it is not offered.
    is_pdf: Result<bool, Unoffered>,
    text: Option<&'a PageText>,
    /// What was searched for.
    found: Option<&'a Query>,
    /// The next page that holds it.
    next: Option<u32>,
}

impl View<'_> {
    fn t<'t>(&self, portuguese: &'t str, english: &'t str) -> &'t str {
        self.language.of(portuguese, english)
    }

    fn pages(&self) -> Option<u32> {
        self.story.told.state.as_ref().and_then(|state| state.pages).filter(|pages| *pages > 0)
    }

    fn body(&self, title: &str) -> Markup {
        let page = self.asked.page;
        let Story { rows, told } = self.story;
        let file = format!("/gazettes/{}/file#page={page}", told.id);
        html! {
            (self.way_back())
            h1 { (title) }
            p.meta {
                @if let Some(edition) = told.edition_number.as_deref().filter(|edition| !edition.is_empty()) {
                    span { (self.t("edição ", "edition ")) (edition) }
                }
                @if told.is_extra_edition == Some(true) { span.extra { "extra" } }
                @match self.is_pdf {
                    Ok(true) => a href=(file) { (self.t("abrir o PDF nesta página", "open the PDF at this page")) },
                    Ok(false) => a href=(file) { (self.t("baixar o arquivo", "download the file")) },
                    Err(why) => span { (why.sentence(self.language)) },
                }
                @if let Some(url) = told.file_url.as_deref().filter(|url| url.starts_with("https://") || url.starts_with("http://")) {
                    a href=(url) rel="noreferrer noopener" { (self.t("original", "original")) }
                }
            }
            div.reader {
                section.page-text aria-labelledby="page-heading" {
                    div.page-line {
                        h2 id="page-heading" {
                            (self.t("Página ", "Page ")) (page)
                            @if let Some(pages) = self.pages() { (self.t(" de ", " of ")) (pages) }
                        }
                        (self.turning(self.t("Páginas do diário", "Pages of the gazette")))
                        (self.jump())
                    }
                    (self.onward())
                    (self.page_text())
                    div.below { (self.turning(self.t("Páginas do diário, abaixo do texto", "Pages of the gazette, below the text"))) }
                }
                @if self.is_pdf == Ok(true) {
                    section.document aria-label=(self.t("Documento original", "Original document")) {
                        iframe src=(format!("{file}&navpanes=0&view=FitH")) title=(self.t("PDF do diário", "PDF of the gazette")) loading="lazy" {}
                    }
                }
            }
            section.story aria-labelledby="story" {
                h2 id="story" { (self.t("O que se sabe deste diário", "What is known of this gazette")) }
                dl {
                    @for (name, value) in rows { dt { (name) } dd { (value) } }
                }
            }
        }
    }

    /// To the search that led here, just as it was.
    fn way_back(&self) -> Markup {
        let asked = &self.asked.search;
        let text = &asked.search.text;
        html! {
            @if !text.is_empty() || asked.search.has_filter() {
                p.back { a href=(asked.address("/")) {
                    "← "
                    @if text.is_empty() { (self.t("Resultados da pesquisa", "Results of the search")) }
                    @else { (self.t("Pesquisa: ", "Search: ")) (text) }
                } }
            }
        }
    }

    /// Links to the pages before and behind.
    fn turning(&self, label: &str) -> Markup {
        let page = self.asked.page;
        let at = |page| address(self.story.told.id, page, &self.asked.search);
        let more = match (self.text, self.pages()) {
            (Some(PageText::Beyond { .. } | PageText::NotStored) | None, None) => false,
            (_, Some(pages)) => page < pages,
            (Some(PageText::There { .. }), None) => true,
        };
        html! {
            nav.turning aria-label=(label) {
                @if page > 1 {
                    a rel="prev" href=(at(page - 1)) { "← " (self.t("anterior", "previous")) }
                }
                @if more {
                    a rel="next" href=(at(page + 1)) { (self.t("próxima", "next")) " →" }
                }
            }
        }
    }

    /// To the next page that holds what was searched for.
    fn onward(&self) -> Markup {
        let Some(page) = self.next else { return html! {} };
        let search = &self.asked.search;
        html! {
            p.onward {
                a href=(address(self.story.told.id, page, search)) {
                    (self.t("próxima página com ", "next page with ")) strong { (search.search.text) } ": " (page) "\u{a0}→"
                }
            }
        }
    }

    /// To any page, where there are more than the links lead to.
    fn jump(&self) -> Markup {
        let Some(pages) = self.pages().filter(|pages| *pages > 3) else { return html! {} };
        let search = &self.asked.search;
        let kept = asked::address("", query(1, search), search.language.as_deref());
        html! {
            form.jump action=(format!("/gazettes/{}", self.story.told.id)) method="get" {
                @for (name, value) in form_urlencoded::parse(kept.trim_start_matches('?').as_bytes()) {
                    input type="hidden" name=(name) value=(value);
                }
                label.for-ears for="jump" { (self.t("Ir para a página", "Go to page")) }
                input id="jump" name=(PAGE) type="number" min="1" max=(pages) value=(self.asked.page) required;
                button type="submit" { (self.t("Ir", "Go")) }
            }
        }
    }

    fn page_text(&self) -> Markup {
        match self.text {
            Some(PageText::There { text, .. }) if text.trim().is_empty() => {
                html! { p.note { (self.t("Nesta página não há texto.", "There is no text on this page.")) } }
            }
            Some(PageText::There { text, cut }) => {
                let text = &rejoined(text);
                let found = self.found.map(|query| highlights(text, query)).unwrap_or_default();
                html! {
                    pre.text tabindex="0" { (marked(text, &found)) }
                    @if *cut { p.note { (self.t("A página é mais longa do que se mostra aqui.", "The page is longer than what is shown here.")) } }
                }
            }
            Some(PageText::Beyond { pages }) => {
                let note = match self.language {
                    Language::Portuguese => format!("O texto só tem {pages} páginas."),
                    Language::English => format!("The text has only {pages} pages."),
                };
                html! { p.note { (note) } }
            }
            Some(PageText::NotStored) => html! {
                p.note { (self.t("O texto deste diário ainda não foi extraído, ou não foi guardado.", "The text of this gazette has not been extracted yet, or was not kept.")) }
            },
            None => html! {
                p.note { (self.t("O texto não pôde ser lido agora.", "The text could not be read now.")) }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_the_search_as_it_was() {
        for search in [
            "/?q=a+b&territory=1&state=AL&from=2024-01-01&edition=extra&sort=newest&page=3&lang=en",
            "/?state=AL",
            "/?q=x",
        ] {
            let asked = asked::Asked::read(search.strip_prefix("/?"));
            for page in [1, 7] {
                let here = address(GazetteId(5), page, &asked);
                let again = Asked::read(here.strip_prefix("/gazettes/5?"));
                assert_eq!((again.page, again.search.address("/")), (page, search.to_owned()), "{here}");
            }
        }
        assert_eq!(address(GazetteId(5), 1, &asked::Asked::default()), "/gazettes/5");
        let odd = Asked::read(Some("page=-1&results=x&from=yesterday&q=x"));
        assert_eq!((odd.page, odd.search.address("/")), (1, "/?q=x".to_owned()));
    }
}
