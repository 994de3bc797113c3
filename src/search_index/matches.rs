//! Where a text meets a query.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::portuguese;
use super::query::{Clause, Query};

/// What is looked at first of a text, in bytes. Nearly every gazette is shorter.
const BEGINNING_BYTES: usize = 512 << 10;

/// One word of the text that meets a clause of the query. The words of a phrase are matches each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// Byte range in the text.
    pub start: usize,
    pub end: usize,
    /// Number of the clause among [`Query::wanted`].
    pub clause: usize,
}

/// Every match, in the order of the text. A phrase matches only as a phrase.
///
/// A long text is read to its end only where its beginning does not show all that was asked for.
///
/// A search engine with another stemmer may have found the text by a word that [`portuguese`] takes for a different
/// one. When nothing matches at all, words that begin like those of the query are taken instead.
#[must_use]
pub fn find(text: &str, query: &Query) -> Vec<Match> {
    if text.len() > BEGINNING_BYTES {
        let matches = find_in(&text[..text.floor_char_boundary(BEGINNING_BYTES)], query);
        if meet(&matches, query) {
            return matches;
        }
    }
    let mut matches = find_in(text, query);
    if matches.is_empty() {
        matches = find_beginnings(text, query);
    }
    matches
}

/// Whether every group of the query has a match.
#[must_use]
pub fn meet(matches: &[Match], query: &Query) -> bool {
    let shown = |clause: usize| matches.iter().any(|m| m.clause == clause);
    let mut next = 0;
    query.all.iter().all(|group| {
        let clauses = next..next + group.len();
        next = clauses.end;
        clauses.into_iter().any(shown)
    })
}

fn find_in(text: &str, query: &Query) -> Vec<Match> {
    let by_stem = Vocabulary::of_stems(query);
    let mut matches = Vec::new();
    let mut stems = portuguese::Borrowed::default();
    let stems = stems.get();
    let found = scan(text, |word| stems.of_alone(word).and_then(|stem| by_stem.get(stem)));
    for (number, clause) in query.wanted().enumerate() {
        by_stem.collect(clause, number, &found, &mut matches);
    }
    matches.sort_by_key(|m| (m.start, m.clause));
    matches
}

/// Words that begin like those of the query.
fn find_beginnings(text: &str, query: &Query) -> Vec<Match> {
    let beginnings: Vec<(usize, String)> = query
        .wanted()
        .enumerate()
        .flat_map(|(number, clause)| clause.stems.iter().map(move |stem| (number, beginning(&stem.text).to_owned())))
        .collect();
    let found = scan(text, |word| {
        let word = portuguese::folded(word);
        beginnings.iter().find(|(_, beginning)| word.starts_with(beginning.as_str())).map(|(number, _)| *number)
    });
    found.iter().map(|word| Match { start: word.start, end: word.end, clause: word.id }).collect()
}

/// The stems of a query, numbered.
struct Vocabulary<'a>(HashMap<&'a str, usize>);

impl<'a> Vocabulary<'a> {
    fn of_stems(query: &'a Query) -> Self {
        let mut ids = HashMap::new();
        for stem in query.wanted().flat_map(|clause| &clause.stems) {
            let next = ids.len();
            ids.entry(stem.text.as_str()).or_insert(next);
        }
        Self(ids)
    }

    fn get(&self, stem: &str) -> Option<usize> {
        self.0.get(stem).copied()
    }

    /// Adds the places where all stems of a clause stand at their distances.
    fn collect(&self, clause: &Clause, number: usize, found: &[Word], matches: &mut Vec<Match>) {
        let Some(first) = clause.stems.first() else { return };
        let first_id = self.get(&first.text);
        for (index, word) in found.iter().enumerate() {
            if Some(word.id) != first_id {
                continue;
            }
            let rest = &found[index..];
            let words: Option<Vec<&Word>> = clause
                .stems
                .iter()
                .map(|stem| {
                    let place = word.place + stem.offset - first.offset;
                    let at = rest.binary_search_by_key(&place, |other| other.place).ok()?;
                    (Some(rest[at].id) == self.get(&stem.text)).then_some(&rest[at])
                })
                .collect();
            let words = words.into_iter().flatten();
            matches.extend(words.map(|word| Match { start: word.start, end: word.end, clause: number }));
        }
    }
}

/// A word of the text that `classify` knew.
struct Word {
    /// Words before it in the text.
    place: usize,
    start: usize,
    end: usize,
    id: usize,
}

/// Walks over the words of a text, parted as the index parts them. Each different word is classified once: a long
/// text has few of them.
fn scan(text: &str, mut classify: impl FnMut(&str) -> Option<usize>) -> Vec<Word> {
    let mut known: HashMap<&str, Option<usize>, RandomState> = HashMap::default();
    let mut found = Vec::new();
    for (place, (start, word)) in words(text).enumerate() {
        if word.len() < portuguese::MAX_WORD_BYTES
            && let Some(id) = *known.entry(word).or_insert_with(|| classify(word))
        {
            found.push(Word { place, start, end: start + word.len(), id });
        }
    }
    found
}

fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find(char::is_alphanumeric)?;
        let end = text[start..].find(|c: char| !c.is_alphanumeric()).map_or(text.len(), |length| start + length);
        at = end;
        Some((start, &text[start..end]))
    })
}

/// The part of a stem that its other forms share, as a guess.
fn beginning(stem: &str) -> &str {
    let length = stem.chars().count();
    let keep = if length > 5 { length - 2 } else { length.min(4) };
    stem.char_indices().nth(keep).map_or(stem, |(end, _)| &stem[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_phrases_are_found() {
        let text = "A Secretaria de Saúde abre pregão.\u{c}Saúde, secretaria; PREGÕES 001/2024 e 2024/001";
        for (query, expected) in [
            ("pregao", vec!["pregão", "PREGÕES"]),
            ("\"secretaria de saude\"", vec!["Secretaria", "Saúde"]),
            ("secretaria saude", vec!["Secretaria", "Saúde", "Saúde", "secretaria"]),
            ("\"saúde abre\" pregao", vec!["Saúde", "abre", "pregão", "PREGÕES"]),
            ("001/2024", vec!["001", "2024"]),
            ("leilão OR pregão -abre", vec!["pregão", "PREGÕES"]),
            ("\"pregão saúde\" leilão", vec!["pregão", "Saúde"]),
            ("secretariado", vec!["Secretaria", "secretaria"]),
            ("xadrez", vec![]),
        ] {
            let matches = find(text, &Query::parse(query).unwrap());
            let words: Vec<&str> = matches.iter().map(|m| &text[m.start..m.end]).collect();
            assert_eq!(words, expected, "{query}");
        }
    }

    #[test]
    fn clauses_are_numbered_across_groups() {
        let matches = find("um dois três", &Query::parse("tres OR dois").unwrap());
        assert_eq!(matches.iter().map(|m| m.clause).collect::<Vec<_>>(), [1, 0]);
    }
}
