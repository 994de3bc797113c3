//! The territories by name: what a person types becomes ids.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use unicode_normalization::UnicodeNormalization as _;

use super::problem::Problem;
use crate::catalog::Catalog;
use crate::gazette::Territory;

/// A list that is older is read anew.
const FRESH: Duration = Duration::from_mins(5);

/// All territories that have gazettes.
#[derive(Debug, Default)]
pub struct Directory {
    territories: Vec<Named>,
}

#[derive(Debug)]
struct Named {
    territory: Territory,
    /// Name and state as they are offered, and both without accents and in small letters.
    label: String,
    folded: String,
}

impl Directory {
    fn new(territories: Vec<Territory>) -> Self {
        let named = |territory: Territory| {
            let label = label(&territory.name, &territory.state_code);
            Named { folded: folded(&label), label, territory }
        };
        // A folder's files without a territory are registered under one without a name: nobody can choose it.
        let with_name = territories.into_iter().filter(|territory| !territory.name.is_empty());
        Self { territories: with_name.map(named).collect() }
    }

    /// Those that may be meant: by their id, by name and state, or by name alone, which several may share.
    pub fn ids(&self, typed: &str) -> Vec<String> {
        let typed = typed.trim();
        let wanted = folded(typed);
        let with = |fits: &dyn Fn(&Named) -> bool| -> Vec<String> {
            self.territories.iter().filter(|named| fits(named)).map(|named| named.territory.id.clone()).collect()
        };
        let mut ids = with(&|named| named.territory.id == typed);
        if ids.is_empty() {
            ids = with(&|named| named.folded == wanted);
        }
        if ids.is_empty() {
            let name = format!("{wanted} (");
            ids = with(&|named| named.folded.starts_with(&name));
        }
        // The index may know territories that the catalogue has lost; a code is no name.
        if ids.is_empty() && !typed.is_empty() && typed.bytes().all(|b| b.is_ascii_digit()) {
            ids.push(typed.to_owned());
        }
        ids
    }

    /// How a filter is shown that was given as an id.
    pub fn label_of<'a>(&'a self, typed: &'a str) -> &'a str {
        let of_id = self.territories.iter().find(|named| named.territory.id == typed);
        of_id.map_or(typed, |named| &named.label)
    }

    /// The labels that hold these letters, those first that begin with them.
    pub fn suggestions(&self, typed: &str, most: usize) -> Vec<&str> {
        let wanted = folded(typed.trim());
        let begin = self.territories.iter().filter(|named| named.folded.starts_with(&wanted));
        let hold = self
            .territories
            .iter()
            .filter(|named| !named.folded.starts_with(&wanted) && named.folded.contains(&wanted));
        begin.chain(hold).take(most).map(|named| named.label.as_str()).collect()
    }

    /// The states that have any, in their order.
    pub fn states(&self) -> Vec<&str> {
        let mut states: Vec<&str> = self.territories.iter().map(|named| named.territory.state_code.as_str()).collect();
        states.retain(|state| !state.is_empty());
        states.sort_unstable();
        states.dedup();
        states
    }

    pub fn len(&self) -> usize {
        self.territories.len()
    }
}

/// `Maceió (AL)`
pub fn label(name: &str, state: &str) -> String {
    if state.is_empty() { name.to_owned() } else { format!("{name} ({state})") }
}

/// Small letters without accents.
fn folded(text: &str) -> String {
    text.nfd().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).flat_map(char::to_lowercase).collect()
}

/// The directory, read again now and then.
#[derive(Clone, Default)]
pub struct Territories {
    read: Arc<Mutex<Option<Read>>>,
}

/// When, and what.
type Read = (Instant, Arc<Directory>);

impl Territories {
    /// The list. Only the first one is waited for: of a million gazettes it can take a second. An older one serves while it
    /// is read anew, and longer when the catalogue does not answer.
    pub async fn directory(&self, catalog: &Arc<dyn Catalog>) -> Result<Arc<Directory>, Problem> {
        let Some(directory) = self.known(catalog) else { return self.read_anew(&**catalog).await };
        Ok(directory)
    }

    fn known(&self, catalog: &Arc<dyn Catalog>) -> Option<Arc<Directory>> {
        let mut read = self.lock();
        let (when, directory) = read.as_mut()?;
        if when.elapsed() >= FRESH {
            // One reads it, and nobody else meanwhile.
            *when = Instant::now();
            let (territories, catalog) = (self.clone(), Arc::clone(catalog));
            tokio::spawn(async move { territories.read_anew(&*catalog).await });
        }
        Some(Arc::clone(directory))
    }

    async fn read_anew(&self, catalog: &dyn Catalog) -> Result<Arc<Directory>, Problem> {
        let directory = Arc::new(Directory::new(catalog.territories().await?));
        *self.lock() = Some((Instant::now(), Arc::clone(&directory)));
        Ok(directory)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Read>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_ids() {
        let of = |id: &str, name: &str, state: &str| Territory {
            id: id.into(),
            name: name.into(),
            state_code: state.into(),
        };
        let directory = Directory::new(vec![
            of("2704302", "Maceió", "AL"),
            of("2513703", "Santa Rita", "PB"),
            of("2110203", "Santa Rita", "MA"),
            of("", "", ""),
        ]);
        for (typed, expected) in [
            ("maceio", vec!["2704302"]),
            ("Maceió (AL)", vec!["2704302"]),
            ("2704302", vec!["2704302"]),
            ("Santa Rita", vec!["2513703", "2110203"]),
            ("SANTA RITA (MA)", vec!["2110203"]),
            ("1234567", vec!["1234567"]),
            ("Santa", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(directory.ids(typed), expected, "{typed}");
        }
        assert_eq!(directory.suggestions("ta ri", 9), ["Santa Rita (PB)", "Santa Rita (MA)"]);
        assert_eq!(directory.suggestions("M", 9), ["Maceió (AL)", "Santa Rita (MA)"]);
        assert_eq!(directory.states(), ["AL", "MA", "PB"]);
        assert_eq!((directory.label_of("2704302"), directory.label_of("x")), ("Maceió (AL)", "x"));
    }
}
