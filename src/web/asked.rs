//! What an address asks for, and the address that asks for it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use time::Date;
use time::macros::format_description;
use url::form_urlencoded;

use super::problem::Problem;
use super::territories::Directory;
use crate::search_index::{MAX_REACH, SearchQuery, Sort};

/// Hits on a page of people.
pub const PER_PAGE: usize = 10;
/// Hits of an answer of the API at most.
pub const MOST_PER_ANSWER: usize = 100;
/// Longer queries are no questions of a person; the index says so, too.
const QUERY_CHARACTERS: usize = 1_000;
/// Territories in one search.
const TERRITORIES: usize = 100;
/// Other values.
const VALUE_CHARACTERS: usize = 200;

/// A search as an address asks for it. What is wrong in it is said in `mistakes` and otherwise left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Its territories are ids, or names as they were typed, such as `Maceió (AL)`; the state is two capital letters.
    pub search: SearchQuery,
    /// `lang=`, where it was given.
    pub language: Option<String>,
    pub mistakes: Vec<Mistake>,
}

/// The parameter that says which page is shown.
pub const PAGE: &str = "page";

/// In Portuguese and in English.
pub type Mistake = (String, String);

/// Name and value.
type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

impl Asked {
    /// Reads the query of an address.
    pub fn read(query: Option<&str>) -> Self {
        let mut asked = Self::default();
        asked.search.limit = PER_PAGE;
        let mut seen = BTreeSet::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if name != "territory" && !value.is_empty() && !seen.insert(name.clone().into_owned()) {
                asked.wrong(&name, "só pode aparecer uma vez", "may be given only once");
                continue;
            }
            asked.take(&name, value.trim());
        }
        if let (Some(from), Some(to)) = (asked.search.from, asked.search.to)
            && from > to
        {
            asked.mistakes.push((
                "A data inicial vem depois da final: troque uma pela outra.".into(),
                "The first date comes after the last: exchange them.".into(),
            ));
        }
        if asked.search.offset + asked.search.limit > MAX_REACH {
            asked.mistakes.push((
                "Só se chega aos 10.000 primeiros resultados: restrinja a pesquisa ou inverta a ordem.".into(),
                "Only the first 10,000 results can be reached: narrow the search, or turn its order round.".into(),
            ));
        }
        asked
    }

    fn take(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        // Decoded from what is no UTF-8: the word would be cut there, and something else be found.
        if value.contains(char::REPLACEMENT_CHARACTER) {
            self.wrong(name, "tem letras que não se podem ler: digite de novo", "is not valid UTF-8: type it again");
            return;
        }
        let most = if name == "q" { QUERY_CHARACTERS } else { VALUE_CHARACTERS };
        if value.chars().count() > most {
            self.wrong(name, &format!("tem mais de {most} caracteres"), &format!("has more than {most} characters"));
            return;
        }
        match name {
            "q" => value.clone_into(&mut self.search.text),
            "territory" if self.search.territories.len() == TERRITORIES => {
                self.wrong(name, "são mais de 100 territórios", "names more than 100 territories");
            }
            "territory" => self.search.territories.push(value.to_owned()),
            "state" => match value.to_ascii_uppercase() {
                state if state.len() == 2 && state.bytes().all(|b| b.is_ascii_uppercase()) => {
                    self.search.state = Some(state);
                }
                _ => self.wrong(name, "deve ser uma sigla como AL", "has to be two letters such as AL"),
            },
            "from" => self.search.from = self.date(name, value),
            "to" => self.search.to = self.date(name, value),
            "edition" => match value {
                "extra" => self.search.extra = Some(true),
                "regular" => self.search.extra = Some(false),
                _ => self.wrong(name, "deve ser extra ou regular", "has to be extra or regular"),
            },
            "power" => self.search.power = Some(value.to_owned()),
            "sort" => match value {
                "relevance" => self.search.sort = Sort::Relevance,
                "newest" => self.search.sort = Sort::Newest,
                "oldest" => self.search.sort = Sort::Oldest,
                _ => self.wrong(name, "deve ser relevance, newest ou oldest", "has to be relevance, newest or oldest"),
            },
            "offset" => self.search.offset = self.number(name, value, 0, MAX_REACH),
            "limit" => self.search.limit = self.number(name, value, 1, MOST_PER_ANSWER),
            PAGE => self.search.offset = (self.number(name, value, 1, MAX_REACH / PER_PAGE) - 1) * PER_PAGE,
            "lang" => self.language = Some(value.to_owned()),
            _ => {}
        }
    }

    fn date(&mut self, name: &str, value: &str) -> Option<Date> {
        let date = date(value);
        if date.is_none() {
            self.wrong(
                name,
                "deve ser uma data que existe, como 31/12/2024",
                "has to be a date that exists, such as 2024-12-31",
            );
        }
        date
    }

    fn number(&mut self, name: &str, value: &str, least: usize, most: usize) -> usize {
        let plain = value.bytes().all(|b| b.is_ascii_digit());
        match value.parse().ok().filter(|number| plain && (least..=most).contains(number)) {
            Some(number) => number,
            None => {
                let pt = format!("deve ser um número de {least} a {most}");
                self.wrong(name, &pt, &format!("has to be a number from {least} to {most}"));
                least
            }
        }
    }

    fn wrong(&mut self, name: &str, portuguese: &str, english: &str) {
        self.mistakes.push((format!("“{}” {portuguese}.", label(name)), format!("`{name}` {english}.")));
    }

    /// For programs, which are told of every mistake: also of names that nothing here knows.
    ///
    /// # Errors
    /// The first mistake.
    pub fn strictly(query: Option<&str>, names: &[&str]) -> Result<Self, Problem> {
        Self::strictly_named(query, names)?;
        let asked = Self::read(query);
        match asked.mistakes.first() {
            Some((portuguese, english)) => Err(Problem::bad_request(portuguese, english)),
            None => Ok(asked),
        }
    }

    /// Names and values, of which none is unknown and none is empty.
    ///
    /// # Errors
    /// The first mistake.
    pub fn strictly_named<'a>(query: Option<&'a str>, names: &[&str]) -> Result<Vec<Pair<'a>>, Problem> {
        let pairs: Vec<_> = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).collect();
        for (name, value) in &pairs {
            if !names.contains(&name.as_ref()) {
                let name: String = name.chars().take(40).collect();
                let (existing, are) = match names {
                    [] => ("não existe nenhum".to_owned(), "there is none".to_owned()),
                    names => (format!("existem: {}", names.join(", ")), format!("there are: {}", names.join(", "))),
                };
                return Err(Problem::bad_request(
                    format!("O parâmetro `{name}` não existe aqui; {existing}."),
                    format!("There is no parameter `{name}` here; {are}."),
                ));
            }
            if value.trim().is_empty() {
                return Err(Problem::bad_request(format!("`{name}` está vazio."), format!("`{name}` is empty.")));
            }
        }
        Ok(pairs)
    }

    /// The same search with something changed, from its first page on.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut SearchQuery)) -> Self {
        let mut other = self.clone();
        other.search.offset = 0;
        change(&mut other.search);
        other
    }

    /// The same words without what narrows the search.
    #[must_use]
    pub fn without_filters(&self) -> Self {
        self.with(|search| {
            let (text, sort, limit) = (std::mem::take(&mut search.text), search.sort, search.limit);
            *search = SearchQuery { text, sort, limit, ..SearchQuery::default() };
        })
    }

    /// For the index. Names of territories that nobody knows become a mistake.
    pub fn resolved(&mut self, directory: &Directory) -> SearchQuery {
        let mut territories = Vec::new();
        for typed in &self.search.territories {
            match directory.ids(typed) {
                ids if ids.is_empty() => self.mistakes.push((
                    format!("Nenhum território se chama “{}”; a lista ajuda enquanto se digita.", isolated(typed)),
                    format!("No territory is called “{}”; the list helps while you type.", isolated(typed)),
                )),
                ids => territories.extend(ids),
            }
        }
        SearchQuery { territories, ..self.search.clone() }
    }

    /// The query of an address that asks for this, without `lang`. Always in the same order, so that equal searches have
    /// equal addresses.
    pub fn query(&self) -> String {
        self.query_with(PAGE)
    }

    /// The same where the page of results has another name.
    pub fn query_with(&self, page: &str) -> String {
        let search = &self.search;
        let mut out = form_urlencoded::Serializer::new(String::new());
        let mut add = |name: &str, value: Option<Cow<'_, str>>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                out.append_pair(name, &value);
            }
        };
        add("q", Some(search.text.as_str().into()));
        for territory in &search.territories {
            add("territory", Some(territory.as_str().into()));
        }
        add("state", search.state.as_deref().map(Into::into));
        add("from", search.from.map(|date| iso(date).into()));
        add("to", search.to.map(|date| iso(date).into()));
        add("edition", search.extra.map(edition).map(Into::into));
        add("power", search.power.as_deref().map(Into::into));
        add("sort", (search.sort != Sort::Relevance).then(|| sort(search.sort).into()));
        add(page, (search.offset > 0).then(|| (search.offset / PER_PAGE + 1).to_string().into()));
        out.finish()
    }

    /// The same with `lang`, where it was asked for.
    pub fn address(&self, path: &str) -> String {
        address(path, self.query(), self.language.as_deref())
    }
}

/// A path with a query and with `lang`, where there are any.
pub fn address(path: &str, mut query: String, language: Option<&str>) -> String {
    if let Some(language) = language {
        query = form_urlencoded::Serializer::new(query).append_pair("lang", language).finish();
    }
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

pub fn edition(extra: bool) -> &'static str {
    if extra { "extra" } else { "regular" }
}

pub fn sort(sort: Sort) -> &'static str {
    match sort {
        Sort::Relevance => "relevance",
        Sort::Newest => "newest",
        Sort::Oldest => "oldest",
    }
}

/// What the form calls a parameter. Portuguese is for people alone: programs are answered in English.
fn label(name: &str) -> &str {
    match name {
        "q" => "O que procurar",
        "territory" => "Município ou órgão",
        "state" => "Estado",
        "from" => "De",
        "to" => "Até",
        "edition" => "Edição",
        "power" => "Poder",
        "sort" => "Ordem",
        PAGE => "Página",
        other => other,
    }
}

/// What it turns from right to left ends with it (Unicode Standard Annex 9: FSI, PDI).
fn isolated(typed: &str) -> Cow<'_, str> {
    let turns = |c| matches!(c, '\u{590}'..='\u{8ff}' | '\u{200e}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if typed.contains(turns) { format!("\u{2068}{typed}\u{2069}").into() } else { typed.into() }
}

/// `YYYY-MM-DD`.
pub fn iso(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// As forms send it, or as Brazilians write it.
fn date(text: &str) -> Option<Date> {
    Date::parse(text, format_description!("[year]-[month]-[day]"))
        .or_else(|_| Date::parse(text, format_description!("[day]/[month]/[year]")))
        .ok()
        .filter(|date| date.year() >= 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn addresses_are_read_and_written_again() {
        for (query, again) in [
            ("", ""),
            ("q=&state=&from=&page=1&sort=relevance", ""),
            ("q=preg%C3%A3o+%22a+b%22&page=3", "q=preg%C3%A3o+%22a+b%22&page=3"),
            (
                "page=2&sort=newest&edition=extra&to=31/12/2024&from=2024-01-01&state=al&territory=1&territory=Macei%C3%B3&q=x",
                "q=x&territory=1&territory=Macei%C3%B3&state=AL&from=2024-01-01&to=2024-12-31&edition=extra&sort=newest&page=2",
            ),
            ("q=x&power=executive&lang=en&utm=1", "q=x&power=executive"),
        ] {
            let asked = Asked::read(Some(query));
            assert_eq!(asked.mistakes, [], "{query}");
            assert_eq!(asked.query(), again, "{query}");
        }
        let asked = Asked::read(Some("q=x&from=2024-02-01&lang=en&page=4"));
        assert_eq!((asked.search.from, asked.search.offset), (Some(date!(2024 - 02 - 01)), 30));
        assert_eq!(asked.address("/"), "/?q=x&from=2024-02-01&page=4&lang=en");
        assert_eq!(Asked::read(None).address("/"), "/");
    }

    #[test]
    fn mistakes_are_said_and_left_out() {
        for (query, word) in [
            ("from=2024-13-01", "`from`"),
            ("state=Alagoas", "`state`"),
            ("edition=both", "`edition`"),
            ("sort=best", "`sort`"),
            ("page=0", "`page`"),
            ("page=x", "`page`"),
            ("page=%2B2", "`page`"),
            ("q=a&q=b", "`q`"),
            ("from=2024-02-01&to=2024-01-01", "after"),
            ("offset=9999&limit=10", "10,000"),
        ] {
            let asked = Asked::read(Some(query));
            assert!(asked.mistakes[0].1.contains(word), "{query}: {:?}", asked.mistakes);
            assert!(!asked.mistakes[0].0.contains('`'), "people see labels: {:?}", asked.mistakes);
            assert!(
                Asked::strictly(
                    Some(query),
                    &["from", "to", "state", "edition", "sort", "page", "q", "offset", "limit"]
                )
                .is_err()
            );
        }
        let long = format!("q={}", "a".repeat(1_001));
        assert!(Asked::read(Some(&long)).mistakes[0].1.contains("1000"));
        assert!(
            Asked::strictly(Some("q=a&oops=1"), &["q"])
                .unwrap_err()
                .sentence(super::super::language::Language::English)
                .contains("oops")
        );
    }
}
