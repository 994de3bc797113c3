//! Which characters bytes stand for.

use std::io::{self, Read};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Decoder, DecoderResult, Encoding, MACINTOSH, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Bytes that are looked at to find out whether text is in UTF-16.
const SAMPLE_BYTES: usize = 4096;
/// Bytes that are looked at to tell apart encodings of a byte a character.
const DETECTED_BYTES: usize = 256 * 1024;

/// Bytes of a character in UTF-8, at most.
const MOST_CHARACTER_BYTES: usize = 4;

/// A way to read bytes as characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    Known(&'static Encoding),
    /// Code page 850 of DOS, which `encoding_rs` lacks because the web does: texts of programs that ran under DOS, and
    /// names of files in archives that Windows made.
    Dos,
    /// Of a font of symbols: its characters mean something in that font only.
    Symbols,
}

/// Code page 850 from 0x80 on (unicode.org, MAPPINGS/VENDORS/MICSFT/PC/CP850.TXT).
const DOS: [char; 128] = [
    'Ç', 'ü', 'é', 'â', 'ä', 'à', 'å', 'ç', 'ê', 'ë', 'è', 'ï', 'î', 'ì', 'Ä', 'Å', 'É', 'æ', 'Æ', 'ô', 'ö', 'ò', 'û',
    'ù', 'ÿ', 'Ö', 'Ü', 'ø', '£', 'Ø', '×', 'ƒ', 'á', 'í', 'ó', 'ú', 'ñ', 'Ñ', 'ª', 'º', '¿', '®', '¬', '½', '¼', '¡',
    '«', '»', '░', '▒', '▓', '│', '┤', 'Á', 'Â', 'À', '©', '╣', '║', '╗', '╝', '¢', '¥', '┐', '└', '┴', '┬', '├', '─',
    '┼', 'ã', 'Ã', '╚', '╔', '╩', '╦', '╠', '═', '╬', '¤', 'ð', 'Ð', 'Ê', 'Ë', 'È', 'ı', 'Í', 'Î', 'Ï', '┘', '┌', '█',
    '▄', '¦', 'Ì', '▀', 'Ó', 'ß', 'Ô', 'Ò', 'õ', 'Õ', 'µ', 'þ', 'Þ', 'Ú', 'Û', 'Ù', 'ý', 'Ý', '¯', '´', '\u{ad}', '±',
    '‗', '¾', '¶', '§', '÷', '¸', '°', '¨', '·', '¹', '³', '²', '■', '\u{a0}',
];

/// What Portuguese has beyond ASCII, and what its typesetters use.
const PORTUGUESE: &str = "áàâãéêíóôõúüçÁÀÂÃÉÊÍÓÔÕÚÜÇºª°§–—“”‘’•…";

impl Charset {
    pub fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Known(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
            Self::Dos => bytes.iter().map(|byte| dos(*byte)).collect(),
            Self::Symbols => String::new(),
        }
    }

    /// The characters of a code page of Windows or DOS, by its number.
    pub fn of_code_page(number: u32) -> Option<Self> {
        let label = match number {
            437 | 850 | 858 | 860 => return Some(Self::Dos),
            932 => "shift_jis".to_owned(),
            936 => "gbk".to_owned(),
            949 => "euc-kr".to_owned(),
            950 => "big5".to_owned(),
            10_000 => "macintosh".to_owned(),
            20_866 => "koi8-r".to_owned(),
            28_591..=28_606 => format!("iso-8859-{}", number - 28_590),
            65_001 => "utf-8".to_owned(),
            866 | 874 => format!("cp{number}"),
            1250..=1258 => format!("windows-{number}"),
            _ => return None,
        };
        Encoding::for_label(label.as_bytes()).map(Self::Known)
    }
}

fn dos(byte: u8) -> char {
    byte.checked_sub(0x80).and_then(|high| DOS.get(usize::from(high)).copied()).unwrap_or(char::from(byte))
}

/// Whether the beginning of a file reads as text: in UTF-16, or with next to no control characters.
pub(super) fn is_text(head: &[u8]) -> bool {
    Encoding::for_bom(head).is_some() || utf16_without_mark(head).is_some() || {
        let odd = head.iter().filter(|b| b.is_ascii_control() && !b"\t\n\r\x0c\x1a\x1b".contains(b)).count();
        !head.contains(&0) && odd * 50 <= head.len()
    }
}

/// A byte order mark decides, else a pattern of NULs, else whether it is valid UTF-8. Bytes that are none of it stand for
/// a character each, most likely: of three ways to read them, the one counts that gives the most Portuguese letters, and
/// when it gives few, statistics of other languages do.
pub(super) fn detect(content: &[u8]) -> Charset {
    let marked = Encoding::for_bom(content).map(|(encoding, _)| encoding);
    if let Some(encoding) = marked.or_else(|| utf16_without_mark(content)) {
        return Charset::Known(encoding);
    }
    if std::str::from_utf8(content).is_ok() {
        return Charset::Known(UTF_8);
    }
    let high = content.iter().filter(|byte| !byte.is_ascii()).take(DETECTED_BYTES);
    let high: Vec<u8> = high.copied().collect();
    let portuguese = |charset: Charset| charset.decode(&high).chars().filter(|c| PORTUGUESE.contains(*c)).count();
    let usual = Charset::Known(WINDOWS_1252);
    let (mut best, mut most) = (usual, portuguese(usual));
    for other in [Charset::Dos, Charset::Known(MACINTOSH)] {
        let letters = portuguese(other);
        // A file of a few words may look like anything: the usual has the benefit of the doubt.
        if letters > most + most / 4 + 2 {
            (best, most) = (other, letters);
        }
    }
    // UTF-8 with a broken byte here and there stays UTF-8.
    let broken = String::from_utf8_lossy(content.get(..DETECTED_BYTES).unwrap_or(content));
    let (lost, kept) = broken.chars().fold((0, 0), |(lost, kept), c| match c {
        char::REPLACEMENT_CHARACTER => (lost + 1, kept),
        c if c.is_ascii() => (lost, kept),
        _ => (lost, kept + 1),
    });
    if kept > lost * 10 {
        return Charset::Known(UTF_8);
    }
    if most * 2 >= high.len() {
        return best;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(content.get(..DETECTED_BYTES).unwrap_or(content), true);
    Charset::Known(detector.guess(Some(b"br"), Utf8Detection::Deny))
}

/// Western text in UTF-16 has a NUL in nearly every other byte: the odd ones when the low byte comes first.
fn utf16_without_mark(content: &[u8]) -> Option<&'static Encoding> {
    let sample = &content[..content.len().min(SAMPLE_BYTES)];
    let units = sample.len() / 2;
    let nuls = |parity: usize| sample.iter().skip(parity).step_by(2).filter(|b| **b == 0).count();
    let (high_first, low_first) = (nuls(0), nuls(1));
    let most = |count: usize, other: usize| units > 0 && count * 10 >= units * 7 && other * 10 <= units;
    if most(low_first, high_first) {
        Some(UTF_16LE)
    } else if most(high_first, low_first) {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// A name in an archive. One that is not in UTF-8 was written under Windows, in the code page of its DOS.
pub(super) fn decode_name(name: &[u8], is_utf8: bool) -> String {
    match std::str::from_utf8(name) {
        Ok(name) => name.to_owned(),
        Err(_) if is_utf8 => String::from_utf8_lossy(name).into_owned(),
        Err(_) => Charset::Dos.decode(name),
    }
}

/// Bytes of any encoding, read as UTF-8.
pub(super) struct AsUtf8<'a> {
    rest: &'a [u8],
    decoder: Option<Decoder>,
    ended: bool,
    /// What was decoded and found no room: the bytes of one character.
    waiting: Vec<u8>,
}

impl<'a> AsUtf8<'a> {
    pub fn new(content: &'a [u8], charset: Charset) -> Self {
        let decoder = match charset {
            Charset::Known(encoding) => Some(encoding.new_decoder_with_bom_removal()),
            Charset::Dos | Charset::Symbols => None,
        };
        Self { rest: content, decoder, ended: false, waiting: Vec::new() }
    }
}

impl AsUtf8<'_> {
    /// Bytes that were written, and whether what follows them stood for no character.
    fn decode(&mut self, into: &mut [u8]) -> (usize, bool) {
        if let Some(decoder) = &mut self.decoder {
            let (result, read, written) = decoder.decode_to_utf8_without_replacement(self.rest, into, true);
            self.rest = self.rest.get(read..).unwrap_or_default();
            self.ended = result == DecoderResult::InputEmpty;
            return (written, matches!(result, DecoderResult::Malformed(..)));
        }
        let mut written = 0;
        while let Some((first, rest)) = self.rest.split_first()
            && let Some(room) = into.get_mut(written..)
            && room.len() >= MOST_CHARACTER_BYTES
        {
            written += dos(*first).encode_utf8(room).len();
            self.rest = rest;
        }
        self.ended = self.rest.is_empty();
        (written, false)
    }
}

impl Read for AsUtf8<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // Decoders want room for a character.
        let mut some = [0; 4 * MOST_CHARACTER_BYTES];
        while self.waiting.is_empty() && !self.ended {
            let (written, is_malformed) = if into.len() < some.len() {
                let (written, is_malformed) = self.decode(&mut some);
                self.waiting.extend_from_slice(some.get(..written).unwrap_or_default());
                (0, is_malformed)
            } else {
                self.decode(into)
            };
            if is_malformed {
                self.waiting.extend_from_slice("\u{fffd}".as_bytes());
            }
            if written > 0 {
                return Ok(written);
            }
        }
        let count = self.waiting.len().min(into.len());
        for (to, from) in into.iter_mut().zip(self.waiting.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "A Câmara Municipal de São João, Estado de Alagoas, no uso de suas atribuições, faz saber: são nomeados \
                        os servidores à disposição da licitação nº 12, de 1º de março.";

    fn in_dos(text: &str) -> Vec<u8> {
        let byte = |c: char| match DOS.iter().position(|dos| *dos == c) {
            Some(at) => 0x80 + u8::try_from(at).unwrap(),
            None => u8::try_from(c).unwrap(),
        };
        text.chars().map(byte).collect()
    }

    #[test]
    fn the_encoding_is_the_one_that_reads_as_portuguese() {
        let latin = WINDOWS_1252.encode(TEXT).0.into_owned();
        let cases: &[(&[u8], Charset, &str)] = &[
            (TEXT.as_bytes(), Charset::Known(UTF_8), TEXT),
            (&latin, Charset::Known(WINDOWS_1252), TEXT),
            (&in_dos(TEXT), Charset::Dos, TEXT),
            (&MACINTOSH.encode(TEXT).0, Charset::Known(MACINTOSH), TEXT),
            (b"Licita\xe7\xe3o n\xba 12", Charset::Known(WINDOWS_1252), "Licita\u{e7}\u{e3}o n\u{ba} 12"),
        ];
        for (bytes, charset, text) in cases {
            assert_eq!(detect(bytes), *charset, "{text}");
            assert_eq!(detect(bytes).decode(bytes), *text);
            let mut streamed = String::new();
            AsUtf8::new(bytes, *charset).read_to_string(&mut streamed).unwrap();
            assert_eq!(streamed, *text);
        }
        let russian = "Официальный вестник городского совета: постановление о закупках и назначениях".repeat(3);
        let bytes = encoding_rs::WINDOWS_1251.encode(&russian).0.into_owned();
        assert_eq!(detect(&bytes).decode(&bytes), russian);
        let damaged = [TEXT.as_bytes(), b"\xff", TEXT.as_bytes()].concat();
        assert_eq!(detect(&damaged), Charset::Known(UTF_8));
    }

    #[test]
    fn a_stream_of_any_size_is_the_same_text() {
        let broken = b"a\xc3\xa9\xff\xffz\xe2\x82".repeat(50);
        let whole = String::from_utf8_lossy(&broken).into_owned();
        for size in [1, 5, 16, 33] {
            let mut reader = AsUtf8::new(&broken, Charset::Known(UTF_8));
            let (mut bytes, mut some) = (Vec::new(), vec![0; size]);
            loop {
                let read = reader.read(&mut some).unwrap();
                if read == 0 {
                    break;
                }
                bytes.extend_from_slice(&some[..read]);
            }
            assert_eq!(String::from_utf8(bytes).unwrap(), whole, "{size}");
        }
    }

    #[test]
    fn code_pages_have_names() {
        for (number, charset) in
            [(1252, Charset::Known(WINDOWS_1252)), (850, Charset::Dos), (65_001, Charset::Known(UTF_8))]
        {
            assert_eq!(Charset::of_code_page(number), Some(charset));
        }
        assert_eq!(Charset::of_code_page(28_605).unwrap(), Charset::Known(encoding_rs::ISO_8859_15));
        assert_eq!(Charset::of_code_page(1), None);
    }
}
