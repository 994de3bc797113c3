//! Streams, decoded under a cap (PDF 32000-1 section 7.4).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hayro_syntax::object::{Array, Dict, Name, Object, Stream};

use super::filter::{self, Filter};
use super::inflate::{Inflater, Output};
use crate::extraction::Limits;
use crate::failure::{Failure, FailureCode};

/// What of a page's content could not be had.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Missing {
    /// A stream of it broke off before its end.
    pub is_cut: bool,
    /// A filter of it that nothing here can undo.
    pub filter: Option<String>,
    /// The page costs more than it may; why it was given up.
    pub limit: Option<Failure>,
}

/// Decodes streams and counts what they cost.
pub(super) struct Streams {
    limits: Limits,
    inflater: Inflater,
    page_bytes: u64,
    /// Of all threads that read the document.
    document_bytes: Arc<AtomicU64>,
    /// Set when the document's limit was passed; nothing is decoded from then on.
    pub failure: Option<Failure>,
    /// Of the last stream.
    lacks: Missing,
    /// Of the page.
    pub missing: Missing,
}

impl Streams {
    pub(super) fn new(limits: Limits, document_bytes: Arc<AtomicU64>) -> Self {
        Self {
            limits,
            inflater: Inflater::default(),
            page_bytes: 0,
            document_bytes,
            failure: None,
            lacks: Missing::default(),
            missing: Missing::default(),
        }
    }

    /// Begins a page: what was counted for the one before no longer matters.
    pub(super) fn begin_page(&mut self) {
        self.page_bytes = 0;
        self.missing = Missing::default();
    }

    /// Like [`Streams::decode`], for content that is to be read: what is missing of it is noted.
    pub(super) fn decode_content(&mut self, stream: &Stream<'_>) -> Option<Vec<u8>> {
        let decoded = self.decode(stream);
        self.missing.is_cut |= self.lacks.is_cut;
        self.missing.filter = self.missing.filter.take().or_else(|| self.lacks.filter.take());
        decoded
    }

    /// The whole decoded content, or nothing when it is not to be had. What can be decoded of a broken stream counts.
    pub(super) fn decode(&mut self, stream: &Stream<'_>) -> Option<Vec<u8>> {
        let names = filter_names(stream.dict());
        let data = self.undo(stream, &names)?;
        if has_predictor(stream.dict()) && !names.iter().any(|name| Filter::named(name) == Some(Filter::Brotli)) {
            // Its size is known to be within the limits by now.
            let decoded = stream.decoded_data().ok().map(std::borrow::Cow::into_owned);
            self.lacks.is_cut |= decoded.is_none();
            return decoded;
        }
        Some(data)
    }

    /// The content after the first filters of a stream, whose names these are, without their predictors.
    pub(super) fn undo(&mut self, stream: &Stream<'_>, names: &[Vec<u8>]) -> Option<Vec<u8>> {
        self.lacks = Missing::default();
        if self.failure.is_some() {
            return None;
        }
        let raw = stream.raw_data();
        let mut data: Option<Vec<u8>> = None;
        for name in names {
            let Some(filter) = Filter::named(name) else {
                self.lacks.filter = Some(String::from_utf8_lossy(name).into_owned());
                return None;
            };
            let input = data.as_deref().unwrap_or(&raw);
            let cap = self.room();
            let decoded = match filter {
                Filter::Flate => self.inflater.inflate(input, cap, Output::Kept).map(|inflated| {
                    self.lacks.is_cut |= !inflated.is_whole && !input.is_empty();
                    inflated.data
                }),
                Filter::Brotli => filter::brotli(input, cap).map(|(decoded, is_whole)| {
                    self.lacks.is_cut |= !is_whole;
                    decoded
                }),
                Filter::Lzw => filter::lzw(input, early_change(stream.dict()), cap),
                Filter::Ascii85 => filter::ascii85(input, cap),
                Filter::AsciiHex => filter::ascii_hex(input, cap),
                Filter::RunLength => filter::run_length(input, cap),
                Filter::Crypt => Some(input.to_vec()),
            };
            let Some(decoded) = decoded else {
                self.fail(cap);
                return None;
            };
            self.count(decoded.len());
            data = Some(decoded);
        }
        Some(data.unwrap_or_else(|| {
            self.count(raw.len());
            raw.into_owned()
        }))
    }

    fn room(&self) -> usize {
        let page = self.limits.page_bytes.saturating_sub(self.page_bytes);
        let document = self.limits.document_bytes.saturating_sub(self.document_bytes.load(Ordering::Relaxed));
        usize::try_from(self.limits.stream_bytes.min(page).min(document)).unwrap_or(usize::MAX)
    }

    fn count(&mut self, bytes: usize) {
        self.page_bytes = self.page_bytes.saturating_add(bytes as u64);
        self.document_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts content that is read again without being decoded. False when the page has no room for it.
    pub(super) fn repeat(&mut self, bytes: usize) -> bool {
        let fits = self.limits.page_bytes.saturating_sub(self.page_bytes) >= bytes as u64;
        if fits {
            self.page_bytes += bytes as u64;
        } else {
            self.missing.limit.get_or_insert_with(|| {
                let detail = format!("its forms come to more than {} bytes on a page", self.limits.page_bytes);
                Failure::new(FailureCode::LimitDecompressed, detail)
            });
        }
        fits
    }

    /// A stream does not fit: the page is given up, or the document, if there is no more room for any stream.
    fn fail(&mut self, cap: usize) {
        // What came out until then was work as well.
        self.count(cap);
        let Limits { stream_bytes, page_bytes, document_bytes, .. } = self.limits;
        let detail = format!(
            "a stream decodes to more than {cap} bytes, which is all that was left of {stream_bytes} for a stream, \
             {page_bytes} for a page and {document_bytes} for a document"
        );
        let failure = Failure::new(FailureCode::LimitDecompressed, detail);
        if self.document_bytes.load(Ordering::Relaxed) >= document_bytes {
            self.failure = Some(failure);
        } else {
            self.missing.limit.get_or_insert(failure);
        }
    }
}

/// The filters' names, in the order in which they are undone.
pub(super) fn filter_names(dict: &Dict<'_>) -> Vec<Vec<u8>> {
    let named = |key: &[u8]| match dict.get::<Object<'_>>(key)? {
        Object::Name(name) => Some(vec![name.to_vec()]),
        Object::Array(array) => Some(array.iter::<Name<'_>>().map(|name| name.to_vec()).collect()),
        _ => None,
    };
    // `F` is the abbreviation for inline images, and elsewhere a file.
    named(b"Filter").or_else(|| named(b"F")).unwrap_or_default()
}

pub(super) fn parameters<'a>(dict: &Dict<'a>) -> impl Iterator<Item = Dict<'a>> {
    let object = dict.get::<Object<'a>>(b"DecodeParms").or_else(|| dict.get::<Object<'a>>(b"DP"));
    let (single, several) = match object {
        Some(Object::Dict(dict)) => (Some(dict), None),
        Some(Object::Array(array)) => (None, Some(array)),
        _ => (None, None),
    };
    let several = several.into_iter().flat_map(|array: Array<'a>| array.iter::<Object<'a>>());
    single.into_iter().chain(several.filter_map(Object::into_dict))
}

fn has_predictor(dict: &Dict<'_>) -> bool {
    parameters(dict).any(|parameters| parameters.get::<i32>(b"Predictor").is_some_and(|predictor| predictor > 1))
}

fn early_change(dict: &Dict<'_>) -> bool {
    parameters(dict).find_map(|parameters| parameters.get::<i32>(b"EarlyChange")).is_none_or(|early| early != 0)
}
