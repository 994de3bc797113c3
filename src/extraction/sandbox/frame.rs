//! What a child answers, as bytes: a kind, the length of what follows as u32 in little endian, and that many bytes of
//! JSON. A text follows its frame as it is, in the length that the frame tells.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use crate::extraction::Text;
use crate::extraction::confinement::Confinement;
use crate::failure::Failure;

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
    /// The pictures of a page; they follow one after the other.
    Pictures(Vec<PictureHeader>),
    /// The document could not be read.
    Failed(Failure),
}

/// [`Text`] without its text, and how long that is.
#[derive(Serialize, Deserialize)]
struct Header {
    bytes: u64,
    #[serde(flatten)]
    text: Text,
}

/// The same, of a text that is only looked at.
#[derive(Serialize)]
struct HeaderOf<'a> {
    bytes: u64,
    #[serde(flatten)]
    text: &'a Text,
}

/// One picture of a page: a Netpbm file of so many bytes follows the frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PictureHeader {
    pub bytes: u64,
    pub width: u32,
    pub height: u32,
    /// Pixels per inch.
    pub dpi: u32,
    /// As in [`crate::extraction::picture::Picture`].
    pub is_quiet: bool,
}

/// Writes a frame and, for a text, the text. The pictures that follow their frame are written by the caller.
pub(super) fn write(to: &mut impl Write, frame: &Frame) -> io::Result<()> {
    match frame {
        Frame::Ready(confinement) => put(to, b'R', confinement),
        Frame::Page => put(to, b'P', &()),
        Frame::Failed(failure) => put(to, b'F', failure),
        Frame::Text(text, bytes) => {
            put(to, b'T', &HeaderOf { bytes: *bytes, text })?;
            to.write_all(text.text.as_bytes())
        }
        Frame::Pictures(pictures) => put(to, b'I', pictures),
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
    if !b"RPTFI".contains(&kind) || length > MOST_BYTES {
        return Err(garbled("no frame begins so"));
    }
    let mut json = vec![0; length as usize];
    from.read_exact(&mut json)?;
    match kind {
        b'R' => Ok(Frame::Ready(serde_json::from_slice(&json)?)),
        b'P' => Ok(Frame::Page),
        b'T' => {
            let Header { bytes, text } = serde_json::from_slice(&json)?;
            Ok(Frame::Text(text, bytes))
        }
        b'I' => Ok(Frame::Pictures(serde_json::from_slice(&json)?)),
        _ => Ok(Frame::Failed(serde_json::from_slice(&json)?)),
    }
}

pub(super) fn garbled(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::FailureCode;

    #[test]
    fn frames_come_back_as_they_went() {
        let text = Text { text: "Diário\u{c}Oficial".into(), pages: 2, unreadable: vec![1], ..Text::default() };
        let bytes = text.text.len() as u64;
        let frames = [
            Frame::Ready(Confinement { files: true, network: false }),
            Frame::Page,
            Frame::Failed(Failure::new(FailureCode::NoPages, "none")),
            Frame::Pictures(vec![PictureHeader { bytes: 9, width: 4, height: 2, dpi: 300, is_quiet: true }]),
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
