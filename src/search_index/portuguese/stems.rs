//! Stems of words that were met before, as they stood in the text. Gazettes say the same words again and again: reducing
//! each anew took a quarter of the time of indexing.

use std::sync::{Mutex, PoisonError};

use ::tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, RawTokenizer, SimpleTokenizer, Stemmer, StopWordFilter, TextAnalyzer,
};
use rustc_hash::FxHashMap;

use super::words::{Short, Word};
use super::{MAX_WORD_BYTES, reduced, stop_words};

/// Numbers a stem, until [`Stems::make_room`].
pub(super) type StemId = u32;

pub(super) struct Stems {
    folder: TextAnalyzer,
    stemmer: TextAnalyzer,
    /// `None` for stop words. These are compared and hashed without a look elsewhere.
    short: FxHashMap<Short, Option<StemId>>,
    long: FxHashMap<Box<str>, Option<StemId>>,
    ids: FxHashMap<Box<str>, StemId>,
    texts: Vec<Box<str>>,
}

impl Stems {
    /// Words that are remembered: about five megabytes.
    pub const MOST: usize = 50_000;

    fn new() -> Self {
        let folder = TextAnalyzer::builder(SimpleTokenizer::default())
            .filter(LowerCaser)
            .filter(AsciiFoldingFilter)
            .filter(StopWordFilter::remove(stop_words()))
            .build();
        let stemmer = TextAnalyzer::builder(RawTokenizer::default())
            .filter(Stemmer::new(Language::Portuguese))
            .filter(AsciiFoldingFilter)
            .build();
        let (short, long, ids) = (FxHashMap::default(), FxHashMap::default(), FxHashMap::default());
        Self { folder, stemmer, short, long, ids, texts: Vec::new() }
    }

    /// Whether there are so many words that [`Self::make_room`] is due.
    pub fn is_full(&self) -> bool {
        self.short.len() + self.long.len() >= Self::MOST
    }

    /// Forgets all words when they have become too many, and the numbers of their stems.
    pub fn make_room(&mut self) {
        if self.is_full() {
            self.short.clear();
            self.long.clear();
            self.ids.clear();
            self.texts.clear();
        }
    }

    /// The stem of a word; `None` for a stop word, and for what is too long to be a word.
    pub fn of(&mut self, word: Word<'_>) -> Option<StemId> {
        let Some(short) = word.short() else { return self.of_long(word.text()) };
        if let Some(known) = self.short.get(&short) {
            return *known;
        }
        let stem = self.found(word.text());
        self.short.insert(short, stem);
        stem
    }

    fn of_long(&mut self, word: &str) -> Option<StemId> {
        if word.len() >= MAX_WORD_BYTES {
            return None;
        }
        if let Some(known) = self.long.get(word) {
            return *known;
        }
        let stem = self.found(word);
        self.long.insert(word.into(), stem);
        stem
    }

    fn found(&mut self, word: &str) -> Option<StemId> {
        let folded = only_token(&mut self.folder, word)?;
        let stem = only_token(&mut self.stemmer, &reduced(&folded))?;
        if let Some(id) = self.ids.get(stem.as_str()) {
            return Some(*id);
        }
        let id = StemId::try_from(self.texts.len()).ok()?;
        self.texts.push(stem.as_str().into());
        self.ids.insert(stem.into(), id);
        Some(id)
    }

    pub fn text(&self, stem: StemId) -> &str {
        self.texts.get(stem as usize).map_or("", |text| text)
    }

    /// Stems that are known; the next will have this number.
    pub fn count(&self) -> usize {
        self.texts.len()
    }
}

/// What is left of a word; `None` when nothing is.
fn only_token(analyzer: &mut TextAnalyzer, word: &str) -> Option<String> {
    let mut left = None;
    analyzer.token_stream(word).process(&mut |token| left = Some(token.text.clone()));
    left
}

/// [`Stems`] that nobody uses: one for each text that was ever read at the same time. Tantivy begins a new thread with
/// every commit, so that what a thread remembers would be forgotten as often.
static IDLE: Mutex<Vec<Stems>> = Mutex::new(Vec::new());

/// Stems that are given back when the text is read.
#[derive(Default)]
pub(super) struct Borrowed(Option<Stems>);

impl Borrowed {
    pub fn get(&mut self) -> &mut Stems {
        self.0.get_or_insert_with(|| {
            let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
            idle.unwrap_or_else(Stems::new)
        })
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        IDLE.lock().unwrap_or_else(PoisonError::into_inner).extend(self.0.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_bounded() {
        let mut stems = Stems::new();
        for n in 0..Stems::MOST * 2 {
            stems.make_room();
            let word = format!("palavra{n}");
            let stem = stems.of(Word::alone(&word)).unwrap();
            assert_eq!(stems.text(stem), word);
        }
        assert!(stems.short.len() <= Stems::MOST);
    }
}
