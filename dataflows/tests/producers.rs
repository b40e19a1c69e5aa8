//! `docs/definitions.md`, sections 2 and 3, on what other producers write: trades with ids, records without a value,
//! and schema headers. The oracle against cases that were worked out by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use dataflows::log::reject::Reason;
use dataflows::output::counters::Counter;

mod oracle;

use oracle::{Oracle, Record, Settings, log_of};

/// After every frontier.
const EVER: u64 = u64::MAX;
/// A UTC midnight.
const DAY: u64 = 1_575_504_000_000;

fn progress(source: &str, event_ms: u64) -> String {
    format!(r#"{{"type":"progress","source":"{source}","event_ms":{event_ms}}}"#)
}

/// Offset, index, reason and time of each rejection.
fn reasons(oracle: &Oracle) -> Vec<(u64, u32, Reason, u64)> {
    oracle.rejected_rows(EVER).iter().map(|row| (row.offset, row.index, row.reason, row.as_of)).collect()
}

#[test]
fn section_3_duplicates() {
    let with_id =
        |id: &str, event_ms: u64, symbol: &str| format!(r#"{{{id}"p":1,"s":"{symbol}","t":{event_ms},"v":1}}"#);
    let at = |ms: u64| DAY + ms;
    let lines = vec![
        progress("a", at(0)),
        with_id(r#""id":7,"#, at(500), "A"),
        with_id(r#""id":"7","#, at(500), "A"),          // 2: the same id
        with_id(r#""i":"7","#, at(90_000), "A"),        // 3: and under the other name, whatever its time
        with_id(r#""id":7,"#, at(500), "B"),            // another symbol
        with_id(r#""id":null,"i":"7","#, at(500), "A"), // no id
        with_id(r#""id":7.0,"#, at(500), "A"),
        with_id("", at(500), "A"),
        progress("a", at(900_999)),
        with_id(r#""id":7,"#, at(950_000), "A"), // 9: 500 is in the step from which ids are kept
        progress("a", at(901_000)),
        with_id(r#""id":7,"#, at(950_000), "A"), // not any more
        with_id(r#""id":7,"#, at(950_000), "A"), // 12
        with_id(r#""id":7,"#, at(500), "A"),     // too late for an id to matter
    ];
    let texts: Vec<&str> = lines.iter().map(String::as_str).collect();
    // Its progress does not leap.
    let settings = Settings { max_ahead_ms: 1_000_000, ..Settings::default() };
    let oracle = Oracle::new(&Settings { dedup: true, ..settings.clone() }, &log_of(&[&texts]));
    let offsets: Vec<u64> = oracle.trades.iter().map(|trade| trade.place.2).collect();
    assert_eq!(offsets, [1, 4, 5, 6, 7, 11]);
    assert_eq!(reasons(&oracle), [(13, 0, Reason::BeyondAllowedLateness, at(901_000))]);
    let row = oracle.frontier_row(EVER);
    assert_eq!((row.counter(Counter::Duplicates), row.counter(Counter::Trades)), (4, 6));
    // Two of them counted when the frontier was at the start.
    assert_eq!(oracle.frontier_row(at(1_000)).counter(Counter::Duplicates), 2);
    let without = Oracle::new(&settings, &log_of(&[&texts]));
    assert_eq!((without.trades.len(), without.frontier_row(EVER).counter(Counter::Duplicates)), (10, 0));
    // Of a frame's elements each is compared with those before it; another partition has its own.
    let frame = format!(r#"{{"type":"trade","data":[{0},{0}]}}"#, with_id(r#""id":"x","#, at(500), "A"));
    let alone = with_id(r#""id":"x","#, at(500), "A");
    let end = progress("a", at(901_000));
    let log = log_of(&[&[&frame, &end], &[&alone, &alone, &end]]);
    let oracle = Oracle::new(&Settings { dedup: true, ..Settings::default() }, &log);
    assert_eq!(oracle.trades.len(), 2);
}

#[test]
fn section_2_tombstones_and_schema_headers() {
    let record =
        |offset, bytes: &[u8], is_tombstone| Record { offset, bytes: bytes.to_vec(), is_tombstone, timestamp_ms: None };
    let records = vec![
        record(0, b"", true),
        record(1, b"", false),
        record(2, b"\0\0\0\0\x07{}", false),
        record(3, b"\0abc", false),
    ];
    let oracle = Oracle::new(&Settings::default(), &vec![records]);
    let reasons: Vec<Reason> = oracle.rejected_rows(EVER).iter().map(|row| row.reason).collect();
    assert_eq!(reasons, [Reason::Tombstone, Reason::BadJson, Reason::SchemaBytes, Reason::BadJson]);
}
