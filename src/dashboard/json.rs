//! JSON types of the HTTP API. Doubles are written in the shortest form that reads back the same.

use dataflows::output::counters::Counter;
use dataflows::output::to_f64::INDICATOR_COLUMNS;
use dataflows::progress::time::{Resolution, Time};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::as_of::RowThen;
use crate::store::{DurableFrontier, StoredCandle, StoredIndicators, is_complete};
use crate::time::rfc3339;

/// Memory of a candle and of its JSON, in bytes.
pub const CANDLE_BYTES: usize = 512;
/// Memory of a row of indicators and of its JSON, in bytes.
pub const INDICATORS_BYTES: usize = 1_024;

/// The durable frontier.
#[derive(Clone, Debug, Serialize)]
pub struct FrontierView {
    /// Rows are complete up to this time (exclusive), in Unix milliseconds.
    pub frontier_ms: Time,
    /// The same time in RFC 3339.
    pub frontier: String,
    /// Lag behind this machine's clock; negative if the frontier is ahead.
    pub lag_ms: i64,
    /// This machine's clock, so that the page can correct its own.
    pub now_ms: i64,
    /// The epoch that wrote it.
    pub epoch: u64,
    /// Digest of all rows before it: 32 hex digits.
    pub digest: String,
    /// Number of those rows.
    pub rows: i64,
    /// Rejected records and trades, for all reasons.
    pub rejected: u64,
    /// Counters by name.
    pub counters: Counters,
}

impl FrontierView {
    /// The view of a frontier at `now_ms`.
    pub fn new(durable: &DurableFrontier, now_ms: i64) -> Self {
        let row = &durable.row;
        let counters = Counters(Counter::all().map(|counter| (counter.name(), row.counter(counter))).collect());
        Self {
            frontier_ms: row.frontier,
            frontier: rfc3339(row.frontier),
            lag_ms: now_ms - i64::try_from(row.frontier).unwrap_or(i64::MAX),
            now_ms,
            epoch: durable.epoch,
            digest: row.digest.to_string(),
            rows: row.rows,
            rejected: row.rejected(),
            counters,
        }
    }
}

/// Counter names and values in the order of [`Counter::all`].
#[derive(Clone, Debug)]
pub struct Counters(Vec<(String, u64)>);

impl Serialize for Counters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, count)| (name, count)))
    }
}

/// A symbol's newest UTC day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Day {
    /// Start of the day, in Unix milliseconds.
    pub day_start_ms: u64,
    /// First price of the day.
    pub open: f64,
    /// Greatest price of the day.
    pub high: f64,
    /// Least price of the day.
    pub low: f64,
    /// Newest price.
    pub last: f64,
    /// Volume of the day.
    pub volume: f64,
    /// Trades of the day.
    pub trades: u64,
    /// Time of the last change.
    pub as_of: Time,
}

impl From<StoredCandle> for Day {
    fn from(day: StoredCandle) -> Self {
        Self {
            day_start_ms: day.window_start_ms,
            open: day.open,
            high: day.high,
            low: day.low,
            last: day.close,
            volume: day.volume,
            trades: day.trades,
            as_of: day.as_of,
        }
    }
}

/// One row of the watch list.
#[derive(Clone, Debug, Serialize)]
pub struct WatchRow {
    /// Symbol as the feed spells it.
    pub symbol: String,
    /// Its name; empty if unknown.
    pub name: String,
    /// Its newest day.
    #[serde(flatten)]
    pub day: Day,
    /// Start and close of the newest one-minute candles, ascending; only in an event with the whole list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spark: Option<Vec<(u64, f64)>>,
}

/// Rows of a chart: all of them, or those that have changed.
#[derive(Clone, Debug, Serialize)]
pub struct ChartView {
    /// Symbol of the chart.
    pub symbol: String,
    /// Resolution of the candles.
    pub resolution: &'static str,
    /// Ascending.
    pub candles: Vec<CandleView>,
    /// Ascending; empty if not requested.
    pub indicators: Vec<IndicatorView>,
}

/// A candle, and whether it is complete.
#[derive(Clone, Debug, Serialize)]
pub struct CandleView {
    #[serde(flatten)]
    candle: StoredCandle,
    complete: bool,
    /// As of an earlier time: whether it was complete, and has changed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    corrected: Option<bool>,
}

impl CandleView {
    /// A candle as of an earlier time.
    pub fn of_then(then: RowThen<StoredCandle>) -> Self {
        Self { candle: then.row, complete: then.complete, corrected: Some(then.corrected) }
    }

    /// The candles changed since a time; complete if the frontier has reached the end of the window.
    pub fn of_changed(candles: Vec<StoredCandle>, resolution: Resolution, since: Time, frontier: Time) -> Vec<Self> {
        let changed = candles.into_iter().filter(|candle| candle.as_of >= since);
        let view = |candle: StoredCandle| {
            let complete = is_complete(candle.window_start_ms, resolution, frontier);
            Self { candle, complete, corrected: None }
        };
        changed.map(view).collect()
    }
}

/// A row of indicators under their names, and whether it is complete.
#[derive(Clone, Debug)]
pub struct IndicatorView {
    row: StoredIndicators,
    complete: bool,
    corrected: Option<bool>,
}

impl IndicatorView {
    /// A row as of an earlier time.
    pub fn of_then(then: RowThen<StoredIndicators>) -> Self {
        Self { row: then.row, complete: then.complete, corrected: Some(then.corrected) }
    }

    /// The rows changed since a time; complete if the frontier has reached the end of the 5 s window.
    pub fn of_changed(rows: Vec<StoredIndicators>, since: Time, frontier: Time) -> Vec<Self> {
        let changed = rows.into_iter().filter(|row| row.as_of >= since);
        let view = |row: StoredIndicators| {
            let complete = is_complete(row.window_start_ms, Resolution::S5, frontier);
            Self { row, complete, corrected: None }
        };
        changed.map(view).collect()
    }
}

impl Serialize for IndicatorView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("window_start_ms", &self.row.window_start_ms)?;
        for (name, value) in INDICATOR_COLUMNS.iter().zip(&self.row.values) {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("candles", &self.row.candles)?;
        map.serialize_entry("cumulative_trades", &self.row.cumulative_trades)?;
        map.serialize_entry("as_of", &self.row.as_of)?;
        map.serialize_entry("complete", &self.complete)?;
        self.corrected.iter().try_for_each(|corrected| map.serialize_entry("corrected", corrected))?;
        map.end()
    }
}
