//! An archive of gazettes (ZIP): the text of each file, in the order of their names, each behind its name.

use std::sync::Arc;

use super::mapped::FileBytes;
use super::office::natural;
use super::pdf::TOLD;
use super::zip::{Archive, Budget, Bytes, Member};
use super::{Limits, PAGE_BREAK, Reading, Scan, Text, dispatch};
use crate::failure::{Failure, FailureCode};

/// What a file that went off like a bomb is taken to have cost, in bytes: twenty of them are not read one after the other.
const COST_OF_A_BOMB: u64 = 256 * 1024 * 1024;
/// Files that are named when none could be read.
const MOST_NAMED: usize = 10;

/// # Errors
/// When no file of it can be read, the code that most of them failed with; `EMPTY_OBJECT` when there is none;
/// `LIMIT_DECOMPRESSED` or `LIMIT_MEMORY` when all together pass a limit.
pub(super) fn read(file: &Arc<FileBytes>, archive: &Archive<'_>, reading: &Reading<'_>) -> Result<Text, Failure> {
    let Reading { limits, budget, ocr, on_page, depth } = *reading;
    if depth >= limits.archive_depth {
        let detail = format!("archives within archives, more than {} deep", limits.archive_depth);
        return Err(Failure::new(FailureCode::LimitDecompressed, detail));
    }
    let mut members: Vec<&Member> = archive.members.iter().filter(|member| !is_left_behind(&member.name)).collect();
    members.sort_by_cached_key(|member| (natural(&member.name), member.index));
    let mut joined = Joined::default();
    for member in members {
        let held = joined.text.len() as u64;
        let rest = Limits {
            text_bytes: limits.text_bytes.saturating_sub(held),
            pages: limits.pages.saturating_sub(joined.pages as usize),
            document_bytes: budget.left(),
            ..*limits
        };
        match read_member(file, archive, member, &Reading { limits: &rest, budget, ocr, on_page, depth: depth + 1 }) {
            Ok(text) => joined.add(member, text),
            Err(failure) => {
                if failure.code == FailureCode::LimitDecompressed {
                    // Nothing left is the end of the whole archive.
                    budget.spend(COST_OF_A_BOMB.min(budget.left()).max(1))?;
                }
                joined.add_failure(&member.name, failure);
            }
        }
        if joined.text.len() as u64 > limits.text_bytes {
            let detail = format!("more than {} bytes of text", limits.text_bytes);
            return Err(Failure::new(FailureCode::LimitMemory, detail));
        }
        on_page();
    }
    joined.finish()
}

/// The document that a page is in, by the places of the files around it in their archives: what a later request for the
/// page needs, without the files beside it.
///
/// # Errors
/// `FILE_DAMAGED` when there is no such file, else as [`Archive::bytes`].
pub(super) fn innermost(content: FileBytes, members: &[u32], limits: &Limits) -> Result<Arc<FileBytes>, Failure> {
    let mut limits = *limits;
    let budget = Budget::new(limits.document_bytes);
    let mut content = Arc::new(content);
    for index in members {
        let archive = Archive::open((*content).as_ref(), &limits)?;
        let member = archive.members.iter().find(|member| member.index == *index);
        let missing = || Failure::new(FailureCode::FileDamaged, format!("the archive has no file number {index}"));
        let inner = bytes(&content, &archive, member.ok_or_else(missing)?, &budget, &limits)?;
        limits.member_bytes = limits.member_bytes.saturating_sub(held(&inner));
        content = Arc::new(inner);
    }
    Ok(content)
}

/// Memory that a file takes beyond that of the one around it, in bytes.
fn held(content: &FileBytes) -> u64 {
    match content {
        FileBytes::Owned(bytes) => bytes.len() as u64,
        FileBytes::Mapped(_) | FileBytes::Part(..) => 0,
    }
}

fn bytes(
    file: &Arc<FileBytes>,
    archive: &Archive<'_>,
    member: &Member,
    budget: &Budget,
    limits: &Limits,
) -> Result<FileBytes, Failure> {
    Ok(match archive.bytes(member, budget, limits)? {
        Bytes::At(range) => FileBytes::Part(Arc::clone(file), range),
        Bytes::Inflated(bytes) => FileBytes::Owned(bytes),
    })
}

fn read_member(
    file: &Arc<FileBytes>,
    archive: &Archive<'_>,
    member: &Member,
    reading: &Reading<'_>,
) -> Result<Text, Failure> {
    let content = bytes(file, archive, member, reading.budget, reading.limits)?;
    let limits = reading.limits.for_file(content.as_ref().len() as u64);
    // What this file takes is not there for those within it.
    let limits = Limits { member_bytes: limits.member_bytes.saturating_sub(held(&content)), ..limits };
    dispatch(&Arc::new(content), &member.name, &Reading { limits: &limits, ..*reading })
}

/// What the programs that make archives and show folders leave behind.
fn is_left_behind(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    name.starts_with("__MACOSX/")
        || file.starts_with("._")
        || [".DS_Store", "Thumbs.db", "desktop.ini"].iter().any(|left| file.eq_ignore_ascii_case(left))
}

/// The texts that were read.
#[derive(Default)]
struct Joined {
    text: String,
    pages: u32,
    /// Quality times pages, and pages that have one.
    quality: (f64, f64),
    page_quality: Vec<Option<u8>>,
    recovered: bool,
    partial: bool,
    unreadable: Vec<u32>,
    scans: Vec<Scan>,
    warnings: Vec<FailureCode>,
    read: usize,
    /// What files lack that are scans.
    lacking: Vec<Failure>,
    failed: Vec<(String, Failure)>,
}

impl Joined {
    /// Each file begins a page with its name.
    fn announce(&mut self, name: &str) {
        if self.pages > 0 {
            self.text.push(PAGE_BREAK);
        }
        self.text.push_str(name);
    }

    fn add(&mut self, member: &Member, read: Text) {
        self.announce(&member.name);
        self.text.push('\n');
        self.text.push_str(&read.text);
        let heading = u32::try_from(member.name.len() + 1).unwrap_or(u32::MAX);
        self.scans.extend(read.scans.into_iter().map(|mut scan| {
            scan.address.members.insert(0, member.index);
            if scan.page == 0 {
                scan.heading_bytes = scan.heading_bytes.saturating_add(heading);
            }
            Scan { page: scan.page.saturating_add(self.pages), ..scan }
        }));
        self.unreadable.extend(read.unreadable.iter().map(|page| page.saturating_add(self.pages)));
        if let Some(quality) = read.quality {
            let pages = f64::from(read.pages);
            self.quality = (self.quality.0 + f64::from(quality) * pages, self.quality.1 + pages);
        }
        self.page_quality.resize((self.pages as usize).min(TOLD), None);
        self.page_quality.extend(read.page_quality);
        self.page_quality.truncate(TOLD);
        self.pages = self.pages.saturating_add(read.pages);
        self.recovered |= read.recovered;
        self.partial |= read.partial;
        for warning in read.warnings {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
        match read.lacking {
            Some(lacking) => {
                self.lacking.push(Failure::new(lacking.code, format!("{}: {}", member.name, lacking.detail)));
            }
            None => self.read += 1,
        }
    }

    /// Its page says no more than that.
    fn add_failure(&mut self, name: &str, failure: Failure) {
        self.announce(name);
        self.text.push_str(": ");
        self.text.push_str(failure.code.as_str());
        self.pages = self.pages.saturating_add(1);
        self.partial = true;
        self.failed.push((name.to_owned(), failure));
    }

    fn finish(self) -> Result<Text, Failure> {
        if self.read == 0 && self.lacking.is_empty() {
            return Err(self.failure());
        }
        // One that was read makes up for those that are scans.
        let lacking = if self.read == 0 { self.lacking.into_iter().next() } else { None };
        let (sum, pages) = self.quality;
        // A quality is a number between 0 and 1: nothing is lost.
        #[allow(clippy::cast_possible_truncation)]
        let quality = (pages > 0.0).then_some((sum / pages) as f32);
        Ok(Text {
            quality,
            page_quality: self.page_quality,
            recovered: self.recovered,
            partial: self.partial,
            unreadable: self.unreadable,
            scans: self.scans,
            warnings: self.warnings,
            lacking,
            ..Text::new(self.text, self.pages as usize)
        })
    }

    fn failure(self) -> Failure {
        let count = |code: FailureCode| self.failed.iter().filter(|(_, failure)| failure.code == code).count();
        // The first of those that are as many.
        let most = self.failed.iter().map(|(_, failure)| failure.code).rev().max_by_key(|code| count(*code));
        let Some(code) = most else {
            return Failure::new(FailureCode::EmptyObject, "an archive without files");
        };
        let named = self.failed.iter().take(MOST_NAMED).map(|(name, failure)| format!("{name} ({failure})"));
        let named = named.collect::<Vec<_>>().join("; ");
        Failure::new(code, format!("none of the {} files of the archive could be read: {named}", self.failed.len()))
    }
}
