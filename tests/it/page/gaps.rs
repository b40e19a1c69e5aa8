//! Gaps in the feed on the page, and a time axis that shows time without trades.

use serde_json::json;

use crate::page::hand::{Hand, picture, progress, trade};
use crate::page::scene;
use crate::page::script::Script;
use crate::shared::process::{Home, wait_for};
use crate::shared::tables;

/// The start of the first candle.
const START: u64 = 1_700_000_000_000;

#[test]
fn time_without_trades_and_gaps_are_shown() {
    let home = Home::new();
    let log = Hand::new(&home);
    // Ten candles, three hours without a trade, four candles with a small pause.
    let early = (0..10).map(|number| trade(START + number * 5_000, 100.0 + number as f64, 3.0));
    let late_ms = START + 3 * 3_600_000;
    let late = [0, 1, 4, 5].map(|number| trade(late_ms + number * 5_000, 105.0, 1.0));
    log.append(&[vec![progress(START)], early.collect(), vec![progress(START + 50_000)]].concat());
    log.append(&[late.to_vec(), vec![progress(late_ms + 40_000)]].concat());
    let mut work = home.start("work --log dir:log --store sqlite:rows.db --max-ahead 24h --max-ahead-trade 24h");
    wait_for("the end", || tables::progress(&home.path("rows.db")).frontier.filter(|at| *at == late_ms + 40_000));
    let (_dashboard, address) = scene::serve(&home);
    let mut script = Script::start("gaps", &address);
    let report = script.report();
    let starts: Vec<u64> = serde_json::from_value(report["starts"].clone()).unwrap();
    let places: Vec<u64> = serde_json::from_value(report["places"].clone()).unwrap();
    assert_eq!(starts.len(), 14);
    assert!(places.windows(2).all(|pair| pair[0] < pair[1] && pair[1] % 5_000 == 0), "{places:?}");
    assert!(starts.iter().all(|start| places.contains(start)), "{places:?}");
    // 120 places for the hours, one for each of the two windows, and two complete ones at the end.
    assert_eq!(places.len(), 14 + 120 + 2 + 2, "{places:?}");
    let widest = places.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(widest < 100_000, "evenly spaced: {widest}");

    let gap = |from_ms: u64, to_ms: u64, cause: &str| {
        json!({ "type": "gap", "source": "hand", "from_ms": from_ms,
        "to_ms": to_ms, "cause": cause })
    };
    let hours = gap(START + 20_000, late_ms, "the feed <b>closed</b>");
    log.append(&[hours, gap(late_ms + 10_000, late_ms + 20_000, "reconnected"), progress(late_ms + 45_000)]);
    script.answer(&json!([picture("gaps")]).to_string());
    let report = script.report();
    let list = report["list"].as_array().unwrap();
    assert_eq!((list.len(), &report["gaps"]), (2, &json!("2")));
    let first = list[0].as_str().unwrap();
    assert!(first.contains("reconnected") && first.contains("hand · partition 0") && first.contains("10 s"), "{first}");
    assert!(list[1].as_str().unwrap().contains("the feed <b>closed</b>"), "as text: {list:?}");
    assert!(report["note"].as_str().unwrap().starts_with("gap 2023-11-14 22:13:40"), "{report}");
    assert_eq!(report["start"], START + 20_000);
    script.end();
    assert!(work.is_alive(), "{}", work.stderr());
}
