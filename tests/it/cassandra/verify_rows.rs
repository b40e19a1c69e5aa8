//! `tickline verify --rows` on a keyspace: rows that differ are located, and rows that Cassandra has removed in due
//! time are counted.

use crate::cassandra::raw::Raw;
use crate::cassandra::scene::{SETTINGS, beside, new_keyspace, scene};
use crate::shared::node::shared;
use crate::shared::process::{Ended, Home};
use crate::shared::tables;

struct Store {
    home: Home,
    raw: Raw,
    keyspace: String,
}

impl Store {
    fn new() -> Self {
        let (home, raw, keyspace) = (Home::new(), beside(), new_keyspace(&shared().address));
        let store = shared().store_address(&keyspace);
        home.ok(&format!("work --log {} --store {store} --until-end {SETTINGS}", scene().log()));
        Self { home, raw, keyspace }
    }

    fn verify(&self) -> Ended {
        let (log, store) = (scene().log(), shared().store_address(&self.keyspace));
        self.home.run(&format!("verify --rows --log {log} --store {store} {SETTINGS}"))
    }

    /// Changes a table with a write time after all others.
    fn change(&self, cql: &str) {
        self.raw.run(&cql.replace("KEYSPACE", &self.keyspace).replace("LATER", "USING TIMESTAMP 4000000000000000"));
    }
}

#[test]
fn rows_of_a_keyspace_are_compared_and_located() {
    let store = Store::new();
    let verified = store.verify();
    verified.is(0, &[]);
    let sqlite = tables::open(&scene().sqlite);
    for table in tables::ROWS {
        let sql = format!("SELECT count(*) FROM {table}");
        let rows: u64 = sqlite.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert!(rows > 0 && verified.stdout.contains(&format!("  {table}: {rows} equal, from ")), "{verified:?}");
    }
    let key = tables::rows(&sqlite, "SELECT symbol FROM candles_5s ORDER BY window_start LIMIT 1").remove(0);
    let symbol = key.trim_start_matches("Text(\"").trim_end_matches("\")").to_owned();
    let start: u64 = sqlite
        .query_row("SELECT min(window_start) FROM candles_5s WHERE symbol = ?1", [&symbol], |row| row.get(0))
        .unwrap();
    store.change(&format!(
        "UPDATE KEYSPACE.candles_5s LATER SET close = 1e9 \
         WHERE symbol = '{symbol}' AND bucket = '2024-01-02' AND window_start = {start}"
    ));
    store.change("TRUNCATE KEYSPACE.candles_1m");
    let lost: u64 = sqlite.query_row("SELECT count(*) FROM candles_1m", [], |row| row.get(0)).unwrap();
    let ended = store.verify();
    ended.is(1, &["1 different", &format!("{lost} missing"), "0 that the log does not lead to"]);
    let line = format!("candles_5s {symbol}, window 2024-01-02T23:");
    let found = ended.stdout.lines().find(|found| found.starts_with(&line)).unwrap_or_else(|| panic!("{ended:?}"));
    assert!(found.contains(": close: the store has 1000000000.0, the log leads to "), "{found}");
}

#[test]
fn rows_removed_in_due_time_are_counted() {
    let store = Store::new();
    let day = "bucket = '2024-01-02'";
    // As Cassandra removes the oldest rows: those of the first day in both tables of 30 days.
    let symbols = store.raw.rows(&format!("SELECT DISTINCT symbol, bucket FROM {}.candles_5s", store.keyspace));
    for table in ["candles_5s", "indicators_5s"] {
        for symbol in &symbols {
            let key = format!("symbol = '{}' AND {day}", symbol[0]);
            store.change(&format!("DELETE FROM KEYSPACE.{table} LATER WHERE {key}"));
        }
    }
    let count = |sql: &str| -> u64 { tables::open(&scene().sqlite).query_row(sql, [], |row| row.get(0)).unwrap() };
    let removed = count("SELECT count(*) FROM candles_5s WHERE window_start < 1704240000000");
    let verified = store.verify();
    let counted = format!("; {removed} not compared (removed after the table's time to live)");
    assert!(removed > 100 && verified.stdout.contains(&counted), "{removed}: {verified:?}");
    // Rows of minutes are kept for longer, and one row of the second day cannot be gone yet.
    verified.is(0, &[]);
    let row = store.raw.rows(&format!(
        "SELECT symbol, window_start FROM {}.candles_5s WHERE bucket = '2024-01-03' LIMIT 1 ALLOW FILTERING",
        store.keyspace
    ));
    let start = count("SELECT max(window_start) FROM candles_5s WHERE window_start >= 1704240000000");
    store.change(&format!(
        "DELETE FROM KEYSPACE.candles_5s LATER \
         WHERE symbol = '{}' AND bucket = '2024-01-03' AND window_start > {}",
        row[0][0],
        start - 120_000
    ));
    let ended = store.verify();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains(&counted) && ended.stdout.contains(": missing in the store"), "{ended:?}");
}
