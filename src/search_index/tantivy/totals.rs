//! How the documents that match are spread over territories and months, counted while they are found.

use std::collections::{BTreeMap, HashMap};

use ::tantivy::collector::{Collector, SegmentCollector};
use ::tantivy::columnar::{Column, StrColumn};
use ::tantivy::{DocId, Score, SegmentOrdinal, SegmentReader, TantivyError};
use rustc_hash::FxHashMap;

use super::schema::{DAY, PARTED, TERRITORY};
use crate::search_index::{MonthTotal, TERRITORIES_NAMED, TerritoryTotal, Totals};

/// Counts; one number is kept for each territory of a segment, and one for each month.
#[derive(Default)]
pub(super) struct TotalsCollector;

pub(super) struct OfSegment {
    territories: Option<StrColumn>,
    days: Option<Column<i64>>,
    /// By the number that the column gives a territory.
    by_territory: Vec<u64>,
    by_month: FxHashMap<i64, u64>,
}

/// By what stands in the column, and by numbers such as 202412.
#[derive(Default)]
pub(super) struct Counted {
    by_territory: HashMap<String, u64>,
    by_month: BTreeMap<i64, u64>,
}

impl Collector for TotalsCollector {
    type Fruit = Totals;
    type Child = OfSegment;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> Result<OfSegment, TantivyError> {
        let fields = segment.fast_fields();
        let territories = fields.str(TERRITORY)?;
        let by_territory = vec![0; territories.as_ref().map_or(0, |column| column.dictionary().num_terms())];
        Ok(OfSegment { territories, days: fields.i64(DAY).ok(), by_territory, by_month: FxHashMap::default() })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<Counted>) -> Result<Totals, TantivyError> {
        let mut all = Counted::default();
        for segment in segments {
            for (territory, count) in segment.by_territory {
                *all.by_territory.entry(territory).or_default() += count;
            }
            for (month, count) in segment.by_month {
                *all.by_month.entry(month).or_default() += count;
            }
        }
        Ok(all.totals())
    }
}

impl SegmentCollector for OfSegment {
    type Fruit = Counted;

    fn collect(&mut self, document: DocId, _: Score) {
        if let Some(column) = &self.territories
            && let Some(number) = column.ords().first(document)
            && let Some(count) = usize::try_from(number).ok().and_then(|number| self.by_territory.get_mut(number))
        {
            *count += 1;
        }
        if let Some(day) = self.days.as_ref().and_then(|days| days.first(document)) {
            *self.by_month.entry(day / 100).or_default() += 1;
        }
    }

    fn harvest(self) -> Counted {
        let mut by_territory = HashMap::new();
        if let Some(column) = &self.territories {
            let counted = (0..).zip(self.by_territory).filter(|(_, count)| *count > 0);
            let (numbers, counts): (Vec<u64>, Vec<u64>) = counted.unzip();
            let mut counts = counts.into_iter();
            // All names in one pass: to look each up begins at the front of its block. A name that cannot be read is a
            // damaged index, of which the hits will tell.
            let _ = column.dictionary().sorted_ords_to_term_cb(&numbers, |name| {
                if let (Ok(name), Some(count)) = (str::from_utf8(name), counts.next()) {
                    by_territory.insert(name.to_owned(), count);
                }
            });
        }
        let by_month = self.by_month.into_iter().collect();
        Counted { by_territory, by_month }
    }
}

impl Counted {
    fn totals(self) -> Totals {
        let territory = |(field, gazettes): (String, u64)| {
            let mut parts = field.split(PARTED).map(str::to_owned);
            let mut next = || parts.next().unwrap_or_default();
            TerritoryTotal { territory_id: next(), territory_name: next(), state_code: next(), gazettes }
        };
        let mut by_territory: Vec<TerritoryTotal> = self.by_territory.into_iter().map(territory).collect();
        by_territory.sort_by(|a, b| (b.gazettes, &a.territory_id).cmp(&(a.gazettes, &b.territory_id)));
        let of_other_territories = by_territory.iter().skip(TERRITORIES_NAMED).map(|total| total.gazettes).sum();
        by_territory.truncate(TERRITORIES_NAMED);
        let month = |(month, gazettes): (i64, u64)| MonthTotal {
            month: format!("{:04}-{:02}", month / 100, month % 100),
            gazettes,
        };
        Totals { by_territory, of_other_territories, by_month: self.by_month.into_iter().map(month).collect() }
    }
}
