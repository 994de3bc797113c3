//! ZIP (APPNOTE.TXT of PKWARE): the directory of an archive, and its members under a cap.

use std::cell::Cell;
use std::io::{self, BufReader, Read};
use std::ops::Range;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive};

use super::Limits;
use super::encoding::decode_name;
use crate::failure::{Failure, FailureCode};

/// Bytes that are inflated at a time.
const WINDOW: usize = 32 * 1024;

/// Bytes that may still be decoded from one file and all that is within it.
#[derive(Debug)]
pub(super) struct Budget {
    left: Cell<u64>,
    whole: u64,
}

impl Budget {
    pub fn new(bytes: u64) -> Self {
        Self { left: Cell::new(bytes), whole: bytes }
    }

    pub fn left(&self) -> u64 {
        self.left.get()
    }

    /// # Errors
    /// `LIMIT_DECOMPRESSED` when so much is not left: then nothing is.
    pub fn spend(&self, bytes: u64) -> Result<(), Failure> {
        let left = self.left.get().checked_sub(bytes);
        self.left.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or_else(|| {
            let detail = format!("what it holds decompresses to more than {} bytes", self.whole);
            Failure::new(FailureCode::LimitDecompressed, detail)
        })
    }
}

/// The files of an archive.
pub(super) struct Archive<'a> {
    content: &'a [u8],
    pub members: Vec<Member>,
}

/// One file of it.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Its place in the central directory, from 0.
    pub index: u32,
    /// With `/` between folders, without what would lead out of them. To be shown and compared, never a path.
    pub name: String,
    /// Its size, as the directory says.
    pub bytes: u64,
    /// Its compressed bytes.
    range: Range<usize>,
    method: CompressionMethod,
    pub is_encrypted: bool,
}

impl<'a> Archive<'a> {
    /// Reads the central directory.
    ///
    /// # Errors
    /// `FILE_DAMAGED` when there is none, `LIMIT_MEMORY` when it names more files than allowed, `LIMIT_DECOMPRESSED` when
    /// its members share their bytes, as only those of bombs do.
    pub fn open(content: &'a [u8], limits: &Limits) -> Result<Self, Failure> {
        let archive = ZipArchive::from_slice(content).map_err(|error| damaged(&error.to_string()))?;
        let mut members = Vec::new();
        let mut taken = Vec::new();
        for (index, entry) in (0..).zip(archive.entries()) {
            let entry = entry.map_err(|error| damaged(&error.to_string()))?;
            if index as usize >= limits.archive_members {
                let detail = format!("an archive of more than {} files", limits.archive_members);
                return Err(Failure::new(FailureCode::LimitMemory, detail));
            }
            if entry.is_dir() {
                continue;
            }
            // One whose place is nowhere in the file is missing from it.
            let range = archive.get_entry(entry.wayfinder()).ok().map(|found| found.compressed_data_range());
            let (start, end) = range.unwrap_or((1, 0));
            let as_index = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
            if start < end {
                taken.push((start, end));
            }
            let name = shown(&decode_name(entry.file_path().as_bytes(), entry.flags().is_utf8()));
            members.push(Member {
                index,
                name: if name.is_empty() { index.to_string() } else { name },
                bytes: entry.uncompressed_size_hint(),
                range: as_index(start)..as_index(end),
                method: entry.compression_method(),
                is_encrypted: entry.flags().is_encrypted(),
            });
        }
        taken.sort_unstable();
        if taken.windows(2).any(|pair| matches!(pair, [(_, end), (start, _)] if start < end)) {
            let detail = "files of the archive share their bytes";
            return Err(Failure::new(FailureCode::LimitDecompressed, detail));
        }
        Ok(Self { content, members })
    }

    /// The member of that name, whatever its case.
    pub fn find(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name.eq_ignore_ascii_case(name))
    }

    /// Reads a member bit by bit. What comes out counts for the budget.
    ///
    /// # Errors
    /// `ENCRYPTED`, `UNSUPPORTED_FORMAT` when it is compressed in a way that nothing here undoes, `FILE_DAMAGED` when it is
    /// not in the file. What the reader reports beyond the format's own errors is a [`Failure`].
    pub fn read<'r>(&self, member: &Member, budget: &'r Budget) -> Result<BufReader<Contents<'a, 'r>>, Failure> {
        let compressed = self.content.get(member.range.clone()).ok_or_else(|| damaged("a file of it is missing"))?;
        if member.is_encrypted {
            return Err(Failure::new(FailureCode::Encrypted, format!("{} asks for a password", member.name)));
        }
        let source = match member.method {
            CompressionMethod::STORE => Source::Stored(compressed),
            CompressionMethod::DEFLATE => Source::Deflated(DeflateDecoder::new(compressed)),
            other => {
                let detail = format!("{} is compressed by method {other}, which nothing here undoes", member.name);
                return Err(Failure::new(FailureCode::UnsupportedFormat, detail));
            }
        };
        Ok(BufReader::with_capacity(WINDOW, Contents { source, left: member.bytes, budget }))
    }

    /// The bytes of a member: where they lie when they are stored as they are, or inflated.
    ///
    /// # Errors
    /// As [`Self::read`], and `LIMIT_MEMORY` when it is larger than a member may be.
    pub fn bytes(&self, member: &Member, budget: &Budget, limits: &Limits) -> Result<Bytes, Failure> {
        if member.method == CompressionMethod::STORE && !member.is_encrypted {
            return Ok(Bytes::At(member.range.clone()));
        }
        if member.bytes > limits.member_bytes {
            let detail = format!("{} has {} bytes, the limit is {}", member.name, member.bytes, limits.member_bytes);
            return Err(Failure::new(FailureCode::LimitMemory, detail));
        }
        let mut reader = self.read(member, budget)?.into_inner();
        let mut bytes = Vec::new();
        let mut filled = 0;
        loop {
            // Not by what the directory says: that may be a lie.
            bytes.resize(filled + (filled / 2).max(WINDOW), 0);
            match reader.read(bytes.get_mut(filled..).unwrap_or_default()) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(reported(&error)),
            }
        }
        bytes.truncate(filled);
        bytes.shrink_to_fit();
        Ok(Bytes::Inflated(bytes))
    }

    /// The beginning of a member, at most so many bytes of it; nothing when it cannot be read.
    pub fn head(&self, member: &Member, bytes: usize, budget: &Budget) -> Vec<u8> {
        let mut head = Vec::new();
        if let Ok(reader) = self.read(member, budget) {
            let _ = reader.take(bytes as u64).read_to_end(&mut head);
        }
        head
    }
}

/// Where the bytes of a member are.
pub(super) enum Bytes {
    At(Range<usize>),
    Inflated(Vec<u8>),
}

/// What a member decodes to, at most as much as the directory says.
pub(super) struct Contents<'a, 'r> {
    source: Source<'a>,
    left: u64,
    budget: &'r Budget,
}

enum Source<'a> {
    Stored(&'a [u8]),
    Deflated(DeflateDecoder<&'a [u8]>),
}

impl Read for Contents<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.source {
            Source::Stored(bytes) => bytes.read(into),
            Source::Deflated(decoder) => decoder.read(into),
        }?;
        let failed = |failure| io::Error::other::<Failure>(failure);
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            let detail = "a file in it decompresses to more than its directory says";
            failed(Failure::new(FailureCode::LimitDecompressed, detail))
        })?;
        self.budget.spend(read as u64).map_err(failed)?;
        Ok(read)
    }
}

/// What reading a member failed with.
pub(super) fn reported(error: &io::Error) -> Failure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Failure>());
    inner.cloned().unwrap_or_else(|| damaged(&error.to_string()))
}

fn damaged(what: &str) -> Failure {
    Failure::new(FailureCode::FileDamaged, format!("its archive is broken: {what}"))
}

/// A name as a person may be shown it.
fn shown(name: &str) -> String {
    let visible: String = name.chars().filter(|c| !c.is_control()).map(|c| if c == '\\' { '/' } else { c }).collect();
    let folders = visible.split('/').filter(|folder| !matches!(*folder, "" | "." | ".."));
    folders.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::*;

    /// An archive that is being written, byte by byte, so that it can be wrong in every way.
    #[derive(Default, Clone)]
    pub struct Zip {
        pub bytes: Vec<u8>,
        pub directory: Vec<u8>,
        pub count: u32,
    }

    pub fn deflated(data: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    impl Zip {
        pub fn add(mut self, name: &[u8], data: &[u8]) -> Self {
            let compressed = deflated(data);
            self.put(name, &compressed, data.len(), 8, 0);
            self
        }

        pub fn store(mut self, name: &[u8], data: &[u8]) -> Self {
            self.put(name, data, data.len(), 0, 0);
            self
        }

        /// A local header with its data, and its line in the directory (APPNOTE sections 4.3.7 and 4.3.12).
        pub fn put(&mut self, name: &[u8], compressed: &[u8], size: usize, method: u16, flags: u16) {
            let offset = self.bytes.len();
            let fields = fields(name, compressed.len(), size, method, flags);
            self.bytes.extend_from_slice(b"PK\x03\x04");
            self.bytes.extend_from_slice(&fields);
            self.bytes.extend_from_slice(name);
            self.bytes.extend_from_slice(compressed);
            self.list(name, &fields, offset);
        }

        pub fn list(&mut self, name: &[u8], fields: &[u8], offset: usize) {
            self.count += 1;
            self.directory.extend_from_slice(b"PK\x01\x02\x14\0");
            self.directory.extend_from_slice(fields);
            self.directory.extend_from_slice(&[0; 10]);
            self.directory.extend_from_slice(&u32::try_from(offset).unwrap().to_le_bytes());
            self.directory.extend_from_slice(name);
        }

        pub fn finish(mut self) -> Vec<u8> {
            let start = u32::try_from(self.bytes.len()).unwrap();
            let size = u32::try_from(self.directory.len()).unwrap();
            self.bytes.extend_from_slice(&self.directory);
            let count = u16::try_from(self.count.min(0xffff)).unwrap();
            self.bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
            self.bytes.extend_from_slice(&count.to_le_bytes());
            self.bytes.extend_from_slice(&count.to_le_bytes());
            self.bytes.extend_from_slice(&size.to_le_bytes());
            self.bytes.extend_from_slice(&start.to_le_bytes());
            self.bytes.extend_from_slice(&[0, 0]);
            self.bytes
        }
    }

    pub fn fields(name: &[u8], compressed: usize, size: usize, method: u16, flags: u16) -> Vec<u8> {
        let mut fields = vec![20, 0];
        fields.extend_from_slice(&flags.to_le_bytes());
        fields.extend_from_slice(&method.to_le_bytes());
        fields.extend_from_slice(&[0; 8]); // time, date, CRC: not looked at
        for number in [compressed, size] {
            fields.extend_from_slice(&u32::try_from(number).unwrap().to_le_bytes());
        }
        fields.extend_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
        fields.extend_from_slice(&[0, 0]);
        fields
    }

    fn content(zip: &[u8], name: &str) -> Result<Vec<u8>, Failure> {
        let limits = Limits { member_bytes: 100_000, ..Limits::default() };
        let archive = Archive::open(zip, &limits)?;
        match archive.bytes(archive.find(name).unwrap(), &Budget::new(1 << 20), &limits)? {
            Bytes::At(range) => Ok(zip[range].to_vec()),
            Bytes::Inflated(bytes) => Ok(bytes),
        }
    }

    #[test]
    fn members_are_found_by_their_clean_names() {
        let zip = Zip::default()
            .add(b"..\\..\\etc/./passwd\0.txt", b"um")
            .store(b"edi\x87\xc6o.txt", b"dois")
            .add(b"pasta/", b"")
            .finish();
        let archive = Archive::open(&zip, &Limits::default()).unwrap();
        let names: Vec<_> = archive.members.iter().map(|member| (member.index, member.name.as_str())).collect();
        assert_eq!(names, [(0, "etc/passwd.txt"), (1, "edi\u{e7}\u{e3}o.txt")]);
        assert_eq!(content(&zip, "etc/passwd.txt").unwrap(), b"um");
        assert_eq!(content(&zip, "EDI\u{e7}\u{e3}O.txt").unwrap(), b"dois");
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let mut zip = Zip::default().add(b"grande", &vec![b'a'; 100_001]);
        let data = deflated(&vec![b'a'; 90_000]);
        zip.put(b"mente", &data, 89_999, 8, 0);
        zip.put(b"cortado", &data[..data.len() / 2], 90_000, 8, 0);
        zip.put(b"senha", &data, 90_000, 8, 1);
        zip.put(b"metodo", &data, 90_000, 12, 0);
        let nowhere = fields(b"ausente", 10, 10, 0, 0);
        zip.list(b"ausente", &nowhere, 1 << 30);
        let zip = zip.finish();
        for (name, code) in [
            ("grande", FailureCode::LimitMemory),
            ("mente", FailureCode::LimitDecompressed),
            ("cortado", FailureCode::FileDamaged),
            ("senha", FailureCode::Encrypted),
            ("metodo", FailureCode::UnsupportedFormat),
        ] {
            assert_eq!(content(&zip, name).unwrap_err().code, code, "{name}");
        }
        // A member whose bytes are stored and are nowhere is empty.
        assert_eq!(Archive::open(&zip, &Limits::default()).unwrap().members.len(), 6);
        assert_eq!(content(&zip[..zip.len() / 2], "grande").unwrap_err().code, FailureCode::FileDamaged);
    }

    #[test]
    fn bombs_are_seen_before_they_go_off() {
        // Every member's data begins in the one before it.
        let mut zip = Zip::default();
        let data = deflated(&vec![b'a'; 50_000]);
        zip.put(b"a", &data, 50_000, 8, 0);
        let shared = fields(b"b", data.len(), 50_000, 8, 0);
        zip.list(b"b", &shared, 0);
        let failure = Archive::open(&zip.finish(), &Limits::default()).err().unwrap();
        assert_eq!(failure.code, FailureCode::LimitDecompressed);

        let mut many = Zip::default();
        let listed = fields(b"", 0, 0, 0, 0);
        for _ in 0..1_000_000 {
            many.list(b"", &listed, 0);
        }
        let failure = Archive::open(&many.finish(), &Limits::default()).err().unwrap();
        assert_eq!(failure.code, FailureCode::LimitMemory);

        let zip = Zip::default().add(b"a", &vec![b'a'; 90_000]).finish();
        let archive = Archive::open(&zip, &Limits::default()).unwrap();
        let budget = Budget::new(100_000);
        let read = || archive.bytes(&archive.members[0], &budget, &Limits::default()).map(|_| ());
        assert_eq!(read(), Ok(()));
        assert_eq!(read().unwrap_err().code, FailureCode::LimitDecompressed);
        assert_eq!(budget.left(), 0);
    }
}
