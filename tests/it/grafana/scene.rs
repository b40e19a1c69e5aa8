//! Two keyspaces of the shared node: trades around midnight and the end of a month, over more than an hour; and trades
//! of the last minutes, as alert rules meet them.

use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::{Value, json};

use crate::shared::node::{keyspace, shared};
use crate::shared::process::Home;

/// 2024-01-31T23:20:00Z.
const START_MS: u64 = 1_706_743_200_000;
/// Time span of the trades.
const SPAN_MS: u64 = 75 * 60 * 1_000;

/// A keyspace with rows up to a time.
pub struct Scene {
    pub keyspace: String,
    /// Milliseconds since 1970: all rows are before it.
    pub end_ms: u64,
}

/// A lock held by tests that measure and by tests that start another node, so that they do not run at the same time.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// More than an hour around midnight: three symbols that trade in almost every window, 117 that trade now and then.
pub fn past() -> &'static Scene {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    SCENE.get_or_init(|| make(&[(16_000, 3), (6_000, 120)], START_MS, SPAN_MS))
}

/// The last three minutes, of few symbols.
pub fn present() -> Scene {
    const LENGTH_MS: u64 = 180_000;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now_ms = u64::try_from(now.as_millis()).unwrap();
    make(&[(2_000, 10)], now_ms - LENGTH_MS, LENGTH_MS - 1_000)
}

/// Simulated trades of several symbols, spread over a time span so that few trades give many candles.
fn make(parts: &[(u64, usize)], start_ms: u64, span_ms: u64) -> Scene {
    let home = Home::new();
    let mut trades = Vec::new();
    for (count, symbols) in parts {
        let printed = home.ok(&format!("simulate --seed 7 --print {count} --instruments {symbols}"));
        trades.extend(spread(&printed, start_ms, span_ms));
    }
    trades.sort_by_key(|(t, _)| *t);
    home.write("trades.jsonl", trades.iter().map(|(_, trade)| format!("{trade}\n")).collect::<String>());
    home.ok("import trades.jsonl --log dir:log --partitions 2");
    for partition in 0..2 {
        report_gap(&home, partition, start_ms + span_ms);
    }
    let keyspace = keyspace();
    let store = shared().store_address(&keyspace);
    home.ok(&format!("setup --store {store} --replication 1"));
    home.ok(&format!("work --log dir:log --store {store} --until-end --workers 2"));
    Scene { keyspace, end_ms: start_ms + span_ms + 1 }
}

/// A source that reports a gap of half an hour, and leaves.
fn report_gap(home: &Home, partition: u32, end_ms: u64) {
    let records = [
        json!({ "type": "progress", "source": "gap", "event_ms": end_ms }),
        json!({ "type": "gap", "source": "gap", "from_ms": end_ms - 1_800_000, "to_ms": end_ms, "cause": "closed" }),
        json!({ "type": "bye", "source": "gap" }),
    ];
    let path = home.path(&format!("log/partition-{partition:05}.jsonl"));
    let mut log = std::fs::OpenOptions::new().append(true).open(path).unwrap();
    records.iter().for_each(|record| writeln!(log, "{record}").unwrap());
}

/// The same trades over another span, each with its time.
fn spread(printed: &str, start_ms: u64, span_ms: u64) -> Vec<(u64, Value)> {
    let mut trades: Vec<(u64, Value)> = printed.lines().map(timed).collect();
    let first = trades.iter().map(|(t, _)| *t).min().unwrap();
    let last = trades.iter().map(|(t, _)| *t).max().unwrap();
    for (t, trade) in &mut trades {
        *t = start_ms + (*t - first) * span_ms / (last - first);
        trade["t"] = json!(*t);
    }
    trades
}

fn timed(line: &str) -> (u64, Value) {
    let trade: Value = serde_json::from_str(line).unwrap();
    (trade["t"].as_u64().unwrap(), trade)
}
