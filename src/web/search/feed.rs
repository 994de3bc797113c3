//! A search as an Atom feed (RFC 4287): the gazettes of the latest days that it finds, in any feed reader.

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::response::{IntoResponse, Response};
use quick_xml::escape::escape;

use super::super::language::Language;
use super::super::site::Shared;
use super::super::territories::label;
use super::page::{is_pdf, marked, named};
use super::read;
use crate::search_index::{Hit, SearchQuery, Sort};

/// Entries of the feed.
const ENTRIES: usize = 50;

pub async fn feed(State(site): State<Shared>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    const PATH: &str = "/search.atom";
    let answer = async {
        let (asked, search) = read(&site, query.as_deref()).await?;
        // The newest first, whatever the page shows: a feed tells of news.
        let search = SearchQuery { offset: 0, limit: ENTRIES, sort: Sort::Newest, ..search };
        let results = site.search(&search).await?;
        let language = Language::chosen(asked.language.as_deref(), &headers);
        let host = base(&headers);
        let updated = results.hits.first().map_or_else(|| moment(None), |hit| moment(hit.date.as_deref()));
        let directory = site.territories.directory(&site.catalog).await?;
        let named = named(language, &asked, &directory);
        let title = format!("{}: {named}", language.of("Diários oficiais", "Official gazettes"));
        let (this, page) = (format!("{host}{}", asked.address(PATH)), format!("{host}{}", asked.address("/")));
        let mut feed = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"{}\">\n\
             <id>{}</id>\n<title>{}</title>\n<updated>{updated}</updated>\n<author><name>prelo</name></author>\n\
             <link rel=\"self\" type=\"application/atom+xml\" href=\"{}\"/>\n<link rel=\"alternate\" type=\"text/html\" href=\"{}\"/>\n",
            language.tag(),
            // The same by whatever name the server is reached.
            clean(&format!("urn:prelo:search:{}", asked.address(PATH))),
            clean(&title),
            clean(&this),
            clean(&page),
        );
        for hit in &results.hits {
            feed.push_str(&entry(language, hit, &host));
        }
        feed.push_str("</feed>\n");
        Ok(feed)
    };
    match answer.await {
        Ok(feed) => ([(CONTENT_TYPE, "application/atom+xml; charset=utf-8")], feed).into_response(),
        Err::<String, super::Problem>(problem) => problem.answer(PATH, query.as_deref(), &headers),
    }
}

fn entry(language: Language, hit: &Hit, host: &str) -> String {
    let name =
        if hit.territory_name.is_empty() { hit.file_path.clone() } else { label(&hit.territory_name, &hit.state_code) };
    let date = hit.date.as_deref().map(|date| format!(", {}", language.date(date))).unwrap_or_default();
    let page = hit.passages.first().map_or(1, |passage| passage.page);
    let address = if is_pdf(&hit.file_path) {
        format!("{host}/gazettes/{}/file#page={page}", hit.id)
    } else {
        format!("{host}/gazettes/{}?page={page}", hit.id)
    };
    let passages = hit
        .passages
        .iter()
        .map(|passage| format!("<p>p. {}: {}</p>", passage.page, marked(&passage.text, &passage.highlights).0));
    format!(
        "<entry>\n<id>urn:prelo:gazette:{}</id>\n<title>{}</title>\n<updated>{}</updated>\n<link href=\"{}\"/>\n\
         <content type=\"html\">{}</content>\n</entry>\n",
        hit.id,
        clean(&format!("{name}{date}")),
        moment(hit.date.as_deref()),
        clean(&address),
        clean(&passages.collect::<String>()),
    )
}

/// A gazette's day at midnight. One without a date is old.
fn moment(date: Option<&str>) -> String {
    format!("{}T00:00:00Z", date.filter(|date| date.len() == 10).unwrap_or("1970-01-01"))
}

/// Escaped, without the characters that XML cannot hold.
fn clean(text: &str) -> String {
    let text: String = text
        .chars()
        .filter(|c| matches!(c, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..))
        .collect();
    escape(text.as_str()).into_owned()
}

/// Where the visitor has found this server, such as `http://127.0.0.1:8080`; a proxy in front says whether it was `https`.
pub fn base(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(HOST.as_str()).filter(|host| {
        host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
    });
    let scheme = if text("x-forwarded-proto") == Some("https") { "https" } else { "http" };
    format!("{scheme}://{}", host.unwrap_or("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_left_out() {
        assert_eq!(clean("a\u{0}<b>\u{1f}&\u{fffe}é\u{1f600}"), "a&lt;b&gt;&amp;é\u{1f600}");
    }

    #[test]
    fn a_host_with_odd_signs_is_not_believed() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "a.example:8080".parse().unwrap());
        assert_eq!(base(&headers), "http://a.example:8080");
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        assert_eq!(base(&headers), "https://a.example:8080");
        headers.insert(HOST, "a\"><script>".parse().unwrap());
        assert_eq!(base(&headers), "https://localhost");
    }
}
