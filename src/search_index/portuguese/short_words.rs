//! A table of short words that is looked up without waiting for the memory: the processor asks for several words at once.

use std::hash::BuildHasher as _;

use rustc_hash::FxBuildHasher;

use super::stems::StemId;
use super::words::Short;

/// A word that was met before.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    word: Short,
    /// `None` for a stop word.
    pub stem: Option<StemId>,
}

/// What is known of words of up to 24 bytes: most of them. Those of every page were met first, and lie close together.
pub(super) struct ShortWords {
    /// The first is no word: what is found where nothing is.
    known: Vec<Known>,
    /// Indices of `known` where the hashes say, or in the next place that is free (linear probing); at most half of them are
    /// taken.
    places: Vec<u32>,
}

impl ShortWords {
    pub fn new() -> Self {
        Self { known: vec![Known::default()], places: vec![0; 1 << 10] }
    }

    /// Words that are known.
    pub fn len(&self) -> usize {
        self.known.len() - 1
    }

    fn place(&self, word: Short) -> usize {
        // Its lowest bits are the best mixed.
        #[expect(clippy::cast_possible_truncation, reason = "the number of places is a power of two, and far smaller")]
        let hash = FxBuildHasher.hash_one(word) as usize;
        hash & (self.places.len() - 1)
    }

    /// Where the word most likely is.
    pub fn guess(&self, word: Short) -> u32 {
        self.places[self.place(word)]
    }

    /// The word, when the guess was right. It may be older than what is known now.
    pub fn at(&self, guess: u32, word: Short) -> Option<Known> {
        self.known.get(guess as usize).copied().filter(|known| known.word == word)
    }

    pub fn get(&self, word: Short) -> Option<Known> {
        let mut place = self.place(word);
        loop {
            match self.places[place] {
                0 => return None,
                guess => match self.at(guess, word) {
                    None => place = (place + 1) & (self.places.len() - 1),
                    found => return found,
                },
            }
        }
    }

    pub fn insert(&mut self, word: Short, stem: Option<StemId>) {
        if self.known.len() * 2 > self.places.len() {
            self.places = vec![0; self.places.len() * 2];
            (1..self.known.len()).for_each(|index| self.put(index));
        }
        self.known.push(Known { word, stem });
        self.put(self.known.len() - 1);
    }

    fn put(&mut self, index: usize) {
        let mut place = self.place(self.known[index].word);
        while self.places[place] != 0 {
            place = (place + 1) & (self.places.len() - 1);
        }
        self.places[place] = u32::try_from(index).unwrap_or_default();
    }

    pub fn clear(&mut self) {
        self.known.truncate(1);
        self.places.fill(0);
    }
}
