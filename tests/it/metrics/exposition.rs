//! A parser of OpenMetrics text, written from the format's definition, independent of the code that writes it.

use std::collections::{BTreeMap, BTreeSet};

/// One sample.
#[derive(Clone, Debug)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// A response: the declared type of each metric, and the samples.
#[derive(Debug)]
pub struct Answer {
    pub types: BTreeMap<String, String>,
    pub samples: Vec<Sample>,
}

/// Parses the text; it must be complete and without duplicate series.
pub fn parse(text: &str) -> Answer {
    assert!(text.ends_with("# EOF\n"), "{text}");
    let (mut types, mut samples, mut seen) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(types.insert(name.to_owned(), kind.to_owned()), None, "{name} has two types");
        }
        if line.starts_with('#') {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(seen.insert(series.to_owned()), "{series} is there twice");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.strip_suffix('}').unwrap();
        // No value that is tested here holds a comma or a quote.
        let pairs = labels.split_terminator(',').map(|pair| pair.split_once('=').unwrap());
        let labels = pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect();
        samples.push(Sample { name: name.to_owned(), labels, value: value.parse().unwrap() });
    }
    Answer { types, samples }
}

/// The same text as Prometheus' older format, which is the only one that `promtool check metrics` reads: there the
/// type of a counter is given under its full name.
pub fn older(text: &str) -> String {
    let counters: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
    let mut lines = String::new();
    for line in text.lines().filter(|line| !line.starts_with("# UNIT ") && *line != "# EOF") {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", what @ ("HELP" | "TYPE"), name, rest] if counters.contains(name) => {
                lines.push_str(&format!("# {what} {name}_total {rest}\n"));
            }
            _ => lines.push_str(&format!("{line}\n")),
        }
    }
    lines
}
