//! What a value may be: from text or TOML to a checked value, and the words that say what was expected.

use serde_json::Value;

use super::redact::redact_url;
use crate::words::{number, t, told};

/// The type of a setting, with its bounds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    /// Never shown, not even when it is wrong.
    Secret,
    /// A URL of one of these schemes. Its credentials are never shown.
    Url(&'static [&'static str]),
    Folder,
    Flag,
    /// Bounds are inclusive.
    Number {
        min: u64,
        max: u64,
    },
    /// One of these words, in any case.
    Choice(&'static [&'static str]),
}

/// A value that cannot be taken: what it is, fit to be shown, and what it must be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    pub shown: String,
    pub expected: String,
}

impl Kind {
    /// Reads a value of a flag or of the environment, where everything is text.
    pub fn parse(self, text: &str) -> Result<Value, Misfit> {
        let fits = match self {
            Self::Text | Self::Secret => Some(Value::from(text)),
            Self::Url(schemes) => has_scheme(text, schemes).then(|| Value::from(text)),
            Self::Folder => (!text.is_empty()).then(|| Value::from(text)),
            Self::Flag => parse_flag(text).map(Value::from),
            Self::Number { min, max } => {
                text.trim().parse::<u64>().ok().filter(|number| (min..=max).contains(number)).map(Value::from)
            }
            Self::Choice(words) => {
                let word = text.trim().to_lowercase();
                words.contains(&word.as_str()).then(|| Value::from(word))
            }
        };
        fits.ok_or_else(|| self.misfit(text))
    }

    /// Reads a value of `prelo.toml`. Numbers and booleans are not written in quotes there.
    pub fn parse_toml(self, value: &toml::Value) -> Result<Value, Misfit> {
        match (self, value) {
            (Self::Number { .. }, toml::Value::Integer(number)) => self.parse(&number.to_string()),
            (Self::Flag, toml::Value::Boolean(flag)) => Ok(Value::from(*flag)),
            (Self::Number { .. } | Self::Flag, toml::Value::String(_)) => Err(Misfit {
                shown: "a string".into(),
                expected: told("{what}, without quotes", &[("what", &self.expected())]),
            }),
            (_, toml::Value::String(text)) => self.parse(text),
            (_, other) => Err(Misfit { shown: type_name(other).into(), expected: self.expected_in_toml() }),
        }
    }

    /// What a value must be, after the words "it must be".
    pub fn expected(self) -> String {
        match self {
            Self::Text | Self::Secret => t("text").into(),
            Self::Url(schemes) => {
                let starts: Vec<_> = schemes.iter().map(|scheme| format!("{scheme}://")).collect();
                told("a URL that begins with {starts}", &[("starts", &or(&starts))])
            }
            Self::Folder => t("the path of a folder").into(),
            Self::Flag => t("true or false").into(),
            Self::Number { min, max } => {
                told("between {min} and {max}", &[("min", &number(min)), ("max", &number(max))])
            }
            Self::Choice(words) => told("one of {words}", &[("words", &words.join(", "))]),
        }
    }

    fn expected_in_toml(self) -> String {
        match self {
            Self::Number { .. } => self.whole(),
            Self::Flag => self.expected(),
            _ => told("{what}, in quotes", &[("what", &self.expected())]),
        }
    }

    fn whole(self) -> String {
        told("a whole number {bounds}", &[("bounds", &self.expected())])
    }

    fn misfit(self, text: &str) -> Misfit {
        let is_integer = text.trim().parse::<i128>().is_ok();
        let shown = match self {
            Self::Secret => "not shown".into(),
            Self::Number { .. } if is_integer => text.trim().into(),
            _ if text.is_empty() => "empty".into(),
            Self::Url(_) => format!("`{}`", redact_url(text)),
            _ => format!("`{text}`"),
        };
        let expected = match self {
            Self::Number { .. } if !is_integer => self.whole(),
            _ => self.expected(),
        };
        Misfit { shown, expected }
    }
}

fn has_scheme(text: &str, schemes: &[&str]) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| schemes.contains(&scheme) && !rest.is_empty())
}

/// The spellings of shells, compose files and Python.
pub(super) fn parse_flag(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn type_name(value: &toml::Value) -> &'static str {
    match value {
        toml::Value::String(_) => "a string",
        toml::Value::Integer(_) => "a number",
        toml::Value::Float(_) => "a number with a fraction",
        toml::Value::Boolean(_) => "true or false",
        toml::Value::Datetime(_) => "a date",
        toml::Value::Array(_) => "a list",
        toml::Value::Table(_) => "a table",
    }
}

fn or(items: &[String]) -> String {
    match items {
        [rest @ .., last] if !rest.is_empty() => format!("{} {} {last}", rest.join(", "), t("or")),
        _ => items.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings;
    use super::*;

    #[test]
    fn every_number_keeps_its_bounds() {
        for setting in settings::all() {
            let Kind::Number { min, max } = setting.kind else { continue };
            for (text, fits) in [
                (min.to_string(), true),
                (max.to_string(), true),
                ((i128::from(min) - 1).to_string(), false),
                ((max + 1).to_string(), false),
                ("1.5".into(), false),
                ("many".into(), false),
                (String::new(), false),
                ("99999999999999999999999".into(), false),
            ] {
                assert_eq!(setting.kind.parse(&text).is_ok(), fits, "{} = {text}", setting.key);
            }
        }
    }

    #[test]
    fn text_becomes_values() {
        const MODES: Kind = Kind::Choice(&["daily", "all"]);
        const PLACES: Kind = Kind::Url(&["s3", "file"]);
        type Outcome = Result<Value, (&'static str, &'static str)>;
        let cases: &[(Kind, &str, Outcome)] = &[
            (Kind::Number { min: 1, max: 10_000 }, "0", Err(("0", "between 1 and 10,000"))),
            (Kind::Number { min: 1, max: 9 }, "-5", Err(("-5", "between 1 and 9"))),
            (Kind::Number { min: 1, max: 9 }, "x", Err(("`x`", "a whole number between 1 and 9"))),
            (Kind::Flag, "True", Ok(true.into())),
            (Kind::Flag, "no", Ok(false.into())),
            (Kind::Flag, "maybe", Err(("`maybe`", "true or false"))),
            (MODES, "DAILY", Ok("daily".into())),
            (MODES, "weekly", Err(("`weekly`", "one of daily, all"))),
            (PLACES, "s3://bucket", Ok("s3://bucket".into())),
            (PLACES, "s3://", Err(("`s3://`", "a URL that begins with s3:// or file://"))),
            (PLACES, "ftp://u:hunter2@h", Err(("`ftp://***@h`", "a URL that begins with s3:// or file://"))),
            (Kind::Folder, "", Err(("empty", "the path of a folder"))),
        ];
        for (kind, text, expected) in cases {
            let actual = kind.parse(text).map_err(|misfit| (misfit.shown, misfit.expected));
            assert_eq!(actual, expected.clone().map_err(|(a, b)| (a.into(), b.into())), "{kind:?} {text}");
        }
    }

    #[test]
    fn toml_types_are_not_guessed() {
        let cases: &[(Kind, &str, &str, &str)] = &[
            (Kind::Number { min: 1, max: 9 }, "\"5\"", "a string", "between 1 and 9, without quotes"),
            (Kind::Number { min: 1, max: 9 }, "1.5", "a number with a fraction", "a whole number between 1 and 9"),
            (Kind::Number { min: 1, max: 9 }, "12", "12", "between 1 and 9"),
            (Kind::Flag, "1", "a number", "true or false"),
            (Kind::Secret, "12345", "a number", "text, in quotes"),
            (Kind::Folder, "[\"a\"]", "a list", "the path of a folder, in quotes"),
        ];
        for (kind, source, shown, expected) in cases {
            let table: toml::Table = toml::from_str(&format!("key = {source}")).unwrap();
            let misfit = kind.parse_toml(&table["key"]).unwrap_err();
            assert_eq!((misfit.shown.as_str(), misfit.expected.as_str()), (*shown, *expected), "{source}");
        }
    }
}
