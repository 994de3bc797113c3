//! Help in the language of whoever reads it. clap speaks English; where Portuguese is read, every word of its own or of
//! the verbs is put in another's place before anything is printed.

use clap::builder::PossibleValue;
use clap::{Arg, Command};

use crate::words::{t, told, translated};

/// The command in Portuguese.
pub fn in_portuguese(mut command: Command) -> Command {
    // Before, neither `-h` nor `help` is there.
    command.build();
    put(command)
}

fn put(command: Command) -> Command {
    let mut command = command
        .mut_args(argument)
        .mut_subcommands(put)
        .subcommand_help_heading(t("Commands"))
        .subcommand_value_name(t("COMMAND"));
    if let Some(about) = command.get_about().and_then(|about| translated(&about.to_string())) {
        command = command.about(about);
    }
    if let Some(after) = command.get_after_help().and_then(|after| translated(&after.to_string())) {
        command = command.after_help(after);
    }
    let usage = usage(&command.render_usage().to_string(), &command);
    let heading = command.get_styles().get_usage();
    let template = format!(
        "{{before-help}}{{about-with-newline}}\n{heading}{}:{heading:#} {{usage}}\n\n{{all-args}}{{after-help}}",
        t("Usage")
    );
    command.override_usage(usage).help_template(template)
}

/// `prelo run [OPÇÕES]`, of clap's `Usage: prelo run [OPTIONS]`.
fn usage(clap: &str, command: &Command) -> String {
    let literal = command.get_styles().get_literal();
    let usage = clap.trim_start_matches("Usage: ").replace("[OPTIONS]", t("[OPTIONS]"));
    let (name, rest) = usage.split_at(usage.find(" [").or_else(|| usage.find(" <")).unwrap_or(usage.len()));
    format!("{literal}{name}{literal:#}{rest}")
}

fn argument(argument: Arg) -> Arg {
    let heading = match argument.get_help_heading() {
        None if argument.is_positional() => Some(t("Arguments")),
        None => Some(t("Options")),
        Some(heading) => translated(heading),
    };
    let names = argument.get_value_names().unwrap_or_default();
    let names: Vec<String> = names.iter().map(|name| translated(name).unwrap_or(name).to_owned()).collect();
    let remark = remark(&argument);
    let help = |english: String| translated(&english).map_or(english, str::to_owned) + &remark;
    let (short, long) =
        (argument.get_help().map(ToString::to_string), argument.get_long_help().map(ToString::to_string));
    let mut argument = argument.hide_default_value(true).hide_possible_values(true);
    if let Some(heading) = heading {
        argument = argument.help_heading(heading);
    }
    if !names.is_empty() {
        argument = argument.value_names(names);
    }
    if let Some(short) = short {
        argument = argument.help(help(short));
    }
    if let Some(long) = long {
        argument = argument.long_help(help(long));
    }
    argument
}

/// What clap writes behind the help of an argument: its default, and the values that it can have.
pub fn remark(argument: &Arg) -> String {
    let mut remark = String::new();
    if !takes_values(argument) {
        return remark;
    }
    let defaults: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if !defaults.is_empty() && !argument.is_hide_default_value_set() {
        remark += &format!(" {}", told("[default: {value}]", &[("value", &defaults.join(" "))]));
    }
    let possible = argument.get_possible_values();
    let possible: Vec<_> = possible.iter().filter(|value| !value.is_hide_set()).map(PossibleValue::get_name).collect();
    if !possible.is_empty() && !argument.is_hide_possible_values_set() {
        remark += &format!(" {}", told("[possible values: {values}]", &[("values", &possible.join(", "))]));
    }
    remark
}

fn takes_values(argument: &Arg) -> bool {
    argument.get_num_args().is_some_and(|values| values.takes_values())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::cli::Cli;
    use super::*;
    use crate::words::in_language;

    /// Value names that are the same in both languages.
    const SAME: &[&str] = &["HH:MM", "ID", "MB", "MS", "N", "SHELL", "UF", "URL", "true|false"];

    /// All that a command and those below it say, in one order.
    fn said(command: &Command, texts: &mut Vec<String>) {
        texts.extend([command.get_about(), command.get_after_help()].into_iter().flatten().map(ToString::to_string));
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            texts.extend(argument.get_help().map(ToString::to_string));
            texts.extend(argument.get_long_help().map(ToString::to_string));
            if takes_values(argument) {
                texts.extend(argument.get_value_names().unwrap_or_default().iter().map(ToString::to_string));
            }
        }
        for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
            said(verb, texts);
        }
    }

    #[test]
    fn everything_that_the_help_says_is_there_in_portuguese() {
        let (mut english, mut portuguese) = (Vec::new(), Vec::new());
        let mut command = in_language(false, Cli::with_settings);
        command.build();
        said(&command, &mut english);
        said(&in_language(true, || in_portuguese(Cli::with_settings())), &mut portuguese);
        assert_eq!(english.len(), portuguese.len());
        let same: BTreeSet<_> = english.iter().zip(&portuguese).filter(|(a, b)| a == b).map(|(text, _)| text).collect();
        let missing: Vec<_> = same.into_iter().filter(|text| !SAME.contains(&text.as_str())).collect();
        assert!(missing.is_empty(), "these have no Portuguese in src/words/help.rs: {missing:#?}");
    }

    #[test]
    fn no_word_of_clap_is_left_in_a_page_of_help() {
        let command = in_language(true, || in_portuguese(Cli::with_settings()));
        let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
        for page in verbs.chain([&command]) {
            for help in [page.clone().render_help(), page.clone().render_long_help()] {
                let help = help.to_string();
                for english in
                    ["Usage", "OPTIONS", "Options:", "Arguments:", "Commands:", "[default", "[possible", "Print "]
                {
                    assert!(!help.contains(english), "{english} in {help}");
                }
                assert!(help.contains("Uso: prelo"), "{help}");
            }
        }
    }
}
