//! The exposition: metric values of one `/metrics` response, encoded as OpenMetrics text.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::catalog::{Kind, Metric};

/// A label and its value.
pub type Label = (&'static str, String);

/// Histograms by the values of one label.
pub type Histograms = Family<[Label; 1], Histogram, fn() -> Histogram>;

/// Upper bounds of duration buckets, in seconds: from a local write to a store that does not answer for a while.
const BOUNDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// Duration histograms by the values of one label.
pub fn durations() -> Histograms {
    Family::new_with_constructor(|| Histogram::new(BOUNDS))
}

/// A metric value; counts stay integers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A count.
    Whole(u64),
    /// A measurement.
    Real(f64),
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

/// Metric values of one response.
#[derive(Debug, Default)]
pub struct Exposition {
    registry: Registry,
}

impl Exposition {
    /// Adds the value of a metric without labels.
    pub fn put(&mut self, metric: &'static Metric, value: impl Into<Value>) {
        self.put_each(metric, [(Vec::new(), value.into())]);
    }

    /// Adds the values of a metric with one label, in the given order.
    pub fn put_by<V: Into<Value>>(&mut self, metric: &'static Metric, values: impl IntoIterator<Item = (String, V)>) {
        let labels = |text| metric.labels.first().map(|label| (*label, text)).into_iter().collect();
        self.put_each(metric, values.into_iter().map(|(text, value)| (labels(text), value.into())));
    }

    /// Adds the values of a metric, each with its labels. Without values the metric is absent.
    pub fn put_each(&mut self, metric: &'static Metric, values: impl IntoIterator<Item = (Vec<Label>, Value)>) {
        let values: Vec<_> = values.into_iter().collect();
        if !values.is_empty() {
            self.registry.register_collector(Box::new(Series { metric, values }));
        }
    }

    /// Adds a histogram without labels.
    pub fn put_histogram(&mut self, metric: &'static Metric, histogram: &Histogram) {
        self.register(metric, histogram.clone());
    }

    /// Adds histograms by one label.
    pub fn put_histograms(&mut self, metric: &'static Metric, histograms: &Histograms) {
        self.register(metric, histograms.clone());
    }

    fn register(&mut self, metric: &'static Metric, values: impl prometheus_client::registry::Metric) {
        match unit(metric) {
            Some(unit) => self.registry.register_with_unit(stem(metric), metric.help(), unit, values),
            None => self.registry.register(stem(metric), metric.help(), values),
        }
    }

    /// The OpenMetrics text: histograms first, then the others in the order in which they were added.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// One metric with the values of all its labels. The library's own families would iterate a hash map, in any order.
#[derive(Debug)]
struct Series {
    metric: &'static Metric,
    values: Vec<(Vec<Label>, Value)>,
}

impl Collector for Series {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Self { metric, values } = self;
        let kind = if metric.kind == Kind::Counter { MetricType::Counter } else { MetricType::Gauge };
        let (help, unit) = (format!("{}.", metric.help()), unit(metric));
        let mut encoder = encoder.encode_descriptor(stem(metric), &help, unit.as_ref(), kind)?;
        for (labels, value) in values {
            if labels.is_empty() {
                value.encode(&mut encoder, kind)?;
            } else {
                value.encode(&mut encoder.encode_family(labels)?, kind)?;
            }
        }
        Ok(())
    }
}

impl Value {
    fn encode(self, into: &mut MetricEncoder<'_>, kind: MetricType) -> Result<(), std::fmt::Error> {
        match (self, kind) {
            (Self::Whole(value), MetricType::Counter) => into.encode_counter::<NoLabelSet, _, f64>(&value, None),
            (Self::Real(value), MetricType::Counter) => into.encode_counter::<NoLabelSet, _, f64>(&value, None),
            (Self::Whole(value), _) => into.encode_gauge(&value),
            (Self::Real(value), _) => into.encode_gauge(&value),
        }
    }
}

/// The name without the suffixes that the encoder appends: the unit and, for counters, `_total`.
fn stem(metric: &Metric) -> &'static str {
    let stem = metric.name.strip_suffix("_total").unwrap_or(metric.name);
    let bare = stem.strip_suffix(metric.unit()).unwrap_or(stem);
    bare.strip_suffix('_').unwrap_or(bare)
}

fn unit(metric: &Metric) -> Option<Unit> {
    match metric.unit() {
        "seconds" => Some(Unit::Seconds),
        "bytes" => Some(Unit::Bytes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::catalog;

    #[test]
    fn every_metric_is_exported_under_its_name() {
        for metric in catalog::ALL {
            let mut exposition = Exposition::default();
            let labels: Vec<Label> = metric.labels.iter().map(|label| (*label, "a\"b".to_owned())).collect();
            match metric.kind {
                Kind::Histogram => exposition.put_histogram(metric, &Histogram::new([1.0])),
                _ => exposition.put_each(metric, [(labels, Value::Whole(u64::MAX))]),
            }
            let text = exposition.encode().unwrap();
            let suffix = if metric.kind == Kind::Histogram { "_bucket" } else { "" };
            let exported = text.lines().any(|line| line.starts_with(&format!("{}{suffix}", metric.name)));
            assert!(exported, "{} is not in\n{text}", metric.name);
            assert!(text.contains(&format!(" {}.\n", metric.help())), "{text}");
            let labels = if metric.kind == Kind::Histogram { &[] } else { metric.labels };
            assert!(labels.iter().all(|label| text.contains(&format!("{label}=\"a\\\"b\""))), "{text}");
        }
    }

    #[test]
    fn counts_stay_integers_and_empty_metrics_are_absent() {
        let mut exposition = Exposition::default();
        exposition.put(&catalog::TRADES, (1 << 53) + 1);
        exposition.put_by(&catalog::REJECTED, [("bad_json".to_owned(), 3)]);
        exposition.put_by(&catalog::PARTITION_UNREAD, Vec::<(String, u64)>::new());
        let text = exposition.encode().unwrap();
        assert!(text.contains("\ntickline_trades_total 9007199254740993\n"), "{text}");
        assert!(text.contains("\ntickline_rejected_total{reason=\"bad_json\"} 3\n"), "{text}");
        assert!(!text.contains("unread") && text.ends_with("# EOF\n"), "{text}");
    }
}
