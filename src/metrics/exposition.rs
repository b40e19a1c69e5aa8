//! The values of one answer to `/metrics`, given under the names of the table and written as OpenMetrics text.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::catalog::{Kind, Name};

/// A label and its value.
pub type Label = (&'static str, String);

/// A histogram for each value of one label.
pub type Histograms = Family<[Label; 1], Histogram, fn() -> Histogram>;

/// Upper bounds of durations, in seconds: from a local write to a store that is waited for.
const BOUNDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// Histograms of durations in seconds, one for each value of a label.
pub fn durations() -> Histograms {
    Family::new_with_constructor(|| Histogram::new(BOUNDS))
}

/// A value: counts stay whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A count.
    Whole(u64),
    /// A measure.
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

/// What is told in one answer.
#[derive(Debug, Default)]
pub struct Exposition {
    registry: Registry,
}

impl Exposition {
    /// Gives the value of a metric without labels.
    pub fn put(&mut self, name: &'static Name, value: impl Into<Value>) {
        self.put_each(name, [(Vec::new(), value.into())]);
    }

    /// Gives the values of a metric with one label, in the order in which they come.
    pub fn put_by<V: Into<Value>>(&mut self, name: &'static Name, values: impl IntoIterator<Item = (String, V)>) {
        let label = |of| name.labels.first().map(|label| (*label, of)).into_iter().collect();
        self.put_each(name, values.into_iter().map(|(of, value)| (label(of), value.into())));
    }

    /// Gives the values of a metric, each with its labels. Without values it is not told at all.
    pub fn put_each(&mut self, name: &'static Name, values: impl IntoIterator<Item = (Vec<Label>, Value)>) {
        let values: Vec<_> = values.into_iter().collect();
        if !values.is_empty() {
            self.registry.register_collector(Box::new(Series { name, values }));
        }
    }

    /// Gives a histogram without labels.
    pub fn put_histogram(&mut self, name: &'static Name, histogram: &Histogram) {
        self.register(name, histogram.clone());
    }

    /// Gives histograms by one label.
    pub fn put_histograms(&mut self, name: &'static Name, histograms: &Histograms) {
        self.register(name, histograms.clone());
    }

    fn register(&mut self, name: &'static Name, metric: impl prometheus_client::registry::Metric) {
        match unit(name) {
            Some(unit) => self.registry.register_with_unit(stem(name), name.help(), unit, metric),
            None => self.registry.register(stem(name), name.help(), metric),
        }
    }

    /// The text, in the order in which things were given, histograms first.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// One metric with the values of all its labels. Its own collector, since those of the library walk a hash map.
#[derive(Debug)]
struct Series {
    name: &'static Name,
    values: Vec<(Vec<Label>, Value)>,
}

impl Collector for Series {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Self { name, values } = self;
        let kind = if name.kind == Kind::Counter { MetricType::Counter } else { MetricType::Gauge };
        let (help, unit) = (format!("{}.", name.help()), unit(name));
        let mut metric = encoder.encode_descriptor(stem(name), &help, unit.as_ref(), kind)?;
        for (labels, value) in values {
            if labels.is_empty() {
                value.encode(&mut metric, kind)?;
            } else {
                value.encode(&mut metric.encode_family(labels)?, kind)?;
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

/// The name without what the encoder appends: the unit and, for counters, `_total`.
fn stem(name: &Name) -> &'static str {
    let stem = name.name.strip_suffix("_total").unwrap_or(name.name);
    let bare = stem.strip_suffix(name.unit()).unwrap_or(stem);
    bare.strip_suffix('_').unwrap_or(bare)
}

fn unit(name: &Name) -> Option<Unit> {
    match name.unit() {
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
    fn every_name_comes_out_as_it_stands_in_the_table() {
        for name in catalog::ALL {
            let mut exposition = Exposition::default();
            let labels: Vec<Label> = name.labels.iter().map(|label| (*label, "a\"b".to_owned())).collect();
            match name.kind {
                Kind::Histogram => exposition.put_histogram(name, &Histogram::new([1.0])),
                _ => exposition.put_each(name, [(labels, Value::Whole(u64::MAX))]),
            }
            let text = exposition.encode().unwrap();
            let tail = if name.kind == Kind::Histogram { "_bucket" } else { "" };
            let told = text.lines().any(|line| line.starts_with(&format!("{}{tail}", name.name)));
            assert!(told, "{} is not in\n{text}", name.name);
            assert!(text.contains(&format!(" {}.\n", name.help())), "{text}");
            let labels = if name.kind == Kind::Histogram { &[] } else { name.labels };
            assert!(labels.iter().all(|label| text.contains(&format!("{label}=\"a\\\"b\""))), "{text}");
        }
    }

    #[test]
    fn counts_stay_whole_and_nothing_is_told_without_values() {
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
