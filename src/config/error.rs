//! What goes wrong while the configuration is put together, in the language of whoever reads it. Every one is a mistake of
//! usage: exit code 2.

use std::io;
use std::path::PathBuf;

use super::origin::Origin;
use crate::words::{t, told, translated};

/// What is wrong, where it came from, what to do now. Secrets and credentials of URLs never occur in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value that its setting cannot have. `shown` is fit to be printed.
    #[error("{}", told(
        "{key} is {shown}, from {origin}; it must be {expected}",
        &[("key", key), ("shown", &said(shown)), ("origin", origin), ("expected", &said(expected))],
    ))]
    Invalid { key: &'static str, shown: String, origin: Origin, expected: String },

    /// A variable of the replaced service whose value makes no sense.
    #[error("{}", told(
        "{variable} in the environment is {shown}; it must be {expected}",
        &[("variable", variable), ("shown", &said(shown)), ("expected", &said(expected))],
    ))]
    InvalidVariable { variable: &'static str, shown: String, expected: String },

    /// A key of the file that is none of ours.
    #[error(
        "{}{}",
        told("unknown key `{key}` in {origin}", &[("key", key), ("origin", origin)]),
        did_you_mean(suggestion.as_deref(), "`prelo --help` lists all settings")
    )]
    UnknownKey { key: String, origin: Origin, suggestion: Option<String> },

    /// A variable `PRELO_…` that is none of ours.
    #[error(
        "{}{}",
        told("unknown variable {name} in the environment", &[("name", name)]),
        did_you_mean(suggestion.as_deref(), "`prelo --help` lists all settings, unset this one")
    )]
    UnknownVariable { name: String, suggestion: Option<String> },

    /// A variable of ours that is not UTF-8.
    #[error("{}", told("{name} in the environment is not UTF-8; set it again or unset it", &[("name", name)]))]
    NotUtf8 { name: String },

    /// The file cannot be read.
    #[error("{}", told(
        "could not read the {what} {path}; name another with {flag} FILE, or leave it out",
        &[("what", &t(what)), ("path", &path.display()), ("flag", flag)],
    ))]
    Unreadable { what: &'static str, flag: &'static str, path: PathBuf, source: io::Error },

    /// The file is not what it must be, TOML for one.
    #[error("{}", told(
        "{origin} is not valid {format}: {message}",
        &[("origin", origin), ("format", &t(format)), ("message", message)],
    ))]
    Syntax { origin: Origin, format: &'static str, message: String },

    /// A folder that must exist and does not, or is none.
    #[error("{}", told(
        "the folder {path}, from {origin}, {problem}; name a folder that exists and may be read",
        &[("path", &path.display()), ("origin", origin), ("problem", &t(problem))],
    ))]
    Folder { path: PathBuf, origin: Origin, problem: &'static str, source: Option<io::Error> },

    /// Two settings that do not go together, each with its origin in words.
    #[error("{}", told(
        "{one} ({one_origin}) and {other} ({other_origin}) do not go together: {advice}",
        &[
            ("one", one),
            ("one_origin", one_origin),
            ("other", other),
            ("other_origin", other_origin),
            ("advice", &t(advice)),
        ],
    ))]
    Conflict { one: &'static str, one_origin: String, other: &'static str, other_origin: String, advice: &'static str },

    /// A verb needs files and nobody said where they are.
    #[error(
        "{}",
        t(
            "it is not said where the files are: name a folder with --folder DIR, or a bucket with --storage s3://BUCKET"
        )
    )]
    NoStorage,

    /// The table of settings and `Config` disagree; a test keeps this from happening.
    #[error("the table of settings does not fit the configuration; this is a bug of prelo, please report it")]
    Table,
}

fn did_you_mean(suggestion: Option<&str>, otherwise: &'static str) -> String {
    match suggestion {
        Some(suggestion) => told("; did you mean `{suggestion}`?", &[("suggestion", &suggestion)]),
        None => format!("; {}", t(otherwise)),
    }
}

/// What may be a phrase, or was put together by whoever found the mistake.
fn said(text: &str) -> &str {
    translated(text).unwrap_or(text)
}
