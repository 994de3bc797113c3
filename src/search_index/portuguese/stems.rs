//! Stems of words that were met before, as they stood in the text. Gazettes say the same words again and again: reducing
//! each anew took a quarter of the time of indexing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ::tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, RawTokenizer, SimpleTokenizer, Stemmer, StopWordFilter, TextAnalyzer,
};
use foldhash::fast::RandomState;

use super::short_words::ShortWords;
use super::texts::Texts;
use super::words::{Word, Words};
use super::{MAX_WORD_BYTES, reduced, stop_words};

/// Numbers a stem, as long as its [`Stems`] are borrowed.
pub type StemId = u32;

/// Words that are looked up one right after the other: the processor then waits for several at a time.
const TOGETHER: usize = 64;

/// Words and stems that are known.
pub struct Stems {
    folder: TextAnalyzer,
    stemmer: TextAnalyzer,
    short: ShortWords,
    long: HashMap<Box<str>, Option<StemId>, RandomState>,
    texts: Texts,
}

impl Stems {
    /// Words that are remembered, and stems that are kept from one use to the next: about six megabytes.
    pub const MOST: usize = 100_000;

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
        let (short, long, texts) = (ShortWords::new(), HashMap::default(), Texts::default());
        Self { folder, stemmer, short, long, texts }
    }

    /// Gives the stem of each word of a text in turn; `None` for a stop word, and for what is too long to be a word.
    pub fn each(&mut self, text: &str, mut give: impl FnMut(Option<StemId>)) {
        let mut words = Words::of(text);
        let mut together = Vec::with_capacity(TOGETHER);
        let mut guesses = Vec::with_capacity(TOGETHER);
        loop {
            together.clear();
            together.extend(words.by_ref().take(TOGETHER).map(|word| (word, word.short())));
            if together.is_empty() {
                return;
            }
            // Nothing here waits for what was read before.
            guesses.clear();
            guesses.extend(together.iter().map(|(_, short)| self.short.guess(*short)));
            for ((word, short), guess) in together.iter().zip(&guesses) {
                match self.short.at(*guess, *short) {
                    Some(known) => give(known.stem),
                    None => give(self.of(*word)),
                }
            }
        }
    }

    /// The stem of a word; `None` for a stop word, and for what is too long to be a word.
    fn of(&mut self, word: Word<'_>) -> Option<StemId> {
        let text = word.text();
        if text.len() >= MAX_WORD_BYTES {
            return None;
        }
        if word.is_short() {
            if let Some(known) = self.short.get(word.short()) {
                return known.stem;
            }
        } else if let Some(stem) = self.long.get(text) {
            return *stem;
        }
        self.learn(word)
    }

    #[cold]
    fn learn(&mut self, word: Word<'_>) -> Option<StemId> {
        // When there are too many, all words are forgotten; their stems keep their numbers.
        if self.short.len() + self.long.len() >= Self::MOST {
            self.short.clear();
            self.long.clear();
        }
        let stem = self.found(word.text());
        if word.is_short() {
            self.short.insert(word.short(), stem);
        } else {
            self.long.insert(word.text().into(), stem);
        }
        stem
    }

    fn found(&mut self, word: &str) -> Option<StemId> {
        // Nothing of what follows changes numbers, which most new words are.
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            return self.texts.number(word);
        }
        let folded = only_token(&mut self.folder, word)?;
        let stem = only_token(&mut self.stemmer, &reduced(&folded))?;
        self.texts.number(&stem)
    }

    /// The stem of a text that is one word.
    pub fn of_alone(&mut self, word: &str) -> Option<&str> {
        let stem = self.of(Word::alone(word))?;
        Some(self.text(stem))
    }

    /// Of memory, for the stems: all that grows with what is read while they are borrowed.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.texts.bytes()
    }

    /// Whether there are few enough of them for the next use.
    fn is_small(&self) -> bool {
        self.count() < Self::MOST
    }

    /// The stem of this number.
    #[must_use]
    pub fn text(&self, stem: StemId) -> &str {
        self.texts.text(stem)
    }

    /// Stems that are known; the next will have this number.
    #[must_use]
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

/// [`Stems`] that nobody uses: one for each text that was ever read at the same time. What was learnt from one bulk serves
/// the next.
static IDLE: Mutex<Vec<Stems>> = Mutex::new(Vec::new());

/// Stems that are given back after use.
#[derive(Default)]
pub struct Borrowed(Option<Stems>);

impl Borrowed {
    /// The stems, taken when they are first asked for.
    pub fn get(&mut self) -> &mut Stems {
        self.0.get_or_insert_with(|| {
            let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
            idle.unwrap_or_else(Stems::new)
        })
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        // Too many are given back to the system, with all their memory. So are those that a panic left half changed.
        let kept = self.0.take().filter(|stems| stems.is_small() && !std::thread::panicking());
        if let Some(stems) = kept {
            IDLE.lock().unwrap_or_else(PoisonError::into_inner).push(stems);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_bounded() {
        let mut stems = Stems::new();
        for n in 0..Stems::MOST * 2 {
            assert_eq!(stems.is_small(), n < Stems::MOST);
            let word = format!("palavra{n}");
            let stem = stems.of(Word::alone(&word)).unwrap();
            assert_eq!(stems.text(stem), word);
        }
        assert!(stems.short.len() <= Stems::MOST);
        assert!(stems.bytes() < 16 << 20, "{} bytes", stems.bytes());
    }

    #[test]
    fn a_word_alone_has_the_stem_that_it_has_in_a_text() {
        let mut stems = Stems::new();
        let long = "a".repeat(24);
        for word in ["Contratos", "de", "ação", "2024", &long, &format!("{long}s"), &"a".repeat(MAX_WORD_BYTES)] {
            let mut in_text = None;
            stems.each(&format!("{word}, e"), |stem| _ = in_text.get_or_insert(stem));
            let in_text = in_text.flatten().map(|stem| stems.text(stem).to_owned());
            assert_eq!(stems.of_alone(word).map(str::to_owned), in_text, "{word}");
        }
    }

    #[test]
    fn stems_keep_their_numbers_when_words_are_forgotten() {
        let mut stems = Stems::new();
        let first = stems.of(Word::alone("contratos")).unwrap();
        for n in 0..=Stems::MOST {
            stems.of(Word::alone(&format!("palavra{n}")));
        }
        assert_eq!(stems.of(Word::alone("contrato")), Some(first));
        assert_eq!(stems.text(first), "contrat");
        assert!(stems.short.len() <= Stems::MOST);
    }
}
