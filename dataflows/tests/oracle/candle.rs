//! A candle: all trades of a window, looked at once more for every value.

use ethnum::I256;
use num_bigint::BigInt;

use super::number::wide;
use super::partition::Trade;

/// Lengths of the windows in milliseconds, in the order of the resolutions.
pub const LENGTHS_MS: [u64; 5] = [5_000, 60_000, 300_000, 3_600_000, 86_400_000];

/// The values of a candle; prices in 10^-18, volume in 10^-10, notional in 10^-28.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candle {
    pub window_start_ms: u64,
    pub open: i128,
    pub high: i128,
    pub low: i128,
    pub close: i128,
    pub volume: i128,
    pub notional: I256,
    pub trades: u64,
}

/// The sum of price x volume, exact: mostly it fits an i128.
fn notional(trades: &[&Trade]) -> I256 {
    let add = |sum: i128, trade: &&Trade| sum.checked_add(trade.price.checked_mul(trade.volume)?);
    trades.iter().try_fold(0, add).map_or_else(
        || wide(&trades.iter().map(|trade| BigInt::from(trade.price) * BigInt::from(trade.volume)).sum()),
        I256::from,
    )
}

/// The candle of one window of one symbol, given all trades of the symbol.
pub fn candle(trades: &[&Trade], window_start_ms: u64, length_ms: u64) -> Option<Candle> {
    let window = window_start_ms..window_start_ms + length_ms;
    let all: Vec<&Trade> =
        trades.iter().copied().filter(|t| window.contains(&t.place.0) && !t.flags.is_none()).collect();
    let counted: Vec<&Trade> = all.iter().copied().filter(|t| t.flags.volume).collect();
    let mut range: Vec<&Trade> = all.iter().copied().filter(|t| t.flags.range).collect();
    if range.is_empty() {
        range.clone_from(&all);
    }
    let mut last: Vec<&Trade> = all.iter().copied().filter(|t| t.flags.last).collect();
    if last.is_empty() {
        last.clone_from(&range);
    }
    Some(Candle {
        window_start_ms,
        open: last.iter().min_by_key(|t| t.place)?.price,
        high: range.iter().map(|t| t.price).max()?,
        low: range.iter().map(|t| t.price).min()?,
        close: last.iter().max_by_key(|t| t.place)?.price,
        volume: counted.iter().map(|t| t.volume).sum(),
        notional: notional(&counted),
        trades: counted.len() as u64,
    })
}

/// All candles of one symbol, by window.
pub fn candles(trades: &[&Trade], length_ms: u64) -> Vec<Candle> {
    let mut starts: Vec<u64> = trades.iter().map(|t| t.place.0 / length_ms * length_ms).collect();
    starts.sort_unstable();
    starts.dedup();
    starts.into_iter().filter_map(|start| candle(trades, start, length_ms)).collect()
}
