//! Brings claimed files into the spool: HEAD, byte permit, GET, md5; a bounded number at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use md5::{Digest, Md5};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::{Receiver, Sender};

use super::checksum::hex;
use super::dependency::StorageWatch;
use super::spool::{Spool, SpooledFile};
use super::workers::Workers;
use super::{Claimed, Context, Outcome, Spooled};
use crate::budget::{ByteBudget, BytePermit};
use crate::failpoint::{self, Point};
use crate::failure::{Failure, FailureCode};
use crate::gazette::Gazette;
use crate::retry::Retry;
use crate::storage::{ObjectHead, StorageError, StorageErrorKind};
use crate::telemetry::Event;

pub(super) async fn run(
    context: Context,
    spool: Arc<Spool>,
    budget: ByteBudget,
    mut claimed: Receiver<Claimed>,
    spooled: Sender<Spooled>,
    outcomes: Sender<Outcome>,
) {
    let downloader = Arc::new(Downloader { context, spool, budget, watch: StorageWatch::default(), spooled, outcomes });
    let mut workers = Workers::new(&downloader.context, downloader.context.config.download_concurrency);
    while let Some(Claimed { gazette }) = claimed.recv().await {
        let downloader = downloader.clone();
        workers.start(async move { downloader.download(gazette).await }).await;
    }
    workers.finish().await;
}

struct Downloader {
    context: Context,
    spool: Arc<Spool>,
    budget: ByteBudget,
    watch: StorageWatch,
    spooled: Sender<Spooled>,
    outcomes: Sender<Outcome>,
}

/// Why an attempt to fetch a file ended.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// About this file alone; whether another GET may help.
    #[error("{failure}")]
    File { failure: Failure, retryable: bool },
}

impl FetchError {
    fn file(code: FailureCode, detail: String, retryable: bool) -> Self {
        Self::File { failure: Failure::new(code, detail), retryable }
    }

    fn is_checksum(&self) -> bool {
        matches!(self, Self::File { failure, .. } if failure.code == FailureCode::Checksum)
    }

    fn is_replaced(&self) -> bool {
        matches!(self, Self::Storage(error) if error.kind == StorageErrorKind::Replaced)
    }
}

/// A file whose size is known and fits, with the bytes that it may take.
struct Admitted {
    head: ObjectHead,
    permit: BytePermit,
}

impl Retry for FetchError {
    fn is_retryable(&self) -> bool {
        match self {
            Self::Storage(error) => error.is_retryable(),
            Self::File { retryable, .. } => *retryable,
        }
    }
}

impl Downloader {
    async fn download(&self, gazette: Gazette) {
        let id = gazette.id;
        // A closed channel means that the run has ended: nobody is left to tell.
        if !self.context.shutdown.is_running() {
            let _ = self.outcomes.send(Outcome::Released { id }).await;
            return;
        }
        let started = Instant::now();
        let mut bytes = None;
        match self.fetch(&gazette, &mut bytes).await {
            Ok((file, permit)) => {
                failpoint::pass(Point::Spooled);
                self.watch.succeeded();
                self.context.telemetry.emit(&Event::Downloaded {
                    gazette: id,
                    bytes: file.bytes,
                    elapsed: started.elapsed(),
                });
                let _ = self.spooled.send(Spooled { gazette, file, permit }).await;
            }
            Err(error) => {
                let failure = match error {
                    FetchError::File { failure, .. } => Some(failure),
                    FetchError::Storage(error) => self.watch.judge(&self.context, &error).await,
                };
                let outcome = match failure {
                    Some(failure) => Outcome::failed(&self.context.config, &gazette, failure, bytes, None),
                    None => Outcome::Released { id },
                };
                let _ = self.outcomes.send(outcome).await;
            }
        }
    }

    /// One HEAD, then the whole GET as often as it is worth it; the permit is held through the waits. A file that was
    /// replaced meanwhile begins again with its HEAD. `bytes` is set as soon as the size is known.
    async fn fetch(&self, gazette: &Gazette, bytes: &mut Option<u64>) -> Result<(SpooledFile, BytePermit), FetchError> {
        let mut waits = self.context.retry_policy(self.context.config.download_attempts).delays();
        let mut admitted = None;
        let mut checksum_failed = false;
        loop {
            let (error, kept) = match self.attempt(gazette, admitted.take(), bytes).await {
                Ok(done) => return Ok(done),
                Err(failed) => failed,
            };
            admitted = kept;
            // The same wrong bytes twice are what the storage has.
            let same_bytes = error.is_checksum() && std::mem::replace(&mut checksum_failed, true);
            let wait = if error.is_retryable() && !same_bytes { waits.next() } else { None };
            let Some(wait) = wait else { return Err(error) };
            self.context.telemetry.emit(&Event::Retrying {
                operation: "download a file",
                error: &error,
                wait,
                gazette: Some(gazette.id),
            });
            tokio::time::sleep(wait).await;
        }
    }

    /// Fails with what the next attempt may keep.
    async fn attempt(
        &self,
        gazette: &Gazette,
        admitted: Option<Admitted>,
        bytes: &mut Option<u64>,
    ) -> Result<(SpooledFile, BytePermit), (FetchError, Option<Admitted>)> {
        let key = gazette.file_path.as_deref().unwrap_or_default();
        let admitted = match admitted {
            Some(admitted) => admitted,
            None => self.admit(key, bytes).await.map_err(|error| (error, None))?,
        };
        match self.get_within_deadline(gazette, key, &admitted.head).await {
            Ok(file) => Ok((file, admitted.permit)),
            Err(error) if error.is_replaced() => Err((error, None)),
            Err(error) => Err((error, Some(admitted))),
        }
    }

    async fn admit(&self, key: &str, bytes: &mut Option<u64>) -> Result<Admitted, FetchError> {
        let head = self.context.storage.head(key).await?;
        *bytes = Some(head.bytes);
        acceptable(head.bytes, self.context.config.max_file_size_mb * 1024 * 1024)?;
        let permit = self.budget.acquire(head.bytes).await;
        Ok(Admitted { head, permit })
    }

    async fn get_within_deadline(
        &self,
        gazette: &Gazette,
        key: &str,
        head: &ObjectHead,
    ) -> Result<SpooledFile, FetchError> {
        let seconds = self.context.config.download_timeout_seconds;
        match tokio::time::timeout(Duration::from_secs(seconds), self.get(gazette, key, head)).await {
            Ok(result) => result,
            Err(_) => Err(FetchError::file(
                FailureCode::DownloadTimeout,
                format!("{key} did not arrive whole within {seconds} s (download_timeout_seconds)"),
                true,
            )),
        }
    }

    async fn get(&self, gazette: &Gazette, key: &str, head: &ObjectHead) -> Result<SpooledFile, FetchError> {
        let stall = Duration::from_secs(self.context.config.download_stall_timeout_seconds);
        let stalled = || {
            let detail = format!("{key} sent no byte for {} s (download_stall_timeout_seconds)", stall.as_secs());
            FetchError::file(FailureCode::DownloadTimeout, detail, true)
        };
        let mut spooled = self.spool.place(gazette.id);
        let mut file = tokio::fs::File::create(spooled.path()).await.map_err(|error| spool_full(&error))?;
        let mut md5 = Md5::new();
        let mut received = 0_u64;
        let get = self.context.storage.get(key, head.etag.as_deref());
        let mut body = tokio::time::timeout(stall, get).await.map_err(|_| stalled())??;
        while let Some(chunk) = tokio::time::timeout(stall, body.next()).await.map_err(|_| stalled())? {
            let chunk = chunk?;
            received += chunk.len() as u64;
            if received > head.bytes {
                let detail = format!("{key} sends more than the {} bytes that its HEAD announced", head.bytes);
                return Err(FetchError::file(FailureCode::TooLarge, detail, false));
            }
            md5.update(&chunk);
            file.write_all(&chunk).await.map_err(|error| spool_full(&error))?;
        }
        file.flush().await.map_err(|error| spool_full(&error))?;
        if received < head.bytes {
            let detail = format!("{key} sent {received} of the {} bytes that its HEAD announced", head.bytes);
            return Err(FetchError::file(FailureCode::SizeMismatch, detail, true));
        }
        verify(key, gazette.file_checksum.as_deref(), &hex(&md5.finalize()))?;
        spooled.bytes = received;
        Ok(spooled)
    }
}

/// Judges a size before anything is fetched.
fn acceptable(bytes: u64, limit: u64) -> Result<(), FetchError> {
    if bytes == 0 {
        return Err(FetchError::file(FailureCode::EmptyObject, "the file has 0 bytes".into(), false));
    }
    if bytes > limit {
        let detail = format!("{bytes} bytes; the limit is {limit} (max_file_size_mb)");
        return Err(FetchError::file(FailureCode::TooLarge, detail, false));
    }
    Ok(())
}

/// Compares with the catalogue's checksum, when that is an md5. A second download may give other bytes.
fn verify(key: &str, expected: Option<&str>, actual: &str) -> Result<(), FetchError> {
    match expected.map(str::trim) {
        Some(expected) if is_md5(expected) && !expected.eq_ignore_ascii_case(actual) => {
            let detail = format!("{key} has md5 {actual}; the catalogue says {expected}");
            Err(FetchError::file(FailureCode::Checksum, detail, true))
        }
        _ => Ok(()),
    }
}

fn is_md5(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn spool_full(error: &std::io::Error) -> FetchError {
    FetchError::file(FailureCode::SpoolFull, format!("the spool file could not be written: {error}"), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(result: Result<(), FetchError>) -> Option<FailureCode> {
        match result {
            Err(FetchError::File { failure, .. }) => Some(failure.code),
            _ => None,
        }
    }

    #[test]
    fn sizes_are_judged_before_the_download() {
        for (bytes, expected) in
            [(0, Some(FailureCode::EmptyObject)), (1, None), (500, None), (501, Some(FailureCode::TooLarge))]
        {
            assert_eq!(code(acceptable(bytes, 500)), expected, "{bytes} bytes");
        }
    }

    #[test]
    fn a_checksum_counts_only_when_it_is_an_md5() {
        let actual = hex(&Md5::digest(b"gazette"));
        assert_eq!(actual.len(), 32);
        let other = hex(&Md5::digest(b"other"));
        for (expected, failed) in [
            (None, false),
            (Some(actual.as_str()), false),
            (Some(actual.to_uppercase().as_str()), false),
            (Some("not-an-md5"), false),
            (Some(other.as_str()), true),
        ] {
            assert_eq!(code(verify("k", expected, &actual)) == Some(FailureCode::Checksum), failed, "{expected:?}");
        }
    }
}
