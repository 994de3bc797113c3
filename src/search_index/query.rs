//! What a person types into a search, understood once for both engines: words, `"phrases"`, `OR`, `-word`.

use super::portuguese;

/// Longer queries are no questions of a person.
const MAX_CHARACTERS: usize = 1_000;

/// Every group of `all` must be met by at least one of its clauses, none of `none` may be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    pub all: Vec<Vec<Clause>>,
    pub none: Vec<Clause>,
}

/// A word, or words in a row: a quoted phrase, or a number such as `001/2024`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// As typed, without the quotes.
    pub text: String,
    /// Never empty. More than one: they must stand at just these distances.
    pub stems: Vec<Stem>,
}

/// A word reduced by [`portuguese::stems`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stem {
    /// Words between the start of the clause and this one, stop words counted.
    pub offset: usize,
    pub text: String,
}

/// Why a query cannot be searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misunderstood {
    TooLong,
    /// It only says what must not occur.
    OnlyExclusions,
    /// It holds only words that occur everywhere.
    OnlyCommonWords,
    Nothing,
}

impl Misunderstood {
    /// A sentence for the person.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::TooLong => "the query is longer than 1,000 characters; search for fewer words",
            Self::OnlyExclusions => "the query only says what must not occur; add a word that must",
            Self::OnlyCommonWords => "the query holds only words that occur everywhere, such as `de`; add another",
            Self::Nothing => "there is nothing to search for; give a word or a \"phrase\"",
        }
    }
}

impl Query {
    /// Understands a query. Nothing is an error of syntax: an open quote ends at the end, other signs only part words.
    /// `OR`, in Portuguese `OU`, binds its two neighbours; `AND` says nothing, since every group must be met.
    ///
    /// # Errors
    /// When there is nothing to search for, or too much.
    pub fn parse(text: &str) -> Result<Self, Misunderstood> {
        if text.chars().count() > MAX_CHARACTERS {
            return Err(Misunderstood::TooLong);
        }
        let mut query = Self::default();
        let mut join = false;
        let mut common = false;
        for token in tokens(text) {
            if !token.quoted && matches!(token.text, "OR" | "OU" | "AND") {
                join = token.text != "AND";
                continue;
            }
            let stems = portuguese::stems(token.text);
            if stems.is_empty() {
                common |= token.text.contains(char::is_alphanumeric);
                continue;
            }
            let clause = Clause { text: token.text.to_owned(), stems };
            match query.all.last_mut() {
                _ if token.negated => query.none.push(clause),
                Some(group) if join => group.push(clause),
                _ => query.all.push(vec![clause]),
            }
            join = false;
        }
        match (query.all.is_empty(), query.none.is_empty(), common) {
            (false, ..) => Ok(query),
            (true, false, _) => Err(Misunderstood::OnlyExclusions),
            (true, true, true) => Err(Misunderstood::OnlyCommonWords),
            (true, true, false) => Err(Misunderstood::Nothing),
        }
    }

    /// The clauses that a passage can show.
    pub fn wanted(&self) -> impl Iterator<Item = &Clause> {
        self.all.iter().flatten()
    }
}

struct Token<'a> {
    text: &'a str,
    quoted: bool,
    negated: bool,
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    const QUOTES: [char; 3] = ['"', '“', '”'];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let negated = rest.starts_with('-');
        if negated {
            rest = &rest[1..];
        }
        let unquoted = rest.strip_prefix(QUOTES);
        let body = unquoted.unwrap_or(rest);
        let end = match unquoted {
            Some(_) => body.find(QUOTES),
            None => body.find(|c: char| c.is_whitespace() || QUOTES.contains(&c)),
        }
        .unwrap_or(body.len());
        tokens.push(Token { text: &body[..end], quoted: unquoted.is_some(), negated });
        rest = &body[end..];
        if unquoted.is_some() {
            rest = rest.strip_prefix(QUOTES).unwrap_or(rest);
        }
        rest = rest.trim_start();
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups joined by ` & `, alternatives by `|`, exclusions behind ` - `; stems with their offsets.
    fn shown(query: &Query) -> String {
        let clause = |clause: &Clause| {
            clause.stems.iter().map(|s| format!("{}@{}", s.text, s.offset)).collect::<Vec<_>>().join(",")
        };
        let groups: Vec<_> =
            query.all.iter().map(|group| group.iter().map(clause).collect::<Vec<_>>().join("|")).collect();
        let none: Vec<_> = query.none.iter().map(|c| format!(" - {}", clause(c))).collect();
        groups.join(" & ") + &none.concat()
    }

    #[test]
    fn queries_are_understood() {
        for (text, expected) in [
            ("casa verde", "cas@0 & verd@0"),
            ("casa OR verde azul", "cas@0|verd@0 & azul@0"),
            ("casa OU verde azul", "cas@0|verd@0 & azul@0"),
            ("casa ou verde", "cas@0 & verd@0"),
            ("casa AND verde", "cas@0 & verd@0"),
            ("\"casa da verde\"", "cas@0,verd@2"),
            ("“casa verde”", "cas@0,verd@1"),
            ("casa -verde -\"azul claro\"", "cas@0 - verd@0 - azul@0,clar@1"),
            ("001/2024", "001@0,2024@1"),
            ("casa de", "cas@0"),
            ("OR casa OR", "cas@0"),
            ("\"casa", "cas@0"),
            ("casa\"verde\"", "cas@0 & verd@0"),
            ("(casa) verde*", "cas@0 & verd@0"),
            ("source_text:casa^2~", "sourc@0,text@1,cas@2,2@3"),
            ("\"OR\" casa", "or@0 & cas@0"),
        ] {
            assert_eq!(Query::parse(text).map(|query| shown(&query)), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn nothing_to_search_for_is_said_plainly() {
        for (text, words) in [
            ("", "nothing"),
            ("  \t", "nothing"),
            ("\"", "nothing"),
            ("\"\"", "nothing"),
            ("(", "nothing"),
            ("*", "nothing"),
            ("-", "nothing"),
            ("--", "nothing"),
            ("AND", "nothing"),
            ("OR OR", "nothing"),
            ("\u{0}\u{fdd0}", "nothing"),
            ("de para o", "everywhere"),
            ("-casa", "must not"),
        ] {
            let error = Query::parse(text).expect_err(text).advice();
            assert!(error.contains(words), "{text:?}: {error}");
        }
        assert!(Query::parse(&"a".repeat(1_001)).is_err());
        assert!(Query::parse(&"x1 ".repeat(333)).is_ok());
    }
}
