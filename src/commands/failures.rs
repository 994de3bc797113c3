//! `failures`: the gazettes that are set aside, one by one.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::cli::{FailuresArgs, Format};
use super::{Usage, nothing_yet, output, services, territories};
use crate::catalog::SetAside;
use crate::config::Config;
use crate::failure::FailureCode;
use crate::gazette::GazetteId;
use crate::rfc3339;
use crate::words::{number, plain, t, told};

/// A failure for programs; the columns of the CSV.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    gazette_id: GazetteId,
    code: &'a str,
    date: Option<String>,
    territory_id: Option<&'a str>,
    territory: Option<&'a str>,
    file_path: Option<&'a str>,
    failures_in_a_row: u32,
    next_attempt_at: Option<String>,
    run_id: Option<String>,
    detail: &'a str,
}

const COLUMNS: [&str; 10] = [
    "gazette_id",
    "code",
    "date",
    "territory_id",
    "territory",
    "file_path",
    "failures_in_a_row",
    "next_attempt_at",
    "run_id",
    "detail",
];

impl<'a> Shown<'a> {
    fn of(SetAside { gazette, state }: &'a SetAside) -> Self {
        Self {
            gazette_id: gazette.id,
            code: state.failure_code.as_deref().unwrap_or_default(),
            date: gazette.date.map(|date| date.to_string()),
            territory_id: gazette.territory_id.as_deref(),
            territory: gazette.territory.as_ref().map(|territory| territory.name.as_str()),
            file_path: gazette.file_path.as_deref(),
            failures_in_a_row: state.failures,
            next_attempt_at: state.next_attempt_at.and_then(rfc3339::of_utc),
            run_id: state.run_id.map(|run| run.to_string()),
            detail: state.failure_detail.as_deref().unwrap_or_default(),
        }
    }
}

pub async fn failures(args: &FailuresArgs, config: &Config, format: Format) -> Result<u8> {
    let code = match &args.code {
        Some(word) => match FailureCode::parse(word) {
            Some(code) => Some(code.as_str()),
            None => {
                return Err(Usage(told(
                    "{word} is no failure code: `prelo status` shows those that there are",
                    &[("word", word)],
                ))
                .into());
            }
        },
        None => None,
    };
    let catalog = services::existing_catalog(config).await?;
    let failures = match &catalog {
        Some(catalog) => {
            let territory = territories::ids(args.territory.as_slice(), Some(&**catalog), format).await?;
            catalog.failures(code, territory.first().map(String::as_str), args.limit).await?
        }
        None => Vec::new(),
    };
    let shown: Vec<Shown<'_>> = failures.iter().map(Shown::of).collect();
    match format {
        _ if args.csv => {
            output::text(&csv(&shown)?)?;
            // A file does not say by itself that it is not the whole.
            if shown.len() == args.limit as usize {
                let _ = writeln!(
                    std::io::stderr(),
                    "{}",
                    told("{n} lines; there may be more: --limit N", &[("n", &number(u64::from(args.limit)))])
                );
            }
        }
        Format::Json => output::json(&shown)?,
        Format::Text if catalog.is_none() => output::text(&nothing_yet::words(config))?,
        Format::Text if shown.is_empty() && (code.is_some() || args.territory.is_some()) => {
            output::text(&format!("{}\n", t("Nothing is set aside of what was asked for.")))?;
        }
        Format::Text => output::text(&render(&shown, args.limit))?,
    }
    Ok(0)
}

fn csv(shown: &[Shown<'_>]) -> Result<String> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    // Also above no line at all: whoever reads the file by columns finds them.
    writer.write_record(COLUMNS).context("could not write the header of CSV")?;
    for failure in shown {
        writer.serialize(failure).context("could not write a line of CSV")?;
    }
    let bytes = writer.into_inner().context("could not write CSV")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn render(shown: &[Shown<'_>], limit: u32) -> String {
    if shown.is_empty() {
        return format!("{}\n", t("Nothing is set aside."));
    }
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|failure| {
            vec![
                failure.gazette_id.to_string(),
                failure.code.to_owned(),
                failure.date.as_deref().map_or_else(|| "-".into(), output::readable),
                failure.territory_id.unwrap_or("-").to_owned(),
                plain(failure.file_path.unwrap_or("-")),
                plain(failure.detail),
            ]
        })
        .collect();
    let mut text = output::narrow_table(&["id", "code", "date", "territory", "file", "detail"].map(t), &rows);
    text.push_str(&output::indented(
        0,
        t(if shown.len() == limit as usize {
            "There may be more: --limit N. What to do about each code: prelo status"
        } else {
            "What to do about each code: prelo status. One gazette: prelo explain ID"
        }),
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(detail: &str) -> Shown<'_> {
        Shown {
            gazette_id: GazetteId(7),
            code: "NOT_FOUND",
            date: None,
            territory_id: Some("1"),
            territory: Some("A, \"B\""),
            file_path: Some("a b.pdf"),
            failures_in_a_row: 2,
            next_attempt_at: None,
            run_id: None,
            detail,
        }
    }

    #[test]
    fn csv_can_be_read_again() {
        let text = csv(&[shown("two\nlines")]).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let fields = serde_json::to_value(shown("x")).unwrap();
        assert_eq!(reader.headers().unwrap(), &COLUMNS[..]);
        assert!(COLUMNS.iter().all(|column| fields.get(column).is_some()), "{fields}");
        let row = reader.records().next().unwrap().unwrap();
        assert_eq!((&row[0], &row[4], &row[9]), ("7", "A, \"B\"", "two\nlines"));
        assert_eq!(csv(&[]).unwrap().trim_end(), COLUMNS.join(","), "nothing is set aside");
    }

    #[test]
    fn a_detail_steers_no_terminal() {
        let text = render(&[shown("\u{1b}[2Jx")], 100);
        assert!(text.contains("NOT_FOUND") && !text.contains('\u{1b}'), "{text}");
    }
}
