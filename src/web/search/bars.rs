//! Totals as small bar charts: a table whose rows are links that narrow the search. The bars are SVG, drawn without styles
//! within the page; whoever hears the page hears the numbers.

use maud::{Markup, html};
use time::{Date, Month};

use super::super::asked::Asked;
use super::super::language::Language;
use super::super::territories::label;
use crate::search_index::{MonthTotal, SearchQuery, TerritoryTotal, Totals};

/// Territories shown.
const TERRITORIES: usize = 12;
/// Months shown one by one; of more, years are shown.
const MONTHS: usize = 18;

/// Both charts, where there is anything to compare among the gazettes that were found.
pub fn bars(language: Language, asked: &Asked, found: u64, totals: &Totals) -> Markup {
    let many = totals.by_territory.len() > 1 || totals.of_other_territories > 0;
    let long = totals.by_month.len() > 1;
    if !many && !long {
        return html! {};
    }
    html! {
        aside.totals aria-label=(language.of("Resultados por território e por mês", "Results by territory and month")) {
            @if many { (territories(language, asked, totals)) }
            @if long { (months(language, asked, found, &totals.by_month)) }
        }
    }
}

struct Row {
    name: String,
    /// Where the search for these alone is.
    address: Option<String>,
    gazettes: u64,
    /// All that have no row: many are no match for one, so it has no bar.
    is_rest: bool,
}

/// `names`: the class by which the column of names has its width.
fn chart(language: Language, names: &str, caption: &str, of_what: &str, rows: &[Row]) -> Markup {
    let most = rows.iter().filter(|row| !row.is_rest).map(|row| row.gazettes).max().unwrap_or(1).max(1);
    html! {
        table class=(format!("bars {names}")) {
            caption { (caption) }
            thead.for-ears { tr { th scope="col" { (of_what) } th scope="col" { (language.of("Diários", "Gazettes")) } } }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" {
                            @match &row.address {
                                Some(address) => a href=(address) { (row.name) },
                                None => (row.name),
                            }
                        }
                        td {
                            @if row.is_rest { span {} } @else { (bar(row.gazettes, most)) }
                            span.count { (language.number(row.gazettes)) }
                        }
                    }
                }
            }
        }
    }
}

/// At least a sliver for what is there at all.
fn bar(gazettes: u64, most: u64) -> Markup {
    let width = (gazettes * 100).div_ceil(most).max(1);
    html! {
        svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            rect width=(width) height="10" {}
        }
    }
}

fn territories(language: Language, asked: &Asked, totals: &Totals) -> Markup {
    let row = |total: &TerritoryTotal| {
        let name = match (total.territory_name.as_str(), total.territory_id.as_str()) {
            ("", "") => language.of("não identificado", "not known").to_owned(),
            ("", id) => id.to_owned(),
            (name, _) => label(name, &total.state_code),
        };
        let only = asked.with(|search| search.territories = vec![total.territory_id.clone()]);
        let address = (!total.territory_id.is_empty()).then(|| only.address("/"));
        Row { name, address, gazettes: total.gazettes, is_rest: false }
    };
    let mut rows: Vec<Row> = totals.by_territory.iter().take(TERRITORIES).map(row).collect();
    let beyond: u64 = totals.by_territory.iter().skip(TERRITORIES).map(|total| total.gazettes).sum();
    let others = beyond + totals.of_other_territories;
    if others > 0 {
        rows.push(Row {
            name: language.of("outros", "others").to_owned(),
            address: None,
            gazettes: others,
            is_rest: true,
        });
    }
    chart(
        language,
        "long",
        language.of("Por território", "By territory"),
        language.of("Território", "Territory"),
        &rows,
    )
}

fn months(language: Language, asked: &Asked, found: u64, totals: &[MonthTotal]) -> Markup {
    let rest = |name: &str, gazettes: u64| {
        (gazettes > 0).then(|| Row { name: name.to_owned(), address: None, gazettes, is_rest: true })
    };
    let dated: u64 = totals.iter().map(|total| total.gazettes).sum();
    let undated = rest(language.of("sem data", "no date"), found.saturating_sub(dated));
    let narrowed = |from: Option<Date>, to: Option<Date>| {
        let SearchQuery { from: first, to: last, .. } = asked.search;
        let (from, to) = (from?.max(first.unwrap_or(Date::MIN)), to?.min(last.unwrap_or(Date::MAX)));
        Some(asked.with(|search| (search.from, search.to) = (Some(from), Some(to))).address("/"))
    };
    if totals.len() > MONTHS {
        let mut rows: Vec<Row> = Vec::new();
        for total in totals {
            let year = total.month.get(..4).unwrap_or_default();
            match rows.last_mut() {
                Some(row) if row.name == year => row.gazettes += total.gazettes,
                _ => {
                    let number = year.parse().unwrap_or_default();
                    let day = |month, day| Date::from_calendar_date(number, month, day).ok();
                    let address = narrowed(day(Month::January, 1), day(Month::December, 31));
                    rows.push(Row { name: year.to_owned(), address, gazettes: total.gazettes, is_rest: false });
                }
            }
        }
        rows.reverse();
        let earlier = rows.split_off(rows.len().min(MONTHS)).iter().map(|row| row.gazettes).sum();
        rows.extend(rest(language.of("anteriores", "earlier"), earlier));
        rows.extend(undated);
        return chart(language, "short", language.of("Por ano", "By year"), language.of("Ano", "Year"), &rows);
    }
    let row = |total: &MonthTotal| {
        let (first, last) = bounds(&total.month).unzip();
        Row {
            name: language.month(&total.month),
            address: narrowed(first, last),
            gazettes: total.gazettes,
            is_rest: false,
        }
    };
    let rows: Vec<Row> = totals.iter().rev().map(row).chain(undated).collect();
    chart(language, "short", language.of("Por mês", "By month"), language.of("Mês", "Month"), &rows)
}

/// First and last day of `2024-12`.
fn bounds(month: &str) -> Option<(Date, Date)> {
    let (year, month) = (month.get(..4)?.parse().ok()?, month.get(5..7)?.parse::<u8>().ok()?);
    let month = Month::try_from(month).ok()?;
    let first = Date::from_calendar_date(year, month, 1).ok()?;
    Some((first, Date::from_calendar_date(year, month, month.length(year)).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn a_month_has_bounds() {
        assert_eq!(bounds("2024-02"), Some((date!(2024 - 02 - 01), date!(2024 - 02 - 29))));
        assert_eq!(bounds("2024-13"), None);
        assert_eq!(bounds("x"), None);
    }

    #[test]
    fn names_are_escaped_and_links_narrow() {
        let territory = |id: &str, gazettes| TerritoryTotal {
            territory_id: id.into(),
            territory_name: "<b>Ilha</b>".into(),
            state_code: "AL".into(),
            gazettes,
        };
        let month = |month: &str| MonthTotal { month: month.into(), gazettes: 3 };
        let totals = Totals {
            by_territory: vec![territory("1", 30), territory("2", 1)],
            of_other_territories: 400,
            by_month: vec![month("2024-01"), month("2024-02")],
        };
        let asked = Asked::read(Some("q=casa&from=2024-01-15&page=2"));
        let shown = bars(Language::Portuguese, &asked, 8, &totals).0;
        for part in [
            "&lt;b&gt;Ilha&lt;/b&gt; (AL)",
            "href=\"/?q=casa&amp;territory=1&amp;from=2024-01-15\"",
            "href=\"/?q=casa&amp;from=2024-01-15&amp;to=2024-01-31\"",
            "fev. 2024",
            "outros",
            "sem data</th><td><span></span><span class=\"count\">2<",
            "rect width=\"100\"",
            "rect width=\"4\"",
        ] {
            assert!(shown.contains(part), "no {part} in {shown}");
        }
        assert!(!shown.contains("<b>"));
    }
}
