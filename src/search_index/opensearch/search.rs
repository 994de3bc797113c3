//! A query as the search engine wants it, and its answer.
//! <https://docs.opensearch.org/latest/query-dsl/>

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::search_index::document::day;
use crate::search_index::query::{Clause, Query};
use crate::search_index::{MAX_HITS, MonthTotal, SearchQuery, Sort, TERRITORIES_NAMED, TerritoryTotal, Totals, hit};

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
    if let Some(power) = &asked.power {
        filter.push(json!({"term": {"power": power}}));
    }
    let mut must_not: Vec<Value> = query.none.iter().map(|unwanted| clause(unwanted, "none")).collect();
    match asked.extra {
        Some(true) => filter.push(json!({"term": {"is_extra_edition": true}})),
        Some(false) => must_not.push(json!({"term": {"is_extra_edition": true}})),
        None => {}
    }
    let must: Vec<Value> = query
        .all
        .iter()
        .map(|group| json!({"bool": {"should": group.iter().map(|wanted| clause(wanted, "all")).collect::<Vec<_>>(), "minimum_should_match": 1}}))
        .collect();
    let mut body = json!({
        "from": asked.offset,
        "size": asked.limit.min(MAX_HITS),
        "track_total_hits": true,
        "track_scores": true,
        "_source": hit::FIELDS,
        "sort": sort(asked.order()),
        "query": {"bool": {"must": must, "must_not": must_not, "filter": filter}},
    });
    if asked.totals {
        body["aggs"] = totals();
    }
    body
}

/// The same order on every page: equals are told apart by their ids.
fn sort(sort: Sort) -> Value {
    let by_date = |order: &str| json!({"date": {"order": order, "missing": "_last", "unmapped_type": "date"}});
    let by_id = json!({"id": {"order": "desc", "unmapped_type": "keyword"}});
    match sort {
        Sort::Relevance => json!(["_score", by_date("desc"), by_id]),
        Sort::Newest => json!([by_date("desc"), by_id]),
        Sort::Oldest => json!([by_date("asc"), by_id]),
    }
}

/// Counts by territory and by month. A territory's name and state are those of most of its documents.
fn totals() -> Value {
    let most = |field: &str| json!({"terms": {"field": field, "size": 1}});
    json!({
        "territories": {
            "terms": {"field": "territory_id", "size": TERRITORIES_NAMED},
            "aggs": {"name": most("territory_name.keyword"), "state": most("state_code")},
        },
        "months": {
            "date_histogram": {"field": "date", "calendar_interval": "month", "format": "yyyy-MM", "min_doc_count": 1},
        },
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
    #[serde(default)]
    pub aggregations: Option<Aggregations>,
}

#[derive(Deserialize, Default)]
pub(super) struct Aggregations {
    territories: Buckets,
    months: Buckets,
}

#[derive(Deserialize, Default)]
struct Buckets {
    #[serde(default)]
    sum_other_doc_count: u64,
    #[serde(default)]
    buckets: Vec<Bucket>,
}

#[derive(Deserialize)]
struct Bucket {
    /// Of a month it is a number, and `key_as_string` what was asked for.
    key: Value,
    key_as_string: Option<String>,
    doc_count: u64,
    name: Option<Buckets>,
    state: Option<Buckets>,
}

impl Bucket {
    fn word(&self) -> String {
        let key = || self.key.as_str().map_or_else(|| self.key.to_string(), str::to_owned);
        self.key_as_string.clone().unwrap_or_else(key)
    }
}

impl Aggregations {
    pub fn totals(self) -> Totals {
        let most = |buckets: &Option<Buckets>| {
            buckets.as_ref().and_then(|b| b.buckets.first()).map(Bucket::word).unwrap_or_default()
        };
        let territory = |bucket: &Bucket| TerritoryTotal {
            territory_id: bucket.word(),
            territory_name: most(&bucket.name),
            state_code: most(&bucket.state),
            gazettes: bucket.doc_count,
        };
        let month = |bucket: &Bucket| MonthTotal { month: bucket.word(), gazettes: bucket.doc_count };
        Totals {
            by_territory: self.territories.buckets.iter().map(territory).collect(),
            of_other_territories: self.territories.sum_other_doc_count,
            by_month: self.months.buckets.iter().map(month).collect(),
        }
    }
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
