//! The chart as of an earlier time: the rows of then, marks on what was corrected since, why one was, and the way back.

use serde_json::{Value, json};

use crate::page::hand::{Hand, picture, progress, trade};
use crate::page::script::Script;
use crate::shared::process::{Home, wait_for};
use crate::shared::tables;

/// The start of the first candle.
const START: u64 = 1_700_000_000_000;
/// As of when the chart is looked at: the last candle is not complete.
const THEN: u64 = START + 102_000;

/// The page's candle with this number: open, high, low, close, volume, trades.
fn candle(rows: &Value, number: u64) -> Option<Vec<f64>> {
    let row = rows.as_array().unwrap().iter().find(|row| row[0] == START + number * 5_000)?;
    Some(row.as_array().unwrap()[1..].iter().map(|value| value.as_f64().unwrap()).collect())
}

#[test]
fn the_chart_is_shown_as_it_was() {
    let home = Home::new();
    let log = Hand::new(&home);
    let usual = |number: u64| trade(START + number * 5_000 + 100, 100.5 + (number % 4) as f64, 3.0);
    let of =
        |numbers: std::ops::Range<u64>| -> Vec<Value> { numbers.filter(|number| *number != 7).map(usual).collect() };
    log.append(&[vec![progress(START)], of(0..21), vec![progress(THEN)]].concat());
    // Two corrections and a candle that was not there; then the market goes on.
    let late = [trade(START + 52_000, 150.25, 7.0), trade(START + 60_500, 90.0, 1.0), trade(START + 35_000, 99.0, 2.0)];
    log.append(&[late.to_vec(), vec![progress(THEN + 2_000)], of(21..40), vec![progress(START + 200_000)]].concat());
    let mut work = home.start("work --log dir:log --store sqlite:rows.db");
    wait_for("the end", || tables::progress(&home.path("rows.db")).frontier.filter(|at| *at == START + 200_000));
    let mut dashboard = home.start("dashboard --store sqlite:rows.db --listen 127.0.0.1:0 --log dir:log");
    let address = dashboard.address_after("http://");
    let mut script = Script::start("as-of", &address);
    let pictures = ["as-of", "as-of-dark", "as-of-phone", "explain"].map(picture);
    script.answer(&json!({ "then": THEN, "corrected": START + 50_000, "pictures": pictures }).to_string());

    let live = script.report();
    assert_eq!(live.as_array().unwrap().len(), 40);
    assert_eq!(candle(&live, 10), Some(vec![102.5, 150.25, 102.5, 150.25, 10.0, 2.0]));
    let then = script.report();
    let rows = &then["rows"];
    assert_eq!(rows.as_array().unwrap().len(), 20, "{then}");
    assert_eq!(candle(rows, 10), Some(vec![102.5, 102.5, 102.5, 102.5, 3.0, 1.0]));
    assert_eq!((candle(rows, 7), candle(rows, 21)), (None, None));
    let banner = then["banner"].as_str().unwrap();
    assert!(
        banner.contains("As of 2023-11-14 22:15:02 UTC; 2 of 20 candles were corrected since, 1 added"),
        "{banner}"
    );
    assert!(then["hash"].as_str().unwrap().contains(&format!("as_of={THEN}")), "{then}");
    assert_eq!(then["status"], "complete, corrected since");
    assert_eq!(then["indicators"], 20, "{then}");
    let explained = script.report();
    let explained = explained.as_str().unwrap();
    for part in ["The stored row is what the log leads to", "2 versions", "2 trades made it, 1 of them late"] {
        assert!(explained.contains(part), "{part}: {explained}");
    }
    // More trades do not change it.
    log.append(&[of(40..42), vec![progress(START + 210_000)]].concat());
    script.answer("more");
    assert_eq!(&script.report(), rows);
    // Reloaded from its link, back to live, and back in the history.
    assert_eq!(&script.report(), rows);
    assert_eq!(script.report().as_array().unwrap().len(), 42);
    assert_eq!(&script.report(), rows);
    let ahead = script.report();
    assert!(ahead.as_str().unwrap().contains("the store is complete up to"), "{ahead}");
    script.end();
    assert!(work.is_alive() && dashboard.is_alive(), "{} {}", work.stderr(), dashboard.stderr());
}
