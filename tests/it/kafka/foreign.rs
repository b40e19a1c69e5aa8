//! Interoperability: trades from other producers are counted, and other consumers read Tickline's records.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use dataflows::log::control::progress;
use serde_json::{Value, json};
use tickline::ingest::router::route;
use tickline::log::LogWriter;
use tickline::log::address::LogAddress;
use tickline::log::partitioner::partition_of;

use crate::shared::broker::{log_address, shared, topic};
use crate::shared::clients;
use crate::shared::process::{Home, wait_for};

const T0: u64 = 1_700_000_000_000;
/// A number that has nothing in common with that of bytes in a word of the hash.
const PARTITIONS: u32 = 7;
/// Trades of a symbol in each file, one per second.
const TRADES: u64 = 20;

/// Symbols of every length, in several scripts, with spaces and what JSON escapes.
fn symbols() -> Vec<String> {
    let mut symbols: Vec<String> =
        ["IC MARKETS:1", "BRK.B", "BINANCE:BTCUSDT", "Ü", "ÅÄÖ:é", "東京:トヨタ", "🦀:🚀", "q\"\\/'"]
            .map(String::from)
            .to_vec();
    symbols.extend((0..150).map(|n| format!("SYM {n}")));
    symbols.extend((0..100).map(|n| format!("BÖRSE:{}{n}", "x".repeat(n))));
    symbols.extend((1..=64).map(|n| "é".repeat(n)));
    symbols
}

fn trade(symbol: &str, event_ms: u64, volume: u64) -> String {
    json!({ "c": null, "p": 10.5, "s": symbol, "t": event_ms, "v": volume }).to_string()
}

/// A file of trades of all symbols.
fn file(volume: u64) -> String {
    let times = (0..TRADES).map(|n| T0 + 1_000 * n);
    let symbols = symbols();
    let mut text = String::new();
    for event_ms in times {
        symbols.iter().for_each(|symbol| writeln!(text, "{}", trade(symbol, event_ms, volume)).unwrap());
    }
    text
}

fn writer(topic: &str) -> Box<dyn LogWriter> {
    log_address(topic).parse::<LogAddress>().unwrap().open_writer().unwrap()
}

fn read(topic: &str) -> Vec<Value> {
    clients::run("consumer", "", &[&shared().address, topic]).as_array().unwrap().clone()
}

#[test]
fn trades_of_other_producers_are_counted() {
    let (home, topic, symbols) = (Home::new(), topic(PARTITIONS), symbols());
    for (volume, client) in [(1, "kafka-python"), (2, "confluent-kafka")] {
        home.write("trades.jsonl", file(volume));
        let path = home.path("trades.jsonl");
        let placed = clients::run("producer", "", &[&shared().address, &topic, client, path.to_str().unwrap()]);
        let placed = placed.as_array().unwrap();
        assert_eq!(placed.len() as u64, symbols.len() as u64 * TRADES, "{client}");
        for place in placed {
            let symbol = place[0].as_str().unwrap();
            let ours = partition_of(symbol.as_bytes(), PARTITIONS);
            assert_eq!(place[1].as_u64(), Some(u64::from(ours)), "{client}: {symbol}");
        }
        let used: BTreeSet<_> = placed.iter().map(|place| place[1].as_u64()).collect();
        assert_eq!(used.len(), PARTITIONS as usize, "{used:?}");
    }
    home.write("trades.jsonl", file(3));
    let log = log_address(&topic);
    home.ok(&format!("import trades.jsonl --log {log}"));

    // With any producer, a symbol's trades are in one partition and have the symbol as key.
    let mut writers_of: BTreeMap<(String, u64), BTreeSet<u64>> = BTreeMap::new();
    for record in read(&topic) {
        if let Some(symbol) = record["value"]["s"].as_str() {
            assert_eq!(record["key"], symbol, "{record}");
            let place = (symbol.to_string(), record["partition"].as_u64().unwrap());
            writers_of.entry(place).or_default().insert(record["value"]["v"].as_u64().unwrap());
        }
    }
    assert_eq!(writers_of.len(), symbols.len(), "a symbol in two partitions");
    assert!(writers_of.values().all(|writers| *writers == BTreeSet::from([1, 2, 3])));

    let settings = "--max-out-of-orderness 30s --workers 2";
    home.ok(&format!("work --log {log} --store sqlite:rows.db --until-end {settings}"));
    let status: Value = serde_json::from_str(&home.ok("status --store sqlite:rows.db --format json")).unwrap();
    assert_eq!(status["counters"]["trades"], 3 * TRADES * symbols.len() as u64, "{status}");
    assert_eq!(status["rejected"], json!([]));
    let store = rusqlite::Connection::open(home.path("rows.db")).unwrap();
    let mut query = store.prepare("SELECT symbol, trades, volume FROM candles_1d ORDER BY symbol").unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?, row.get::<_, f64>(2)?));
    let counted: Vec<_> = query.query_map([], row).unwrap().map(Result::unwrap).collect();
    let mut wanted: Vec<_> = symbols.into_iter().map(|symbol| (symbol, 3 * TRADES, (6 * TRADES) as f64)).collect();
    wanted.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(counted, wanted);
    let last = |workers: u16| {
        let lines = home.ok(&format!("replay --log {log} --max-out-of-orderness 30s --workers {workers}"));
        serde_json::from_str::<Value>(lines.lines().last().unwrap()).unwrap()
    };
    assert_eq!(last(1), last(3));
    assert_eq!(last(1)["digest"], status["digest"]);
}

#[test]
fn other_consumers_read_all_record_kinds() {
    let topic = topic(PARTITIONS);
    let symbols = symbols();
    let mut writer = writer(&topic);
    // Frames of the feed: two trades of one symbol and one of another.
    let mut wanted: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (n, symbol) in symbols.iter().enumerate() {
        let other = &symbols[(n + 1) % symbols.len()];
        let trades = [(symbol, 1), (other, 2), (symbol, 3)].map(|(s, volume)| trade(s, T0 + n as u64, volume));
        let text = format!(r#"{{"data":[{}],"type":"trade"}}"#, trades.join(","));
        for record in route(&text, PARTITIONS).records {
            let key = record.key.as_ref().map(|symbol| symbol.as_str().as_bytes());
            writer.append(record.partition, key, &record.bytes).unwrap();
        }
        let [first, between, last] = trades.map(|text| serde_json::from_str::<Value>(&text).unwrap());
        wanted.entry(symbol.clone()).or_default().push(json!({ "type": "trade", "data": [first, last] }));
        wanted.entry(other.clone()).or_default().push(between);
    }
    (0..PARTITIONS).for_each(|partition| writer.append(partition, None, &progress("a", T0)).unwrap());
    writer.sync().unwrap();

    let mut seen: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut progress = BTreeSet::new();
    for record in read(&topic) {
        let partition = record["partition"].as_u64().unwrap();
        match record["key"].as_str() {
            Some(symbol) => {
                assert_eq!(partition, u64::from(partition_of(symbol.as_bytes(), PARTITIONS)), "{record}");
                seen.entry(symbol.to_string()).or_default().push(record["value"].clone());
            }
            None => {
                assert_eq!(record["value"], json!({ "type": "progress", "source": "a", "event_ms": T0 }));
                progress.insert(partition);
            }
        }
    }
    // The one trade of a symbol that comes after its own frame is that of the first symbol only.
    assert_eq!(seen, wanted);
    assert_eq!(progress.len(), PARTITIONS as usize);
}

#[test]
fn other_consumers_read_ingested_trades() {
    let (home, topic) = (Home::new(), topic(PARTITIONS));
    let simulator = home.start("simulate --listen 127.0.0.1:0 --activity 20");
    let url = wait_for("the simulator", || {
        let said = simulator.stdout();
        Some(format!("ws://{}/", said.split_once("ws://")?.1.split_once('/')?.0))
    });
    let log = log_address(&topic);
    let line = format!("ingest --log {log} --source one --symbols AAPL,NVDA,BINANCE:BTCUSDT --url {url}");
    let mut ingest = home.start_with(&line, &[("FINNHUB_TOKEN", "key")]);
    let end = |partition| log.parse::<LogAddress>().unwrap().open().unwrap().end_offset(partition).unwrap();
    wait_for("some hundred records", || ((0..PARTITIONS).map(end).sum::<u64>() > 300).then_some(()));
    ingest.terminate();
    ingest.end("the ingest").is(0, &[]);

    let mut trades: BTreeMap<String, usize> = BTreeMap::new();
    let mut last: BTreeMap<u64, Value> = BTreeMap::new();
    for record in read(&topic) {
        let (value, partition) = (&record["value"], record["partition"].as_u64().unwrap());
        last.insert(partition, value.clone());
        let Some(key) = record["key"].as_str() else {
            assert!(value["type"] == "progress" && value["event_ms"].is_u64() || value["type"] == "bye", "{record}");
            assert_eq!(value["source"], "one");
            continue;
        };
        assert_eq!(partition, u64::from(partition_of(key.as_bytes(), PARTITIONS)), "{record}");
        let all = value["data"].as_array().map_or_else(|| vec![value], |frame| frame.iter().collect());
        for trade in &all {
            assert!(trade["s"] == key && trade["p"].is_number() && trade["t"].is_u64(), "{record}");
        }
        *trades.entry(key.to_string()).or_default() += all.len();
    }
    assert_eq!(trades.keys().collect::<Vec<_>>(), ["AAPL", "BINANCE:BTCUSDT", "NVDA"]);
    assert!(trades.values().sum::<usize>() > 100, "{trades:?}");
    assert_eq!(last.len(), PARTITIONS as usize);
    assert!(last.values().all(|value| value["type"] == "bye"), "{last:?}");
}
