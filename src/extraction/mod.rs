//! From a file to its text. The only door to every reader of a format.

use std::any::Any;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureCode};
use crate::gazette::OcrMode;

mod archive;
#[cfg(not(fuzzing))]
mod confinement;
mod encoding;
mod flow;
mod html;
mod limits;
mod mapped;
#[cfg(not(fuzzing))]
pub mod ocr;
mod office;
mod ole;
mod pdf;
pub mod picture;
mod raster;
mod rtf;
// The fuzz targets read in their own process, and are built without the rest of prelo.
#[cfg(not(fuzzing))]
pub mod sandbox;
mod scan;
mod sniff;
mod text;
mod word97;
mod zip;

use html::Html;
pub use limits::Limits;
use mapped::FileBytes;
use office::Package;
use picture::Picture;
pub use scan::{PageAddress, Role, Scan};
use sniff::Format;
use zip::{Archive, Budget};

/// Between two pages of a text.
const PAGE_BREAK: char = '\u{c}';

/// The text of one file. As JSON it is all but the text, which follows by itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Text {
    /// UTF-8, pages separated by U+000C.
    #[serde(skip)]
    pub text: String,
    pub pages: u32,
    /// Unicode scalar values in `text`.
    pub characters: u64,
    /// 0..1, where the reader can tell.
    pub quality: Option<f32>,
    /// The same of each page in percent, where the reader can tell; of the first pages of a long document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub page_quality: Vec<Option<u8>>,
    /// The file was broken and had to be mended before it could be read.
    pub recovered: bool,
    /// Some of the text is missing, because the file breaks off where it was, is coded there in a way that nothing here
    /// knows, or costs more than a page may (`TEXT_PARTIAL`).
    pub partial: bool,
    /// Pages, counted from 0, that show something that is not in the text: pictures, or letters that no font explains.
    pub unreadable: Vec<u32>,
    /// Pages that OCR has to read, in rising order.
    pub scans: Vec<Scan>,
    /// What the document fails with, unless OCR finds text on its scans.
    pub lacking: Option<Failure>,
    /// Pages, counted from 0, on which OCR found text.
    pub recognized: Vec<u32>,
    /// 0..1, the mean over the words that OCR found.
    pub ocr_confidence: Option<f32>,
    /// Codes of what is not as it should be although there is text: `TEXT_PARTIAL`, `OCR_PARTIAL` and others.
    pub warnings: Vec<FailureCode>,
}

impl Text {
    fn new(text: String, pages: usize) -> Self {
        Self {
            characters: text.chars().count() as u64,
            pages: u32::try_from(pages).unwrap_or(u32::MAX),
            text,
            ..Self::default()
        }
    }

    /// Pages on which OCR found text.
    #[must_use]
    pub fn ocr_pages(&self) -> u32 {
        u32::try_from(self.recognized.len()).unwrap_or(u32::MAX)
    }

    /// The text without OCR: what is read now, or what it lacks.
    ///
    /// # Errors
    /// What it fails with when nobody reads its scans.
    pub fn without_ocr(self) -> Result<Self, Failure> {
        match self.lacking {
            Some(lacking) => Err(lacking),
            None => Ok(self),
        }
    }

    /// Whether nothing in it could ever be searched for: only white space, page breaks, and glyphs without a meaning.
    fn is_blank(&self) -> bool {
        self.text.chars().all(|c| c.is_whitespace() || c == char::REPLACEMENT_CHARACTER)
    }
}

/// Reads a file. What it is, is found out from its content; `name` (its key or path) only tells what it claims to be.
/// `on_page` is called after each page that was read.
///
/// Never panics: a panic of a reader is caught and becomes `EXTRACTOR_PANICKED`. But a hostile file may still end the
/// process: [`sandbox`] reads in one that may be lost. Readers recurse into nested objects: call it on a thread with a
/// stack of at least [`STACK_BYTES`].
///
/// # Errors
/// A failure of the catalogue: empty, unreadable, without text, or over a limit. A text is never empty, but where
/// `lacking` says what it fails with unless OCR finds some.
pub fn extract(file: &File, name: &str, limits: &Limits, ocr: OcrMode, on_page: &OnPage<'_>) -> Result<Text, Failure> {
    let bytes = size_of(file, limits)?;
    let content = mapped::map(file, bytes).map_err(|error| unreadable(&error))?;
    // The limit of a whole file: whatever is within it shares it.
    let limits = &limits.for_file(bytes);
    let budget = Budget::new(limits.document_bytes);
    let reading = Reading { limits, budget: &budget, ocr, on_page, depth: 0 };
    let mut text = guarded(|| dispatch(&Arc::new(content), name, &reading))?;
    // Whatever the format: who looks for the gazette is told that there was more.
    if text.partial && !text.warnings.contains(&FailureCode::TextPartial) {
        text.warnings.push(FailureCode::TextPartial);
    }
    Ok(text)
}

/// The pictures of one page, for OCR: of the page as a whole, or of the images beside its text; turned by so many
/// quarters clockwise. Never panics.
///
/// # Errors
/// A failure of the catalogue, which is about this page.
pub fn pictures(
    file: &File,
    limits: &Limits,
    address: &PageAddress,
    role: Role,
    quarters: u8,
    bounds: &picture::Bounds,
) -> Result<Vec<Picture>, Failure> {
    let bytes = size_of(file, limits)?;
    let content = mapped::map(file, bytes).map_err(|error| unreadable(&error))?;
    let pictures = guarded(|| {
        let content = archive::innermost(content, &address.members, limits)?;
        match sniff::sniff((*content).as_ref()) {
            Format::Pdf => picture::of_pdf_page(&content, address.page as usize, bounds, role == Role::Beside),
            Format::Png | Format::Jpeg | Format::Tiff => {
                picture::of_raster_page((*content).as_ref(), address.page, bounds).map(|picture| vec![picture])
            }
            format => Err(Failure::new(FailureCode::UnsupportedFormat, format!("{format} has no pages to be drawn"))),
        }
    })?;
    Ok(pictures.into_iter().map(|picture| picture::turned(picture, quarters)).collect())
}

/// What is called after each page, from any thread of the pool.
pub type OnPage<'a> = dyn Fn() + Sync + 'a;

/// Opens a file to be read, and says how many bytes it has.
///
/// # Errors
/// `NOT_FOUND`, `ACCESS_DENIED`, `TOO_LARGE`, or `DOWNLOAD_FAILED` when it cannot be opened for another reason.
pub fn open(file: &Path, limits: &Limits) -> Result<(File, u64), Failure> {
    let file = File::open(file).map_err(|error| unreadable(&error))?;
    let bytes = size_of(&file, limits)?;
    Ok((file, bytes))
}

/// Stack of a thread that reads. The most deeply nested files of a corpus of hostile ones needed less than an eighth.
pub const STACK_BYTES: usize = 8 * 1024 * 1024;

/// The named pool that reads documents: so many threads, each with [`STACK_BYTES`].
///
/// # Errors
/// When the threads cannot be started.
pub fn pool(threads: u32) -> Result<ThreadPool, ThreadPoolBuildError> {
    ThreadPoolBuilder::new()
        .num_threads(threads as usize)
        .thread_name(|n| format!("{THREAD_NAME}-{n}"))
        .stack_size(STACK_BYTES)
        .build()
}

/// The names of reading threads begin with it: a panic on one is told with its gazette, not on the terminal.
pub const THREAD_NAME: &str = "prelo-extract";

fn unreadable(error: &io::Error) -> Failure {
    let code = match error.kind() {
        io::ErrorKind::NotFound => FailureCode::NotFound,
        io::ErrorKind::PermissionDenied => FailureCode::AccessDenied,
        _ => FailureCode::DownloadFailed,
    };
    Failure::new(code, format!("could not read the file: {error}"))
}

fn size_of(file: &File, limits: &Limits) -> Result<u64, Failure> {
    let bytes = file.metadata().map_err(|error| unreadable(&error))?.len();
    if bytes > limits.file_bytes {
        let detail = format!("{bytes} bytes, the limit is {}", limits.file_bytes);
        return Err(Failure::new(FailureCode::TooLarge, detail));
    }
    Ok(bytes)
}

/// What a reader is given beside its file.
#[derive(Clone, Copy)]
struct Reading<'a> {
    limits: &'a Limits,
    /// What may still be decoded from the whole file.
    budget: &'a Budget,
    ocr: OcrMode,
    on_page: &'a OnPage<'a>,
    /// Archives around the file.
    depth: u32,
}

fn dispatch(file: &Arc<FileBytes>, name: &str, reading: &Reading<'_>) -> Result<Text, Failure> {
    let content = (**file).as_ref();
    let Reading { limits, ocr, on_page, .. } = *reading;
    let claims_pdf = Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pdf"));
    let not_a_pdf = || Failure::new(FailureCode::NotAPdf, format!("it begins with: {}", sniff::first_bytes(content)));
    match sniff::sniff(content) {
        Format::Empty => Err(Failure::new(FailureCode::EmptyObject, "0 bytes")),
        Format::Pdf => pdf::read(file, limits, ocr, on_page),
        Format::Html => match html::read(content, limits, on_page)? {
            Html::Gazette(text) => Ok(text),
            Html::ErrorPage(_) if claims_pdf => Err(not_a_pdf()),
            Html::ErrorPage(said) => Err(Failure::new(FailureCode::ErrorPage, format!("it says: {said}"))),
        },
        // A line of text in a PDF's place is what the publisher's server answered instead of the gazette.
        Format::Text | Format::Unknown if claims_pdf => Err(not_a_pdf()),
        Format::Text => text::read(content, limits),
        Format::Rtf => rtf::read(content, limits, on_page),
        Format::Ole => ole::read(content, limits, on_page),
        Format::Zip => zipped(file, reading),
        Format::Flat(flat) => office::read_flat(content, flat, limits, on_page),
        Format::Png | Format::Jpeg | Format::Tiff => {
            let pages = (0..raster::pages(content)?).map(|page| PageAddress { members: Vec::new(), page });
            scanned(pages.collect(), ocr, "a picture")
        }
        format @ (Format::Xml | Format::Mhtml | Format::Unknown) => {
            Err(Failure::new(FailureCode::UnsupportedFormat, format!("the content is {format}")))
        }
    }
}

/// An archive: a document of an office program, or files.
fn zipped(file: &Arc<FileBytes>, reading: &Reading<'_>) -> Result<Text, Failure> {
    let Reading { limits, budget, ocr, on_page, .. } = *reading;
    let archive = Archive::open((**file).as_ref(), limits)?;
    match office::package(&archive, budget, limits)? {
        Package::Files => archive::read(file, &archive, reading),
        Package::Other(what) => Err(Failure::new(FailureCode::UnsupportedFormat, format!("the content is {what}"))),
        package => match office::read(&archive, &package, budget, limits, on_page) {
            // Scans that somebody has put into a document.
            Err(failure) if failure.code == FailureCode::EmptyObject => {
                let pictures = office::pictures(&archive);
                if pictures.is_empty() {
                    return Err(failure);
                }
                let pages = pictures.iter().map(|picture| PageAddress { members: vec![picture.index], page: 0 });
                scanned(pages.collect(), ocr, "a document of pictures without text")
            }
            read => read,
        },
    }
}

/// Pages that have no text unless OCR reads them.
fn scanned(pages: Vec<PageAddress>, ocr: OcrMode, what: &str) -> Result<Text, Failure> {
    let lacking = Failure::new(FailureCode::NeedsOcr, format!("{what}, {} in number", pages.len()));
    if ocr == OcrMode::Off {
        return Err(lacking);
    }
    let text = Text::new(PAGE_BREAK.to_string().repeat(pages.len().saturating_sub(1)), pages.len());
    let scans: Vec<Scan> = (0..).zip(pages).map(|(page, address)| Scan::whole(page, address)).collect();
    Ok(Text { unreadable: (0..text.pages).collect(), scans, lacking: Some(lacking), ..text })
}

/// Turns a panic into a failure that says what the panic said.
fn guarded<T>(read: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // Nothing of the reader survives the panic: it owns what it reads and hands out only its result.
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|payload| Err(Failure::new(FailureCode::ExtractorPanicked, panic_message(payload.as_ref()))))
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".into())
}

#[cfg(test)]
mod format_tests;
#[cfg(test)]
mod tests;
