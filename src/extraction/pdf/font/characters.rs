//! What a glyph reads as, in four bytes.

/// The text of one character code: one character for nearly every code, else one of the font's [`Strings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::extraction::pdf) struct Characters(u32);

/// A hyphen that shows where a word is parted at the end of a line; some fonts have it for every hyphen.
pub(in crate::extraction::pdf) const SOFT_HYPHEN: char = '\u{ad}';

/// How the text of a code was found, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::extraction::pdf) enum Means {
    /// The file says so: `ToUnicode`, an encoding, a glyph's name, the font program's own tables.
    Known,
    /// Nothing says so; the code was taken for the character of that number, as most writers would have meant it.
    Guessed,
    /// There is no telling.
    Unknown,
}

impl Characters {
    pub(in crate::extraction::pdf) const NONE: Self = Self(u32::MAX);
    pub(in crate::extraction::pdf) const UNKNOWN: Self = Self(char::REPLACEMENT_CHARACTER as u32);
    const STRING: u32 = 1 << 31;

    /// The single character, where it is one.
    #[inline]
    pub(in crate::extraction::pdf) fn as_char(self) -> Option<char> {
        char::from_u32(self.0)
    }
}

/// Texts of more than one character.
#[derive(Debug, Default)]
pub(in crate::extraction::pdf) struct Strings(Vec<Box<str>>);

impl Strings {
    /// Cleans a text and keeps it.
    pub(super) fn keep(&mut self, text: &str) -> Characters {
        let mut cleaned = String::with_capacity(text.len());
        text.chars().for_each(|c| push_clean(&mut cleaned, c));
        let mut chars = cleaned.chars();
        match (chars.next(), chars.next()) {
            (None, _) => Characters::NONE,
            (Some(c), None) => Characters(u32::from(c)),
            _ => {
                let index = self.0.iter().position(|kept| **kept == *cleaned).unwrap_or_else(|| {
                    self.0.push(cleaned.into());
                    self.0.len() - 1
                });
                // There are no more codes than fit.
                u32::try_from(index).map_or(Characters::UNKNOWN, |index| Characters(Characters::STRING | index))
            }
        }
    }

    /// The text, where it is not a single character.
    pub(in crate::extraction::pdf) fn get(&self, characters: Characters) -> &str {
        let index = (characters.0 ^ Characters::STRING) as usize;
        if characters == Characters::NONE { "" } else { self.0.get(index).map_or("", |text| text) }
    }
}

/// Appends a character as it is to be read: white space as a space, ligatures as their letters, Adobe's private figures
/// and capitals as such; control characters and what only steers the writing direction not at all. A soft hyphen stays:
/// whether it is one shows only where its line ends.
pub(in crate::extraction::pdf) fn push_clean(text: &mut String, c: char) {
    match c {
        '\u{fb00}' => text.push_str("ff"),
        '\u{fb01}' => text.push_str("fi"),
        '\u{fb02}' => text.push_str("fl"),
        '\u{fb03}' => text.push_str("ffi"),
        '\u{fb04}' => text.push_str("ffl"),
        '\u{fb05}' | '\u{fb06}' => text.push_str("st"),
        // Old-style figures and small capitals, as Adobe's list of 1997 has them.
        '\u{f730}'..='\u{f739}' => text.extend(shifted(c, 0xf730, '0')),
        '\u{f761}'..='\u{f77a}' => text.extend(shifted(c, 0xf761, 'A')),
        '\u{f7e0}'..='\u{f7fe}' => text.extend(shifted(c, 0xf7e0, 'À')),
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' => {}
        c if c.is_whitespace() => text.push(' '),
        c if c.is_control() => {}
        c => text.push(c),
    }
}

/// The character that is as far from `to` as `c` is from `from`.
fn shifted(c: char, from: u32, to: char) -> Option<char> {
    char::from_u32(u32::from(c) - from + u32::from(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_kept_clean() {
        let mut strings = Strings::default();
        let cases = [
            ("a", Some('a'), ""),
            ("\u{a0}", Some(' '), ""),
            ("\u{fb01}", None, "fi"),
            ("\u{fb03}", None, "ffi"),
            ("\u{ad}", Some('\u{ad}'), ""),
            ("\u{200b}", None, ""),
            ("\u{f731}", Some('1'), ""),
            ("\u{f761}\u{f77a}", None, "AZ"),
            ("\u{f7e7}", Some('Ç'), ""),
            ("\u{7}b", Some('b'), ""),
            ("1º", None, "1º"),
            ("", None, ""),
        ];
        for (text, char, string) in cases {
            let kept = strings.keep(text);
            assert_eq!((kept.as_char(), if char.is_some() { "" } else { strings.get(kept) }), (char, string));
        }
        assert_eq!(strings.keep("fi"), strings.keep("\u{fb01}"));
        assert_eq!(Characters::UNKNOWN.as_char(), Some(char::REPLACEMENT_CHARACTER));
    }
}
