//! Documents of Word 97 to 2003 ([MS-DOC]); the files here are named in its words. Of Word 6 and 95, those that were not
//! saved in pieces.

use std::cell::Cell;
use std::io::Cursor;

use cfb::CompoundFile;

use super::encoding::Charset;
use super::flow::Flow;
use super::ole::{Stream, bytes_at};
use super::{Limits, OnPage, Text};
use crate::failure::{Failure, FailureCode};

mod characters;
mod fib;
mod pieces;
mod properties;

use characters::Characters;
use fib::Fib;
use pieces::{Piece, pieces};
use properties::Properties;

pub(super) const MAIN_STREAM: &str = "/WordDocument";

/// Characters that are decoded at a time.
const CHARACTERS_A_TIME: u32 = 16 * 1024;

/// # Errors
/// `ENCRYPTED`, `UNSUPPORTED_FORMAT` when it is of a Word that is older, `FILE_DAMAGED`, `EMPTY_OBJECT`, or a limit's code.
pub(super) fn read(
    file: &mut CompoundFile<Cursor<&[u8]>>,
    limits: &Limits,
    on_page: &OnPage<'_>,
) -> Result<Text, Failure> {
    let missing =
        |error| Failure::new(FailureCode::FileDamaged, format!("a stream of the Word document is missing: {error}"));
    let mut main = file.open_stream(MAIN_STREAM).map_err(missing)?;
    let fib = Fib::parse(&bytes_at(&mut main, 0, fib::MOST_BYTES)?)?;
    let mut document = if fib.is_old {
        Document {
            pieces: vec![fib.only_piece()],
            properties: Properties::default(),
            heads: Vec::new(),
            sections: Vec::new(),
            left: Cell::default(),
        }
    } else {
        let mut table = file.open_stream(fib.table_stream()).map_err(missing)?;
        let mut data = file.open_stream("/Data").ok();
        Document {
            pieces: pieces(&mut table, &fib, limits)?,
            properties: Properties::read(&mut main, &mut table, data.as_mut(), &fib, limits)?,
            heads: fib::positions(&mut table, fib.heads, limits)?,
            sections: fib::sections_on_page(&mut main, &mut table, &fib, limits)?,
            left: Cell::default(),
        }
    };
    document.pieces.sort_by_key(|piece| piece.start);
    document.left = Cell::new(main.len());
    let mut flow = Flow::new(limits, on_page);
    let mut characters = Characters::new(&document.properties, &document.sections);
    let parts = fib.parts();
    let mut read = |from: u32, to: u32, flow: &mut Flow<'_>, characters: &mut Characters<'_>| {
        document.read(&mut main, from, to, flow, characters)
    };
    // Six stories that separate notes, then six for each section: headers of even and odd pages, footers of the same,
    // header and footer of the first page ([MS-DOC] section 2.3.3).
    for (index, pair) in document.heads.windows(2).enumerate().skip(6) {
        let &[from, to] = pair else { continue };
        if from >= to || parts.heads.start.saturating_add(to) > parts.heads.end {
            continue;
        }
        flow.begin_head();
        read(parts.heads.start + from, parts.heads.start + to, &mut flow, &mut characters)?;
        if matches!((index - 6) % 6, 0 | 1 | 4) {
            flow.end_head();
        } else {
            flow.end_foot();
        }
        characters.reset();
    }
    read(parts.main.start, parts.main.end, &mut flow, &mut characters)?;
    for part in [parts.footnotes, parts.endnotes, parts.boxes] {
        characters.reset();
        flow.line();
        read(part.start, part.end, &mut flow, &mut characters)?;
    }
    flow.partial |= document.is_cut(parts.main.end);
    let text = flow.finish()?;
    match (text.is_blank(), text.partial) {
        (false, _) => Ok(text),
        (true, true) => Err(Failure::new(FailureCode::FileDamaged, "no text is in what is left of the Word document")),
        (true, false) => Err(Failure::new(FailureCode::EmptyObject, "a Word document without text")),
    }
}

struct Document {
    pieces: Vec<Piece>,
    properties: Properties,
    /// Where headers and footers begin, relative to the first.
    heads: Vec<u32>,
    /// Where sections end, and whether the next one begins on a page of its own.
    sections: Vec<(u32, bool)>,
    /// Bytes of text that may still be read: every character is in the main stream, and none of them twice.
    left: Cell<u64>,
}

impl Document {
    /// The characters from one position to another, piece by piece.
    fn read(
        &self,
        main: &mut Stream<'_>,
        from: u32,
        to: u32,
        flow: &mut Flow<'_>,
        characters: &mut Characters<'_>,
    ) -> Result<(), Failure> {
        let first = self.pieces.partition_point(|piece| piece.end <= from);
        for piece in self.pieces.get(first..).unwrap_or_default() {
            if piece.start >= to {
                break;
            }
            let (mut position, end) = (piece.start.max(from), piece.end.min(to));
            while position < end {
                let count = (end - position).min(CHARACTERS_A_TIME);
                let width: u32 = if piece.charset.is_some() { 1 } else { 2 };
                let offset = u64::from(piece.offset) + u64::from(position - piece.start) * u64::from(width);
                let bytes = bytes_at(main, offset, (count * width) as usize)?;
                let Some(left) = self.left.get().checked_sub(bytes.len() as u64) else {
                    flow.partial = true;
                    return Ok(());
                };
                self.left.set(left);
                characters.take(&bytes, piece, position, offset, flow);
                flow.check()?;
                if bytes.len() < (count * width) as usize {
                    flow.partial = true;
                    return Ok(());
                }
                position += count;
            }
        }
        Ok(())
    }

    /// Whether the pieces do not reach as far as the text should.
    fn is_cut(&self, end: u32) -> bool {
        self.pieces.last().is_none_or(|piece| piece.end < end)
    }
}

#[cfg(test)]
mod tests;
