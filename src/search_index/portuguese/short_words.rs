//! A table of short words that is looked up without waiting for the memory: the processor asks for several words at once.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;

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
    /// Of its own secret: of words that anybody could compute to begin at one place, each would be compared with all.
    hasher: RandomState,
}

impl ShortWords {
    pub fn new() -> Self {
        Self { known: vec![Known::default()], places: vec![0; 1 << 10], hasher: RandomState::default() }
    }

    /// Words that are known.
    pub fn len(&self) -> usize {
        self.known.len() - 1
    }

    fn place(&self, word: Short) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "the number of places is a power of two, and far smaller")]
        let hash = self.hasher.hash_one(word) as usize;
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

#[cfg(test)]
mod tests {
    use rustc_hash::FxBuildHasher;

    use super::super::words::Word;
    use super::*;

    /// Words that `FxBuildHasher`, which has no secret, gives the same lowest bits, found as anybody could find them.
    fn made_to_collide() -> Vec<String> {
        let mut state = 1_u64;
        let mut halves = || -> Vec<String> {
            let mut letter = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                char::from(b'a' + u8::try_from((state >> 33) % 26).unwrap())
            };
            (0..1 << 17).map(|_| (0..8).map(|_| letter()).collect()).collect()
        };
        // Of the sum of what both halves give, the highest bits count.
        let part = |short: Short| FxBuildHasher.hash_one(short).rotate_right(26);
        let short = |text: &str| Word::alone(text).short();
        let (firsts, seconds) = (halves(), halves());
        let mut seconds: Vec<(u64, String)> =
            seconds.into_iter().map(|second| (part(Short::of_parts(0, short(&second).first(), 0)), second)).collect();
        seconds.sort_unstable();
        let mut words = Vec::new();
        for first in firsts {
            let missing = part(short(&first)).wrapping_neg();
            let from = seconds.partition_point(|(part, _)| *part < missing);
            let fitting = seconds[from..].iter().take_while(|(part, _)| part - missing < 1 << 40);
            words.extend(fitting.map(|(_, second)| format!("{first}{second}")));
        }
        words
    }

    #[test]
    fn words_cannot_be_made_to_lie_in_one_place() {
        let words = made_to_collide();
        assert!(words.len() > 500, "{}", words.len());
        let lowest = |word: &String| FxBuildHasher.hash_one(Word::alone(word).short()) & 0x3FF_FFFC;
        assert!(words.iter().all(|word| lowest(word) == lowest(&words[0])), "they do not collide");
        let mut known = ShortWords::new();
        for word in &words {
            known.insert(Word::alone(word).short(), None);
        }
        let mask = known.places.len() - 1;
        let looked_at = |word: &String| {
            let short = Word::alone(word).short();
            let first = known.place(short);
            (0..=mask).find(|more| known.at(known.places[(first + more) & mask], short).is_some()).unwrap()
        };
        let most = words.iter().map(looked_at).max().unwrap();
        assert!(most < 100, "{most} places are looked at for one word");
    }
}
