//! The tour: import of files, the same digests on any number of workers, rows in a store, and verification.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::pipeline::scan::{Bar, RESOLUTIONS, Trades};
use crate::shared::process::Home;

const TRADES: u64 = 40_000;

/// A log of simulated trades across midnight, and a store made from it.
fn home() -> Home {
    let home = Home::new();
    home.simulate("trades.jsonl", TRADES, "2024-01-02T23:59:10Z");
    home.ok("import trades.jsonl --log dir:log");
    home.ok("work --log dir:log --store sqlite:rows.db --until-end --workers 2");
    home
}

fn csv(text: &str, symbol: &str) -> BTreeMap<u64, Bar> {
    let mut lines = text.lines();
    let header = "symbol,window_start_ms,open,high,low,close,volume,notional,vwap,trades,as_of_ms,complete";
    assert_eq!(lines.next(), Some(header));
    let mut bars = BTreeMap::new();
    let mut last = 0;
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!((fields.len(), fields[0]), (12, symbol), "{line}");
        let start: u64 = fields[1].parse().unwrap();
        assert!(start > last, "windows ascend");
        last = start;
        let values = std::array::from_fn(|at| fields[2 + at].parse().unwrap());
        bars.insert(start, (values, fields[9].parse().unwrap()));
    }
    bars
}

#[test]
fn any_number_of_workers_agrees() {
    let home = home();
    let of = |workers| home.ok(&format!("replay --log dir:log --workers {workers}"));
    let one = of(1);
    assert!(one.lines().count() >= 2, "{one}");
    assert_eq!(one, of(2));
    assert_eq!(one, of(4));
    let last: Value = serde_json::from_str(one.lines().last().unwrap()).unwrap();
    let status: Value =
        serde_json::from_str(&home.ok("status --log dir:log --store sqlite:rows.db --format json")).unwrap();
    for name in ["frontier", "digest", "rows"] {
        assert_eq!(last[name], status[name], "{name}: {status}");
    }
    assert_eq!(status["counters"]["trades"], TRADES);
    assert_eq!((&status["counters"]["late"], &status["epoch"]), (&Value::from(0), &Value::from(1)));
    let verified = home.ok("verify --log dir:log --store sqlite:rows.db --workers 3");
    assert!(verified.contains(last["digest"].as_str().unwrap()), "{verified}");
    home.ok("replay --log dir:log --workers 3 --write-to sqlite:again.db");
    crate::shared::tables::assert_same(&home.path("again.db"), &home.path("rows.db"));
}

#[test]
fn candles_equal_a_plain_scan() {
    let home = home();
    let trades = Trades::read(&std::fs::read_to_string(home.path("trades.jsonl")).unwrap());
    let symbols = trades.symbols();
    assert!(symbols.len() > 20, "{symbols:?}");
    // Every fourth symbol: some of each kind.
    for symbol in symbols.iter().step_by(4).filter(|symbol| !symbol.contains(' ')) {
        for (resolution, length_ms) in RESOLUTIONS {
            let line =
                format!("candles --store sqlite:rows.db --symbol {symbol} --resolution {resolution} --format csv");
            let (ours, theirs) = (csv(&home.ok(&line), symbol), trades.candles(symbol, length_ms));
            assert_eq!(ours, theirs, "{symbol} {resolution}");
        }
    }
    let days = trades.candles("BINANCE:BTCUSDT", 86_400_000);
    assert_eq!(days.len(), 2, "the trades continue past midnight");
}

#[test]
fn indicators_and_status_are_shown() {
    let home = home();
    let line = |format| format!("indicators --store sqlite:rows.db --symbol BINANCE:BTCUSDT --format {format}");
    let rows: Vec<Value> = serde_json::from_str(&home.ok(&line("json"))).unwrap();
    let closes = "candles --store sqlite:rows.db --symbol BINANCE:BTCUSDT --resolution 5s --format json";
    let closes: Vec<Value> = serde_json::from_str(&home.ok(closes)).unwrap();
    assert_eq!(rows.len(), closes.len());
    assert!(rows.len() > 12);
    let number = |row: &Value, name: &str| row[name].as_f64().unwrap_or_else(|| panic!("{name}: {row}"));
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(row["window_start_ms"], closes[at]["window_start_ms"]);
        assert_eq!(row["candles"], at as u64 + 1);
        assert!((0.0..=100.0).contains(&number(row, "rsi_14")), "{row}");
        assert!(number(row, "bollinger_lower") <= number(row, "bollinger_upper"), "{row}");
        let last: Vec<f64> = closes[..=at].iter().rev().take(12).map(|c| number(c, "close")).collect();
        let mean = last.iter().sum::<f64>() / last.len() as f64;
        assert!((number(row, "sma_12") / mean - 1.0).abs() < 1e-12, "{row}");
    }
    assert!(home.ok(&line("table")).lines().count() > rows.len());
    assert!(home.ok("status --log dir:log --store sqlite:rows.db").contains("complete up to"));
    let error = home.run("candles --store sqlite:rows.db --symbol BINANCE:BTCUSD --resolution 1m");
    error.is(2, &["did you mean", "BINANCE:BTCUSDT"]);
}
