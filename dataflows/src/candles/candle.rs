//! A candle: a commutative, associative merge of trades, so that order, batching and workers cannot matter.
//!
//! Place decides open and close, price decides high and low. Trades whose conditions let them set a price outrank
//! those that may not; the latter count only until the first of the former. `docs/definitions.md`, section 5.

use serde::{Deserialize, Serialize};

use crate::log::conditions::Flags;

/// Position of a trade among all trades: the order that decides open and close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Its event time.
    pub event_ms: u64,
    /// Its partition.
    pub partition: u32,
    /// Its record's offset.
    pub offset: u64,
    /// Its index in the record.
    pub index: u32,
}

/// One trade, numbers in fixed point, ready to be merged.
#[derive(Clone, Copy, Debug)]
pub struct Trade {
    /// Its place.
    pub place: Place,
    /// Price (10^-10).
    pub price: i128,
    /// Volume (10^-10).
    pub volume: i128,
    /// Price x volume (10^-20).
    pub notional: i128,
    /// What its conditions allow: at least one flag.
    pub flags: Flags,
}

/// At least one trade of a window, merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candle {
    /// Price at `open_at`.
    pub open: i128,
    /// Greatest price.
    pub high: i128,
    /// Least price.
    pub low: i128,
    /// Price at `close_at`.
    pub close: i128,
    /// Sum of volumes.
    pub volume: i128,
    /// Sum of notionals; stops at the largest i128.
    pub notional: i128,
    /// Place that decided `open`.
    pub open_at: Place,
    /// Place that decided `close`.
    pub close_at: Place,
    /// Trades that add volume. A candle without any has no row.
    pub trades: u64,
    /// Open and close come from trades that may set them.
    pub has_last: bool,
    /// High and low come from trades that may set them.
    pub has_range: bool,
}

impl Candle {
    /// A candle of one trade.
    #[inline]
    pub fn of(trade: &Trade) -> Self {
        let counts = trade.flags.volume;
        Self {
            open: trade.price,
            high: trade.price,
            low: trade.price,
            close: trade.price,
            volume: if counts { trade.volume } else { 0 },
            notional: if counts { trade.notional } else { 0 },
            open_at: trade.place,
            close_at: trade.place,
            trades: u64::from(counts),
            has_last: trade.flags.last,
            has_range: trade.flags.range,
        }
    }

    /// Adds one trade. Same as merging [`Candle::of`] it, but cheaper.
    #[inline]
    pub fn add(&mut self, trade: &Trade) {
        if trade.flags.last && !self.has_last {
            (self.open, self.open_at, self.close, self.close_at) = (trade.price, trade.place, trade.price, trade.place);
            self.has_last = true;
        } else if trade.flags.last == self.has_last {
            if trade.place < self.open_at {
                (self.open, self.open_at) = (trade.price, trade.place);
            }
            if trade.place > self.close_at {
                (self.close, self.close_at) = (trade.price, trade.place);
            }
        }
        if trade.flags.range && !self.has_range {
            (self.high, self.low) = (trade.price, trade.price);
            self.has_range = true;
        } else if trade.flags.range == self.has_range {
            self.high = self.high.max(trade.price);
            self.low = self.low.min(trade.price);
        }
        if trade.flags.volume {
            self.volume = self.volume.saturating_add(trade.volume);
            self.notional = self.notional.saturating_add(trade.notional);
            self.trades += 1;
        }
    }

    /// Adds all trades of another candle.
    #[inline]
    pub fn merge(&mut self, other: &Self) {
        if other.has_last && !self.has_last {
            (self.open, self.open_at) = (other.open, other.open_at);
            (self.close, self.close_at) = (other.close, other.close_at);
            self.has_last = true;
        } else if other.has_last == self.has_last {
            if other.open_at < self.open_at {
                (self.open, self.open_at) = (other.open, other.open_at);
            }
            if other.close_at > self.close_at {
                (self.close, self.close_at) = (other.close, other.close_at);
            }
        }
        if other.has_range && !self.has_range {
            (self.high, self.low) = (other.high, other.low);
            self.has_range = true;
        } else if other.has_range == self.has_range {
            self.high = self.high.max(other.high);
            self.low = self.low.min(other.low);
        }
        self.volume = self.volume.saturating_add(other.volume);
        self.notional = self.notional.saturating_add(other.notional);
        self.trades += other.trades;
    }

    /// Whether a reader would see the same values.
    #[inline]
    pub fn same_values(&self, other: &Self) -> bool {
        let values = |c: &Self| (c.open, c.high, c.low, c.close, c.volume, c.notional, c.trades);
        values(self) == values(other)
    }
}
