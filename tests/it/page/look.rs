//! Tests on an hour of trades: keys and links, accessibility, memory, page weight.

use crate::page::scene::scene;
use crate::page::script::Script;
use crate::shared::tables;

#[test]
fn keyboard_and_links_reach_everything() {
    let scene = scene();
    let store = tables::open(&scene.home.path("rows.db"));
    let sql = "SELECT window_start FROM candles_5s WHERE symbol = 'AAPL' ORDER BY 1";
    let mut statement = store.prepare(sql).unwrap();
    let stored: Vec<u64> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(stored.len() > 500, "more than the page gets at first");
    let mut script = Script::start("keyboard", &scene.address);
    script.answer(&stored.len().to_string());
    assert_eq!(script.report(), serde_json::json!(stored), "all that is found by scrolling back");
    script.end();
}

#[test]
fn page_is_accessible() {
    let scene = scene();
    let mut script = Script::start("access", &scene.address);
    assert_eq!(script.report(), 16, "two themes, two widths, four states");
    script.end();
}

#[test]
fn memory_is_stable_over_an_hour() {
    let scene = scene();
    let mut script = Script::start("memory", &scene.address);
    (0..12).for_each(|_| script.expect("played"));
    let report = script.report();
    println!("{report}");
    script.end();
}

#[test]
fn page_weight_is_bounded() {
    let scene = scene();
    let mut script = Script::start("weight", &scene.address);
    println!("{}", script.report());
    script.end();
}
