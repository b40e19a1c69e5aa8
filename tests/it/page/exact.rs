//! The page shows the store's rows exactly, to the last digit.

use std::collections::BTreeMap;

use rusqlite::types::ValueRef;
use serde_json::Value;

use crate::page::scene::scene;
use crate::page::script::Script;
use crate::shared::process::Home;
use crate::shared::tables;

/// The legend's names of a candle's columns, and whether all digits are shown rather than only in the tooltip.
const CANDLE: [(&str, &str, bool); 8] = [
    ("O", "open", true),
    ("H", "high", true),
    ("L", "low", true),
    ("C", "close", true),
    ("Vol", "volume", true),
    ("Trades", "trades", true),
    ("VWAP", "vwap", false),
    ("Notional", "notional", false),
];

/// The legend's names of indicators; all are shown rounded.
const INDICATORS: [(&str, &str); 12] = [
    ("SMA 12", "sma_12"),
    ("SMA 60", "sma_60"),
    ("SMA 240", "sma_240"),
    ("EMA 12", "ema_12"),
    ("EMA 26", "ema_26"),
    ("BB upper", "bollinger_upper"),
    ("BB middle", "bollinger_middle"),
    ("BB lower", "bollinger_lower"),
    ("RSI 14", "rsi_14"),
    ("MACD", "macd"),
    ("Signal", "macd_signal"),
    ("Histogram", "macd_histogram"),
];

/// One row in SQLite.
fn row(home: &Home, store: &str, table: &str, symbol: &str, start: u64) -> BTreeMap<String, f64> {
    let connection = tables::open(&home.path(store));
    let sql = format!("SELECT * FROM {table} WHERE symbol = ?1 AND window_start = ?2");
    let mut statement = connection.prepare(&sql).unwrap();
    let names: Vec<String> = statement.column_names().map(String::from).collect();
    let value = |row: &rusqlite::Row<'_>, at| match row.get_ref(at).unwrap() {
        ValueRef::Real(double) => double,
        ValueRef::Integer(whole) => whole as f64,
        _ => f64::NAN,
    };
    let all = |row: &rusqlite::Row<'_>| Ok((0..names.len()).map(|at| value(row, at)).collect::<Vec<_>>());
    let values = statement.query_row((symbol, start), all).unwrap();
    names.into_iter().zip(values).collect()
}

/// The number that a text such as `65,391.61` shows.
fn number(text: &str) -> f64 {
    text.replace(',', "").parse().unwrap_or_else(|_| panic!("{text:?} is not a number"))
}

/// The text and the kept value of a name in a legend.
fn at<'a>(shown: &'a Value, name: &str) -> (&'a str, f64) {
    let texts = shown["values"][name].as_array().unwrap_or_else(|| panic!("{name} is not in {shown}"));
    (texts[0].as_str().unwrap(), number(texts[1].as_str().unwrap()))
}

/// Symbol and start of the candle that a legend shows.
fn key(shown: &Value) -> (&str, u64) {
    (shown["symbol"].as_str().unwrap(), shown["start"].as_u64().unwrap())
}

/// The first difference between a legend and the store's candle.
pub fn wrong_candle(home: &Home, store: &str, shown: &Value) -> Option<String> {
    let (symbol, start) = key(shown);
    let candle = row(home, store, &format!("candles_{}", shown["resolution"].as_str().unwrap()), symbol, start);
    CANDLE.iter().find_map(|(name, column, all_digits)| {
        let ((text, value), wanted) = (at(shown, name), candle[*column]);
        let wrong = value != wanted || (*all_digits && number(text) != wanted);
        wrong.then(|| format!("{name}: {text} ({value}) for {wanted}"))
    })
}

/// The first difference between a legend and the store's indicators.
fn wrong_indicators(home: &Home, store: &str, shown: &Value) -> Option<String> {
    let (symbol, start) = key(shown);
    let row = row(home, store, "indicators_5s", symbol, start);
    INDICATORS.iter().find_map(|(name, column)| {
        let ((text, value), wanted) = (at(shown, name), row[*column]);
        // At least two decimals are shown.
        let wrong = value != wanted || (number(text) - wanted).abs() > 0.0051;
        wrong.then(|| format!("{name}: {text} ({value}) for {wanted}"))
    })
}

#[test]
fn page_shows_the_stored_rows() {
    let scene = scene();
    let mut script = Script::start("exact", &scene.address);
    let mut looks = 0;
    loop {
        let shown = script.report();
        if shown == "all" {
            break;
        }
        assert_eq!(wrong_candle(&scene.home, "rows.db", &shown), None, "{shown}");
        if shown["resolution"] == "5s" {
            assert_eq!(wrong_indicators(&scene.home, "rows.db", &shown), None, "{shown}");
        }
        looks += 1;
    }
    assert_eq!(looks, 10);
    script.end();
}
