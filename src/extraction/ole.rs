//! Compound files ([MS-CFB]): what they hold, and old Word documents among them.

use std::io::{Cursor, Read, Seek, SeekFrom};

use cfb::CompoundFile;

use super::{Limits, OnPage, Text, word97};
use crate::failure::{Failure, FailureCode};

/// Streams whose names say which program a file is of. Names are compared without case.
const PROGRAMS: &[(&str, &str)] = &[
    ("Workbook", "an old Excel workbook"),
    ("Book", "an old Excel workbook"),
    ("PowerPoint Document", "an old PowerPoint presentation"),
    ("VisioDocument", "a Visio drawing"),
    ("Quill", "a Publisher document"),
    ("__properties_version1.0", "an Outlook message"),
    ("MatOST", "a Works document"),
];

/// # Errors
/// `ENCRYPTED`, `UNSUPPORTED_FORMAT` when it is of another program than Word, `FILE_DAMAGED`, `EMPTY_OBJECT`, or a limit's
/// code.
pub(super) fn read(content: &[u8], limits: &Limits, on_page: &OnPage<'_>) -> Result<Text, Failure> {
    let mut file = CompoundFile::open(Cursor::new(content)).map_err(|error| {
        Failure::new(
            FailureCode::FileDamaged,
            format!("its compound file (the format of old Word files) is broken: {error}"),
        )
    })?;
    if file.exists("/EncryptedPackage") || file.exists("/EncryptionInfo") {
        return Err(Failure::new(FailureCode::Encrypted, "an office file that asks for a password"));
    }
    if file.exists(word97::MAIN_STREAM) {
        return word97::read(&mut file, limits, on_page);
    }
    let program = PROGRAMS.iter().find(|(stream, _)| file.exists(format!("/{stream}")));
    let what = program.map_or("an OLE file of an unknown program", |(_, what)| what);
    Err(Failure::new(FailureCode::UnsupportedFormat, format!("the content is {what}")))
}

/// A stream of a compound file.
pub(super) type Stream<'a> = cfb::Stream<Cursor<&'a [u8]>>;

/// So many bytes from there, less at the end of the stream.
///
/// # Errors
/// `FILE_DAMAGED` when the sectors it lies in cannot be read.
pub(super) fn bytes_at(stream: &mut Stream<'_>, offset: u64, bytes: usize) -> Result<Vec<u8>, Failure> {
    let broken = |error: std::io::Error| {
        Failure::new(FailureCode::FileDamaged, format!("a stream of its compound file breaks off: {error}"))
    };
    if offset >= stream.len() {
        return Ok(Vec::new());
    }
    stream.seek(SeekFrom::Start(offset)).map_err(broken)?;
    let mut read = Vec::new();
    stream.take(bytes as u64).read_to_end(&mut read).map_err(broken)?;
    Ok(read)
}
