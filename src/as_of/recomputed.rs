//! Rows of one symbol as of a time, computed from a checkpoint and the log: those that may have changed since.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use dataflows::candles::symbol_state::SymbolRows;
use dataflows::output::row::{CandleRow, IndicatorRow};
use dataflows::progress::time::{Resolution, Time};
use dataflows::symbols::symbol::Symbol;

use super::{AsOf, AsOfError};
use crate::log::{Log, first_offsets};
use crate::replay::{Origin, replay, replay_config};
use crate::store::anchor::{Anchor, WarmStart, anchors};
use crate::store::none::NoStore;
use crate::store::{RowBatch, StoreReader, StoredCandle, StoredIndicators};
use crate::worker::{Watch, WorkerConfig, WorkerError};

/// Rows of one symbol as of a time, of all windows that may have changed since.
#[derive(Debug, Default)]
pub struct Recomputed {
    candles: BTreeMap<(Resolution, u64), StoredCandle>,
    indicators: BTreeMap<u64, StoredIndicators>,
    /// Windows that end at or before this are left out.
    fixed_ms: u64,
}

impl Recomputed {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.candles.len() + self.indicators.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Candles of a resolution, ascending.
    pub(super) fn candles(&self, resolution: Resolution) -> impl Iterator<Item = StoredCandle> {
        let of = self.candles.range((resolution, 0)..=(resolution, u64::MAX));
        of.map(|(_, candle)| candle.clone())
    }

    /// Indicators, ascending.
    pub(super) fn indicators(&self) -> impl Iterator<Item = StoredIndicators> {
        self.indicators.values().cloned()
    }

    /// Takes later versions of rows.
    fn add<'a>(
        &mut self,
        candles: impl IntoIterator<Item = &'a CandleRow>,
        indicators: impl IntoIterator<Item = &'a IndicatorRow>,
    ) {
        let fixed_ms = self.fixed_ms;
        let may_change = |start_ms: u64, of: Resolution| start_ms >= of.window_start_ms(fixed_ms);
        let candles = candles.into_iter().filter(|row| may_change(row.window_start_ms, row.resolution));
        self.candles.extend(candles.map(|row| ((row.resolution, row.window_start_ms), row.into())));
        let indicators = indicators.into_iter().filter(|row| may_change(row.window_start_ms, Resolution::S5));
        self.indicators.extend(indicators.map(|row| (row.window_start_ms, row.into())));
    }
}

/// A computation that is about to begin.
pub struct Recomputing {
    as_of: AsOf,
    symbol: Symbol,
    log: Arc<dyn Log>,
    /// `None` begins with the log.
    start: Option<WarmStart>,
}

impl Recomputing {
    /// Finds where to begin: at the last checkpoint at or before the time after which the log has everything, or with
    /// the log.
    pub fn find(
        reader: &mut dyn StoreReader,
        log: Arc<dyn Log>,
        symbol: Symbol,
        as_of: AsOf,
    ) -> Result<Self, AsOfError> {
        let offsets = first_offsets(&*log)?;
        let start = WarmStart::last_before_of(reader, &symbol, &offsets, as_of.time)?;
        if start.is_none() && offsets.iter().any(|offset| *offset > 0) {
            let covered = |anchor: &Anchor| anchor.header.is_covered(&offsets);
            let oldest = anchors(reader)?.into_iter().find(covered).map(|anchor| anchor.checkpoint.frontier);
            let starts = (0..).zip(&offsets).filter(|(_, offset)| **offset > 0);
            let starts: Vec<_> = starts.map(|(partition, offset): (u32, _)| format!("{partition}={offset}")).collect();
            return Err(AsOfError::Gone { time: as_of.time, first: starts.join(", "), oldest });
        }
        Ok(Self { as_of, symbol, log, start })
    }

    /// Replays what lies between, which may take long: `watch` shows how far it is, and stops it.
    pub fn run(self, origin: &Origin, watch: &Arc<Watch>) -> anyhow::Result<Recomputed> {
        let Self { as_of, symbol, log, start } = self;
        let mut found = Recomputed { fixed_ms: as_of.fixed_ms(), ..Recomputed::default() };
        if let Some(start) = &start {
            let SymbolRows { candles, indicators } = rows_of(start, &symbol, as_of)?;
            found.add(&candles, &indicators);
        }
        let mut reached = start.as_ref().map_or(0, |start| start.checkpoint.frontier);
        if reached == as_of.time {
            return Ok(found);
        }
        let found = Arc::new(Mutex::new(found));
        let collected = Arc::clone(&found);
        let store = NoStore::handing_over(move |rows: &RowBatch| {
            let mut found = collected.lock().unwrap_or_else(PoisonError::into_inner);
            found.add(&rows.candles, &rows.indicators);
        });
        let config = WorkerConfig {
            until: Some(as_of.time),
            only: Some(symbol),
            ..replay_config(origin.workers, origin.settings.clone())
        };
        replay(log, config, start, Box::new(store), watch, |replayed| {
            reached = reached.max(replayed.row.frontier);
            Ok(())
        })?;
        if reached < as_of.time {
            let time = as_of.time;
            let was_stopped = watch.stop.load(Ordering::SeqCst);
            return Err(
                if was_stopped { AsOfError::Stopped { time } } else { AsOfError::Short { time, reached } }.into()
            );
        }
        let found = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(found)
    }
}

/// Rows of a symbol as of a checkpoint.
fn rows_of(start: &WarmStart, symbol: &Symbol, as_of: AsOf) -> Result<SymbolRows, WorkerError> {
    let rows = start.shard(symbol.shard()).and_then(|shard| shard.rows(symbol, as_of.fixed_ms()));
    let frontier: Time = start.checkpoint.frontier;
    rows.map_err(|error| WorkerError::Checkpoint { frontier, source: error.into() })
}
