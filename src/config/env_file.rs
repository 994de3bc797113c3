//! A file of environment variables, as service managers and containers have them: `NAME=value`, a line each.

use std::collections::BTreeMap;
use std::path::Path;

use super::ConfigError;
use super::origin::Origin;

/// Variables by name. Blank lines and those that begin with `#` say nothing; `export` may stand in front. A value is taken
/// as it stands, without what `$` or `\` would mean to a shell; only a pair of quotes around all of it goes.
pub(super) fn parse(path: &Path, source: &str) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut variables = BTreeMap::new();
    for (index, line) in source.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let named = line.split_once('=').filter(|(name, _)| is_name(name.trim()));
        let Some((name, value)) = named else {
            // The line may hold a secret: it is not quoted.
            return Err(ConfigError::Syntax {
                origin: Origin::File { path: path.to_owned(), line: Some(index + 1) },
                format: "NAME=value",
                message: "every line is a name, an equals sign and a value, or begins with #".into(),
            });
        };
        variables.insert(name.trim().to_owned(), without_quotes(value.trim()).to_owned());
    }
    Ok(variables)
}

fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn without_quotes(value: &str) -> &str {
    let within = |quote| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    within('"').or_else(|| within('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_as_they_stand() {
        let source = "\u{feff}# the old service\r\nexport A=1\r\nB = two words # and no comment\n\nC='p$a\\ss'\nD=\"q\"\nE=\nF=a=b\nG='\n";
        let variables = parse(Path::new("x.env"), source.trim_start_matches('\u{feff}')).unwrap();
        let expected = [
            ("A", "1"),
            ("B", "two words # and no comment"),
            ("C", "p$a\\ss"),
            ("D", "q"),
            ("E", ""),
            ("F", "a=b"),
            ("G", "'"),
        ];
        assert_eq!(variables, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn a_line_that_is_none_is_named_and_not_quoted() {
        for source in ["A=1\nhunter2", "A=1\nhun ter2=3", "A=1\n=hunter2", "A=1\nexport 2hunter2=1"] {
            let text = parse(Path::new("x.env"), source).unwrap_err().to_string();
            assert!(text.starts_with("x.env:2 is not valid NAME=value: ") && !text.contains("hunter2"), "{text}");
        }
    }
}
