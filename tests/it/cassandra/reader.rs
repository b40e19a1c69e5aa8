//! A reader that polls with only the driver: all rows before the frontier must exist, and nothing may go back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::cassandra::raw::Raw;
use crate::pipeline::growing::Background;

/// Result of an undisturbed run.
pub struct Wanted {
    /// The 5 s candles by symbol and window: `as_of`, and all values.
    candles: BTreeMap<(String, u64), (u64, String)>,
    /// Digest of each kept minute.
    minutes: BTreeMap<u64, String>,
    /// The last frontier.
    pub frontier: u64,
}

/// Progress of a keyspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The last epoch.
    pub epoch: u64,
    /// The durable frontier.
    pub frontier: Option<u64>,
    /// The epoch that wrote it.
    pub by: u64,
    /// Epoch and frontier of the committed checkpoint.
    pub checkpoint: Option<(u64, u64)>,
}

/// Counts of a reader.
#[derive(Debug, Default)]
pub struct Seen {
    /// Different frontiers.
    pub frontiers: u64,
    /// Rows that had to exist and did.
    pub rows: u64,
    /// Queries that the node did not answer.
    pub unanswered: u64,
}

const CANDLE: &str = "symbol, window_start, as_of, open, high, low, close, volume, notional, vwap, trades";

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn candles(rows: Vec<Vec<String>>) -> BTreeMap<(String, u64), (u64, String)> {
    rows.into_iter().map(|row| ((row[0].clone(), number(&row[1])), (number(&row[2]), row[3..].join("|")))).collect()
}

impl Wanted {
    pub fn of(raw: &Raw, keyspace: &str) -> Self {
        let minutes = raw.rows(&format!("SELECT frontier, digest FROM {keyspace}.frontier_history"));
        Self {
            candles: candles(raw.rows(&format!("SELECT {CANDLE} FROM {keyspace}.candles_5s"))),
            minutes: minutes.into_iter().map(|row| (number(&row[0]), row[1].clone())).collect(),
            frontier: progress(raw, keyspace).frontier.unwrap(),
        }
    }

    fn symbols(&self) -> Vec<String> {
        let mut symbols: Vec<String> = self.candles.keys().map(|(symbol, _)| symbol.clone()).collect();
        symbols.dedup();
        symbols
    }
}

/// Progress of a keyspace; `None` if the node does not answer.
pub fn try_progress(raw: &Raw, keyspace: &str) -> Option<Progress> {
    let one = |columns: &str, table: &str| -> Option<Option<Vec<String>>> {
        Some(raw.try_rows(&format!("SELECT {columns} FROM {keyspace}.{table}")).ok()?.into_iter().next())
    };
    let epoch = one("epoch", "epochs")?.map_or(0, |row| number(&row[0]));
    // Epoch 0 means not written yet.
    let frontier = one("frontier, epoch", "frontier")?.filter(|row| row[1] != "0");
    let checkpoint = one("epoch, frontier", "checkpoints")?.filter(|row| row[0] != "0");
    Some(Progress {
        epoch,
        by: frontier.as_ref().map_or(0, |row| number(&row[1])),
        frontier: frontier.map(|row| number(&row[0])),
        checkpoint: checkpoint.map(|row| (number(&row[0]), number(&row[1]))),
    })
}

/// Progress of a keyspace.
pub fn progress(raw: &Raw, keyspace: &str) -> Progress {
    try_progress(raw, keyspace).expect("the node answers")
}

/// Reads until it is stopped.
pub fn start(address: &str, keyspace: &str, wanted: &Arc<Wanted>) -> Background<Seen> {
    let raw = Raw::connect(address, Duration::from_secs(5));
    let (keyspace, wanted) = (keyspace.to_owned(), Arc::clone(wanted));
    Background::start(move |stop| read(&raw, &keyspace, &wanted, stop))
}

fn read(raw: &Raw, keyspace: &str, wanted: &Wanted, stop: &AtomicBool) -> Seen {
    let symbols = wanted.symbols();
    let mut seen = Seen::default();
    let mut last = Progress::default();
    let mut as_ofs: BTreeMap<(String, u64), u64> = BTreeMap::new();
    let mut round = 0;
    // One more read at the end.
    let mut is_last = false;
    while !is_last {
        is_last = stop.load(Ordering::SeqCst);
        let symbol = &symbols[round % symbols.len()];
        round += 1;
        let Some(found) = look(raw, keyspace, symbol) else {
            seen.unanswered += 1;
            continue;
        };
        let Some(frontier) = found.progress.frontier else { continue };
        assert!(Some(frontier) >= last.frontier, "the frontier went back: {last:?}, {:?}", found.progress);
        assert!(found.progress.by >= last.by, "an older epoch wrote: {last:?}, {:?}", found.progress);
        seen.frontiers += u64::from(Some(frontier) > last.frontier);
        last = found.progress;
        for (minute, digest) in wanted.minutes.range(..=frontier) {
            assert_eq!(found.minutes.get(minute), Some(digest), "the minute {minute}, at the frontier {frontier}");
        }
        for (key, (as_of, values)) in wanted.candles.iter().filter(|((of, _), _)| of == symbol) {
            if *as_of < frontier {
                assert_eq!(found.candles.get(key), Some(&(*as_of, values.clone())), "{key:?}, before {frontier}");
                seen.rows += 1;
            }
        }
        for (key, (as_of, values)) in found.candles {
            let before = as_ofs.insert(key.clone(), as_of);
            assert!(before <= Some(as_of), "{key:?} {values} went back from {before:?} to {as_of}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    seen
}

/// One read: first the frontier, then the rows that it covers.
struct Found {
    progress: Progress,
    minutes: BTreeMap<u64, String>,
    candles: BTreeMap<(String, u64), (u64, String)>,
}

fn look(raw: &Raw, keyspace: &str, symbol: &str) -> Option<Found> {
    let progress = try_progress(raw, keyspace)?;
    let minutes = raw.try_rows(&format!("SELECT frontier, digest FROM {keyspace}.frontier_history")).ok()?;
    let of_symbol = format!("symbol = '{}' ALLOW FILTERING", symbol.replace('\'', "''"));
    let rows = raw.try_rows(&format!("SELECT {CANDLE} FROM {keyspace}.candles_5s WHERE {of_symbol}")).ok()?;
    let minutes = minutes.into_iter().map(|row| (number(&row[0]), row[1].clone())).collect();
    Some(Found { progress, minutes, candles: candles(rows) })
}
