//! `check`: reaches the three services and says in plain words what is wrong with each; then what the bounds on memory
//! mean here, and how the processes that read documents are confined.

use anyhow::{Result, anyhow};
use serde::Serialize;

use super::cli::Format;
use super::memory::Room;
use super::sizing::{self, Machine, Proposal, Work};
use super::{output, readers, services};
use crate::catalog::{self, CatalogErrorKind};
use crate::config::{Config, redact_url};
use crate::extraction;
use crate::extraction::sandbox::ReadError;
use crate::failure::FailureCode;
use crate::gazette::OcrMode;
use crate::telemetry::with_causes;
use crate::words::{t, t_one};

#[derive(Serialize)]
struct Finding {
    service: &'static str,
    url: String,
    ok: bool,
    /// Without it nothing can be done; without the others, something is left out.
    required: bool,
    /// Product and version, or what is wrong and what to do.
    says: String,
    /// Settings that this machine can bear.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    proposals: Vec<Proposal>,
}

pub async fn check(config: &Config, format: Format) -> Result<u8> {
    let mut config = config.clone();
    services::settle_folder(&mut config)?;
    let catalog = async {
        match services::catalog(&config).await?.check().await {
            Err(error) if error.is_of_an_older_schema() => {
                Ok(t("reached; the tables are those of an older prelo: `prelo migrate` or the next run brings them up to date")
                    .to_owned())
            }
            Err(error) if error.kind == CatalogErrorKind::TableMissing => {
                Ok(t("reached; prelo's tables are not there yet: `prelo migrate` or the first run makes them")
                    .to_owned())
            }
            result => Ok(match catalog::unverified(config.catalog.expose()) {
                Some(remark) => format!("{}; {remark}", result?),
                None => result?,
            }),
        }
    };
    let storage = async {
        config.storage()?;
        services::storage(&config).await?.check().await.map_err(Into::into)
    };
    let index = async {
        let index = services::search_index(&config).await?;
        let says = index.check().await?;
        index.check_writable().await?;
        Ok(says)
    };
    let storage_url = config.storage.as_ref().map_or_else(|| "-".into(), |url| redact_url(url.as_str()));
    let is_remote = config.storage.as_ref().is_some_and(|url| url.scheme() == "s3");
    let status = match services::existing_catalog(&config).await {
        Ok(Some(catalog)) => catalog.status().await.ok(),
        _ => None,
    };
    let has_pool = config.catalog.expose().starts_with("postgres");
    let (machine, work) = (Machine::this(), Work::of(status.as_ref(), is_remote, has_pool));
    let proposals = sizing::propose(machine, work);
    let pasted = sizing::toml(machine, work, &proposals, output::width());
    let findings = [
        finding("catalog", redact_url(config.catalog.expose()), catalog.await),
        finding("storage", storage_url, storage.await),
        finding("index", redact_url(config.index.expose()), index.await),
        finding("memory", format!("memory_budget_mb {}", config.memory_budget_mb), Room::of(&config).checked()),
        finding("readers", t("processes that read documents").into(), confinement(&config)),
        Finding { required: false, ..finding("ocr", format!("ocr_engine {}", config.ocr_engine), ocr(&config)) },
        Finding {
            proposals,
            ..finding(
                "sizing",
                t("this machine").into(),
                Ok(t("lines for prelo.toml, for three loads: see below").into()),
            )
        },
    ];
    match format {
        Format::Json => output::json(&findings)?,
        Format::Text => {
            for Finding { service, url, ok, says, .. } in &findings {
                let mark = t(if *ok { "ok" } else { "NOT OK" });
                output::text(&format!("{service:<8} {mark:<7} {url}\n{}", output::indented(17, says)))?;
            }
            output::text(&format!("\n{pasted}"))?;
        }
    }
    Ok(if findings.iter().all(|finding| finding.ok || !finding.required) { 0 } else { 4 })
}

/// A pool of its own: a reader ends with the thread that started it.
fn confinement(config: &Config) -> Result<String> {
    let sandbox = readers::sandbox(config);
    let confinement = extraction::pool(1)?.install(|| sandbox.warm_up()).map_err(ReadError::NoChild)?;
    let files = if confinement.files {
        "no file system"
    } else {
        "NOT kept from the file system (this kernel lacks Landlock: Linux 5.13 or newer, enabled)"
    };
    let network =
        if confinement.network { "no network" } else { "NOT kept from the network (this kernel lacks seccomp)" };
    Ok(format!("{}; {}, {}", t_one("started"), t(files), t(network)))
}

/// The engine with its version and languages, or what is missing.
fn ocr(config: &Config) -> Result<String> {
    if config.ocr == OcrMode::Off {
        return Ok(t("off: scans are set aside as NEEDS_OCR").to_owned());
    }
    let ocr = readers::ocr(config);
    let engine =
        extraction::pool(1)?.install(|| ocr.engine().map(|engine| engine.identity().to_owned()).map_err(str::to_owned));
    engine.map_err(|why| anyhow!("{why}. {}", output::code_words(FailureCode::OcrUnavailable).1))
}

fn finding(service: &'static str, url: String, result: Result<String>) -> Finding {
    let ok = result.is_ok();
    let says = result.unwrap_or_else(|error| with_causes(error.as_ref()));
    Finding { service, url, ok, required: true, says, proposals: Vec::new() }
}
