//! Lines that a narrow column spreads to its width come out of the PDF as lines of one word. Here they are put together to
//! be looked at.

/// So many words by themselves, one below the other, are a line.
const WORDS: usize = 3;

/// Words that stand alone in no list or table.
const CONNECTING: &[&str] = &[
    "A", "À", "AO", "AOS", "AS", "ÀS", "COM", "DA", "DAS", "DE", "DO", "DOS", "E", "EM", "NA", "NAS", "NO", "NOS", "O",
    "OS", "OU", "PARA", "PELA", "PELO", "POR", "QUE", "SEM", "SOB",
];

/// The text with such lines as one line each. Every character stays where it was: line feeds become spaces.
pub fn rejoined(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut alone: Vec<&str> = Vec::new();
    for line in text.split_inclusive('\n') {
        let word = line.trim();
        if word.is_empty() || word.contains(char::is_whitespace) {
            put(&mut out, &alone);
            alone.clear();
            out.push_str(line);
        } else {
            alone.push(line);
        }
    }
    put(&mut out, &alone);
    out
}

fn put(out: &mut String, alone: &[&str]) {
    let is_sentence = alone.len() >= WORDS && alone.iter().skip(1).any(|line| goes_on(line.trim()));
    for (index, line) in alone.iter().enumerate() {
        match line.strip_suffix('\n') {
            Some(word) if is_sentence && index + 1 < alone.len() => {
                out.push_str(word);
                out.push(' ');
            }
            _ => out.push_str(line),
        }
    }
}

/// Whether a word goes on with a sentence.
fn goes_on(word: &str) -> bool {
    word.starts_with(char::is_lowercase) || CONNECTING.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_sentence_are_put_together_and_lists_stay() {
        for (text, shown) in [
            (
                "para a\naquisição\nde\nfórmulas\ninfantis\ne\nsuplementos\nnutricionais para",
                "para a\naquisição de fórmulas infantis e suplementos\nnutricionais para",
            ),
            (
                "FORNECIMENTO\nPARCELADO\nDE\nMATERIAIS\nDE\nEXPEDIENTE,\nATENDER AS",
                "FORNECIMENTO PARCELADO DE MATERIAIS DE EXPEDIENTE,\nATENDER AS",
            ),
            ("1.220,00\n15,00\n7.000,00\n", "1.220,00\n15,00\n7.000,00\n"),
            ("MARIA\nJOÃO\nPEDRO\n", "MARIA\nJOÃO\nPEDRO\n"),
            ("Presidente\nda\n", "Presidente\nda\n"),
            ("um\n\ndois\n\ntrês\n", "um\n\ndois\n\ntrês\n"),
            ("Valor\nmáximo\nestimado:\n", "Valor máximo estimado:\n"),
            ("", ""),
        ] {
            assert_eq!(rejoined(text), shown);
        }
    }

    #[test]
    fn places_in_the_text_stay_the_same() {
        let text = "ação\r\nde\r\nórgãos\r\n\nfim\n";
        assert_eq!(rejoined(text).len(), text.len());
    }
}
