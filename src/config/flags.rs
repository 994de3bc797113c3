//! Every setting as a flag.

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ValueHint};

use super::kind::Kind;
use super::settings::{self, Fallback, Group, Setting};
use crate::words::{t, told};

/// Id of the flag that names the file.
pub(super) const CONFIG_FLAG: &str = "config";
/// Id of the flag that names the file of variables.
pub(super) const ENV_FILE_FLAG: &str = "env-file";

/// Global flags, one for each setting, and `--config`, with their help in the language of whoever reads it. Their values are plain text without defaults: reading and
/// checking them is the business of [`super::load`], which knows the other sources too.
#[must_use]
pub fn flags() -> Vec<Arg> {
    let config = Arg::new(CONFIG_FLAG)
        .long(CONFIG_FLAG)
        .value_name(t("FILE"))
        .value_hint(ValueHint::FilePath)
        .help(t("File of settings [default: prelo.toml, if it exists]"))
        .help_heading(settings::GROUPS.first().map(|group| t(group.heading)))
        .global(true);
    let env_file = Arg::new(ENV_FILE_FLAG)
        .long(ENV_FILE_FLAG)
        .value_name(t("FILE"))
        .value_hint(ValueHint::FilePath)
        .help(t("File of environment variables, NAME=value a line; those of the process beat it"))
        .help_heading(settings::GROUPS.first().map(|group| t(group.heading)))
        .hide_short_help(true)
        .global(true);
    let settings =
        settings::GROUPS.iter().flat_map(|group| group.settings.iter().map(move |setting| flag(group, setting)));
    [config, env_file].into_iter().chain(settings).collect()
}

fn flag(group: &Group, setting: &Setting) -> Arg {
    let arg = Arg::new(setting.key)
        .long(setting.flag())
        .value_name(t(setting.value_name()))
        .value_hint(hint(setting))
        .value_parser(ValueParser::string())
        .action(ArgAction::Set)
        .allow_negative_numbers(matches!(setting.kind, Kind::Number { .. }))
        .help(help(setting))
        .help_heading(t(group.heading))
        .hide_short_help(!group.common)
        .global(true);
    match setting.kind {
        Kind::Flag => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
        _ => arg,
    }
}

/// The words that a setting can have, by its key; none where anything can stand.
#[must_use]
pub fn words_of(key: &str) -> &'static [&'static str] {
    match settings::find(key).map(|setting| setting.kind) {
        Some(Kind::Choice(words)) => words,
        Some(Kind::Flag) => &["true", "false"],
        _ => &[],
    }
}

/// What a shell completes behind the flag.
fn hint(setting: &Setting) -> ValueHint {
    match setting.kind {
        Kind::Folder => ValueHint::DirPath,
        _ if setting.value_name() == "FILE" => ValueHint::FilePath,
        _ => ValueHint::Unknown,
    }
}

/// The line of the table, and the default.
fn help(setting: &Setting) -> String {
    let default = match setting.fallback {
        Fallback::Text(text) => text.to_owned(),
        Fallback::Computed(words) => t(words).to_owned(),
        Fallback::Number(number) => number.to_string(),
        Fallback::Flag(flag) => flag.to_string(),
        Fallback::Absent => String::new(),
    };
    let help = setting.help_with_bounds();
    if default.is_empty() { help } else { format!("{help} {}", told("[default: {value}]", &[("value", &default)])) }
}

#[cfg(test)]
mod tests {
    use clap::{Command, error::ErrorKind};

    use super::super::Sources;
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Sources, clap::Error> {
        let command = Command::new("prelo").args(flags()).subcommand(Command::new("run"));
        let matches = command.try_get_matches_from(std::iter::once(&"prelo").chain(arguments))?;
        Ok(Sources::from_matches(&matches).unwrap())
    }

    #[test]
    fn the_flags_make_a_sound_command() {
        Command::new("prelo").args(flags()).subcommand(Command::new("run")).debug_assert();
        assert_eq!(flags().len(), settings::all().count() + 2);
    }

    #[test]
    fn flags_are_read_before_and_after_the_verb() {
        for (arguments, key, value) in [
            (&["run", "--page-size", "5"][..], "page_size", "5"),
            (&["--page-size=5", "run"], "page_size", "5"),
            (&["run", "--page-size", "-5"], "page_size", "-5"),
            (&["--store-text", "run"], "store_text", "true"),
            (&["run", "--store-text=false"], "store_text", "false"),
            (&["run", "--folder", "a b#c"], "folder", "a b#c"),
            (&["run", "--files-endpoint", ""], "files_endpoint", ""),
            (&["run", "--opensearch-password=-x"], "opensearch_password", "-x"),
        ] {
            let sources = parse(arguments).unwrap();
            assert_eq!(sources.flags.get(key).map(String::as_str), Some(value), "{arguments:?}");
            assert_eq!(sources.flags.len(), 1, "{arguments:?}");
        }
        assert_eq!(parse(&["run", "--config", "x.toml"]).unwrap().file, Some("x.toml".into()));
        assert_eq!(parse(&["run", "--pagesize", "5"]).err().unwrap().kind(), ErrorKind::UnknownArgument);
    }
}
