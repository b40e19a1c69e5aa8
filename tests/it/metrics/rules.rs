//! Alert rules, their tests, and dashboards use only metrics of the catalog.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tickline::metrics::catalog::{ALL, Kind, Metric};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn promtool(words: &[&str]) -> String {
    let output = Command::new("promtool").args(words).current_dir(ROOT).output();
    let output = output.expect("promtool cannot be started: install Debian's package prometheus");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "promtool {words:?}: {said}");
    said
}

/// The words of a text that look like metrics of ours, and what follows each.
fn named(text: &str) -> Vec<(&str, &str)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = ["tickline_", "process_"].into_iter().flat_map(|prefix| text.match_indices(prefix));
    let whole = starts.filter(|(at, _)| !text[..*at].ends_with(|c: char| is_word(c) || "/-.".contains(c)));
    whole.map(|(at, _)| text[at..].split_at(text[at..].find(|c| !is_word(c)).unwrap_or(text.len() - at))).collect()
}

/// The metric of the catalog that a series belongs to.
fn known(series: &str) -> Option<&'static Metric> {
    ALL.iter().find(|name| {
        let parts = ["_bucket", "_sum", "_count"].iter().filter_map(|part| series.strip_suffix(part));
        name.name == series && name.kind != Kind::Histogram
            || parts.into_iter().any(|stem| name.name == stem && name.kind == Kind::Histogram)
    })
}

/// The errors of an expression: unknown metrics and labels.
fn wrong(expression: &str) -> Vec<String> {
    let mut labels = BTreeSet::from(["job", "instance", "le"]);
    let mut wrong = Vec::new();
    for (series, _) in named(expression) {
        match known(series) {
            Some(name) => labels.extend(name.labels),
            None => wrong.push(format!("unknown metric {series} in {expression}")),
        }
    }
    let bad = used_labels(expression).into_iter().filter(|label| !labels.contains(label.as_str()));
    wrong.extend(bad.map(|label| format!("nothing has the label {label} in {expression}")));
    wrong
}

/// The labels that an expression matches, groups or joins by.
fn used_labels(expression: &str) -> Vec<String> {
    let mut labels = Vec::new();
    for inner in between(expression, "{", "}") {
        let names = inner.split(',').filter_map(|pair| pair.split(['=', '!']).next());
        labels.extend(names.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned));
    }
    for word in ["by", "without", "on", "ignoring", "group_left", "group_right"] {
        for inner in [format!("{word} ("), format!("{word}(")].iter().flat_map(|open| between(expression, open, ")")) {
            labels.extend(inner.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned));
        }
    }
    labels
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    text.split(open).skip(1).filter_map(|rest| Some(rest.split_once(close)?.0)).collect()
}

#[test]
fn unknown_metrics_and_labels_are_found() {
    assert_eq!(wrong("max by (reason) (increase(tickline_rejected_total{job=\"a\"}[5m])) > 1"), [""; 0]);
    assert_eq!(wrong("tickline_rejected_total{symbol=\"A\"}").len(), 1);
    assert_eq!(wrong("sum by (le) (rate(tickline_store_write_duration_seconds_bucket[1m]))"), [""; 0]);
    assert_eq!(wrong("tickline_store_write_duration_seconds > tickline_nothing_total").len(), 2);
    assert_eq!(wrong("sum by(partition) (tickline_peers)").len(), 1);
}

#[test]
fn alerts_use_known_metrics() {
    let text = std::fs::read_to_string(format!("{ROOT}/prometheus/alerts.yml")).unwrap();
    let expressions: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).collect();
    assert_eq!(expressions.len(), text.matches("- alert: ").count(), "an expression must be on one line");
    assert_eq!(text.matches("summary: ").count(), expressions.len());
    assert_eq!(text.matches("description: ").count(), expressions.len());
    let mut found: Vec<_> = expressions.iter().flat_map(|expression| wrong(expression)).collect();
    found.extend(named(&text).into_iter().filter(|(series, _)| !is_known_or_stem(series)).map(|(s, _)| s.to_owned()));
    assert_eq!(found, [""; 0]);
}

/// In prose a histogram has its plain name.
fn is_known_or_stem(series: &str) -> bool {
    known(series).is_some() || ALL.iter().any(|name| name.name == series)
}

#[test]
fn dashboards_use_known_metrics() {
    let mut found = Vec::new();
    for path in below(Path::new(ROOT).join("grafana")) {
        if path.extension().is_some_and(|extension| extension == "json") && !path.ends_with("package-lock.json") {
            let value: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let mut expressions = Vec::new();
            collect(&value, &mut expressions);
            found.extend(expressions.iter().flat_map(|e| wrong(e)).map(|what| format!("{}: {what}", path.display())));
        }
    }
    assert_eq!(found, [""; 0]);
}

fn below(folder: PathBuf) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path()).filter(|path| !path.ends_with("node_modules"));
    paths.flat_map(|path| if path.is_dir() { below(path) } else { vec![path] }).collect()
}

/// Every text under a key `expr`.
fn collect(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| match value {
            Value::String(text) if key == "expr" => into.push(text.clone()),
            _ => collect(value, into),
        }),
        Value::Array(values) => values.iter().for_each(|value| collect(value, into)),
        _ => {}
    }
}

#[test]
fn prometheus_accepts_rules_and_configuration() {
    promtool(&["check", "rules", "prometheus/alerts.yml"]);
    promtool(&["check", "config", "prometheus/prometheus.yml"]);
}

#[test]
fn alert_rules_pass_their_unit_tests() {
    promtool(&["test", "rules", "tests/metrics/alerts.test.yml"]);
}
