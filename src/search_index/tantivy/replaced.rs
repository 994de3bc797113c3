//! What a bulk takes out of the index: the documents of its gazettes in all segments but those that it brings.
//!
//! Tantivy tells what was there before a deletion from what came after it by numbers that its own writer gives to each
//! document. Segments that are made elsewhere have none: a deletion that no segment has looked at yet holds for them, too.

use std::collections::HashSet;

use ::tantivy::index::SegmentId;
use ::tantivy::query::{EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use ::tantivy::{DocId, Score, SegmentReader, TantivyError};

/// What a query finds, except in some segments.
#[derive(Debug, Clone)]
pub(super) struct Elsewhere<Q> {
    pub query: Q,
    pub except: HashSet<SegmentId>,
}

impl<Q: Query + Clone> Query for Elsewhere<Q> {
    fn weight(&self, scoring: EnableScoring<'_>) -> Result<Box<dyn Weight>, TantivyError> {
        Ok(Box::new(WeightElsewhere { weight: self.query.weight(scoring)?, except: self.except.clone() }))
    }
}

struct WeightElsewhere {
    weight: Box<dyn Weight>,
    except: HashSet<SegmentId>,
}

impl Weight for WeightElsewhere {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> Result<Box<dyn Scorer>, TantivyError> {
        if self.except.contains(&segment.segment_id()) {
            return Ok(Box::new(EmptyScorer));
        }
        self.weight.scorer(segment, boost)
    }

    fn explain(&self, segment: &SegmentReader, document: DocId) -> Result<Explanation, TantivyError> {
        self.weight.explain(segment, document)
    }
}
