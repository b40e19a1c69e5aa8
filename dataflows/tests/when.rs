//! When rows come out, not only what they are: an output that is right at the end may have been early, late, or double.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dataflows::build::build;
use dataflows::ingress::Ingress;
use dataflows::log::batch::RecordBatch;
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::{Resolution, Time};
use dataflows::settings::{ProgressMode, Settings};
use dataflows::testing::Outcome;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use timely::dataflow::operators::Probe;

mod oracle;
mod support;

use oracle::{Oracle, generate};
use support::driver::{Out, drive};
use support::updates::{Keyed, tables};

/// 2019-12-05T13:00:00Z, the start of a window of every resolution but the day.
const NOON: u64 = 1_575_550_800_000;
const IMPORT_END: &str =
    r#"{"type":"import","source":"x","state":"end","name":"f","hash":"h","records":1,"from_ms":1,"to_ms":2}"#;

fn settings() -> Settings {
    Settings::new(support::conditions(false))
}

fn trade(symbol: &str, t: u64, p: &str, v: &str) -> String {
    format!(r#"{{"c":null,"p":{p},"s":"{symbol}","t":{t},"v":{v}}}"#)
}

fn progress(source: &str, event_ms: u64) -> String {
    format!(r#"{{"type":"progress","source":"{source}","event_ms":{event_ms}}}"#)
}

fn bye(source: &str) -> String {
    format!(r#"{{"type":"bye","source":"{source}"}}"#)
}

/// Resolution and seconds since noon of every candle that changed; the minutes and the longer ones as 0.
fn candles(out: &Out) -> Vec<(&'static str, i64, i64)> {
    let mut all: Vec<_> = out.candles.iter().collect();
    all.sort_unstable_by_key(|(row, _, diff)| (row.key(), *diff));
    let second = |ms: u64| if ms < NOON { 0 } else { (ms - NOON) as i64 / 1_000 };
    all.into_iter().map(|(row, _, diff)| (row.resolution.name(), second(row.window_start_ms), *diff)).collect()
}

/// Seconds since noon of every row of indicators that changed.
fn indicators(out: &Out) -> Vec<(i64, i64)> {
    let mut all: Vec<_> =
        out.indicators.iter().map(|(row, _, diff)| ((row.window_start_ms - NOON) as i64 / 1_000, *diff)).collect();
    all.sort_unstable();
    all
}

/// The driver checks after each record that no row was early and that the outputs are as far as the frontier. Here:
/// that by then the rows before the frontier are all there, and right.
#[test]
fn rows_are_out_before_their_frontier_passes() {
    let compared = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&compared);
    support::check(96, &generate::cases(), move |(settings, plan)| {
        let log = plan.log();
        let oracle = Oracle::new(&settings, &log);
        let count = Arc::clone(&count);
        drive(&support::settings(&settings), log.len() as u32, move |driver| {
            let (mut so_far, mut last) = (Outcome::default(), 0);
            for round in 0..log.iter().map(Vec::len).max().unwrap_or(0) {
                for (partition, records) in log.iter().enumerate() {
                    let Some(record) = records.get(round) else { continue };
                    let out = driver.feed_record(partition, record);
                    so_far.candles.extend(out.candles);
                    so_far.indicators.extend(out.indicators);
                    so_far.rejected.extend(out.rejected);
                    so_far.gaps.extend(out.gaps);
                    let frontier = driver.frontier();
                    if frontier == last {
                        continue;
                    }
                    last = frontier;
                    let tables = tables(&so_far).map_err(TestCaseError::fail)?;
                    let mut rows = oracle.candle_rows(frontier);
                    rows.sort_unstable();
                    // As of any later time there is nothing more: so nothing came that was not due.
                    prop_assert_eq!(tables.candles.as_of(Time::MAX), rows, "as of {}", frontier);
                    let mut rows = oracle.indicator_rows(frontier);
                    rows.sort_unstable();
                    prop_assert_eq!(tables.indicators.as_of(Time::MAX), rows, "as of {}", frontier);
                    // One that has waited to be confirmed is rejected after later ones.
                    let mut rows = oracle.rejected_rows(frontier);
                    rows.sort_unstable();
                    prop_assert_eq!(tables.rejected.as_of(frontier), rows, "as of {}", frontier);
                    prop_assert_eq!(tables.gaps.as_of(frontier), oracle.gap_rows(frontier), "as of {}", frontier);
                    count.fetch_add(1, Ordering::SeqCst);
                }
            }
            Ok(())
        })
    });
    let compared = compared.load(Ordering::SeqCst);
    assert!(compared > 400, "only {compared} frontiers were looked at");
}

#[test]
fn rows_never_come_early() {
    drive(&settings(), 1, |driver| {
        assert!(driver.feed(0, &progress("a", NOON)).is_empty());
        assert!(driver.feed(0, &trade("A", NOON + 1_500, "10", "1")).is_empty());
        assert!(driver.feed(0, &progress("a", NOON + 1_999)).is_empty(), "its time step is not over");
        let out = driver.feed(0, &progress("a", NOON + 2_000));
        assert_eq!(candles(&out), [("5s", 0, 1), ("1m", 0, 1), ("5m", 0, 1), ("1h", 0, 1), ("1d", 0, 1)]);
        assert_eq!(indicators(&out), [(0, 1)]);
        assert!(out.candles.iter().all(|(row, time, _)| *time == NOON + 1_000 && row.as_of == *time));
        assert!(driver.feed(0, &progress("a", NOON + 60_000)).is_empty(), "nothing changes any more");
    });
}

/// Ten windows with a trade of A each, one with a trade of B; a frontier after them all.
fn ten_windows(driver: &mut support::driver::Driver<'_>) {
    driver.feed(0, &progress("a", NOON));
    for at in 0..10 {
        driver.feed(0, &trade("A", NOON + at * 5_000 + 2_000, &format!("{}", 100 + at % 3), "2"));
    }
    driver.feed(0, &trade("B", NOON + 22_000, "5", "1"));
    let out = driver.feed(0, &progress("a", NOON + 55_000));
    assert_eq!((out.candles.len(), out.indicators.len()), (10 + 4 + 1 + 4, 10 + 1));
}

#[test]
fn late_trade_corrects_only_changed_rows() {
    drive(&settings(), 1, |driver| {
        ten_windows(driver);
        assert!(driver.feed(0, &trade("A", NOON + 36_000, "101", "3")).is_empty(), "late, but not yet due");
        let out = driver.feed(0, &progress("a", NOON + 56_000));
        let changed = [("5s", 35), ("1m", 0), ("5m", 0), ("1h", 0), ("1d", 0)].map(|(r, at)| [(r, at, -1), (r, at, 1)]);
        assert_eq!(candles(&out), changed.concat());
        assert_eq!(indicators(&out), [35, 40, 45].map(|at| [(at, -1), (at, 1)]).concat());
        let is_now = |as_of: Time, time: Time, diff: i64| time == NOON + 55_000 && (diff < 0 || as_of == time);
        assert!(
            out.candles.iter().all(|(row, time, diff)| row.symbol.as_str() == "A" && is_now(row.as_of, *time, *diff))
        );
        assert!(out.indicators.iter().all(|(row, time, diff)| is_now(row.as_of, *time, *diff)));
        let before = out.candles.iter().find(|(row, _, diff)| row.resolution == Resolution::S5 && *diff < 0).unwrap();
        assert_eq!(before.0.as_of, NOON + 37_000, "the very row that was there");
    });
}

#[test]
fn late_trade_inserts_row_and_renumbers_rest() {
    drive(&settings(), 1, |driver| {
        driver.feed(0, &progress("a", NOON));
        for at in [0, 5_000, 20_000, 25_000] {
            driver.feed(0, &trade("A", NOON + at, "10", "1"));
        }
        assert_eq!(indicators(&driver.feed(0, &progress("a", NOON + 30_000))), [(0, 1), (5, 1), (20, 1), (25, 1)]);
        driver.feed(0, &trade("A", NOON + 12_000, "10", "1"));
        let out = driver.feed(0, &progress("a", NOON + 31_000));
        assert_eq!(candles(&out)[0], ("5s", 10, 1));
        assert_eq!(indicators(&out), [(10, 1), (20, -1), (20, 1), (25, -1), (25, 1)]);
    });
}

#[test]
fn late_price_update_corrects_only_differences() {
    drive(&settings(), 1, |driver| {
        ten_windows(driver);
        // Before the close of its window, and between its high and its low: nothing to see.
        driver.feed(0, &trade("A", NOON + 21_999, "101", "2"));
        driver.feed(0, &progress("a", NOON + 56_000));
        driver.feed(0, &trade("A", NOON + 22_000, "101", "0"));
        let out = driver.feed(0, &progress("a", NOON + 57_000));
        assert!(out.candles.is_empty() && out.indicators.is_empty(), "{out:?}");
        // A new close, inside the longer windows: the shortest candle, and the averages from there on.
        driver.feed(0, &trade("A", NOON + 22_001, "100.5", "0"));
        let out = driver.feed(0, &progress("a", NOON + 58_000));
        assert_eq!(candles(&out), [("5s", 20, -1), ("5s", 20, 1)]);
        assert_eq!(indicators(&out), [20, 25, 30, 35, 40, 45].map(|at| [(at, -1), (at, 1)]).concat());
        // A price update alone makes a window, without volume.
        driver.feed(0, &trade("A", NOON + 51_000, "101.5", "0"));
        let out = driver.feed(0, &progress("a", NOON + 59_000));
        let longer = ["1m", "5m", "1h", "1d"].map(|r| [(r, 0, -1), (r, 0, 1)]).concat();
        assert_eq!(candles(&out), [vec![("5s", 50, 1)], longer].concat());
        assert_eq!(indicators(&out), [(50, 1)]);
    });
}

#[test]
fn slowest_partition_and_source_hold_back() {
    drive(&settings(), 2, |driver| {
        driver.feed(0, &trade("A", NOON, "10", "1"));
        driver.feed(1, &trade("A", NOON, "11", "1"));
        for second in 1..20 {
            let out = driver.feed(0, &progress("a", NOON + second * 10_000));
            assert!(out.is_empty() && driver.frontier() == 0, "the other partition has no progress");
        }
        assert!(driver.feed(1, &progress("b", NOON)).is_empty());
        assert_eq!(driver.frontier(), NOON);
        assert_eq!(
            driver.feed(1, &progress("b", NOON + 1_000)).candles.len(),
            5,
            "one row per resolution, not one per partition"
        );
        // A second source, behind its partition's frontier: holds it back, but never moves it back.
        driver.feed(1, &progress("c", NOON - 30_000));
        driver.feed(1, &progress("b", NOON + 90_000));
        assert_eq!(driver.frontier(), NOON + 1_000);
        driver.feed(1, &progress("c", NOON + 50_000));
        assert_eq!(driver.frontier(), NOON + 50_000);
        driver.feed(1, &bye("c"));
        assert_eq!(driver.frontier(), NOON + 90_000, "who has left holds nothing");
        driver.feed(1, &bye("b"));
        assert_eq!(driver.frontier(), NOON + 91_000, "past the last record");
        driver.feed(1, IMPORT_END);
        assert_eq!(driver.frontier(), NOON + 92_000, "the end of an import waits for nobody");
        driver.feed(1, &progress("d", NOON));
        assert_eq!(driver.frontier(), NOON + 92_000, "never back");
    });
}

/// Trades of one millisecond stand by partition and offset, whatever was read first and sent together.
#[test]
fn the_order_of_reading_decides_nothing() {
    drive(&settings(), 2, |driver| {
        driver.read(1, &trade("A", NOON + 1, "13", "1"));
        driver.read(0, &trade("A", NOON + 1, "10", "1"));
        driver.read(1, &trade("A", NOON + 1, "14", "1"));
        driver.read(0, &trade("A", NOON + 1, "11", "1"));
        driver.work();
        driver.feed(0, &progress("a", NOON + 1_000));
        let out = driver.feed(1, &progress("a", NOON + 1_000));
        let units = |price: i128| price / 1_000_000_000_000_000_000;
        assert!(out.candles.iter().all(|(row, ..)| (units(row.open), units(row.close)) == (10, 14)), "{out:?}");
        assert_eq!(out.candles.len(), 5);
    });
}

#[test]
fn the_bounds_on_age_are_exact() {
    drive(&settings(), 1, |driver| {
        let (allowed_lateness_ms, max_ahead_trade_ms) = (900_000, 3_600_000);
        driver.feed(0, &progress("a", NOON + 500));
        for (event_ms, rejected) in [
            (NOON + 500 - allowed_lateness_ms, 0),
            (NOON + 500 - allowed_lateness_ms - 1, 1),
            (NOON + 500 + max_ahead_trade_ms, 0),
            (NOON + 500 + max_ahead_trade_ms + 1, 1),
        ] {
            let out = driver.feed(0, &trade("A", event_ms, "10", "1"));
            assert_eq!(out.rejected.len(), rejected, "{event_ms}");
        }
    });
}

#[test]
fn newest_trade_moves_frontier_without_progress() {
    let settings =
        Settings { progress: ProgressMode::BoundedOutOfOrderness { max_out_of_orderness_ms: 2_000 }, ..settings() };
    drive(&settings, 1, |driver| {
        for _ in 0..2 {
            assert!(driver.feed(0, &trade("A", NOON, "10", "1")).is_empty());
            assert_eq!(driver.frontier(), 0, "the first trades have to confirm each other");
        }
        driver.feed(0, &trade("A", NOON, "10", "1"));
        assert_eq!(driver.frontier(), NOON - 2_000);
        driver.feed(0, &progress("a", NOON + 60_000));
        assert_eq!(driver.frontier(), NOON - 2_000, "progress has no effect here");
        assert!(driver.feed(0, &trade("A", NOON + 2_999, "10", "1")).is_empty());
        assert_eq!(driver.feed(0, &trade("A", NOON + 3_000, "10", "1")).candles.len(), 5);
        driver.feed(0, &trade("A", NOON + 500, "10", "1"));
        assert_eq!(driver.frontier(), NOON + 1_000, "never back");
    });
}

/// Any number, the same for the same one.
const fn number(of: u64) -> u64 {
    of.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40
}

/// A window's trade: how many windows late it arrives, and its price and volume in units.
const fn delay(at: u64) -> u64 {
    if at % 5 == 3 { number(at) % 178 } else { 0 }
}
const fn price(at: u64) -> u64 {
    90 + number(at + 1_000) % 20
}
const fn volume(at: u64) -> u64 {
    1 + number(at + 2_000) % 9
}

/// Seven hundred windows, some of whose trades come up to the allowed lateness late: the longest averages, what is
/// folded away, and the corrections that must reach back after it. The values are those of the trades in order.
#[test]
fn late_log_gives_values_of_ordered_log() {
    let rows = drive(&settings(), 1, move |driver| {
        let mut rows = BTreeMap::new();
        for now in 0..700 {
            for at in (now.max(180) - 180..=now).filter(|at| at + delay(*at) == now) {
                let (p, v) = (price(at).to_string(), volume(at).to_string());
                driver.read(0, &trade("A", NOON + at * 5_000, &p, &v));
            }
            let out = driver.feed(0, &progress("a", NOON + now * 5_000 + 4_000));
            rows.extend(
                out.indicators
                    .into_iter()
                    .filter(|(_, _, diff)| *diff > 0)
                    .map(|(row, ..)| (row.window_start_ms, row.values)),
            );
        }
        rows
    });
    let (one_price, one) = (1_000_000_000_000_000_000, 10_000_000_000);
    let trades = (0..700).filter(|at| at + delay(*at) < 700).map(|at| oracle::Trade {
        symbol: "A".to_owned(),
        place: (NOON + at * 5_000, 0, at, 0),
        price: i128::from(price(at)) * one_price,
        volume: i128::from(volume(at)) * one,
        flags: oracle::Flags::ALL,
        time: 0,
    });
    let trades: Vec<_> = trades.collect();
    let candles = oracle::candle::candles(&trades.iter().collect::<Vec<_>>(), 5_000);
    let expected = candles.iter().map(|candle| candle.window_start_ms).zip(oracle::indicator::indicators(&candles));
    assert!(candles.len() > 650 && trades.iter().enumerate().any(|(at, _)| delay(at as u64) > 170));
    for ((window, values), (expected_window, expected)) in rows.into_iter().zip(expected) {
        assert_eq!((window, values), (expected_window, expected), "window {}", (window - NOON) / 5_000);
    }
}

#[test]
fn checkpoint_request_holds_back_nothing() {
    drive(&settings(), 1, |driver| {
        driver.feed(0, &progress("a", NOON));
        driver.ingress.request_checkpoint(NOON + 600_000);
        // The driver checks that the outputs follow the frontier.
        let mut rows = BTreeSet::new();
        for second in 0..30 {
            driver.feed(0, &trade("A", NOON + second * 1_000, "10", "1"));
            let out = driver.feed(0, &progress("a", NOON + (second + 1) * 1_000));
            rows.extend(out.candles.into_iter().filter(|(_, _, diff)| *diff > 0).map(|(row, _, _)| row));
            assert_eq!(rows.len(), 5 * (second as usize + 1));
        }
        driver.feed(0, &progress("a", NOON + 700_000));
    });
}

/// Worker 1 owns no partition, says so, and then does nothing but step.
#[test]
fn a_worker_without_a_partition_holds_nothing() {
    let reached = timely::execute(timely::Config::process(2), |worker| {
        let (index, peers) = (worker.index(), worker.peers());
        let (mut inputs, probe) = worker.dataflow(|scope| {
            let (inputs, outputs) = build(scope, &settings(), vec![], &[], true);
            (inputs, outputs.ledger.probe().0)
        });
        if index == 0 {
            let start = ResumePoint::fresh(0, 0);
            let mut ingress = Ingress::new(settings(), index, peers, vec![start], 0);
            let mut batch = RecordBatch::default();
            batch.push(0, trade("A", NOON, "10", "1").as_bytes(), None);
            batch.push(1, progress("a", NOON + 9_000).as_bytes(), None);
            ingress.feed(0, &batch, 0);
            inputs.send(ingress.take(), ingress.frontier().unwrap());
        } else {
            inputs.close();
        }
        // Bounded, so that a frontier that is held fails the test instead of hanging it.
        let is_there = (0..1_000_000).any(|_| {
            worker.step();
            std::thread::yield_now();
            !probe.less_than(&(NOON + 9_000))
        });
        worker.drop_dataflow(0);
        is_there
    });
    let reached: Vec<bool> = reached.unwrap().join().into_iter().map(Result::unwrap).collect();
    assert_eq!(reached, [true, true]);
}
