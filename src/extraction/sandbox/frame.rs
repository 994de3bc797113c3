//! What a child answers, as bytes: a kind, the length of what follows as u32 in little endian, and that many bytes of
//! JSON. A text follows its frame as it is, in the length that the frame tells.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use super::confinement::Confinement;
use crate::extraction::Text;
use crate::failure::{Failure, FailureCode};

/// No frame is larger: the longest lists the pages of the largest document.
const MOST_BYTES: u32 = 4 * 1024 * 1024;
const HEAD_BYTES: usize = 5;

/// One answer of a child.
#[derive(Debug, PartialEq)]
pub(super) enum Frame {
    /// It waits for documents.
    Ready(Confinement),
    /// It has read another page or more.
    Page,
    /// The document was read; so many bytes of text follow. The text in it is empty yet.
    Text(Text, u64),
    /// The document could not be read.
    Failed(Failure),
}

/// [`Text`] without its text.
#[derive(Serialize, Deserialize)]
struct Header {
    bytes: u64,
    pages: u32,
    ocr_pages: u32,
    characters: u64,
    quality: Option<f32>,
    recovered: bool,
    partial: bool,
    unreadable: Vec<u32>,
}

#[derive(Serialize, Deserialize)]
struct Failed {
    code: String,
    detail: String,
}

/// Writes a frame and, for a text, the text.
pub(super) fn write(to: &mut impl Write, frame: &Frame) -> io::Result<()> {
    match frame {
        Frame::Ready(confinement) => put(to, b'R', confinement),
        Frame::Page => put(to, b'P', &()),
        Frame::Failed(failure) => {
            put(to, b'F', &Failed { code: failure.code.as_str().into(), detail: failure.detail.clone() })
        }
        Frame::Text(text, bytes) => {
            let header = Header {
                bytes: *bytes,
                pages: text.pages,
                ocr_pages: text.ocr_pages,
                characters: text.characters,
                quality: text.quality,
                recovered: text.recovered,
                partial: text.partial,
                unreadable: text.unreadable.clone(),
            };
            put(to, b'T', &header)?;
            to.write_all(text.text.as_bytes())
        }
    }
}

fn put(to: &mut impl Write, kind: u8, content: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_vec(content)?;
    let length = u32::try_from(json.len()).ok().filter(|length| *length <= MOST_BYTES);
    let length = length.ok_or_else(|| garbled("a frame is too long"))?;
    let mut head = [kind; HEAD_BYTES];
    head[1..].copy_from_slice(&length.to_le_bytes());
    to.write_all(&head)?;
    to.write_all(&json)
}

/// Reads a frame; of a text, what precedes it.
///
/// # Errors
/// `InvalidData` when it is none; else what reading says.
pub(super) fn read(from: &mut impl Read) -> io::Result<Frame> {
    let mut head = [0; HEAD_BYTES];
    from.read_exact(&mut head)?;
    let [kind, length @ ..] = head;
    let length = u32::from_le_bytes(length);
    if !b"RPTF".contains(&kind) || length > MOST_BYTES {
        return Err(garbled("no frame begins so"));
    }
    let mut json = vec![0; length as usize];
    from.read_exact(&mut json)?;
    match kind {
        b'R' => Ok(Frame::Ready(serde_json::from_slice(&json)?)),
        b'P' => Ok(Frame::Page),
        b'T' => {
            let Header { bytes, pages, ocr_pages, characters, quality, recovered, partial, unreadable } =
                serde_json::from_slice(&json)?;
            let text = String::new();
            let text = Text { text, pages, ocr_pages, characters, quality, recovered, partial, unreadable };
            Ok(Frame::Text(text, bytes))
        }
        _ => {
            let Failed { code, detail } = serde_json::from_slice(&json)?;
            let code = FailureCode::parse(&code).ok_or_else(|| garbled("no code of the catalogue"))?;
            Ok(Frame::Failed(Failure::new(code, detail)))
        }
    }
}

pub(super) fn garbled(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_as_they_went() {
        let text = Text { text: "Diário\u{c}Oficial".into(), pages: 2, unreadable: vec![1], ..Text::default() };
        let bytes = text.text.len() as u64;
        let frames = [
            Frame::Ready(Confinement { files: true, network: false }),
            Frame::Page,
            Frame::Failed(Failure::new(FailureCode::NoPages, "none")),
        ];
        let mut wire = Vec::new();
        for frame in &frames {
            write(&mut wire, frame).unwrap();
        }
        write(&mut wire, &Frame::Text(text.clone(), bytes)).unwrap();
        let mut wire = wire.as_slice();
        for frame in frames {
            assert_eq!(read(&mut wire).unwrap(), frame);
        }
        assert_eq!(read(&mut wire).unwrap(), Frame::Text(Text { text: String::new(), ..text.clone() }, bytes));
        assert_eq!(wire, text.text.as_bytes(), "the text follows as it is");
    }

    #[test]
    fn garbage_is_no_frame() {
        let wires: [&[u8]; 5] = [
            b"hello world",
            b"T\xff\xff\xff\xff",
            b"F\x02\x00\x00\x00{}",
            b"F\x1e\x00\x00\x00{\"code\":\"NO_SUCH\",\"detail\":\"\"}",
            b"T\x04\x00\x00\x00null",
        ];
        for mut wire in wires {
            assert_eq!(read(&mut wire).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
        assert_eq!(read(&mut &b"P\x04"[..]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
