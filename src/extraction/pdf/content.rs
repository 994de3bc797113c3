//! The operators of a content stream, straight from its decoded bytes (PDF 32000-1 section 7.8.2).
//!
//! Nothing is collected: [`Content::next_operator`] reads up to the next operator and leaves its operands in
//! [`Operands`], whose buffers are used again for the next one.

use super::inline_image;
use super::lexer::{Lexer, Token};

/// The bytes of an operator's name, as one number to match on. Names have up to three bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operator(pub u32);

impl Operator {
    pub(super) const fn named(name: &[u8]) -> Self {
        let mut packed = 0;
        let mut i = 0;
        while i < name.len() {
            if i == 3 {
                return Self(0);
            }
            packed |= (name[i] as u32) << (8 * i);
            i += 1;
        }
        Self(packed)
    }
}

/// One element of the operand of `TJ`: a string to show, or a number to move back by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Element {
    /// A string without escapes: a range of the content's own bytes.
    Plain(usize, usize),
    /// A string that had to be decoded: a range of [`Operands::decoded`].
    Decoded(usize, usize),
    /// In thousandths of text space units (section 9.4.3).
    Adjustment(f32),
}

/// What stands before an operator.
#[derive(Debug, Default)]
pub(super) struct Operands<'a> {
    numbers: [f32; Operands::NUMBERS],
    count: usize,
    names: [&'a [u8]; 2],
    name_count: usize,
    /// The outermost dictionary among the operands, with its brackets.
    dict: Option<(usize, usize)>,
    elements: Vec<Element>,
    decoded: Vec<u8>,
}

impl<'a> Operands<'a> {
    /// No operator that matters here takes more numbers.
    const NUMBERS: usize = 6;

    /// The last `N` numbers, or nothing when there are fewer.
    pub(super) fn numbers<const N: usize>(&self) -> Option<[f32; N]> {
        self.numbers[..self.count].last_chunk().copied()
    }

    /// The last number.
    pub(super) fn number(&self) -> Option<f32> {
        self.numbers::<1>().map(|[number]| number)
    }

    /// The last name: a resource's, for most operators.
    pub(super) fn name(&self) -> Option<&'a [u8]> {
        self.names[..self.name_count].last().copied()
    }

    /// The name after the tag of `BDC` and `DP`.
    pub(super) fn properties_name(&self) -> Option<&'a [u8]> {
        (self.name_count == 2).then_some(self.names[1])
    }

    pub(super) fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// The bytes of strings that were decoded.
    pub(super) fn decoded(&self) -> &[u8] {
        &self.decoded
    }

    fn push_number(&mut self, number: f32) {
        if self.count == Self::NUMBERS {
            self.numbers.copy_within(1.., 0);
            self.count -= 1;
        }
        self.numbers[self.count] = number;
        self.count += 1;
    }

    fn push_name(&mut self, name: &'a [u8]) {
        if self.name_count == 2 {
            self.names[0] = self.names[1];
            self.name_count = 1;
        }
        self.names[self.name_count] = name;
        self.name_count += 1;
    }

    fn clear(&mut self) {
        self.count = 0;
        self.name_count = 0;
        self.dict = None;
        self.elements.clear();
        self.decoded.clear();
    }
}

/// A content stream and the place that was reached in it.
#[derive(Debug)]
pub(super) struct Content<'a> {
    lexer: Lexer<'a>,
    pub(super) operands: Operands<'a>,
}

impl<'a> Content<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { lexer: Lexer::new(data), operands: Operands::default() }
    }

    pub(super) fn data(&self) -> &'a [u8] {
        self.lexer.data()
    }

    /// The dictionary among the operands of `BDC`, as it stands in the content.
    pub(super) fn dict(&self) -> Option<&'a [u8]> {
        self.operands.dict.and_then(|(start, end)| self.data().get(start..end))
    }

    /// Reads up to the next operator. An inline image counts as one, `EI` (section 8.9.7).
    pub(super) fn next_operator(&mut self) -> Option<Operator> {
        self.operands.clear();
        let mut in_array = false;
        loop {
            match self.lexer.next(&mut self.operands.decoded)? {
                Token::Number(number) if in_array => self.operands.elements.push(Element::Adjustment(number)),
                Token::Number(number) => self.operands.push_number(number),
                Token::Plain(start, end) => self.operands.elements.push(Element::Plain(start, end)),
                Token::Decoded(start, end) => self.operands.elements.push(Element::Decoded(start, end)),
                Token::Name(name) => self.operands.push_name(name),
                Token::ArrayOpen => in_array = true,
                Token::ArrayClose => in_array = false,
                Token::DictOpen => self.skip_dict(),
                Token::Keyword(b"BI") => {
                    self.operands.clear();
                    if inline_image::skip(&mut self.lexer) {
                        return Some(Operator::named(b"EI"));
                    }
                }
                Token::DictClose | Token::Keyword(b"true" | b"false" | b"null") => {}
                // An operator inside of an array: the array was never closed.
                Token::Keyword(name) => return Some(Operator::named(name)),
            }
        }
    }

    /// To the end of a dictionary whose opening brackets were read; one that is never closed ends before the next
    /// operator.
    fn skip_dict(&mut self) {
        let start = self.lexer.position() - 2;
        let (mut depth, decoded) = (1, self.operands.decoded.len());
        while depth > 0 {
            match self.lexer.next(&mut self.operands.decoded) {
                Some(Token::DictOpen) => depth += 1,
                Some(Token::DictClose) => depth -= 1,
                Some(Token::Keyword(name)) if is_operator(name) => {
                    self.lexer.jump(self.lexer.position() - name.len());
                    break;
                }
                Some(_) => {}
                None => break,
            }
        }
        self.operands.decoded.truncate(decoded);
        self.operands.dict = Some((start, self.lexer.position()));
    }
}

/// Whether a keyword is an operator (table A.1).
pub(super) fn is_operator(name: &[u8]) -> bool {
    const OPERATORS: &[u8] =
        b" b B b* B* BDC BI BMC BT BX c cm CS cs d d0 d1 Do DP EMC ET EX f F f* G g gs h i j J K k l m M \
        MP n q Q re RG rg ri s S SC sc SCN scn sh T* Tc Td TD Tf Tj TJ TL Tm Tr Ts Tw Tz v w W W* y ' \" ";
    let mut operators = OPERATORS.split(|byte| *byte == b' ').filter(|operator| !operator.is_empty());
    operators.any(|operator| operator == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operators(content: &[u8]) -> Vec<String> {
        let mut content = Content::new(content);
        let mut seen = Vec::new();
        while let Some(Operator(packed)) = content.next_operator() {
            let name: Vec<u8> = packed.to_le_bytes().into_iter().filter(|byte| *byte > 0).collect();
            seen.push(String::from_utf8(name).unwrap());
        }
        seen
    }

    #[test]
    fn operators_come_one_by_one() {
        let cases: &[(&[u8], &[&str])] = &[
            (b"", &[]),
            (b"q 1 0 0 1 72 720 cm BT/F1 12 Tf(a)Tj ET Q", &["q", "cm", "BT", "Tf", "Tj", "ET", "Q"]),
            (b"1 0 0 1 72 720cm[(a)-20(b)]TJ T*", &["cm", "TJ", "T*"]),
            (b"(a)' 1 2(b)\"", &["'", "\""]),
            (b"% a comment ) Tj\nET", &["ET"]),
            (b"/Span <</ActualText (a >> b) /K [<</X 1>>]>> BDC EMC", &["BDC", "EMC"]),
            (b"BI /W 1 /H 1 ID \x00 EI \xff EI\x01 EI Q", &["EI", "Q"]),
            (b"BI /W 1 ID never ends", &["EI"]),
            (b"/Span <</Lang (pt-BR) BDC (a) Tj EMC", &["BDC", "Tj", "EMC"]),
            (b"/Span <</Lang (pt-BR) /K << BDC BT", &["BDC", "BT"]),
            (b"<</A <</B 1", &[]),
            (b"[(a) Tj", &["Tj"]),
            (b"true false null n", &["n"]),
        ];
        for (content, expected) in cases {
            assert_eq!(operators(content), *expected, "{}", String::from_utf8_lossy(content));
        }
    }

    #[test]
    fn operands_are_what_stands_before() {
        let mut content =
            Content::new(b"/F1 9 Tf 1 2 3 4 5 6 7 Tm [(ab) -2.5 <41 42>] TJ /Span /P0 BDC /Span <</A 1>> BDC");
        content.next_operator().unwrap();
        assert_eq!((content.operands.name(), content.operands.number()), (Some(&b"F1"[..]), Some(9.0)));
        content.next_operator().unwrap();
        assert_eq!(content.operands.numbers(), Some([2.0, 3.0, 4.0, 5.0, 6.0, 7.0]));
        content.next_operator().unwrap();
        let [Element::Plain(start, end), Element::Adjustment(back), Element::Decoded(0, 2)] =
            *content.operands.elements()
        else {
            panic!("{:?}", content.operands.elements())
        };
        assert_eq!((&content.data()[start..end], back, content.operands.decoded()), (&b"ab"[..], -2.5, &b"AB"[..]));
        content.next_operator().unwrap();
        assert_eq!(content.operands.properties_name(), Some(&b"P0"[..]));
        content.next_operator().unwrap();
        assert_eq!((content.operands.properties_name(), content.dict()), (None, Some(&b"<</A 1>>"[..])));
    }
}
