//! Instrument of the simulated market.

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

/// Instrument, and how it moves.
#[derive(Clone, Debug)]
pub struct Instrument {
    /// Symbol on the feed, such as `BINANCE:BTCUSDT`.
    pub symbol: String,
    /// Display name.
    pub description: String,
    /// Kind.
    pub class: Class,
    /// Base price, in units of 10^-`price_decimals`.
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
    /// Key of its random numbers.
    pub key: u64,
    /// Key of its price path: the same for one pair on several exchanges, so that their prices stay close.
    pub path_key: u64,
}

impl Instrument {
    /// Exchange: the part of a pair's symbol before the colon, `US` for a stock.
    pub fn exchange(&self) -> &str {
        self.symbol.split_once(':').map_or("US", |(exchange, _)| exchange)
    }
}
