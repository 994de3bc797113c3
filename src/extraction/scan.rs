//! Pages that show something that is not in the text of their file, for OCR to read.

use serde::{Deserialize, Serialize};

/// One such page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// Page of the text, counted from 0.
    pub page: u32,
    pub address: PageAddress,
    pub role: Role,
    /// Bytes at the beginning of the page's text that stay whatever OCR finds: the names of files of an archive.
    #[serde(default)]
    pub heading_bytes: u32,
}

impl Scan {
    /// A page of which nothing but its picture is known.
    pub(super) fn whole(page: u32, address: PageAddress) -> Self {
        Self { page, address, role: Role::Whole, heading_bytes: 0 }
    }
}

/// Where a page is found again in its file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PageAddress {
    /// Members of archives, from the outermost in: each its place in the archive's directory, counted from 0.
    pub members: Vec<u32>,
    /// Page of the innermost document, counted from 0.
    pub page: u32,
}

/// What becomes of the text that the page has of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It has none, or one that reads as nothing: what OCR finds takes its place.
    Whole,
    /// It is kept; OCR adds what images show on which no text lies.
    Beside,
}
