//! Properties of paragraphs and characters, as far as they say what shows and what is a table ([MS-DOC] sections 2.6,
//! 2.8.5, 2.8.6 and 2.9.35).

use super::fib::{Extent, Fib, extent, u16_at, u32_at};
use super::{Stream, bytes_at};
use crate::extraction::Limits;
use crate::failure::Failure;

/// A page of properties ([MS-DOC] sections 2.9.33 and 2.9.175).
const PAGE_BYTES: usize = 512;

/// What a paragraph is in a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Paragraph {
    /// In a table, so deep.
    pub depth: u32,
    /// Its mark ends a row, or a cell, of a table within a table.
    pub ends_inner_row: bool,
    pub ends_inner_cell: bool,
    /// Its mark ends a row.
    pub ends_row: bool,
    pub begins_page: bool,
}

/// Extents of the main stream in bytes, in order, and what holds there.
#[derive(Debug, Default)]
pub(super) struct Properties {
    paragraphs: Vec<(u32, u32, Paragraph)>,
    /// Characters that are hidden or deleted.
    invisible: Vec<(u32, u32)>,
    /// They are known: else tables are guessed from their marks.
    pub are_known: bool,
}

impl Properties {
    /// Pages that cannot be read are passed over.
    pub fn read(
        main: &mut Stream<'_>,
        table: &mut Stream<'_>,
        mut data: Option<&mut Stream<'_>>,
        fib: &Fib,
        limits: &Limits,
    ) -> Result<Self, Failure> {
        let mut properties = Self::default();
        // No more pages than the stream has room for, however many the table names.
        let most = usize::try_from(main.len()).unwrap_or(usize::MAX) / PAGE_BYTES;
        for number in pages(table, fib.paragraph_pages, most, limits)? {
            let page = bytes_at(main, u64::from(number) * PAGE_BYTES as u64, PAGE_BYTES)?;
            for (start, end, list) in runs(&page, 13, paragraph_list) {
                let paragraph = paragraph(&list, data.as_deref_mut())?;
                if paragraph != Paragraph::default() {
                    properties.paragraphs.push((start, end, paragraph));
                }
            }
            properties.are_known = true;
        }
        for number in pages(table, fib.character_pages, most, limits)? {
            let page = bytes_at(main, u64::from(number) * PAGE_BYTES as u64, PAGE_BYTES)?;
            let invisible = runs(&page, 1, character_list).into_iter().filter(|(_, _, list)| is_invisible(list));
            properties.invisible.extend(invisible.map(|(start, end, _)| (start, end)));
        }
        properties.paragraphs.sort_unstable_by_key(|(start, ..)| *start);
        properties.invisible.sort_unstable();
        Ok(properties)
    }

    /// The paragraph whose text holds the byte.
    pub fn paragraph(&self, offset: u64) -> Paragraph {
        let next = self.paragraphs.partition_point(|(start, ..)| u64::from(*start) <= offset);
        let found = next.checked_sub(1).and_then(|index| self.paragraphs.get(index));
        found.filter(|(_, end, _)| offset < u64::from(*end)).map(|(_, _, paragraph)| *paragraph).unwrap_or_default()
    }

    pub fn is_invisible(&self, offset: u64) -> bool {
        let next = self.invisible.partition_point(|(start, _)| u64::from(*start) <= offset);
        let found = next.checked_sub(1).and_then(|index| self.invisible.get(index));
        found.is_some_and(|(_, end)| offset < u64::from(*end))
    }

    /// Whether anything is invisible at all.
    pub fn has_invisible(&self) -> bool {
        !self.invisible.is_empty()
    }
}

/// The numbers of the pages of properties ([MS-DOC] section 2.8.5).
fn pages(table: &mut Stream<'_>, place: Extent, most: usize, limits: &Limits) -> Result<Vec<u32>, Failure> {
    let bytes = extent(table, place, limits)?;
    let count = bytes.len().saturating_sub(4) / 8;
    let numbers = bytes.get((count + 1) * 4..).unwrap_or_default().chunks_exact(4);
    Ok(numbers.take(most).filter_map(|bytes| u32_at(bytes, 0)).map(|number| number & 0x3f_ffff).collect())
}

/// A page is bounds, then entries of so many bytes whose first says where a list of properties is, and at its end how many.
fn runs(page: &[u8], entry_bytes: usize, list: fn(&[u8], usize) -> Option<&[u8]>) -> Vec<(u32, u32, Vec<u8>)> {
    let count = usize::from(page.get(PAGE_BYTES - 1).copied().unwrap_or(0));
    let run = |index: usize| {
        let (start, end) = (u32_at(page, index * 4)?, u32_at(page, index * 4 + 4)?);
        let place = usize::from(*page.get((count + 1) * 4 + index * entry_bytes)?) * 2;
        let found = if place == 0 { &[][..] } else { list(page, place).unwrap_or_default() };
        (start < end).then(|| (start, end, found.to_vec()))
    };
    (0..count).filter_map(run).collect()
}

/// A list behind its length in words, and the number of a style ([MS-DOC] section 2.9.178).
fn paragraph_list(page: &[u8], place: usize) -> Option<&[u8]> {
    let (start, bytes) = match *page.get(place)? {
        0 => (place + 2, usize::from(*page.get(place + 1)?) * 2),
        words => (place + 1, usize::from(words) * 2 - 1),
    };
    page.get(start + 2..(start + bytes).min(page.len()))
}

/// A list behind its length in bytes ([MS-DOC] section 2.9.32).
fn character_list(page: &[u8], place: usize) -> Option<&[u8]> {
    let bytes = usize::from(*page.get(place)?);
    page.get(place + 1..(place + 1 + bytes).min(page.len()))
}

fn paragraph(list: &[u8], data: Option<&mut Stream<'_>>) -> Result<Paragraph, Failure> {
    const HUGE: [u16; 2] = [0x6645, 0x6646];
    // Properties for which a page has no room are in the data stream.
    let huge = HUGE.iter().find_map(|code| find(list, *code)).and_then(|operand| u32_at(operand, 0));
    let moved = match (huge, data) {
        (Some(place), Some(data)) => {
            let size = bytes_at(data, place.into(), 2)?;
            let size = u16_at(&size, 0).unwrap_or(0);
            bytes_at(data, u64::from(place) + 2, size.into())?
        }
        _ => Vec::new(),
    };
    let mut paragraph = Paragraph::default();
    for (code, operand) in sprms(list).chain(sprms(&moved)) {
        let is_on = operand.first().is_some_and(|value| *value != 0);
        match code {
            0x2416 => paragraph.depth = paragraph.depth.max(u32::from(is_on)),
            0x6649 => paragraph.depth = u32_at(operand, 0).unwrap_or(0),
            0x2417 => paragraph.ends_row = is_on,
            0x244b => paragraph.ends_inner_cell = is_on,
            0x244c => paragraph.ends_inner_row = is_on,
            0x2407 => paragraph.begins_page = is_on,
            _ => {}
        }
    }
    Ok(paragraph)
}

fn is_invisible(list: &[u8]) -> bool {
    const DELETED: u16 = 0x0800;
    const HIDDEN: u16 = 0x083c;
    sprms(list).any(|(code, operand)| matches!(code, DELETED | HIDDEN) && operand.first() == Some(&1))
}

/// The operand of the first property of that code.
pub(super) fn find(list: &[u8], wanted: u16) -> Option<&[u8]> {
    sprms(list).find(|(code, _)| *code == wanted).map(|(_, operand)| operand)
}

/// Properties one by one: a code whose upper three bits say how long its operand is ([MS-DOC] section 2.2.5.1).
fn sprms(list: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    const TABLE_DEFINITION: u16 = 0xd608;
    let mut rest = list;
    std::iter::from_fn(move || {
        let code = u16_at(rest, 0)?;
        let after = rest.get(2..)?;
        let (skipped, bytes) = match code >> 13 {
            0 | 1 => (0, 1),
            2 | 4 | 5 => (0, 2),
            3 => (0, 4),
            7 => (0, 3),
            _ if code == TABLE_DEFINITION => (2, usize::from(u16_at(after, 0)?).saturating_sub(1)),
            _ => (1, usize::from(*after.first()?)),
        };
        let operand = after.get(skipped..skipped + bytes)?;
        rest = after.get(skipped + bytes..)?;
        Some((code, operand))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_taken_apart_by_the_length_in_their_code() {
        let list = [
            &[0x16, 0x24, 1][..],
            &[0x08, 0xd6, 5, 0, 9, 9, 9, 9],
            &[0x49, 0x66, 2, 0, 0, 0],
            &[0x15, 0xc6, 2, 7, 7],
            &[0x17, 0x24, 1],
            &[0x4c, 0x24],
        ]
        .concat();
        let paragraph = paragraph(&list, None).unwrap();
        assert_eq!(paragraph, Paragraph { depth: 2, ends_row: true, ..Paragraph::default() });
        assert_eq!(find(&list, 0xd608).unwrap(), [9; 4]);
        assert!(is_invisible(&[0x3c, 0x08, 1]) && !is_invisible(&[0x3c, 0x08, 0]) && !is_invisible(&[0x3c]));
    }

    #[test]
    fn a_page_gives_the_runs_that_it_bounds() {
        let mut page = [0; PAGE_BYTES];
        page[PAGE_BYTES - 1] = 2;
        for (index, bound) in [100_u32, 120, 140].into_iter().enumerate() {
            page[index * 4..index * 4 + 4].copy_from_slice(&bound.to_le_bytes());
        }
        page[13] = 200;
        page[400..404].copy_from_slice(&[3, 0x3c, 0x08, 1]);
        let found = runs(&page, 1, character_list);
        assert_eq!(found, [(100, 120, vec![]), (120, 140, vec![0x3c, 0x08, 1])]);
        assert!(runs(&[0xff; PAGE_BYTES], 13, paragraph_list).is_empty());
    }
}
