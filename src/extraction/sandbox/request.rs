//! What a child is asked: one message a document, with the open file beside it (`SCM_RIGHTS`, unix(7)).

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::{Deserialize, Serialize};

use super::frame::garbled;
use crate::extraction::{Limits, PageAddress, Role, picture};
use crate::gazette::OcrMode;

/// A request is one message of at most so many bytes: names are cut to fit.
const MOST_BYTES: usize = 16 * 1024;
const MOST_NAME_BYTES: usize = 2 * 1024;

/// What is asked of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Work {
    /// Its text, and which pages OCR has to read.
    Read(OcrMode),
    /// The pictures of one page, ready for OCR.
    Picture {
        address: PageAddress,
        role: Role,
        /// Quarters clockwise that it is turned by.
        quarters: u8,
        bounds: picture::Bounds,
    },
}

/// One document to read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Request {
    /// The end of its key or path, which tells what the file claims to be.
    pub name: String,
    pub work: Work,
    pub limits: Limits,
    /// CPU time that all threads together may spend on it.
    pub cpu_seconds: u64,
}

impl Request {
    pub fn new(name: &str, work: Work, limits: Limits, longest: Duration) -> Self {
        let cut = name.len().saturating_sub(MOST_NAME_BYTES);
        let start = (cut..=name.len()).find(|at| name.is_char_boundary(*at)).unwrap_or(0);
        let cpu_seconds = longest.as_secs().saturating_mul(limits.threads as u64).max(1);
        Self { name: name[start..].to_owned(), work, limits, cpu_seconds }
    }
}

/// Two ends of a socket that keeps the bounds of messages: ours, and the child's standard input.
pub(super) fn channel() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Sends a request with its file.
///
/// # Errors
/// `BrokenPipe` when the child is no more.
pub(super) fn send(to: impl AsFd, request: &Request, file: &File) -> io::Result<()> {
    let json = serde_json::to_vec(request)?;
    let descriptors = [file.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(garbled("no room for a descriptor"));
    }
    sendmsg(to, &[IoSlice::new(&json)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Waits for the next request; `None` when nobody will ask any more.
///
/// # Errors
/// `InvalidData` when a message is no request.
pub(super) fn receive(from: impl AsFd) -> io::Result<Option<(Request, File)>> {
    let mut json = vec![0; MOST_BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message = loop {
        match recvmsg(&from, &mut [IoSliceMut::new(&mut json)], &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(rustix::io::Errno::INTR) => {}
            other => break other?,
        }
    };
    if message.bytes == 0 {
        return Ok(None);
    }
    if message.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
        return Err(garbled("a request is cut"));
    }
    let request = serde_json::from_slice(&json[..message.bytes])?;
    let file = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    match file {
        Some(file) => Ok(Some((request, File::from(file)))),
        None => Err(garbled("a request without a file")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _, Write as _};

    use super::*;

    #[test]
    fn a_request_arrives_with_its_file_and_the_end_is_seen() {
        let (ours, theirs) = channel().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"gazette").unwrap();
        file.rewind().unwrap();
        let sent = Request::new("a.pdf", Work::Read(OcrMode::Auto), Limits::default(), Duration::from_mins(1));
        send(&ours, &sent, &file).unwrap();
        drop((ours, file));
        let (request, mut file) = receive(&theirs).unwrap().unwrap();
        assert_eq!(request, sent);
        let mut content = String::new();
        file.read_to_string(&mut content).unwrap();
        assert_eq!(content, "gazette");
        assert!(receive(&theirs).unwrap().is_none());
    }

    #[test]
    fn the_longest_key_of_s3_still_shows_its_extension() {
        let request = Request::new(
            &format!("{}.pdf", "ã".repeat(4000)),
            Work::Read(OcrMode::Off),
            Limits::default(),
            Duration::from_secs(1),
        );
        assert!(request.name.len() <= MOST_NAME_BYTES && request.name.ends_with("ã.pdf"));
        assert!(serde_json::to_vec(&request).unwrap().len() < MOST_BYTES);
    }
}
