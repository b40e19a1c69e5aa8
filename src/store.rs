//! The store: rows, and the frontier up to which they are complete.
//!
//! One trait for writing, one for reading, and two implementations: SQLite ([`sqlite`]) and Cassandra ([`cassandra`]).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use dataflows::log::reject::Reason;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::output::row::{CandleRow, GapRow, IndicatorRow, RejectedRow};
use dataflows::output::to_f64::{self, CandleEdge};
use dataflows::progress::time::{Resolution, Time};
use dataflows::settings::PIPELINE_REVISION;
use dataflows::state::manifest::SegmentKey;
use dataflows::symbols::entry::Entry;
use serde::{Deserialize, Serialize};

pub mod address;
pub mod anchor;
pub mod cassandra;
mod cell;
mod checkpoint;
mod epoch;
mod error;
mod frontier_row;
mod gap;
mod heartbeat;
mod identity;
pub mod none;
mod row_table;
mod settings;
pub mod sqlite;
pub mod table;
mod verification;

pub use cell::Cell;
pub use checkpoint::Checkpoint;
pub use epoch::NewestEpoch;
pub use error::StoreError;
pub use gap::{Gap, GapRange};
pub use heartbeat::{Ended, Heartbeat, Life, PartitionLife, SourceLife};
pub use identity::StoreIdentity;
pub use row_table::RowTable;
pub use settings::PipelineSettings;
pub use verification::Verification;

/// The write time of a row: `as_of` (milliseconds) in microseconds plus the pipeline revision.
pub const fn write_us(as_of: Time) -> u64 {
    as_of * 1_000 + PIPELINE_REVISION
}

/// Rows to write together, at most one for each key.
#[derive(Clone, Debug, Default)]
pub struct RowBatch {
    /// Candles of all resolutions.
    pub candles: Vec<CandleRow>,
    /// Indicators.
    pub indicators: Vec<IndicatorRow>,
    /// Rejected records.
    pub rejected: Vec<RejectedRow>,
    /// Gaps.
    pub gaps: Vec<GapRow>,
}

impl RowBatch {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.candles.len() + self.indicators.len() + self.rejected.len() + self.gaps.len()
    }

    /// Whether the batch has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The frontier row as readers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DurableFrontier {
    /// Digest, row count and counters as of the durable frontier.
    pub row: FrontierRow,
    /// The epoch that wrote it.
    pub epoch: u64,
    /// Resume points as JSON, opaque to the store: `[{"partition":0,"offset":12,"frontier":...}]`.
    pub resume: String,
}

/// The writing side, owned by one worker process. Every call returns once its effect is durable.
pub trait Store: Send {
    /// Opens the next epoch by compare-and-set; returns it with the committed checkpoint, if any.
    fn open_epoch(&mut self) -> Result<(u64, Option<Checkpoint>), StoreError>;
    /// Joins the epoch that another process of the same cluster has opened, to write rows and shards. Only that process
    /// commits the frontier and checkpoints. An error for a store that only one process may write.
    fn join_epoch(&mut self, epoch: u64) -> Result<(), StoreError>;
    /// The frontier row that was published last, by this epoch or an earlier one.
    fn published(&mut self) -> Result<Option<FrontierRow>, StoreError> {
        Ok(None)
    }
    /// Counter of retried requests; it keeps counting.
    fn retries(&self) -> Arc<AtomicU64> {
        Arc::default()
    }
    /// Writes rows under their natural keys, with write time `as_of` in microseconds plus the pipeline revision:
    /// an older write never overwrites a newer one.
    fn write(&mut self, rows: &RowBatch) -> Result<(), StoreError>;
    /// Publishes the durable frontier and the kept rows up to it (one per minute of event time). Fails when fenced.
    ///
    /// Published rows are final. A frontier lower than the published one, as after a restart from a checkpoint, leaves
    /// the published one in place. A second row for the same frontier must be equal, else the store is `Corrupt`.
    fn commit_frontier(&mut self, frontier: &DurableFrontier, kept: &[FrontierRow]) -> Result<(), StoreError>;
    /// Writes the heartbeat. An older epoch's never replaces a newer one's. Nothing depends on it but displays.
    fn beat(&mut self, _heartbeat: &Heartbeat) -> Result<(), StoreError> {
        Ok(())
    }
    /// The last heartbeat, by this epoch or an earlier one.
    fn heartbeat(&mut self) -> Result<Option<Heartbeat>, StoreError> {
        Ok(None)
    }
    /// Whether the store keeps rows and checkpoints; if not, the worker does not collect them.
    fn keeps_rows(&self) -> bool {
        true
    }
    /// Receives the frontier row as of the time at which the worker was asked to stop.
    fn observe(&mut self, _row: &FrontierRow) -> Result<(), StoreError> {
        Ok(())
    }
    /// Stores segments of an uncommitted checkpoint, each with the number of its shard. They become durable with the
    /// commit.
    fn put_segments(&mut self, epoch: u64, frontier: Time, segments: &[(u32, &[u8])]) -> Result<(), StoreError>;
    /// Makes this checkpoint the one to resume from, then removes segments that are part of none. Fails when fenced.
    fn commit_checkpoint(
        &mut self,
        epoch: u64,
        checkpoint: &Checkpoint,
        obsolete: &[SegmentKey],
    ) -> Result<(), StoreError>;
    /// Removes the committed checkpoint with all segments, so that the next worker reads the log from its first offset.
    /// Fails when fenced, and when the committed checkpoint is not the one as of `frontier`.
    ///
    /// The epoch must have been opened by the caller. Opening it fences a live worker, which then ends with exit code 4
    /// (a SQLite store that a live worker holds cannot be opened at all: `StoreError::Locked`).
    fn drop_checkpoint(&mut self, epoch: u64, frontier: Time) -> Result<(), StoreError>;
    /// These segments, in this order. One that is missing is an error.
    fn segments(&mut self, wanted: &[SegmentKey]) -> Result<Vec<Vec<u8>>, StoreError>;
    /// All segments that are stored, part of a checkpoint or not, ascending.
    fn stored_segments(&mut self) -> Result<Vec<SegmentKey>, StoreError>;
    /// Writes entries of the symbol table. An existing entry with the same or a later `as_of_ms` stays. Not fenced:
    /// `tickline symbols sync` calls it beside a live worker, and in any order, since entries are absolute.
    fn put_symbols(&mut self, entries: &[Entry]) -> Result<(), StoreError>;
    /// Records the settings of the pipeline for readers. Fails when fenced.
    fn put_settings(&mut self, epoch: u64, settings: PipelineSettings) -> Result<(), StoreError>;
    /// Records the result of a comparison with the log, for readers. Not fenced: `tickline verify` calls it beside a
    /// live worker, and nothing depends on it but displays.
    fn put_verification(&mut self, _verification: &Verification) -> Result<(), StoreError> {
        Ok(())
    }
    /// What the store was made from; `None` before the first start. Needs no epoch.
    fn identity(&mut self) -> Result<Option<StoreIdentity>, StoreError> {
        Ok(None)
    }
    /// Records what the store is made from. Fails when fenced.
    fn put_identity(&mut self, _epoch: u64, _identity: &StoreIdentity) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The reading side, for commands and the dashboard; any number, in any process.
pub trait StoreReader: Send {
    /// The durable frontier; `None` before the first.
    fn frontier(&mut self) -> Result<Option<DurableFrontier>, StoreError>;
    /// The newest opened epoch; at least that of the durable frontier.
    fn epoch(&mut self) -> Result<Option<u64>, StoreError> {
        Ok(self.frontier()?.map(|frontier| frontier.epoch))
    }
    /// The newest epoch's last heartbeat; `None` before the first.
    fn heartbeat(&mut self) -> Result<Option<Heartbeat>, StoreError> {
        Ok(None)
    }
    /// The newest epoch, with the time of its opening, where the store notes it. A store of one process does not: its
    /// lock says whether it is in use.
    fn newest_epoch(&mut self) -> Result<Option<NewestEpoch>, StoreError> {
        Ok(None)
    }
    /// The time up to which rows are complete; 0 before the first frontier.
    fn complete_up_to(&mut self) -> Result<Time, StoreError> {
        Ok(self.frontier()?.map_or(0, |frontier| frontier.row.frontier))
    }
    /// Settings of the pipeline that writes this store, as its newest epoch recorded them.
    fn settings(&mut self) -> Result<Option<PipelineSettings>, StoreError> {
        Ok(None)
    }
    /// What the store was made from; `None` before the first start of a worker.
    fn identity(&mut self) -> Result<Option<StoreIdentity>, StoreError> {
        Ok(None)
    }
    /// The result of the last comparison with the log that was recorded; `None` before the first.
    fn verification(&mut self) -> Result<Option<Verification>, StoreError> {
        Ok(None)
    }
    /// Allowed lateness of the pipeline that writes this store; `None` before its first start.
    fn allowed_lateness_ms(&mut self) -> Result<Option<u64>, StoreError> {
        Ok(self.settings()?.map(|settings| settings.allowed_lateness_ms))
    }
    /// The committed checkpoint, and the epoch that committed it.
    fn checkpoint(&mut self) -> Result<Option<(u64, Checkpoint)>, StoreError> {
        Ok(None)
    }
    /// All segments of checkpoints, ascending, each with its size in bytes; without it where the store would have to
    /// read them to know it.
    fn segments(&mut self) -> Result<Vec<(SegmentKey, Option<u64>)>, StoreError> {
        Ok(Vec::new())
    }
    /// These segments, in this order. One that is missing is an error.
    fn read_segments(&mut self, wanted: &[SegmentKey]) -> Result<Vec<Vec<u8>>, StoreError>;
    /// Kept frontier rows, ascending.
    fn frontiers(&mut self) -> Result<Vec<FrontierRow>, StoreError>;
    /// Candles with `from_ms <= window_start_ms < to_ms`, ascending, the last `limit` of them.
    fn candles(&mut self, symbol: &str, resolution: Resolution, range: Range) -> Result<Vec<StoredCandle>, StoreError>;
    /// Like [`StoreReader::candles`], for several symbols: one list per symbol, in the given order.
    fn candles_of(
        &mut self,
        symbols: &[String],
        resolution: Resolution,
        range: Range,
    ) -> Result<Vec<Vec<StoredCandle>>, StoreError> {
        symbols.iter().map(|symbol| self.candles(symbol, resolution, range)).collect()
    }
    /// Indicators of the range, as [`StoreReader::candles`] returns candles.
    fn indicators(&mut self, symbol: &str, range: Range) -> Result<Vec<StoredIndicators>, StoreError>;
    /// Newest daily candle of every symbol that has one, ascending by symbol.
    fn latest(&mut self) -> Result<Vec<(String, StoredCandle)>, StoreError>;
    /// Entries of the symbol table that pass the filter, ascending by symbol.
    fn symbols(&mut self, wanted: &mut dyn FnMut(&Entry) -> bool) -> Result<Vec<Entry>, StoreError>;
    /// Rejected records, ascending by partition, offset and index; the first `limit` of them.
    fn rejected(&mut self, wanted: &RejectedRange) -> Result<Vec<RejectedRow>, StoreError>;
    /// Gaps of the range, one row for each partition that reports one: [`Gap::merge`] makes gaps of them.
    fn gaps(&mut self, range: GapRange) -> Result<Vec<GapRow>, StoreError>;
    /// Visits every row of a table, in any order. The table is never in memory as a whole.
    fn scan(&mut self, table: RowTable, visit: &mut RowVisitor<'_>) -> Result<(), StoreError>;
    /// Time to live of each table in seconds, by its name; a table that is not named keeps its rows for ever.
    fn times_to_live(&mut self) -> Result<BTreeMap<String, u64>, StoreError> {
        Ok(BTreeMap::new())
    }
}

/// Receives the rows of [`StoreReader::scan`]: the values in the order of [`RowTable::columns`], and after how many
/// seconds the store will remove the row, if it will. An error ends the scan.
pub type RowVisitor<'a> = dyn FnMut(Vec<Cell>, Option<u64>) -> Result<(), StoreError> + 'a;

/// A range of windows.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// First window start.
    pub from_ms: u64,
    /// End, exclusive.
    pub to_ms: u64,
    /// Maximum number of rows; the newest are kept.
    pub limit: usize,
}

/// A selection of rejected records. Each may be as long as [`dataflows::log::reject::ORIGINAL_BYTES_MAX`], so they are
/// read page by page.
#[derive(Clone, Copy, Debug)]
pub struct RejectedRange {
    /// Only those after this partition, offset and index: the end of the previous page.
    pub after: Option<(u32, u64, u32)>,
    /// Only those of this partition.
    pub partition: Option<u32>,
    /// Only those with this offset or a later one, in each partition.
    pub from_offset: u64,
    /// Only those with this reason.
    pub reason: Option<Reason>,
    /// Maximum number of rows; the first are kept.
    pub limit: usize,
}

impl RejectedRange {
    /// The first `limit` of all.
    pub const fn first(limit: usize) -> Self {
        Self { after: None, partition: None, from_offset: 0, reason: None, limit }
    }
}

/// Whether the window that starts at this time is complete: the frontier has reached its end. To decide it for rows,
/// read the frontier before them.
pub const fn is_complete(window_start_ms: u64, resolution: Resolution, frontier: Time) -> bool {
    window_start_ms.saturating_add(resolution.length_ms()) <= frontier
}

/// A candle as readers see it, in doubles, each rounded once from the exact value.
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

impl StoredCandle {
    /// Names of its columns after the key, in the order of [`Self::bits`].
    pub const COLUMNS: [&str; 9] = ["open", "high", "low", "close", "volume", "notional", "vwap", "trades", "as_of"];

    /// Values of its columns after the key, doubles by their bits.
    pub fn bits(&self) -> [u64; 9] {
        let [open, high, low, close, volume, notional, vwap] =
            [self.open, self.high, self.low, self.close, self.volume, self.notional, self.vwap].map(f64::to_bits);
        [open, high, low, close, volume, notional, vwap, self.trades, self.as_of]
    }
}

impl From<&CandleRow> for StoredCandle {
    fn from(row: &CandleRow) -> Self {
        let CandleEdge { open, high, low, close, volume, notional, vwap } = to_f64::candle(row);
        let CandleRow { window_start_ms, trades, as_of, .. } = *row;
        Self { window_start_ms, open, high, low, close, volume, notional, vwap, trades, as_of }
    }
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

impl From<&IndicatorRow> for StoredIndicators {
    fn from(row: &IndicatorRow) -> Self {
        Self {
            window_start_ms: row.window_start_ms,
            values: to_f64::indicators(&row.values).into(),
            candles: row.values.candles,
            cumulative_trades: row.values.cumulative_trades,
            as_of: row.as_of,
        }
    }
}
