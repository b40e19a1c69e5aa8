//! Gaps are rows (`docs/definitions.md`, section 2): one per record, at the time of the record, in both progress modes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use dataflows::output::counters::Counter;
use dataflows::testing::{Plan, run};

mod oracle;
mod support;

use oracle::{Oracle, Settings, log_of};

const PARTITION: [&str; 8] = [
    r#"{"type":"gap","source":"a","from_ms":-5,"to_ms":3,"cause":""}"#,
    r#"{"type":"progress","source":"a","event_ms":1575504001500}"#,
    r#"{"type":"gap","source":"a","from_ms":1575503990000,"to_ms":1575504001400,"cause":"the feed closed"}"#,
    r#"{"c":null,"p":1,"s":"A","t":1575504002000,"v":1}"#,
    r#"{"c":null,"p":1,"s":"A","t":1575504002000,"v":1}"#,
    r#"{"c":null,"p":1,"s":"A","t":1575504002000,"v":1}"#,
    r#"{"type":"progress","source":"a","event_ms":1575504003000}"#,
    r#"{"type":"bye","source":"a"}"#,
];

/// Partition, offset, from, to, cause, `as_of` of each gap, as the dataflow and the oracle say.
fn gaps(settings: &Settings) -> Vec<(u32, u64, i64, i64, String, u64)> {
    let log = log_of(&[&PARTITION, &PARTITION]);
    let plan =
        Plan { workers: 2, batch_records: 2, steps: 1, checkpoints: Vec::new(), resume: None, bindings: Vec::new() };
    let outcome = run(&support::settings(settings), &support::batches(&log), &plan);
    let frontier = outcome.last.as_ref().map_or(0, |row| row.frontier);
    let found = support::updates::tables(&outcome).unwrap().gaps.as_of(frontier);
    let oracle = Oracle::new(settings, &log);
    assert_eq!(found, oracle.gap_rows(frontier));
    let last = outcome.last.unwrap();
    assert_eq!(last, oracle.frontier_row(frontier));
    assert_eq!(last.counter(Counter::Gaps), found.len() as u64, "a row for each one counted");
    assert!(found.iter().all(|row| &*row.source == "a"));
    found
        .into_iter()
        .map(|row| (row.partition, row.offset, row.from_ms, row.to_ms, row.cause.to_string(), row.as_of))
        .collect()
}

#[test]
fn every_gap_record_is_a_row() {
    let of = |partition, as_of| {
        [
            (partition, 0, -5, 3, String::new(), 0),
            (partition, 2, 1_575_503_990_000, 1_575_504_001_400, "the feed closed".to_owned(), as_of),
        ]
    };
    let progress = gaps(&Settings::default());
    assert_eq!(progress, [of(0, 1_575_504_001_000), of(1, 1_575_504_001_000)].concat());
    // Without a trade before them there is no partition frontier.
    let out_of_orderness = Settings { max_out_of_orderness_ms: Some(1_000), ..Settings::default() };
    assert_eq!(gaps(&out_of_orderness), [of(0, 0), of(1, 0)].concat());
}
