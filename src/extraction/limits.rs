//! Bounds on what one document may cost.

use serde::{Deserialize, Serialize};

const MIB: u64 = 1024 * 1024;

/// Caps for every reader. A file that passes one is a failure with a code, never a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Largest file that is read, in bytes.
    pub file_bytes: u64,
    /// Largest text that is produced, in bytes of UTF-8.
    pub text_bytes: u64,
    /// Largest size that one stream may decode to, in bytes.
    pub stream_bytes: u64,
    /// Largest size that all streams of one page may decode to, in bytes. A form counts each time it is drawn, unless it
    /// is known to show no text.
    pub page_bytes: u64,
    /// Largest size that all streams of a document may decode to, in bytes. What is kept from page to page counts once.
    pub document_bytes: u64,
    /// Largest size that the object streams of a document may decode to, in bytes. They stay in memory while it is read.
    pub object_stream_bytes: u64,
    /// Largest file that is mended, in bytes: mending holds it in memory twice.
    pub mended_bytes: u64,
    /// Most operators on one page, those of its forms included.
    pub page_operators: u64,
    /// Forms drawn within forms, at most.
    pub form_depth: usize,
    /// Most pages of one document.
    pub pages: usize,
    /// Files in one archive, those of archives within it apart, at most. An office file is an archive, too.
    pub archive_members: usize,
    /// Archives within archives, at most: 1 is an archive of documents.
    pub archive_depth: u32,
    /// Largest size of a file within an archive, in bytes: it stays in memory while it is read.
    pub member_bytes: u64,
    /// Elements within elements, or groups within groups, at most.
    pub nesting: usize,
    /// Threads of the pool that may share one document, at most.
    pub threads: usize,
}

impl Limits {
    /// The same for a file of so many bytes. A real one decodes to five or ten times its size; one that decodes to hundreds
    /// of times of it is made to do harm, stream by stream below every other limit.
    #[must_use]
    pub fn for_file(self, bytes: u64) -> Self {
        const SWOLLEN: u64 = 64;
        const ALWAYS: u64 = 256 * MIB;
        Self { document_bytes: self.document_bytes.min(bytes.saturating_mul(SWOLLEN).max(ALWAYS)), ..self }
    }

    /// Limits that leave a reader within `heap_bytes`, for files of at most `file_bytes`: what must be held at once, and
    /// what is held beside it, share the heap.
    #[must_use]
    pub fn within(heap_bytes: u64, file_bytes: u64) -> Self {
        let usual = Self::default();
        Self {
            file_bytes,
            text_bytes: usual.text_bytes.min(heap_bytes / 3),
            stream_bytes: usual.stream_bytes.min(heap_bytes / 4),
            page_bytes: usual.page_bytes.min(heap_bytes / 2),
            object_stream_bytes: usual.object_stream_bytes.min(heap_bytes / 2),
            mended_bytes: usual.mended_bytes.min(heap_bytes / 4),
            member_bytes: usual.member_bytes.min(heap_bytes / 2),
            ..usual
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 500 * MIB,
            text_bytes: 256 * MIB,
            stream_bytes: 32 * MIB,
            page_bytes: 64 * MIB,
            document_bytes: 2048 * MIB,
            object_stream_bytes: 96 * MIB,
            mended_bytes: 64 * MIB,
            page_operators: 10_000_000,
            form_depth: 24,
            pages: 200_000,
            archive_members: 20_000,
            archive_depth: 3,
            member_bytes: 256 * MIB,
            nesting: 4_096,
            threads: usize::MAX,
        }
    }
}
