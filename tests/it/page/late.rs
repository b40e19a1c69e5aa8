//! A late trade changes a drawn candle and is listed; a gap in the feed is shown.

use serde_json::{Value, json};

use crate::page::hand::Hand;
use crate::page::scene;
use crate::page::script::Script;
use crate::shared::process::Home;

/// The start of the first candle.
const START: u64 = 1_700_000_000_000;
/// The window without trades until a late one arrives.
const EMPTY: u64 = 7;

fn trade(after_ms: u64, price: f64, volume: f64) -> Value {
    json!({ "s": "AAPL", "p": price, "v": volume, "t": START + after_ms })
}

fn progress(after_ms: u64) -> Value {
    json!({ "type": "progress", "source": "hand", "event_ms": START + after_ms })
}

/// The page's candle with this number: open, high, low, close, volume, trades.
fn candle(rows: &Value, number: u64) -> Option<Vec<f64>> {
    let row = rows.as_array().unwrap().iter().find(|row| row[0] == START + number * 5_000)?;
    Some(row.as_array().unwrap()[1..].iter().map(|value| value.as_f64().unwrap()).collect())
}

#[test]
fn late_trade_changes_a_drawn_candle() {
    let home = Home::new();
    let log = Hand::new(&home);
    let usual = (0..20).filter(|number| *number != EMPTY).map(|number| trade(number * 5_000 + 100, 100.5, 3.0));
    log.append(&[vec![progress(0)], usual.collect(), vec![progress(100_000)]].concat());
    let mut work = home.start("work --log dir:log --store sqlite:rows.db");
    crate::shared::process::wait_for("a frontier", || crate::shared::tables::progress(&home.path("rows.db")).frontier);
    let (_dashboard, address) = scene::serve(&home);
    let mut script = Script::start("late", &address);

    let before = script.report();
    assert_eq!(before.as_array().unwrap().len(), 19);
    assert_eq!(candle(&before, 10), Some(vec![100.5, 100.5, 100.5, 100.5, 3.0, 1.0]));
    assert_eq!(candle(&before, EMPTY), None);
    log.append(&[trade(52_000, 150.25, 7.0), trade(EMPTY * 5_000, 99.0, 2.0), progress(102_000)]);
    script.answer("late");

    let report = script.report();
    assert_eq!(candle(&report["after"], 10), Some(vec![100.5, 150.25, 100.5, 150.25, 10.0, 2.0]));
    assert_eq!(candle(&report["after"], EMPTY), Some(vec![99.0, 99.0, 99.0, 99.0, 2.0, 1.0]));
    assert_eq!(report["after"].as_array().unwrap().len(), 20);
    let lines = report["corrections"].to_string();
    for words in ["high 100.50 → 150.25, close 100.50 → 150.25, volume 3 → 10, trades 1 → 2", "new candle, close 99.00"]
    {
        assert!(lines.contains(words), "{words}: {lines}");
    }
    assert_eq!(report["count"], "2");

    script.answer(&(START + 50_000).to_string());
    let report = script.report();
    assert_eq!(report["shown"]["values"]["C"], json!(["150.25", "150.25"]));
    assert!(report["status"].as_str().unwrap().starts_with("complete, corrected at"), "{report}");

    let gap = json!({ "type": "gap", "source": "hand", "from_ms": START, "to_ms": START + 1, "cause": "a test" });
    log.append(&[gap, progress(105_000)]);
    script.answer("gap");
    assert_eq!(script.report(), "1");
    script.end();
    assert!(work.is_alive(), "{}", work.stderr());
}
