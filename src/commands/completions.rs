//! `completions`: a script that completes verbs, flags and what can stand behind them.

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ValueHint};

use super::cli::CompletionsArgs;
use super::{manual, output};
use crate::config;
use crate::failure::FailureCode;

pub fn completions(args: &CompletionsArgs) -> Result<u8> {
    output::text(&script(args.shell))?;
    Ok(0)
}

fn script(shell: clap_complete::Shell) -> String {
    let command = manual::visible().mut_args(with_values).mut_subcommands(|verb| verb.mut_args(with_values));
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut { command }, "prelo", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The letters by which Brazil's states are known.
const STATES: [&str; 27] = [
    "AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA", "PB", "PE", "PI", "PR", "RJ",
    "RN", "RO", "RR", "RS", "SC", "SE", "SP", "TO",
];

/// The words that an argument can have, where the table of flags does not say them because others check them.
fn with_values(arg: Arg) -> Arg {
    let codes = FailureCode::ALL.iter().map(|code| code.as_str());
    let words: Vec<&'static str> = match arg.get_id().as_str() {
        "code" => codes.collect(),
        "failed" => ["any"].into_iter().chain(codes).collect(),
        "state" => STATES.to_vec(),
        setting => config::words_of(setting).to_vec(),
    };
    if !words.is_empty() {
        return arg.value_parser(PossibleValuesParser::new(words));
    }
    // A shell would propose files where a number or a name is to stand.
    match arg.get_value_hint() {
        ValueHint::Unknown => arg.value_hint(ValueHint::Other),
        _ => arg,
    }
}

#[cfg(test)]
mod tests {
    use clap_complete::Shell;

    use super::*;

    #[test]
    fn values_are_completed_that_others_check() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = script(shell);
            for word in ["NEEDS_OCR", "unprocessed", "relevance", "keyset"] {
                assert!(script.contains(word), "{word} for {shell}");
            }
        }
    }
}
