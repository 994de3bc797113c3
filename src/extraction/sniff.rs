//! What a file is, by its first bytes.

use std::fmt;

use super::encoding;
use super::office::Flat;

/// PDF 32000-1 section 7.5.2 wants `%PDF-` first; readers accept it anywhere in the first 1,024 bytes
/// (implementation note 13 of the PDF 1.7 reference).
const PDF_HEADER_WITHIN: usize = 1024;
/// As much of a file as is looked at.
const HEAD_BYTES: usize = 4096;
/// As much of a file that is not what it claims to be as the operator is shown.
const QUOTED_BYTES: usize = 200;

/// A format, whether or not something here reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Empty,
    Pdf,
    Html,
    Zip,
    Png,
    Jpeg,
    Tiff,
    Rtf,
    Ole,
    /// A document that is one file of XML.
    Flat(Flat),
    Xml,
    /// A page with its pictures as one message of several parts (RFC 2557).
    Mhtml,
    Text,
    Unknown,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "nothing",
            Self::Pdf => "a PDF",
            Self::Html => "an HTML page",
            Self::Zip => "a ZIP archive (or an office file, which is one)",
            Self::Png => "a PNG picture",
            Self::Jpeg => "a JPEG picture",
            Self::Tiff => "a TIFF picture",
            Self::Rtf => "an RTF document",
            Self::Ole => "an OLE file (such as an old Word document)",
            Self::Flat(Flat::Word) => "a Word document in XML",
            Self::Flat(Flat::OpenDocument) => "an OpenDocument file in XML",
            Self::Xml => "an XML file",
            Self::Mhtml => "a web archive (MHTML)",
            Self::Text => "plain text",
            Self::Unknown => "of no known format",
        })
    }
}

/// Formats that begin with bytes of their own.
const SIGNATURES: &[(&[u8], Format)] = &[
    (b"PK\x03\x04", Format::Zip),
    (b"PK\x05\x06", Format::Zip),
    (b"\x89PNG\r\n\x1a\n", Format::Png),
    (b"\xff\xd8\xff", Format::Jpeg),
    (b"II*\0", Format::Tiff),
    (b"MM\0*", Format::Tiff),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Format::Ole),
];

/// Names the format of a file from its content.
pub(super) fn sniff(content: &[u8]) -> Format {
    let head = &content[..content.len().min(HEAD_BYTES)];
    if head.is_empty() {
        return Format::Empty;
    }
    if let Some((_, format)) = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)) {
        return *format;
    }
    // Before HTML: servers put warnings in HTML in front of a whole PDF.
    if contains(&head[..head.len().min(PDF_HEADER_WITHIN)], b"%PDF") || begins_with_object(head) {
        return Format::Pdf;
    }
    if head.trim_ascii_start().starts_with(b"{\\rtf") {
        return Format::Rtf;
    }
    if let Some(format) = markup(head) {
        return format;
    }
    if encoding::is_text(head) { Format::Text } else { Format::Unknown }
}

/// Whether an indirect object of a PDF begins here, such as `1 0 obj` (PDF 32000-1 section 7.3.10). A file that has
/// lost its first line still begins with one.
pub(super) fn begins_with_object(bytes: &[u8]) -> bool {
    let line = String::from_utf8_lossy(&bytes[..bytes.len().min(64)]);
    let mut words = line.split_ascii_whitespace();
    let mut number = || words.next().is_some_and(|word| word.bytes().all(|b| b.is_ascii_digit()));
    number() && number() && words.next().is_some_and(|word| word.starts_with("obj"))
}

/// Tags of which an HTML page has at least one near its beginning, in lower case.
const MARKS: &[&str] = &[
    "<!doctype html",
    "<html",
    "<head",
    "<body",
    "<script",
    "<meta",
    "<title",
    "<table",
    "<div",
    "<p>",
    "<p ",
    "<center",
    "<font",
];

/// HTML, XML, and messages of parts, by what their first lines say.
fn markup(head: &[u8]) -> Option<Format> {
    // Good enough to find tags in UTF-16, too.
    let text = String::from_utf8_lossy(head).replace('\0', "");
    let start = text.trim_start_matches(['\u{feff}', '\u{fffd}']).trim_start().to_ascii_lowercase();
    if start.starts_with("mime-version:") && start.contains("multipart/related") {
        return Some(Format::Mhtml);
    }
    if !start.starts_with('<') {
        return None;
    }
    if start.starts_with("<?xml") {
        if start.contains("<office:document") {
            return Some(Format::Flat(Flat::OpenDocument));
        }
        if start.contains("<w:worddocument") || start.contains("progid=\"word.document\"") {
            return Some(Format::Flat(Flat::Word));
        }
    }
    if start.starts_with("<br") || MARKS.iter().any(|mark| start.contains(mark)) {
        return Some(Format::Html);
    }
    (start.starts_with("<?xml") || start.starts_with("<svg")).then_some(Format::Xml)
}

/// The first bytes of a file as one printable line.
pub(super) fn first_bytes(content: &[u8]) -> String {
    let head = &content[..content.len().min(QUOTED_BYTES)];
    let printable = |c: char| if c.is_control() || c == char::REPLACEMENT_CHARACTER { ' ' } else { c };
    let line: String = String::from_utf8_lossy(head).chars().map(printable).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_their_first_bytes() {
        let junk_then_pdf = [&[b'\n'; 900][..], b"%PDF-1.4\n"].concat();
        let pdf_too_late = [&[b' '; 1100][..], b"%PDF-1.4\n"].concat();
        let cases: &[(&[u8], Format)] = &[
            (b"", Format::Empty),
            (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", Format::Pdf),
            (&junk_then_pdf, Format::Pdf),
            (&pdf_too_late, Format::Text),
            (b"<br />\n<b>Warning</b>: readfile()\n%PDF-1.4\n", Format::Pdf),
            (b"1 0 obj\n<< /Type /Catalog >>", Format::Pdf),
            (b"\xef\xbb\xbf \r\n<!DOCTYPE HTML><html>", Format::Html),
            (b"<?xml version=\"1.0\"?><html xmlns=\"x\">", Format::Html),
            (b"<br /><b>Fatal error</b>", Format::Html),
            (b"PK\x03\x04\x14\0", Format::Zip),
            (b"\x89PNG\r\n\x1a\n\0\0", Format::Png),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", Format::Jpeg),
            (b"II*\0\x08\0", Format::Tiff),
            (b"MM\0*\0\0", Format::Tiff),
            (b"{\\rtf1\\ansi", Format::Rtf),
            (b"\r\n{\\rtf1\\ansi", Format::Rtf),
            (
                b"<?xml version='1.0'?><?mso-application progid=\"Word.Document\"?><w:wordDocument>",
                Format::Flat(Flat::Word),
            ),
            (b"<?xml version='1.0'?>\n<office:document xmlns:office='x'>", Format::Flat(Flat::OpenDocument)),
            (b"<?xml version='1.0'?><rss>", Format::Xml),
            (b"\xff\xfe<\0h\0t\0m\0l\0>\0", Format::Html),
            (b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x", Format::Mhtml),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", Format::Ole),
            ("Diário Oficial".as_bytes(), Format::Text),
            (b"Di\xe1rio Oficial", Format::Text),
            (b"\xff\xfeD\0i\0", Format::Text),
            (b"\x00\x01\x02\x03\x04\x05", Format::Unknown),
        ];
        for (content, format) in cases {
            assert_eq!(sniff(content), *format, "{}", first_bytes(content));
        }
    }

    #[test]
    fn the_quoted_bytes_are_one_printable_line() {
        assert_eq!(first_bytes(b"<html>\r\n\t<b>\x00caf\xe9</b>"), "<html> <b> caf </b>");
        assert!(first_bytes(&[b'x'; 5000]).len() == QUOTED_BYTES);
    }
}
