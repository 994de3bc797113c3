//! The text of a document, joined from those of its pages as they are read.

use std::collections::BTreeMap;

use super::page::{Outcome, PageText};
use crate::extraction::PAGE_BREAK;
use crate::failure::Failure;

/// Grows page by page, so that a page's own text lives no longer than it must. Chunks of pages may come in any order.
pub(super) struct Joined {
    text: String,
    outcomes: Vec<Outcome>,
    /// Pages of the document.
    pages: usize,
    /// The chunk that comes next, and those that have come before their time.
    next: usize,
    waiting: BTreeMap<usize, Vec<PageText>>,
    /// The first chunk that failed.
    failure: Option<(usize, Failure)>,
}

impl Joined {
    /// Of a document that has so many pages.
    pub(super) fn new(pages: usize) -> Self {
        let outcomes = Vec::with_capacity(pages);
        Self { text: String::new(), outcomes, pages, next: 0, waiting: BTreeMap::new(), failure: None }
    }

    pub(super) fn add(&mut self, index: usize, chunk: Vec<PageText>) {
        self.waiting.insert(index, chunk);
        while let Some(chunk) = self.waiting.remove(&self.next) {
            for page in chunk {
                self.append(page);
            }
            self.next += 1;
        }
    }

    pub(super) fn fail(&mut self, index: usize, failure: Failure) {
        if self.failure.as_ref().is_none_or(|(first, _)| index < *first) {
            self.failure = Some((index, failure));
        }
    }

    fn append(&mut self, page: PageText) {
        self.make_room(page.text.len() + 1);
        if !self.outcomes.is_empty() {
            self.text.push(PAGE_BREAK);
        }
        self.text.push_str(&page.text);
        self.outcomes.push(page.outcome);
    }

    /// For what is still to come, judged by the pages so far, but for no more than twice of what is there already.
    fn make_room(&mut self, bytes: usize) {
        if self.text.capacity() - self.text.len() < bytes {
            let (read, left) = (self.outcomes.len() + 1, self.pages.saturating_sub(self.outcomes.len()));
            let expected = (self.text.len() + bytes).div_ceil(read).saturating_mul(left);
            let sixteenth = expected / 16;
            self.text.reserve_exact((expected + sixteenth).min(self.text.len()).max(bytes));
        }
    }

    /// The text of all pages, and what came of each.
    ///
    /// # Errors
    /// The failure of the first chunk that has one.
    pub(super) fn finish(self) -> Result<(String, Vec<Outcome>), Failure> {
        match self.failure {
            Some((_, failure)) => Err(failure),
            None => Ok((self.text, self.outcomes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::quality::Verdict;
    use super::super::stream::Missing;
    use super::*;
    use crate::failure::FailureCode;

    fn page(text: &str) -> PageText {
        let outcome = Outcome {
            verdict: Verdict::Blank,
            is_stamped_scan: false,
            is_ocr_layer: false,
            is_painted: false,
            pictures: Vec::new(),
            missing: Missing::default(),
        };
        PageText { text: text.into(), outcome }
    }

    #[test]
    fn chunks_are_joined_in_their_order() {
        let mut joined = Joined::new(5);
        joined.add(1, vec![page("c"), page("")]);
        joined.add(2, vec![page("e")]);
        joined.add(0, vec![page(""), page("b")]);
        let (text, outcomes) = joined.finish().unwrap();
        assert_eq!((text.as_str(), outcomes.len()), ("\u{c}b\u{c}c\u{c}\u{c}e", 5));
    }

    #[test]
    fn the_first_failure_is_told() {
        let mut joined = Joined::new(3);
        joined.add(0, vec![page("a")]);
        joined.fail(2, Failure::new(FailureCode::LimitMemory, "later"));
        joined.fail(1, Failure::new(FailureCode::LimitMemory, "first"));
        joined.fail(3, Failure::new(FailureCode::LimitMemory, "last"));
        assert_eq!(joined.finish().unwrap_err().detail, "first");
    }

    #[test]
    fn room_is_made_for_little_more_than_the_text() {
        let mut joined = Joined::new(1000);
        let text = "x".repeat(999);
        for index in 0..1000 {
            joined.add(index, vec![page(&text)]);
        }
        assert_eq!(joined.text.len(), 1_000_000 - 1);
        assert!(joined.text.capacity() < 1_100_000, "{}", joined.text.capacity());
    }
}
