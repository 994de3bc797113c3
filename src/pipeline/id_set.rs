//! A set of ids that takes a bit for each where they lie close together, as ids of a table do.

use std::collections::BTreeMap;

use crate::gazette::GazetteId;

/// Ids of one entry.
const SPAN: i64 = 4096;

#[derive(Debug, Default)]
pub(super) struct IdSet {
    spans: BTreeMap<i64, Box<[u64; 64]>>,
    len: u64,
}

impl IdSet {
    pub fn insert(&mut self, id: GazetteId) {
        let (span, word, bit) = place(id);
        let words = self.spans.entry(span).or_insert_with(|| Box::new([0; 64]));
        self.len += u64::from(words[word] & bit == 0);
        words[word] |= bit;
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn contains(&self, id: GazetteId) -> bool {
        let (span, word, bit) = place(id);
        self.spans.get(&span).is_some_and(|words| words[word] & bit != 0)
    }

    /// Whether it was in it.
    pub fn remove(&mut self, id: GazetteId) -> bool {
        let (span, word, bit) = place(id);
        let Some(words) = self.spans.get_mut(&span) else { return false };
        let was_there = words[word] & bit != 0;
        words[word] &= !bit;
        self.len -= u64::from(was_there);
        was_there
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // what is left of a division by SPAN
fn place(GazetteId(id): GazetteId) -> (i64, usize, u64) {
    let within = id.rem_euclid(SPAN) as usize;
    (id.div_euclid(SPAN), within / 64, 1 << (within % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_is_taken_out_once() {
        let mut set = IdSet::default();
        for id in [1, 63, 64, 4095, 4096, -1, i64::MAX] {
            set.insert(GazetteId(id));
        }
        assert_eq!(set.len(), 7);
        for (id, there) in [(64, true), (64, false), (65, false), (4096, true), (-1, true), (i64::MAX, true), (1, true)]
        {
            assert_eq!((set.contains(GazetteId(id)), set.remove(GazetteId(id))), (there, there), "{id}");
        }
        assert_eq!(set.len(), 2);
    }
}
