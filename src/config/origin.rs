//! Where a value came from.

use std::fmt;
use std::path::PathBuf;

use crate::words::t;

/// Where a value came from, in words such as `flag --page-size`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    /// The file, and the line from 1 where it is known.
    File {
        path: PathBuf,
        line: Option<usize>,
    },
    /// The variables that it was made of, and what was added to them.
    Environment {
        variables: Vec<String>,
        added: Option<String>,
    },
    /// Name of the flag, without its dashes.
    Flag(String),
    /// Follows from another setting.
    Derived(&'static str),
}

impl Origin {
    pub(super) fn variable(name: impl Into<String>) -> Self {
        Self::Environment { variables: vec![name.into()], added: None }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str(t("default")),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::File { path, line: Some(line) } => write!(f, "{}:{line}", path.display()),
            Self::Environment { variables, added: None } => write!(f, "{} {}", t("environment"), variables.join(", ")),
            Self::Environment { variables, added: Some(added) } => {
                write!(f, "{} {} ({added})", t("environment"), variables.join(", "))
            }
            Self::Flag(name) => write!(f, "{} --{name}", t("flag")),
            Self::Derived(key) => write!(f, "{} {key}", t("setting")),
        }
    }
}
