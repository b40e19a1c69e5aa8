//! Suite for every store: plain functions over the traits.

use std::any::Any;

use dataflows::log::reject::Reason;
use dataflows::output::counters::{COUNTERS, Counter};
use dataflows::output::digest::Digest;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::output::row::{CandleRow, GapRow, IndicatorRow, IndicatorValues, RejectedRow};
use dataflows::output::to_f64::INDICATOR_COLUMNS;
use dataflows::progress::time::{DAY_MS, Resolution};
use dataflows::state::manifest::SegmentKey;
use dataflows::symbols::entry::Entry;
use dataflows::symbols::symbol::Symbol;
use ethnum::I256;
use tickline::exit_code::ExitCode as _;
use tickline::store::{
    Checkpoint, DurableFrontier, PipelineSettings, Range, RejectedRange, RowBatch, Store, StoreError, StoreReader,
    StoredCandle,
};

/// A new, empty store and how to open it.
pub struct Subject {
    pub writer: Box<dyn Fn() -> Box<dyn Store>>,
    pub reader: Box<dyn Fn() -> Box<dyn StoreReader>>,
    pub _home: Box<dyn Any>,
}

/// Names a segment.
pub fn key(shard: u32, epoch: u64, frontier: u64) -> SegmentKey {
    SegmentKey { shard, epoch, frontier }
}

/// A segment that is stored.
pub fn segment(store: &mut dyn Store, key: SegmentKey) -> Vec<u8> {
    store.segments(&[key]).unwrap().remove(0)
}

type Make<'a> = &'a dyn Fn() -> Subject;

/// Runs the suite.
pub fn all(make: Make) {
    a_new_store_is_empty(make);
    rows_come_back_as_doubles(make);
    rejected_records_by_place_and_reason(make);
    ranges_keep_the_newest_rows(make);
    an_older_write_never_wins(make);
    the_frontier_never_goes_back(make);
    kept_rows_are_verified(make);
    a_failed_commit_leaves_nothing(make);
    epochs_fence(make);
    checkpoints_replace_each_other(make);
    segments_of_a_dead_epoch_are_found(make);
    segments_are_listed(make);
    dropped_checkpoint_is_not_resumed_from(make);
    drop_is_fenced(make);
    settings_of_newest_epoch_are_read(make);
    latest_lists_every_symbol_once(make);
    the_newest_entry_of_a_symbol_stays(make);
}

pub const ALL: Range = Range { from_ms: 0, to_ms: u64::MAX, limit: usize::MAX };
const PRICE: i128 = 1_000_000_000_000_000_000;
const ONE: i128 = 10_000_000_000;

pub fn candle(symbol: &str, resolution: Resolution, window_start_ms: u64, price: i128, as_of: u64) -> CandleRow {
    CandleRow {
        symbol: Symbol::new(symbol).unwrap(),
        resolution,
        window_start_ms,
        open: price * PRICE,
        high: (price + 1) * PRICE,
        low: price * PRICE / 2,
        close: price * PRICE + PRICE / 4,
        volume: 3 * ONE,
        notional: I256::from(6 * price * ONE * PRICE),
        trades: 7,
        as_of,
    }
}

fn stored(window_start_ms: u64, price: f64, as_of: u64) -> StoredCandle {
    StoredCandle {
        window_start_ms,
        open: price,
        high: price + 1.0,
        low: price / 2.0,
        close: price + 0.25,
        volume: 3.0,
        notional: 6.0 * price,
        vwap: 2.0 * price,
        trades: 7,
        as_of,
    }
}

fn rejected(offset: u64, index: u32) -> RejectedRow {
    let original = vec![b'{', 0, 255].into_boxed_slice();
    RejectedRow {
        partition: 2,
        offset,
        index,
        reason: Reason::BadPrice,
        original,
        original_bytes_total: 9,
        as_of: 4_000,
    }
}

/// A batch with rows of every kind.
pub fn batch() -> RowBatch {
    let candles = Resolution::ALL.map(|r| candle("B:X", r, 10 * DAY_MS, 10 + r as i128, 9_000)).to_vec();
    let values = IndicatorValues {
        candles: 2,
        close_sums: [3 * PRICE; 3],
        volume_60: 4 * ONE,
        notional_60: I256::from(2 * ONE * PRICE),
        cumulative_volume: 4 * ONE,
        cumulative_notional: I256::from(2 * ONE * PRICE),
        cumulative_trades: 5,
        ..IndicatorValues::default()
    };
    let indicators = vec![IndicatorRow {
        symbol: Symbol::new("B:X").unwrap(),
        window_start_ms: 10 * DAY_MS + 5_000,
        values,
        as_of: 9_000,
    }];
    let rejected = vec![rejected(8, 1), rejected(8, 0), rejected(7, 0)];
    let (source, cause) = ("one".into(), "closed".into());
    let gap = GapRow { partition: 2, offset: 9, source, from_ms: 5, to_ms: 7, cause, as_of: 4_000 };
    RowBatch { candles, indicators, rejected, gaps: vec![gap] }
}

pub fn row(frontier: u64, digest: u128) -> FrontierRow {
    let mut row = FrontierRow { frontier, digest: Digest(digest), rows: 3, counters: vec![0; COUNTERS] };
    row.counters[Counter::Trades.index()] = 11;
    row.counters[Counter::Rejected(Reason::TooFarAhead).index()] = 2;
    row
}

pub fn durable(frontier: u64, digest: u128, epoch: u64) -> DurableFrontier {
    let resume = format!(r#"[{{"partition":0,"offset":{frontier},"frontier":{frontier}}}]"#);
    DurableFrontier { row: row(frontier, digest), epoch, resume }
}

pub fn checkpoint(frontier: u64) -> Checkpoint {
    Checkpoint { frontier, header: vec![0, 1, 254, frontier as u8] }
}

fn candles(candles: Vec<CandleRow>) -> RowBatch {
    RowBatch { candles, ..RowBatch::default() }
}

fn a_new_store_is_empty(make: Make) {
    let subject = make();
    let mut store = (subject.writer)();
    let mut reader = (subject.reader)();
    assert_eq!(reader.frontier().unwrap(), None);
    assert!(reader.frontiers().unwrap().is_empty() && reader.latest().unwrap().is_empty());
    assert!(reader.candles("B:X", Resolution::S5, ALL).unwrap().is_empty());
    assert!(reader.indicators("B:X", ALL).unwrap().is_empty());
    assert!(reader.rejected(&RejectedRange::first(9)).unwrap().is_empty());
    assert_eq!(store.open_epoch().unwrap(), (1, None));
    store.write(&RowBatch::default()).unwrap();
}

fn rows_come_back_as_doubles(make: Make) {
    let subject = make();
    let mut store = (subject.writer)();
    store.open_epoch().unwrap();
    store.write(&batch()).unwrap();
    let mut reader = (subject.reader)();
    for r in Resolution::ALL {
        let wanted = stored(10 * DAY_MS, f64::from(10 + r as u8), 9_000);
        assert_eq!(reader.candles("B:X", r, ALL).unwrap(), [wanted]);
    }
    let rows = reader.indicators("B:X", ALL).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].window_start_ms, rows[0].candles, rows[0].cumulative_trades, rows[0].as_of),
        (10 * DAY_MS + 5_000, 2, 5, 9_000)
    );
    let value = |name| rows[0].values[INDICATOR_COLUMNS.iter().position(|c| *c == name).unwrap()];
    assert_eq!((value("sma_12"), value("vwap_60"), value("rsi_14"), value("cumulative_volume")), (1.5, 0.5, 50.0, 4.0));
}

fn rejected_records_by_place_and_reason(make: Make) {
    let subject = make();
    let mut store = (subject.writer)();
    store.open_epoch().unwrap();
    let other = RejectedRow { partition: 0, reason: Reason::BadJson, ..rejected(9, 0) };
    store.write(&batch()).unwrap();
    store.write(&RowBatch { rejected: vec![other.clone()], ..RowBatch::default() }).unwrap();
    let mut reader = (subject.reader)();
    let mut read = |wanted: RejectedRange| reader.rejected(&wanted).unwrap();
    let all = RejectedRange::first(9);
    let rows = [other, rejected(7, 0), rejected(8, 0), rejected(8, 1)];
    assert_eq!(read(all), rows);
    assert_eq!(read(RejectedRange::first(2)), rows[..2]);
    assert_eq!(read(RejectedRange { reason: Some(Reason::BadPrice), ..all }), rows[1..]);
    assert_eq!(read(RejectedRange { reason: Some(Reason::BadTime), ..all }), []);
    assert_eq!(read(RejectedRange { partition: Some(0), ..all }), rows[..1]);
    assert_eq!(read(RejectedRange { partition: Some(1), ..all }), []);
    assert_eq!(read(RejectedRange { from_offset: 8, ..all }), [&rows[..1], &rows[2..]].concat());
    // Each row once as the end of a page.
    for (n, row) in rows.iter().enumerate() {
        let after = Some((row.partition, row.offset, row.index));
        assert_eq!(read(RejectedRange { after, ..all }), rows[n + 1..], "after {after:?}");
    }
    let after = Some((2, 7, 0));
    assert_eq!(read(RejectedRange { after, partition: Some(2), from_offset: 1, limit: 1, ..all }), rows[2..3]);
}

fn ranges_keep_the_newest_rows(make: Make) {
    let subject = make();
    let mut store = (subject.writer)();
    // Windows on both sides of two bucket ends, and a symbol that is a prefix of another. Each day with a row has its
    // daily candle, as the dataflow writes them.
    let starts: Vec<u64> = (0..40).map(|n| 3 * DAY_MS - 100_000 + n * 5_000 * 700).collect();
    let rows = |symbol: &str, price| {
        let days = (2..5).map(|day| candle(symbol, Resolution::D1, day * DAY_MS, price, 1));
        starts.iter().map(|s| candle(symbol, Resolution::S5, *s, price, 1)).chain(days).collect()
    };
    store.write(&candles(rows("B:X", 1))).unwrap();
    store.write(&candles(rows("B:XY", 2))).unwrap();
    let mut reader = (subject.reader)();
    let mut read = |from_ms, to_ms, limit| -> Vec<u64> {
        let rows = reader.candles("B:X", Resolution::S5, Range { from_ms, to_ms, limit }).unwrap();
        assert!(rows.iter().all(|row| row.open == 1.0));
        rows.iter().map(|row| row.window_start_ms).collect()
    };
    assert_eq!(read(0, u64::MAX, usize::MAX), starts);
    assert_eq!(read(starts[3], starts[30], 99), starts[3..30]);
    assert_eq!(read(starts[3] + 1, starts[30] + 1, 99), starts[4..=30]);
    assert_eq!(read(starts[3], starts[30], 5), starts[25..30]);
    assert!(read(starts[3], starts[3], 5).is_empty() && read(9, 3, 5).is_empty() && read(0, u64::MAX, 0).is_empty());
}

fn an_older_write_never_wins(make: Make) {
    let subject = make();
    let mut store = (subject.writer)();
    for (price, as_of, wins) in [(1, 5_000, 1.0), (2, 6_000, 2.0), (3, 5_000, 2.0), (4, 6_000, 4.0), (5, 0, 4.0)] {
        let of = |resolution, start| candle("A", resolution, start, price, as_of);
        store.write(&candles(vec![of(Resolution::M1, 60_000), of(Resolution::D1, 0)])).unwrap();
        let rows = (subject.reader)().candles("A", Resolution::M1, ALL).unwrap();
        assert_eq!(rows.iter().map(|row| row.open).collect::<Vec<_>>(), [wins]);
    }
}

fn the_frontier_never_goes_back(make: Make) {
    let subject = make();
    let mut store = (subject.writer)();
    let (epoch, _) = store.open_epoch().unwrap();
    for (frontier, seen) in [(5_000, 5_000), (7_000, 7_000), (6_000, 7_000), (7_000, 7_000), (9_000, 9_000)] {
        store.commit_frontier(&durable(frontier, 1, epoch), &[]).unwrap();
        assert_eq!((subject.reader)().frontier().unwrap(), Some(durable(seen, 1, epoch)));
    }
    let error = store.commit_frontier(&durable(9_000, 2, epoch), &[]).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

fn kept_rows_are_verified(make: Make) {
    let subject = make();
    let mut store = (subject.writer)();
    let (epoch, _) = store.open_epoch().unwrap();
    let big = u128::MAX - 5;
    store.commit_frontier(&durable(130_000, 1, epoch), &[row(60_000, 1 << 100), row(120_000, big)]).unwrap();
    store.commit_frontier(&durable(190_000, 1, epoch), &[row(120_000, big), row(180_000, 4)]).unwrap();
    let wanted = [row(60_000, 1 << 100), row(120_000, big), row(180_000, 4)];
    assert_eq!((subject.reader)().frontiers().unwrap(), wanted);
    let error = store.commit_frontier(&durable(200_000, 1, epoch), &[row(120_000, 5)]).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&format!("{big:032x}")) && text.contains(&format!("{:032x}", 5)), "{text}");
    assert_eq!(error.exit_code(), 3);
    assert_eq!((subject.reader)().frontiers().unwrap(), wanted);
}

fn a_failed_commit_leaves_nothing(make: Make) {
    let subject = make();
    let mut store = (subject.writer)();
    let (epoch, _) = store.open_epoch().unwrap();
    store.commit_frontier(&durable(60_000, 1, epoch), &[row(60_000, 1)]).unwrap();
    assert!(store.commit_frontier(&durable(120_000, 1, epoch), &[row(120_000, 7), row(60_000, 2)]).is_err());
    let mut reader = (subject.reader)();
    assert_eq!(reader.frontier().unwrap().unwrap().row.frontier, 60_000);
    assert_eq!(reader.frontiers().unwrap(), [row(60_000, 1)]);
}

fn epochs_fence(make: Make) {
    let subject = make();
    let mut old = (subject.writer)();
    let (first, _) = old.open_epoch().unwrap();
    old.commit_frontier(&durable(1_000, 1, first), &[]).unwrap();
    let mut new = (subject.writer)();
    let (second, _) = new.open_epoch().unwrap();
    assert!(second > first);
    let fenced = |result: Result<(), StoreError>| {
        let error = result.unwrap_err();
        assert!(matches!(error, StoreError::Fenced { ours, theirs, .. } if ours == first && theirs == second));
        assert_eq!(error.exit_code(), 4);
    };
    fenced(old.commit_frontier(&durable(2_000, 1, first), &[row(0, 1)]));
    fenced(old.put_segments(first, 2_000, &[(0, b"old")]));
    fenced(old.commit_checkpoint(first, &checkpoint(2_000), &[]));
    assert_eq!((subject.reader)().frontier().unwrap(), Some(durable(1_000, 1, first)));
    assert!((subject.reader)().frontiers().unwrap().is_empty());
    // Its rows can only be equal or older, so they are harmless.
    old.write(&batch()).unwrap();
    new.commit_frontier(&durable(2_000, 1, second), &[]).unwrap();
    assert_eq!((subject.reader)().frontier().unwrap(), Some(durable(2_000, 1, second)));
}

fn checkpoints_replace_each_other(make: Make) {
    let subject = make();
    let mut store = (subject.writer)();
    let (epoch, none) = store.open_epoch().unwrap();
    assert_eq!(none, None);
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let mut obsolete = Vec::new();
    for frontier in [1_000, 2_000] {
        store.put_segments(epoch, frontier, &[(3, &large)]).unwrap();
        store.put_segments(epoch, frontier, &[(255, &[frontier as u8])]).unwrap();
        store.commit_checkpoint(epoch, &checkpoint(frontier), &obsolete).unwrap();
        let wanted = [key(255, epoch, frontier), key(3, epoch, frontier)];
        assert_eq!(store.segments(&wanted).unwrap(), [vec![frontier as u8], large.clone()], "in the order asked for");
        assert_eq!((subject.reader)().checkpoint().unwrap(), Some((epoch, checkpoint(frontier))));
        obsolete = vec![key(3, epoch, frontier)];
    }
    let error = store.segments(&[key(255, epoch, 1_000), key(3, epoch, 1_000)]).unwrap_err();
    assert_eq!(error.exit_code(), 3, "a segment that is removed is not the same as an empty one: {error}");
    assert_eq!(segment(&mut *store, key(255, epoch, 1_000)), [232], "a later checkpoint may continue it");
    drop(store);
    let mut store = (subject.writer)();
    let (next, found) = store.open_epoch().unwrap();
    assert_eq!((next, found), (epoch + 1, Some(checkpoint(2_000))));
    assert_eq!(segment(&mut *store, key(3, epoch, 2_000)), large);
}

fn segments_of_a_dead_epoch_are_found(make: Make) {
    let subject = make();
    let mut old = (subject.writer)();
    let (first, _) = old.open_epoch().unwrap();
    old.put_segments(first, 5_000, &[(1, b"committed")]).unwrap();
    old.commit_checkpoint(first, &checkpoint(5_000), &[]).unwrap();
    old.put_segments(first, 9_000, &[(1, b"left over"), (2, b"left over")]).unwrap();
    drop(old);
    let mut new = (subject.writer)();
    let (second, found) = new.open_epoch().unwrap();
    assert_eq!(found, Some(checkpoint(5_000)));
    // The same frontier again, with one shard less.
    new.put_segments(second, 9_000, &[(1, b"new")]).unwrap();
    let left = [key(1, first, 9_000), key(2, first, 9_000)];
    let stored = [key(1, first, 5_000), left[0], key(1, second, 9_000), left[1]];
    assert_eq!(new.stored_segments().unwrap(), stored);
    new.commit_checkpoint(second, &checkpoint(9_000), &left).unwrap();
    assert_eq!(new.stored_segments().unwrap(), [stored[0], stored[2]]);
    assert_eq!(segment(&mut *new, stored[0]), b"committed");
    assert_eq!(segment(&mut *new, stored[2]), b"new");
}

fn segments_are_listed(make: Make) {
    let subject = make();
    let mut store = (subject.writer)();
    let (epoch, _) = store.open_epoch().unwrap();
    let list = || -> Vec<SegmentKey> {
        let all = (subject.reader)().segments().unwrap();
        assert!(all.iter().all(|(_, bytes)| bytes.is_none_or(|bytes| bytes == 600_000)), "{all:?}");
        all.into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!((list(), (subject.reader)().checkpoint().unwrap()), (vec![], None));
    store.commit_checkpoint(epoch, &checkpoint(3_000), &[]).unwrap();
    assert_eq!(list(), [], "a checkpoint without symbols");
    let large = vec![7; 600_000];
    store.put_segments(epoch, 5_000, &[(200, &large), (1, &large)]).unwrap();
    assert_eq!(list(), [key(1, epoch, 5_000), key(200, epoch, 5_000)]);
    assert_eq!((subject.reader)().checkpoint().unwrap(), Some((epoch, checkpoint(3_000))), "unfinished");
}

fn dropped_checkpoint_is_not_resumed_from(make: Make) {
    let subject = make();
    let mut store = (subject.writer)();
    let (first, _) = store.open_epoch().unwrap();
    store.commit_frontier(&durable(5_000, 1, first), &[]).unwrap();
    store.put_segments(first, 5_000, &[(1, b"old")]).unwrap();
    store.commit_checkpoint(first, &checkpoint(5_000), &[]).unwrap();
    store.put_segments(first, 9_000, &[(1, b"unfinished")]).unwrap();
    drop(store);
    let mut store = (subject.writer)();
    let (second, _) = store.open_epoch().unwrap();
    assert!(store.drop_checkpoint(second, 4_000).is_err(), "not the committed one");
    assert_eq!((subject.reader)().checkpoint().unwrap(), Some((first, checkpoint(5_000))));
    store.drop_checkpoint(second, 5_000).unwrap();
    assert!(store.drop_checkpoint(second, 5_000).is_err(), "already dropped");
    assert_eq!((subject.reader)().checkpoint().unwrap(), None);
    assert_eq!(store.stored_segments().unwrap(), []);
    drop(store);
    let mut store = (subject.writer)();
    let (third, found) = store.open_epoch().unwrap();
    assert_eq!((third, found), (second + 1, None));
    assert_eq!((subject.reader)().frontier().unwrap(), Some(durable(5_000, 1, first)), "what was published stays");
    // The log is read from its beginning, so the next checkpoint may be an earlier one.
    store.put_segments(third, 2_000, &[(1, b"new")]).unwrap();
    store.commit_checkpoint(third, &checkpoint(2_000), &[]).unwrap();
    assert_eq!(segment(&mut *store, key(1, third, 2_000)), b"new");
    // An epoch may drop a checkpoint that it has committed, and commit another one.
    store.drop_checkpoint(third, 2_000).unwrap();
    store.put_segments(third, 4_000, &[(1, b"newer")]).unwrap();
    store.commit_checkpoint(third, &checkpoint(4_000), &[]).unwrap();
    assert_eq!(segment(&mut *store, key(1, third, 4_000)), b"newer");
}

fn drop_is_fenced(make: Make) {
    let subject = make();
    let mut old = (subject.writer)();
    let (first, _) = old.open_epoch().unwrap();
    old.commit_checkpoint(first, &checkpoint(5_000), &[]).unwrap();
    let mut new = (subject.writer)();
    let (second, _) = new.open_epoch().unwrap();
    assert_eq!(old.drop_checkpoint(first, 5_000).unwrap_err().exit_code(), 4);
    assert!((subject.reader)().checkpoint().unwrap().is_some());
    new.drop_checkpoint(second, 5_000).unwrap();
    // A live worker ends with its next checkpoint.
    assert_eq!(old.commit_checkpoint(first, &checkpoint(6_000), &[]).unwrap_err().exit_code(), 4);
}

fn settings_of_newest_epoch_are_read(make: Make) {
    let subject = make();
    let mut old = (subject.writer)();
    let (first, _) = old.open_epoch().unwrap();
    let mut reader = (subject.reader)();
    assert_eq!((reader.settings().unwrap(), reader.allowed_lateness_ms().unwrap()), (None, None));
    let settings = PipelineSettings { step_ms: 250, allowed_lateness_ms: 600_000 };
    old.put_settings(first, settings).unwrap();
    assert_eq!(reader.settings().unwrap(), Some(settings));
    let mut new = (subject.writer)();
    let (second, _) = new.open_epoch().unwrap();
    new.put_settings(second, PipelineSettings { allowed_lateness_ms: 5, ..settings }).unwrap();
    assert_eq!(old.put_settings(first, settings).unwrap_err().exit_code(), 4);
    assert_eq!(reader.allowed_lateness_ms().unwrap(), Some(5));
}

fn latest_lists_every_symbol_once(make: Make) {
    let subject = make();
    let mut store = (subject.writer)();
    let days = |symbol: &str, days: &[u64]| -> Vec<CandleRow> {
        days.iter().map(|day| candle(symbol, Resolution::D1, day * DAY_MS, 1 + i128::from(*day), 5)).collect()
    };
    let all = [days("ü", &[1]), days("A", &[1, 3_639, 3_641, 2]), days("AB", &[7]), days("IC MARKETS:1", &[4, 2])];
    store.write(&candles(all.concat())).unwrap();
    store.write(&candles(vec![candle("Z:NODAY", Resolution::S5, 0, 1, 1)])).unwrap();
    let latest = (subject.reader)().latest().unwrap();
    let wanted = [("A", 3_641_u64), ("AB", 7), ("IC MARKETS:1", 4), ("ü", 1)];
    let wanted = wanted.map(|(symbol, day)| (symbol.to_string(), stored(day * DAY_MS, 1.0 + day as f64, 5)));
    assert_eq!(latest, wanted);
}

fn entry(symbol: &str, name: &str, as_of_ms: u64) -> Entry {
    let text = format!(
        r#"{{"type":"symbol","symbol":"{symbol}","display_symbol":"d","name":"{name}","market":"crypto","exchange":"e",
            "mic":"m","currency":"c","security_type":"s","figi":"f","isin":"i","status":"renamed","renamed_to":"r",
            "first_seen_ms":1,"last_seen_ms":2,"as_of_ms":{as_of_ms}}}"#
    );
    Entry::decode(text.as_bytes()).unwrap()
}

fn the_newest_entry_of_a_symbol_stays(make: Make) {
    let subject = make();
    let mut holder = (subject.writer)();
    holder.open_epoch().unwrap();
    // A symbol table sync needs no epoch, and runs next to a live worker.
    let mut sync = (subject.writer)();
    assert!((subject.reader)().symbols(&mut |_| true).unwrap().is_empty());
    let many: Vec<Entry> = (0..5_000).map(|n| entry(&format!("M{n:04}"), "many", 3)).collect();
    sync.put_symbols(&many).unwrap();
    sync.put_symbols(&[entry("B 1", "newer", 7), entry("A é", "it's", 5)]).unwrap();
    holder.put_symbols(&[entry("B 1", "older", 6), entry("A é", "newest", 8)]).unwrap();
    sync.put_symbols(&[entry("A é", "the same moment", 8)]).unwrap();
    holder.write(&batch()).unwrap();
    let mut reader = (subject.reader)();
    assert_eq!(
        reader.symbols(&mut |entry| entry.name != "many").unwrap(),
        [entry("A é", "newest", 8), entry("B 1", "newer", 7)]
    );
    let all = reader.symbols(&mut |_| true).unwrap();
    assert!(all.len() == 5_002 && all.is_sorted_by_key(|entry| entry.symbol.clone()));
}
