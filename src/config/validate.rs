//! What settings must be to one another. Each alone has been checked where it was read.

use std::collections::BTreeMap;

use super::{Config, ConfigError, Origin};

/// Refuses pairs of settings that contradict each other.
pub(super) fn validate(config: &Config, origins: &BTreeMap<&'static str, Origin>) -> Result<(), ConfigError> {
    let pairs = [
        (
            config.retry_min_delay_ms > config.retry_max_delay_ms,
            ("retry_min_delay_ms", "retry_max_delay_ms"),
            "the first wait is longer than the longest; raise the second or lower the first",
        ),
        (
            config.postgres_min_connections > config.postgres_max_connections,
            ("postgres_min_connections", "postgres_max_connections"),
            "more connections are kept than there may be; raise the second or lower the first",
        ),
        (
            config.s3_access_key.is_some() != config.s3_access_secret.is_some(),
            ("s3_access_key", "s3_access_secret"),
            "one is set without the other; set both or none",
        ),
        (
            config.opensearch_password.is_some() && config.opensearch_user.is_none(),
            ("opensearch_password", "opensearch_user"),
            "there is a password but no user; set both or none",
        ),
    ];
    let Some((_, (one, other), advice)) = pairs.into_iter().find(|(contradicts, ..)| *contradicts) else {
        return Ok(());
    };
    let origin = |key| origins.get(key).unwrap_or(&Origin::Default).to_string();
    let (one_origin, other_origin) = (origin(one), origin(other));
    Err(ConfigError::Conflict { one, one_origin, other, other_origin, advice })
}
