//! The oracle against cases worked out by hand from `docs/definitions.md`. Names hold the numbers of its sections.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use dataflows::log::reject::Reason;
use dataflows::output::counters::Counter;
use dataflows::output::row::CandleRow;
use ethnum::I256;

mod oracle;

use oracle::number::{Fixed, fixed, half_even, nearest_double, ratio};
use oracle::{Conditions, Flags, Oracle, Record, Settings, log_of};

/// A volume of 1, a price of 1, an average of 1.
const ONE: i128 = 10_000_000_000;
const PRICE: i128 = 1_000_000_000_000_000_000;
const AVERAGE: i128 = 1_000_000 * PRICE;
/// 2019-12-05T00:00:00Z.
const DAY: u64 = 1_575_504_000_000;
const EVER: u64 = u64::MAX;

fn trade(symbol: &str, t: u64, p: &str, v: &str) -> String {
    format!(r#"{{"c":null,"p":{p},"s":"{symbol}","t":{t},"v":{v}}}"#)
}

fn coded(t: u64, p: &str, v: &str, c: &str) -> String {
    format!(r#"{{"c":{c},"p":{p},"s":"A","t":{t},"v":{v}}}"#)
}

fn progress(source: &str, event_ms: u64) -> String {
    format!(r#"{{"type":"progress","source":"{source}","event_ms":{event_ms}}}"#)
}

fn bye(source: &str) -> String {
    format!(r#"{{"type":"bye","source":"{source}"}}"#)
}

fn make(partitions: &[Vec<String>]) -> Oracle {
    make_with(&Settings::default(), partitions)
}

/// Without progress in the log, some comes at the end of each partition: trades wait for it.
fn make_with(settings: &Settings, partitions: &[Vec<String>]) -> Oracle {
    let end = progress("end", DAY + 86_400_000);
    let end = Some(&*end).filter(|_| !partitions.iter().flatten().any(|line| line.contains("progress")));
    let lines: Vec<Vec<&str>> = partitions.iter().map(|p| p.iter().map(String::as_str).chain(end).collect()).collect();
    let slices: Vec<&[&str]> = lines.iter().map(Vec::as_slice).collect();
    Oracle::new(settings, &log_of(&slices))
}

/// A whole notional.
fn notional(whole: i128) -> I256 {
    I256::from(whole) * I256::from(PRICE) * I256::from(ONE)
}

/// Open, high, low, close, volume, trades of the 5 s candles, in whole units.
fn small(oracle: &Oracle) -> Vec<[i128; 6]> {
    let rows = oracle.candle_rows(EVER).into_iter().filter(|row| row.resolution.name() == "5s");
    let whole = |r: CandleRow| {
        let [open, high, low, close] = [r.open, r.high, r.low, r.close].map(|price| price / PRICE);
        [open, high, low, close, r.volume / ONE, i128::from(r.trades)]
    };
    rows.map(whole).collect()
}

fn reasons(oracle: &Oracle) -> Vec<(u64, u32, Reason, u64)> {
    oracle.rejected_rows(EVER).iter().map(|row| (row.offset, row.index, row.reason, row.as_of)).collect()
}

#[test]
fn section_1_decimals() {
    let value = |value, rounded| Fixed::Value { value, rounded };
    assert_eq!(fixed("7296.89", 10), value(72_968_900_000_000, false));
    assert_eq!(fixed("-1.5e1", 10), value(-150_000_000_000, false));
    assert_eq!(fixed("1.267e-05", 10), value(126_700, false));
    assert_eq!(fixed("-0.0", 10), value(0, false));
    assert_eq!(fixed("0e99999999999999999999", 10), value(0, false));
    assert_eq!(fixed("0.00000000015", 10), value(2, true));
    assert_eq!(fixed("0.00000000025", 10), value(2, true));
    assert_eq!(fixed("0.000000000250000000000000000001", 10), value(3, true));
    assert_eq!(fixed("0.00000000005", 10), Fixed::OutOfRange);
    assert_eq!(fixed("0.000000000051", 10), value(1, true));
    assert_eq!(fixed("1e400", 10), Fixed::OutOfRange);
    assert_eq!(fixed("1e-99999999999999999999", 10), Fixed::OutOfRange);
    assert_eq!(fixed("1.00000000000", 10), value(ONE, false));
    assert_eq!(fixed("-0.00000000000000000151", 18), value(-2, true));
}

#[test]
fn section_1_roundings() {
    let halves = [5, 15, 25, -5, -15, 26, 24].map(|n| half_even(&ratio(n, 10)));
    assert_eq!(halves, [0, 2, 2, 0, -2, 3, 2].map(Into::into));
    assert_eq!(nearest_double(&ratio(1, 3)), 1.0 / 3.0);
    assert_eq!(nearest_double(&ratio(-72_968_900_000_000, ONE)), -7296.89);
    assert_eq!(nearest_double(&ratio((1 << 53) + 1, 1)), 2_f64.powi(53));
    assert_eq!(nearest_double(&ratio((1 << 53) + 3, 1)), 2_f64.powi(53) + 4.0);
    assert_eq!(nearest_double(&ratio((1 << 54) - 1, 1)), 2_f64.powi(54));
    assert_eq!(nearest_double(&ratio(1, 10_i128.pow(20))), 1e-20);
}

#[test]
fn section_2_records() {
    let lines = [
        "nonsense",
        "[]",
        r#"{"type":"progress","source":"a","event_ms":1.0}"#,
        r#"{"type":"news"}"#,
        r#"{"s":"A","p":1,"t":1}"#,
        r#"{"s":"","p":"1","t":1,"v":1}"#,
        r#"{"s":"A","p":"1","t":1,"v":"1"}"#,
        r#"{"s":"A","p":1,"t":"1","v":"1"}"#,
        r#"{"s":"A","p":1,"t":"1","v":1,"c":1}"#,
        r#"{"s":"A","p":-1,"t":1,"v":1,"c":1}"#,
        r#"{"s":"A","p":1.2345678e-14,"t":1,"v":1}"#,
        r#"{"type":"trade","data":5}"#,
        r#"{"type":"trade","data":[5,{"s":"A","p":1,"t":1575504000000,"v":1},{}]}"#,
        // The last of a key counts, also of `type`.
        r#"{"type":"news","s":5,"type":"bye","source":7,"source":"x"}"#,
        // The trade waits for it.
        r#"{"type":"progress","source":"a","event_ms":1575504000000}"#,
    ];
    let oracle = Oracle::new(&Settings::default(), &log_of(&[&lines]));
    let expected = [
        (0, 0, Reason::BadJson, 0),
        (1, 0, Reason::BadJson, 0),
        (2, 0, Reason::BadControl, 0),
        (3, 0, Reason::UnknownType, 0),
        (4, 0, Reason::MissingField, 0),
        (5, 0, Reason::BadSymbol, 0),
        (6, 0, Reason::BadPrice, 0),
        (7, 0, Reason::BadVolume, 0),
        (8, 0, Reason::BadTime, 0),
        (9, 0, Reason::BadConditions, 0),
        (10, 0, Reason::OutOfRange, 0),
        (11, 0, Reason::BadJson, 0),
        (12, 0, Reason::BadJson, 0),
        (12, 2, Reason::MissingField, 0),
    ];
    assert_eq!(reasons(&oracle), expected);
    let row = oracle.frontier_row(EVER);
    assert_eq!(row.counter(Counter::Byes), 1);
    assert_eq!(row.counter(Counter::Trades), 1);
    assert_eq!(row.counter(Counter::Rejected(Reason::BadJson)), 4);
    // One trade: five candles and one row of indicators.
    assert_eq!(row.rows, 14 + 5 + 1);
}

#[test]
fn section_2_large_records_are_cut() {
    let spaces = |len: usize| Record { offset: 9, bytes: vec![b' '; len], is_tombstone: false, timestamp_ms: None };
    let oracle = Oracle::new(&Settings::default(), &vec![vec![spaces(1 << 20)], vec![spaces((1 << 20) + 1)]]);
    let rows = oracle.rejected_rows(EVER);
    assert_eq!(rows.iter().map(|row| row.reason).collect::<Vec<_>>(), [Reason::BadJson, Reason::TooLarge]);
    assert_eq!(rows.iter().map(|row| row.original.len()).collect::<Vec<_>>(), [65_536, 65_536]);
    assert_eq!(rows[1].original_bytes_total, 1_048_577);
}

#[test]
fn section_3_progress() {
    let records = vec![
        progress("a", DAY + 10_000), // pf 10 000
        progress("b", DAY + 5_000),  // older progress joins: pf stays
        progress("a", DAY + 20_000), // b holds it
        progress("a", DAY + 15_000), // progress never falls
        progress("b", DAY + 12_345), // least 12 345
        bye("b"),                    // least 20 000
        bye("a"),                    // nobody left: past its own time
        progress("c", DAY + 1_000),
    ];
    let oracle = make(std::slice::from_ref(&records));
    let steps: Vec<u64> = (1..=records.len()).map(|n| oracle.frontier_after(&[n]) - DAY).collect();
    assert_eq!(steps, [10_000, 10_000, 10_000, 10_000, 12_000, 20_000, 21_000, 21_000]);
    assert_eq!(oracle.frontier_after(&[0]), 0);
    assert_eq!(oracle.final_frontier(), DAY + 21_000);
    // A partition without any progress holds back everything.
    assert_eq!(make(&[records, vec![]]).final_frontier(), 0);
}

#[test]
fn section_2_progress_have_a_range() {
    let end = 4_102_444_800_000;
    let oracle = make(&[vec![progress("a", end), r#"{"type":"progress","source":"a","event_ms":-1}"#.to_string()]]);
    assert_eq!(reasons(&oracle), [(0, 0, Reason::BadControl, 0), (1, 0, Reason::BadControl, 0)]);
    assert_eq!(make(&[vec![progress("a", end - 1)]]).final_frontier(), end - 1_000);
    assert_eq!(make(&[vec![progress("a", 0)]]).final_frontier(), 0);
}

#[test]
fn section_3_1025th_source_is_rejected() {
    let mut records: Vec<String> = (0..1025).map(|n| progress(&format!("s{n}"), DAY)).collect();
    records.extend([bye("s7"), progress("s1024", DAY)]);
    let oracle = make(&[records]);
    assert_eq!(reasons(&oracle), [(1024, 0, Reason::BadControl, DAY)]);
    assert_eq!(oracle.frontier_row(EVER).counter(Counter::Progress), 1025);
}

#[test]
fn section_3_places_a_trade() {
    let oracle = make(&[vec![
        trade("A", DAY + 500, "1", "1"), // no pf: any time
        progress("a", DAY + 1_000_500),
        trade("A", DAY + 1_000_400, "1", "1"), // same time step as pf: not late
        trade("A", DAY + 999_999, "1", "1"),   // late
        trade("A", DAY + 100_500, "1", "1"),   // late, just within the allowed lateness
        trade("A", DAY + 100_499, "1", "1"),   // beyond it
        trade("A", DAY + 4_600_500, "1", "1"), // just believed
        trade("A", DAY + 4_600_501, "1", "1"), // too far ahead
    ]]);
    let times: Vec<u64> = oracle.trades.iter().map(|t| t.time - DAY).collect();
    assert_eq!(times, [0, 1_000_000, 1_000_000, 1_000_000, 4_600_000]);
    let at = DAY + 1_000_000;
    assert_eq!(reasons(&oracle), [(5, 0, Reason::BeyondAllowedLateness, at), (7, 0, Reason::TooFarAhead, at)]);
    assert_eq!(oracle.frontier_row(EVER).counter(Counter::Late), 2);
    assert_eq!(oracle.frontier_row(EVER).counter(Counter::Trades), 5);
    // The first progress has no frontier before it: it counts at its own.
    assert_eq!(oracle.frontier_row(at).counter(Counter::Progress), 0);
    assert_eq!(oracle.frontier_row(at + 1_000).counter(Counter::Progress), 1);
    // As of the time step itself it has not happened.
    assert_eq!(oracle.frontier_row(at).counter(Counter::Trades), 1);
    assert_eq!(oracle.frontier_row(at + 1_000).counter(Counter::Trades), 4);
}

#[test]
fn section_3_out_of_orderness() {
    let settings = Settings { max_out_of_orderness_ms: Some(2_000), allowed_lateness_ms: 5_000, ..Settings::default() };
    let stamped = |(at, (line, timestamp_ms)): (usize, (String, i64))| Record {
        offset: at as u64,
        bytes: line.into_bytes(),
        is_tombstone: false,
        timestamp_ms: Some(timestamp_ms),
    };
    let now = DAY as i64 + 10_000;
    let records = [
        (progress("a", DAY + 90_000_000), now),          // counted only
        (trade("A", DAY + 10_000, "1", "1"), now),       // pf 8 000 after it
        (trade("A", DAY + 7_999, "1", "1"), now),        // late: counts at 8 000
        (trade("A", DAY + 3_000, "1", "1"), now),        // at the allowed lateness
        (trade("A", DAY + 2_999, "1", "1"), now),        // beyond
        (trade("A", DAY + 3_610_001, "1", "1"), now),    // ahead of the record's own time by too much
        (trade("A", DAY + 3_610_000, "1e13", "1"), now), // rejected: its time moves nothing
        (trade("A", DAY + 3_610_000, "1", "1"), now),    // accepted; pf moves after it
        (trade("A", DAY + 3_608_000, "1", "1"), now),    // on time
    ];
    let log = vec![records.into_iter().enumerate().map(stamped).collect()];
    let oracle = Oracle::new(&settings, &log);
    let times: Vec<u64> = oracle.trades.iter().map(|t| t.time - DAY).collect();
    assert_eq!(times, [10_000, 8_000, 8_000, 3_610_000, 3_608_000]);
    let at = DAY + 8_000;
    let expected =
        [(4, 0, Reason::BeyondAllowedLateness, at), (5, 0, Reason::TooFarAhead, at), (6, 0, Reason::OutOfRange, at)];
    assert_eq!(reasons(&oracle), expected);
    assert_eq!(oracle.final_frontier(), DAY + 3_608_000);
    let row = oracle.frontier_row(EVER);
    assert_eq!((row.counter(Counter::Late), row.counter(Counter::Progress)), (2, 1));
}

#[test]
fn section_4_conditions() {
    let table = Conditions::with_lean_bits("US:");
    let flags = |symbol: &str, codes: &[&str]| {
        let codes: Vec<String> = codes.iter().map(|c| c.to_string()).collect();
        let Flags { last, range, volume } = table.flags(symbol, &codes);
        [last, range, volume].map(u8::from)
    };
    assert_eq!(flags("A", &[]), [1, 1, 1]);
    assert_eq!(flags("A", &["41", "EX=P", "1"]), [1, 1, 1]);
    assert_eq!(flags("A", &["1", "16"]), [0, 0, 0]);
    assert_eq!(flags("A", &["12"]), [0, 0, 1]);
    assert_eq!(flags("A", &["9"]), [0, 1, 1]);
    assert_eq!(flags("A", &["20"]), [0, 1, 0]);
    assert_eq!(flags("A", &["20", "9"]), [0, 1, 0]);
    assert_eq!(flags("A", &["20", "12"]), [0, 0, 0]);
    assert_eq!(flags("US:A", &["20", "EX=P"]), [0, 0, 1]);
    assert_eq!(flags("US:A", &["20002020"]), [1, 1, 1]);
    assert_eq!(flags("US:A", &["20002220"]), [0, 0, 1]);
    assert_eq!(flags("US:A", &["4000000"]), [0, 0, 0]);
    assert_eq!(flags("US:A", &["16"]), [1, 1, 1]);
    assert_eq!(flags("US:A", &["EX=P", "20"]), [1, 1, 1]);
    assert_eq!(flags("U", &["20"]), [0, 1, 0]);
}

#[test]
fn section_5_flags_and_places() {
    // Volume only, then a price update, then two of the same millisecond, a range-only one, an excluded one.
    let oracle = make(&[vec![
        coded(DAY + 1_000, "9", "1", r#"["12"]"#),
        coded(DAY + 1_001, "5", "0", "null"),
        coded(DAY + 1_002, "6", "2", "null"),
        coded(DAY + 1_002, "7", "3", "null"),
        coded(DAY + 1_003, "2", "4", r#"["20"]"#),
        coded(DAY + 1_004, "99", "5", r#"["16"]"#),
        coded(DAY + 1_004, "99", "0", r#"["12"]"#),
    ]]);
    assert_eq!(small(&oracle), [[5, 7, 2, 7, 6, 3]]);
    let candle = &oracle.candle_rows(EVER)[0];
    assert_eq!(candle.notional, notional(9 + 12 + 21));
    let row = oracle.frontier_row(EVER);
    assert_eq!(
        (row.counter(Counter::Excluded), row.counter(Counter::PriceUpdates), row.counter(Counter::Trades)),
        (2, 2, 7)
    );
}

#[test]
fn section_5_fallbacks() {
    // Nobody may set a price: all of them do, the price update with a flag among them.
    let update = coded(DAY + 1_001, "5", "0", r#"["20"]"#);
    let nobody = make(&[vec![coded(DAY + 1_000, "9", "1", r#"["12"]"#), update.clone()]]);
    // The update may set the range, and is the only one.
    assert_eq!(small(&nobody), [[5, 5, 5, 5, 1, 1]]);
    let nobody = make(&[vec![coded(DAY + 1_000, "9", "1", r#"["12"]"#), coded(DAY, "8", "1", r#"["3"]"#)]]);
    assert_eq!(small(&nobody), [[8, 9, 8, 9, 2, 2]]);
    // Who may set high and low comes before who may set nothing, also for open and close.
    let range = coded(DAY + 1_002, "6", "1", r#"["20"]"#);
    let mixed =
        make(&[vec![coded(DAY + 1_000, "9", "1", r#"["12"]"#), range, coded(DAY + 1_003, "1", "1", r#"["3"]"#)]]);
    assert_eq!(small(&mixed), [[6, 6, 6, 6, 2, 2]]);
    // Price updates alone make a candle without volume, whose VWAP is its close.
    let updates = make(&[vec![update, trade("A", DAY + 1_002, "2", "0"), trade("A", DAY + 1_000, "-1", "0")]]);
    assert_eq!(small(&updates), [[-1, 5, -1, 2, 0, 0]]);
    let edge = oracle::edge::candle(&updates.candle_rows(EVER)[0]);
    assert_eq!((edge.volume, edge.notional, edge.vwap), (0.0, 0.0, 2.0));
}

#[test]
fn section_5_ties_by_partition_then_offset() {
    let (a, b) = (trade("A", DAY + 7, "1", "1"), trade("A", DAY + 7, "2", "1"));
    let oracle = make(&[vec![a.clone()], vec![b.clone(), trade("A", DAY + 7, "3", "1"), a.clone()]]);
    assert_eq!(small(&oracle), [[1, 3, 1, 1, 4, 4]]);
    assert_eq!(small(&make(&[vec![b], vec![a]])), [[2, 2, 1, 1, 2, 2]]);
}

#[test]
fn section_5_windows_and_as_of() {
    let oracle = make(&[vec![
        trade("A", DAY + 4_999, "1", "1"),
        trade("A", DAY + 5_000, "2", "1"),
        progress("a", DAY + 60_000),
        trade("A", DAY + 86_400_000 - 1, "4", "0"), // no volume: changes nothing yet at that step
        trade("A", DAY + 4_998, "5", "0"),          // late: changes the first window's open and high
        trade("A", DAY + 60_000, "1", "0"),         // alone in its 5 s and its minute, closes the longer ones
    ]]);
    let rows = |frontier| -> Vec<(&'static str, u64, [i128; 4], u64)> {
        let rows = oracle.candle_rows(frontier);
        rows.iter()
            .map(|r| {
                let prices = [r.open, r.high, r.low, r.close].map(|p| p / PRICE);
                (r.resolution.name(), r.window_start_ms - DAY, prices, r.as_of - DAY)
            })
            .collect()
    };
    assert_eq!(rows(DAY + 4_000), []);
    let first = [
        ("5s", 0, [1, 1, 1, 1], 4_000),
        ("1m", 0, [1, 1, 1, 1], 4_000),
        ("5m", 0, [1, 1, 1, 1], 4_000),
        ("1h", 0, [1, 1, 1, 1], 4_000),
        ("1d", 0, [1, 1, 1, 1], 4_000),
    ];
    assert_eq!(rows(DAY + 5_000), first);
    let last = [
        ("5s", 0, [5, 5, 1, 1], 60_000),
        ("5s", 5_000, [2, 2, 2, 2], 5_000),
        ("5s", 60_000, [1, 1, 1, 1], 60_000),
        ("1m", 0, [5, 5, 1, 2], 60_000),
        ("1m", 60_000, [1, 1, 1, 1], 60_000),
        ("5m", 0, [5, 5, 1, 1], 60_000),
        ("1h", 0, [5, 5, 1, 1], 60_000),
        ("1d", 0, [5, 5, 1, 1], 60_000),
    ];
    // The trade of the day's last second is too far ahead to be believed.
    assert_eq!(reasons(&oracle), [(3, 0, Reason::TooFarAhead, DAY + 60_000)]);
    assert_eq!(rows(EVER), last);
    assert_eq!(rows(EVER), rows(DAY + 61_000));
}

#[test]
fn section_5_unchanged_candle_keeps_as_of() {
    let oracle = make(&[vec![
        trade("A", DAY, "1", "1"),
        trade("A", DAY + 2_000, "1", "0"), // same price: no value differs
        progress("a", DAY + 3_000),
        trade("A", DAY + 1_000, "1", "0"),
    ]]);
    assert!(oracle.candle_rows(EVER).iter().all(|row| row.as_of == DAY));
    assert!(oracle.indicator_rows(EVER).iter().all(|row| row.as_of == DAY));
    // The progress counts at its own time: there was no frontier before it.
    assert_eq!(oracle.times(), [DAY, DAY + 2_000, DAY + 3_000]);
    assert_eq!(oracle.minutes(), [DAY + 60_000]);
}

#[test]
fn section_6_formulas() {
    let oracle = make(&[vec![
        trade("A", DAY - 5_000, "10", "1"),
        trade("A", DAY, "12", "2"),
        trade("A", DAY + 86_399_999, "11", "4"),
    ]]);
    let rows = oracle.indicator_rows(EVER);
    let [a, b, c] = [0, 1, 2].map(|at: usize| rows[at].values);
    assert_eq!([a.candles, b.candles, c.candles], [1, 2, 3]);
    assert_eq!(c.close_sums, [33 * PRICE; 3]);
    assert_eq!(a.ema, [10 * AVERAGE, 10 * AVERAGE]);
    // 134/13 and 274/27.
    assert_eq!(b.ema, [10_307_692_307_692_307_692_307_692, 10_148_148_148_148_148_148_148_148]);
    assert_eq!(a.macd_signal, 0);
    // A fifth of 0.159544159544159544159544.
    assert_eq!(b.macd_signal, 31_908_831_908_831_908_831_909);
    assert_eq!((a.rsi_gain, a.rsi_loss), (0, 0));
    assert_eq!((b.rsi_gain, b.rsi_loss), (2 * AVERAGE, 0));
    assert_eq!((c.rsi_gain, c.rsi_loss), (AVERAGE, AVERAGE / 2));
    assert_eq!((c.volume_60, c.notional_60), (7 * ONE, notional(10 + 24 + 44)));
    assert_eq!(c.bollinger_sum, 33 * PRICE);
    assert_eq!(c.bollinger_sum_sq, I256::from(365) * I256::from(PRICE) * I256::from(PRICE));
    // ln 1.2 = 0.18232155679395462..., ln (11/12) = -0.08701137698962976...
    assert_eq!((a.return_sum, b.return_sum), (0, 1_823_215_567_939_546));
    assert_eq!(c.return_sum, 1_823_215_567_939_546 - 870_113_769_896_298);
    assert_eq!(c.return_sum_sq, 1_823_215_567_939_546_i128.pow(2) + 870_113_769_896_298_i128.pow(2));
    let cumulative = |v: dataflows::output::row::IndicatorValues| (v.cumulative_volume / ONE, v.cumulative_trades);
    assert_eq!([a, b, c].map(cumulative), [(1, 1), (2, 1), (6, 2)]);
    assert_eq!(c.cumulative_notional, notional(68));
}

#[test]
fn section_6_correction_changes_later_rows() {
    let oracle = make(&[vec![
        trade("A", DAY, "10", "1"),
        trade("A", DAY + 5_000, "10", "1"),
        trade("A", DAY + 15_000, "10", "1"),
        progress("a", DAY + 20_000),
        trade("A", DAY + 10_000, "10", "1"), // a candle between two others
        trade("A", DAY + 1_000, "10", "0"),  // changes no value
    ]]);
    let rows = oracle.indicator_rows(EVER);
    let as_ofs: Vec<(u64, u64)> = rows.iter().map(|row| (row.values.candles, row.as_of - DAY)).collect();
    assert_eq!(as_ofs, [(1, 0), (2, 5_000), (3, 20_000), (4, 20_000)]);
}

#[test]
fn section_6_windows_of_candles_slide() {
    let lines = (0..300_u64).map(|n| trade("A", DAY + n * 5_000, &(n + 1).to_string(), "1")).collect();
    let settings = Settings { max_ahead_trade_ms: 86_400_000, ..Settings::default() };
    let rows = make_with(&settings, &[lines]).indicator_rows(EVER);
    let last = rows[299].values;
    // Sums of the last n of 1, 2, .., 300.
    let sum = |n: i128| n * (300 + 300 - n + 1) / 2 * PRICE;
    assert_eq!(last.close_sums, [sum(12), sum(60), sum(240)]);
    assert_eq!((last.bollinger_sum, last.notional_60, last.volume_60), (sum(20), notional(sum(60) / PRICE), 60 * ONE));
    // Gains of 1 each: their smoothed average is 1.
    assert_eq!((last.rsi_gain, last.rsi_loss), (AVERAGE, 0));
    // The 60 returns up to here telescope to ln(300/240), but for their roundings.
    let expected = (1.25_f64.ln() * 1e16) as i128;
    assert!((last.return_sum - expected).abs() < 100, "{} is not near {expected}", last.return_sum);
    assert_eq!(rows[60].values.return_sum_sq, {
        let all: Vec<i128> =
            (1..=60).map(|n| oracle::indicator::log_return(n * PRICE, (n + 1) * PRICE).unwrap()).collect();
        all.iter().map(|r| r * r).sum::<i128>()
    });
}

#[test]
fn section_1_sums_never_overflow() {
    let of = |price: &str| {
        let big = format!(r#"{{"s":"A","p":{price},"t":1575504000000,"v":1e15}}"#);
        format!(r#"{{"type":"trade","data":[{}]}}"#, vec![big; 2_000].join(","))
    };
    let oracle = make(&[vec![of("1e12")], vec![of("-1e12"), of("-1e12")]]);
    let rows = oracle.candle_rows(EVER);
    let each = notional(10_i128.pow(27));
    assert_eq!((rows[0].trades, rows[0].notional), (6_000, each * -2_000));
    assert_eq!(oracle.indicator_rows(EVER)[0].values.cumulative_notional, each * -2_000);
}

#[test]
fn section_6_prices_without_logarithm_make_no_return() {
    let prices = ["1", "2", "0", "-1", "1", "2"];
    let lines = prices.iter().enumerate().map(|(n, price)| trade("A", DAY + n as u64 * 5_000, price, "1")).collect();
    let rows = make(&[lines]).indicator_rows(EVER);
    assert_eq!(rows.iter().map(|row| row.values.returns).collect::<Vec<_>>(), [0, 1, 1, 1, 1, 2]);
    let double = oracle::indicator::log_return(1, 2).unwrap();
    assert_eq!((rows[5].values.return_sum, rows[3].values.return_sum), (2 * double, double));
    assert_eq!((rows[4].values.rsi_gain, rows[4].values.close_sums[0]), (3 * AVERAGE / 4, 3 * PRICE));
}

#[test]
fn section_7_digest_sums_row_hashes() {
    // The published value of XXH3-128 of nothing.
    assert_eq!(twox_hash::XxHash3_128::oneshot(b""), 0x99aa_06d3_0147_98d8_6001_c324_468d_497f);
    let oracle = make(&[vec!["x".into(), "x".into()]]);
    let bytes = |offset: u8| {
        let mut bytes = vec![17, 0, 0, 0, 0, offset, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend_from_slice(b"bad_json");
        bytes.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, b'x', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes
    };
    let hash = |offset| twox_hash::XxHash3_128::oneshot(&bytes(offset));
    let row = oracle.frontier_row(1);
    assert_eq!(row.digest.0, hash(0).wrapping_add(hash(1)));
    assert_eq!(oracle.frontier_row(0), dataflows::output::frontier_row::FrontierRow::empty());
}
