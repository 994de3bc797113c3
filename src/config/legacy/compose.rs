//! URLs made of several variables of the replaced service.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Variables;
use crate::config::error::ConfigError;
use crate::config::redact::redact_url;

/// Everything but the unreserved characters of RFC 3986, section 2.3.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A URL made of several variables.
pub(super) enum Composed {
    Url {
        url: String,
        added: Option<String>,
    },
    /// Nothing can be made without this one.
    Lacking(&'static str),
}

/// Host or database must be known; without a database, Postgres takes the one named after the user.
pub(super) fn catalog(variables: &Variables<'_>) -> Result<Composed, ConfigError> {
    let (host, database) = (variables.get("POSTGRES_HOST"), variables.get("POSTGRES_DB"));
    if host.is_none() && database.is_none() {
        return Ok(Composed::Lacking("POSTGRES_HOST"));
    }
    let port = variables.get("POSTGRES_PORT").unwrap_or("5432");
    if !port.parse::<u16>().is_ok_and(|port| port > 0) {
        let (shown, expected) = (format!("`{port}`"), "a port between 1 and 65535".into());
        return Err(ConfigError::InvalidVariable { variable: "POSTGRES_PORT", shown, expected });
    }
    let mut url = "postgres://".to_owned();
    let (user, password) = (variables.get("POSTGRES_USER"), variables.get("POSTGRES_PASSWORD"));
    url.extend(user.into_iter().flat_map(encode));
    url.extend(password.into_iter().flat_map(|password| std::iter::once(":").chain(encode(password))));
    if user.or(password).is_some() {
        url.push('@');
    }
    match host.unwrap_or("localhost") {
        address if address.contains(':') => {
            let _ = write!(url, "[{}]", address.trim_matches(['[', ']']));
        }
        // A path is the folder of a socket, and stands percent-encoded in the place of the host.
        name => url.extend(encode(name)),
    }
    let _ = write!(url, ":{port}");
    if let Some(database) = database {
        url.push('/');
        url.extend(encode(database));
    }
    Ok(Composed::Url { url, added: host.is_none().then(|| "host `localhost`, as POSTGRES_HOST is not set".into()) })
}

/// The bucket must be known.
pub(super) fn storage(variables: &Variables<'_>) -> Composed {
    let Some(bucket) = variables.get("STORAGE_BUCKET") else { return Composed::Lacking("STORAGE_BUCKET") };
    let parameters: Vec<String> = [("endpoint", "STORAGE_ENDPOINT"), ("region", "STORAGE_REGION")]
        .iter()
        .filter_map(|(key, name)| Some(format!("{key}={}", utf8_percent_encode(variables.get(name)?, COMPONENT))))
        .collect();
    let question_mark = if parameters.is_empty() { "" } else { "?" };
    let bucket = utf8_percent_encode(bucket, COMPONENT);
    Composed::Url { url: format!("s3://{bucket}{question_mark}{}", parameters.join("&")), added: None }
}

/// The host must be known, and then the index, too: writing to a guessed one would be worse than not running.
pub(super) fn index(variables: &Variables<'_>) -> Result<Composed, ConfigError> {
    let Some(host) = variables.get("OPENSEARCH_HOST") else { return Ok(Composed::Lacking("OPENSEARCH_HOST")) };
    let Some(server) = opensearch_server(host) else {
        let shown = format!("`{}`", redact_url(host));
        let expected = "HOST, HOST:PORT, http://HOST:PORT or https://HOST:PORT, one host and no path".into();
        return Err(ConfigError::InvalidVariable { variable: "OPENSEARCH_HOST", shown, expected });
    };
    let Some(name) = variables.get("OPENSEARCH_INDEX") else {
        let expected = "the name of the index, because OPENSEARCH_HOST is set".into();
        return Err(ConfigError::InvalidVariable { variable: "OPENSEARCH_INDEX", shown: "not set".into(), expected });
    };
    Ok(Composed::Url { url: format!("opensearch+{server}/{}", utf8_percent_encode(name, COMPONENT)), added: None })
}

/// `SCHEME://HOST:PORT` as the Python client understands a host: without a port, 9200, or 443 for https.
fn opensearch_server(host: &str) -> Option<String> {
    let (scheme, authority) = host.split_once("://").unwrap_or(("http", host));
    let authority = authority.trim_end_matches('/');
    if !["http", "https"].contains(&scheme) || authority.is_empty() || authority.contains(['/', ',', '?', '#', ' ']) {
        return None;
    }
    let (_, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    let has_port = place.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let default_port = if scheme == "https" { 443 } else { 9200 };
    Some(if has_port { format!("{scheme}://{authority}") } else { format!("{scheme}://{authority}:{default_port}") })
}

fn encode(text: &str) -> percent_encoding::PercentEncode<'_> {
    utf8_percent_encode(text, COMPONENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_opensearch() {
        for (host, server) in [
            ("h", Some("http://h:9200")),
            ("h:80", Some("http://h:80")),
            ("http://h", Some("http://h:9200")),
            ("http://h:80/", Some("http://h:80")),
            ("https://h", Some("https://h:443")),
            ("https://u:p@h:9200", Some("https://u:p@h:9200")),
            ("[::1]", Some("http://[::1]:9200")),
            ("[::1]:9201", Some("http://[::1]:9201")),
            ("a,b", None),
            ("http://h/prefix", None),
            ("ftp://h", None),
            ("http://", None),
        ] {
            assert_eq!(opensearch_server(host).as_deref(), server, "{host}");
        }
    }

    #[test]
    fn the_driver_understands_the_catalogue_as_it_was_meant() {
        for (host, database, expected_host) in
            [("db.example", "qd", "db.example"), ("127.0.0.1", "diários #1?", "127.0.0.1"), ("::1", "a/b", "[::1]")]
        {
            let environment = [
                ("POSTGRES_HOST", host),
                ("POSTGRES_DB", database),
                ("POSTGRES_USER", "us er@x"),
                ("POSTGRES_PASSWORD", "p@s:s/w#r?d%40"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
            let Ok(Composed::Url { url, .. }) = catalog(&Variables(&environment)) else { panic!("{host}") };
            let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
            assert_eq!(
                (options.get_host(), options.get_port(), options.get_username(), options.get_database()),
                (expected_host, 5432, "us er@x", Some(database))
            );
        }
    }
}
