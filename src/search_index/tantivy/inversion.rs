//! From the words of each text to the places of each word, by sorting.
//!
//! Tantivy's own writer looks each word of a text up in a table and appends its place to a list, both far larger than the
//! processor's caches. Here places are gathered in the order of the texts and brought into that of the words by counting,
//! a part at a time (sort-based inversion: Witten, Moffat and Bell, "Managing Gigabytes", 2nd edition, section 5.2).

use ::tantivy::DocId;
use ::tantivy::postings::FieldSerializer;

use crate::search_index::portuguese::{Borrowed, StemId};

/// Words whose places are sorted at once, unless their stems are more than twice as many.
const PART: usize = 1 << 19;

/// In place of a stem, for words without one.
const NONE: StemId = StemId::MAX;

/// Some of the places, sorted by their stems.
struct Part {
    places: Vec<u32>,
    /// Of each stem by its number, the index after its last place.
    ends: Vec<u32>,
}

impl Part {
    /// By counting: the places of a stem stay in their order. `first` is that of the first word.
    fn sorted(words: &[StemId], first: u32) -> Self {
        let stems = numbers(words);
        let mut next = vec![0; stems + 1];
        words.iter().filter(|stem| **stem != NONE).for_each(|stem| next[*stem as usize + 1] += 1);
        let mut before = 0;
        for index in &mut next {
            before += *index;
            *index = before;
        }
        let mut places = vec![0; before as usize];
        for (place, stem) in (first..).zip(words) {
            if *stem != NONE {
                let index = &mut next[*stem as usize];
                places[*index as usize] = place;
                *index += 1;
            }
        }
        next.truncate(stems);
        Self { places, ends: next }
    }

    /// Of one stem, in their order.
    fn of(&self, stem: StemId) -> &[u32] {
        let stem = stem as usize;
        let Some(end) = self.ends.get(stem) else { return &[] };
        let start = if stem == 0 { 0 } else { self.ends[stem - 1] };
        &self.places[start as usize..*end as usize]
    }

    fn bytes(&self) -> usize {
        (self.places.capacity() + self.ends.capacity()) * size_of::<u32>()
    }
}

/// Texts that become postings with positions.
pub(super) struct Inversion {
    stems: Borrowed,
    /// Of memory, for the stems.
    stem_bytes: usize,
    /// Of each text, the place of its first word: all texts are counted through.
    starts: Vec<u32>,
    /// The stems of words that are not sorted yet.
    words: Vec<StemId>,
    /// The place of the first of them.
    first: u32,
    /// So many of them are to be sorted.
    enough: usize,
    parts: Vec<Part>,
    /// Words that have a stem.
    count: u64,
}

impl Default for Inversion {
    fn default() -> Self {
        Self {
            stems: Borrowed::default(),
            stem_bytes: 0,
            starts: Vec::new(),
            words: Vec::new(),
            first: 0,
            enough: PART,
            parts: Vec::new(),
            count: 0,
        }
    }
}

impl Inversion {
    /// Takes the next text. Answers with how many of its words are in the index.
    pub fn add(&mut self, text: &str) -> u32 {
        let Self { stems, stem_bytes, starts, words, first, enough, parts, count } = self;
        starts.push(*first + counted(words));
        let mut kept = 0;
        stems.get().each(text, |stem| {
            if words.len() >= *enough {
                // A part has room for every stem. Were it made of few words, that would grow with the square of the text.
                let room = numbers(words);
                if room > words.len() * 2 {
                    *enough = room;
                } else {
                    parts.push(Part::sorted(words, *first));
                    *first += counted(words);
                    words.clear();
                    *enough = PART;
                }
            }
            words.push(stem.unwrap_or(NONE));
            kept += u32::from(stem.is_some());
        });
        *count += u64::from(kept);
        *stem_bytes = stems.get().bytes();
        kept
    }

    /// Of memory.
    pub fn bytes(&self) -> usize {
        let parts: usize = self.parts.iter().map(Part::bytes).sum();
        parts + self.words.capacity() * size_of::<StemId>() + self.stem_bytes
    }

    /// Words of all texts that have a stem.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Writes the postings of all words, in the order of their bytes.
    pub fn write(mut self, out: &mut FieldSerializer<'_>) -> std::io::Result<()> {
        let stems = self.stems.get();
        self.parts.push(Part::sorted(&self.words, self.first));
        self.words = Vec::new();
        let mut places = Vec::new();
        let mut texts: Vec<(DocId, usize)> = Vec::new();
        // Most stems that are known may come from other bulks.
        let all = 0..StemId::try_from(stems.count()).unwrap_or(StemId::MAX);
        let met = all.filter(|stem| self.parts.iter().any(|part| !part.of(*stem).is_empty()));
        for stem in in_order(met, |stem| stems.text(stem)) {
            places.clear();
            self.parts.iter().for_each(|part| places.extend_from_slice(part.of(stem)));
            deltas(&mut places, &self.starts, &mut texts);
            let text_count = DocId::try_from(texts.len()).unwrap_or(DocId::MAX);
            out.new_term(stems.text(stem).as_bytes(), text_count, true)?;
            let mut rest = places.as_slice();
            for (text, count) in &texts {
                let (these, others) = rest.split_at(*count);
                out.write_doc(*text, u32::try_from(*count).unwrap_or(u32::MAX), these);
                rest = others;
            }
            out.close_term()?;
        }
        Ok(())
    }
}

/// Words of one segment are far fewer than that.
fn counted(words: &[StemId]) -> u32 {
    u32::try_from(words.len()).unwrap_or(u32::MAX)
}

/// Numbers up to the highest stem.
fn numbers(words: &[StemId]) -> usize {
    words.iter().filter(|stem| **stem != NONE).max().map_or(0, |stem| *stem as usize + 1)
}

/// Numbers in the order of their texts' bytes. Most are told apart by the first eight.
fn in_order<'a>(stems: impl Iterator<Item = StemId>, text: impl Fn(StemId) -> &'a str) -> impl Iterator<Item = StemId> {
    let first_eight = |text: &str| {
        let mut bytes = [0; 8];
        let length = text.len().min(8);
        bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
        u64::from_be_bytes(bytes)
    };
    let mut keyed: Vec<(u64, StemId)> = stems.map(|stem| (first_eight(text(stem)), stem)).collect();
    keyed
        .sort_unstable_by(|(one, first), (other, second)| one.cmp(other).then_with(|| text(*first).cmp(text(*second))));
    keyed.into_iter().map(|(_, stem)| stem)
}

/// Places that are counted through all texts become distances within each: of the first from the beginning of its text, of
/// each other from the one before. `texts` becomes the texts that hold any, and how many.
fn deltas(places: &mut [u32], starts: &[u32], texts: &mut Vec<(DocId, usize)>) {
    texts.clear();
    let (mut text, mut before, mut end) = (0, 0, 0);
    for place in places {
        if *place >= end {
            // Of texts that begin at the same place, all but the last are empty.
            text += starts[text..].partition_point(|start| start <= place) - 1;
            (before, end) = (starts[text], starts.get(text + 1).copied().unwrap_or(u32::MAX));
            texts.push((DocId::try_from(text).unwrap_or(DocId::MAX), 0));
        }
        if let Some((_, count)) = texts.last_mut() {
            *count += 1;
        }
        let delta = *place - before;
        before = *place;
        *place = delta;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_become_distances_within_the_texts_that_hold_them() {
        // Of 3, 0, 4 and 2 words.
        let starts = [0, 3, 3, 7];
        let mut texts = Vec::new();
        for (places, distances, of) in [
            (vec![0], vec![0], vec![(0, 1)]),
            (vec![2, 3], vec![2, 0], vec![(0, 1), (2, 1)]),
            (vec![0, 2, 4, 6, 8], vec![0, 2, 1, 2, 1], vec![(0, 2), (2, 2), (3, 1)]),
            (vec![8], vec![1], vec![(3, 1)]),
        ] {
            let mut got = places.clone();
            deltas(&mut got, &starts, &mut texts);
            assert_eq!((got, &texts), (distances, &of), "{places:?}");
        }
    }

    #[test]
    fn sorted_places_of_a_stem_stay_in_their_order() {
        let part = Part::sorted(&[2, NONE, 0, 2, 2, NONE], 10);
        assert_eq!(part.of(0), [12]);
        assert_eq!(part.of(1), [0_u32; 0]);
        assert_eq!(part.of(2), [10, 13, 14]);
        assert_eq!(part.of(3), [0_u32; 0], "known only since");
        assert_eq!(Part::sorted(&[], 0).of(0), [0_u32; 0]);
    }

    /// Of each word that is new, a part has one place, and room for all words before it.
    #[test]
    fn memory_grows_with_the_text_and_not_with_its_square() {
        let words: Vec<String> = (0..PART * 4).map(|n| format!("{n:x}q")).collect();
        let mut inversion = Inversion::default();
        assert_eq!(inversion.add(&words.join(" ")) as usize, words.len());
        let stems = inversion.stem_bytes;
        assert!(stems > words.len() * 10, "what is known of the words counts, too: {stems}");
        let each = (inversion.bytes() - stems) / words.len();
        assert!(each <= 13, "{each} bytes for each word in {} parts", inversion.parts.len());
    }

    #[test]
    fn the_order_is_that_of_bytes() {
        let texts = ["prefeitura", "prefeit", "prefeito", "", "2024", "prefeitos", "à"];
        let order: Vec<_> = in_order(0..7, |number| texts[number as usize]).collect();
        let mut expected: Vec<StemId> = (0..7).collect();
        expected.sort_by_key(|number| texts[*number as usize].as_bytes());
        assert_eq!(order, expected);
    }
}
