//! The frame around every page.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::asked::address;
use super::assets;
use super::language::Language;

/// The pages that every page links: path, name in Portuguese and in English.
const NAVIGATION: &[(&str, &str, &str)] = &[("/", "Pesquisa", "Search"), ("/painel", "Painel", "Dashboard")];

/// What the frame says of the page in it.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    pub language: Language,
    /// The address asked for this language, so the links of the frame do as well.
    pub is_chosen: bool,
    pub title: &'a str,
    /// Of the page itself; empty where it has no address that could be asked for in another language.
    pub path: &'a str,
    /// Its query without `lang`.
    pub query: &'a str,
}

/// A whole page.
pub fn page(frame: &Frame, body: &Markup) -> Response {
    let text = format!("{}{}{}", opening(frame, &html! {}), body.0, closing(frame));
    (headers(), text).into_response()
}

/// The headers of a page.
pub fn headers() -> [(HeaderName, HeaderValue); 3] {
    [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (VARY, HeaderValue::from_static("accept-language")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ]
}

/// Everything up to the beginning of the page's own content; `head` goes into the element of that name.
pub fn opening(frame: &Frame, head: &Markup) -> String {
    let language = frame.language;
    let at = |path: &str| address(path, String::new(), frame.is_chosen.then(|| language.tag()));
    let whole = html! {
        (DOCTYPE)
        html lang=(language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (frame.title) " – prelo" }
                link rel="stylesheet" href=(assets::STYLE_PATH);
                link rel="icon" type="image/svg+xml" href=(assets::ICON_PATH);
                script src=(assets::SCRIPT_PATH) defer {}
                (head)
            }
            body {
                a.skip href="#content" { (language.of("Ir para o conteúdo", "Skip to the content")) }
                header.site {
                    a.brand href=(at("/")) { "prelo" }
                    nav aria-label=(language.of("Páginas", "Pages")) {
                        @for (path, portuguese, english) in NAVIGATION {
                            a href=(at(path)) aria-current=[(*path == frame.path).then_some("page")] {
                                (language.of(portuguese, english))
                            }
                        }
                    }
                    @if !frame.path.is_empty() { (other_language(frame)) }
                }
                main id="content" tabindex="-1" { (PreEscaped(MARK)) }
            }
        }
    };
    whole.0.split_once(MARK).map(|(before, _)| before.to_owned()).unwrap_or_default()
}

/// Where the page's own content stands.
const MARK: &str = "<!--content-->";

/// Everything behind it.
pub fn closing(frame: &Frame) -> String {
    let note = frame.language.of(
        "Textos extraídos automaticamente de diários oficiais; vale o documento original.",
        "Texts extracted from official gazettes by machine; the original document is what counts.",
    );
    format!("</main>{}</body></html>\n", html! { footer.site { p { (note) } } }.0)
}

fn other_language(frame: &Frame) -> Markup {
    let (tag, name) = frame.language.of(("en", "English"), ("pt-BR", "Português"));
    let href = address(frame.path, frame.query.to_owned(), Some(tag));
    html! { a.language href=(href) lang=(tag) hreflang=(tag) rel="alternate" { (name) } }
}
