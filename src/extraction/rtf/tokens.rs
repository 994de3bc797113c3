//! The tokens of RTF (specification, "RTF Syntax").

/// Longest name of a control word (specification, "RTF Syntax").
const MOST_LETTERS: usize = 32;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Open,
    Close,
    /// A control word and its number.
    Word(&'a [u8], Option<i32>),
    /// A control symbol other than a coded byte.
    Symbol(u8),
    /// A byte of text in the code page of its font.
    Byte(u8),
}

/// The tokens of a document, one after the other.
pub(super) struct Tokens<'a> {
    /// What was not read yet.
    pub rest: &'a [u8],
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let (&first, rest) = self.rest.split_first()?;
            self.rest = rest;
            return Some(match first {
                b'{' => Token::Open,
                b'}' => Token::Close,
                b'\\' => self.control()?,
                // Line ends of the file mean nothing, and NULs are what its transport left.
                b'\r' | b'\n' | 0 => continue,
                byte => Token::Byte(byte),
            });
        }
    }
}

impl<'a> Tokens<'a> {
    fn control(&mut self) -> Option<Token<'a>> {
        let letters = self.rest.iter().take(MOST_LETTERS).take_while(|byte| byte.is_ascii_alphabetic()).count();
        if letters == 0 {
            let (&symbol, rest) = self.rest.split_first()?;
            self.rest = rest;
            if symbol == b'\'' {
                let digits = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                    self.rest = rest.get(2..).unwrap_or_default();
                    return Some(Token::Byte(byte));
                }
            }
            return Some(Token::Symbol(symbol));
        }
        let (name, rest) = self.rest.split_at(letters);
        let sign = usize::from(rest.first() == Some(&b'-'));
        let digits = rest.iter().skip(sign).take(10).take_while(|byte| byte.is_ascii_digit()).count();
        let length = if digits == 0 { 0 } else { sign + digits };
        let number = rest.get(..length).and_then(|text| std::str::from_utf8(text).ok());
        let rest = rest.get(length..).unwrap_or_default();
        // One space ends a word and is not text.
        self.rest = rest.strip_prefix(b" ").unwrap_or(rest);
        Some(Token::Word(name, number.and_then(|number| number.parse().ok())))
    }
}
