//! One page of the stored text. The text is read only as far as that page, and only the page is held.

use futures_util::TryStreamExt as _;

use crate::storage::{Storage, StorageError, StorageErrorKind};

/// Of a longer page only so much is shown, in bytes.
const PAGE_BYTES: usize = 512 << 10;
/// Pages are parted by form feeds.
const PAGE_BREAK: u8 = 0x0c;

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
    let mut body = match storage.stream_text(key).await {
        Ok(body) => body,
        Err(error) if error.kind == StorageErrorKind::NotFound => return Ok(PageText::NotStored),
        Err(error) => return Err(error),
    };
    let mut finder = Finder { wanted: number, page: 1, text: Vec::new(), cut: false };
    while let Some(chunk) = body.try_next().await? {
        if finder.take(&chunk) {
            break;
        }
    }
    Ok(finder.found())
}

struct Finder {
    wanted: u32,
    page: u32,
    text: Vec<u8>,
    cut: bool,
}

impl Finder {
    /// Whether the page is complete.
    fn take(&mut self, chunk: &[u8]) -> bool {
        let mut parts = chunk.split(|&byte| byte == PAGE_BREAK);
        if let Some(first) = parts.next() {
            self.keep(first);
        }
        for part in parts {
            if self.page == self.wanted {
                return true;
            }
            self.page = self.page.saturating_add(1);
            self.keep(part);
        }
        self.cut
    }

    fn keep(&mut self, part: &[u8]) {
        if self.page == self.wanted {
            let room = PAGE_BYTES - self.text.len();
            self.cut |= part.len() > room;
            self.text.extend_from_slice(&part[..part.len().min(room)]);
        }
    }

    fn found(self) -> PageText {
        if self.page < self.wanted {
            return PageText::Beyond { pages: self.page };
        }
        // A cut may fall into a character.
        PageText::There { text: String::from_utf8_lossy(&self.text).into_owned(), cut: self.cut }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str, chunk: usize, wanted: u32) -> PageText {
        let mut finder = Finder { wanted, page: 1, text: Vec::new(), cut: false };
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
}
