//! URLs fit to be shown.

use std::borrow::Cow;

/// The URL with stars in place of its credentials: user information, and parameters that name a secret or hold a URL
/// with user information. Works on text, so that a URL that cannot be parsed is covered too; where it is unclear what
/// belongs to a password, more is hidden rather than less.
#[must_use]
pub fn redact_url(url: &str) -> String {
    const LOCAL: [&str; 3] = ["file", "sqlite", "tantivy"];
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let shown_rest = if LOCAL.contains(&scheme) { Cow::Borrowed(rest) } else { redact_authority_and_query(rest) };
    if url.contains("://") { format!("{scheme}://{shown_rest}") } else { shown_rest.into_owned() }
}

/// An unescaped `/`, `?` or `#` in a password makes its end ambiguous, hence the last `@` of all.
fn redact_authority_and_query(rest: &str) -> Cow<'_, str> {
    let (stars, rest) = match rest.rsplit_once('@') {
        Some((_, after)) => ("***@", after),
        None => ("", rest),
    };
    let Some((place, query)) = rest.split_once('?') else { return Cow::Owned(format!("{stars}{rest}")) };
    let pairs: Vec<_> = query.split('&').map(redact_pair).collect();
    Cow::Owned(format!("{stars}{place}?{}", pairs.join("&")))
}

fn redact_pair(pair: &str) -> Cow<'_, str> {
    let Some((key, value)) = pair.split_once('=') else { return Cow::Borrowed(pair) };
    let names_a_secret = ["password", "secret", "key", "token"].iter().any(|word| key.to_lowercase().contains(word));
    let holds_user_information = percent_encoding::percent_decode_str(value).any(|byte| byte == b'@');
    if names_a_secret || holds_user_information { Cow::Owned(format!("{key}=***")) } else { Cow::Borrowed(pair) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_hidden_wherever_they_stand() {
        for (url, shown) in [
            ("postgres://prelo:hunter2@db:5432/prelo", "postgres://***@db:5432/prelo"),
            ("postgres://prelo:hun/ter#2?x@db/prelo", "postgres://***@db/prelo"),
            ("postgres://prelo:hun@ter2@db/prelo", "postgres://***@db/prelo"),
            ("postgres://db/prelo?user=a&password=hunter2", "postgres://db/prelo?user=a&password=***"),
            ("postgres://db/prelo", "postgres://db/prelo"),
            ("prelo:hunter2@db/prelo", "***@db/prelo"),
            ("opensearch+https://admin:hunter2@host:9200/gazettes", "opensearch+https://***@host:9200/gazettes"),
            (
                "s3://bucket?endpoint=http%3A%2F%2Fu%3Ahunter2%40h&region=us-east-1",
                "s3://bucket?endpoint=***&region=us-east-1",
            ),
            ("s3://bucket?secret_key=hunter2", "s3://bucket?secret_key=***"),
            (
                "s3://bucket?endpoint=http%3A%2F%2F127.0.0.1%3A9000&region=us-east-1",
                "s3://bucket?endpoint=http%3A%2F%2F127.0.0.1%3A9000&region=us-east-1",
            ),
            ("file:///home/a@b/gazettes", "file:///home/a@b/gazettes"),
            ("sqlite://prelo-data/catalog.db", "sqlite://prelo-data/catalog.db"),
        ] {
            assert_eq!(redact_url(url), shown);
        }
    }
}
