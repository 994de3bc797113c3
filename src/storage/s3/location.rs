//! The URL of a bucket.

use url::Url;

/// What `s3://BUCKET?endpoint=URL&region=NAME` says. Its region is part of the settings already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Location {
    pub bucket: String,
    /// Without a slash at its end. None is Amazon's own.
    pub endpoint: Option<String>,
}

impl Location {
    /// # Errors
    /// What is wrong with the URL and how to write it. The words never hold a part of it that could be a secret.
    pub(super) fn parse(url: &Url) -> Result<Self, String> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err("keys do not belong in the URL; set `s3_access_key` and `s3_access_secret`".into());
        }
        let bucket = url.host_str().filter(|host| !host.is_empty() && url.port().is_none());
        let bucket = bucket.ok_or("it names no bucket; write `s3://BUCKET?endpoint=URL`")?.to_owned();
        if !matches!(url.path(), "" | "/") {
            return Err("a path below the bucket is not supported; keys hold the whole path".into());
        }
        let mut location = Self { bucket, endpoint: None };
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "endpoint" => location.endpoint = Some(endpoint(&value)?),
                "region" => {}
                _ => return Err(format!("it has an unknown part `{name}`; known are `endpoint` and `region`")),
            }
        }
        Ok(location)
    }
}

fn endpoint(value: &str) -> Result<String, String> {
    let advice = || "its endpoint must be a URL such as `https://s3.example.org`".to_owned();
    let url = Url::parse(value).map_err(|_| advice())?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !plain {
        return Err(advice());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(bucket: &str, endpoint: Option<&str>) -> Location {
        Location { bucket: bucket.into(), endpoint: endpoint.map(Into::into) }
    }

    #[test]
    fn urls_give_buckets() {
        let cases = [
            ("s3://gazettes", location("gazettes", None)),
            ("s3://Gazettes_1/?region=sa-east-1", location("Gazettes_1", None)),
            ("s3://b?endpoint=http://127.0.0.1:9000&region=us-east-1", location("b", Some("http://127.0.0.1:9000"))),
            ("s3://b?endpoint=https%3A%2F%2Fs3.example.org%2F", location("b", Some("https://s3.example.org"))),
        ];
        for (url, expected) in cases {
            assert_eq!(Location::parse(&Url::parse(url).unwrap()), Ok(expected), "{url}");
        }
    }

    #[test]
    fn wrong_urls_are_explained() {
        let cases = [
            ("s3:///key", "no bucket"),
            ("s3://b:9000", "no bucket"),
            ("s3://b/prefix", "path below"),
            ("s3://key:hunter2@b", "do not belong"),
            ("s3://b?endpoint=127.0.0.1:9000", "endpoint must be"),
            ("s3://b?endpoint=ftp://x", "endpoint must be"),
            ("s3://b?endpoint=http://u:hunter2@x", "endpoint must be"),
            ("s3://b?profile=x", "unknown part `profile`"),
        ];
        for (url, words) in cases {
            let advice = Location::parse(&Url::parse(url).unwrap()).unwrap_err();
            assert!(advice.contains(words) && !advice.contains("hunter2"), "{url}: {advice}");
        }
    }
}
