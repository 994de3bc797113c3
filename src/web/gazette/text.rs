//! One page of the stored text, and the next one behind it that holds what is sought. The text is read once, only as far
//! as that needs, and two pages are held at most.

use std::cmp::Ordering;

use futures_util::TryStreamExt as _;

use crate::storage::{Storage, StorageError, StorageErrorKind};

/// Of a longer page only so much is shown, and looked at, in bytes.
const PAGE_BYTES: usize = 512 << 10;
/// So far behind a page the next one is looked for, in bytes: more than nearly every gazette has.
const REACH_BYTES: usize = 4 << 20;
/// Pages are parted by form feeds.
const PAGE_BREAK: u8 = 0x0c;

/// Whether a page is one that is sought.
pub type Sought<'a> = &'a (dyn Fn(&str) -> bool + Send + Sync);

/// What the stored text says of a page.
#[derive(Debug, PartialEq, Eq)]
pub enum PageText {
    /// `cut`: the page is longer.
    There { text: String, cut: bool },
    /// The text has only so many pages.
    Beyond { pages: u32 },
    /// No text is stored.
    NotStored,
}

/// Page `number`, counted from 1, of the text of the file under `key`.
pub async fn page_text(storage: &dyn Storage, key: &str, number: u32) -> Result<PageText, StorageError> {
    page_and_next(storage, key, number, None).await.map(|(text, _)| text)
}

/// The same with the number of the first page behind it that is sought, where there is one within reach.
pub async fn page_and_next(
    storage: &dyn Storage,
    key: &str,
    number: u32,
    sought: Option<Sought<'_>>,
) -> Result<(PageText, Option<u32>), StorageError> {
    let mut body = match storage.stream_text(key).await {
        Ok(body) => body,
        Err(error) if error.kind == StorageErrorKind::NotFound => return Ok((PageText::NotStored, None)),
        Err(error) => return Err(error),
    };
    let mut finder = Finder::new(number, sought);
    while let Some(chunk) = body.try_next().await? {
        if finder.take(&chunk) {
            break;
        }
        // To look through pages is work, and a file of this machine never makes one wait.
        tokio::task::yield_now().await;
    }
    Ok(finder.found())
}

struct Finder<'a> {
    wanted: u32,
    page: u32,
    text: Vec<u8>,
    cut: bool,
    sought: Option<Sought<'a>>,
    /// The page that is looked at, behind the wanted one.
    behind: Vec<u8>,
    /// Bytes behind the wanted page.
    reached: usize,
    next: Option<u32>,
}

impl<'a> Finder<'a> {
    fn new(wanted: u32, sought: Option<Sought<'a>>) -> Self {
        Self { wanted, page: 1, text: Vec::new(), cut: false, sought, behind: Vec::new(), reached: 0, next: None }
    }

    /// Whether everything is found.
    fn take(&mut self, chunk: &[u8]) -> bool {
        for (index, part) in chunk.split(|&byte| byte == PAGE_BREAK).enumerate() {
            if index > 0 && self.ends_with_page() {
                return true;
            }
            self.keep(part);
        }
        if self.sought.is_none() { self.cut } else { self.reached > REACH_BYTES }
    }

    fn ends_with_page(&mut self) -> bool {
        if self.page >= self.wanted && self.sought.is_none() {
            return true;
        }
        self.look();
        if self.next.is_some() {
            return true;
        }
        self.page = self.page.saturating_add(1);
        self.behind.clear();
        false
    }

    fn keep(&mut self, part: &[u8]) {
        let text = match self.page.cmp(&self.wanted) {
            Ordering::Less => return,
            Ordering::Equal => &mut self.text,
            Ordering::Greater => {
                self.reached += part.len();
                &mut self.behind
            }
        };
        let room = PAGE_BYTES - text.len();
        text.extend_from_slice(&part[..part.len().min(room)]);
        self.cut |= self.page == self.wanted && part.len() > room;
    }

    /// Whether the page behind the wanted one, as far as it was read, is one that is sought.
    fn look(&mut self) {
        if let Some(is_sought) = self.sought
            && self.page > self.wanted
            && self.next.is_none()
            && is_sought(&String::from_utf8_lossy(&self.behind))
        {
            self.next = Some(self.page);
        }
    }

    fn found(mut self) -> (PageText, Option<u32>) {
        if self.page < self.wanted {
            return (PageText::Beyond { pages: self.page }, None);
        }
        self.look();
        // A cut may fall into a character.
        let text = String::from_utf8_lossy(&self.text).into_owned();
        (PageText::There { text, cut: self.cut }, self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str, chunk: usize, wanted: u32) -> PageText {
        found(text, chunk, wanted, None).0
    }

    fn found(text: &str, chunk: usize, wanted: u32, sought: Option<Sought<'_>>) -> (PageText, Option<u32>) {
        let mut finder = Finder::new(wanted, sought);
        for chunk in text.as_bytes().chunks(chunk) {
            if finder.take(chunk) {
                break;
            }
        }
        finder.found()
    }

    #[test]
    fn a_page_is_found_wherever_chunks_end() {
        let there = |text: &str| PageText::There { text: text.into(), cut: false };
        for chunk in 1..9 {
            let text = "um\u{c}dois é\u{c}\u{c}quatro";
            assert_eq!(page(text, chunk, 1), there("um"), "{chunk}");
            assert_eq!(page(text, chunk, 2), there("dois é"), "{chunk}");
            assert_eq!(page(text, chunk, 3), there(""), "{chunk}");
            assert_eq!(page(text, chunk, 4), there("quatro"), "{chunk}");
            assert_eq!(page(text, chunk, 5), PageText::Beyond { pages: 4 }, "{chunk}");
        }
        assert_eq!(page("", 1, 1), there(""));
    }

    #[test]
    fn an_endless_page_is_cut() {
        let PageText::There { text, cut } = page(&"x".repeat(PAGE_BYTES + 1), 1_000, 1) else { panic!() };
        assert_eq!((text.len(), cut), (PAGE_BYTES, true));
    }

    #[test]
    fn the_next_page_that_is_sought_is_found_in_the_same_reading() {
        let sought = |page: &str| page.contains("ção");
        let text = "licitação\u{c}nada\u{c}ação\u{c}\u{c}dotação";
        for chunk in 1..20 {
            for (page, next) in [(1, Some(3)), (2, Some(3)), (3, Some(5)), (4, Some(5)), (5, None), (6, None)] {
                let (shown, found) = found(text, chunk, page, Some(&sought));
                assert_eq!(found, next, "{page}, {chunk}");
                assert_eq!(shown, self::page(text, chunk, page), "the page is the same: {page}, {chunk}");
            }
        }
    }

    #[test]
    fn it_is_not_looked_for_without_end() {
        let sought = |page: &str| page.contains("ação");
        let page = format!("{}\u{c}", "x".repeat(PAGE_BYTES));
        let near = format!("um\u{c}{}ação", page.repeat(3));
        assert_eq!(found(&near, 64 << 10, 1, Some(&sought)).1, Some(5));
        let far = format!("um\u{c}{}ação", page.repeat(REACH_BYTES / PAGE_BYTES + 2));
        assert_eq!(found(&far, 64 << 10, 1, Some(&sought)).1, None);
        let long = format!("{}\u{c}ação", "x".repeat(PAGE_BYTES + 1));
        let (PageText::There { cut, .. }, next) = found(&long, 1_000, 1, Some(&sought)) else { panic!() };
        assert_eq!((cut, next), (true, Some(2)), "a page that is cut has one behind it");
    }
}
