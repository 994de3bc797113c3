//! How Portuguese words are reduced, so that `PREGÕES ELETRÔNICOS` is found by `pregao eletronico`.
//!
//! Accents go first, because people leave them out: what is equal without them must end equal. The Snowball stemmer
//! (<https://snowballstem.org/algorithms/portuguese/stemmer.html>) knows its suffixes only with accents, so the few it
//! needs are put back by rule, and the plurals it misses (`editais`, `pregões`) become singulars, by the plural step of
//! Orengo and Huyck, "A stemming algorithm for the Portuguese language" (SPIRE 2001).

use std::sync::{Mutex, PoisonError};

use ::tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, RawTokenizer, SimpleTokenizer, Stemmer, StopWordFilter, TextAnalyzer,
    Token, TokenStream, Tokenizer,
};
use rustc_hash::FxHashMap;

use super::query::Stem;

/// Bytes; what is longer is no word, and the index takes no token above 65,530.
pub const MAX_WORD_BYTES: usize = 80;

/// Plural endings and their singulars, without accents, the longest that fits first.
const PLURALS: &[(&str, &str)] = &[
    ("oes", "ao"),
    ("aes", "ao"),
    ("aos", "ao"),
    ("ais", "al"),
    ("eis", "el"),
    ("ois", "ol"),
    ("is", "il"),
    ("ns", "m"),
];

/// Words whose ending only looks like a plural, or has another singular.
const ODD_PLURALS: &[(&str, &str)] = &[
    ("maes", "mae"),
    ("leis", "lei"),
    ("reis", "rei"),
    ("seis", "seis"),
    ("dois", "dois"),
    ("pois", "pois"),
    ("cais", "cais"),
    ("pais", "pais"),
    ("jamais", "jamais"),
    ("demais", "demais"),
    ("gratis", "gratis"),
    ("onibus", "onibus"),
    ("uteis", "util"),
    ("faceis", "facil"),
    ("dificeis", "dificil"),
    ("contabeis", "contabil"),
];

/// Endings that the stemmer knows only with their accents. `-aria` it would take for that of a verb, and make one word
/// of `portaria` and `porto`; it goes with `-ário`.
const ACCENTS: &[(&str, &str)] = &[
    ("cao", "ção"),
    ("ao", "ão"),
    ("encia", "ência"),
    ("encias", "ências"),
    ("ancia", "ância"),
    ("avel", "ável"),
    ("ivel", "ível"),
    ("aria", "ario"),
    ("arias", "ario"),
];

/// Words, lower case, without accents, without stop words (their places stay empty, so that phrases fit), stemmed.
#[must_use]
pub fn analyzer() -> TextAnalyzer {
    TextAnalyzer::from(Words)
}

/// The words of a text as the index holds them.
#[must_use]
pub fn stems(text: &str) -> Vec<Stem> {
    let mut stems = Vec::new();
    Words.token_stream(text).process(&mut |token| {
        stems.push(Stem { offset: token.position, text: token.text.clone() });
    });
    stems
}

/// Lower case without accents.
#[must_use]
pub fn folded(word: &str) -> String {
    let mut folder =
        TextAnalyzer::builder(SimpleTokenizer::default()).filter(LowerCaser).filter(AsciiFoldingFilter).build();
    let mut out = String::with_capacity(word.len());
    folder.token_stream(word).process(&mut |token| out.push_str(&token.text));
    out
}

/// Snowball's list (<https://snowballstem.org/algorithms/portuguese/stop.txt>), without accents and without `são`,
/// since many towns are called after a saint.
fn stop_words() -> Vec<String> {
    include_str!("stop_words.txt").split_whitespace().map(str::to_owned).collect()
}

/// What the stemmer is given for a folded word.
fn reduced(word: &str) -> String {
    let singular = match ODD_PLURALS.iter().find(|(plural, _)| *plural == word) {
        Some((_, singular)) => (*singular).to_owned(),
        None => with_ending(word, PLURALS),
    };
    with_ending(&singular, ACCENTS)
}

/// Replaces the first ending that fits; the part before it keeps at least two letters.
fn with_ending(word: &str, endings: &[(&str, &str)]) -> String {
    for (ending, other) in endings {
        if let Some(head) = word.strip_suffix(ending)
            && head.len() >= 2
        {
            return format!("{head}{other}");
        }
    }
    word.to_owned()
}

/// Stems of words that were met before, as they stood in the text. Gazettes say the same words again and again: reducing
/// each anew took a quarter of the time of indexing.
struct Stems {
    folder: TextAnalyzer,
    stemmer: TextAnalyzer,
    known: FxHashMap<Box<str>, Option<Box<str>>>,
}

impl Stems {
    /// About five megabytes; then it begins anew.
    const MOST: usize = 50_000;

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
        Self { folder, stemmer, known: FxHashMap::default() }
    }

    /// Puts the stem of a word into `out`; `false` for a stop word.
    fn stem(&mut self, word: &str, out: &mut String) -> bool {
        let known = match self.known.get(word) {
            Some(known) => known,
            None => {
                if self.known.len() >= Self::MOST {
                    self.known.clear();
                }
                let stem = only_token(&mut self.folder, word)
                    .and_then(|folded| only_token(&mut self.stemmer, &reduced(&folded)))
                    .map(String::into_boxed_str);
                self.known.entry(word.into()).or_insert(stem)
            }
        };
        let Some(stem) = known else { return false };
        out.clear();
        out.push_str(stem);
        true
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
struct Borrowed(Option<Stems>);

impl Borrowed {
    fn get(&mut self) -> &mut Stems {
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

/// Parts a text into words where anything stands that is neither letter nor digit.
#[derive(Clone)]
struct Words;

struct WordStream<'a> {
    text: &'a str,
    /// Bytes of the text that were looked at.
    read: usize,
    token: Token,
    stems: Borrowed,
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        WordStream { text, read: 0, token: Token::default(), stems: Borrowed(None) }
    }
}

impl<'a> WordStream<'a> {
    /// Where the next word begins, and itself.
    fn word(&mut self) -> Option<(usize, &'a str)> {
        let bytes = self.text.as_bytes();
        let mut start = None;
        while let Some(byte) = bytes.get(self.read) {
            let (is_of_word, length) = if byte.is_ascii() {
                (byte.is_ascii_alphanumeric(), 1)
            } else {
                let c = self.text[self.read..].chars().next()?;
                (c.is_alphanumeric(), c.len_utf8())
            };
            match (is_of_word, start) {
                (true, None) => start = Some(self.read),
                (false, Some(start)) => return Some((start, &self.text[start..self.read])),
                _ => {}
            }
            self.read += length;
        }
        start.map(|start| (start, &self.text[start..]))
    }
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        while let Some((start, word)) = self.word() {
            // Counted also for what is left out.
            self.token.position = self.token.position.wrapping_add(1);
            if word.len() < MAX_WORD_BYTES && self.stems.get().stem(word, &mut self.token.text) {
                (self.token.offset_from, self.token.offset_to) = (start, start + word.len());
                return true;
            }
        }
        false
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
    use super::*;

    fn words(text: &str) -> Vec<String> {
        stems(text).into_iter().map(|stem| stem.text).collect()
    }

    #[test]
    fn forms_of_a_word_are_one() {
        for forms in [
            "pregão PREGAO pregões pregoes Pregões",
            "eletrônico ELETRONICO eletrônicos eletrônica",
            "licitação licitacao LICITAÇÕES licitacoes",
            "nomeação nomeações nomeacao nomeacoes",
            "município municipios MUNICÍPIO",
            "edital editais",
            "municipal municipais",
            "imóvel imoveis imóveis",
            "servidor servidores servidora",
            "órgão órgãos orgaos",
            "cidadão cidadãos",
            "homem homens",
            "decisão decisões decisoes",
            "audiência audiências audiencia",
            "responsável responsaveis responsáveis",
            "lei leis",
            "útil úteis",
            "saúde saude SAÚDE",
            "contrato contratos",
            "civil civis",
            "portaria portarias PORTARIA",
            "necessário necessária necessarios necessárias",
            "secretaria secretarias secretário",
        ] {
            let stems = words(forms);
            assert_eq!(stems.len(), forms.split(' ').count(), "a stop word in {forms}");
            assert!(stems.iter().all(|stem| *stem == stems[0]), "{forms}: {stems:?}");
        }
    }

    #[test]
    fn different_words_stay_apart() {
        for pair in [
            "edital edição",
            "mãe mão",
            "prego pregão",
            "lei leilão",
            "portaria porto",
            "secretaria secreto",
            "saúde saudade",
        ] {
            let stems = words(pair);
            assert_ne!(stems[0], stems[1], "{pair}");
        }
    }

    #[test]
    fn a_word_has_the_same_stem_when_it_comes_again_and_after_many_others() {
        let first = words("Pregões de REGISTRO DE preços");
        assert_eq!(words("Pregões de REGISTRO DE preços"), first);
        let many: Vec<String> = (0..Stems::MOST).map(|n| format!("palavra{n}")).collect();
        assert_eq!(words(&many.join(" ")).len(), many.len());
        assert_eq!(words("Pregões de REGISTRO DE preços"), first);
        let idle = IDLE.lock().unwrap();
        assert!(idle.iter().all(|stems| stems.known.len() <= Stems::MOST));
    }

    #[test]
    fn words_are_parted_as_the_tokenizer_of_the_index_parts_them() {
        let long = "x".repeat(MAX_WORD_BYTES);
        let all = "Édito nº 1.234/2024 — São João d'Oeste\u{c}R$ 5,00 ½ e-mail ﬁm  \u{301}ção 北京".to_owned()
            + " "
            + &long;
        let mut usual = SimpleTokenizer::default();
        let mut expected = Vec::new();
        usual.token_stream(&all).process(&mut |token| {
            let stems = words(&token.text);
            let stem = (token.text.len() < MAX_WORD_BYTES).then(|| stems.first().cloned()).flatten();
            expected.extend(stem.map(|stem| (token.position, token.offset_from, token.offset_to, stem)));
        });
        let mut got = Vec::new();
        Words.token_stream(&all).process(&mut |token| {
            got.push((token.position, token.offset_from, token.offset_to, token.text.clone()));
        });
        assert_eq!(got, expected);
    }

    #[test]
    fn stop_words_leave_a_gap() {
        let stems = stems("Secretaria de Saúde da Capital, à tarde");
        let offsets: Vec<usize> = stems.iter().map(|stem| stem.offset).collect();
        assert_eq!(offsets, [0, 2, 4, 6]);
    }

    #[test]
    fn folding_keeps_only_plain_letters() {
        assert_eq!(folded("ÓRGÃO"), "orgao");
        assert_eq!(folded("Nomeação"), "nomeacao");
    }
}
