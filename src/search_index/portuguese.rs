//! How Portuguese words are reduced, so that `PREGÕES ELETRÔNICOS` is found by `pregao eletronico`.
//!
//! Accents go first, because people leave them out: what is equal without them must end equal. The Snowball stemmer
//! (<https://snowballstem.org/algorithms/portuguese/stemmer.html>) knows its suffixes only with accents, so the few it
//! needs are put back by rule, and the plurals it misses (`editais`, `pregões`) become singulars, by the plural step of
//! Orengo and Huyck, "A stemming algorithm for the Portuguese language" (SPIRE 2001).

use ::tantivy::tokenizer::{AsciiFoldingFilter, LowerCaser, SimpleTokenizer, TextAnalyzer};

use super::query::Stem;
pub use stems::{Borrowed, StemId};

mod short_words;
mod stems;
mod texts;
mod words;

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

/// The words of a text as the index holds them: lower case, without accents, without stop words (their places stay empty,
/// so that phrases fit), stemmed.
#[must_use]
pub fn stems(text: &str) -> Vec<Stem> {
    let mut found = Vec::new();
    let mut known = Borrowed::default();
    let known = known.get();
    known.each(text, |stem| found.push(stem));
    let stem = |(offset, stem): (usize, &Option<StemId>)| Some(Stem { offset, text: known.text((*stem)?).to_owned() });
    found.iter().enumerate().filter_map(stem).collect()
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
        let many: Vec<String> = (0..stems::Stems::MOST).map(|n| format!("palavra{n}")).collect();
        assert_eq!(words(&many.join(" ")).len(), many.len());
        assert_eq!(words("Pregões de REGISTRO DE preços"), first);
        assert!(words(&"x".repeat(MAX_WORD_BYTES)).is_empty(), "that is no word");
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
