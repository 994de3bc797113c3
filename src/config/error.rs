//! What goes wrong while the configuration is put together. Every one is a mistake of usage: exit code 2.

use std::io;
use std::path::PathBuf;

use super::origin::Origin;

/// What is wrong, where it came from, what to do now. Secrets and credentials of URLs never occur in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value that its setting cannot have. `shown` is fit to be printed.
    #[error("{key} is {shown}, from {origin}; it must be {expected}")]
    Invalid { key: &'static str, shown: String, origin: Origin, expected: String },

    /// A variable of the replaced service whose value makes no sense.
    #[error("{variable} in the environment is {shown}; it must be {expected}")]
    InvalidVariable { variable: &'static str, shown: String, expected: String },

    /// A key of the file that is none of ours.
    #[error("unknown key `{key}` in {origin}{}", did_you_mean(suggestion.as_deref(), "`prelo --help` lists all settings"))]
    UnknownKey { key: String, origin: Origin, suggestion: Option<String> },

    /// A variable `PRELO_…` that is none of ours.
    #[error("unknown variable {name} in the environment{}", did_you_mean(suggestion.as_deref(), "`prelo --help` lists all settings, unset this one"))]
    UnknownVariable { name: String, suggestion: Option<String> },

    /// A variable of ours that is not UTF-8.
    #[error("{name} in the environment is not UTF-8; set it again or unset it")]
    NotUtf8 { name: String },

    /// The file cannot be read.
    #[error("could not read the {what} {}; name another with {flag} FILE, or leave it out", path.display())]
    Unreadable { what: &'static str, flag: &'static str, path: PathBuf, source: io::Error },

    /// The file is not what it must be, TOML for one.
    #[error("{origin} is not valid {format}: {message}")]
    Syntax { origin: Origin, format: &'static str, message: String },

    /// A folder that must exist and does not, or is none.
    #[error("the folder {}, from {origin}, {problem}; name a folder that exists and may be read", path.display())]
    Folder { path: PathBuf, origin: Origin, problem: &'static str, source: Option<io::Error> },

    /// Two settings that do not go together, each with its origin in words.
    #[error("{one} ({one_origin}) and {other} ({other_origin}) do not go together: {advice}")]
    Conflict { one: &'static str, one_origin: String, other: &'static str, other_origin: String, advice: &'static str },

    /// A verb needs files and nobody said where they are.
    #[error(
        "it is not said where the files are: name a folder with --folder DIR, or a bucket with --storage s3://BUCKET"
    )]
    NoStorage,

    /// The table of settings and `Config` disagree; a test keeps this from happening.
    #[error("the table of settings does not fit the configuration; this is a bug of prelo, please report it")]
    Table,
}

fn did_you_mean(suggestion: Option<&str>, otherwise: &str) -> String {
    match suggestion {
        Some(suggestion) => format!("; did you mean `{suggestion}`?"),
        None => format!("; {otherwise}"),
    }
}
