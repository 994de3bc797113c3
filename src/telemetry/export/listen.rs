//! Metrics for whoever asks while the run is at work.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A server that answers until it is dropped.
#[derive(Debug)]
pub struct Listener {
    pub address: SocketAddr,
    server: JoinHandle<()>,
}

/// Why nobody can be answered.
#[derive(Debug, thiserror::Error)]
#[error("could not listen on {address}: name another address with a free port")]
pub struct ListenError {
    address: SocketAddr,
    source: std::io::Error,
}

impl Listener {
    /// Answers `/metrics` with what `text` says at that moment.
    ///
    /// # Errors
    /// When the address is taken, or is not of this machine.
    pub async fn bind<F, Fut>(address: SocketAddr, text: F) -> Result<Self, ListenError>
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = String> + Send,
    {
        let failed = |source| ListenError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let text = Arc::new(text);
        let metrics = move || {
            let text = text.clone();
            async move { ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text().await) }
        };
        let router = Router::new().route("/metrics", get(metrics)).route("/healthz", get(|| async { "ok\n" }));
        let server = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { address, server })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// `9464` and `:9464` are of this machine alone; `0.0.0.0:9464` is what it says.
#[must_use]
pub fn loopback_unless_said(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    let port = text.strip_prefix(':').unwrap_or(text).parse().ok().map(|port| (Ipv4Addr::LOCALHOST, port).into());
    let named = || text.strip_prefix("localhost:")?.parse().ok().map(|port| (Ipv4Addr::LOCALHOST, port).into());
    port.or_else(named).or_else(|| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_of_this_machine() {
        for (text, address) in [
            ("9464", Some("127.0.0.1:9464")),
            (":9464", Some("127.0.0.1:9464")),
            ("localhost:1", Some("127.0.0.1:1")),
            ("0.0.0.0:9464", Some("0.0.0.0:9464")),
            ("[::1]:9464", Some("[::1]:9464")),
            ("example.org:9464", None),
            ("99999", None),
            ("", None),
        ] {
            assert_eq!(loopback_unless_said(text), address.map(|address| address.parse().unwrap()), "{text}");
        }
    }
}
