//! `search`: passages with date, territory, page and file.

use anyhow::Result;

use super::cli::{Edition, Format, Order, SearchArgs};
use super::{Usage, output, services};
use crate::config::Config;
use crate::search_index::{Hit, Passage, SearchQuery, SearchResults, Sort, Totals};
use crate::words::{number, plain, t, told};

pub async fn search(args: &SearchArgs, config: &Config, format: Format) -> Result<u8> {
    if let (Some(from), Some(to)) = (args.from, args.to)
        && from > to
    {
        return Err(
            Usage(told("--from {from} is after --to {to}: exchange them", &[("from", &from), ("to", &to)])).into()
        );
    }
    let query = SearchQuery {
        text: args.query.join(" "),
        territories: services::territory_ids(&args.territory, config, format).await?,
        state: args.state.as_ref().map(|state| state.to_uppercase()),
        from: args.from,
        to: args.to,
        extra: args.edition.map(|edition| edition == Edition::Extra),
        power: args.power.clone(),
        sort: match args.sort {
            Order::Relevance => Sort::Relevance,
            Order::Newest => Sort::Newest,
            Order::Oldest => Sort::Oldest,
        },
        offset: usize::from(args.offset),
        limit: usize::from(args.limit),
        without_passages: false,
        totals: args.totals,
    };
    let results = services::search_index(config).await?.search(&query).await?;
    match format {
        Format::Json => output::json(&results)?,
        Format::Text if results.hits.is_empty() => output::text(&format!("{}\n", t(nothing(&query))))?,
        Format::Text => output::text(&render(&results, output::styled()))?,
    }
    Ok(0)
}

fn nothing(asked: &SearchQuery) -> &'static str {
    if !asked.territories.is_empty() {
        "Nothing found. Is it the right territory? `--totals` counts by territory; or fewer words may help."
    } else if asked.has_filter() {
        "Nothing found. Other filters or fewer words may help; all of them must hold."
    } else {
        "Nothing found. Fewer or other words may help; all of them must occur."
    }
}

fn render(results: &SearchResults, styled: bool) -> String {
    let mut text = String::new();
    for hit in &results.hits {
        text.push_str(&heading(hit, styled));
        for passage in &hit.passages {
            let page = format!("    {} {:<4} ", t("p."), passage.page);
            text.push_str(&wrapped(&page, &highlighted(passage, styled)));
        }
        text.push('\n');
    }
    if let Some(totals) = &results.totals {
        text.push_str(&spread(totals));
    }
    let shown = results.hits.len() as u64;
    let found = if results.total == 1 { "1 gazette found" } else { "{n} gazettes found" };
    text.push_str(&told(found, &[("n", &number(results.total))]));
    if results.total > shown {
        text.push_str(&told(", {n} shown", &[("n", &number(shown))]));
    }
    text.push('\n');
    text
}

/// Territories with the most gazettes, and months.
fn spread(totals: &Totals) -> String {
    let territories = totals.by_territory.iter().map(|total| {
        let name = match (total.territory_name.as_str(), total.territory_id.as_str()) {
            ("", "") => t("territory unknown"),
            ("", id) => id,
            (name, _) => name,
        };
        let name = plain(&format!("{name} {}", total.state_code));
        vec![number(total.gazettes), name.trim_end().to_owned()]
    });
    let others = (totals.of_other_territories > 0)
        .then(|| vec![number(totals.of_other_territories), t("other territories").to_owned()]);
    let months = totals.by_month.iter().map(|total| vec![number(total.gazettes), total.month.clone()]);
    let rows: Vec<_> = territories.chain(others).chain(months).collect();
    output::table(&[], &rows) + "\n"
}

/// In the terminal's width, the lines below the first under its beginning; one line elsewhere.
fn wrapped(beginning: &str, passage: &str) -> String {
    let indent = " ".repeat(beginning.chars().count());
    let options = textwrap::Options::new(output::width()).initial_indent(beginning).subsequent_indent(&indent);
    textwrap::fill(passage, options) + "\n"
}

fn heading(hit: &Hit, styled: bool) -> String {
    let place = match (hit.territory_name.as_str(), hit.state_code.as_str()) {
        ("", "") if hit.territory_id.is_empty() => t("territory unknown").to_owned(),
        ("", "") => hit.territory_id.clone(),
        (name, "") => name.to_owned(),
        (name, state) => format!("{name}/{state}"),
    };
    let date = hit.date.as_deref().map_or_else(|| t("date unknown").to_owned(), output::readable);
    let edition = match hit.edition_number.as_str() {
        "" => String::new(),
        number => format!("  {} {number}", t("no.")),
    };
    let (on, off) = if styled { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
    // Nothing that others have named must steer the terminal.
    let (title, file) = (plain(&format!("{date}  {place}{edition}")), plain(&hit.file_path));
    output::hanging(6, &format!("{on}{title}{off}  {file}  (id {})", hit.id))
}

/// Matches bold on a terminal, between stars elsewhere; a sign where the text goes on.
fn highlighted(passage: &Passage, styled: bool) -> String {
    let (on, off) = if styled { ("\u{1b}[1;33m", "\u{1b}[0m") } else { ("*", "*") };
    let mut text = String::from(if passage.is_cut.0 { "… " } else { "" });
    let mut at = 0;
    for &(start, end) in &passage.highlights {
        if let (Some(before), Some(matched)) = (passage.text.get(at..start), passage.text.get(start..end)) {
            text.extend([before, on, matched, off]);
            at = end;
        }
    }
    text.push_str(passage.text.get(at..).unwrap_or_default());
    text.push_str(if passage.is_cut.1 { " …" } else { "" });
    // Text of a gazette must not steer the terminal.
    text.chars().filter(|c| !c.is_control() || (styled && *c == '\u{1b}')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_are_marked_and_control_characters_taken_out() {
        let passage =
            Passage { page: 3, text: "o pregão\u{7} foi".into(), highlights: vec![(2, 9)], is_cut: (false, true) };
        assert_eq!(highlighted(&passage, false), "o *pregão* foi …");
        let broken = Passage { page: 1, text: "ã".into(), highlights: vec![(1, 2), (5, 9)], is_cut: (true, false) };
        assert_eq!(highlighted(&broken, false), "… ã", "ranges off the text are passed over");
    }
}
