//! Metrics as the text that Prometheus reads (its exposition format 0.0.4), family by family.

use prometheus::TextEncoder;
use prometheus::proto::{Bucket, Counter, Gauge, Histogram as Buckets, LabelPair, Metric, MetricFamily, MetricType};

use crate::telemetry::Histogram;

/// Name and value of each label.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

/// A page under construction. A family without a sample is left out.
#[derive(Default)]
pub(super) struct Page(Vec<MetricFamily>);

impl Page {
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Into<Option<f64>>) {
        self.gauges(name, help, |add| {
            if let Some(value) = value.into() {
                add(&[], value);
            }
        });
    }

    /// `samples` calls what it is given with the labels and the value of each.
    pub fn gauges(&mut self, name: &str, help: &str, samples: impl FnOnce(&mut dyn FnMut(Labels<'_>, f64))) {
        self.family(name, help, MetricType::GAUGE, samples, |metric, value| {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        });
    }

    pub fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.counters(name, help, |add| add(&[], number(value)));
    }

    pub fn counters(&mut self, name: &str, help: &str, samples: impl FnOnce(&mut dyn FnMut(Labels<'_>, f64))) {
        self.family(name, help, MetricType::COUNTER, samples, |metric, value| {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        });
    }

    /// Of values that were counted up to the same bounds.
    pub fn histograms<'a>(
        &mut self,
        name: &str,
        help: &str,
        bounds: &[f64],
        samples: impl IntoIterator<Item = (Labels<'a>, &'a Histogram)>,
    ) {
        let each = |add: &mut dyn FnMut(Labels<'_>, Buckets)| {
            for (labels, histogram) in samples {
                add(labels, buckets(bounds, histogram));
            }
        };
        self.family(name, help, MetricType::HISTOGRAM, each, Metric::set_histogram);
    }

    fn family<V>(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        samples: impl FnOnce(&mut dyn FnMut(Labels<'_>, V)),
        set: impl Fn(&mut Metric, V),
    ) {
        let mut metrics = Vec::new();
        samples(&mut |labels, value| {
            let mut metric = Metric::from_label(labels.iter().map(pair).collect());
            set(&mut metric, value);
            metrics.push(metric);
        });
        if metrics.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        family.set_metric(metrics);
        self.0.push(family);
    }

    pub fn text(&self) -> String {
        // Fails only for a family without a name or a sample, and for text that cannot be written to a string.
        TextEncoder::new().encode_to_string(&self.0).unwrap_or_default()
    }
}

fn pair((name, value): &(&str, &str)) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name((*name).to_owned());
    pair.set_value((*value).to_owned());
    pair
}

fn buckets(bounds: &[f64], histogram: &Histogram) -> Buckets {
    let mut cumulative = 0;
    let buckets = bounds.iter().enumerate().map(|(place, bound)| {
        cumulative += histogram.buckets.get(place).copied().unwrap_or(0);
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(*bound);
        bucket.set_cumulative_count(cumulative);
        bucket
    });
    let mut answer = Buckets::default();
    answer.set_bucket(buckets.collect());
    answer.set_sample_count(histogram.count());
    answer.set_sample_sum(histogram.sum);
    answer
}

/// Prometheus has no other numbers.
#[allow(clippy::cast_precision_loss)] // exact up to 2^53
pub(super) fn number(value: u64) -> f64 {
    value as f64
}
