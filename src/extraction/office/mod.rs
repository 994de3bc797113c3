//! Documents of office programs that are archives of XML: what the archive is, and its text.

use super::zip::{Archive, Budget, Member};
use super::{Limits, OnPage, Text};
use crate::failure::{Failure, FailureCode};

mod opendocument;
mod openxml;
mod xml;

use xml::{Node, Xml};

/// What an archive is.
#[derive(Debug, PartialEq)]
pub(super) enum Package {
    /// Word (ECMA-376): the names of its parts.
    Word(openxml::Parts),
    /// PowerPoint: the same.
    PowerPoint(openxml::Parts),
    /// A document of any OpenDocument program.
    OpenDocument,
    /// One that nothing here reads: what it is.
    Other(&'static str),
    /// No document, but an archive of files.
    Files,
}

/// The type of a document without an extension (ODF 1.3 part 2 section 3.3, and EPUB).
const MIMETYPE: &str = "mimetype";
const CONTENT_TYPES: &str = "[Content_Types].xml";

/// Tells documents from archives by the two members that say what they are.
///
/// # Errors
/// What reading these two fails with.
pub(super) fn package(archive: &Archive<'_>, budget: &Budget, limits: &Limits) -> Result<Package, Failure> {
    if let Some(member) = archive.find(MIMETYPE) {
        let mimetype = archive.head(member, 100, budget);
        if mimetype.starts_with(b"application/vnd.oasis.opendocument")
            || mimetype.starts_with(b"application/vnd.sun.xml")
        {
            return Ok(Package::OpenDocument);
        }
        if mimetype.starts_with(b"application/epub") {
            return Ok(Package::Other("an EPUB book"));
        }
    }
    if let Some(member) = archive.find(CONTENT_TYPES) {
        return openxml::package(archive, member, budget, limits);
    }
    let is_there = |name| archive.find(name).is_some();
    Ok(if is_there("content.xml") && is_there("META-INF/manifest.xml") {
        Package::OpenDocument
    } else if is_there("word/document.xml") {
        Package::Word(openxml::Parts::usual())
    } else {
        Package::Files
    })
}

/// The text of a document.
///
/// # Errors
/// `ENCRYPTED`, `UNSUPPORTED_FORMAT`, `FILE_DAMAGED`, `EMPTY_OBJECT` when it has no text, or a limit's code.
pub(super) fn read(
    archive: &Archive<'_>,
    package: &Package,
    budget: &Budget,
    limits: &Limits,
    on_page: &OnPage<'_>,
) -> Result<Text, Failure> {
    let text = match package {
        Package::Word(parts) => openxml::read_word(archive, parts, budget, limits, on_page),
        Package::PowerPoint(parts) => openxml::read_slides(archive, parts, budget, limits, on_page),
        Package::OpenDocument => opendocument::read(archive, budget, limits, on_page),
        Package::Other(_) | Package::Files => {
            Err(Failure::new(FailureCode::UnsupportedFormat, "an archive that is no document"))
        }
    }?;
    with_text(text)
}

/// Documents that are one file of XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flat {
    Word,
    OpenDocument,
}

/// The text of a document that is one file of XML.
///
/// # Errors
/// `FILE_DAMAGED`, `EMPTY_OBJECT` when it has no text, or a limit's code.
pub(super) fn read_flat(content: &[u8], flat: Flat, limits: &Limits, on_page: &OnPage<'_>) -> Result<Text, Failure> {
    with_text(match flat {
        Flat::Word => openxml::read_flat(content, limits, on_page),
        Flat::OpenDocument => opendocument::read_flat(content, limits, on_page),
    }?)
}

fn with_text(text: Text) -> Result<Text, Failure> {
    if text.is_blank() {
        // What was lost may have been all of its text.
        return Err(if text.partial {
            Failure::new(FailureCode::FileDamaged, "no text is in what can be read of it")
        } else {
            Failure::new(FailureCode::EmptyObject, "a document without text")
        });
    }
    Ok(text)
}

/// The pictures of a document in their order: by the numbers in their names, or where the names are none, by their places
/// in the archive.
pub(super) fn pictures<'m>(archive: &'m Archive<'_>) -> Vec<&'m Member> {
    let is_picture = |member: &&Member| {
        let name = member.name.to_ascii_lowercase();
        let folder = ["word/media/", "ppt/media/", "Pictures/"].iter().any(|folder| member.name.starts_with(folder));
        folder && [".png", ".jpg", ".jpeg", ".tif", ".tiff"].iter().any(|extension| name.ends_with(extension))
    };
    let mut pictures: Vec<_> = archive.members.iter().filter(is_picture).collect();
    if !pictures.iter().any(|member| member.name.starts_with("Pictures/")) {
        pictures.sort_by_cached_key(|member| natural(&member.name));
    }
    pictures
}

/// A name whose numbers sort by their size: image2 before image10.
pub(super) fn natural(name: &str) -> (String, u64, String) {
    let digits = |c: char| c.is_ascii_digit();
    let start = name.find(digits).unwrap_or(name.len());
    let (head, rest) = name.split_at(start);
    let end = rest.find(|c| !digits(c)).unwrap_or(rest.len());
    let (number, tail) = rest.split_at(end);
    (head.to_lowercase(), number.parse().unwrap_or(u64::MAX), tail.to_lowercase())
}
