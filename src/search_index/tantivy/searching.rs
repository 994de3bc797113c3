//! Searching the embedded index.

use ::tantivy::collector::{Count, TopDocs};
use ::tantivy::columnar::Column;
use ::tantivy::query::{BooleanQuery, TermQuery};
use ::tantivy::schema::{IndexRecordOption, TantivyDocument};
use ::tantivy::{DocAddress, DocId, Searcher, SegmentReader, TantivyError};

use super::schema::{DAY, ID};
use super::store::Store;
use super::totals::TotalsCollector;
use crate::gazette::GazetteId;
use crate::search_index::document::Provenance;
use crate::search_index::error::Diagnosis;
use crate::search_index::query::{Misunderstood, Query};
use crate::search_index::{
    MAX_HITS, Passage, SearchIndexError, SearchIndexErrorKind as Kind, SearchQuery, SearchResults, Sort, Totals, hit,
    matches, passages,
};

impl Store {
    /// One page of what a search finds.
    pub fn search(&self, asked: &SearchQuery) -> Result<SearchResults, SearchIndexError> {
        let operation = "search";
        let query = self.understood(operation, asked.understood())?;
        asked.within_reach().map_err(|advice| Diagnosis::new(Kind::BadQuery, advice).during(operation, &self.shown))?;
        let (searcher, fields) = self.searcher(operation)?;
        let run = || -> Result<SearchResults, TantivyError> {
            let (best, total, totals) = ranked(&searcher, &fields.query(&query, asked), asked)?;
            let mut hits = Vec::with_capacity(best.len());
            for (score, address) in best.into_iter().take(asked.limit) {
                let stored: TantivyDocument = searcher.doc(address)?;
                let passages =
                    if asked.without_passages { Vec::new() } else { passages_in(fields.text_of(&stored), &query) };
                let id = fields.id_of(&stored);
                hits.push(hit::hit(id, &fields.record_of(&stored), score, passages, id.to_string()));
            }
            Ok(SearchResults { total: total as u64, hits, totals })
        };
        run().map_err(|error| self.error(operation, error))
    }

    /// The passages of one gazette.
    pub fn passages(&self, text: &str, id: GazetteId) -> Result<Vec<Passage>, SearchIndexError> {
        let operation = "read a text";
        let query = self.understood(operation, Query::parse(text))?;
        let (searcher, fields) = self.searcher(operation)?;
        let run = || -> Result<Vec<Passage>, TantivyError> {
            let term = TermQuery::new(fields.key(id), IndexRecordOption::Basic);
            let best = searcher.search(&term, &TopDocs::with_limit(1).order_by_score())?;
            let Some((_, address)) = best.first() else { return Ok(Vec::new()) };
            let stored: TantivyDocument = searcher.doc(*address)?;
            Ok(passages_in(fields.text_of(&stored), &query))
        };
        run().map_err(|error| self.error(operation, error))
    }

    fn understood(&self, operation: &str, query: Result<Query, Misunderstood>) -> Result<Query, SearchIndexError> {
        query.map_err(|why| Diagnosis::new(Kind::BadQuery, why.advice()).during(operation, &self.shown))
    }

    /// How a gazette came into the index.
    pub fn find(&self, id: GazetteId) -> Result<Option<Provenance>, SearchIndexError> {
        let operation = format!("look up gazette {id}");
        let (searcher, fields) = self.searcher(&operation)?;
        let query = TermQuery::new(fields.key(id), IndexRecordOption::Basic);
        let run = || -> Result<Option<Provenance>, TantivyError> {
            let best = searcher.search(&query, &TopDocs::with_limit(1).order_by_score())?;
            let Some((_, address)) = best.first() else { return Ok(None) };
            let mut record = fields.record_of(&searcher.doc(*address)?);
            let prelo = record.remove("prelo").unwrap_or_default();
            Ok(Some(serde_json::from_value(prelo).unwrap_or_default()))
        };
        run().map_err(|error| self.error(&operation, error))
    }
}

/// Scores and places of one page of hits, how many there are in all, and how they are spread.
type Ranked = (Vec<(f32, DocAddress)>, usize, Option<Totals>);

fn ranked(searcher: &Searcher, query: &BooleanQuery, asked: &SearchQuery) -> Result<Ranked, TantivyError> {
    let page = TopDocs::with_limit(asked.limit.clamp(1, MAX_HITS)).and_offset(asked.offset);
    let counted = asked.totals.then(TotalsCollector::default);
    if asked.order() == Sort::Relevance {
        let (best, total, totals) = searcher.search(query, &(page.order_by_score(), Count, counted))?;
        return Ok((best, total, totals));
    }
    let newest = asked.order() == Sort::Newest;
    // The greatest key comes first. Of one day, the gazette that was added last; the score comes along to be shown.
    let by_date = page.tweak_score(move |segment: &SegmentReader| {
        let (days, ids) = (segment.fast_fields().i64(DAY).ok(), segment.fast_fields().i64(ID).ok());
        move |document: DocId, score: f32| {
            let first = |column: &Option<Column<i64>>| column.as_ref().and_then(|column| column.first(document));
            let day = match first(&days) {
                None => i64::MIN,
                Some(day) if newest => day,
                Some(day) => -day,
            };
            (day, first(&ids).unwrap_or_default(), score)
        }
    });
    let (best, total, totals) = searcher.search(query, &(by_date, Count, counted))?;
    Ok((best.into_iter().map(|((_, _, score), address)| (score, address)).collect(), total, totals))
}

fn passages_in(text: &str, query: &Query) -> Vec<Passage> {
    passages::best(text, &matches::find(text, query))
}
