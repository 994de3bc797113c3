//! `check`: reaches the three services and says in plain words what is wrong with each.

use anyhow::Result;
use serde::Serialize;

use super::cli::Format;
use super::{output, services};
use crate::catalog::CatalogErrorKind;
use crate::config::{Config, redact_url};
use crate::telemetry::with_causes;

#[derive(Serialize)]
struct Finding {
    service: &'static str,
    url: String,
    ok: bool,
    /// Product and version, or what is wrong and what to do.
    says: String,
}

pub async fn check(config: &Config, format: Format) -> Result<u8> {
    let mut config = config.clone();
    services::settle_folder(&mut config)?;
    let catalog = async {
        match services::catalog(&config).await?.check().await {
            Err(error) if error.kind == CatalogErrorKind::TableMissing => {
                Ok("reached; prelo's tables are not there yet: `prelo migrate` or the first run makes them".to_owned())
            }
            result => Ok(result?),
        }
    };
    let storage = async {
        config.storage()?;
        services::storage(&config).await?.check().await.map_err(Into::into)
    };
    let index = async { services::search_index(&config).await?.check().await.map_err(Into::into) };
    let storage_url = config.storage.as_ref().map_or_else(|| "-".into(), |url| redact_url(url.as_str()));
    let findings = [
        finding("catalog", redact_url(config.catalog.expose()), catalog.await),
        finding("storage", storage_url, storage.await),
        finding("index", redact_url(config.index.expose()), index.await),
    ];
    match format {
        Format::Json => output::json(&findings)?,
        Format::Text => {
            for Finding { service, url, ok, says } in &findings {
                let mark = if *ok { "ok" } else { "NOT OK" };
                output::text(&format!("{service:<8} {mark:<7} {url}\n                 {says}\n"))?;
            }
        }
    }
    Ok(if findings.iter().all(|finding| finding.ok) { 0 } else { 4 })
}

fn finding(service: &'static str, url: String, result: Result<String>) -> Finding {
    let ok = result.is_ok();
    let says = result.unwrap_or_else(|error| with_causes(error.as_ref()));
    Finding { service, url, ok, says }
}
