//! A candle: a commutative, associative merge of trades, so that order, batching and workers cannot matter.
//!
//! Place decides open and close, price decides high and low. Trades whose conditions let them set a price outrank
//! those that may not; the latter count only until the first of the former. `docs/definitions.md`, section 5.

use ethnum::I256;
use serde::{Deserialize, Serialize};

use crate::log::conditions::Flags;
use crate::log::decimal::product;
use crate::state::wide;

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
    /// Price (10^-18).
    pub price: i128,
    /// Volume (10^-10).
    pub volume: i128,
    /// What its conditions allow: at least one flag.
    pub flags: Flags,
}

/// Fields of a candle that its best trade may set. Trades of a lower rank count for open and close only until the first
/// of a higher one, so both always lie between low and high.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Rank {
    /// No price: volume only.
    Volume,
    /// High and low.
    Range,
    /// High, low, open and close.
    Last,
}

impl Rank {
    /// The rank of a trade; who may set open and close may set high and low.
    #[inline]
    fn of(flags: Flags) -> Self {
        match (flags.last, flags.range) {
            (true, _) => Self::Last,
            (false, true) => Self::Range,
            (false, false) => Self::Volume,
        }
    }
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
    /// Sum of price x volume (10^-28).
    #[serde(with = "wide")]
    pub notional: I256,
    /// Place that decided `open`.
    pub open_at: Place,
    /// Place that decided `close`.
    pub close_at: Place,
    /// Trades that add volume; 0 in a candle of price updates.
    pub trades: u64,
    /// The greatest rank of its trades.
    pub rank: Rank,
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
            notional: if counts { product(trade.price, trade.volume) } else { I256::ZERO },
            open_at: trade.place,
            close_at: trade.place,
            trades: u64::from(counts),
            rank: Rank::of(trade.flags),
        }
    }

    /// Adds one trade. Same as merging [`Candle::of`] it, but cheaper.
    #[inline]
    pub fn add(&mut self, trade: &Trade) {
        let rank = Rank::of(trade.flags);
        if rank > self.rank {
            (self.open, self.open_at, self.close, self.close_at) = (trade.price, trade.place, trade.price, trade.place);
        } else if rank == self.rank {
            if trade.place < self.open_at {
                (self.open, self.open_at) = (trade.price, trade.place);
            }
            if trade.place > self.close_at {
                (self.close, self.close_at) = (trade.price, trade.place);
            }
        }
        self.stretch(rank, trade.price, trade.price);
        if trade.flags.volume {
            self.volume += trade.volume;
            self.notional += product(trade.price, trade.volume);
            self.trades += 1;
        }
    }

    /// Adds all trades of another candle.
    #[inline]
    pub fn merge(&mut self, other: &Self) {
        if other.rank > self.rank {
            (self.open, self.open_at) = (other.open, other.open_at);
            (self.close, self.close_at) = (other.close, other.close_at);
        } else if other.rank == self.rank {
            if other.open_at < self.open_at {
                (self.open, self.open_at) = (other.open, other.open_at);
            }
            if other.close_at > self.close_at {
                (self.close, self.close_at) = (other.close, other.close_at);
            }
        }
        self.stretch(other.rank, other.high, other.low);
        self.volume += other.volume;
        self.notional += other.notional;
        self.trades += other.trades;
    }

    /// Widens high and low, and takes the rank over.
    #[inline]
    fn stretch(&mut self, rank: Rank, high: i128, low: i128) {
        let may = |rank| rank >= Rank::Range;
        if may(rank) && !may(self.rank) {
            (self.high, self.low) = (high, low);
        } else if may(rank) == may(self.rank) {
            self.high = self.high.max(high);
            self.low = self.low.min(low);
        }
        self.rank = self.rank.max(rank);
    }

    /// Whether a reader would see the same values.
    #[inline]
    pub fn same_values(&self, other: &Self) -> bool {
        let values = |c: &Self| (c.open, c.high, c.low, c.close, c.volume, c.notional, c.trades);
        values(self) == values(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trades of one millisecond, in the order of their places, with their place as price.
    fn trades() -> Vec<Trade> {
        let place = |(partition, offset, index)| Place { event_ms: 1_000, partition, offset, index };
        let places = [(0, 5, 0), (0, 5, 1), (0, 7, 0), (1, 2, 0), (2, 0, 3)].map(place);
        let flags = Flags { last: true, range: true, volume: true };
        let trade = |(at, place): (usize, Place)| Trade { place, price: at as i128 + 1, volume: 1, flags };
        places.into_iter().enumerate().map(trade).collect()
    }

    /// All orders of a list.
    fn orders(list: &[Trade]) -> Vec<Vec<Trade>> {
        if list.is_empty() {
            return vec![Vec::new()];
        }
        let first = |at: usize| {
            let others = [&list[..at], &list[at + 1..]].concat();
            orders(&others).into_iter().map(move |order| [vec![list[at]], order].concat())
        };
        (0..list.len()).flat_map(first).collect()
    }

    #[test]
    fn trades_of_one_millisecond_open_and_close_by_their_places() {
        for order in orders(&trades()) {
            let mut added = Candle::of(&order[0]);
            order[1..].iter().for_each(|trade| added.add(trade));
            let mut merged = Candle::of(&order[0]);
            order[1..].iter().for_each(|trade| merged.merge(&Candle::of(trade)));
            assert_eq!((added.open, added.close, added.trades), (1, 5, 5), "{order:?}");
            assert_eq!(merged, added);
        }
    }
}
