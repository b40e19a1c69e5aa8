//! Logs without progress records: with a progress log beside them, and finished ones.

use std::ops::Range;

use serde_json::{Value, json};

use crate::shared::process::Home;
use crate::shared::raw_log::log_of;
use crate::shared::tables;

const T0: u64 = 1_700_000_000_000;
const DAY_MS: u64 = 86_400_000;

fn trade(symbol: &str, event_ms: u64) -> String {
    format!(r#"{{"p":2,"s":"{symbol}","t":{event_ms},"v":1}}"#)
}

fn trades(symbol: &str, seconds: Range<u64>) -> Vec<String> {
    seconds.map(|second| trade(symbol, T0 + second * 1_000)).collect()
}

/// Partitions of which some end early or are empty, with a wrong clock in each and a leap at the end that nothing
/// confirms.
fn home() -> Home {
    let mut first = trades("A", 0..300);
    first.insert(30, trade("A", T0 + 5 * DAY_MS));
    let mut second = trades("B", 0..20);
    second.insert(0, trade("B", T0 + 5 * DAY_MS));
    second.push(trade("B", T0 + 5 * DAY_MS));
    log_of([&first, &second, &[]])
}

/// Explains every candle of a store.
fn explain_all(home: &Home, mode: &str) {
    let rows = |table: &str| {
        let sql = format!("SELECT symbol || ' ' || window_start FROM {table}");
        tables::rows(&tables::open(&home.path("rows.db")), &sql)
    };
    let explain = |row: &str, resolution: &str| -> Value {
        let (symbol, start) = row.trim_start_matches("Text(\"").trim_end_matches("\")").split_once(' ').unwrap();
        let line = format!("--symbol {symbol} --window {start} --resolution {resolution} --format json");
        serde_json::from_str(&home.ok(&format!("explain --log dir:log --store sqlite:rows.db {mode} {line}"))).unwrap()
    };
    let mut trades = 0;
    for row in rows("candles_1m") {
        let found = explain(&row, "1m");
        assert_eq!((&found["verdict"], &found["scan"]["undecided"]), (&json!("equal"), &json!(0)), "{found:#}");
        trades += found["accepted"]["total"].as_u64().unwrap();
    }
    assert_eq!(trades, 320, "{mode}");
    for row in rows("candles_5s").iter().step_by(17) {
        assert_eq!(explain(row, "5s")["verdict"], "equal");
    }
    // The wrong clocks were rejected long before a checkpoint that is near their windows.
    assert_eq!(tables::change(&home.path("rows.db"), "DELETE FROM checkpoints"), 1);
    for (symbol, count) in [("A", 1), ("B", 2)] {
        let found = explain(&format!("{symbol} {}", T0 + 5 * DAY_MS), "5s");
        assert_eq!((&found["verdict"], &found["computed"]), (&json!("no_row"), &Value::Null), "{found:#}");
        assert_eq!(found["left_out"]["by_reason"], json!({"too_far_ahead": count}), "{mode}: {found:#}");
    }
}

#[test]
fn a_paced_log_is_explained_with_its_progress_log() {
    let home = home();
    home.ok("pace --log dir:log --progress dir:progress --until-end");
    home.ok("work --log dir:log --progress dir:progress --store sqlite:rows.db --until-end");
    explain_all(&home, "--progress dir:progress");
}

#[test]
fn a_finished_log_is_explained_to_its_end() {
    let home = home();
    home.ok("work --log dir:log --store sqlite:rows.db --until-end --max-out-of-orderness 5s");
    explain_all(&home, "--max-out-of-orderness 5s");
}
