//! Numbers and moments as people write them.

use maud::{Markup, html};
use time::PrimitiveDateTime;
use time::macros::format_description;

use crate::rfc3339;
use crate::telemetry::duration;
use crate::web::language::Language;
use crate::words::{self, in_language};

/// `138,6 MB`: millions of bytes.
pub fn megabytes(language: Language, bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss)] // for people
    let mib = bytes as f64 / (1024.0 * 1024.0);
    if mib >= 100.0 { format!("{mib:.0} MiB") } else { format!("{} MiB", decimal(language, mib)) }
}

/// With one digit behind the comma, and two of what is small.
pub fn decimal(language: Language, number: f64) -> String {
    let decimals = if number > 0.0 && number < 1.0 { 2 } else { 1 };
    in_language(language == Language::Portuguese, || words::decimal(number, decimals))
}

/// `3m 05s`, `4,2s`.
pub fn time_span(language: Language, seconds: f64) -> String {
    in_language(language == Language::Portuguese, || duration(seconds))
}

/// How long, in whole minutes, hours or days, for what is long ago.
pub fn age(language: Language, seconds: f64) -> String {
    const DAY: f64 = 86_400.0;
    if seconds < 2.0 * DAY {
        return time_span(language, seconds);
    }
    let days = (seconds / DAY).floor();
    format!("{days:.0} {}", language.of("dias", "days"))
}

/// `25/11/2026 21:44` or `2026-11-25 21:44`, in UTC as the database has it.
pub fn moment(language: Language, moment: Option<PrimitiveDateTime>) -> Markup {
    let Some(moment) = moment else { return html! { "–" } };
    let shown = moment.format(language.of(
        format_description!("[day]/[month]/[year] [hour]:[minute]"),
        format_description!("[year]-[month]-[day] [hour]:[minute]"),
    ));
    let iso = rfc3339::of_utc(moment).unwrap_or_default();
    html! { time datetime=(iso) title="UTC" { (shown.unwrap_or_default()) } }
}

/// One of a pair: Portuguese, English.
pub fn either<'a>(language: Language, (portuguese, english): (&'a str, &'a str)) -> &'a str {
    language.of(portuguese, english)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn as_people_write_them() {
        let (portuguese, english) = (Language::Portuguese, Language::English);
        assert_eq!((decimal(portuguese, 0.117), decimal(english, 0.0)), ("0,12".into(), "0.0".into()));
        assert_eq!(megabytes(portuguese, 73_819_750), "70,4 MiB");
        assert_eq!(megabytes(english, 536_870_912), "512 MiB");
        assert_eq!((time_span(portuguese, 4.25), age(english, 200_000.0)), ("4,2s".into(), "2 days".into()));
        let shown = moment(portuguese, Some(datetime!(2026-11-05 09:04:59))).0;
        assert!(shown.contains("05/11/2026 09:04") && shown.contains("2026-11-05T09:04:59Z"), "{shown}");
    }
}
