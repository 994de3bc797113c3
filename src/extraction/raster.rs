//! Pictures of pages: how many there are. What is on them is for OCR to read.

use crate::failure::{Failure, FailureCode};

/// Most directories of a TIFF that are counted.
const MOST_PAGES: u32 = 10_000;

/// The pages of a PNG, a JPEG or a TIFF. Only the last can have more than one: its directories are a chain (TIFF 6.0,
/// section 2).
///
/// # Errors
/// `FILE_DAMAGED` when the chain leaves the file before its first directory, or never ends.
pub(super) fn pages(content: &[u8]) -> Result<u32, Failure> {
    let is_big_endian = match content.get(..4) {
        Some(b"II*\0") => false,
        Some(b"MM\0*") => true,
        _ => return Ok(1),
    };
    let short = |at: usize| {
        let bytes = *content.get(at..)?.first_chunk()?;
        Some(if is_big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    };
    let long = |at: usize| {
        let bytes = *content.get(at..)?.first_chunk()?;
        Some(if is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    };
    let mut pages = 0;
    let mut next = long(4);
    while let Some(directory @ 1..) = next {
        const ENTRY_BYTES: usize = 12;
        if pages == MOST_PAGES {
            let detail = format!("a TIFF of more than {MOST_PAGES} pages, or one whose pages are a ring");
            return Err(Failure::new(FailureCode::FileDamaged, detail));
        }
        let directory = directory as usize;
        let Some(entries) = short(directory) else { break };
        pages += 1;
        next = long(directory + 2 + usize::from(entries) * ENTRY_BYTES);
    }
    if pages == 0 {
        return Err(Failure::new(FailureCode::FileDamaged, "a TIFF without a page"));
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directories_of_a_tiff_are_its_pages() {
        // Two directories without entries, the second at 14.
        let little = b"II*\0\x08\0\0\0\0\0\x0e\0\0\0\0\0\0\0\0\0";
        let big = b"MM\0*\0\0\0\x08\0\0\0\0\0\x0e\0\0\0\0\0\0";
        assert_eq!(pages(little), Ok(2));
        assert_eq!(pages(big), Ok(2));
        assert_eq!(pages(&little[..12]), Ok(1), "a TIFF that is cut keeps the pages before the cut");
        assert_eq!(pages(b"\x89PNG\r\n\x1a\n"), Ok(1));
        let ring = b"II*\0\x08\0\0\0\0\0\x08\0\0\0";
        assert_eq!(pages(ring).unwrap_err().code, FailureCode::FileDamaged);
        assert_eq!(pages(b"II*\0\xff\0\0\0").unwrap_err().code, FailureCode::FileDamaged);
    }
}
