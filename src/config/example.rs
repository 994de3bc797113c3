//! A `prelo.toml` that explains itself.

use std::fmt::Write as _;

use super::kind::Kind;
use super::settings::{self, Fallback, Setting};
use crate::words::{t, told};

/// Every setting as a comment: help, bounds, the names it has elsewhere, its default. Read as it is, it changes
/// nothing.
#[must_use]
pub fn example_toml() -> String {
    let mut text =
        String::from(t("# prelo.toml: settings of prelo. Flags and environment variables beat this file.\n\
         # Each key is also a flag (--page-size) and a variable (PRELO_PAGE_SIZE).\n\
         # Relative paths start at the working directory.\n"));
    for group in settings::GROUPS {
        let _ = write!(text, "\n# == {} ==\n", t(group.heading));
        for setting in group.settings {
            text.push_str(&entry(setting));
        }
    }
    text
}

fn entry(setting: &Setting) -> String {
    let replaces = match setting.replaces {
        [] => String::new(),
        names => format!("# {}\n", told("also from {names}", &[("names", &names.join(", "))])),
    };
    let value = match setting.fallback {
        Fallback::Text(text) => format!("\"{text}\""),
        Fallback::Number(number) => number.to_string(),
        Fallback::Flag(flag) => flag.to_string(),
        Fallback::Absent => format!("{}  # {}", placeholder(setting), t("not set")),
        Fallback::Computed(words) => {
            format!("{}  # {}", placeholder(setting), told("default: {value}", &[("value", &t(words))]))
        }
    };
    format!("\n# {}\n{replaces}# {} = {value}\n", setting.help_with_bounds(), setting.key)
}

fn placeholder(setting: &Setting) -> String {
    match setting.kind {
        Kind::Number { min, .. } => min.to_string(),
        Kind::Url(schemes) => format!("\"{}://…\"", schemes.first().copied().unwrap_or_default()),
        _ => "\"…\"".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sources::default_layer;
    use super::*;
    use crate::words::in_language;

    #[test]
    fn the_example_says_nothing_until_a_line_is_uncommented() {
        for is_portuguese in [false, true] {
            says_nothing(&in_language(is_portuguese, example_toml));
        }
    }

    fn says_nothing(example: &str) {
        assert!(toml::from_str::<toml::Table>(example).unwrap().is_empty());
        let active: Vec<_> = example
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|line| settings::all().any(|setting| line.starts_with(&format!("{} = ", setting.key))))
            .collect();
        let table: toml::Table = toml::from_str(&active.join("\n")).unwrap();
        assert_eq!(table.len(), settings::all().count());
        for (key, assigned) in default_layer() {
            let setting = settings::find(key).unwrap();
            assert_eq!(setting.kind.parse_toml(&table[key]).unwrap(), assigned.value, "{key}");
        }
    }
}
