//! Tokens of content streams and `CMap`s (PDF 32000-1 section 7.2).

use std::borrow::Cow;

/// One token. Strings that hold no escape are ranges of the data; others are decoded into a buffer of the caller.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'a> {
    Number(f32),
    /// Without its slash; `#` escapes stay as they are, for [`unescaped`].
    Name(&'a [u8]),
    /// A string: a range of the data.
    Plain(usize, usize),
    /// A string: a range of the buffer that was handed in.
    Decoded(usize, usize),
    ArrayOpen,
    ArrayClose,
    DictOpen,
    DictClose,
    /// An operator, `true`, `false` or `null`.
    Keyword(&'a [u8]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    White,
    Delimiter,
    Numeric,
    Regular,
}

/// Tables 1 and 2 of section 7.2.2.
const CLASSES: [Class; 256] = {
    let mut classes = [Class::Regular; 256];
    let mut i = 0;
    while i < 256 {
        // Below 256.
        #[allow(clippy::cast_possible_truncation)]
        let byte = i as u8;
        classes[i] = match byte {
            b'\0' | b'\t' | b'\n' | 0x0c | b'\r' | b' ' => Class::White,
            b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%' => Class::Delimiter,
            b'0'..=b'9' | b'+' | b'-' | b'.' => Class::Numeric,
            _ => Class::Regular,
        };
        i += 1;
    }
    classes
};

fn class(byte: u8) -> Class {
    CLASSES[usize::from(byte)]
}

/// Digits that fit a `u32`; more than an `f32` tells apart.
const MAX_DIGITS: usize = 9;

/// By how many digits stand after the point.
const TENTHS: [f32; MAX_DIGITS + 1] = [1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9];

/// Bytes, and the place that was reached in them.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    pub(super) fn data(&self) -> &'a [u8] {
        self.data
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn jump(&mut self, at: usize) {
        self.at = at.min(self.data.len());
    }

    fn peek(&self) -> Option<u8> {
        self.data.get(self.at).copied()
    }

    /// The next token, or nothing at the end. Bytes that begin no token are skipped.
    #[inline]
    pub(super) fn next(&mut self, decoded: &mut Vec<u8>) -> Option<Token<'a>> {
        loop {
            let byte = self.peek()?;
            match class(byte) {
                Class::White => self.at += 1,
                Class::Numeric => return Some(Token::Number(self.number())),
                Class::Regular => return Some(Token::Keyword(self.regular())),
                Class::Delimiter => {
                    self.at += 1;
                    if let Some(token) = self.delimited(byte, decoded) {
                        return Some(token);
                    }
                }
            }
        }
    }

    fn delimited(&mut self, byte: u8, decoded: &mut Vec<u8>) -> Option<Token<'a>> {
        Some(match byte {
            b'(' => self.literal_string(decoded),
            b'[' => Token::ArrayOpen,
            b']' => Token::ArrayClose,
            b'/' => Token::Name(self.regular()),
            b'<' if self.peek() == Some(b'<') => {
                self.at += 1;
                Token::DictOpen
            }
            b'<' => self.hexadecimal_string(decoded),
            b'>' if self.peek() == Some(b'>') => {
                self.at += 1;
                Token::DictClose
            }
            b'%' => {
                let rest = &self.data[self.at..];
                self.at += rest.iter().position(|byte| b"\r\n".contains(byte)).unwrap_or(rest.len());
                return None;
            }
            _ => return None,
        })
    }

    /// Regular characters from here on.
    fn regular(&mut self) -> &'a [u8] {
        let rest = &self.data[self.at..];
        let is_end = |byte: &u8| matches!(class(*byte), Class::White | Class::Delimiter);
        let length = rest.iter().position(is_end).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Section 7.3.3. What writers have been seen to add is read as other readers do: signs repeated or in the middle
    /// (what follows them is dropped), a second point (likewise).
    #[inline]
    fn number(&mut self) -> f32 {
        let mut negative = false;
        while let Some(sign @ (b'+' | b'-')) = self.peek() {
            negative = sign == b'-';
            self.at += 1;
        }
        let (whole, whole_digits) = self.digits();
        let mut magnitude = to_f32(whole);
        if whole_digits > MAX_DIGITS {
            // Larger than any coordinate: the digits beyond count as zeros.
            magnitude *= 10_f32.powi(i32::try_from(whole_digits - MAX_DIGITS).unwrap_or(i32::MAX));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            let (fraction, digits) = self.digits();
            magnitude += to_f32(fraction) * TENTHS[digits.min(MAX_DIGITS)];
        }
        if matches!(self.peek(), Some(b'+' | b'-' | b'.')) {
            let rest = &self.data[self.at..];
            self.at += rest.iter().position(|byte| class(*byte) != Class::Numeric).unwrap_or(rest.len());
        }
        if negative { -magnitude } else { magnitude }
    }

    /// Digits from here on: the number that the first of them make, and how many there are.
    #[inline]
    fn digits(&mut self) -> (u32, usize) {
        let rest = &self.data[self.at..];
        let (mut number, mut count) = (0_u32, 0);
        for byte in rest {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            if count < MAX_DIGITS {
                number = number * 10 + u32::from(digit);
            }
            count += 1;
        }
        self.at += count;
        (number, count)
    }

    /// Section 7.3.4.2. The opening parenthesis was read.
    fn literal_string(&mut self, decoded: &mut Vec<u8>) -> Token<'a> {
        let start = self.at;
        let rest = &self.data[start..];
        let Some(special) = rest.iter().position(|byte| matches!(byte, b'(' | b')' | b'\\' | b'\r')) else {
            self.at = self.data.len();
            return Token::Plain(start, self.at);
        };
        self.at = start + special;
        if rest[special] == b')' {
            self.at += 1;
            return Token::Plain(start, start + special);
        }
        let from = decoded.len();
        decoded.extend_from_slice(&rest[..special]);
        let mut depth = 1;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'(' => depth += 1,
                b')' => depth -= 1,
                b'\\' => {
                    self.escape(decoded);
                    continue;
                }
                b'\r' => {
                    self.at += usize::from(self.peek() == Some(b'\n'));
                    decoded.push(b'\n');
                    continue;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
            decoded.push(byte);
        }
        Token::Decoded(from, decoded.len())
    }

    /// Table 3 of section 7.3.4.2. The backslash was read.
    fn escape(&mut self, decoded: &mut Vec<u8>) {
        let Some(byte) = self.peek() else { return };
        self.at += 1;
        decoded.push(match byte {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 8,
            b'f' => 12,
            b'\n' => return,
            b'\r' => {
                self.at += usize::from(self.peek() == Some(b'\n'));
                return;
            }
            b'0'..=b'7' => {
                let mut code = byte - b'0';
                for _ in 0..2 {
                    let Some(digit @ b'0'..=b'7') = self.peek() else {
                        break;
                    };
                    // A third digit may overflow; the high bit is dropped.
                    code = code.wrapping_mul(8).wrapping_add(digit - b'0');
                    self.at += 1;
                }
                code
            }
            byte => byte,
        });
    }

    /// Section 7.3.4.3. The opening bracket was read.
    fn hexadecimal_string(&mut self, decoded: &mut Vec<u8>) -> Token<'a> {
        let from = decoded.len();
        let mut high = None;
        while let Some(byte) = self.peek() {
            self.at += 1;
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                b'A'..=b'F' => byte - b'A' + 10,
                b'>' => break,
                _ => continue,
            };
            match high.take() {
                Some(high) => decoded.push(high << 4 | digit),
                None => high = Some(digit),
            }
        }
        if let Some(high) = high {
            decoded.push(high << 4);
        }
        Token::Decoded(from, decoded.len())
    }
}

/// A name without its `#` escapes (section 7.3.5), as the keys of dictionaries are.
pub(super) fn unescaped(name: &[u8]) -> Cow<'_, [u8]> {
    if !name.contains(&b'#') {
        return name.into();
    }
    let (mut plain, mut rest) = (Vec::with_capacity(name.len()), name);
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let escaped = match rest {
            [high, low, ..] if *byte == b'#' => digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        if escaped.is_some() {
            rest = &rest[2..];
        }
        plain.push(escaped.unwrap_or(*byte));
    }
    plain.into()
}

/// Coordinates need no more than the 24 bits that an `f32` keeps.
#[allow(clippy::cast_precision_loss)]
fn to_f32(number: u32) -> f32 {
    number as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let cases: &[(&[u8], f32)] = &[
            (b"0", 0.0),
            (b"12", 12.0),
            (b"-.5", -0.5),
            (b"+3.25", 3.25),
            (b"4.", 4.0),
            (b"--5", -5.0),
            (b"12-34", 12.0),
            (b"1.2.3", 1.2),
            (b"0.000001", 0.000_001),
            (b"0.1234567891234", 0.123_456_79),
            (b"612.00000000000001", 612.0),
            (b"99999999999", 99_999_999_999.0),
            (b"-", 0.0),
        ];
        for (text, expected) in cases {
            let mut lexer = Lexer::new(text);
            let Some(Token::Number(number)) = lexer.next(&mut Vec::new()) else { panic!("{text:?}") };
            assert!((number - expected).abs() <= expected.abs() * 1e-6, "{}: {number}", String::from_utf8_lossy(text));
            assert_eq!(lexer.next(&mut Vec::new()), None);
        }
    }

    #[test]
    fn strings() {
        let cases: &[(&[u8], &[u8])] = &[
            (b"(plain)", b"plain"),
            (b"(a(b)c)", b"a(b)c"),
            (b"(\\101\\53\\7z)", b"A+\x07z"),
            (b"(\\777)", b"\xff"),
            (b"(a\\\nb\\\r\nc\r\nd)", b"abc\nd"),
            (b"(\\(\\)\\\\\\n\\q)", b"()\\\nq"),
            (b"<48 65 6C6c6F>", b"Hello"),
            (b"<4>", b"\x40"),
            (b"<zz41>", b"A"),
            (b"(never closed", b"never closed"),
            (b"(never (closed\\", b"never (closed"),
        ];
        for (text, expected) in cases {
            let mut decoded = b"before".to_vec();
            let mut lexer = Lexer::new(text);
            let string = match lexer.next(&mut decoded) {
                Some(Token::Plain(start, end)) => &text[start..end],
                Some(Token::Decoded(start, end)) => &decoded[start..end],
                token => panic!("{token:?}"),
            };
            assert_eq!(string, *expected, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn escapes_of_names() {
        let cases: &[(&[u8], &[u8])] = &[
            (b"F1", b"F1"),
            (b"A#20B", b"A B"),
            (b"F#31", b"F1"),
            (b"#c3#A3o", b"\xc3\xa3o"),
            (b"A#2", b"A#2"),
            (b"A#", b"A#"),
            (b"#zz##41", b"#zz#A"),
        ];
        for (name, expected) in cases {
            assert_eq!(unescaped(name), *expected, "{}", String::from_utf8_lossy(name));
        }
    }

    #[test]
    fn names_keywords_and_brackets() {
        let mut lexer = Lexer::new(b"/F1/#20 <<>>[ ] } Tj%x\n)T*");
        let mut tokens = Vec::new();
        while let Some(token) = lexer.next(&mut Vec::new()) {
            tokens.push(token);
        }
        let expected = [
            Token::Name(b"F1"),
            Token::Name(b"#20"),
            Token::DictOpen,
            Token::DictClose,
            Token::ArrayOpen,
            Token::ArrayClose,
            Token::Keyword(b"Tj"),
            Token::Keyword(b"T*"),
        ];
        assert_eq!(tokens, expected);
    }
}
