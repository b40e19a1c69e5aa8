//! Every Prometheus query: `promtool` accepts it, and it names only metrics and labels that some process exports.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};
use tickline::metrics::catalog::{ALL, Kind, Metric};

use crate::grafana::asked::{Asked, Way, all};
use crate::grafana::files::word;
use crate::grafana::replace::by_prometheus;

/// Words in queries that are not metrics or labels.
const WORDS: [&str; 9] = ["by", "histogram_quantile", "increase", "le", "max", "min", "rate", "sum", "time"];
/// Labels that Prometheus adds to all scraped metrics.
const SCRAPED: [&str; 2] = ["job", "instance"];

fn asked() -> Vec<Asked> {
    let all = all("prometheus");
    assert!(all.len() > 30, "only {}", all.len());
    all
}

/// The metric names in a query, without quoted text, time ranges and numbers.
fn names(query: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut name = String::new();
    let mut hidden = None;
    for character in query.chars().chain([' ']) {
        if let Some(end) = hidden {
            hidden = (character != end).then_some(end);
            continue;
        }
        if character.is_ascii_alphanumeric() || "_:".contains(character) {
            name.push(character);
            continue;
        }
        hidden = [('"', '"'), ('[', ']')].into_iter().find_map(|(begin, end)| (begin == character).then_some(end));
        let whole = std::mem::take(&mut name);
        if whole.starts_with(|c: char| c.is_ascii_alphabetic()) {
            names.insert(whole);
        }
    }
    names
}

/// The metric of a series name, which has a suffix for a histogram.
fn metric(name: &str) -> Option<&'static Metric> {
    let is = |metric: &&Metric| match metric.kind {
        Kind::Histogram => ["_bucket", "_sum", "_count"].iter().any(|end| name.strip_suffix(end) == Some(metric.name)),
        Kind::Counter | Kind::Gauge => metric.name == name,
    };
    ALL.iter().find(is)
}

/// Names in a query and its legend that no process exports.
fn unknown(query: &str, legend: &str) -> Vec<String> {
    let names = names(query);
    let metrics: Vec<&Metric> = names.iter().filter_map(|name| metric(name)).collect();
    let mut wrong = if metrics.is_empty() { vec!["no metric".to_owned()] } else { Vec::new() };
    let is_label = |name: &str| SCRAPED.contains(&name) || metrics.iter().any(|metric| metric.labels.contains(&name));
    let is_known = |name: &&String| metric(name).is_some() || WORDS.contains(&name.as_str()) || is_label(name);
    wrong.extend(names.iter().filter(|name| !is_known(name)).cloned());
    let labels = legend.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap().trim());
    wrong.extend(labels.filter(|label| !is_label(label)).map(str::to_owned));
    wrong
}

/// `promtool`'s errors for these queries as recording rules, if any.
fn complaint(queries: &[String]) -> Option<String> {
    let rule = |(at, query): (usize, &String)| json!({ "record": format!("asked:{at}"), "expr": query });
    let rules: Vec<Value> = queries.iter().enumerate().map(rule).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), json!({ "groups": [{ "name": "asked", "rules": rules }] }).to_string()).unwrap();
    let output = Command::new("promtool").args(["check", "rules"]).arg(file.path()).output();
    let output = output.expect("promtool is missing: install it (Debian: prometheus)");
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        assert!(said.contains(&format!("{} rules found", queries.len())), "{said}");
        return None;
    }
    Some(said)
}

#[test]
fn prometheus_accepts_every_query() {
    let queries: Vec<String> = asked().iter().map(|asked| by_prometheus(word(&asked.model, "expr"))).collect();
    assert_eq!(complaint(&queries), None);
    for query in ["sum(rate(tickline_rows[1m])", "max(tickline_rows[$__rate_interval])"] {
        assert!(complaint(&[query.to_owned()]).is_some(), "{query} is not a query");
    }
}

#[test]
fn every_query_uses_known_metrics() {
    for asked in asked() {
        let legend = asked.model["legendFormat"].as_str().unwrap_or_default();
        let query = word(&asked.model, "expr");
        assert_eq!(unknown(query, legend), [""; 0], "{}: {query}", asked.name());
        if asked.way != Way::Browser {
            assert!(!query.contains('$'), "only a browser replaces that: {query}");
        }
    }
    let bad = [
        ("max(tickline_row)", ""),
        ("sum by (symbol) (tickline_rejected_total)", ""),
        ("max(tickline_store_write_duration_seconds)", ""),
        ("tickline_rejected_total{cause=\"x\"}", ""),
        ("tickline_rejected_total", "{{cause}}"),
        ("time()", ""),
    ];
    for (query, legend) in bad {
        assert_ne!(unknown(query, legend), [""; 0], "{query} {legend}");
    }
}
