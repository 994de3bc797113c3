//! `serve`: pages and API for browsers, until a signal ends it.

use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::cli::{Format, ServeArgs};
use super::{Usage, explain, output, services};
use crate::catalog::Catalog;
use crate::config::{Config, local_path};
use crate::gazette::GazetteId;
use crate::search_index::SearchIndex;
use crate::web::{Language, Site, Story, StoryError, Storyteller, serve as serve_site};
use crate::words::{t, told};

pub async fn serve(args: &ServeArgs, mut config: Config, format: Format) -> Result<u8> {
    services::settle_folder(&mut config)?;
    if config.storage.is_none() && local_path(config.catalog.expose(), "sqlite").is_some() {
        let data = config.data.display();
        return Err(Usage(told(
            "there is nothing to show in {data} yet: read a folder first with `prelo run --folder DIR --data {data}`, or \
             name the data folder of a run with --data DIR",
            &[("data", &data)],
        ))
        .into());
    }
    let grace = Duration::from_secs(config.grace_seconds);
    let catalog = services::catalog(&config).await?;
    let storage = services::storage(&config).await?;
    let index = services::search_index(&config).await?;
    let storyteller =
        Arc::new(Explainer { config: config.clone(), catalog: Arc::clone(&catalog), index: Arc::clone(&index) });
    let site = Arc::new(Site::new(config, catalog, storage, index, storyteller));
    let listener = TcpListener::bind(args.listen).await.map_err(|error| no_place(args.listen, &error))?;
    let url = format!("http://{}/", listener.local_addr()?);
    let stop = first_signal()?;
    tokio::spawn(heed_hangups(signal(SignalKind::hangup())?));
    match format {
        Format::Json => output::text(&format!("{}\n", json!({ "url": url })))?,
        Format::Text => output::text(&(told("prelo is at {url}  (end with Ctrl-C)", &[("url", &url)]) + "\n"))?,
    }
    serve_site(listener, site, stop, grace).await;
    Ok(0)
}

/// Why nobody can be answered at this address: what was typed has to change.
fn no_place(address: SocketAddr, error: &io::Error) -> Usage {
    let todo = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there, perhaps another `prelo serve`; end that, or choose another port, such as \
             --listen 127.0.0.1:8081, or --listen 127.0.0.1:0 for any that is free"
        }
        io::ErrorKind::PermissionDenied => {
            "this user may not listen there; choose a port of 1024 or above with --listen, such as --listen 127.0.0.1:8080"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine does not have that address; name one of its own with --listen, such as --listen 127.0.0.1:8080"
        }
        _ => "choose another address with --listen",
    };
    Usage(told(
        "could not listen on {address} ({error}): {todo}",
        &[("address", &address), ("error", error), ("todo", &t(todo))],
    ))
}

/// Resolves with the first SIGTERM or ^C; the second one ends the process at once, as if nobody listened.
fn first_signal() -> Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminates = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupts.recv() => {}
            _ = terminates.recv() => {}
        }
        tokio::spawn(async move {
            let code = tokio::select! {
                _ = interrupts.recv() => 130,
                _ = terminates.recv() => 143,
            };
            std::process::exit(code);
        });
    })
}

/// A server keeps its settings. When its terminal is gone, nobody is there any more, and it ends as by SIGTERM.
async fn heed_hangups(mut hangups: Signal) {
    let had_terminal = io::stderr().is_terminal();
    while hangups.recv().await.is_some() {
        if had_terminal && !io::stderr().is_terminal() {
            std::process::exit(143);
        }
        output::warning(t("SIGHUP: `prelo serve` reads its settings at its start; restart it to have them changed"));
    }
}

/// What `explain` tells, for the page of a gazette.
struct Explainer {
    config: Config,
    catalog: Arc<dyn Catalog>,
    index: Arc<dyn SearchIndex>,
}

#[async_trait]
impl Storyteller for Explainer {
    async fn story(&self, id: GazetteId, language: Language) -> Result<Option<Story>, StoryError> {
        Ok(explain::story(&*self.catalog, &*self.index, &self.config, id, language).await?)
    }
}
