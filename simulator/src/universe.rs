//! What can be traded in the simulator: the named instruments, and as many made-up ones as a test of scale needs.

use std::collections::HashMap;

use super::builtin::ROWS;
use super::rng::{hash, key_of};

/// Kind of instrument: decides its sizes, conditions and share of price updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A US stock or fund.
    Stock,
    /// A pair on a crypto exchange.
    Crypto,
    /// A pair at a forex broker.
    Forex,
}

/// One instrument and how it moves.
#[derive(Clone, Debug)]
pub struct Instrument {
    /// Its name on the feed, such as `BINANCE:BTCUSDT`.
    pub symbol: String,
    /// Its name for people.
    pub description: String,
    /// Its kind.
    pub class: Class,
    /// The price that it moves around, in units of 10^-`price_decimals`.
    pub price: i64,
    /// Fraction digits of a price.
    pub price_decimals: u8,
    /// Usual size of a fill, in units of 10^-`size_decimals`.
    pub size: i64,
    /// Fraction digits of a size.
    pub size_decimals: u8,
    /// Orders executed in 1000 seconds, on average; an order has one fill or a few.
    pub orders_per_1000_s: u64,
    /// Usual move of a day, in 1/10000 of the price.
    pub day_move_bp: u64,
    /// Where its dice start.
    pub key: u64,
    /// Where its price's path starts: the same for one pair on several exchanges, so that their prices stay close.
    pub path_key: u64,
}

impl Instrument {
    /// The part of the symbol before the colon: the exchange of a pair, `US` for a stock.
    pub fn exchange(&self) -> &str {
        self.symbol.split_once(':').map_or("US", |(exchange, _)| exchange)
    }
}

/// All instruments of a simulator; an instrument's index is its place here.
#[derive(Clone, Debug)]
pub struct Universe {
    instruments: Vec<Instrument>,
    by_symbol: HashMap<String, usize>,
}

impl Universe {
    /// Number of instruments with a name of their own.
    pub const NAMED: usize = ROWS.len();

    /// The first `count` instruments: the named ones, then made-up ones, the later the quieter.
    pub fn new(count: usize) -> Self {
        let instruments: Vec<_> =
            (0..count).map(|index| ROWS.get(index).map_or_else(|| made_up(index), named)).collect();
        let by_symbol = instruments.iter().enumerate().map(|(index, i)| (i.symbol.clone(), index)).collect();
        Self { instruments, by_symbol }
    }

    /// The same, each so many times busier.
    pub fn busier(mut self, times: u64) -> Self {
        for instrument in &mut self.instruments {
            instrument.orders_per_1000_s = instrument.orders_per_1000_s.saturating_mul(times);
        }
        self
    }

    /// All of them.
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// Where a symbol is.
    pub fn find(&self, symbol: &str) -> Option<usize> {
        self.by_symbol.get(symbol).copied()
    }

    /// All symbols, in order.
    pub fn symbols(&self) -> Vec<String> {
        self.instruments.iter().map(|i| i.symbol.clone()).collect()
    }
}

fn named(row: &super::builtin::Row) -> Instrument {
    let &(class, symbol, description, price, price_decimals, size, size_decimals, orders_per_1000_s, day_move_bp) = row;
    Instrument {
        symbol: symbol.to_owned(),
        description: description.to_owned(),
        class,
        price,
        price_decimals,
        size,
        size_decimals,
        orders_per_1000_s,
        day_move_bp,
        key: key_of(symbol),
        path_key: key_of(&path_name(class, symbol, description)),
    }
}

/// `BTCUSD` for `Binance BTCUSDT` and `Coinbase BTC/USD`; a stock's symbol.
fn path_name(class: Class, symbol: &str, description: &str) -> String {
    let pair = description.rsplit(' ').next().unwrap_or(symbol);
    let name = if class == Class::Stock { symbol } else { pair.strip_suffix('T').unwrap_or(pair) };
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// The instrument at `index` past the named ones. Every third is a crypto pair.
fn made_up(index: usize) -> Instrument {
    let letters: String = (0..4u32)
        .rev()
        .map(|place| {
            let letter = (index as u64 / 26u64.pow(place)) % 26;
            char::from(b'A' + letter as u8)
        })
        .collect();
    let crypto = index.is_multiple_of(3);
    let letters = if index >= 26usize.pow(4) { format!("{letters}{}", index / 26usize.pow(4)) } else { letters };
    let symbol = if crypto { format!("SIM:{letters}USDT") } else { format!("Z{letters}") };
    let chance = hash(0, key_of(&symbol), index as u64);
    Instrument {
        description: format!("Made-up instrument {index}"),
        class: if crypto { Class::Crypto } else { Class::Stock },
        price: 500 + (chance % 40_000) as i64,
        price_decimals: 2,
        size: if crypto { 5_000 } else { 100 },
        size_decimals: if crypto { 3 } else { 0 },
        // Activity falls with the rank, as it does on real markets.
        orders_per_1000_s: 400_000 / (index as u64 + 1) + 2,
        day_move_bp: 80 + (chance >> 32) % 400,
        key: key_of(&symbol),
        path_key: key_of(&symbol),
        symbol,
    }
}
