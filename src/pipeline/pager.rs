//! Which page of the catalogue comes next: a pure decision.
//!
//! The plain way, an offset over rows that leave the predicate while they are processed, skips half of the backlog.
//! Here a first pass reads pages in which the run's own rows stay, so that an offset keeps its meaning; then passes
//! over what is still untouched follow, until one finds nothing new: rows that others inserted, deleted or flipped
//! meanwhile can shift a page, but not hide a gazette.

use crate::catalog::Cursor;
use crate::config::Paging;
use crate::gazette::GazetteId;

/// `auto` pages by offset up to this many pages, because each costs the rows before it, too.
const OFFSET_PAGES: u64 = 100;

/// A page to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    pub cursor: Cursor,
    pub fresh_only: bool,
    /// From 1, for the log.
    pub pass: u32,
}

/// What a page held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub rows: usize,
    /// Gazettes that were not met before in this run.
    pub fresh: usize,
    /// The lowest id of the page.
    pub last: Option<GazetteId>,
}

/// Remembers where the listing stands.
#[derive(Debug)]
pub(super) struct Pager {
    page_size: u32,
    next: Option<Next>,
    fresh_in_pass: usize,
}

impl Pager {
    /// For a backlog of `selected` gazettes.
    pub fn new(paging: Paging, page_size: u32, selected: u64) -> Self {
        let keyset = match paging {
            Paging::Keyset => true,
            Paging::Offset => false,
            Paging::Auto => selected.div_ceil(u64::from(page_size)) > OFFSET_PAGES,
        };
        let cursor = if keyset { Cursor::Before(None) } else { Cursor::Offset(0) };
        let next = Some(Next { cursor, fresh_only: false, pass: 1 });
        Self { page_size, next, fresh_in_pass: 0 }
    }

    /// The page to read now; `None` when the backlog is done.
    pub fn next(&self) -> Option<Next> {
        self.next
    }

    /// Moves on after the page that [`Self::next`] named.
    pub fn saw(&mut self, seen: Seen) {
        let Some(current) = self.next else { return };
        self.fresh_in_pass += seen.fresh;
        let ended = seen.rows < self.page_size as usize;
        self.next = if !ended {
            let cursor = match current.cursor {
                Cursor::Offset(offset) => Cursor::Offset(offset + seen.rows as u64),
                Cursor::Before(_) => Cursor::Before(seen.last),
            };
            Some(Next { cursor, ..current })
        } else if current.fresh_only && self.fresh_in_pass == 0 {
            None
        } else {
            self.fresh_in_pass = 0;
            // Touched rows are left out of these passes, so an offset has no meaning in them.
            Some(Next { cursor: Cursor::Before(None), fresh_only: true, pass: current.pass + 1 })
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(rows: usize, fresh: usize, last: i64) -> Seen {
        Seen { rows, fresh, last: (rows > 0).then_some(GazetteId(last)) }
    }

    #[test]
    fn auto_changes_to_keyset_beyond_a_hundred_pages() {
        for (paging, selected, keyset) in [
            (Paging::Auto, 100_000, false),
            (Paging::Auto, 100_001, true),
            (Paging::Offset, 10_000_000, false),
            (Paging::Keyset, 1, true),
        ] {
            let first = if keyset { Cursor::Before(None) } else { Cursor::Offset(0) };
            let next = Pager::new(paging, 1000, selected).next();
            assert_eq!(next.map(|next| next.cursor), Some(first), "{paging:?} {selected}");
        }
    }

    #[test]
    fn offset_pages_then_a_last_pass_that_finds_nothing() {
        let mut pager = Pager::new(Paging::Offset, 2, 3);
        let at = |cursor, fresh_only, pass| Some(Next { cursor, fresh_only, pass });
        assert_eq!(pager.next(), at(Cursor::Offset(0), false, 1));
        pager.saw(page(2, 2, 8));
        assert_eq!(pager.next(), at(Cursor::Offset(2), false, 1));
        pager.saw(page(1, 1, 7));
        assert_eq!(pager.next(), at(Cursor::Before(None), true, 2));
        pager.saw(page(0, 0, 0));
        assert_eq!(pager.next(), None);
    }

    #[test]
    fn passes_repeat_until_one_finds_nothing_new() {
        let mut pager = Pager::new(Paging::Keyset, 2, 2);
        pager.saw(page(2, 2, 8));
        assert_eq!(pager.next().map(|next| next.cursor), Some(Cursor::Before(Some(GazetteId(8)))));
        pager.saw(page(0, 0, 0));
        assert_eq!(pager.next().map(|next| next.pass), Some(2));
        pager.saw(page(1, 1, 5));
        assert_eq!(pager.next().map(|next| next.pass), Some(3), "something new was found: look again");
        pager.saw(page(1, 0, 5));
        assert_eq!(pager.next(), None, "a row that cannot be claimed does not keep the run alive");
    }
}
