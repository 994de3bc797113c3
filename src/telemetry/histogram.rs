//! Counts of values by size, in the way of Prometheus: few numbers, whatever the number of values.

use serde::{Deserialize, Serialize};

/// Upper bounds of the buckets of durations, in seconds. OCR of a long scan takes an hour; a short text is stored at once.
pub const SECONDS: &[f64] = &[0.005, 0.02, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];
/// Upper bounds of the buckets of bulks, in documents.
pub const DOCUMENTS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0];

/// How many values there were, up to each of some bounds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Histogram {
    /// Values up to the bound of the same place and above the one before; one more for those above all.
    pub buckets: Vec<u64>,
    pub sum: f64,
}

impl Histogram {
    pub(super) fn add(&mut self, bounds: &[f64], value: f64) {
        self.buckets.resize(bounds.len() + 1, 0);
        let place = bounds.iter().position(|bound| value <= *bound).unwrap_or(bounds.len());
        self.buckets[place] += 1;
        self.sum += value;
    }

    /// All values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The mean; `None` without a value.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        #[allow(clippy::cast_precision_loss)] // for people
        let count = self.count() as f64;
        (count > 0.0).then(|| self.sum / count)
    }

    /// The bound below which at least such a share (0..1) of the values lies; `None` without a value, infinite above all
    /// bounds.
    #[must_use]
    pub fn bound_of(&self, bounds: &[f64], share: f64) -> Option<f64> {
        #[allow(clippy::cast_precision_loss)]
        let wanted = self.count() as f64 * share;
        let mut seen = 0.0;
        let place = self.buckets.iter().position(|count| {
            #[allow(clippy::cast_precision_loss)]
            let count = *count as f64;
            seen += count;
            count > 0.0 && seen >= wanted
        })?;
        Some(bounds.get(place).copied().unwrap_or(f64::INFINITY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_the_bucket_of_their_bound() {
        let bounds = &[1.0, 5.0];
        let mut histogram = Histogram::default();
        assert_eq!((histogram.mean(), histogram.bound_of(bounds, 0.5)), (None, None));
        for value in [0.5, 1.0, 1.1, 9.0] {
            histogram.add(bounds, value);
        }
        assert_eq!((histogram.buckets.as_slice(), histogram.count()), (&[2, 1, 1][..], 4));
        assert_eq!(histogram.mean(), Some(2.9));
        for (share, bound) in [(0.5, 1.0), (0.75, 5.0), (0.95, f64::INFINITY)] {
            assert_eq!(histogram.bound_of(bounds, share), Some(bound), "{share}");
        }
    }
}
