//! Mistakes in a call, in Portuguese: what clap says of them in English, with the same exit code.

use std::error::Error as _;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::words::{t, told, translated};

/// What is wrong, what may be meant, how the verb is used, and where to read more.
pub fn words(error: &Error) -> String {
    let mut text = format!("{}: {}", t("error"), cause(error));
    for (kind, one, many) in [
        (
            ContextKind::SuggestedSubcommand,
            "a similar subcommand exists: {names}",
            "some similar subcommands exist: {names}",
        ),
        (ContextKind::SuggestedArg, "a similar argument exists: {names}", "some similar arguments exist: {names}"),
        (ContextKind::SuggestedValue, "a similar value exists: {names}", "some similar values exist: {names}"),
    ] {
        let names = strings(error, kind);
        if !names.is_empty() {
            let quoted: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
            let phrase = if names.len() == 1 { one } else { many };
            text += &tip(&told(phrase, &[("names", &quoted.join(", "))]));
        }
    }
    if let Some(ContextValue::StyledStrs(suggestions)) = error.get(ContextKind::Suggested) {
        text.extend(suggestions.iter().map(|suggestion| tip(&suggested(&suggestion.to_string()))));
    }
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        let usage = usage.to_string();
        text += &format!("\n\n{}: {}", t("Usage"), usage.trim_start_matches("Usage: "));
    }
    text + &format!("\n\n{}\n", told("For more information, try '{flag}'.", &[("flag", &"--help")]))
}

fn tip(text: &str) -> String {
    format!("\n\n  {}: {text}", t("tip"))
}

/// clap hands these over as sentences. One that is not known stays as it is.
fn suggested(sentence: &str) -> String {
    match sentence.split('\'').collect::<Vec<_>>()[..] {
        ["to pass ", arg, _, _, _] => told("to pass '{arg}' as a value, use '-- {arg}'", &[("arg", &arg)]),
        ["", call, " exists"] => told("'{call}' exists", &[("call", &call)]),
        _ => sentence.to_owned(),
    }
}

fn cause(error: &Error) -> String {
    let arg = strings(error, ContextKind::InvalidArg);
    let (value, prior) = (strings(error, ContextKind::InvalidValue), strings(error, ContextKind::PriorArg));
    let (first, value) = (arg.first().map_or("", String::as_str), value.first().map_or("", String::as_str));
    let of_arg = |english| told(english, &[("arg", &first), ("value", &value)]);
    let listed = |title: String, names: &[String]| names.iter().fold(title, |text, name| text + "\n  " + name);
    match error.kind() {
        ErrorKind::ArgumentConflict => match &prior[..] {
            [one] if one == first => of_arg("the argument '{arg}' cannot be used multiple times"),
            [one] => told("the argument '{arg}' cannot be used with '{other}'", &[("arg", &first), ("other", one)]),
            several => listed(of_arg("the argument '{arg}' cannot be used with:"), several),
        },
        ErrorKind::NoEquals => of_arg("equal sign is needed when assigning values to '{arg}'"),
        ErrorKind::InvalidValue => {
            let said = if value.is_empty() {
                of_arg("a value is required for '{arg}' but none was supplied")
            } else {
                of_arg("invalid value '{value}' for '{arg}'")
            };
            match &strings(error, ContextKind::ValidValue)[..] {
                [] => said,
                values => {
                    let values = told("[possible values: {values}]", &[("values", &values.join(", "))]);
                    format!("{said}\n  {values}")
                }
            }
        }
        ErrorKind::ValueValidation => {
            let why = error.source().map(|why| format!(": {}", why_not(&why.to_string()))).unwrap_or_default();
            of_arg("invalid value '{value}' for '{arg}'") + &why
        }
        ErrorKind::InvalidSubcommand => {
            let verb = strings(error, ContextKind::InvalidSubcommand);
            told("unrecognized subcommand '{arg}'", &[("arg", &verb.first().map_or("", String::as_str))])
        }
        ErrorKind::MissingRequiredArgument => {
            listed(t("the following required arguments were not provided:").to_owned(), &arg)
        }
        ErrorKind::TooManyValues => of_arg("unexpected value '{value}' for '{arg}' found; no more were expected"),
        ErrorKind::UnknownArgument => of_arg("unexpected argument '{arg}' found"),
        kind => {
            let english = kind.to_string();
            translated(&english).map_or(english, str::to_owned)
        }
    }
}

/// Why a value is none: in the words of the standard library or of clap, unless they are ours and are Portuguese already.
fn why_not(english: &str) -> String {
    if let Some((value, range)) = english.split_once(" is not in ") {
        return match range.split_once("..") {
            // clap writes a range without an end with the largest number that there is.
            Some((min, max)) if max.is_empty() || max.ends_with(&u64::MAX.to_string()) => {
                told("{value} is less than {min}", &[("value", &value), ("min", &min)])
            }
            Some((min, max)) => told(
                "{value} is not between {min} and {max}",
                &[("value", &value), ("min", &min), ("max", &max.trim_start_matches('='))],
            ),
            None => english.to_owned(),
        };
    }
    translated(english).unwrap_or(english).to_owned()
}

fn strings(error: &Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::cli::Cli;
    use super::super::help;
    use super::*;
    use crate::words::in_language;

    #[test]
    fn mistakes_are_told_in_portuguese() {
        for (call, expected) in [
            (
                &["serch", "x"][..],
                "erro: comando desconhecido: 'serch'\n\n  dica: existem comandos parecidos: 'serve', 'search'",
            ),
            (
                &["run", "--foldr", "x"],
                "erro: argumento inesperado: '--foldr'\n\n  dica: existe um argumento parecido: '--folder'",
            ),
            (&["search"], "erro: faltam estes argumentos:\n  <BUSCA>...\n\nUso: prelo search [OPÇÕES] <BUSCA>...\n"),
            (
                &["search", "x", "--sort", "new"],
                "erro: 'new' não é um valor de '--sort <ORDEM>'\n  [valores: relevance, newest, oldest]",
            ),
            (&["search", "x", "--limit", "0"], "erro: '0' não é um valor de '--limit <N>': 0 não está entre 1 e 100"),
            (
                &["search", "x", "--limit", "ten"],
                "erro: 'ten' não é um valor de '--limit <N>': não é um número inteiro",
            ),
            (&["run", "--limit", "0"], "erro: '0' não é um valor de '--limit <N>': 0 é menor que 1"),
            (
                &["search", "x", "--from", "ontem"],
                "erro: 'ontem' não é um valor de '--from <DATA>': não é uma data; escreva",
            ),
            (&["search", "x", "--from"], "erro: falta o valor de '--from <DATA>'"),
            (&["run", "--dry-run", "--dry-run"], "erro: o argumento '--dry-run' não pode ser repetido"),
            (
                &["run", "--until", "5:30", "--for", "2h"],
                "erro: o argumento '--until <HH:MM>' não pode ser usado com '--for <DURAÇÃO>'",
            ),
            (
                &["run", "--failed", "OOPS"],
                "erro: 'OOPS' não é um valor de '--failed <CÓDIGO|any>': não é um código de falha; os códigos são any, UNKNOWN_TERRITORY",
            ),
            (
                &["search", "--x"],
                "erro: argumento inesperado: '--x'\n\n  dica: para dar '--x' como valor, escreva '-- --x'",
            ),
            (&["verify", "--delete-orphans"], "erro: faltam estes argumentos:\n  --repair\n"),
        ] {
            let told = in_language(true, || {
                let command = help::in_portuguese(Cli::with_settings());
                words(&command.try_get_matches_from(["prelo"].iter().chain(call)).unwrap_err())
            });
            assert!(told.starts_with(expected), "{call:?}: {told}");
            assert!(told.ends_with("\n\nPara saber mais, tente '--help'.\n"), "{call:?}: {told}");
        }
    }
}
