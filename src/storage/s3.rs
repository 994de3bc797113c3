//! A bucket of an S3-compatible service.
//!
//! Every call is one request: the SDK's own retries are off, because it would never retry a body that breaks half-way,
//! and two layers of retries multiply.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation, SharedHttpClient,
    StalledStreamProtectionConfig,
};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::tls;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use url::Url;

use super::{ObjectBody, ObjectHead, Storage, StorageError, StorageErrorKind as Kind, text_key, without_secrets};
use crate::config::{Config, Secret};

mod classify;
mod location;

use classify::Subject;
use location::Location;

/// Longest key that S3 holds, in bytes of UTF-8 (Amazon S3 user guide, "Naming Amazon S3 objects").
const KEY_BYTES: usize = 1024;
/// No text is longer than this, in bytes; a larger object is none of ours.
const TEXT_BYTES: usize = 256 * 1024 * 1024;

/// The settings that a URL does not carry.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// The one that holds; the configuration has looked at the URL's.
    pub region: String,
    pub access_key: Option<Secret>,
    pub access_secret: Option<Secret>,
    /// Idle connections kept.
    pub max_connections: usize,
    pub connect_timeout: Duration,
    /// Until the first byte of an answer.
    pub read_timeout: Duration,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        Self {
            region: config.s3_region.clone(),
            access_key: config.s3_access_key.clone(),
            access_secret: config.s3_access_secret.clone(),
            max_connections: config.s3_max_connections as usize,
            connect_timeout: Duration::from_secs(config.s3_connect_timeout_seconds),
            read_timeout: Duration::from_secs(config.s3_read_timeout_seconds),
        }
    }
}

/// One bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    client: Client,
    name: String,
    /// For people: where the bucket is.
    endpoint: String,
}

impl Bucket {
    /// Prepares the client. Nothing is sent yet.
    pub(super) fn open(url: &Url, settings: &Settings) -> Result<Self, StorageError> {
        const OPERATION: &str = "open the bucket";
        let location = Location::parse(url)
            .map_err(|advice| StorageError::new(Kind::BadUrl, OPERATION, without_secrets(url)).advising(advice))?;
        let (Some(key), Some(secret)) = (&settings.access_key, &settings.access_secret) else {
            let advice = "the access key or its secret is missing; set `s3_access_key` and `s3_access_secret` \
                          (STORAGE_ACCESS_KEY and STORAGE_ACCESS_SECRET)";
            let target = format!("s3://{}", location.bucket);
            return Err(StorageError::new(Kind::Unauthorized, OPERATION, target).advising(advice));
        };
        let region = settings.region.clone();
        let endpoint = location.endpoint.clone().unwrap_or_else(|| format!("Amazon S3, {region}"));
        let mut config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http_client(settings.max_connections))
            .credentials_provider(Credentials::new(key.expose(), secret.expose(), None, None, "configuration"))
            .region(Region::new(region))
            // Custom endpoints seldom have a DNS name for each bucket.
            .force_path_style(true)
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(settings.connect_timeout)
                    .read_timeout(settings.read_timeout)
                    .build(),
            )
            // The downloader watches for stalls, with a limit from the configuration.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            // S3-compatible services do not all know the newer checksums.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        config.set_endpoint_url(location.endpoint);
        Ok(Self { client: Client::from_conf(config.build()), name: location.bucket, endpoint })
    }

    fn target(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    fn valid<'k>(&self, operation: &'static str, key: &'k str) -> Result<&'k str, StorageError> {
        let problem = match key {
            "" => "the key is empty; correct `file_path`",
            key if key.contains('\0') => "the key holds a NUL; correct `file_path`",
            // Gateways over a file system refuse it without a word.
            key if key.split('/').any(|part| part == "..") => "the key holds `..`; correct `file_path`",
            key if key.len() > KEY_BYTES => "the key is longer than 1,024 bytes, which S3 cannot hold",
            key => return Ok(key),
        };
        Err(StorageError::new(Kind::BadKey, operation, self.target(key)).advising(problem))
    }

    async fn fetch(
        &self,
        operation: &'static str,
        key: &str,
        if_match: Option<&str>,
        range: Option<String>,
    ) -> Result<ObjectBody, StorageError> {
        let target = self.target(key);
        let is_part = range.is_some();
        let output = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(self.valid(operation, key)?)
            .set_if_match(if_match.map(Into::into))
            .set_range(range)
            .send()
            .await
            .map_err(|error| classify::failed(operation, target.clone(), Subject::Object, error))?;
        // Some gateways pass over the condition of a part; a whole body is told by its length and checksum.
        if let (true, Some(wanted), Some(sent)) = (is_part, if_match, output.e_tag())
            && wanted.trim_matches('"') != sent.trim_matches('"')
        {
            return Err(StorageError::new(Kind::Replaced, operation, target));
        }
        Ok(body(output, operation, target))
    }
}

#[async_trait]
impl Storage for Bucket {
    async fn check(&self) -> Result<String, StorageError> {
        const OPERATION: &str = "reach the bucket";
        let target = format!("s3://{}", self.name);
        let answer = self.client.head_bucket().bucket(&self.name).send().await;
        let found = || format!("bucket {} at {}", self.name, self.endpoint);
        let Err(error) = answer else { return Ok(found()) };
        let error = classify::failed(OPERATION, target.clone(), Subject::Bucket, error);
        if error.source.as_ref().is_none_or(|source| !source.is::<classify::Answer>()) {
            return Err(error);
        }
        // The answer to a HEAD has no body. A listing asks for the same permission, and says what is wrong.
        match self.client.list_objects_v2().bucket(&self.name).max_keys(1).send().await {
            Ok(_) => Ok(found()),
            Err(error) => Err(classify::failed(OPERATION, target, Subject::Bucket, error)),
        }
    }

    async fn head(&self, key: &str) -> Result<ObjectHead, StorageError> {
        const OPERATION: &str = "look at";
        let target = self.target(key);
        let request = self.client.head_object().bucket(&self.name).key(self.valid(OPERATION, key)?);
        let output = request
            .send()
            .await
            .map_err(|error| classify::failed(OPERATION, target.clone(), Subject::Object, error))?;
        let bytes = output.content_length.and_then(|bytes| u64::try_from(bytes).ok()).ok_or_else(|| {
            StorageError::new(Kind::Other, OPERATION, target).advising("the storage does not tell the file's size")
        })?;
        Ok(ObjectHead { bytes, etag: output.e_tag })
    }

    async fn get(&self, key: &str, if_match: Option<&str>) -> Result<ObjectBody, StorageError> {
        self.fetch("fetch", key, if_match, None).await
    }

    async fn get_part(
        &self,
        key: &str,
        first: u64,
        bytes: u64,
        if_match: Option<&str>,
    ) -> Result<ObjectBody, StorageError> {
        if bytes == 0 {
            return Ok(stream::empty().boxed());
        }
        let last = first.saturating_add(bytes - 1);
        self.fetch("fetch", key, if_match, Some(format!("bytes={first}-{last}"))).await
    }

    async fn put_text(&self, key: &str, text: Bytes) -> Result<(), StorageError> {
        const OPERATION: &str = "store the text";
        self.valid(OPERATION, key)?;
        let text_key = text_key(key);
        let request = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(self.valid(OPERATION, &text_key)?)
            .content_type("text/plain; charset=utf-8")
            .body(ByteStream::from(text));
        let answer = request.send().await;
        answer.map_err(|error| classify::failed(OPERATION, self.target(&text_key), Subject::Object, error))?;
        Ok(())
    }

    async fn stream_text(&self, key: &str) -> Result<ObjectBody, StorageError> {
        const OPERATION: &str = "fetch the text";
        self.valid(OPERATION, key)?;
        self.fetch(OPERATION, &text_key(key), None, None).await
    }

    async fn get_text(&self, key: &str) -> Result<Bytes, StorageError> {
        let mut body = self.stream_text(key).await?;
        let mut text = BytesMut::new();
        while let Some(chunk) = body.next().await {
            text.extend_from_slice(&chunk?);
            if text.len() > TEXT_BYTES {
                return Err(StorageError::new(Kind::Other, "fetch the text", self.target(&text_key(key)))
                    .advising("it is longer than any text that prelo stores; is it a file of that name?"));
            }
        }
        Ok(text.freeze())
    }
}

/// The SDK's default client, except that it does not keep idle connections without bound.
fn http_client(max_idle_connections: usize) -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .pool_max_idle_per_host(max_idle_connections)
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
        .build_https()
}

/// The chunks of an answer as they arrive. One that ends before its announced length ends with an error.
fn body(output: GetObjectOutput, operation: &'static str, target: String) -> ObjectBody {
    let announced = output.content_length.and_then(|bytes| u64::try_from(bytes).ok());
    let state = (output.body, announced, target);
    let chunks = stream::try_unfold(state, move |(mut body, left, target)| async move {
        match body.next().await {
            Some(Ok(chunk)) => {
                let left = left.map(|left| left.saturating_sub(chunk.len() as u64));
                Ok(Some((chunk, (body, left, target))))
            }
            Some(Err(error)) => Err(classify::broken_body(operation, target, error)),
            None if left.is_some_and(|left| left > 0) => Err(StorageError::new(Kind::Truncated, operation, target)),
            None => Ok(None),
        }
    });
    chunks.boxed()
}

#[cfg(test)]
mod tests;
