//! The fields of the embedded index.

use std::ops::Bound;

use ::tantivy::Term;
use ::tantivy::query::{
    AllQuery, BooleanQuery, ConstScoreQuery, Occur, PhraseQuery, Query as TantivyQuery, RangeQuery, TermQuery,
    TermSetQuery,
};
use ::tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TantivyDocument, TextFieldIndexing, TextOptions,
    Value as _,
};
use serde::Serialize;
use serde_json::{Map, Value};
use time::Date;

use crate::gazette::GazetteId;
use crate::search_index::SearchQuery;
use crate::search_index::document::{Document, Metadata, Provenance};
use crate::search_index::query::{Clause, Query};

/// Names the rules of [`portuguese`](crate::search_index::portuguese): with other rules comes another name, and an older index is refused.
pub(super) const ANALYZER: &str = "portuguese_1";

/// The field of gazettes' ids.
pub(super) const ID: &str = "id";
/// The field of dates, as numbers such as 20241231.
pub(super) const DAY: &str = "day";
/// The field that territories are counted by: id, name and state, parted by [`PARTED`].
pub(super) const TERRITORY: &str = "territory";
/// Parts what stands in one field; no such sign is in a name.
pub(super) const PARTED: char = '\u{1f}';

/// What is searched or filtered has a field of its own; all the rest is one record that is only kept, so that a new
/// field in it asks for no new index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    id: Field,
    day: Field,
    territory_id: Field,
    territory: Field,
    state_code: Field,
    extra: Field,
    power: Field,
    source_text: Field,
    record: Field,
}

/// What the record holds, as JSON.
#[derive(Serialize)]
struct Record<'a> {
    #[serde(flatten)]
    metadata: &'a Metadata,
    prelo: &'a Provenance,
}

impl Fields {
    /// The schema of this version.
    pub fn schema() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let text = TextFieldIndexing::default()
            .set_tokenizer(ANALYZER)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions);
        let fields = Self {
            id: schema.add_i64_field(ID, INDEXED | FAST | STORED),
            day: schema.add_i64_field(DAY, INDEXED | FAST),
            territory_id: schema.add_text_field("territory_id", STRING),
            territory: schema.add_text_field(TERRITORY, FAST),
            state_code: schema.add_text_field("state_code", STRING),
            extra: schema.add_bool_field("extra", INDEXED),
            power: schema.add_text_field("power", STRING),
            source_text: schema
                .add_text_field("source_text", TextOptions::default().set_indexing_options(text).set_stored()),
            record: schema.add_text_field("record", STORED),
        };
        (schema.build(), fields)
    }

    /// The field of the text.
    pub fn words(&self) -> Field {
        self.source_text
    }

    /// What finds a gazette.
    pub fn key(&self, id: GazetteId) -> Term {
        Term::from_field_i64(self.id, id.0)
    }

    /// A document as the index takes it.
    pub fn document(&self, document: &Document) -> Result<TantivyDocument, serde_json::Error> {
        let metadata = &document.metadata;
        let mut out = TantivyDocument::new();
        out.add_i64(self.id, document.id.0);
        if let Some(day) = metadata.date.as_ref().and_then(|date| date.replace('-', "").parse().ok()) {
            out.add_i64(self.day, day);
        }
        out.add_text(self.territory_id, &metadata.territory_id);
        let Metadata { territory_id, territory_name, state_code, .. } = metadata;
        out.add_text(self.territory, format!("{territory_id}{PARTED}{territory_name}{PARTED}{state_code}"));
        if let Some(extra) = metadata.is_extra_edition {
            out.add_bool(self.extra, extra);
        }
        if let Some(power) = &metadata.power {
            out.add_text(self.power, power);
        }
        out.add_text(self.state_code, &metadata.state_code);
        out.add_text(self.source_text, &document.source_text);
        out.add_text(self.record, serde_json::to_string(&Record { metadata, prelo: &document.prelo })?);
        Ok(out)
    }

    /// The gazette of a stored document.
    pub fn id_of(&self, stored: &TantivyDocument) -> GazetteId {
        GazetteId(stored.get_first(self.id).and_then(|value| value.as_i64()).unwrap_or_default())
    }

    /// The text of a stored document.
    pub fn text_of<'a>(&self, stored: &'a TantivyDocument) -> &'a str {
        stored.get_first(self.source_text).and_then(|value| value.as_str()).unwrap_or_default()
    }

    /// The record of a stored document.
    pub fn record_of(&self, stored: &TantivyDocument) -> Map<String, Value> {
        let record = stored.get_first(self.record).and_then(|value| value.as_str()).unwrap_or_default();
        serde_json::from_str(record).unwrap_or_default()
    }

    /// A search as the index takes it. Filters narrow without changing the score.
    pub fn query(&self, query: &Query, asked: &SearchQuery) -> BooleanQuery {
        let mut parts: Vec<(Occur, Box<dyn TantivyQuery>)> = Vec::new();
        for group in &query.all {
            let any = group.iter().map(|clause| (Occur::Should, self.clause(clause))).collect();
            parts.push((Occur::Must, Box::new(BooleanQuery::new(any))));
        }
        parts.extend(query.none.iter().map(|clause| (Occur::MustNot, self.clause(clause))));
        let mut filter = |query: Box<dyn TantivyQuery>| {
            parts.push((Occur::Must, Box::new(ConstScoreQuery::new(query, 0.0))));
        };
        if !asked.territories.is_empty() {
            let territories = asked.territories.iter().map(|id| Term::from_field_text(self.territory_id, id));
            filter(Box::new(TermSetQuery::new(territories)));
        }
        if let Some(state) = &asked.state {
            let state = Term::from_field_text(self.state_code, state);
            filter(Box::new(TermQuery::new(state, IndexRecordOption::Basic)));
        }
        if asked.from.is_some() || asked.to.is_some() {
            let bound = |date: Option<Date>| {
                date.map_or(Bound::Unbounded, |date| Bound::Included(Term::from_field_i64(self.day, number(date))))
            };
            filter(Box::new(RangeQuery::new(bound(asked.from), bound(asked.to))));
        }
        if let Some(power) = &asked.power {
            let power = Term::from_field_text(self.power, power);
            filter(Box::new(TermQuery::new(power, IndexRecordOption::Basic)));
        }
        if let Some(extra) = asked.extra {
            let query = Box::new(TermQuery::new(Term::from_field_bool(self.extra, true), IndexRecordOption::Basic));
            if extra {
                filter(query);
            } else {
                parts.push((Occur::MustNot, query));
            }
        }
        // What only says what must not be would find nothing here.
        if parts.iter().all(|(occur, _)| *occur == Occur::MustNot) {
            parts.push((Occur::Must, Box::new(ConstScoreQuery::new(Box::new(AllQuery), 0.0))));
        }
        BooleanQuery::new(parts)
    }

    fn clause(&self, clause: &Clause) -> Box<dyn TantivyQuery> {
        let term = |text: &str| Term::from_field_text(self.source_text, text);
        match clause.stems.as_slice() {
            [stem] => Box::new(TermQuery::new(term(&stem.text), IndexRecordOption::WithFreqs)),
            stems => {
                let terms = stems.iter().map(|stem| (stem.offset, term(&stem.text))).collect();
                Box::new(PhraseQuery::new_with_offset(terms))
            }
        }
    }
}

/// Dates as numbers in their order.
fn number(date: Date) -> i64 {
    i64::from(date.year()) * 10_000 + i64::from(u8::from(date.month())) * 100 + i64::from(date.day())
}
