//! The piece table: where in the file each run of characters is ([MS-DOC] sections 2.4.1, 2.9.38 and 2.9.177).

use super::fib::{Fib, extent, u16_at, u32_at};
use super::{Charset, Stream};
use crate::extraction::Limits;
use crate::failure::{Failure, FailureCode};

/// Characters that follow each other in the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    /// Character positions.
    pub start: u32,
    pub end: u32,
    /// First byte in the main stream.
    pub offset: u32,
    /// The code page of characters of one byte; those without are UTF-16, low byte first.
    pub charset: Option<Charset>,
}

const PIECE_BYTES: usize = 8;

/// # Errors
/// `FILE_DAMAGED` when there is no piece table.
pub(super) fn pieces(table: &mut Stream<'_>, fib: &Fib, limits: &Limits) -> Result<Vec<Piece>, Failure> {
    let clx = extent(table, fib.clx, limits)?;
    parse(&clx).ok_or_else(|| Failure::new(FailureCode::FileDamaged, "the Word document's table of pieces is broken"))
}

fn parse(clx: &[u8]) -> Option<Vec<Piece>> {
    let mut rest = clx;
    // Properties that pieces share come first.
    while let [1, after @ ..] = rest {
        rest = after.get(2 + usize::from(u16_at(after, 0)?)..)?;
    }
    let [2, rest @ ..] = rest else { return None };
    let size = u32_at(rest, 0)? as usize;
    let rest = rest.get(4..)?;
    let list = rest.get(..size).unwrap_or(rest);
    let count = list.len().checked_sub(4)? / (4 + PIECE_BYTES);
    let piece = |index: usize| {
        let (start, end) = (u32_at(list, index * 4)?, u32_at(list, index * 4 + 4)?);
        let place = u32_at(list, (count + 1) * 4 + index * PIECE_BYTES + 2)?;
        let is_compressed = place & 0x4000_0000 != 0;
        let place = place & 0x3fff_ffff;
        (start < end).then(|| Piece {
            start,
            end,
            offset: if is_compressed { place / 2 } else { place },
            charset: if is_compressed { Charset::of_code_page(1252) } else { None },
        })
    };
    Some((0..count).filter_map(piece).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_found_behind_the_properties() {
        let mut clx = vec![1, 3, 0, 9, 9, 9, 2];
        clx.extend_from_slice(&28_u32.to_le_bytes());
        for position in [0_u32, 5, 9] {
            clx.extend_from_slice(&position.to_le_bytes());
        }
        for place in [0x4000_0800_u32, 0x0000_0600] {
            clx.extend_from_slice(&[0, 0]);
            clx.extend_from_slice(&place.to_le_bytes());
            clx.extend_from_slice(&[0, 0]);
        }
        let pieces = parse(&clx).unwrap();
        let places: Vec<_> =
            pieces.iter().map(|piece| (piece.start, piece.end, piece.offset, piece.charset.is_some())).collect();
        assert_eq!(places, [(0, 5, 0x400, true), (5, 9, 0x600, false)]);
        assert_eq!(parse(&clx[..clx.len() - 3]).unwrap().len(), 1, "a table that is cut loses its last piece");
        assert_eq!(parse(&[1, 200, 0]), None);
        assert_eq!(parse(&[]), None);
    }
}
