//! The generator of logs covers every kind of record, and the oracle agrees with itself on them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use std::collections::BTreeSet;

use dataflows::output::counters::Counter;
use proptest::prelude::*;

mod oracle;

use oracle::{Oracle, generate};

const EVER: u64 = u64::MAX;
const REGRESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/generated.txt");

/// The generator is worth little if something never comes up in it.
#[test]
fn generated_logs_hold_everything() {
    let mut counters = [0; dataflows::output::counters::COUNTERS];
    let (mut corrected, mut frontiers) = (0, 0);
    for seed in 0..400 {
        let (settings, log) = generate::case(seed);
        let oracle = Oracle::new(&settings, &log);
        for (sum, n) in counters.iter_mut().zip(oracle.frontier_row(EVER).counters) {
            *sum += n;
        }
        corrected += oracle.candle_rows(EVER).iter().filter(|r| r.as_of >= r.window_start_ms + 5_000).count();
        frontiers += usize::from(oracle.final_frontier() > 0);
    }
    for counter in Counter::all() {
        assert!(counters[counter.index()] > 4, "{} of {} in all", counters[counter.index()], counter.name());
    }
    assert!(corrected > 100 && frontiers > 100, "{corrected} corrected candles, {frontiers} logs with a frontier");
}

#[test]
fn generated_long_logs_move_the_longest_averages() {
    for seed in 0..2 {
        let (settings, log) = generate::long_case(seed);
        let oracle = Oracle::new(&settings, &log);
        let longest = oracle.indicator_rows(EVER).iter().map(|row| row.values.candles).max().unwrap_or(0);
        assert!(longest > 260, "seed {seed}: {longest} candles");
    }
}

proptest! {
    #![proptest_config(generate::config(64, REGRESSIONS))]

    /// Rows as of a frontier are those of the trades before it, whatever came later.
    #[test]
    fn later_records_never_change_earlier_frontiers(
        (settings, plan) in generate::cases(),
        at in any::<prop::sample::Index>(),
    ) {
        let oracle = Oracle::new(&settings, &plan.log());
        let mut times = oracle.times();
        times.push(u64::MAX);
        let frontier = times[at.index(times.len())];
        let symbols: BTreeSet<&str> = oracle.trades.iter().map(|t| t.symbol.as_str()).collect();
        let mut made = Vec::new();
        for length_ms in oracle::candle::LENGTHS_MS {
            for symbol in &symbols {
                let before = oracle.trades.iter().filter(|t| t.symbol == *symbol && t.time < frontier);
                let candles = oracle::candle::candles(&before.collect::<Vec<_>>(), length_ms);
                made.extend(candles.into_iter().map(|c| (c.window_start_ms, c.open, c.close, c.volume, c.trades)));
            }
        }
        let rows = oracle.candle_rows(frontier);
        prop_assert!(rows.iter().all(|row| row.as_of < frontier));
        let rows: Vec<_> = rows.iter().map(|r| (r.window_start_ms, r.open, r.close, r.volume, r.trades)).collect();
        prop_assert_eq!(rows, made);
    }
}
