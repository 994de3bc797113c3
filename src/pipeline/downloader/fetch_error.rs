//! Why an attempt to fetch a file ended, and what that says about the file and about the storage.

use std::time::Duration;

use crate::failure::{Failure, FailureCode};
use crate::pipeline::dependency::{Service, Testifies, Testimony};
use crate::retry::Retry;
use crate::storage::{StorageError, StorageErrorKind};

/// Why an attempt to fetch a file ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// About this file alone; whether another GET may help.
    #[error("{failure}")]
    File { failure: Failure, retryable: bool },
    #[error("the storage was given up")]
    GivenUp,
}

impl FetchError {
    pub fn file(code: FailureCode, detail: String, retryable: bool) -> Self {
        Self::File { failure: Failure::new(code, detail), retryable }
    }

    pub fn is(&self, code: FailureCode) -> bool {
        matches!(self, Self::File { failure, .. } if failure.code == code)
    }

    pub fn is_replaced(&self) -> bool {
        matches!(self, Self::Storage(error) if error.kind == StorageErrorKind::Replaced)
    }
}

impl Testifies for FetchError {
    const SERVICE: Service = Service::Storage;

    fn testimony(&self) -> Testimony {
        match self {
            Self::Storage(error) => error.testimony(),
            Self::File { failure, .. } if failure.code == FailureCode::SpoolFull => Testimony::Nothing,
            Self::File { failure, .. } if failure.code == FailureCode::DownloadTimeout => Testimony::Doubtful,
            Self::File { .. } => Testimony::Answered,
            Self::GivenUp => Testimony::Nothing,
        }
    }

    fn late(operation: &'static str, after: Duration) -> Self {
        let detail = format!("could not {operation} within {} s (gazette_timeout_seconds)", after.as_secs());
        Self::file(FailureCode::DownloadTimeout, detail, false)
    }
}

impl Retry for FetchError {
    fn is_retryable(&self) -> bool {
        match self {
            Self::Storage(error) => error.is_retryable(),
            Self::File { retryable, .. } => *retryable,
            Self::GivenUp => false,
        }
    }
}

/// Judges a size before anything is fetched.
pub(super) fn acceptable(bytes: u64, limit: u64) -> Result<(), FetchError> {
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
pub(super) fn verify(key: &str, expected: Option<&str>, actual: &str) -> Result<(), FetchError> {
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

pub(super) fn spool_full(error: &std::io::Error) -> FetchError {
    FetchError::file(FailureCode::SpoolFull, format!("the spool file could not be written: {error}"), true)
}

#[cfg(test)]
mod tests {
    use md5::{Digest, Md5};

    use super::*;
    use crate::checksum::hex;

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
