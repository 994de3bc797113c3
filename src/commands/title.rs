//! Takes secrets that were typed as flags out of the title of the process, which every user of the machine can read.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::config::SecretFlag;

/// Begins again in this very process with the flags as variables, which only the same user can read. Does not return
/// when there are any, unless it fails.
///
/// # Errors
/// When the program cannot be started again: then the title stays as it was typed.
pub(super) fn without(secrets: &[SecretFlag]) -> io::Result<()> {
    if secrets.is_empty() {
        return Ok(());
    }
    let mut arguments = env::args_os();
    let title = arguments.next().unwrap_or_else(|| OsString::from("prelo"));
    let flags: Vec<&str> = secrets.iter().map(|secret| secret.flag.as_str()).collect();
    let mut command = Command::new(env::current_exe()?);
    command.arg0(title).args(without_flags(arguments, &flags));
    command.envs(secrets.iter().map(|secret| (&secret.variable, secret.value.expose())));
    Err(command.exec())
}

/// The arguments without these flags (named without dashes) and their values.
fn without_flags(arguments: impl Iterator<Item = OsString>, flags: &[&str]) -> Vec<OsString> {
    let mut arguments = arguments;
    let mut kept = Vec::new();
    while let Some(argument) = arguments.next() {
        if argument == OsStr::new("--") {
            kept.push(argument);
            kept.extend(arguments);
            break;
        }
        let flag = argument.as_bytes().strip_prefix(b"--").and_then(|rest| {
            let name = rest.split(|byte| *byte == b'=').next()?;
            flags.iter().any(|flag| flag.as_bytes() == name).then_some(rest.len() > name.len())
        });
        match flag {
            None => kept.push(argument),
            Some(true) => {}
            Some(false) => drop(arguments.next()),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_go_with_their_values_and_nothing_else() {
        for (typed, kept) in [
            ("run --index URL --limit 5", "run --limit 5"),
            ("--index=URL run --index-x 3", "run --index-x 3"),
            ("run --opensearch-password --limit", "run"),
            ("search -- --index URL", "search -- --index URL"),
            ("run --limit 5 --index", "run --limit 5"),
        ] {
            let arguments = typed.split(' ').map(OsString::from);
            let kept: Vec<OsString> = kept.split(' ').map(OsString::from).collect();
            assert_eq!(without_flags(arguments, &["index", "opensearch-password"]), kept, "{typed}");
        }
    }
}
