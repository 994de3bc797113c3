//! Parts a text into words where anything stands that is neither letter nor digit.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// The text from its first letter on.
    from: &'a str,
    /// Bytes.
    length: usize,
}

/// The bytes of a word, followed by zeros: no word holds a zero. Three numbers and no array, which would be put together
/// in memory and read from there again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Short(u64, u64, u64);

#[cfg(test)]
impl Short {
    pub fn of_parts(first: u64, second: u64, third: u64) -> Self {
        Self(first, second, third)
    }

    pub fn first(self) -> u64 {
        self.0
    }
}

impl<'a> Word<'a> {
    /// A word by itself.
    pub fn alone(text: &'a str) -> Self {
        Self { from: text, length: text.len() }
    }

    pub fn text(&self) -> &'a str {
        &self.from[..self.length]
    }

    /// Whether [`Self::short`] is the whole word.
    pub fn is_short(&self) -> bool {
        self.length <= 24
    }

    /// The word, or what is no word when it has more than 24 bytes.
    ///
    /// Taken from the text in one piece where that goes on: a copy of only the word, read again as a whole, would have
    /// the processor wait for it.
    pub fn short(&self) -> Short {
        let length = self.length;
        if !self.is_short() {
            return Short(u64::MAX, u64::MAX, u64::MAX);
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
        Short(part(0), part(1), part(2))
    }
}

/// The words of a text, in order.
#[derive(Debug, Clone)]
pub(super) struct Words<'a> {
    text: &'a str,
    /// A bit for each byte, set where it belongs to a letter or digit.
    letters: Vec<u64>,
    /// Bytes of the text that were looked at.
    read: usize,
}

impl<'a> Words<'a> {
    pub fn of(text: &'a str) -> Self {
        Self { text, letters: letters(text), read: 0 }
    }

    /// The first byte from here on whose bit is set, or is not; the end of the text when there is none.
    fn next_that(&self, is_letter: bool) -> usize {
        let end = self.text.len();
        let flipped = if is_letter { 0 } else { u64::MAX };
        let mut index = self.read / BITS;
        let Some(first) = self.letters.get(index) else { return end };
        let mut bits = (first ^ flipped) & (u64::MAX << (self.read % BITS));
        while bits == 0 {
            index += 1;
            let Some(next) = self.letters.get(index) else { return end };
            bits = next ^ flipped;
        }
        (index * BITS + bits.trailing_zeros() as usize).min(end)
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        let start = self.next_that(true);
        self.read = start;
        let end = self.next_that(false);
        self.read = end;
        let from = self.text.get(start..).filter(|from| !from.is_empty())?;
        Some(Word { from, length: end - start })
    }
}

const BITS: usize = 64;

/// A bit for each byte of a text, set where it belongs to a letter or digit. Bytes are looked at many at a time: one by
/// one, the processor would guess wrong at the end of most words.
fn letters(text: &str) -> Vec<u64> {
    let bytes = text.as_bytes();
    let mut letters = Vec::with_capacity(bytes.len() / BITS + 1);
    let (blocks, rest) = bytes.as_chunks::<BITS>();
    let mut padded = [0; BITS];
    padded[..rest.len()].copy_from_slice(rest);
    for block in blocks.iter().chain((!rest.is_empty()).then_some(&padded)) {
        letters.push(bits_of(block, |byte| (byte | 0x20).wrapping_sub(b'a') < 26 || byte.wrapping_sub(b'0') < 10));
    }
    for (index, block) in blocks.iter().chain((!rest.is_empty()).then_some(&padded)).enumerate() {
        // Where characters of more than one byte begin.
        let mut others = bits_of(block, |byte| byte >= 0xC0);
        while others != 0 {
            let start = index * BITS + others.trailing_zeros() as usize;
            others &= others - 1;
            if let Some(length) = letter(text, start) {
                let run = (1_u64 << length) - 1;
                let shift = start % BITS;
                letters[index] |= run << shift;
                if let Some(next) = letters.get_mut(index + 1)
                    && shift + length > BITS
                {
                    *next |= run >> (BITS - shift);
                }
            }
        }
    }
    letters
}

/// Which of the bytes are such; the first is the lowest bit.
#[inline]
fn bits_of(block: &[u8; BITS], is_such: impl Fn(u8) -> bool) -> u64 {
    // A byte for each, then eight of them at a time moved together by a multiplication.
    let such: [u8; BITS] = std::array::from_fn(|index| u8::from(is_such(block[index])));
    let (eights, _) = such.as_chunks::<8>();
    let mut bits = 0;
    for (index, eight) in eights.iter().enumerate() {
        bits |= (u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (index * 8);
    }
    bits
}

/// Bytes of the character of more than one byte that begins here, when it is a letter or a digit.
fn letter(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    // U+00C0 to U+00FF, the accented letters of Portuguese, are letters but for two signs, × and ÷.
    if bytes[start] == 0xC3 {
        return (!matches!(bytes.get(start + 1), Some(0x97 | 0xB7))).then_some(2);
    }
    let c = text.get(start..)?.chars().next()?;
    c.is_alphanumeric().then(|| c.len_utf8())
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
            let expected = Short(part(), part(), part());
            assert_eq!(Word::alone(word).short(), expected);
            let text = format!("{word} e outras palavras que ali estão");
            assert_eq!(Word { from: &text, length: word.len() }.short(), expected);
        }
        assert!(!Word::alone(&long).is_short());
    }

    #[test]
    fn words_are_parted_as_the_tokenizer_of_the_index_parts_them() {
        let latin: String = ('\u{80}'..'\u{250}').flat_map(|c| ['a', c, ' ', c, 'b']).collect();
        for text in [
            "Édito nº 1.234/2024 — São João d'Oeste\u{c}R$ 5,00 ½ e-mail ﬁm  \u{301}ção 北京",
            "",
            " ",
            "fim×início÷meio",
            "n\u{0}ul \u{149}a İı ١٢ ५ Ⅷ⒇ a\u{301}b 𝟘𝒙 \u{10FFFF}",
            &latin,
        ] {
            let mut usual = SimpleTokenizer::default();
            let mut expected = Vec::new();
            usual.token_stream(text).process(&mut |token| expected.push((token.position, token.text.clone())));
            let got: Vec<_> = Words::of(text).map(|word| word.text().to_owned()).enumerate().collect();
            assert_eq!(got, expected);
        }
    }

    #[test]
    fn letters_lie_across_blocks() {
        for letter in ["é", "北", "𝟘", "×", "\u{301}", "\u{0}"] {
            for before in 0..BITS * 2 {
                for filler in ["a", " "] {
                    let text = format!("{}{letter}{letter}b{letter}", filler.repeat(before));
                    let expected: Vec<&str> =
                        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
                    let got: Vec<&str> = Words::of(&text).map(|word| word.text()).collect();
                    assert_eq!(got, expected, "{before} times {filler:?} before {letter:?}");
                }
            }
        }
    }
}
