//! Instruments of a simulator: named ones, and any number of made-up ones for tests of scale.

use std::collections::HashMap;

use super::builtin::ROWS;
use super::instrument::{Class, Instrument};
use super::rng::{hash, key_of};

/// All instruments of a simulator, addressed by index.
#[derive(Clone, Debug)]
pub struct Universe {
    instruments: Vec<Instrument>,
    by_symbol: HashMap<String, usize>,
}

impl Universe {
    /// Number of named instruments.
    pub const NAMED: usize = ROWS.len();

    /// The first `count` instruments: the named ones, then made-up ones of falling activity.
    pub fn new(count: usize) -> Self {
        let instruments: Vec<_> =
            (0..count).map(|index| ROWS.get(index).map_or_else(|| made_up(index), named)).collect();
        let by_symbol = instruments.iter().enumerate().map(|(index, i)| (i.symbol.clone(), index)).collect();
        Self { instruments, by_symbol }
    }

    /// Multiplies the activity of all instruments.
    pub fn busier(mut self, times: u64) -> Self {
        for instrument in &mut self.instruments {
            instrument.orders_per_1000_s = instrument.orders_per_1000_s.saturating_mul(times);
        }
        self
    }

    /// All instruments.
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// Index of a symbol.
    pub fn find(&self, symbol: &str) -> Option<usize> {
        self.by_symbol.get(symbol).copied()
    }

    /// All symbols, by index.
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
