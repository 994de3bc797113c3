//! Parts a text into words where anything stands that is neither letter nor digit.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// Words before it.
    pub position: usize,
    /// The text from its first letter on.
    from: &'a str,
    /// Bytes.
    length: usize,
}

/// The bytes of a word, followed by zeros: no word holds a zero. Three numbers and no array, which would be put together
/// in memory and read from there again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Short(u64, u64, u64);

impl<'a> Word<'a> {
    /// A word by itself.
    #[cfg(test)]
    pub fn alone(text: &'a str) -> Self {
        Self { position: 0, from: text, length: text.len() }
    }

    pub fn text(&self) -> &'a str {
        &self.from[..self.length]
    }

    /// `None` when it has more than 24 bytes.
    ///
    /// Taken from the text in one piece where that goes on: a copy of only the word, read again as a whole, would have
    /// the processor wait for it.
    pub fn short(&self) -> Option<Short> {
        let length = self.length;
        if length > 24 {
            return None;
        }
        let mut padded = [0; 24];
        let bytes: &[u8; 24] = match self.from.as_bytes().first_chunk() {
            Some(bytes) => bytes,
            None => {
                padded[..length].copy_from_slice(self.text().as_bytes());
                &padded
            }
        };
        let part = |index: usize| {
            let eight = bytes[index * 8..].first_chunk().copied().map_or(0, u64::from_le_bytes);
            let kept = length.saturating_sub(index * 8).min(8);
            eight & u64::MAX.checked_shr(64 - 8 * u32::try_from(kept).unwrap_or(0)).unwrap_or(0)
        };
        Some(Short(part(0), part(1), part(2)))
    }
}

/// The words of a text, in order.
#[derive(Debug, Clone)]
pub(super) struct Words<'a> {
    text: &'a str,
    /// Bytes of the text that were looked at.
    read: usize,
    position: usize,
}

impl<'a> Words<'a> {
    pub fn of(text: &'a str) -> Self {
        Self { text, read: 0, position: 0 }
    }

    /// Bytes of the character here when it is letter or digit, or else bytes to go on by.
    fn look(&self, byte: u8) -> Result<usize, usize> {
        if byte.is_ascii() {
            return if byte.is_ascii_alphanumeric() { Ok(1) } else { Err(1) };
        }
        // U+00C0 to U+00FF, the accented letters of Portuguese, are letters but for two signs, × and ÷.
        if byte == 0xC3 {
            let is_sign = matches!(self.text.as_bytes().get(self.read + 1), Some(0x97 | 0xB7));
            return if is_sign { Err(2) } else { Ok(2) };
        }
        let c = self.text[self.read..].chars().next().unwrap_or_default();
        if c.is_alphanumeric() { Ok(c.len_utf8()) } else { Err(c.len_utf8()) }
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        let bytes = self.text.as_bytes();
        loop {
            match self.look(*bytes.get(self.read)?) {
                Ok(_) => break,
                Err(length) => self.read += length,
            }
        }
        let start = self.read;
        while let Some(byte) = bytes.get(self.read) {
            match self.look(*byte) {
                Ok(length) => self.read += length,
                Err(_) => break,
            }
        }
        let position = self.position;
        self.position += 1;
        Some(Word { position, from: &self.text[start..], length: self.read - start })
    }
}

#[cfg(test)]
mod tests {
    use ::tantivy::tokenizer::{SimpleTokenizer, TokenStream as _, Tokenizer as _};

    use super::*;

    #[test]
    fn a_short_word_is_the_same_wherever_it_stands() {
        let long = "a".repeat(25);
        for word in ["", "a", "ação", "prefeitura", "abcdefgh", "abcdefghi", &long[..16], &long[..24]] {
            let mut bytes = [0; 24];
            bytes[..word.len()].copy_from_slice(word.as_bytes());
            let mut parts = bytes.chunks(8).map(|part| u64::from_le_bytes(part.try_into().unwrap()));
            let mut part = || parts.next().unwrap();
            let expected = Some(Short(part(), part(), part()));
            assert_eq!(Word::alone(word).short(), expected);
            let text = format!("{word} e outras palavras que ali estão");
            assert_eq!(Word { position: 0, from: &text, length: word.len() }.short(), expected);
        }
        assert_eq!(Word::alone(&long).short(), None);
    }

    #[test]
    fn words_are_parted_as_the_tokenizer_of_the_index_parts_them() {
        let latin: String = ('\u{80}'..'\u{250}').flat_map(|c| ['a', c, ' ', c, 'b']).collect();
        for text in [
            "Édito nº 1.234/2024 — São João d'Oeste\u{c}R$ 5,00 ½ e-mail ﬁm  \u{301}ção 北京",
            "",
            " ",
            "fim×início÷meio",
            &latin,
        ] {
            let mut usual = SimpleTokenizer::default();
            let mut expected = Vec::new();
            usual.token_stream(text).process(&mut |token| expected.push((token.position, token.text.clone())));
            let got: Vec<_> = Words::of(text).map(|word| (word.position, word.text().to_owned())).collect();
            assert_eq!(got, expected);
        }
    }
}
