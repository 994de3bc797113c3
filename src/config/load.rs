//! From the sources to one validated [`Config`].

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

use serde::Serialize;
use serde_json::Value;

use super::kind::Kind;
use super::redact::redact_url;
use super::settings::{self, Fallback};
use super::sources::{Layer, Sources, default_layer};
use super::{Config, ConfigError, Origin, legacy, places, validate};

/// The configuration, and how it came to be.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: Config,
    /// By key; a key without a value is not in it.
    pub origins: BTreeMap<&'static str, Origin>,
    /// What was understood but is odd, one sentence each.
    pub warnings: Vec<String>,
    /// What it was made of, to be read anew.
    pub sources: Sources,
    /// Tell values apart that are stars when they are shown.
    fingerprints: BTreeMap<&'static str, u64>,
}

/// One setting as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    pub key: &'static str,
    /// Stars in place of secrets and of credentials in URLs; `None` when it is not set.
    pub value: Option<String>,
    /// In words, such as `flag --page-size`.
    pub origin: String,
}

/// A setting that was read anew and is another, fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub key: &'static str,
    pub from: String,
    pub to: String,
}

/// Lays flags over the environment, that over the file, that over the defaults; computes what follows from them, and
/// checks everything. Within the environment our own variables beat those of the replaced service.
///
/// # Errors
/// The first thing that is wrong, see [`ConfigError`].
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let original = sources;
    let sources = &original.with_env_file()?;
    let legacy = legacy::translate(&sources.environment)?;
    let mut values = default_layer();
    values.extend(sources.file_layer()?);
    values.extend(legacy.layer.clone());
    values.extend(sources.environment_layer()?);
    values.extend(sources.flag_layer()?);
    drop_empty(&mut values);

    let mut warnings = legacy.warnings;
    warnings.extend(outdone(&legacy.layer, &values));
    warnings.extend(places::settle(&mut values)?);
    let origins = values.iter().map(|(key, assigned)| (*key, assigned.origin.clone())).collect();
    let fingerprints = values.iter().map(|(key, assigned)| (*key, fingerprint(&assigned.value))).collect();
    let fields = values.into_iter().map(|(key, assigned)| (key.to_owned(), assigned.value)).collect();
    // serde's own error could quote a secret
    let config = serde_json::from_value(Value::Object(fields)).map_err(|_| ConfigError::Table)?;
    validate::validate(&config, &origins)?;
    Ok(Loaded { config, origins, warnings, sources: original.clone(), fingerprints })
}

/// By a key of this process, so that it tells nothing of a secret elsewhere.
fn fingerprint(value: &Value) -> u64 {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    KEY.hash_one(value.to_string())
}

/// An empty text unsets what has no text as its default.
fn drop_empty(values: &mut Layer) {
    values.retain(|key, assigned| {
        let text_by_default = settings::find(key).is_some_and(|setting| matches!(setting.fallback, Fallback::Text(_)));
        text_by_default || assigned.value.as_str() != Some("")
    });
}

/// Remarks on variables of the replaced service that something else beats.
fn outdone(legacy: &Layer, values: &Layer) -> Vec<String> {
    let mut remarks = Vec::new();
    for (key, assigned) in legacy {
        let winner = values.get(key).map_or(&Origin::Default, |winner| &winner.origin);
        if let Origin::Environment { variables, .. } = &assigned.origin
            && *winner != assigned.origin
        {
            remarks.push(format!("{} not used: {key} comes from {winner}", variables.join(", ")));
        }
    }
    remarks
}

impl Loaded {
    /// Keys whose values are others in `now`, in the order of the table; the values as they are shown.
    #[must_use]
    pub fn differences(&self, now: &Self) -> Vec<Difference> {
        let shown = |value: Option<String>| value.unwrap_or_else(|| "not set".into());
        let pairs = self.listing().into_iter().zip(now.listing());
        pairs
            .filter(|(one, _)| self.fingerprints.get(one.key) != now.fingerprints.get(one.key))
            .map(|(one, other)| Difference { key: one.key, from: shown(one.value), to: shown(other.value) })
            .collect()
    }

    /// Every setting in the order of the table, fit to be shown.
    #[must_use]
    pub fn listing(&self) -> Vec<Entry> {
        let shown = serde_json::to_value(&self.config).unwrap_or_default();
        settings::all()
            .map(|setting| {
                let value = match (setting.key, &shown[setting.key]) {
                    ("catalog", _) => Some(redact_url(self.config.catalog.expose())),
                    ("index", _) => Some(redact_url(self.config.index.expose())),
                    (_, Value::Null) => None,
                    (_, Value::String(text)) if matches!(setting.kind, Kind::Url(_)) => Some(redact_url(text)),
                    (_, Value::String(text)) => Some(text.clone()),
                    (_, other) => Some(other.to_string()),
                };
                let origin = self.origins.get(setting.key).unwrap_or(&Origin::Default).to_string();
                Entry { key: setting.key, value, origin }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
