//! Where metrics and traces go: a file, a Pushgateway, whoever asks, a collector. None of them ever holds up a run.

mod listen;
mod otlp;
mod push;
mod textfile;

use std::time::Duration;

pub use listen::{ListenError, Listener, loopback_unless_said};
pub use otlp::{Collector, Spans, TraceOfRun};
pub use push::Pushgateway;
pub use textfile::Textfile;

/// No other machine is waited for longer than that.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client that gives up early, and follows no redirection: what it sends is for one place.
fn client() -> Result<reqwest::Client, String> {
    let builder = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
    builder.build().map_err(|error| super::with_causes(&error))
}

/// Sends it; an answer other than a success is an error. The URL, which may hold a password, is in no error.
async fn send(request: reqwest::RequestBuilder) -> Result<(), String> {
    let answer = request.send().await.map_err(|error| super::with_causes(&error.without_url()))?;
    let status = answer.status();
    if status.is_success() { Ok(()) } else { Err(format!("it answered {status}")) }
}
