//! Every window of random logs: what is listed is what was written, and it makes the row that the store holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dataflows::log::conditions::{BUILT_IN, ConditionTable};
use dataflows::progress::time::Resolution;
use dataflows::settings::Settings;
use dataflows::symbols::symbol::Symbol;
use rusqlite::OptionalExtension as _;
use tickline::explain::{Explanation, Sources, Verdict, Window, explain};
use tickline::log::dir::{DirLog, file_name};
use tickline::store::sqlite::{SqliteReader, SqliteStore};
use tickline::worker::{self, Watch, WorkerConfig};

use super::expected::{Row, versions};
use super::world::{Fate, LATENESS_MS, MAX_AHEAD_MS, SYMBOLS, SYMBOLS_MAX, World, Written};
use crate::shared::tables;

/// A log in a directory, and the store that was made from it.
pub struct Made {
    dir: tempfile::TempDir,
    pub settings: Settings,
}

pub fn settings() -> Settings {
    let mut settings = Settings::new(ConditionTable::from_toml(BUILT_IN).unwrap());
    settings.allowed_lateness_ms = LATENESS_MS;
    settings.max_ahead_trade_ms = MAX_AHEAD_MS;
    settings.max_ahead_ms = 86_400_000;
    settings.symbols_max = SYMBOLS_MAX as u64;
    settings.dedup = true;
    settings
}

impl Made {
    /// Nothing is there yet.
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), settings: settings() }
    }

    pub fn store(&self) -> PathBuf {
        self.dir.path().join("rows.db")
    }

    pub fn log(&self) -> DirLog {
        DirLog::open(&self.dir.path().join("log")).unwrap()
    }

    /// Writes the log up to the end of a part, and works it off; a checkpoint is left.
    pub fn work(&self, world: &World, part: usize) {
        let directory = self.dir.path().join("log");
        DirLog::create(&directory, world.lines.len() as u32).unwrap();
        for ((partition, lines), end) in (0..).zip(&world.lines).zip(&world.ends[part]) {
            let text: String = lines[..*end].iter().map(|line| format!("{line}\n")).collect();
            std::fs::write(directory.join(file_name(partition)), text).unwrap();
        }
        let anchor_every = Duration::from_secs(1);
        let config = WorkerConfig { until_end: true, anchor_every, ..WorkerConfig::new(1, self.settings.clone()) };
        let (log, store) = (Arc::new(self.log()), Box::new(SqliteStore::open(&self.store()).unwrap()));
        worker::run(config, log, store, None, Arc::new(Watch::default())).unwrap();
    }

    pub fn explain(&self, store: &Path, windows: &[Window]) -> Vec<Explanation> {
        let (log, mut reader) = (self.log(), SqliteReader::open(store).unwrap());
        let sources = Sources { log: &log, settings: &self.settings, reader: &mut reader, is_stopped: &|| false };
        explain(sources, windows, usize::MAX).unwrap()
    }

    /// The stored row, as any client of SQLite reads it.
    fn stored(&self, connection: &rusqlite::Connection, window: &Window) -> Option<Row> {
        let sql = format!(
            "SELECT open, high, low, close, volume, notional, vwap, trades, as_of FROM candles_{} \
             WHERE symbol = ?1 AND window_start = ?2",
            window.resolution.name()
        );
        let mut statement = connection.prepare_cached(&sql).unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            Ok((std::array::from_fn(|at| row.get(at).unwrap()), row.get(7).unwrap(), row.get(8).unwrap()))
        };
        statement.query_row((window.symbol.as_str(), window.start_ms), row).optional().unwrap()
    }
}

/// All windows that hold something that was written, and for each symbol one that is empty.
pub fn windows(world: &World) -> Vec<Window> {
    let mut all = Vec::new();
    for resolution in Resolution::ALL {
        let window = |symbol: &str, ms| Window::holding(Symbol::new(symbol).unwrap(), resolution, ms);
        all.extend(world.written.iter().map(|trade| window(trade.symbol, trade.event_ms)));
        let first = world.written.iter().map(|trade| trade.event_ms).min().unwrap();
        all.extend(SYMBOLS.map(|symbol| window(symbol, first - resolution.length_ms())));
    }
    all.sort();
    all.dedup();
    all
}

type Place = (u32, u64, u32);

/// What must be listed of a window as of a frontier: the trades that count, in order, and reasons by place.
fn expected<'a>(trades: &[&'a Written], frontier: u64) -> (Vec<&'a Written>, BTreeMap<Place, (&'static str, u64)>) {
    let (mut counting, mut out) = (Vec::new(), BTreeMap::new());
    for trade in trades {
        let place = (trade.partition, trade.offset, trade.index);
        match trade.fate {
            Fate::Counts { at, late } if at < frontier => counting.push(((at, trade.event_ms, place), *trade, late)),
            Fate::Counts { at, .. } => assert_eq!(out.insert(place, ("not_counted_yet", at)), None),
            Fate::Out { reason, at } => assert_eq!(out.insert(place, (reason, at)), None),
        }
    }
    counting.sort_by_key(|(order, _, _)| *order);
    (counting.into_iter().map(|(_, trade, _)| trade).collect(), out)
}

/// Compares one explanation with what was written; returns whether it has a row.
fn check(explanation: &Explanation, trades: &[&Written], stored: Option<Row>) -> bool {
    let (counting, out) = expected(trades, explanation.frontier_ms);
    let what = format!("{} {} {}", explanation.symbol, explanation.resolution, explanation.window_start_ms);
    let listed: Vec<_> = explanation.accepted.listed.iter().collect();
    assert_eq!(listed.len(), counting.len(), "{what}");
    for (number, (listed, trade)) in (1..).zip(listed.iter().zip(&counting)) {
        let place = (listed.place.partition, listed.place.offset, listed.place.index);
        assert_eq!((listed.number, place), (number, (trade.partition, trade.offset, trade.index)), "{what}");
        assert_eq!((listed.event_ms, listed.price), (trade.event_ms, trade.quarters as f64 / 4.0), "{what}");
        assert_eq!(listed.volume, trade.volume as f64, "{what}");
        assert_eq!(Fate::Counts { at: listed.counted_at_ms, late: listed.late }, trade.fate, "{what}");
        let sets = ["last", "range", "volume"].map(|flag| listed.sets.contains(&flag));
        assert_eq!((sets[0], sets[1], sets[2]), trade.sets, "{what}");
    }
    let reasons = explanation.left_out.listed.iter().map(|trade| {
        let place = (trade.place.partition, trade.place.offset, trade.place.index);
        (place, (trade.reason, trade.decided_at_ms))
    });
    let left_out: BTreeMap<Place, _> = reasons.collect();
    assert_eq!(left_out, out, "{what}");
    assert_eq!(explanation.left_out.listed.len(), out.len(), "{what}: each is listed once");
    let row_of = |row: &tickline::store::StoredCandle| -> Row {
        ([row.open, row.high, row.low, row.close, row.volume, row.notional, row.vwap], row.trades, row.as_of)
    };
    let versions = versions(&counting);
    let found: Vec<Row> = explanation.versions.listed.iter().map(|version| row_of(&version.row)).collect();
    assert_eq!(found, versions, "{what}");
    for version in &explanation.versions.listed {
        let made = &explanation.accepted.listed[version.first_trade as usize - 1..version.last_trade as usize];
        assert!(made.iter().all(|trade| trade.counted_at_ms == version.row.as_of), "{what}");
        let of_step = listed.iter().filter(|trade| trade.counted_at_ms == version.row.as_of);
        assert_eq!(of_step.count(), made.len(), "{what}");
    }
    assert_eq!(stored, versions.last().copied(), "{what}: what is listed makes the stored row");
    assert_eq!(explanation.stored.as_ref().map(row_of), stored, "{what}");
    assert_eq!(explanation.computed.as_ref().map(row_of), stored, "{what}");
    let verdict = if stored.is_some() { Verdict::Equal } else { Verdict::NoRow };
    assert_eq!((explanation.verdict, explanation.mismatch()), (verdict, None), "{what}");
    stored.is_some()
}

/// Compares the explanations of all windows; returns how many have a row.
pub fn check_all(world: &World, made: &Made, windows: &[Window], explained: &[Explanation]) -> usize {
    let connection = tables::open(&made.store());
    let mut by_window: BTreeMap<Window, Vec<&Written>> = BTreeMap::new();
    for resolution in Resolution::ALL {
        for trade in &world.written {
            let window = Window::holding(Symbol::new(trade.symbol).unwrap(), resolution, trade.event_ms);
            by_window.entry(window).or_default().push(trade);
        }
    }
    assert_eq!(windows.len(), explained.len());
    let of = |(window, explanation): (&Window, &Explanation)| {
        let trades = by_window.get(window).map_or(&[][..], Vec::as_slice);
        usize::from(check(explanation, trades, made.stored(&connection, window)))
    };
    windows.iter().zip(explained).map(of).sum()
}

#[test]
fn every_written_trade_is_listed_once() {
    let (mut checked, mut rows) = (0, 0);
    let mut reasons: BTreeMap<&'static str, usize> = BTreeMap::new();
    for seed in 0..16 {
        let pace_ms = [3_000, 16_000][seed as usize % 2];
        let world = World::new(seed, 1 + seed as u32 % 3, (1, 1_200), pace_ms);
        let made = Made::new();
        made.work(&world, 0);
        let windows = windows(&world);
        let explained = made.explain(&made.store(), &windows);
        rows += check_all(&world, &made, &windows, &explained);
        checked += windows.len();
        let scan = &explained[0].scan;
        assert_eq!((scan.from_ms, scan.undecided), (None, 0));
        assert_eq!(scan.unreadable, world.unreadable.len() as u64);
        for (partition, lines) in scan.partitions.iter().zip(&world.lines) {
            assert_eq!((partition.from_offset, partition.to_offset), (0, lines.len() as u64));
        }
        for trade in explained.iter().flat_map(|explanation| &explanation.left_out.listed) {
            *reasons.entry(trade.reason).or_default() += 1;
        }
        let late = explained.iter().filter(|explanation| explanation.accepted.late > 0).count();
        let corrected = explained.iter().filter(|explanation| explanation.versions.total > 2).count();
        assert!(late > 100 && corrected > 50, "{late} {corrected}");
    }
    eprintln!("{checked} windows, {rows} with a row; {reasons:?}");
    assert!(checked >= 10_000 && rows > 8_000, "{checked} {rows}");
    let all = [
        "bad_conditions",
        "bad_price",
        "bad_volume",
        "beyond_allowed_lateness",
        "duplicate",
        "excluded",
        "not_counted_yet",
        "out_of_range",
        "too_far_ahead",
        "too_many_symbols",
    ];
    assert_eq!(reasons.keys().copied().collect::<Vec<_>>(), all);
    assert!(reasons.values().all(|count| *count >= 10), "{reasons:?}");
}
