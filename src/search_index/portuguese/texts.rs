//! Texts that are kept once each, and known by their numbers.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::stems::StemId;

/// Texts one after the other, each once, by their numbers.
#[derive(Default)]
pub(super) struct Texts {
    all: String,
    /// Of each, where it ends.
    ends: Vec<u32>,
    numbers: HashTable<StemId>,
    hasher: RandomState,
}

impl Texts {
    /// The text of a number; empty when there is none.
    pub fn text(&self, number: StemId) -> &str {
        of(&self.all, &self.ends, number)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The number of a text, which is kept when it is new.
    pub fn number(&mut self, text: &str) -> Option<StemId> {
        let hash = self.hasher.hash_one(text);
        if let Some(number) = self.numbers.find(hash, |number| self.text(*number) == text) {
            return Some(*number);
        }
        let number = StemId::try_from(self.ends.len()).ok()?;
        let end = u32::try_from(self.all.len() + text.len()).ok()?;
        self.all.push_str(text);
        self.ends.push(end);
        let Self { all, ends, numbers, hasher } = self;
        numbers.insert_unique(hash, number, |number| hasher.hash_one(of(all, ends, *number)));
        Some(number)
    }

    /// Of memory.
    pub fn bytes(&self) -> usize {
        self.all.capacity() + self.ends.capacity() * size_of::<u32>() + self.numbers.allocation_size()
    }
}

fn of<'a>(all: &'a str, ends: &[u32], number: StemId) -> &'a str {
    let number = number as usize;
    let start = if number == 0 { 0 } else { ends.get(number - 1).copied().unwrap_or_default() };
    let end = ends.get(number).copied().unwrap_or_default();
    all.get(start as usize..end as usize).unwrap_or_default()
}
