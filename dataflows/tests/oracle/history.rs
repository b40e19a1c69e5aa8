//! Rows as of any frontier: everything is recomputed as of every time step at which a symbol traded, and compared with
//! before.

use std::collections::{BTreeMap, BTreeSet};

use dataflows::output::counters::{COUNTERS, Counter};
use dataflows::output::digest::Digest;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::output::row::{CandleRow, GapRow, IndicatorRow, IndicatorValues, RejectedRow};
use dataflows::progress::time::Resolution;
use dataflows::symbols::symbol::Symbol;

use super::candle::{Candle, LENGTHS_MS, candles};
use super::indicator::indicators;
use super::partition::{Partition, Trade};
use super::{Log, Settings, digest};

/// The values that a row has had, each with the time step at which it became so.
type Versions<K, V> = BTreeMap<K, Vec<(u64, V)>>;

/// All that a log makes.
#[derive(Debug)]
pub struct Oracle {
    settings: Settings,
    log: Log,
    /// Every trade that was taken, by partition and then in the order of the log.
    pub trades: Vec<Trade>,
    rejected: Vec<RejectedRow>,
    gaps: Vec<GapRow>,
    counts: Vec<(u64, Counter)>,
    candles: Versions<(usize, String, u64), Candle>,
    indicators: Versions<(String, u64), IndicatorValues>,
}

impl Oracle {
    /// Works it all out.
    pub fn new(settings: &Settings, log: &Log) -> Self {
        let mut oracle = Self {
            settings: settings.clone(),
            log: log.clone(),
            trades: Vec::new(),
            rejected: Vec::new(),
            gaps: Vec::new(),
            counts: Vec::new(),
            candles: BTreeMap::new(),
            indicators: BTreeMap::new(),
        };
        for (partition, records) in log.iter().enumerate() {
            let mut read = Partition::read(settings, partition as u32, records);
            oracle.trades.append(&mut read.trades);
            oracle.rejected.append(&mut read.rejected);
            oracle.gaps.append(&mut read.gaps);
            oracle.counts.append(&mut read.counts);
        }
        let traded: BTreeSet<(u64, String)> = oracle.trades.iter().map(|t| (t.time, t.symbol.clone())).collect();
        for (step, symbol) in &traded {
            oracle.recompute(*step, symbol);
        }
        oracle
    }

    /// All rows of the symbol with all trades up to and with the time step; a value that is not what it was is a new
    /// version.
    fn recompute(&mut self, step: u64, symbol: &str) {
        let so_far: Vec<&Trade> = self.trades.iter().filter(|t| t.symbol == symbol && t.time <= step).collect();
        for (resolution, length_ms) in LENGTHS_MS.into_iter().enumerate() {
            for candle in candles(&so_far, length_ms) {
                let key = (resolution, symbol.to_string(), candle.window_start_ms);
                note(&mut self.candles, key, step, candle);
            }
        }
        let finest = candles(&so_far, LENGTHS_MS[0]);
        for (candle, values) in finest.iter().zip(indicators(&finest)) {
            note(&mut self.indicators, (symbol.to_string(), candle.window_start_ms), step, values);
        }
    }

    /// Candle rows as of a frontier, by resolution, symbol and window.
    pub fn candle_rows(&self, frontier: u64) -> Vec<CandleRow> {
        let row =
            |((resolution, symbol, window_start_ms), as_of, c): (&(usize, String, u64), u64, &Candle)| CandleRow {
                symbol: Symbol::new(symbol).unwrap(),
                resolution: Resolution::ALL[*resolution],
                window_start_ms: *window_start_ms,
                open: c.open,
                high: c.high,
                low: c.low,
                close: c.close,
                volume: c.volume,
                notional: c.notional,
                trades: c.trades,
                as_of,
            };
        as_of(&self.candles, frontier).map(row).collect()
    }

    /// Indicator rows as of a frontier, by symbol and window.
    pub fn indicator_rows(&self, frontier: u64) -> Vec<IndicatorRow> {
        let row = |((symbol, window_start_ms), as_of, values): (&(String, u64), u64, &IndicatorValues)| IndicatorRow {
            symbol: Symbol::new(symbol).unwrap(),
            window_start_ms: *window_start_ms,
            values: *values,
            as_of,
        };
        as_of(&self.indicators, frontier).map(row).collect()
    }

    /// Rejected records as of a frontier, by partition, offset and index.
    pub fn rejected_rows(&self, frontier: u64) -> Vec<RejectedRow> {
        self.rejected.iter().filter(|row| row.as_of < frontier).cloned().collect()
    }

    /// Gaps as of a frontier, by partition and offset.
    pub fn gap_rows(&self, frontier: u64) -> Vec<GapRow> {
        self.gaps.iter().filter(|row| row.as_of < frontier).cloned().collect()
    }

    /// The frontier row, as of any frontier.
    pub fn frontier_row(&self, frontier: u64) -> FrontierRow {
        let candles = self.candle_rows(frontier);
        let indicators = self.indicator_rows(frontier);
        let rejected = self.rejected_rows(frontier);
        let gaps = self.gap_rows(frontier);
        let mut counters = vec![0; COUNTERS];
        for (time, counter) in &self.counts {
            if *time < frontier {
                counters[counter.index()] += 1;
            }
        }
        FrontierRow {
            frontier,
            digest: Digest(digest::digest(&candles, &indicators, &rejected, &gaps)),
            rows: (candles.len() + indicators.len() + rejected.len() + gaps.len()) as i64,
            counters,
        }
    }

    /// The frontier when all is read.
    pub fn final_frontier(&self) -> u64 {
        final_frontier(&self.settings, &self.log)
    }

    /// The frontier when only the first `consumed` records of each partition are read.
    pub fn frontier_after(&self, consumed: &[usize]) -> u64 {
        frontier_after(&self.settings, &self.log, consumed)
    }

    /// Every time at which something counts, ascending: between two of them nothing changes.
    pub fn times(&self) -> Vec<u64> {
        let times: BTreeSet<u64> = self.counts.iter().map(|(time, _)| *time).collect();
        times.into_iter().collect()
    }

    /// The ends of the UTC minutes in which a row or a count changed, ascending: as of these frontier rows are kept.
    pub fn minutes(&self) -> Vec<u64> {
        let ends: BTreeSet<u64> = self.times().iter().map(|time| (time / 60_000 + 1) * 60_000).collect();
        ends.into_iter().collect()
    }
}

/// The frontier when the whole log is read.
pub fn final_frontier(settings: &Settings, log: &Log) -> u64 {
    let all: Vec<usize> = log.iter().map(Vec::len).collect();
    frontier_after(settings, log, &all)
}

/// The frontier when only the first `consumed` records of each partition are read.
pub fn frontier_after(settings: &Settings, log: &Log, consumed: &[usize]) -> u64 {
    assert_eq!(log.len(), consumed.len(), "a count for each partition");
    let frontier = |(partition, records): (usize, &Vec<super::Record>)| {
        Partition::read(settings, partition as u32, &records[..consumed[partition]]).frontier_step()
    };
    log.iter().enumerate().map(frontier).min().unwrap_or(0)
}

fn note<K: Ord, V: PartialEq>(versions: &mut Versions<K, V>, key: K, step: u64, value: V) {
    let of_key = versions.entry(key).or_default();
    if of_key.last().is_none_or(|(_, before)| *before != value) {
        of_key.push((step, value));
    }
}

/// The last version before the frontier of every key that has one.
fn as_of<K, V>(versions: &Versions<K, V>, frontier: u64) -> impl Iterator<Item = (&K, u64, &V)> {
    versions.iter().filter_map(move |(key, of_key)| {
        let (step, value) = of_key.iter().rev().find(|(step, _)| *step < frontier)?;
        Some((key, *step, value))
    })
}
