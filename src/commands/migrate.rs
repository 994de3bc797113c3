//! `migrate`: creates the tables that are missing.

use anyhow::Result;
use serde_json::json;

use super::cli::Format;
use super::{output, services};
use crate::config::Config;
use crate::words::t;

pub async fn migrate(config: &Config, format: Format) -> Result<u8> {
    let applied = services::catalog(config).await?.migrate().await?;
    match format {
        Format::Json => output::json(&json!({ "applied": applied }))?,
        Format::Text if applied.is_empty() => output::text(&format!("{}\n", t("The tables are up to date.")))?,
        Format::Text => {
            for name in &applied {
                output::text(&format!("{} {name}\n", t("applied")))?;
            }
        }
    }
    Ok(0)
}
