//! A Pushgateway keeps the metrics of what does not live long enough to be scraped
//! (<https://github.com/prometheus/pushgateway#api>).

use url::Url;

use super::{client, send};

/// Where metrics are pushed to.
#[derive(Debug, Clone)]
pub struct Pushgateway {
    client: reqwest::Client,
    url: Url,
}

impl Pushgateway {
    /// Of a URL such as `http://host:9091`, which becomes the group of the job `prelo`; one with `/metrics/job/…` is used as
    /// it is.
    ///
    /// # Errors
    /// In words, when it is no URL.
    pub fn new(url: &str) -> Result<Self, String> {
        let mut url = Url::parse(url).map_err(|error| error.to_string())?;
        if !url.path().contains("/metrics/job") {
            let path = format!("{}/metrics/job/prelo", url.path().trim_end_matches('/'));
            url.set_path(&path);
        }
        Ok(Self { client: client()?, url })
    }

    /// Replaces what the group says.
    ///
    /// # Errors
    /// In words, without the URL.
    pub async fn push(&self, text: String) -> Result<(), String> {
        let request = self.client.put(self.url.clone());
        send(request.header("content-type", "text/plain; version=0.0.4; charset=utf-8").body(text)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_address_becomes_the_group_of_the_job() {
        for (given, used) in [
            ("http://gw:9091", "http://gw:9091/metrics/job/prelo"),
            ("https://u:p@gw/prefix/", "https://u:p@gw/prefix/metrics/job/prelo"),
            ("http://gw:9091/metrics/job/x/instance/y", "http://gw:9091/metrics/job/x/instance/y"),
        ] {
            assert_eq!(Pushgateway::new(given).unwrap().url.as_str(), used);
        }
    }
}
