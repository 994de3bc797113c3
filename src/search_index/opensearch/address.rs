//! The URL of an index: `opensearch+http(s)://[USER:PASSWORD@]HOST[:PORT]/NAME`.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::config::Secret;
use crate::search_index::error::Diagnosis;
use crate::search_index::{SearchIndexError, SearchIndexErrorKind as Kind};

/// Where the search engine listens, and the name of the index there.
#[derive(Debug, Clone)]
pub(super) struct Address {
    /// Without credentials and name.
    pub base: Url,
    pub host: String,
    /// 9200 for plain HTTP and 443 for TLS, where the URL names none.
    pub port: u16,
    pub name: String,
    pub credentials: Option<(String, Secret)>,
    /// The URL without its credentials.
    pub shown: String,
}

impl Address {
    /// Credentials of the configuration go before those of the URL.
    pub fn parse(url: &str, user: Option<&str>, password: Option<&Secret>) -> Result<Self, SearchIndexError> {
        // The URL is not shown: it may hold a password at any place.
        let bad = |advice: &str| {
            let advice = format!("{advice}; it looks like opensearch+https://HOST:9200/NAME");
            Diagnosis::new(Kind::BadUrl, advice).during("open the index", "the setting `index`")
        };
        let given = Url::parse(url).map_err(|error| bad("the URL cannot be read").caused_by(error))?;
        let (scheme, default_port) = match given.scheme() {
            "opensearch+http" => ("http", 9200),
            "opensearch+https" => ("https", 443),
            _ => return Err(bad("the scheme is none of `tantivy`, `opensearch+http`, `opensearch+https`")),
        };
        let host = given.host_str().filter(|host| !host.is_empty()).ok_or_else(|| bad("the URL names no host"))?;
        let port = given.port().unwrap_or(default_port);
        let name = given.path().trim_start_matches('/').trim_end_matches('/');
        if name.is_empty() {
            return Err(bad("the URL names no index"));
        }
        if !is_index_name(name) {
            return Err(bad("no index can have such a name: small letters, digits, `-`, `_` and `.` only"));
        }
        let base = Url::parse(&format!("{scheme}://{host}:{port}/"))
            .map_err(|error| bad("the URL names no valid host").caused_by(error))?;
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let user = user.map(str::to_owned).or_else(|| Some(decoded(given.username())).filter(|user| !user.is_empty()));
        let password = password.cloned().or_else(|| given.password().map(|password| Secret::new(decoded(password))));
        Ok(Self {
            shown: format!("opensearch+{scheme}://{host}:{port}/{name}"),
            host: host.trim_matches(['[', ']']).to_owned(),
            credentials: user.map(|user| (user, password.unwrap_or_else(|| Secret::new("")))),
            name: name.to_owned(),
            port,
            base,
        })
    }
}

impl Address {
    /// Another name at the same server.
    pub fn renamed(&self, name: String) -> Self {
        let shown = format!("{}{name}", self.shown.strip_suffix(&self.name).unwrap_or(&self.shown));
        Self { name, shown, ..self.clone() }
    }
}

/// Narrower than the search engine's own rule: nothing that a path or a list of names would take for a sign.
fn is_index_name(name: &str) -> bool {
    name.len() <= 200
        && !name.starts_with(['-', '_', '.'])
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (url, base, shown, credentials) in [
            ("opensearch+http://h:9201/a-b_1", "http://h:9201/", "opensearch+http://h:9201/a-b_1", None),
            ("opensearch+http://h/a/", "http://h:9200/", "opensearch+http://h:9200/a", None),
            ("opensearch+https://[::1]/a", "https://[::1]/", "opensearch+https://[::1]:443/a", None),
            ("opensearch+http://u:p%40%2B+@h/a", "http://h:9200/", "opensearch+http://h:9200/a", Some(("u", "p@++"))),
            ("opensearch+http://u@h/a", "http://h:9200/", "opensearch+http://h:9200/a", Some(("u", ""))),
        ] {
            let address = Address::parse(url, None, None).unwrap();
            assert_eq!((address.base.as_str(), address.shown.as_str()), (base, shown));
            let found = address.credentials.as_ref().map(|(user, password)| (user.as_str(), password.expose()));
            assert_eq!(found, credentials, "{url}");
        }
    }

    #[test]
    fn credentials_of_the_configuration_win() {
        let address = Address::parse("opensearch+http://u:p@h/a", Some("admin"), Some(&Secret::new("x"))).unwrap();
        let (user, password) = address.credentials.as_ref().unwrap();
        assert_eq!((user.as_str(), password.expose()), ("admin", "x"));
        assert!(!format!("{address:?}").contains("\"x\""), "a password in the debug output");
    }

    #[test]
    fn bad_urls_are_refused_without_showing_them() {
        for url in [
            "opensearch://h/hunter2",
            "opensearch+http://u:hunter2@h",
            "opensearch+http://u:hunter2@h/",
            "opensearch+http:///hunter2",
            "opensearch+http://u:hunter2@h/Upper",
            "opensearch+http://u:hunter2@h/a,b",
            "opensearch+http://u:hunter2@h/a/b",
            "opensearch+http://u:hunter2@h/_all",
            "opensearch+http://u:hunter2@h:99999/a",
            "hunter2",
        ] {
            let error = Address::parse(url, None, None).expect_err(url);
            assert_eq!(error.kind, Kind::BadUrl, "{url}");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
}
