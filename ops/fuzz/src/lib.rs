//! What the fuzz targets share: prelo's extraction, its one door, and small documents to put the bytes in.
//!
//! Every target goes through [`read`], the door that prelo itself uses. A target for a part of the reader wraps the
//! bytes in a document where that part is what reads them, so no part has to be opened to the outside for it.

use std::fs::File;
use std::io::Write;

pub mod document;

/// The sources of prelo itself, at the place in the tree that they know of each other by.
#[allow(dead_code, unused_imports)]
#[path = "../../../src/extraction/mod.rs"]
mod extraction;
#[allow(dead_code)]
#[path = "../../../src/failure.rs"]
mod failure;
#[allow(dead_code)]
#[path = "../../../src/gazette.rs"]
mod gazette;

/// Reads `file` as prelo would, whatever it is; its text, if there is any. Any result is good; a panic, also a caught one,
/// is not.
///
/// # Panics
/// When the reader did.
pub fn read(file: &[u8]) -> Option<String> {
    match extraction::extract(&unlinked(file), "fuzzed", &extraction::Limits::default(), gazette::OcrMode::Auto, &|| {}) {
        Ok(text) => Some(text.text),
        Err(failure) => {
            assert!(failure.code != failure::FailureCode::ExtractorPanicked, "{failure}");
            None
        }
    }
}

/// A file without a name, so that nothing is left behind by a process that ends in a crash.
fn unlinked(content: &[u8]) -> File {
    let written = tempfile::tempfile().and_then(|mut file| file.write_all(content).map(|()| file));
    written.unwrap_or_else(|error| panic!("could not write a temporary file: {error}"))
}
