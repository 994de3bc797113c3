//! The words of a text for the index: all places of one word, then those of the next.
//!
//! The index asks only that the places of a word come in their order. It looks up each token in tables larger than the
//! processor's caches: for one word after the other, what it looks at is near. That halves the time of indexing.

use ::tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use super::stems::{Borrowed, StemId, Stems};
use super::words::Words;

/// Words that are gathered before they are given out: a bound for texts of any length.
const TOGETHER: usize = 1 << 16;

/// No further place of this stem.
const END: u32 = u32::MAX;

#[derive(Debug, Clone)]
pub(super) struct Analyzer;

impl Tokenizer for Analyzer {
    type TokenStream<'a> = GroupedStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> GroupedStream<'a> {
        GroupedStream {
            words: Words::of(text),
            stems: Borrowed::default(),
            gathered: Gathered::default(),
            token: Token::default(),
            now: None,
        }
    }
}

/// Where a stem stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    position: u32,
    /// Index of the next place of the same stem.
    next: u32,
}

/// Places by stems, as lists.
#[derive(Debug, Default)]
struct Gathered {
    places: Vec<Place>,
    /// Of each stem, the indices of its first place and its last.
    ends: Vec<(u32, u32)>,
    /// Stems that have places and were not given out, the next last.
    waiting: Vec<StemId>,
}

impl Gathered {
    fn add(&mut self, stem: StemId, position: u32) {
        let index = u32::try_from(self.places.len()).unwrap_or(END);
        self.places.push(Place { position, next: END });
        let (first, last) = &mut self.ends[stem as usize];
        if *first == END {
            *first = index;
            self.waiting.push(stem);
        } else {
            self.places[*last as usize].next = index;
        }
        *last = index;
    }

    /// Gathers the next words of a text.
    fn fill(&mut self, words: &mut Words<'_>, stems: &mut Stems) {
        self.places.clear();
        stems.make_room();
        while self.places.is_empty() || (self.places.len() < TOGETHER && !stems.is_full()) {
            let Some(word) = words.next() else { break };
            let Some(stem) = stems.of(word) else { continue };
            if self.ends.len() < stems.count() {
                self.ends.resize(stems.count(), (END, END));
            }
            self.add(stem, u32::try_from(word.position).unwrap_or(u32::MAX));
        }
        // In the order in which they were first met: near in the tables of the index, too.
        self.waiting.sort_unstable_by(|one, other| other.cmp(one));
    }

    /// A stem that has places, and the first of them.
    fn next_stem(&mut self) -> Option<(StemId, u32)> {
        let stem = self.waiting.pop()?;
        let (first, _) = std::mem::replace(&mut self.ends[stem as usize], (END, END));
        Some((stem, first))
    }
}

pub(super) struct GroupedStream<'a> {
    words: Words<'a>,
    stems: Borrowed,
    gathered: Gathered,
    token: Token,
    /// Index of the place that is given out.
    now: Option<u32>,
}

impl GroupedStream<'_> {
    /// The next place of the same stem, or the first of the next one.
    fn place(&mut self) -> Option<u32> {
        match self.now.and_then(|now| self.gathered.places.get(now as usize)) {
            Some(place) if place.next != END => return Some(place.next),
            _ => {}
        }
        let stems = self.stems.get();
        let (stem, first) = match self.gathered.next_stem() {
            Some(next) => next,
            None => {
                self.gathered.fill(&mut self.words, stems);
                self.gathered.next_stem()?
            }
        };
        self.token.text.clear();
        self.token.text.push_str(stems.text(stem));
        Some(first)
    }
}

impl TokenStream for GroupedStream<'_> {
    fn advance(&mut self) -> bool {
        self.now = self.place();
        match self.now.and_then(|now| self.gathered.places.get(now as usize)) {
            Some(place) => {
                self.token.position = place.position as usize;
                true
            }
            None => false,
        }
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn grouped(text: &str) -> Vec<(String, usize)> {
        let mut out = Vec::new();
        Analyzer.token_stream(text).process(&mut |token| out.push((token.text.clone(), token.position)));
        out
    }

    fn in_order(text: &str) -> Vec<(String, usize)> {
        super::super::stems(text).into_iter().map(|stem| (stem.text, stem.offset)).collect()
    }

    #[test]
    fn all_places_of_a_word_come_together_and_none_is_lost() {
        let text = "Contrato de obras. O contrato, as Obras; contratos: obras";
        let contract = in_order("contrato")[0].0.clone();
        let work = in_order("obras")[0].0.clone();
        let expected = [(&contract, 0), (&contract, 4), (&contract, 7), (&work, 2), (&work, 6), (&work, 8)];
        assert_eq!(grouped(text), expected.map(|(stem, position)| (stem.clone(), position)));
        assert_eq!(grouped(""), []);
        assert_eq!(grouped("de a o"), [], "stop words only");
    }

    /// More words than are gathered at once, and more different ones than are remembered.
    #[test]
    fn long_texts_are_given_out_in_parts_with_the_places_of_each_word_in_order() {
        let words: Vec<String> =
            (0..TOGETHER * 2).map(|n| format!("contrato w{}", n % (Stems::MOST + 1_000))).collect();
        let text = words.join(" ");
        let mut got = grouped(&text);
        let mut last = std::collections::HashMap::new();
        for (stem, position) in &got {
            let before = last.insert(stem.clone(), *position);
            assert!(before.is_none_or(|before| before < *position), "{stem} at {position} after {before:?}");
        }
        let mut expected = in_order(&text);
        expected.sort_unstable();
        got.sort_unstable();
        assert!(got == expected);
        assert_eq!(got.iter().collect::<HashSet<_>>().len(), got.len());
    }
}
