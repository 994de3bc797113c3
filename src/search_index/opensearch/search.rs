//! A query as the search engine wants it, and its answer.
//! <https://docs.opensearch.org/latest/query-dsl/>

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::search_index::document::day;
use crate::search_index::query::{Clause, Query};
use crate::search_index::{MAX_HITS, SearchQuery, hit};

/// The body of the search. Texts and highlights are left out of the answer, which so stays small: the page of a
/// passage can only be told from the whole text, and the engine's highlighter leaves phrases with a stop word unmarked.
pub(super) fn body(query: &Query, asked: &SearchQuery) -> Value {
    let mut filter = Vec::new();
    if !asked.territories.is_empty() {
        filter.push(json!({"terms": {"territory_id": asked.territories}}));
    }
    if let Some(state) = &asked.state {
        filter.push(json!({"term": {"state_code": state}}));
    }
    if asked.from.is_some() || asked.to.is_some() {
        let mut range = Map::new();
        range.extend(asked.from.map(|from| ("gte".to_owned(), day(from).into())));
        range.extend(asked.to.map(|to| ("lte".to_owned(), day(to).into())));
        filter.push(json!({"range": {"date": range}}));
    }
    let must: Vec<Value> = query
        .all
        .iter()
        .map(|group| json!({"bool": {"should": group.iter().map(|wanted| clause(wanted, "all")).collect::<Vec<_>>(), "minimum_should_match": 1}}))
        .collect();
    json!({
        "size": asked.limit.min(MAX_HITS),
        "track_total_hits": true,
        "_source": hit::FIELDS,
        "query": {"bool": {
            "must": must,
            "must_not": query.none.iter().map(|unwanted| clause(unwanted, "none")).collect::<Vec<_>>(),
            "filter": filter,
        }},
    })
}

/// A phrase is sought with its stop words, in the field that keeps them. A word is sought in both of its numbers: the
/// engine's stemmer takes `nomeação` and `nomeações` for two words. `of_stop_words` says which documents are found by
/// words that the engine leaves out: it knows some more of them than prelo's analyzer.
fn clause(clause: &Clause, of_stop_words: &str) -> Value {
    if clause.stems.len() > 1 {
        return json!({"match_phrase": {"source_text.with_stopwords": {"query": clause.text}}});
    }
    let mut forms = vec![clause.text.clone()];
    forms.extend(other_number(&clause.text));
    let sought = |form: &String| json!({"match": {"source_text": {"query": form, "operator": "and", "zero_terms_query": of_stop_words}}});
    let forms: Vec<Value> = forms.iter().map(sought).collect();
    json!({"dis_max": {"queries": forms}})
}

/// The plural of a word in `-ão`, or the other way round.
fn other_number(word: &str) -> Option<String> {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    for ending in ["ão", "ao"] {
        if let Some(head) = word.strip_suffix(ending) {
            return Some(format!("{head}ões"));
        }
    }
    for ending in ["ões", "oes"] {
        if let Some(head) = word.strip_suffix(ending) {
            return Some(format!("{head}ão"));
        }
    }
    None
}

#[derive(Deserialize)]
pub(super) struct Answer {
    pub hits: Hits,
}

#[derive(Deserialize)]
pub(super) struct Hits {
    pub total: Total,
    pub hits: Vec<Found>,
}

#[derive(Deserialize)]
pub(super) struct Total {
    pub value: u64,
}

#[derive(Deserialize)]
pub(super) struct Found {
    /// The index behind the alias.
    #[serde(rename = "_index")]
    pub index: String,
    #[serde(rename = "_id")]
    pub id: String,
    #[serde(rename = "_score")]
    pub score: Option<f32>,
    #[serde(rename = "_source", default)]
    pub fields: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn filters_are_only_there_when_asked_for() {
        let query = Query::parse("casa").unwrap();
        let plain = body(&query, &SearchQuery { limit: 5, ..SearchQuery::default() });
        assert_eq!(plain["query"]["bool"]["filter"], json!([]));
        assert_eq!(plain["size"], 5);
        let asked = SearchQuery {
            territories: vec!["1".into(), "2".into()],
            state: Some("AL".into()),
            to: Some(date!(2024 - 01 - 31)),
            limit: 1_000_000,
            ..SearchQuery::default()
        };
        let narrow = body(&query, &asked);
        assert_eq!(
            narrow["query"]["bool"]["filter"],
            json!([
                {"terms": {"territory_id": ["1", "2"]}},
                {"term": {"state_code": "AL"}},
                {"range": {"date": {"lte": "2024-01-31"}}},
            ])
        );
        assert_eq!(narrow["size"], MAX_HITS);
    }

    #[test]
    fn both_numbers() {
        for (word, other) in [
            ("nomeação", Some("nomeações")),
            ("NOMEACOES", Some("nomeacão")),
            ("(pregão,", Some("pregões")),
            ("casa", None),
        ] {
            assert_eq!(other_number(word).as_deref(), other, "{word}");
        }
    }
}
