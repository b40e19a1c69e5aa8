//! The store: where rows go, and the frontier that says how far they are complete.
//!
//! One trait a role, two implementations: SQLite ([`sqlite`]) and Cassandra ([`cassandra`]).

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use dataflows::log::reject::Reason;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::output::row::{CandleRow, IndicatorRow, RejectedRow};
use dataflows::progress::time::{Resolution, Time};
use dataflows::settings::PIPELINE_REVISION;
use dataflows::symbols::entry::Entry;
use serde::{Deserialize, Serialize};

pub mod address;
pub mod cassandra;
mod checkpoint;
mod error;
mod frontier_row;
pub mod none;
mod settings;
pub mod sqlite;
pub mod table;

pub use checkpoint::{Checkpoint, CheckpointInfo};
pub use error::StoreError;
pub use settings::PipelineSettings;

/// The write time of a row: `as_of` (milliseconds) in microseconds plus the pipeline revision.
pub const fn write_us(as_of: Time) -> u64 {
    as_of * 1_000 + PIPELINE_REVISION
}

/// Rows to be written together; each the last value of its key.
#[derive(Clone, Debug, Default)]
pub struct RowBatch {
    /// Candles of all resolutions.
    pub candles: Vec<CandleRow>,
    /// Indicators.
    pub indicators: Vec<IndicatorRow>,
    /// Refused records.
    pub rejected: Vec<RejectedRow>,
}

impl RowBatch {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.candles.len() + self.indicators.len() + self.rejected.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The frontier row as readers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DurableFrontier {
    /// What is exact as of the durable frontier.
    pub row: FrontierRow,
    /// The epoch that wrote it.
    pub epoch: u64,
    /// Opaque resume points as JSON, for people: `[{"partition":0,"offset":12,"frontier":...}]`.
    pub resume: String,
}

/// The writing side, held by one worker process. Every call returns when its effect is durable.
pub trait Store: Send {
    /// Becomes the next epoch, by compare-and-set: returns its epoch, and the last checkpoint if there is one.
    fn open_epoch(&mut self) -> Result<(u64, Option<Checkpoint>), StoreError>;
    /// Takes part in the epoch that another process of the same cluster has opened, to write rows and shards.
    /// Frontier and checkpoint are that process' to commit. A store that only one process may hold refuses.
    fn join_epoch(&mut self, epoch: u64) -> Result<(), StoreError>;
    /// The frontier row that was published last, by this epoch or one before it.
    fn published(&mut self) -> Result<Option<FrontierRow>, StoreError> {
        Ok(None)
    }
    /// How often a request was tried again since the store did not answer well; counted on while it is read.
    fn retries(&self) -> Arc<AtomicU64> {
        Arc::default()
    }
    /// Writes rows under their natural keys, with write time `as_of` in microseconds plus the pipeline revision:
    /// an older write never overwrites a newer one.
    fn write(&mut self, rows: &RowBatch) -> Result<(), StoreError>;
    /// Publishes the durable frontier and the kept rows (one a minute of event time) before it. Fails when fenced.
    ///
    /// What was published stays true: a frontier behind the published one, as after a restart from a checkpoint, leaves
    /// that one in place, and a row for a frontier that has one already must be equal, else the store is `Corrupt`.
    fn commit_frontier(&mut self, frontier: &DurableFrontier, kept: &[FrontierRow]) -> Result<(), StoreError>;
    /// Whether rows and checkpoints are kept at all. Where not, the worker does not gather them.
    fn keeps_rows(&self) -> bool {
        true
    }
    /// Sees the frontier row as of a time that the worker was asked to stop at.
    fn observe(&mut self, _row: &FrontierRow) -> Result<(), StoreError> {
        Ok(())
    }
    /// Stores shards of a checkpoint that is not committed yet. They become durable with the commit.
    fn put_shards(&mut self, epoch: u64, frontier: Time, shards: &[(u32, &[u8])]) -> Result<(), StoreError>;
    /// Makes a checkpoint the one to resume from, and removes earlier ones with their shards, but not the shards that
    /// were put for a later one. Fails when fenced.
    fn commit_checkpoint(&mut self, epoch: u64, checkpoint: &Checkpoint) -> Result<(), StoreError>;
    /// Removes the committed checkpoint, so that the next worker reads the log from its first offset. Fails when fenced,
    /// and when the committed checkpoint is not the one as of `frontier`.
    ///
    /// The epoch must have been opened by the caller. Opening it fences a live worker, which then ends with exit code 4
    /// (a SQLite store that a live worker holds cannot be opened at all: `StoreError::Locked`).
    fn drop_checkpoint(&mut self, epoch: u64, frontier: Time) -> Result<(), StoreError>;
    /// Shards of the committed checkpoint, ascending by their number and without the empty ones.
    fn shards(&mut self, frontier: Time, wanted: &[u32]) -> Result<Vec<(u32, Vec<u8>)>, StoreError>;
    /// Writes entries of the symbol directory, each under its symbol; an entry that is there with the same `as_of_ms`
    /// or a later one stays. Belongs to no epoch: whoever keeps the directory may call it while a worker holds the
    /// store, and in any order, since entries are absolute.
    fn put_symbols(&mut self, entries: &[Entry]) -> Result<(), StoreError>;
    /// Records the settings of the pipeline for readers. Fails when fenced.
    fn put_settings(&mut self, epoch: u64, settings: PipelineSettings) -> Result<(), StoreError>;
}

/// The reading side, for commands and pages; any number, in any process.
pub trait StoreReader: Send {
    /// The durable frontier; `None` before the first.
    fn frontier(&mut self) -> Result<Option<DurableFrontier>, StoreError>;
    /// The newest epoch that was opened; at least that of the durable frontier.
    fn epoch(&mut self) -> Result<Option<u64>, StoreError> {
        Ok(self.frontier()?.map(|frontier| frontier.epoch))
    }
    /// Settings of the pipeline that writes this store, as its newest epoch recorded them.
    fn settings(&mut self) -> Result<Option<PipelineSettings>, StoreError> {
        Ok(None)
    }
    /// Allowed lateness of the pipeline that writes this store; `None` before its first start.
    fn allowed_lateness_ms(&mut self) -> Result<Option<u64>, StoreError> {
        Ok(self.settings()?.map(|settings| settings.allowed_lateness_ms))
    }
    /// All checkpoints, ascending by frontier and epoch: at most one is committed, the others are unfinished.
    fn checkpoints(&mut self) -> Result<Vec<CheckpointInfo>, StoreError> {
        Ok(Vec::new())
    }
    /// Kept frontier rows, ascending.
    fn frontiers(&mut self) -> Result<Vec<FrontierRow>, StoreError>;
    /// Candles with `from_ms <= window_start_ms < to_ms`, ascending, the last `limit` of them.
    fn candles(&mut self, symbol: &str, resolution: Resolution, range: Range) -> Result<Vec<StoredCandle>, StoreError>;
    /// Candles of each of these symbols, in their order, likewise.
    fn candles_of(
        &mut self,
        symbols: &[String],
        resolution: Resolution,
        range: Range,
    ) -> Result<Vec<Vec<StoredCandle>>, StoreError> {
        symbols.iter().map(|symbol| self.candles(symbol, resolution, range)).collect()
    }
    /// Indicators, likewise.
    fn indicators(&mut self, symbol: &str, range: Range) -> Result<Vec<StoredIndicators>, StoreError>;
    /// All symbols that have a candle, ascending, each with its newest daily candle.
    fn latest(&mut self) -> Result<Vec<(String, StoredCandle)>, StoreError>;
    /// The entries of the symbol directory that are wanted, ascending by symbol.
    fn symbols(&mut self, wanted: &mut dyn FnMut(&Entry) -> bool) -> Result<Vec<Entry>, StoreError>;
    /// Refused records, ascending by partition, offset, index; the first `limit` of them.
    fn rejected(&mut self, wanted: &RejectedRange) -> Result<Vec<RejectedRow>, StoreError>;
}

/// Which windows a reader wants.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// First window start.
    pub from_ms: u64,
    /// First window start that is not wanted.
    pub to_ms: u64,
    /// At most so many, the newest ones.
    pub limit: usize,
}

/// Which refused records a reader wants. Each may be as long as [`dataflows::log::reject::ORIGINAL_BYTES_MAX`], so many of
/// them are read page by page.
#[derive(Clone, Copy, Debug)]
pub struct RejectedRange {
    /// Only those behind this partition, offset and index: where the page before ended.
    pub after: Option<(u32, u64, u32)>,
    /// Only those of this partition.
    pub partition: Option<u32>,
    /// Only those with this offset or a later one, in each partition.
    pub from_offset: u64,
    /// Only those with this reason.
    pub reason: Option<Reason>,
    /// At most so many, the first ones.
    pub limit: usize,
}

impl RejectedRange {
    /// All of them, the first `limit`.
    pub const fn first(limit: usize) -> Self {
        Self { after: None, partition: None, from_offset: 0, reason: None, limit }
    }
}

/// A candle as readers see it: doubles, each rounded once from the exact value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of CandleRow")]
pub struct StoredCandle {
    pub window_start_ms: u64,
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub volume: f64,
    pub notional: f64,
    pub vwap: f64,
    pub trades: u64,
    pub as_of: Time,
}

/// A row of indicators as readers see it: `values` in the order of [`dataflows::output::to_f64::INDICATOR_COLUMNS`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of IndicatorRow")]
pub struct StoredIndicators {
    pub window_start_ms: u64,
    pub values: Vec<f64>,
    pub candles: u64,
    pub cumulative_trades: u64,
    pub as_of: Time,
}
