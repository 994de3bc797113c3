//! From flags to a [`Selection`].

use clap::Args;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, PrimitiveDateTime, Time};

use super::{Usage, output};
use crate::failure::FailureCode;
use crate::gazette::{EXTRACTOR_VERSION, FailedFilter, GazetteId, Mode, Selection};
use crate::words::{in_language, t, told};

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const MOMENT: &[BorrowedFormatItem<'_>] =
    format_description!(version = 2, "[year]-[month]-[day][first [T][ ]][hour]:[minute][optional [:[second]]]");

/// Filters of `run`, `reprocess` and `plan`; they narrow each other.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Selection")]
pub struct SelectionArgs {
    /// Gazettes dated this day or later (YYYY-MM-DD)
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub from: Option<Date>,

    /// Gazettes dated this day or earlier
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub to: Option<Date>,

    /// Scraped at this moment or later (YYYY-MM-DD or YYYY-MM-DDTHH:MM, UTC)
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    pub scraped_from: Option<PrimitiveDateTime>,

    /// Scraped before this moment; a bare date includes that day
    #[arg(long, value_name = "MOMENT", value_parser = end_of)]
    pub scraped_to: Option<PrimitiveDateTime>,

    /// Only this territory: its id, or its name, such as "Ribeira do Sol/AL" (may be repeated)
    #[arg(long, value_name = "ID|NAME")]
    pub territory: Vec<String>,

    /// Only this state, such as AL
    #[arg(long, value_name = "UF")]
    pub state: Option<String>,

    /// Only this gazette (may be repeated)
    #[arg(long, value_name = "ID")]
    pub id: Vec<i64>,

    /// Only gazettes that failed with this code, or `any`
    #[arg(long, value_name = "CODE|any", value_parser = failed)]
    pub failed: Option<FailedFilter>,

    /// Only gazettes that an older extractor has read
    #[arg(long, value_name = "VERSION")]
    pub extractor_older_than: Option<i32>,

    /// At most so many gazettes, the newest ids first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
}

impl SelectionArgs {
    /// The selection of these filters over the backlog of `mode`.
    ///
    /// # Errors
    /// When a range ends before it begins.
    pub fn over(&self, mode: Mode) -> Result<Selection, Usage> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from > to
        {
            return Err(Usage(told(
                "--from {from} is after --to {to}: exchange them",
                &[("from", &from), ("to", &to)],
            )));
        }
        if let (Some(from), Some(to)) = (self.scraped_from, self.scraped_to)
            && from >= to
        {
            // As they are typed, whatever the language.
            let (from, to) = in_language(false, || (output::moment(from), output::moment(to)));
            return Err(Usage(told(
                "--scraped-from {from} is not before the end of --scraped-to, {to}: exchange them",
                &[("from", &from), ("to", &to)],
            )));
        }
        Ok(Selection {
            mode,
            from: self.from,
            to: self.to,
            scraped_from: self.scraped_from,
            scraped_to: self.scraped_to,
            territories: self.territory.clone(),
            state: self.state.clone(),
            ids: self.id.iter().copied().map(GazetteId).collect(),
            failed: self.failed.clone(),
            extractor_older_than: self.extractor_older_than,
            since: None,
            without_ocr: false,
            limit: self.limit,
        })
    }

    /// The selection of `reprocess`, over every row.
    ///
    /// # Errors
    /// Without a filter: a slip must not read everything again.
    pub fn to_reprocess(&self) -> Result<Selection, Usage> {
        let selection = self.over(Mode::All)?;
        if selection.has_filter() {
            return Ok(selection);
        }
        Err(Usage(told(
            "reprocess needs a filter, such as --from 2024-01-01, --territory ID, --failed any or \
             --extractor-older-than {version}; to read everything again: prelo run --mode all",
            &[("version", &EXTRACTOR_VERSION)],
        )))
    }
}

/// A selection as it could be typed.
pub(super) fn flags(selection: &Selection) -> String {
    let moment = |moment: PrimitiveDateTime| format!("{}T{:02}:{:02}", moment.date(), moment.hour(), moment.minute());
    let failed = selection.failed.as_ref().map(|failed| match failed {
        FailedFilter::Any => "any".to_owned(),
        FailedFilter::Code(code) => code.clone(),
    });
    let one = |name: &'static str, value: Option<String>| value.map(|value| (name, value));
    let many = |name: &'static str, values: Vec<String>| values.into_iter().map(move |value| (name, value));
    let flags = [
        one("mode", Some(selection.mode.as_str().to_owned())),
        one("from", selection.from.map(|date| date.to_string())),
        one("to", selection.to.map(|date| date.to_string())),
        one("scraped-from", selection.scraped_from.map(moment)),
        one("scraped-to", selection.scraped_to.map(moment)),
        one("state", selection.state.clone()),
        one("failed", failed),
        one("extractor-older-than", selection.extractor_older_than.map(|version| version.to_string())),
        one("limit", selection.limit.map(|limit| limit.to_string())),
    ];
    let ids = selection.ids.iter().map(ToString::to_string).collect();
    let flags = flags.into_iter().flatten();
    let flags = flags.chain(many("territory", selection.territories.clone())).chain(many("id", ids));
    flags.map(|(name, value)| format!("--{name} {value}")).collect::<Vec<_>>().join(" ")
}

/// `YYYY-MM-DD`.
pub(super) fn date(text: &str) -> Result<Date, String> {
    Date::parse(text, DATE).map_err(|_| t("it is no date; write it as YYYY-MM-DD, such as 2024-12-31").to_owned())
}

/// A date (its midnight) or a date with a time.
fn moment(text: &str) -> Result<PrimitiveDateTime, String> {
    PrimitiveDateTime::parse(text, MOMENT)
        .or_else(|_| Date::parse(text, DATE).map(|date| date.with_time(Time::MIDNIGHT)))
        .map_err(|_| t("it is no date; write it as YYYY-MM-DD or YYYY-MM-DDTHH:MM").to_owned())
}

/// An exclusive end: the day after a bare date.
fn end_of(text: &str) -> Result<PrimitiveDateTime, String> {
    match Date::parse(text, DATE) {
        Ok(date) => Ok(date.next_day().unwrap_or(Date::MAX).with_time(Time::MIDNIGHT)),
        Err(_) => moment(text),
    }
}

fn failed(text: &str) -> Result<FailedFilter, String> {
    if text.eq_ignore_ascii_case("any") {
        return Ok(FailedFilter::Any);
    }
    match FailureCode::parse(text) {
        Some(code) => Ok(FailedFilter::Code(code.as_str().to_owned())),
        None => {
            let codes: Vec<&str> = FailureCode::ALL.iter().map(|code| code.as_str()).collect();
            Err(told("it is no failure code; the codes are any, {codes}", &[("codes", &codes.join(", "))]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime};

    #[test]
    fn dates_and_moments_are_read() {
        assert_eq!(super::date("2024-02-29"), Ok(date!(2024 - 02 - 29)));
        for wrong in ["2023-02-29", "29/02/2024", "yesterday", ""] {
            assert!(super::date(wrong).is_err(), "{wrong}");
        }
        assert_eq!(moment("2024-05-06"), Ok(datetime!(2024-05-06 0:00)));
        assert_eq!(moment("2024-05-06T07:08"), Ok(datetime!(2024-05-06 7:08)));
        assert_eq!(moment("2024-05-06 07:08:09"), Ok(datetime!(2024-05-06 7:08:09)));
        assert!(moment("2024-05-06T25:00").is_err());
        assert_eq!(end_of("2024-05-06"), Ok(datetime!(2024-05-07 0:00)), "that day is included");
        assert_eq!(end_of("2024-05-06T07:08"), Ok(datetime!(2024-05-06 7:08)));
    }

    #[test]
    fn ranges_must_not_end_before_they_begin() {
        let day = |day| date!(2024 - 01 - 01).replace_day(day).ok();
        let args = |from, to| SelectionArgs { from: day(from), to: day(to), ..SelectionArgs::default() };
        assert!(args(2, 1).over(Mode::All).unwrap_err().to_string().contains("--from 2024-01-02 is after"));
        assert!(args(1, 1).over(Mode::All).is_ok());
    }

    #[test]
    fn a_selection_is_told_as_it_could_be_typed() {
        let selection = Selection {
            mode: Mode::All,
            scraped_to: Some(datetime!(2024-05-07 0:00)),
            territories: vec!["1".into(), "2".into()],
            failed: Some(FailedFilter::Any),
            ..Selection::default()
        };
        let typed = "--mode all --scraped-to 2024-05-07T00:00 --failed any --territory 1 --territory 2";
        assert_eq!(flags(&selection), typed);
    }

    #[test]
    fn reprocess_refuses_without_a_filter() {
        let none = SelectionArgs { limit: Some(5), ..SelectionArgs::default() };
        assert!(none.to_reprocess().unwrap_err().to_string().contains("needs a filter"));
        let some = SelectionArgs { failed: failed("any").ok(), ..SelectionArgs::default() };
        assert_eq!(some.to_reprocess().unwrap().mode, Mode::All);
    }

    #[test]
    fn failure_codes_are_known_words() {
        assert_eq!(failed("needs_ocr"), Ok(FailedFilter::Code("NEEDS_OCR".into())));
        assert_eq!(failed("ANY"), Ok(FailedFilter::Any));
        assert!(failed("OOPS").unwrap_err().contains("NEEDS_OCR"));
    }
}
