//! Parts of a page that may be left out: read first, and taken back when they end and have shown what they are. One that
//! never ends is kept, as it cannot be told from the rest of the page.

use super::Flow;
use crate::extraction::flow::Mark;

/// Parts within parts beyond this are not looked at.
const MOST_OPEN: usize = 64;
/// A part with so many of its bytes in links is one of navigation, in percent.
const MOSTLY_LINKS: usize = 65;
/// A part with more text is none, whatever its links.
const MOST_BYTES: usize = 20_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The page says so.
    Navigation,
    /// It is, when it is mostly links.
    Links,
}

#[derive(Default)]
pub(super) struct Regions {
    open: Vec<Region>,
    /// Where a link begins, and how long all links are together.
    link: Option<Mark>,
    linked: usize,
}

struct Region {
    name: Vec<u8>,
    kind: Kind,
    mark: Mark,
    linked: usize,
    tables: usize,
    /// Elements of the same name that are open within it.
    nested: usize,
}

impl Regions {
    pub fn open(&mut self, name: &[u8], kind: Kind, flow: &Flow<'_>, tables: usize) {
        self.nest(name);
        if self.open.len() < MOST_OPEN {
            let mark = flow.mark();
            self.open.push(Region { name: name.to_vec(), kind, mark, linked: self.linked, tables, nested: 0 });
        }
    }

    /// An element that is no such part begins.
    pub fn nest(&mut self, name: &[u8]) {
        if let Some(region) = self.open.last_mut().filter(|region| region.name == name) {
            region.nested += 1;
        }
    }

    pub fn open_link(&mut self, flow: &Flow<'_>) {
        if self.link.is_none() {
            self.link = Some(flow.mark());
        }
    }

    pub fn close_link(&mut self, flow: &Flow<'_>) {
        if let Some(mark) = self.link.take() {
            // With what stands between it and the next one.
            self.linked += flow.since(mark) + 1;
        }
    }

    /// An element ends. When it was a part that is left out: how many tables were open when it began.
    pub fn close(&mut self, name: &[u8], flow: &mut Flow<'_>) -> Option<usize> {
        let at = self.open.iter().rposition(|region| region.name == name)?;
        // Those within it end with it.
        self.open.truncate(at + 1);
        let region = self.open.last_mut()?;
        if region.nested > 0 {
            region.nested -= 1;
            return None;
        }
        let region = self.open.pop()?;
        let (bytes, linked) = (flow.since(region.mark), self.linked.saturating_sub(region.linked));
        let is_left_out = bytes <= MOST_BYTES
            && match region.kind {
                Kind::Navigation => true,
                Kind::Links => linked * 100 >= bytes * MOSTLY_LINKS,
            };
        if !is_left_out || !flow.cut(region.mark) {
            return None;
        }
        self.linked = region.linked;
        self.link = None;
        Some(region.tables)
    }
}
