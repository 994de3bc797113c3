//! What whoever serves pages says about requests: they belong to no run.

/// A request that failed for a reason which is not the visitor's. He sees that it failed; the reason is for the log.
pub fn request_failed(path: &str, status: u16, error: &str) {
    tracing::error!(path, status, error, "a request failed");
}
