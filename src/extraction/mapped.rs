//! Files as memory. The one place with `unsafe`: mapping a file is unsafe because its bytes change under the reader when
//! somebody else writes to it. The files that are read are prelo's own spooled copies, or ones that a user named; the
//! heap that reading would take instead is hundreds of megabytes for a gazette of scans, of which next to nothing is
//! ever looked at.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use memmap2::{Mmap, UncheckedAdvice};

/// The bytes of a file.
pub(super) enum FileBytes {
    Mapped(Mmap),
    Owned(Vec<u8>),
    /// A part of another file, within its bounds.
    Part(Arc<FileBytes>, Range<usize>),
}

impl AsRef<[u8]> for FileBytes {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Mapped(mapped) => mapped,
            Self::Owned(bytes) => bytes,
            Self::Part(whole, range) => (**whole).as_ref().get(range.clone()).unwrap_or_default(),
        }
    }
}

impl FileBytes {
    /// Gives back the memory of what was looked at once; looked at again, it is read from the file again.
    pub(super) fn release(&self, start: usize, length: usize) {
        match self {
            Self::Mapped(mapped) => {
                // SAFETY: the mapping is of a file and read-only, so what is dropped is what the file still holds.
                let released = unsafe { mapped.unchecked_advise_range(UncheckedAdvice::DontNeed, start, length) };
                // It was only good will: nothing is lost but memory.
                drop(released);
            }
            Self::Owned(_) => {}
            Self::Part(whole, range) => whole.release(range.start.saturating_add(start), length.min(range.len())),
        }
    }
}

/// The bytes of a file that has `bytes` of them.
///
/// # Errors
/// When it cannot be mapped.
pub(super) fn map(file: &File, bytes: u64) -> io::Result<FileBytes> {
    // Nothing cannot be mapped.
    if bytes == 0 {
        return Ok(FileBytes::Owned(Vec::new()));
    }
    // SAFETY: as said above, nobody writes to the file while it is read. Cut short by somebody all the same, it ends the
    // process that reads it, which is made to be disposable.
    unsafe { Mmap::map(file) }.map(FileBytes::Mapped)
}
