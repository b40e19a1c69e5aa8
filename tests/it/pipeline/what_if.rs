//! `tickline replay --diff STORE`: the rows that other settings change are exactly those that the trades say.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::shared::process::Home;
use crate::shared::raw_log::{append, log_of};
use crate::shared::tables;

/// 2024-06-03 14:30 UTC.
const T0: u64 = 1_717_425_000_000;
const MINUTE_MS: u64 = 60_000;
const TABLES: [(&str, u64); 5] = [
    ("candles_5s", 5_000),
    ("candles_1m", MINUTE_MS),
    ("candles_5m", 5 * MINUTE_MS),
    ("candles_1h", 60 * MINUTE_MS),
    ("candles_1d", 1_440 * MINUTE_MS),
];

/// A trade: its symbol, time and price, how far it is behind the frontier, and its condition.
#[derive(Clone)]
struct Trade {
    symbol: String,
    t: u64,
    price: u64,
    behind_ms: u64,
    condition: u64,
}

/// Symbol and window.
type Key = (String, u64);
/// Open, high, low, close and number of trades.
type Candle = [u64; 5];

fn progress(event_ms: u64) -> String {
    format!(r#"{{"type":"progress","source":"x","event_ms":{event_ms}}}"#)
}

fn line(trade: &Trade) -> String {
    let Trade { symbol, t, price, condition, .. } = trade;
    format!(r#"{{"c":["{condition}"],"p":{price},"s":"{symbol}","t":{t},"v":1}}"#)
}

/// Half an hour: each second a trade of one of three symbols, and one in ten is late by up to 20 minutes.
fn late_trades() -> Vec<Trade> {
    let trade = |n: u64| {
        let behind_ms = if n % 10 == 3 { (n * 7_919) % (20 * MINUTE_MS) } else { 0 };
        let (symbol, now) = (format!("S{}", n % 3), T0 + 30 * MINUTE_MS + n * 1_000);
        Trade { symbol, t: now - behind_ms, price: 100 + n * 13 % 50, behind_ms, condition: 1 }
    };
    (0..1_800).map(trade).collect()
}

fn log(trades: &[Trade]) -> Home {
    let each = |trade: &Trade| [progress(trade.t + trade.behind_ms), line(trade)];
    let end = trades.iter().map(|trade| trade.t + trade.behind_ms).max().unwrap();
    let lines: Vec<String> = trades.iter().flat_map(each).chain([progress(end + MINUTE_MS)]).collect();
    log_of([&lines[..]])
}

/// The candles of one resolution, of trades with the flags to set prices and to add volume.
fn candles(trades: &[(&Trade, bool)], length_ms: u64) -> BTreeMap<Key, Candle> {
    let mut windows: BTreeMap<Key, Vec<&(&Trade, bool)>> = BTreeMap::new();
    for trade in trades {
        let key = (trade.0.symbol.clone(), trade.0.t / length_ms * length_ms);
        windows.entry(key).or_default().push(trade);
    }
    let candle = |mut all: Vec<&(&Trade, bool)>| {
        // The order of the log breaks ties.
        all.sort_by_key(|(trade, _)| trade.t);
        let count = all.len() as u64;
        if all.iter().any(|(_, sets_price)| *sets_price) {
            all.retain(|(_, sets_price)| *sets_price);
        }
        let prices: Vec<u64> = all.iter().map(|(trade, _)| trade.price).collect();
        let (first, last) = (prices[0], prices[prices.len() - 1]);
        [first, *prices.iter().max().unwrap(), *prices.iter().min().unwrap(), last, count]
    };
    windows.into_iter().map(|(key, all)| (key, candle(all))).collect()
}

fn diff(home: &Home, options: &str) -> Value {
    let text = home
        .ok(&format!("replay --log dir:log --diff sqlite:rows.db --format json --limit 100000 --workers 2 {options}"));
    serde_json::from_str(&text).unwrap()
}

fn key(row: &Value) -> Key {
    (row["symbol"].as_str().unwrap().to_owned(), row["window_start"].as_u64().unwrap())
}

fn candle(row: &Value) -> Candle {
    let price = |name: &str| row[name].as_f64().unwrap() as u64;
    [price("open"), price("high"), price("low"), price("close"), row["trades"].as_u64().unwrap()]
}

/// Compares what was said of candles with the candles of both sides. Returns how many differ.
fn assert_candles(said: &Value, store: &[(&Trade, bool)], replay: &[(&Trade, bool)]) -> usize {
    let mut differ = 0;
    for (table, length_ms) in TABLES {
        let said = &said["tables"][table];
        let (store, replay) = (candles(store, length_ms), candles(replay, length_ms));
        let keys: BTreeSet<&Key> = store.keys().chain(replay.keys()).collect();
        let mut wanted = BTreeMap::new();
        for key in &keys {
            let both = (store.get(*key).copied(), replay.get(*key).copied());
            if both.0 != both.1 {
                wanted.insert((*key).clone(), both);
            }
        }
        let rows = said["rows"].as_array().unwrap();
        let side = |row: &Value| (!row.is_null()).then(|| candle(row));
        let found: BTreeMap<Key, _> = rows
            .iter()
            .map(|row| {
                let any = if row["store"].is_null() { &row["replay"] } else { &row["store"] };
                (key(any), (side(&row["store"]), side(&row["replay"])))
            })
            .collect();
        assert_eq!(found, wanted, "{table}");
        let count = |is: fn(&(Option<Candle>, Option<Candle>)) -> bool| wanted.values().filter(|both| is(both)).count();
        let counts = [
            ("only_in_store", count(|both| both.1.is_none())),
            ("only_in_replay", count(|both| both.0.is_none())),
            ("different", count(|both| both.0.is_some() && both.1.is_some())),
            ("equal", keys.len() - wanted.len()),
            ("not_compared_changed_since", 0),
        ];
        counts.iter().for_each(|(name, count)| assert_eq!(said[name], *count, "{table} {name}"));
        differ += wanted.len();
    }
    differ
}

/// Windows of indicators that were said to differ.
fn indicators(said: &Value) -> BTreeSet<Key> {
    let rows = said["tables"]["indicators_5s"]["rows"].as_array().unwrap();
    rows.iter().map(|row| key(if row["store"].is_null() { &row["replay"] } else { &row["store"] })).collect()
}

#[test]
fn other_lateness_changes_what_late_trades_changed() {
    let trades = late_trades();
    let home = log(&trades);
    home.ok("work --log dir:log --store sqlite:rows.db --until-end");
    let before = std::fs::read(home.path("rows.db")).unwrap();
    let accepted = |minutes: u64| -> Vec<(&Trade, bool)> {
        trades.iter().filter(|trade| trade.behind_ms <= minutes * MINUTE_MS).map(|trade| (trade, true)).collect()
    };
    for minutes in [0, 2, 19] {
        let said = diff(&home, &format!("--allowed-lateness {minutes}m"));
        let (store, replay) = (accepted(15), accepted(minutes));
        assert!(assert_candles(&said, &store, &replay) > 20);
        // A trade more or less counts in all indicators of its symbol from its window on, on the same day.
        let counted = |trades: &[(&Trade, bool)], key: &Key| -> usize {
            trades.iter().filter(|(trade, _)| trade.symbol == key.0 && trade.t < key.1 + 5_000).count()
        };
        let windows: BTreeSet<Key> =
            [&store, &replay].into_iter().flat_map(|trades| candles(trades, 5_000).into_keys()).collect();
        let wanted: BTreeSet<Key> =
            windows.into_iter().filter(|key| counted(&store, key) != counted(&replay, key)).collect();
        assert_eq!(indicators(&said), wanted);
        let rejected = store.len().abs_diff(replay.len());
        let side = if minutes > 15 { "only_in_store" } else { "only_in_replay" };
        assert_eq!(said["tables"]["rejected"][side], rejected);
        let named = &said["settings_that_differ"];
        let here = format!("{} ms", minutes * MINUTE_MS);
        let wanted = serde_json::json!([{"name": "allowed-lateness", "store": "900000 ms", "replay": here}]);
        assert_eq!(named, &wanted);
    }
    assert_eq!(std::fs::read(home.path("rows.db")).unwrap(), before, "the store is only read");
    let said = home.ok("replay --log dir:log --diff sqlite:rows.db --allowed-lateness 2m --limit 1");
    for word in [
        "allowed-lateness 900000 ms in the store, 120000 ms here",
        "candles_1d S0, window 2024-06-03T00:00:00Z: open 109.0 -> 139.0, high 149.0 -> 148.0, ",
        "more (--limit N",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn other_conditions_change_the_prices_of_their_trades() {
    let trade = |n: u64| {
        // Odd lots, of which only the volume counts by the table that is built in.
        let (condition, price) = if n % 60 == 34 { (12, 900) } else { (1, 100 + n * 13 % 50) };
        Trade { symbol: "AAPL".to_owned(), t: T0 + n * 1_000, price, behind_ms: 0, condition }
    };
    let trades: Vec<Trade> = (0..300).map(trade).collect();
    let home = log(&trades);
    home.ok("work --log dir:log --store sqlite:rows.db --until-end");
    home.write("all.toml", "[[scheme]]\nprefix = \"\"\nkind = \"codes\"\n");
    let said = diff(&home, "--conditions all.toml");
    let by =
        |sets: fn(&Trade) -> bool| -> Vec<(&Trade, bool)> { trades.iter().map(|trade| (trade, sets(trade))).collect() };
    assert_eq!(assert_candles(&said, &by(|trade| trade.condition == 1), &by(|_| true)), 5 + 5 + 1 + 1 + 1);
    // The first odd lot is the last trade of its window, and its price stays in every average after that.
    let windows = (30_000..300_000).step_by(5_000).map(|ms| ("AAPL".to_owned(), T0 + ms));
    assert_eq!(indicators(&said), windows.collect());
    let named = said["settings_that_differ"].as_array().unwrap();
    assert_eq!((named.len(), &named[0]["name"]), (1, &Value::from("conditions")));
}

#[test]
fn the_same_settings_show_no_difference() {
    let home = log(&late_trades());
    home.ok("work --log dir:log --store sqlite:rows.db --until-end --allowed-lateness 2m");
    let said = diff(&home, "--allowed-lateness 2m");
    assert_eq!(said["settings_that_differ"], serde_json::json!([]));
    for table in tables::ROWS {
        let said = &said["tables"][table];
        let names = ["only_in_store", "only_in_replay", "different", "not_compared_changed_since"];
        names.iter().for_each(|name| assert_eq!(said[name], 0, "{table} {name}"));
        let sql = format!("SELECT count(*) FROM {table}");
        let rows: u64 = tables::open(&home.path("rows.db")).query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(said["equal"], rows, "{table}");
    }
    assert!(home.ok("replay --log dir:log --diff sqlite:rows.db --allowed-lateness 2m").contains("settings: the same"));
    // A start names the setting, too.
    home.fails(
        "verify --log dir:log --store sqlite:rows.db",
        2,
        &["allowed-lateness: 120000 ms there, 900000 ms here"],
    );
}

#[test]
fn only_rows_up_to_the_published_frontier_are_compared() {
    let home = log(&late_trades());
    let until = "2024-06-03T15:10:00Z";
    home.ok(&format!("replay --log dir:log --write-to sqlite:rows.db --until {until}"));
    let said = diff(&home, "");
    assert_eq!(
        (&said["as_of_ms"], &said["tables"]["candles_1d"]["equal"]),
        (&Value::from(T0 + 40 * MINUTE_MS), &Value::from(3))
    );
    assert_eq!(said["tables"]["candles_5s"]["only_in_replay"], 0);
    // With longer steps the replay ends before the store's frontier, and says so.
    home.ok("replay --log dir:log --write-to sqlite:rows.db --until 2024-06-03T15:10:03Z");
    let ended = home.run("replay --log dir:log --diff sqlite:rows.db --step 5s");
    ended.is(0, &["with these settings the log leads only to 2024-06-03T15:10:00Z", "not compared"]);
    assert!(ended.stdout.contains("not compared (changed in the store since)"), "{ended:?}");
}

#[test]
fn another_log_is_refused() {
    let home = log(&late_trades());
    home.ok("work --log dir:log --store sqlite:rows.db --until-end");
    home.ok("setup --log dir:other --partitions 1");
    append(&home, 0, &[progress(T0 + 90 * MINUTE_MS)]);
    home.fails("replay --log dir:other --diff sqlite:rows.db", 3, &["made from another log"]);
    home.fails("replay --log dir:log --diff sqlite:none.db", 2, &["none.db"]);
    let with = ["--write-to sqlite:a.db", "--from-offset 0=1", "--until now"];
    for other in with {
        home.fails(&format!("replay --log dir:log --diff sqlite:rows.db {other}"), 2, &["cannot be used with"]);
    }
    home.fails("replay --log dir:log --limit 3", 2, &["--diff"]);
}
