//! The page of a gazette: its text page by page beside its file, and its story.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use maud::{Markup, html};
use url::form_urlencoded;

use super::super::language::Language;
use super::super::layout::{self, Frame};
use super::super::problem::Problem;
use super::super::search::{is_pdf, marked};
use super::super::site::{Shared, Story};
use super::super::territories::label;
use super::{PageText, page_text};
use crate::catalog::Explanation;
use crate::search_index::{Query, highlights};

/// What the address asks for.
struct Asked {
    page: u32,
    text: String,
    language: Option<String>,
}

impl Asked {
    fn read(query: Option<&str>) -> Self {
        let mut asked = Self { page: 1, text: String::new(), language: None };
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match name.as_ref() {
                "page" => asked.page = value.parse().unwrap_or(1).clamp(1, 1_000_000),
                "q" => asked.text = value.chars().take(1_000).collect(),
                "lang" => asked.language = Some(value.chars().take(10).collect()),
                _ => {}
            }
        }
        asked
    }

    fn query(&self, page: u32) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if page > 1 {
            query.append_pair("page", &page.to_string());
        }
        if !self.text.is_empty() {
            query.append_pair("q", &self.text);
        }
        query.finish()
    }

    /// The address of another page of the same gazette.
    fn address(&self, path: &str, page: u32) -> String {
        let mut query = self.query(page);
        if let Some(language) = &self.language {
            query = form_urlencoded::Serializer::new(query).append_pair("lang", language).finish();
        }
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

pub async fn page(State(site): State<Shared>, uri: Uri, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    match answer(&site, &uri, query.as_deref(), &headers).await {
        Ok(response) => response,
        Err(problem) => problem.answer(uri.path(), &headers),
    }
}

async fn answer(site: &Shared, uri: &Uri, query: Option<&str>, headers: &HeaderMap) -> Result<Response, Problem> {
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "Este diário não existe.", "There is no such gazette.");
    let id = super::id(uri).ok_or_else(unknown)?;
    let explanation = site.catalog.explain(id).await?.ok_or_else(unknown)?;
    let asked = Asked::read(query);
    let language = Language::chosen(asked.language.as_deref(), headers);
    let story = site.storyteller.story(id, language).await;
    let story = story.map_err(|error| Problem::internal(&*error))?.ok_or_else(unknown)?;
    let key = explanation.gazette.file_path.clone().unwrap_or_default();
    // What is not stored, and a storage that is away, leave the story and the file.
    let text = if key.is_empty() { None } else { page_text(&*site.storage, &key, asked.page).await.ok() };
    let title = title(language, &explanation);
    let path = format!("/gazettes/{id}");
    let query = asked.query(asked.page);
    let frame = Frame { language, title: &title, path: &path, query: &query };
    let view = View { language, asked: &asked, path: &path, explanation: &explanation, text: text.as_ref() };
    Ok(layout::page(&frame, &view.body(&title, &key, &story)))
}

fn title(language: Language, explanation: &Explanation) -> String {
    let gazette = &explanation.gazette;
    let name = match &gazette.territory {
        Some(territory) if !territory.name.is_empty() => label(&territory.name, &territory.state_code),
        _ => gazette.file_path.as_deref().and_then(|path| path.rsplit('/').next()).unwrap_or_default().to_owned(),
    };
    match gazette.date {
        Some(date) => format!("{name}, {}", language.date(&super::super::asked::iso(date))),
        None => name,
    }
}

struct View<'a> {
    language: Language,
    asked: &'a Asked,
    path: &'a str,
    explanation: &'a Explanation,
    text: Option<&'a PageText>,
}

impl View<'_> {
    fn t<'t>(&self, portuguese: &'t str, english: &'t str) -> &'t str {
        self.language.of(portuguese, english)
    }

    fn pages(&self) -> Option<u32> {
        self.explanation.state.as_ref().and_then(|state| state.pages).filter(|pages| *pages > 0)
    }

    fn body(&self, title: &str, key: &str, story: &Story) -> Markup {
        let page = self.asked.page;
        let file = format!("{}/file#page={page}", self.path);
        let gazette = &self.explanation.gazette;
        let pdf = is_pdf(key);
        let back = super::super::asked::Asked {
            text: self.asked.text.clone(),
            language: self.asked.language.clone(),
            ..Default::default()
        };
        html! {
            @if !self.asked.text.is_empty() {
                p.back { a href=(back.address("/")) {
                    "← " (self.t("Pesquisa: ", "Search: ")) (self.asked.text)
                } }
            }
            h1 { (title) }
            p.meta {
                @if let Some(edition) = gazette.edition_number.as_deref().filter(|edition| !edition.is_empty()) {
                    span { (self.t("edição ", "edition ")) (edition) }
                }
                @if gazette.is_extra_edition == Some(true) { span.extra { "extra" } }
                @if !key.is_empty() {
                    a href=(file) {
                        @if pdf { (self.t("abrir o PDF nesta página", "open the PDF at this page")) }
                        @else { (self.t("baixar o arquivo", "download the file")) }
                    }
                }
                @if let Some(url) = gazette.file_url.as_deref().filter(|url| url.starts_with("https://") || url.starts_with("http://")) {
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
                        (self.turning())
                    }
                    (self.page_text())
                }
                @if pdf {
                    section.document aria-label=(self.t("Documento original", "Original document")) {
                        iframe src=(format!("{file}&navpanes=0&view=FitH")) title=(self.t("PDF do diário", "PDF of the gazette")) loading="lazy" {}
                    }
                }
            }
            section.story aria-labelledby="story" {
                h2 id="story" { (self.t("O que se sabe deste diário", "What is known of this gazette")) }
                dl {
                    @for (name, value) in &story.rows { dt { (name) } dd { (value) } }
                }
            }
        }
    }

    /// Links to the pages before and behind.
    fn turning(&self) -> Markup {
        let page = self.asked.page;
        let more = match (self.text, self.pages()) {
            (Some(PageText::Beyond { .. } | PageText::NotStored) | None, None) => false,
            (_, Some(pages)) => page < pages,
            (Some(PageText::There { .. }), None) => true,
        };
        html! {
            nav.turning aria-label=(self.t("Páginas do diário", "Pages of the gazette")) {
                @if page > 1 {
                    a rel="prev" href=(self.asked.address(self.path, page - 1)) { "← " (self.t("anterior", "previous")) }
                }
                @if more {
                    a rel="next" href=(self.asked.address(self.path, page + 1)) { (self.t("próxima", "next")) " →" }
                }
            }
        }
    }

    fn page_text(&self) -> Markup {
        match self.text {
            Some(PageText::There { text, .. }) if text.trim().is_empty() => {
                html! { p.note { (self.t("Nesta página não há texto.", "There is no text on this page.")) } }
            }
            Some(PageText::There { text, cut }) => {
                let found = Query::parse(&self.asked.text).map(|query| highlights(text, &query)).unwrap_or_default();
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
