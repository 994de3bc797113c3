//! `config`: every setting with where it came from.

use anyhow::Result;

use super::cli::Format;
use super::output;
use crate::config::{Loaded, example_toml};
use crate::words::t;

pub fn config(loaded: &Loaded, format: Format) -> Result<u8> {
    let listing = loaded.listing();
    match format {
        Format::Json => output::json(&listing)?,
        Format::Text => {
            let rows: Vec<Vec<String>> = listing
                .into_iter()
                .map(|entry| vec![entry.key.to_owned(), entry.value.unwrap_or_else(|| "-".into()), entry.origin])
                .collect();
            output::text(&output::table(&["setting", "value", "from"].map(t), &rows))?;
        }
    }
    Ok(0)
}

pub fn example() -> Result<u8> {
    output::text(&example_toml())?;
    Ok(0)
}
