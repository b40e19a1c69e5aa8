//! Names from outside with characters that are invisible, end a line, or turn the text around them.

use serde_json::json;
use tickline::dashboard::{DashboardConfig, serve};

use crate::dashboard::fake::{FakeStore, candle};
use crate::page::script::Script;

/// Symbols, and how they are shown in the watch list: without the exchange before the first colon.
const NAMES: [(&str, &str); 8] = [
    ("LINE\u{2028}A", "LINE\\u{2028}A"),
    ("TURN\u{202e}DSU", "TURN\\u{202E}DSU"),
    ("ZERO\u{200b}\u{feff}B", "ZERO\\u{200B}\\u{FEFF}B"),
    ("TAG\u{e0041}C", "TAG\\u{E0041}C"),
    ("SPACE\u{a0}D", "SPACE\\u{A0}D"),
    ("EXCHANGE:\u{2029}<b>&E", "\\u{2029}<b>&E"),
    ("SAME\\u{2028}F", "SAME\\u{5C}u{2028}F"),
    ("IC MARKETS:É 日本", "É 日本"),
];

#[test]
fn hidden_characters_of_names_are_shown_escaped_and_prototype_keys_are_no_settings() {
    let store = FakeStore::default();
    for (at, (symbol, _)) in NAMES.iter().enumerate() {
        for (resolution, start_ms) in [("5s", 5_000), ("1d", 0)] {
            let mut row = candle(start_ms, 1.5, 11_000);
            row.trades = 100 - at as u64;
            store.put(symbol, resolution, row);
        }
    }
    store.advance(12_000);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = DashboardConfig { port: 0, ..DashboardConfig::default() };
    let dashboard = runtime.block_on(serve(config, move || store.reader())).unwrap();
    let mut script = Script::start("names", &dashboard.addr().to_string());
    assert_eq!(script.report(), json!(NAMES.map(|(_, shown)| shown)));
    assert_eq!(script.report(), json!(NAMES.map(|(symbol, _)| symbol)), "the names themselves are as they are");
    script.end();
}
