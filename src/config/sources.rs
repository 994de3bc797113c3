//! Where values can come from, one layer each: defaults, `prelo.toml`, the environment, flags.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use serde_json::Value;
use toml::Spanned;

use super::error::ConfigError;
use super::flags::{CONFIG_FLAG, ENV_FILE_FLAG};
use super::kind::Kind;
use super::origin::Origin;
use super::redact::redact_url;
use super::secret::Secret;
use super::settings::{self, Fallback, Setting};
use super::{env_file, legacy, suggest};

/// Names the file when no flag does.
const CONFIG_VARIABLE: &str = "PRELO_CONFIG";
/// Names the file of variables when no flag does.
const ENV_FILE_VARIABLE: &str = "PRELO_ENV_FILE";
/// The file that is read when none is named, if it exists.
const CONFIG_FILE: &str = "prelo.toml";
/// Variables of the tests of real servers.
const TEST_PREFIX: &str = "PRELO_TEST_";

/// What was said outside, before anything is made of it.
#[derive(Default, Clone)]
pub struct Sources {
    /// By key of the setting, such as `page_size`.
    pub flags: BTreeMap<String, String>,
    /// Variables by name. Empty ones count as unset.
    pub environment: BTreeMap<String, String>,
    /// A file that must exist.
    pub file: Option<PathBuf>,
    /// A file of variables that must exist.
    pub env_file: Option<PathBuf>,
}

/// Without values: they may be secrets.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("file", &self.file).field("env_file", &self.env_file).finish_non_exhaustive()
    }
}

/// A secret that was typed as a flag.
#[derive(Debug)]
pub struct SecretFlag {
    /// Without its dashes.
    pub flag: String,
    /// The variable that says the same.
    pub variable: String,
    pub value: Secret,
}

/// A value and where it came from. Not `Debug`: it may be a secret.
#[derive(Clone)]
pub(super) struct Assigned {
    pub value: Value,
    pub origin: Origin,
}

/// Values by key; a later layer is laid over an earlier one.
pub(super) type Layer = BTreeMap<&'static str, Assigned>;

impl Sources {
    /// Collects the flags that were given, the variables of the process that concern us, and the file: that of
    /// `--config`, else of `PRELO_CONFIG`, else `prelo.toml` in the working directory if there is one.
    ///
    /// # Errors
    /// When a variable of ours is not UTF-8.
    pub fn from_matches(matches: &ArgMatches) -> Result<Self, ConfigError> {
        let given = |id: &str| matches.try_get_one::<String>(id).ok().flatten().cloned();
        let flags = settings::all().filter_map(|setting| Some((setting.key.to_owned(), given(setting.key)?))).collect();
        let mut environment = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            if name.starts_with("PRELO_") || legacy::names().any(|legacy| legacy == name) {
                let value = value.into_string().map_err(|_| ConfigError::NotUtf8 { name: name.clone() })?;
                environment.insert(name, value);
            }
        }
        let named = |flag: &str, variable: &str| {
            let path = given(flag).or_else(|| environment.get(variable).cloned());
            path.filter(|path| !path.is_empty()).map(PathBuf::from)
        };
        let file =
            named(CONFIG_FLAG, CONFIG_VARIABLE).or_else(|| Path::new(CONFIG_FILE).exists().then(|| CONFIG_FILE.into()));
        let env_file = named(ENV_FILE_FLAG, ENV_FILE_VARIABLE);
        Ok(Self { flags, environment, file, env_file })
    }

    /// The same places, and a `prelo.toml` that was not there before.
    #[must_use]
    pub fn looked_up(&self) -> Self {
        let file = self.file.clone().or_else(|| Path::new(CONFIG_FILE).exists().then(|| CONFIG_FILE.into()));
        Self { file, ..self.clone() }
    }

    /// With the variables of the file, where the process has none of that name.
    pub(super) fn with_env_file(&self) -> Result<Self, ConfigError> {
        let Some(path) = &self.env_file else { return Ok(self.clone()) };
        let source = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            what: "file of variables",
            flag: "--env-file",
            path: path.clone(),
            source,
        })?;
        let mut environment = env_file::parse(path, &source)?;
        environment.extend(self.environment.clone().into_iter().filter(|(_, value)| !value.is_empty()));
        Ok(Self { environment, ..self.clone() })
    }

    /// The flags whose values nobody else may see: secrets, and URLs that hold one.
    #[must_use]
    pub fn secret_flags(&self) -> Vec<SecretFlag> {
        let given = settings::all().filter_map(|setting| Some((setting, self.flags.get(setting.key)?)));
        let secret = given.filter(|(setting, value)| match setting.kind {
            Kind::Secret => !value.is_empty(),
            Kind::Url(_) => redact_url(value) != **value,
            _ => false,
        });
        secret
            .map(|(setting, value)| SecretFlag {
                flag: setting.flag(),
                variable: setting.variable(),
                value: Secret::new(value),
            })
            .collect()
    }

    pub(super) fn flag_layer(&self) -> Result<Layer, ConfigError> {
        let known = settings::all().filter_map(|setting| Some((setting, self.flags.get(setting.key)?)));
        known.map(|(setting, text)| assign(setting, text, Origin::Flag(setting.flag()))).collect()
    }

    /// Our own variables. An unknown one is an error: a slip must not become a default in silence.
    pub(super) fn environment_layer(&self) -> Result<Layer, ConfigError> {
        let ours = |name: &str| {
            name.starts_with("PRELO_")
                && !name.starts_with(TEST_PREFIX)
                && ![CONFIG_VARIABLE, ENV_FILE_VARIABLE].contains(&name)
        };
        let mut layer = Layer::new();
        for (name, text) in self.environment.iter().filter(|(name, text)| ours(name) && !text.is_empty()) {
            let Some(setting) = settings::all().find(|setting| setting.variable() == *name) else {
                let suggestion = name.strip_prefix("PRELO_").and_then(suggest::nearest).map(Setting::variable);
                return Err(ConfigError::UnknownVariable { name: name.clone(), suggestion });
            };
            layer.extend([assign(setting, text, Origin::variable(name))?]);
        }
        Ok(layer)
    }

    pub(super) fn file_layer(&self) -> Result<Layer, ConfigError> {
        let Some(path) = &self.file else { return Ok(Layer::new()) };
        let source = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            what: "configuration file",
            flag: "--config",
            path: path.clone(),
            source,
        })?;
        parse_file(path, &source)
    }
}

/// What holds when nobody says anything, as far as it does not depend on other settings.
pub(super) fn default_layer() -> Layer {
    let value = |fallback| match fallback {
        Fallback::Text(text) => Some(Value::from(text)),
        Fallback::Number(number) => Some(Value::from(number)),
        Fallback::Flag(flag) => Some(Value::from(flag)),
        Fallback::Absent | Fallback::Computed(_) => None,
    };
    let assigned = |setting: &Setting| Some(Assigned { value: value(setting.fallback)?, origin: Origin::Default });
    settings::all().filter_map(|setting| Some((setting.key, assigned(setting)?))).collect()
}

/// Checks a text against its setting.
pub(super) fn assign(
    setting: &'static Setting,
    text: &str,
    origin: Origin,
) -> Result<(&'static str, Assigned), ConfigError> {
    match setting.kind.parse(text) {
        Ok(value) => Ok((setting.key, Assigned { value, origin })),
        Err(misfit) => {
            Err(ConfigError::Invalid { key: setting.key, shown: misfit.shown, origin, expected: misfit.expected })
        }
    }
}

/// Reads flat keys with their lines. The parser's own error text is not used whole: it quotes the line, which may
/// hold a password.
fn parse_file(path: &Path, source: &str) -> Result<Layer, ConfigError> {
    let at = |offset: Option<usize>| Origin::File {
        path: path.to_owned(),
        line: offset.and_then(|offset| source.get(..offset)).map(|before| before.matches('\n').count() + 1),
    };
    let table: BTreeMap<Spanned<String>, Spanned<toml::Value>> =
        toml::from_str(source).map_err(|error| ConfigError::Syntax {
            origin: at(error.span().map(|span| span.start)),
            format: "TOML",
            message: error.message().replace('\n', ", "),
        })?;
    let mut layer = Layer::new();
    for (key, value) in table {
        let origin = at(Some(key.span().start));
        let Some(setting) = settings::find(key.get_ref()) else {
            let suggestion = suggest::nearest(key.get_ref()).map(|setting| setting.key.to_owned());
            return Err(ConfigError::UnknownKey { key: key.into_inner(), origin, suggestion });
        };
        match setting.kind.parse_toml(value.get_ref()) {
            Ok(value) => layer.insert(setting.key, Assigned { value, origin }),
            Err(misfit) => {
                let (shown, expected) = (misfit.shown, misfit.expected);
                return Err(ConfigError::Invalid { key: setting.key, shown, origin, expected });
            }
        };
    }
    Ok(layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_of_the_file_are_named_with_their_line() {
        for (source, message) in [
            ("\npagesize = 5", "unknown key `pagesize` in prelo.toml:2; did you mean `page_size`?"),
            ("zzz = 5", "unknown key `zzz` in prelo.toml:1; `prelo --help` lists all settings"),
            ("[postgres]\nhost = 1", "unknown key `postgres` in prelo.toml:1; `prelo --help` lists all settings"),
            ("page_size = 0", "page_size is 0, from prelo.toml:1; it must be between 1 and 10,000"),
            (
                "# a\n\npage_size = \"5\"",
                "page_size is a string, from prelo.toml:3; it must be between 1 and 10,000, without quotes",
            ),
            ("s3_access_secret = 7", "s3_access_secret is a number, from prelo.toml:1; it must be text, in quotes"),
            (
                "catalog = \"mysql://u:hunter2@h\"",
                "catalog is `mysql://***@h`, from prelo.toml:1; it must be a URL that begins with sqlite://, \
                 postgres:// or postgresql://",
            ),
        ] {
            let error = parse_file(Path::new("prelo.toml"), source).err().unwrap();
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn a_broken_file_does_not_quote_its_secrets() {
        for source in [
            "mode = \"all\"\ns3_access_secret = \"hunter2",
            "mode = \"all\"\ns3_access_secret = hunter2",
            "mode = \"all\"\ns3_access_secret \"hunter2\"",
            "mode = \"all\"\ns3_access_secret = \"a\" hunter2",
            "mode = \"all\"\ns3_access_secret = \"hunter2\\q\"",
            "s3_access_secret = \"hunter2\"\ns3_access_secret = \"hunter2\"",
        ] {
            let error = parse_file(Path::new("prelo.toml"), source).err().unwrap();
            let text = format!("{error} {error:?}");
            assert!(text.starts_with("prelo.toml:2 is not valid TOML: "), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn unknown_variables_are_errors_save_those_of_the_tests() {
        let layer = |name: &str| {
            let environment = BTreeMap::from([(name.to_owned(), "hunter2".to_owned())]);
            Sources { environment, ..Sources::default() }.environment_layer()
        };
        for name in ["PRELO_TEST_CATALOG", "PRELO_CONFIG", "PATH"] {
            assert!(layer(name).is_ok_and(|layer| layer.is_empty()), "{name}");
        }
        assert_eq!(
            layer("PRELO_PAGESIZE").err().unwrap().to_string(),
            "unknown variable PRELO_PAGESIZE in the environment; did you mean `PRELO_PAGE_SIZE`?"
        );
        assert_eq!(
            layer("PRELO_XYZZY").err().unwrap().to_string(),
            "unknown variable PRELO_XYZZY in the environment; `prelo --help` lists all settings, unset this one"
        );
    }
}
