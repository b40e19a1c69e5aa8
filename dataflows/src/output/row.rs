//! The rows of the dataflow, one type per table, every value an exact integer.
//!
//! Units ([`crate::log::decimal`]): prices count 10^-18, volumes 10^-10, notionals 10^-28, recursive averages 10^-24,
//! log returns 10^-16. Doubles are made from them in [`crate::output::to_f64`], and only there.

use ethnum::I256;
use serde::{Deserialize, Serialize};

use crate::log::reject::Reason;
use crate::progress::time::{Resolution, Time};
use crate::state::wide;
use crate::symbols::symbol::Symbol;

/// One candle: key (resolution, symbol, window_start_ms).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CandleRow {
    /// The symbol.
    pub symbol: Symbol,
    /// Length of the window; each has its own table.
    pub resolution: Resolution,
    /// Start of the window.
    pub window_start_ms: u64,
    /// Price at the least place (10^-18).
    pub open: i128,
    /// Greatest price (10^-18).
    pub high: i128,
    /// Least price (10^-18).
    pub low: i128,
    /// Price at the greatest place (10^-18).
    pub close: i128,
    /// Sum of volumes (10^-10).
    pub volume: i128,
    /// Sum of price x volume (10^-28).
    pub notional: I256,
    /// Number of trades that add volume.
    pub trades: u64,
    /// Time step of the last change of these values.
    pub as_of: Time,
}

/// One row of indicators: key (symbol, window_start_ms of a 5 s candle). Sums and averages, not yet divided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IndicatorRow {
    /// The symbol.
    pub symbol: Symbol,
    /// Start of the 5 s window.
    pub window_start_ms: u64,
    /// The values.
    pub values: IndicatorValues,
    /// Time step of the last change of the values.
    pub as_of: Time,
}

/// The exact values behind a row of indicators; `docs/definitions.md`, section 6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IndicatorValues {
    /// Candles of this symbol so far, this one included.
    pub candles: u64,
    /// Sums of close over the last 12, 60, 240 candles (10^-18).
    pub close_sums: [i128; 3],
    /// Exponential averages of close, 12 and 26 (10^-24).
    pub ema: [i128; 2],
    /// MACD signal line (10^-24).
    pub macd_signal: i128,
    /// Sum of notional over the last 60 candles (10^-28).
    #[serde(with = "wide")]
    pub notional_60: I256,
    /// Sum of volume over the last 60 candles (10^-10).
    pub volume_60: i128,
    /// Smoothed gain of RSI (10^-24).
    pub rsi_gain: i128,
    /// Smoothed loss of RSI (10^-24).
    pub rsi_loss: i128,
    /// Sum of close over the last 20 candles (10^-18).
    pub bollinger_sum: i128,
    /// Sum of squares of close over the last 20 candles (10^-36).
    #[serde(with = "wide")]
    pub bollinger_sum_sq: I256,
    /// Log returns among the last 60 candles: a price of 0 or less has none.
    pub returns: u64,
    /// Sum of those log returns (10^-16).
    pub return_sum: i128,
    /// Sum of their squares (10^-32).
    pub return_sum_sq: i128,
    /// Volume since UTC midnight (10^-10).
    pub cumulative_volume: i128,
    /// Notional since UTC midnight (10^-28).
    #[serde(with = "wide")]
    pub cumulative_notional: I256,
    /// Trades since UTC midnight.
    pub cumulative_trades: u64,
}

/// A gap in a feed, as one partition of the log reports it: key (partition, offset). A source writes it to every
/// partition; readers merge rows that are equal in all but the key and `as_of`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GapRow {
    /// Partition of the log.
    pub partition: u32,
    /// Offset of the record in it.
    pub offset: u64,
    /// The source that misses trades.
    pub source: Box<str>,
    /// Start of the span, in Unix milliseconds, as the record says.
    pub from_ms: i64,
    /// End of the span, in Unix milliseconds, as the record says.
    pub to_ms: i64,
    /// What happened, for people: at most [`crate::log::control::CAUSE_BYTES_MAX`] bytes.
    pub cause: Box<str>,
    /// Time step at which it was read.
    pub as_of: Time,
}

/// A rejected record or trade: key (partition, offset, index).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RejectedRow {
    /// Partition of the log.
    pub partition: u32,
    /// Offset of the record in it.
    pub offset: u64,
    /// Index of the trade in the record; 0 when the whole record is rejected.
    pub index: u32,
    /// The reason.
    pub reason: Reason,
    /// The original bytes of the record, or of the element of a frame, at most
    /// [`crate::log::reject::ORIGINAL_BYTES_MAX`] of them. For [`Reason::MoreRejected`] a JSON object that says how
    /// many elements were rejected and how many have rows.
    pub original: Box<[u8]>,
    /// Length in the log of what was rejected.
    pub original_bytes_total: u64,
    /// Time step at which it was rejected.
    pub as_of: Time,
}
