//! What is said in a folder in which nothing was done yet, or in a wrong one: where it was looked, and what to do now.

use super::output;
use crate::config::{Config, local_path};
use crate::words::{t, told};

/// For a catalogue that is a file, and is not there.
pub fn words(config: &Config) -> String {
    let place = local_path(config.catalog.expose(), "sqlite").unwrap_or_default();
    let place = std::path::absolute(&place).unwrap_or(place);
    let what = told("Nothing here yet: there is no catalogue at {path}.", &[("path", &place.display())]);
    let servers = "set PRELO_CATALOG, PRELO_STORAGE and PRELO_INDEX, or give --env-file FILE; then prelo check";
    let ways = [
        ("a folder", t("prelo run --folder DIR")),
        ("servers", t(servers)),
        ("elsewhere", t("give --data DIR, or change into the folder that holds prelo-data")),
    ];
    let ways = ways.map(|(name, what)| vec![t(name).to_owned(), what.to_owned()]);
    format!("{}\n{}", output::indented(0, &what), output::pairs(&ways))
}
