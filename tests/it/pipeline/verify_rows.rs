//! `tickline verify --rows`: a row that is not what the log leads to is found, and located.

use crate::shared::process::{Home, wait_for};
use crate::shared::tables;

const VERIFY: &str = "verify --log dir:log --store sqlite:rows.db --workers 2";

/// A store with rows in every table.
fn home() -> Home {
    let home = Home::new();
    home.simulate("trades.jsonl", 30_000, "2024-01-02T14:30:00Z");
    home.ok("setup --log dir:log --partitions 2");
    let mut bad = std::fs::read_to_string(home.path("log/partition-00001.jsonl")).unwrap();
    bad.push_str("not a record\n{\"type\":\"gap\",\"source\":\"a\",\"from_ms\":1,\"to_ms\":2,\"cause\":\"closed\"}\n");
    home.write("log/partition-00001.jsonl", bad);
    home.ok("import trades.jsonl --log dir:log");
    home.ok("work --log dir:log --store sqlite:rows.db --until-end");
    home
}

fn count(home: &Home, table: &str) -> u64 {
    let sql = format!("SELECT count(*) FROM {table}");
    tables::open(&home.path("rows.db")).query_row(&sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn every_row_is_compared_and_counted() {
    let home = home();
    let verified = home.ok(&format!("{VERIFY} --rows"));
    for table in tables::ROWS {
        let rows = count(&home, table);
        assert!(rows > 0, "{table} is empty");
        assert!(verified.contains(&format!("  {table}: {rows} equal, from ")), "{table} {rows}: {verified}");
    }
    assert!(
        verified.contains("candles_1d: ") && verified.contains("from 2024-01-02T00:00:00Z to 2024-01-03T00:00:00Z")
    );
    assert!(home.ok(VERIFY).contains("digests only (--rows compares every row)"));
}

#[test]
fn a_row_that_differs_is_located() {
    let home = home();
    let store = home.path("rows.db");
    let one = "WHERE (symbol, window_start) = (SELECT symbol, min(window_start) FROM candles_5s)";
    assert_eq!(tables::change(&store, &format!("UPDATE candles_5s SET close = 1e9 {one}")), 1);
    let lost = tables::change(&store, "DELETE FROM candles_1m");
    assert!(lost > 10, "{lost}");
    let row = "SELECT 'NOT:THERE', bucket, window_start, open, high, low, close, volume, notional, vwap, trades, \
               as_of, write_us FROM candles_1h LIMIT 1";
    assert_eq!(tables::change(&store, &format!("INSERT INTO candles_1h {row}")), 1);
    assert_eq!(tables::change(&store, "UPDATE gaps SET cause = 'other'"), 1);

    let frontiers = home.ok(VERIFY);
    assert!(frontiers.contains("frontiers match"), "frontier rows alone show nothing: {frontiers}");
    let ended = home.run(&format!("{VERIFY} --rows"));
    let words = [
        "store and log disagree in their rows",
        "2 different",
        &format!("{lost} missing"),
        "1 that the log does not lead to",
    ];
    ended.is(1, &words);
    let said = &ended.stdout;
    let changed = said.lines().find(|line| line.starts_with("candles_5s")).unwrap();
    let of = |sql: &str| tables::rows(&tables::open(&home.path("rows.db")), sql).remove(0);
    let symbol = of(&format!("SELECT symbol FROM candles_5s {one}"));
    assert!(symbol.contains(changed.split([' ', ',']).nth(1).unwrap()), "{symbol} {changed}");
    assert!(changed.contains(", window 2024-01-02T14:30:00Z: close: the store has 1000000000.0, "), "{changed}");
    assert!(changed.contains("the log leads to ") && !changed.ends_with("1000000000.0"), "{changed}");
    assert!(said.contains("gaps from 1970-01-01T00:00:00.001Z"), "{said}");
    assert!(said.contains("cause: the store has \"other\", the log leads to \"closed\""), "{said}");
    assert!(said.contains("candles_1h NOT:THERE, window ") && said.contains("does not lead to this row"), "{said}");
    assert!(said.contains("candles_1m ") && said.contains(": missing in the store"), "{said}");
    assert!(said.contains(&format!("candles_1m: 0 equal; {lost} missing")), "{said}");
}

#[test]
fn one_bit_of_a_double_is_a_difference() {
    let home = home();
    let store = home.path("rows.db");
    let value: f64 =
        tables::open(&store).query_row("SELECT max(ema_12) FROM indicators_5s", [], |row| row.get(0)).unwrap();
    let next = value.next_up();
    let sql = format!("UPDATE indicators_5s SET ema_12 = {next:?} WHERE ema_12 = {value:?}");
    assert_eq!(tables::change(&store, &sql), 1);
    let ended = home.run(&format!("{VERIFY} --rows"));
    ended.is(1, &["1 different, 0 missing"]);
    let line = format!("ema_12: the store has {next:?}, the log leads to {value:?}");
    assert!(ended.stdout.contains(&line), "{line}: {}", ended.stdout);
}

#[test]
fn rows_that_have_changed_since_are_counted() {
    let home = home();
    let store = home.path("rows.db");
    // As a worker leaves it that has written rows after the published frontier.
    let later = "UPDATE candles_1d SET as_of = (SELECT frontier FROM frontier), close = 1.0";
    let changed = tables::change(&store, later);
    let verified = home.ok(&format!("{VERIFY} --rows"));
    let words = format!("candles_1d: 0 equal; {changed} not compared (changed since by the live pipeline)");
    assert!(verified.contains(&words), "{words}: {verified}");
}

#[test]
fn minutes_after_the_frontier_are_not_compared() {
    let home = home();
    let store = home.path("rows.db");
    // As a reader sees a live pipeline that has reached the next minute since the frontier was read.
    let next =
        "INSERT INTO frontier_history SELECT frontier + 60000, digest, rows + 1, counters, revision FROM frontier";
    assert_eq!(tables::change(&store, next), 1);
    assert!(home.ok(VERIFY).contains("frontiers match"));
}

#[test]
fn a_live_pipeline_agrees() {
    let home = Home::new();
    let mut demo = home.start("demo --port 0 --data data");
    wait_for("a frontier", || {
        assert!(demo.is_alive(), "{}", demo.stderr());
        tables::progress(&home.path("data/tickline.db")).frontier
    });
    // Until the pipeline has changed rows during a comparison.
    let verified = wait_for("rows that change meanwhile", || {
        assert!(demo.is_alive(), "{}", demo.stderr());
        let verified = home.ok("verify --log dir:data/log --store sqlite:data/tickline.db --rows");
        let has_both = verified.contains("changed since by the live pipeline") && !verified.contains("_5s: 0 equal");
        has_both.then_some(verified)
    });
    assert!(verified.contains("candles_5s: "), "{verified}");
}
