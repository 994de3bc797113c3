//! `--territory`: ids, or names as people write them.

use anyhow::Result;

use super::cli::Format;
use super::{Usage, output};
use crate::catalog::{Catalog, Directory};
use crate::config::Config;
use crate::gazette::Territory;
use crate::pipeline::registrar;
use crate::words::told;

/// Candidates that are named at most.
const NAMED: usize = 6;

/// Whether somebody wrote a name, or an id of another kind than that of towns: the catalogue has to be asked.
pub fn are_named(typed: &[String]) -> bool {
    !typed.iter().all(|typed| typed.bytes().all(|b| b.is_ascii_digit()))
}

/// The ids that are meant, each once. What was understood is said where a person reads.
///
/// # Errors
/// A mistake in what was typed, when a name is that of several territories, or of none and near that of some.
pub async fn ids(typed: &[String], catalog: Option<&dyn Catalog>, format: Format) -> Result<Vec<String>> {
    if !are_named(typed) {
        return Ok(typed.to_vec());
    }
    let known = match catalog {
        Some(catalog) => catalog.territories().await?,
        None => Vec::new(),
    };
    ids_among(typed, known, format)
}

/// The same with the territories of a folder, whose files need not be registered yet.
///
/// # Errors
/// As [`ids`], and when the folder cannot be read.
pub async fn ids_with_folder(
    typed: &[String],
    catalog: Option<&dyn Catalog>,
    config: &Config,
    format: Format,
) -> Result<Vec<String>> {
    let Some(folder) = config.folder.as_ref().filter(|_| are_named(typed)) else {
        return ids(typed, catalog, format).await;
    };
    let mut known = registrar::territories(folder, &config.data).await?;
    if let Some(catalog) = catalog {
        let registered = catalog.territories().await?;
        known.retain(|territory| registered.iter().all(|other| other.id != territory.id));
        known.extend(registered);
    }
    ids_among(typed, known, format)
}

fn ids_among(typed: &[String], known: Vec<Territory>, format: Format) -> Result<Vec<String>> {
    let directory = Directory::new(known);
    let mut ids: Vec<String> = Vec::new();
    for typed in typed {
        let Meant { id, note } = meant(typed, &directory)?;
        if let (Some(note), Format::Text) = (note, format) {
            output::note(&note);
        }
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

#[derive(Debug, PartialEq)]
struct Meant {
    id: String,
    note: Option<String>,
}

fn meant(typed: &str, directory: &Directory) -> Result<Meant, Usage> {
    let listed = |ids: &[String]| {
        let labels = ids.iter().take(NAMED).map(|id| format!("{} = {id}", directory.label_of(id)));
        labels.collect::<Vec<_>>().join(", ")
    };
    match directory.ids(typed).as_slice() {
        [id] if id == typed => Ok(Meant { id: id.clone(), note: None }),
        [id] => {
            let note = told("Territory: {name}, id {id}", &[("name", &directory.label_of(id)), ("id", id)]);
            Ok(Meant { id: id.clone(), note: Some(note) })
        }
        [] => {
            let near = directory.near(typed, NAMED);
            if near.is_empty() {
                // The catalogue need not know it yet.
                let note = told("No territory is called {typed}: it is taken for an id.", &[("typed", &typed)]);
                return Ok(Meant { id: typed.to_owned(), note: Some(note) });
            }
            Err(Usage(told(
                "no territory is called {typed}; near it are: {near}",
                &[("typed", &typed), ("near", &listed(&near))],
            )))
        }
        several => Err(Usage(told(
            "{typed} is the name of more than one territory: {several}; add the state, or give the id",
            &[("typed", &typed), ("several", &listed(several))],
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_understood_or_asked_back() {
        let of = |id: &str, name: &str, state: &str| Territory {
            id: id.into(),
            name: name.into(),
            state_code: state.into(),
        };
        let directory = Directory::new(vec![
            of("2799901", "Ribeira do Sol", "AL"),
            of("2513703", "Santa Rita", "PB"),
            of("2110203", "Santa Rita", "MA"),
        ]);
        let id = |typed| meant(typed, &directory).unwrap().id;
        assert_eq!((id("Ribeira do Sol/AL"), id("santa rita (ma)")), ("2799901".into(), "2110203".into()));
        assert_eq!(meant("2799901", &directory).unwrap().note, None);
        let note = meant("ribeira do sol", &directory).unwrap().note;
        assert_eq!(note.as_deref(), Some("Territory: Ribeira do Sol (AL), id 2799901"));
        assert_eq!(id("nowhere"), "nowhere");
        let wrong = |typed| meant(typed, &directory).unwrap_err().0;
        assert_eq!(
            wrong("Santa Rita"),
            "Santa Rita is the name of more than one territory: Santa Rita (PB) = 2513703, Santa Rita (MA) = 2110203; add \
             the state, or give the id"
        );
        assert_eq!(
            wrong("Ribera do Sol"),
            "no territory is called Ribera do Sol; near it are: Ribeira do Sol (AL) = 2799901"
        );
        assert!(are_named(&["1".into(), "Ribeira".into()]) && !are_named(&["1".into()]) && !are_named(&[]));
    }
}
