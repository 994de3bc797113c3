//! One gazette: its page, its file, what is known about it.

use axum::Router;
use axum::routing::get;

use super::site::Shared;
use crate::gazette::GazetteId;

mod disposition; // how a file is handed out
mod file; // the file itself
mod page; // text beside the file, and the story
mod text; // one page of the stored text

pub use text::{PageText, page_text};

pub fn routes() -> Router<Shared> {
    Router::new().route("/gazettes/{id}", get(page::page)).route("/gazettes/{id}/file", get(file::file))
}

/// An id as it stands in an address. Anything else names no gazette.
pub fn id(text: &str) -> Option<GazetteId> {
    let plain = text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| plain).map(GazetteId)
}
