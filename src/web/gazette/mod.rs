//! One gazette: its page, its file, what is known about it.

use axum::Router;
use axum::http::Uri;
use axum::routing::get;

use super::site::Shared;
use crate::gazette::GazetteId;

mod disposition; // how a file is handed out
mod file; // the file itself
mod justified; // lines of one word
mod page; // text beside the file, and the story
mod range; // what of a file is asked for
mod seen; // files as they were last looked at
mod text; // one page of the stored text, and the next that holds what is sought

pub use page::address;
pub use seen::SeenFiles;
pub use text::{PageText, page_and_next, page_text};

pub fn routes() -> Router<Shared> {
    Router::new().route("/gazettes/{id}", get(page::page)).route("/gazettes/{id}/file", get(file::file))
}

/// The id in a path such as `/gazettes/12/file`. Anything but digits names no gazette: also what is no UTF-8, for which
/// the router's own answer would be none of ours.
pub fn id(uri: &Uri) -> Option<GazetteId> {
    let id = uri.path().split('/').skip_while(|part| *part != "gazettes").nth(1)?;
    let plain = id.len() <= 20 && id.bytes().all(|b| b.is_ascii_digit());
    id.parse().ok().filter(|_| plain).map(GazetteId)
}
