//! How Portuguese words are reduced, so that `PREGÕES ELETRÔNICOS` is found by `pregao eletronico`.
//!
//! Accents go first, because people leave them out: what is equal without them must end equal. The Snowball stemmer
//! (<https://snowballstem.org/algorithms/portuguese/stemmer.html>) knows its suffixes only with accents, so the few it
//! needs are put back by rule, and the plurals it misses (`editais`, `pregões`) become singulars, by the plural step of
//! Orengo and Huyck, "A stemming algorithm for the Portuguese language" (SPIRE 2001).

use std::cell::RefCell;

use ::tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, RawTokenizer, RemoveLongFilter, SimpleTokenizer, Stemmer, StopWordFilter,
    TextAnalyzer, Token, TokenFilter, TokenStream, Tokenizer,
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
    TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(RemoveLongFilter::limit(MAX_WORD_BYTES))
        .filter(Remembered)
        .build()
}

/// The words of a text as the index holds them.
#[must_use]
pub fn stems(text: &str) -> Vec<Stem> {
    thread_local! {
        static ANALYZER: RefCell<TextAnalyzer> = RefCell::new(analyzer());
    }
    let mut stems = Vec::new();
    ANALYZER.with_borrow_mut(|analyzer| {
        analyzer.token_stream(text).process(&mut |token| {
            stems.push(Stem { offset: token.position, text: token.text.clone() });
        });
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

    /// Puts the stem in the place of the word; `false` for a stop word.
    fn replace(&mut self, word: &mut String) -> bool {
        if !self.known.contains_key(word.as_str()) {
            if self.known.len() >= Self::MOST {
                self.known.clear();
            }
            let stem = only_token(&mut self.folder, word)
                .and_then(|folded| only_token(&mut self.stemmer, &reduced(&folded)))
                .map(String::into_boxed_str);
            self.known.insert(word.as_str().into(), stem);
        }
        let Some(Some(stem)) = self.known.get(word.as_str()) else { return false };
        word.clear();
        word.push_str(stem);
        true
    }
}

/// What is left of a word; `None` when nothing is.
fn only_token(analyzer: &mut TextAnalyzer, word: &str) -> Option<String> {
    let mut left = None;
    analyzer.token_stream(word).process(&mut |token| left = Some(token.text.clone()));
    left
}

thread_local! {
    static STEMS: RefCell<Stems> = RefCell::new(Stems::new());
}

/// [`Stems`] as a filter.
#[derive(Clone)]
struct Remembered;

#[derive(Clone)]
struct RememberedTokenizer<T>(T);

struct RememberedStream<T>(T);

impl TokenFilter for Remembered {
    type Tokenizer<T: Tokenizer> = RememberedTokenizer<T>;

    fn transform<T: Tokenizer>(self, tokenizer: T) -> RememberedTokenizer<T> {
        RememberedTokenizer(tokenizer)
    }
}

impl<T: Tokenizer> Tokenizer for RememberedTokenizer<T> {
    type TokenStream<'a> = RememberedStream<T::TokenStream<'a>>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Self::TokenStream<'a> {
        RememberedStream(self.0.token_stream(text))
    }
}

impl<T: TokenStream> TokenStream for RememberedStream<T> {
    fn advance(&mut self) -> bool {
        while self.0.advance() {
            if STEMS.with_borrow_mut(|stems| stems.replace(&mut self.0.token_mut().text)) {
                return true;
            }
        }
        false
    }

    fn token(&self) -> &Token {
        self.0.token()
    }

    fn token_mut(&mut self) -> &mut Token {
        self.0.token_mut()
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
        assert!(STEMS.with_borrow(|stems| stems.known.len() <= Stems::MOST));
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
