//! What a search finds, as a table or for programs: streamed, a page of hits after another.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use url::form_urlencoded;

use super::super::api::round;
use super::super::problem::Problem;
use super::super::site::Shared;
use super::read;
use crate::search_index::{Hit, SearchIndexError, SearchQuery, SearchResults};

/// The parameter that says what parts the columns of a table.
pub const SEPARATOR: &str = "separator";
/// Gazettes of one table.
pub const MOST: usize = 1_000;
/// Gazettes of one call of the index.
const PAGE: usize = 20;

pub async fn csv(State(site): State<Shared>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    const PATH: &str = "/search.csv";
    let (first, rest) = match begun(&site, query.as_deref()).await {
        Ok(begun) => begun,
        Err(problem) => return problem.answer(PATH, query.as_deref(), &headers),
    };
    let host = super::feed::base(&headers);
    let separator = separator(query.as_deref());
    // The sign in front tells spreadsheets that it is UTF-8.
    let head = row(
        separator,
        &[
            "id",
            "date",
            "territory_id",
            "territory",
            "state",
            "edition",
            "extra",
            "power",
            "page",
            "passage",
            "file",
            "link",
        ],
    );
    let head = stream::iter([Ok(Bytes::from(format!("\u{feff}{head}")))]);
    let rows = hits(site, first, rest).map_ok(move |hit| Bytes::from(rows(separator, &hit, &host)));
    let kind = [(CONTENT_TYPE, "text/csv; charset=utf-8"), (CONTENT_DISPOSITION, "attachment; filename=\"prelo.csv\"")];
    (kind, Body::from_stream(head.chain(rows))).into_response()
}

pub async fn json(State(site): State<Shared>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    const PATH: &str = "/search.json";
    let (first, rest) = match begun(&site, query.as_deref()).await {
        Ok(begun) => begun,
        Err(problem) => return problem.answer(PATH, query.as_deref(), &headers),
    };
    let head = format!("{{\"total\":{},\"hits\":[", first.total);
    let mut before = "\n";
    let items = hits(site, first, rest).map_ok(move |hit| {
        let mut item = json!(hit);
        round(&mut item);
        let item = format!("{before}{item}");
        before = ",\n";
        Bytes::from(item)
    });
    let whole = stream::iter([Ok(Bytes::from(head))]).chain(items).chain(stream::iter([Ok(Bytes::from("\n]}\n"))]));
    let kind = [(CONTENT_TYPE, "application/json"), (CONTENT_DISPOSITION, "attachment; filename=\"prelo.json\"")];
    (kind, Body::from_stream(whole)).into_response()
}

/// The first page, so that what is wrong is known before anything is sent; and the search for the next.
async fn begun(site: &Shared, query: Option<&str>) -> Result<(SearchResults, SearchQuery), Problem> {
    let (_, search) = read(site, query).await?;
    let search = SearchQuery { offset: 0, limit: PAGE, totals: false, ..search };
    let first = site.search(&search).await?;
    Ok((first, SearchQuery { offset: PAGE, ..search }))
}

fn hits(site: Shared, first: SearchResults, next: SearchQuery) -> BoxStream<'static, Result<Hit, SearchIndexError>> {
    let state = (site, VecDeque::from(first.hits), next);
    let all = stream::try_unfold(state, |(site, mut here, mut next)| async move {
        if here.is_empty() && next.offset < MOST {
            here = VecDeque::from(Arc::clone(&site).search(&next).await?.hits);
            next.offset += PAGE;
        }
        Ok(here.pop_front().map(|hit| (hit, (site, here, next))))
    });
    all.boxed()
}

/// A row for each passage; one for a gazette without any.
fn rows(separator: char, hit: &Hit, host: &str) -> String {
    let (id, link) = (hit.id.to_string(), format!("{host}/gazettes/{}", hit.id));
    let extra = hit.is_extra_edition.map(|extra| extra.to_string()).unwrap_or_default();
    let of = |page: &str, passage: &str, link: &str| {
        row(
            separator,
            &[
                &id,
                hit.date.as_deref().unwrap_or_default(),
                &hit.territory_id,
                &hit.territory_name,
                &hit.state_code,
                &hit.edition_number,
                &extra,
                &hit.power,
                page,
                passage,
                &hit.file_path,
                link,
            ],
        )
    };
    if hit.passages.is_empty() {
        return of("", "", &link);
    }
    let passages = hit.passages.iter();
    passages
        .map(|passage| of(&passage.page.to_string(), &passage.text, &format!("{link}?page={}", passage.page)))
        .collect()
}

/// `separator=;`: where numbers have a comma, as in Brazil, Excel parts columns at semicolons and at nothing else.
fn separator(query: Option<&str>) -> char {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    if pairs.any(|(name, value)| name == SEPARATOR && value == ";") { ';' } else { ',' }
}

/// RFC 4180. A cell that a spreadsheet would take for a formula gets an apostrophe in front of it.
fn row(separator: char, cells: &[&str]) -> String {
    let cell = |cell: &&str| {
        let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        format!("\"{guard}{}\"", cell.replace('"', "\"\""))
    };
    cells.iter().map(cell).collect::<Vec<_>>().join(&separator.to_string()) + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formulas() {
        assert_eq!(row(',', &["a", "x\"y,z", "=1+1", "-5", ""]), "\"a\",\"x\"\"y,z\",\"'=1+1\",\"'-5\",\"\"\r\n");
        assert_eq!(row(';', &["a;b", "c"]), "\"a;b\";\"c\"\r\n");
        assert_eq!(
            [None, Some("q=a&separator=%3B"), Some("separator=;"), Some("separator=x")].map(separator),
            [',', ';', ';', ',']
        );
    }
}
