//! An in-memory store with a frontier that the test moves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use dataflows::log::reject::Reason;
use dataflows::output::counters::{COUNTERS, Counter};
use dataflows::output::digest::Digest;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::output::row::{GapRow, RejectedRow};
use dataflows::output::to_f64::INDICATOR_COLUMNS;
use dataflows::progress::time::Resolution;
use dataflows::state::manifest::SegmentKey;
use dataflows::symbols::entry::Entry;
use tickline::store::{
    DurableFrontier, GapRange, Heartbeat, Range, RejectedRange, RowTable, RowVisitor, StoreError, StoreReader,
    StoredCandle, StoredIndicators,
};

/// A store shared by all its clones and readers.
#[derive(Clone, Default)]
pub struct FakeStore(Arc<Mutex<Rows>>);

#[derive(Default)]
struct Rows {
    frontier: Option<DurableFrontier>,
    heartbeat: Option<Heartbeat>,
    gaps: Vec<GapRow>,
    candles: BTreeMap<(String, &'static str, u64), StoredCandle>,
    fails: bool,
}

/// A candle whose prices are all `price`.
pub fn candle(window_start_ms: u64, price: f64, as_of: u64) -> StoredCandle {
    StoredCandle {
        window_start_ms,
        open: price,
        high: price,
        low: price,
        close: price,
        volume: 2.0,
        notional: 2.0 * price,
        vwap: price,
        trades: 3,
        as_of,
    }
}

impl FakeStore {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap()
    }

    pub fn put(&self, symbol: &str, resolution: &'static str, candle: StoredCandle) {
        self.rows().candles.insert((symbol.to_owned(), resolution, candle.window_start_ms), candle);
    }

    /// Moves the frontier; digest, rows and counts follow from it.
    pub fn advance(&self, frontier: u64) {
        let mut counters = vec![0; COUNTERS];
        counters[Counter::Trades.index()] = frontier;
        counters[Counter::Rejected(Reason::BadJson).index()] = 2;
        counters[Counter::Rejected(Reason::TooFarAhead).index()] = 3;
        let row = FrontierRow { frontier, digest: Digest(u128::from(frontier)), rows: 12, counters };
        self.rows().frontier = Some(DurableFrontier { row, epoch: 7, resume: "[]".into() });
    }

    /// The next epoch, at the same frontier.
    pub fn restart(&self) {
        if let Some(frontier) = &mut self.rows().frontier {
            frontier.epoch += 1;
        }
    }

    pub fn beat(&self, heartbeat: Heartbeat) {
        self.rows().heartbeat = Some(heartbeat);
    }

    pub fn put_gap(&self, gap: GapRow) {
        self.rows().gaps.push(gap);
    }

    pub fn fail(&self, fails: bool) {
        self.rows().fails = fails;
    }

    pub fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        drop(self.working()?);
        Ok(Box::new(self.clone()))
    }

    fn working(&self) -> Result<MutexGuard<'_, Rows>, StoreError> {
        let rows = self.rows();
        let error = || StoreError::Failed { path: "fake".into(), what: "reading", why: "the disk is gone".into() };
        if rows.fails { Err(error()) } else { Ok(rows) }
    }
}

impl StoreReader for FakeStore {
    fn frontier(&mut self) -> Result<Option<DurableFrontier>, StoreError> {
        Ok(self.working()?.frontier.clone())
    }

    fn heartbeat(&mut self) -> Result<Option<Heartbeat>, StoreError> {
        Ok(self.working()?.heartbeat.clone())
    }

    fn gaps(&mut self, range: GapRange) -> Result<Vec<GapRow>, StoreError> {
        Ok(self.working()?.gaps.iter().filter(|row| range.contains(row)).cloned().collect())
    }

    fn frontiers(&mut self) -> Result<Vec<FrontierRow>, StoreError> {
        Ok(Vec::new())
    }

    fn read_segments(&mut self, _: &[SegmentKey]) -> Result<Vec<Vec<u8>>, StoreError> {
        Ok(Vec::new())
    }

    fn scan(&mut self, _: RowTable, _: &mut RowVisitor<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    fn candles(&mut self, symbol: &str, resolution: Resolution, range: Range) -> Result<Vec<StoredCandle>, StoreError> {
        let rows = self.working()?;
        let key = |ms| (symbol.to_owned(), resolution.name(), ms);
        let found = rows.candles.range(key(range.from_ms)..key(range.to_ms)).rev().take(range.limit);
        let mut found: Vec<_> = found.map(|(_, candle)| candle.clone()).collect();
        found.reverse();
        Ok(found)
    }

    fn indicators(&mut self, symbol: &str, range: Range) -> Result<Vec<StoredIndicators>, StoreError> {
        let candles = self.candles(symbol, Resolution::S5, range)?;
        let row = |candle: StoredCandle| StoredIndicators {
            window_start_ms: candle.window_start_ms,
            values: (0..INDICATOR_COLUMNS.len()).map(|at| at as f64 + 0.5).collect(),
            candles: 3,
            cumulative_trades: 9,
            as_of: candle.as_of,
        };
        Ok(candles.into_iter().map(row).collect())
    }

    fn latest(&mut self) -> Result<Vec<(String, StoredCandle)>, StoreError> {
        let rows = self.working()?;
        let days = rows.candles.iter().filter(|((_, resolution, _), _)| *resolution == "1d");
        let newest: BTreeMap<_, _> = days.map(|((symbol, ..), day)| (symbol.clone(), day.clone())).collect();
        Ok(newest.into_iter().collect())
    }

    fn rejected(&mut self, _wanted: &RejectedRange) -> Result<Vec<RejectedRow>, StoreError> {
        Ok(Vec::new())
    }

    fn symbols(&mut self, _wanted: &mut dyn FnMut(&Entry) -> bool) -> Result<Vec<Entry>, StoreError> {
        Ok(Vec::new())
    }
}
