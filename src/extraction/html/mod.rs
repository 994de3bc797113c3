//! HTML pages. What a browser shows as text is read tag by tag, without a tree: nothing can be nested too deep.

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{IoReader, Span, Tokenizer};

use super::encoding::{AsUtf8, Charset};
use super::flow::Flow;
use super::{Limits, OnPage, Text, encoding};
use crate::failure::{Failure, FailureCode};

mod charset;
mod error_page;
mod page;
mod regions;

use page::Page;

/// What an HTML file holds.
pub(super) enum Html {
    Gazette(Text),
    /// What a server says instead of the gazette.
    ErrorPage(String),
}

/// # Errors
/// `LIMIT_MEMORY` when it, or its text, is larger than allowed.
pub(super) fn read(content: &[u8], limits: &Limits, on_page: &OnPage<'_>) -> Result<Html, Failure> {
    // One attribute may be as large as the page, and is kept whole.
    if content.len() as u64 > limits.page_bytes {
        let detail = format!("an HTML page of {} bytes, the limit is {}", content.len(), limits.page_bytes);
        return Err(Failure::new(FailureCode::LimitMemory, detail));
    }
    let charset = charset::of(content);
    let mut page = Page::new(Flow::new(limits, on_page));
    let mut emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| -> Option<()> {
        page.take(&event);
        None
    });
    emitter.naively_switch_states(true);
    let reader = IoReader::new(AsUtf8::new(content, charset));
    for token in Tokenizer::new_with_emitter(reader, emitter) {
        // Nothing that reads from memory fails.
        if token.is_err() {
            break;
        }
    }
    page.finish()
}
