//! Bounds on what one document may cost.

/// Caps for every reader. A file that passes one is a failure with a code, never a crash.
///
/// How deep forms of a page may nest is bounded by the PDF reader itself (50).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest file that is read, in bytes.
    pub file_bytes: u64,
    /// Largest text that is produced, in bytes of UTF-8.
    pub text_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: 500 * 1024 * 1024, text_bytes: 256 * 1024 * 1024 }
    }
}
