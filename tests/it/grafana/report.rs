//! The contract report: each query with its rows and its time, as Markdown in `target/grafana-contract.md`.

use std::fmt::Write as _;
use std::path::Path;

use crate::grafana::answer::Answer;
use crate::grafana::asked::{Asked, Way};
use crate::grafana::files::word;
use crate::grafana::replace::Choice;

/// One query that passed all rules.
pub struct Line {
    place: String,
    panel: String,
    target: String,
    what: String,
    rows: usize,
    took_ms: f64,
}

impl Line {
    pub fn of(asked: &Asked, choice: &Choice, symbols: usize, answer: &Answer) -> Self {
        let target = word(&asked.model, "target");
        let what = match (asked.way, symbols, choice.get("resolution")) {
            (Way::Alert { back_s }, ..) => format!("last {back_s} s"),
            (_, _, Some(resolution)) if target.contains("${resolution}") => resolution.join(", "),
            (_, 1, _) => String::new(),
            (_, symbols, _) => format!("{symbols} symbols"),
        };
        Self {
            place: asked.place.clone(),
            panel: asked.panel.clone(),
            target: word(&asked.model, "refId").to_owned(),
            what,
            rows: answer.rows.len(),
            took_ms: answer.took.as_secs_f64() * 1e3,
        }
    }
}

const HEAD: &str = "\
# Grafana's Cassandra queries and their times

Written by `cargo test --test it grafana` to `target/grafana-contract.md`; this is one run, on a machine with two cores
shared by the node and the test. Each query of each panel, annotation and alert rule was sent as the Cassandra plugin
sends it, three times: `ms` is the shortest time until the last row. The keyspace holds 75 minutes of simulated trades
of 120 symbols around the midnight that ends a month; the time range is the dashboard's default. Each result was also
checked against what the plugin can read: see `tests/it/grafana/contract.rs`.

| dashboard | panel | target | selection | rows | ms |
| --- | --- | --- | --- | --- | --- |
";

/// Writes the report. The one that is committed must be of the same queries.
pub fn write(lines: &[Line]) {
    let mut text = HEAD.to_owned();
    for Line { place, panel, target, what, rows, took_ms } in lines {
        writeln!(text, "| {place} | {panel} | {target} | {what} | {rows} | {took_ms:.1} |").unwrap();
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("grafana-contract.md");
    std::fs::write(&target, &text).unwrap();
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/grafana-contract.md");
    let committed = std::fs::read_to_string(committed).unwrap();
    assert_eq!(asked(&committed), asked(&text), "copy {} to docs/", target.display());
}

/// The queries, without values that differ from run to run.
fn asked(report: &str) -> Vec<&str> {
    report.lines().map(|line| line.rsplitn(4, '|').last().unwrap()).collect()
}
