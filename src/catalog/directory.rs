//! The territories by name: what a person types becomes ids.

use unicode_normalization::UnicodeNormalization as _;

use crate::gazette::Territory;
use crate::words::plain;

/// How like a name must be what was typed, by Jaro and Winkler, to be proposed: one slip in a short name.
const LEAST_LIKENESS: f64 = 0.88;

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
    #[must_use]
    pub fn new(territories: Vec<Territory>) -> Self {
        let named = |territory: Territory| {
            let label = label(&territory.name, &territory.state_code);
            Named { folded: folded(&label), label, territory }
        };
        // A folder's files without a territory are registered under one without a name: nobody can choose it.
        let with_name = territories.into_iter().filter(|territory| !territory.name.is_empty());
        Self { territories: with_name.map(named).collect() }
    }

    /// Those that may be meant: by their id, by name and state (`Maceió (AL)`, `maceio/al`), or by name alone, which several
    /// may share.
    #[must_use]
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
        if let Some(wanted) = ids.is_empty().then(|| with_state(&wanted)).flatten() {
            ids = with(&|named| named.folded == wanted);
        }
        // The index may know territories that the catalogue has lost; a code is no name.
        if ids.is_empty() && !typed.is_empty() && typed.bytes().all(|b| b.is_ascii_digit()) {
            ids.push(typed.to_owned());
        }
        ids
    }

    /// Those that may have been meant by what is nobody's name, the nearest first.
    #[must_use]
    pub fn near(&self, typed: &str, most: usize) -> Vec<String> {
        let wanted = folded(typed.trim());
        let likeness = |named: &Named| {
            let name = named.folded.split(" (").next().unwrap_or_default();
            if !wanted.is_empty() && named.folded.contains(&wanted) { 1.0 } else { strsim::jaro_winkler(name, &wanted) }
        };
        let mut near: Vec<(f64, &Named)> = self.territories.iter().map(|named| (likeness(named), named)).collect();
        near.retain(|(likeness, _)| *likeness >= LEAST_LIKENESS);
        near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        near.into_iter().take(most).map(|(_, named)| named.territory.id.clone()).collect()
    }

    /// How a filter is shown that was given as an id.
    #[must_use]
    pub fn label_of<'a>(&'a self, typed: &'a str) -> &'a str {
        let of_id = self.territories.iter().find(|named| named.territory.id == typed);
        of_id.map_or(typed, |named| &named.label)
    }

    /// The labels that hold these letters, those first that begin with them.
    #[must_use]
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
    #[must_use]
    pub fn states(&self) -> Vec<&str> {
        let mut states: Vec<&str> = self.territories.iter().map(|named| named.territory.state_code.as_str()).collect();
        states.retain(|state| !state.is_empty());
        states.sort_unstable();
        states.dedup();
        states
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.territories.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.territories.is_empty()
    }
}

/// `Maceió (AL)`
#[must_use]
pub fn label(name: &str, state: &str) -> String {
    // Tables of others say what they like; a name must not steer a terminal.
    let name = plain(name);
    if state.is_empty() { name } else { format!("{name} ({state})") }
}

/// Small letters without accents.
fn folded(text: &str) -> String {
    text.nfd().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).flat_map(char::to_lowercase).collect()
}

/// `maceio (al)` for `maceio/al`, `maceio - al`, `maceio, al` and `maceio al`.
fn with_state(folded: &str) -> Option<String> {
    let (name, state) = folded.rsplit_once(['/', ',', '-', ' '])?;
    let name = name.trim_end_matches(['/', ',', '-', ' ']);
    let is_state = state.len() == 2 && state.bytes().all(|b| b.is_ascii_lowercase());
    (is_state && !name.is_empty()).then(|| format!("{name} ({state})"))
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
            ("maceio/al", vec!["2704302"]),
            ("Santa Rita - PB", vec!["2513703"]),
            ("santa rita, pb", vec!["2513703"]),
            ("Santa Rita SP", vec![]),
            ("1234567", vec!["1234567"]),
            ("Santa", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(directory.ids(typed), expected, "{typed}");
        }
        assert_eq!(directory.suggestions("ta ri", 9), ["Santa Rita (PB)", "Santa Rita (MA)"]);
        assert_eq!(directory.suggestions("M", 9), ["Maceió (AL)", "Santa Rita (MA)"]);
        assert_eq!(directory.near("Maseió", 9), ["2704302"]);
        assert_eq!(directory.near("Santa", 9), ["2513703", "2110203"]);
        assert!(directory.near("Porto Velho", 9).is_empty());
        assert_eq!(directory.states(), ["AL", "MA", "PB"]);
        assert_eq!((directory.label_of("2704302"), directory.label_of("x")), ("Maceió (AL)", "x"));
    }
}
