//! Portuguese or English.

use axum::http::{HeaderMap, header::ACCEPT_LANGUAGE};
use url::form_urlencoded;

use crate::words;

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    #[default]
    Portuguese,
    English,
}

impl Language {
    /// What `lang=` asks for, else what the browser asks for, else Portuguese.
    pub fn chosen(asked: Option<&str>, headers: &HeaderMap) -> Self {
        let accepted = || headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).and_then(Self::accepted);
        asked.and_then(Self::named).or_else(accepted).unwrap_or_default()
    }

    /// The same for the query of an address; and whether it was asked for there, so that links keep it.
    #[must_use]
    pub fn of_query(query: Option<&str>, headers: &HeaderMap) -> (Self, bool) {
        let mut parameters = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let asked = parameters.find(|(name, value)| name == "lang" && !value.is_empty());
        let asked = asked.and_then(|(_, value)| Self::named(&value));
        (asked.unwrap_or_else(|| Self::chosen(None, headers)), asked.is_some())
    }

    fn named(tag: &str) -> Option<Self> {
        match tag.trim().get(..2)?.to_ascii_lowercase().as_str() {
            "pt" => Some(Self::Portuguese),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// The first of a list such as `pt-BR,pt;q=0.9,en;q=0.8`. Browsers send it in the order of preference.
    fn accepted(list: &str) -> Option<Self> {
        list.split(',').find_map(Self::named)
    }

    /// For the attribute `lang`.
    #[must_use]
    pub fn tag(self) -> &'static str {
        self.of("pt-BR", "en")
    }

    /// One of two texts.
    pub fn of<T>(self, portuguese: T, english: T) -> T {
        match self {
            Self::Portuguese => portuguese,
            Self::English => english,
        }
    }

    /// `12.345` or `12,345`.
    #[must_use]
    pub fn number(self, number: u64) -> String {
        words::in_language(self == Self::Portuguese, || words::number(number))
    }

    /// `31/12/2024` for `2024-12-31`, and `31 Dec 2024`. Anything else comes back as it is.
    #[must_use]
    pub fn date(self, iso: &str) -> String {
        match (iso.get(..4), iso.get(5..7), iso.get(8..10)) {
            (Some(year), Some(month), Some(day)) if iso.len() == 10 => match self {
                Self::Portuguese => format!("{day}/{month}/{year}"),
                Self::English => match self.month_name(month) {
                    Some(month) => format!("{} {month} {year}", day.trim_start_matches('0')),
                    None => iso.to_owned(),
                },
            },
            _ => iso.to_owned(),
        }
    }

    /// `dez. 2024` or `Dec 2024` for `2024-12`.
    #[must_use]
    pub fn month(self, iso: &str) -> String {
        match (iso.get(..4), iso.get(5..7).and_then(|month| self.month_name(month))) {
            (Some(year), Some(month)) => format!("{month} {year}"),
            _ => iso.to_owned(),
        }
    }

    fn month_name(self, month: &str) -> Option<&'static str> {
        const PORTUGUESE: [&str; 12] =
            ["jan.", "fev.", "mar.", "abr.", "maio", "jun.", "jul.", "ago.", "set.", "out.", "nov.", "dez."];
        const ENGLISH: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let number: usize = month.parse().ok()?;
        self.of(PORTUGUESE, ENGLISH).get(number.checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_beats_the_browser_and_portuguese_is_the_default() {
        for (asked, browser, expected) in [
            (None, "", Language::Portuguese),
            (None, "de-DE,de;q=0.9", Language::Portuguese),
            (None, "en-US,en;q=0.9,pt;q=0.8", Language::English),
            (None, "fr,pt-BR;q=0.9,en;q=0.8", Language::Portuguese),
            (Some("en"), "pt-BR", Language::English),
            (Some("pt-BR"), "en", Language::Portuguese),
            (Some("xx"), "en", Language::English),
            (Some("é"), "*", Language::Portuguese),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, browser.parse().unwrap());
            assert_eq!(Language::chosen(asked, &headers), expected, "{asked:?} {browser}");
            let query = asked.map(|asked| format!("q=x&lang=&lang={asked}"));
            let is_chosen = asked.is_some_and(|asked| asked.starts_with(['e', 'p']));
            assert_eq!(Language::of_query(query.as_deref(), &headers), (expected, is_chosen), "{query:?} {browser}");
        }
    }

    #[test]
    fn numbers_and_dates_as_people_write_them() {
        assert_eq!(Language::Portuguese.number(1_234_567), "1.234.567");
        assert_eq!(Language::English.number(999), "999");
        assert_eq!(Language::Portuguese.date("2024-03-05"), "05/03/2024");
        assert_eq!(Language::English.date("2024-03-05"), "5 Mar 2024");
        assert_eq!(Language::English.date("sometime"), "sometime");
        assert_eq!(Language::Portuguese.month("2024-12"), "dez. 2024");
        assert_eq!(Language::Portuguese.month("2024-13"), "2024-13");
    }
}
