//! What an error of the S3 SDK means.

use std::error::Error;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStreamError;

use crate::storage::{StorageError, StorageErrorKind as Kind};

/// What a request was about; a bare 404 is read accordingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Bucket,
    Object,
}

/// What the service said. The SDK's own error would print the whole answer with its headers.
#[derive(Debug, thiserror::Error)]
#[error("the storage answered {status} {}", words(.code.as_deref(), .message.as_deref()))]
pub(super) struct Answer {
    status: u16,
    code: Option<String>,
    message: Option<String>,
}

fn words(code: Option<&str>, message: Option<&str>) -> String {
    match (code, message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(words), None) | (None, Some(words)) => words.into(),
        (None, None) => "without further words".into(),
    }
}

/// A request that failed before its body began.
pub(super) fn failed<E>(operation: &'static str, target: String, subject: Subject, error: SdkError<E>) -> StorageError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    if let Some(raw) = error.raw_response() {
        let meta = error.as_service_error().map(ProvideErrorMetadata::meta);
        let answer = Answer {
            status: raw.status().as_u16(),
            code: meta.and_then(|meta| meta.code()).map(Into::into),
            message: meta.and_then(|meta| meta.message()).map(Into::into),
        };
        let kind = by_answer(answer.status, answer.code.as_deref(), subject);
        return StorageError::new(kind, operation, target).caused_by(answer);
    }
    let kind = match &error {
        SdkError::TimeoutError(_) => Kind::Timeout,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Kind::Timeout,
        SdkError::ConstructionFailure(_) => Kind::Other,
        error => by_chain(error),
    };
    let is_untrusted = chain(&error).any(|cause| cause.to_string().contains("invalid peer certificate"));
    let unanswered = match StorageError::new(kind, operation, target) {
        error if is_untrusted => {
            error.advising("its certificate is not trusted; install its authority on this machine")
        }
        error => error,
    };
    match error.into_source() {
        Ok(source) => unanswered.caused_by(source),
        Err(error) => unanswered.caused_by(error),
    }
}

/// A body that broke half-way.
pub(super) fn broken_body(operation: &'static str, target: String, error: ByteStreamError) -> StorageError {
    let kind = match by_chain(&error) {
        Kind::Unavailable if ended_early(&error) => Kind::Truncated,
        kind => kind,
    };
    StorageError::new(kind, operation, target).caused_by(error)
}

/// By the service's code where it gives one, else by the status (Amazon S3 API reference, "Error responses").
fn by_answer(status: u16, code: Option<&str>, subject: Subject) -> Kind {
    match (code.unwrap_or_default(), status) {
        ("NoSuchBucket", _) => Kind::NoBucket,
        (
            "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "ExpiredToken" | "InvalidSecurity"
            // versitygw's word for an access key that it does not know, with a status of 404.
            | "XAdminUserNotFound",
            _,
        )
        | (_, 401) => Kind::Unauthorized,
        ("RequestTimeTooSkewed", _) => Kind::ClockSkewed,
        ("PreconditionFailed", _) | (_, 412) => Kind::Replaced,
        ("SlowDown" | "Throttling" | "ThrottlingException" | "TooManyRequests" | "RequestLimitExceeded", _)
        | (_, 429) => Kind::Throttled,
        ("RequestTimeout", _) | (_, 408 | 504) => Kind::Timeout,
        ("KeyTooLongError", _) => Kind::BadKey,
        ("InvalidBucketName", _) => Kind::BadUrl,
        (_, 404) if subject == Subject::Bucket => Kind::NoBucket,
        (_, 404) => Kind::NotFound,
        (_, 403) => Kind::AccessDenied,
        (_, 500..) => Kind::Unavailable,
        _ => Kind::Other,
    }
}

/// By the causes of an error for which there was no answer.
fn by_chain(error: &(dyn Error + 'static)) -> Kind {
    let mut kind = Kind::Unavailable;
    for cause in chain(error) {
        let words = cause.to_string().to_ascii_lowercase();
        // The HTTP client's own types are not public; their words are what there is.
        if words.contains("dns error") || words.contains("failed to lookup address") {
            return Kind::NameNotResolved;
        }
        if words.contains("timed out") || words.contains("timeout") {
            kind = Kind::Timeout;
        }
    }
    kind
}

/// Whether the connection was closed before everything that was announced had come.
fn ended_early(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|cause| {
        let words = cause.to_string().to_ascii_lowercase();
        let eof = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        eof == Some(std::io::ErrorKind::UnexpectedEof)
            || ["end of file", "unexpected eof", "before message", "content-length"].iter().any(|w| words.contains(w))
    })
}

fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_classified() {
        use Subject::{Bucket, Object};
        let cases = [
            (404, Some("NoSuchKey"), Object, Kind::NotFound),
            (404, Some("NotFound"), Object, Kind::NotFound),
            (404, None, Object, Kind::NotFound),
            (404, Some("NoSuchBucket"), Object, Kind::NoBucket),
            (404, Some("NotFound"), Bucket, Kind::NoBucket),
            (403, None, Object, Kind::AccessDenied),
            (403, Some("AccessDenied"), Object, Kind::AccessDenied),
            (403, Some("InvalidAccessKeyId"), Object, Kind::Unauthorized),
            (403, Some("SignatureDoesNotMatch"), Bucket, Kind::Unauthorized),
            (404, Some("XAdminUserNotFound"), Bucket, Kind::Unauthorized),
            (401, None, Object, Kind::Unauthorized),
            (403, Some("RequestTimeTooSkewed"), Object, Kind::ClockSkewed),
            (412, Some("PreconditionFailed"), Object, Kind::Replaced),
            (412, None, Object, Kind::Replaced),
            (503, Some("SlowDown"), Object, Kind::Throttled),
            (429, None, Object, Kind::Throttled),
            (503, None, Object, Kind::Unavailable),
            (500, Some("InternalError"), Object, Kind::Unavailable),
            (502, None, Object, Kind::Unavailable),
            (504, None, Object, Kind::Timeout),
            (400, Some("RequestTimeout"), Object, Kind::Timeout),
            (400, Some("KeyTooLongError"), Object, Kind::BadKey),
            (400, Some("AuthorizationHeaderMalformed"), Object, Kind::Other),
            (301, Some("PermanentRedirect"), Bucket, Kind::Other),
        ];
        for (status, code, subject, kind) in cases {
            assert_eq!(by_answer(status, code, subject), kind, "{status} {code:?} {subject:?}");
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Words(&'static str, #[source] Option<Box<Words>>);

    #[test]
    fn causes_are_searched_for_what_happened() {
        let cases = [
            ("dns error", Kind::NameNotResolved),
            ("failed to lookup address information: Name or service not known", Kind::NameNotResolved),
            ("operation timed out", Kind::Timeout),
            ("Connection refused (os error 111)", Kind::Unavailable),
        ];
        for (innermost, kind) in cases {
            let error = Words(
                "dispatch failure",
                Some(Box::new(Words("client error", Some(Box::new(Words(innermost, None)))))),
            );
            assert_eq!(by_chain(&error), kind, "{innermost}");
        }
    }
}
