//! The contract report: each query with its rows and its time, as Markdown in `target/grafana-contract.md`.

use std::fmt::Write as _;
use std::path::Path;

use crate::grafana::answer::Answer;
use crate::grafana::asked::{Asked, Way};
use crate::grafana::files::word;
use crate::grafana::replace::Choice;

/// One query that kept all rules.
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
# Grafana's queries of Cassandra, each with its time

Written by `cargo test --test grafana` to `target/grafana-contract.md`; this is one run, on a machine of two cores that
the node shares with the test. Each query of each panel, line and alert rule was asked as the Cassandra plugin asks,
three times: `ms` is the best until the last row was there. The keyspace holds 75 minutes of simulated trades of 120
symbols around a midnight that ends a month; the range is that which a dashboard shows at first. Each answer was also
held against what the plugin can read: see `tests/grafana/contract.rs`.

| dashboard | panel | target | of | rows | ms |
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

/// What was asked, without what may differ from run to run.
fn asked(report: &str) -> Vec<&str> {
    report.lines().map(|line| line.rsplitn(4, '|').last().unwrap()).collect()
}
