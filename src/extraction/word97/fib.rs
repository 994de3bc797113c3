//! The File Information Block: what the document is made of, and where ([MS-DOC] section 2.5).

use std::ops::Range;

use super::pieces::Piece;
use super::{Charset, Stream, bytes_at};
use crate::extraction::Limits;
use crate::failure::{Failure, FailureCode};

/// As much of the main stream as holds what is looked at.
pub(super) const MOST_BYTES: usize = 1024;

/// First word of the block: Word 97 and later, and Word 6 and 95.
const SIGNATURES: [u16; 2] = [0xa5ec, 0xa5dc];
/// `nFib` of Word 97.
const WORD_97: u16 = 0x00c1;
/// Word 6. What is older has another form.
const WORD_6: u16 = 0x0065;

/// An extent of the table stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Extent {
    pub offset: u32,
    pub bytes: u32,
}

#[derive(Debug)]
pub(super) struct Fib {
    is_table_1: bool,
    /// Of Word 6 or 95.
    pub is_old: bool,
    language: u16,
    /// First byte of the text, of an old document.
    text: u32,
    /// Characters of the main text, footnotes, headers, macros, comments, endnotes, boxes ([MS-DOC] section 2.5.5).
    counts: [u32; 7],
    pub clx: Extent,
    pub heads: Extent,
    pub sections: Extent,
    pub character_pages: Extent,
    pub paragraph_pages: Extent,
}

/// The parts of the text, in character positions.
pub(super) struct Parts {
    pub main: Range<u32>,
    pub footnotes: Range<u32>,
    pub heads: Range<u32>,
    pub endnotes: Range<u32>,
    pub boxes: Range<u32>,
}

impl Fib {
    /// # Errors
    /// `FILE_DAMAGED`, `ENCRYPTED`, `UNSUPPORTED_FORMAT` when the document is of another Word.
    pub fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let damaged = || Failure::new(FailureCode::FileDamaged, "the Word document's first block is broken");
        let short = |at: usize| u16_at(bytes, at).ok_or_else(damaged);
        let long = |at: usize| u32_at(bytes, at).ok_or_else(damaged);
        if !SIGNATURES.contains(&short(0)?) {
            return Err(damaged());
        }
        let (version, flags) = (short(2)?, short(0x0a)?);
        if flags & 0x0100 != 0 {
            return Err(Failure::new(FailureCode::Encrypted, "a Word document that asks for a password"));
        }
        if version < WORD_6 {
            return Err(unsupported("a document of a Word before 6.0"));
        }
        let is_old = version < WORD_97;
        if is_old && flags & 0x0004 != 0 {
            return Err(unsupported("a document of Word 6 or 95 that was saved in pieces"));
        }
        let first_count = if is_old { 0x34 } else { 0x4c };
        let mut counts = [0; 7];
        for (index, count) in counts.iter_mut().enumerate() {
            // One that is negative is none.
            *count = i32::try_from(long(first_count + index * 4)?)
                .ok()
                .and_then(|count| u32::try_from(count).ok())
                .unwrap_or(0);
        }
        // Pairs of offset and size (section 2.5.6).
        let extent = |index: usize| -> Result<Extent, Failure> {
            if is_old {
                return Ok(Extent::default());
            }
            Ok(Extent { offset: long(0x9a + index * 8)?, bytes: long(0x9e + index * 8)? })
        };
        Ok(Self {
            is_table_1: flags & 0x0200 != 0,
            is_old,
            language: short(6)?,
            text: long(0x18)?,
            counts,
            clx: extent(33)?,
            heads: extent(11)?,
            sections: extent(6)?,
            character_pages: extent(12)?,
            paragraph_pages: extent(13)?,
        })
    }

    pub fn table_stream(&self) -> &'static str {
        if self.is_table_1 { "/1Table" } else { "/0Table" }
    }

    /// The one piece of a document of Word 6 or 95.
    pub fn only_piece(&self) -> Piece {
        // Russian, and the languages of Central Europe; a publisher of Brazil has the others' (windows language ids).
        let code_page = match self.language & 0x3ff {
            0x19 => 1251,
            0x05 | 0x0e | 0x15 | 0x18 | 0x1a | 0x1b | 0x24 => 1250,
            _ => 1252,
        };
        let end = self.counts.iter().fold(0_u32, |sum, count| sum.saturating_add(*count));
        Piece { start: 0, end, offset: self.text, charset: Charset::of_code_page(code_page) }
    }

    /// Where each part of the text is: they follow one another ([MS-DOC] section 2.3).
    pub fn parts(&self) -> Parts {
        let [main, footnotes, heads, macros, comments, endnotes, boxes] = self.counts;
        let mut at = 0_u32;
        let mut next = |count: u32| {
            let start = at;
            at = at.saturating_add(count);
            start..at
        };
        let (main, footnotes, heads) = (next(main), next(footnotes), next(heads));
        next(macros);
        next(comments);
        Parts { main, footnotes, heads, endnotes: next(endnotes), boxes: next(boxes) }
    }
}

fn unsupported(what: &str) -> Failure {
    Failure::new(FailureCode::UnsupportedFormat, format!("the content is {what}"))
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

/// An extent of the table stream, when it is there whole.
///
/// # Errors
/// `LIMIT_MEMORY` when it is larger than a stream may be.
pub(super) fn extent(table: &mut Stream<'_>, extent: Extent, limits: &Limits) -> Result<Vec<u8>, Failure> {
    if u64::from(extent.bytes) > limits.stream_bytes {
        let detail = format!("a table of {} bytes, the limit is {}", extent.bytes, limits.stream_bytes);
        return Err(Failure::new(FailureCode::LimitMemory, detail));
    }
    bytes_at(table, extent.offset.into(), extent.bytes as usize)
}

/// A list of character positions without data ([MS-DOC] section 2.2.2).
pub(super) fn positions(table: &mut Stream<'_>, place: Extent, limits: &Limits) -> Result<Vec<u32>, Failure> {
    let bytes = extent(table, place, limits)?;
    Ok(bytes.chunks_exact(4).filter_map(|bytes| u32_at(bytes, 0)).collect())
}

/// Where sections end, and whether the section behind begins on a page of its own ([MS-DOC] sections 2.8.26 and 2.6.4).
pub(super) fn sections_on_page(
    main: &mut Stream<'_>,
    table: &mut Stream<'_>,
    fib: &Fib,
    limits: &Limits,
) -> Result<Vec<(u32, bool)>, Failure> {
    const SED_BYTES: usize = 12;
    const BREAK_CODE: u16 = 0x3009;
    let bytes = extent(table, fib.sections, limits)?;
    let count = bytes.len().saturating_sub(4) / (4 + SED_BYTES);
    let mut sections = Vec::new();
    for index in 1..count {
        let Some(end) = u32_at(&bytes, index * 4) else { break };
        let properties = u32_at(&bytes, (count + 1) * 4 + index * SED_BYTES + 2).unwrap_or(u32::MAX);
        let mut is_on_page = true;
        if properties != u32::MAX {
            let size = bytes_at(main, properties.into(), 2)?;
            let size = u16_at(&size, 0).unwrap_or(0);
            let list = bytes_at(main, u64::from(properties) + 2, size.into())?;
            // 0 is continuous, 1 a new column.
            if let Some(value) = super::properties::find(&list, BREAK_CODE).and_then(|value| value.first()) {
                is_on_page = *value > 1;
            }
        }
        sections.push((end, is_on_page));
    }
    sections.sort_unstable();
    Ok(sections)
}
