//! Candlesticks in text: the character of a candle in a cell. Each cell has two halves, so a body or a wick may end in
//! its middle. Without colours the filling of a body shows whether the price rose or fell.

use crate::command::output::number::axis;
use crate::store::StoredCandle;

/// Content of half a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    None,
    Wick,
    Body,
}

/// Mapping between prices and rows.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    high: f64,
    low: f64,
    rows: usize,
}

impl Scale {
    /// A scale from the highest price of these candles in row 0 to the lowest in the last of `rows`.
    pub fn of(candles: &[StoredCandle], rows: usize) -> Self {
        // Open and close may be outside of high and low, because each has its own trade conditions.
        let highest = |c: &StoredCandle| c.high.max(c.open).max(c.close);
        let lowest = |c: &StoredCandle| c.low.min(c.open).min(c.close);
        let high = candles.iter().map(highest).fold(f64::NEG_INFINITY, f64::max);
        let low = candles.iter().map(lowest).fold(f64::INFINITY, f64::min);
        Self { high, low, rows }
    }

    /// The price in the middle of a row, in at most `columns` columns, 10 or more.
    pub fn label(&self, row: usize, columns: usize) -> String {
        let step = (self.high - self.low) / self.rows as f64;
        axis(self.high - step * (row as f64 + 0.5), step, columns)
    }

    /// The half with a price; 0 is the highest.
    fn half(&self, price: f64) -> usize {
        let (span, halves) = (self.high - self.low, self.rows * 2);
        if span <= 0.0 {
            return halves / 2;
        }
        // The cast turns NaN into 0.
        (((self.high - price) / span * halves as f64) as usize).min(halves.saturating_sub(1))
    }
}

/// Whether the price fell within the window.
pub fn fell(candle: &StoredCandle) -> bool {
    candle.close < candle.open
}

/// The character of a candle in a row. With colours, body and wick differ in shape only.
pub fn cell(candle: &StoredCandle, scale: &Scale, row: usize, coloured: bool) -> char {
    let [upper, lower] = [2 * row, 2 * row + 1].map(|half| fill(candle, scale, half));
    if !coloured && (upper == Half::Body || lower == Half::Body) {
        return if fell(candle) { '█' } else { '░' };
    }
    match (upper, lower) {
        (Half::None, Half::None) => ' ',
        (Half::None, Half::Wick) => '╷',
        (Half::None, Half::Body) => '╻',
        (Half::Wick, Half::None) => '╵',
        (Half::Wick, Half::Wick) => '│',
        (Half::Wick, Half::Body) => '╽',
        (Half::Body, Half::None) => '╹',
        (Half::Body, Half::Wick) => '╿',
        (Half::Body, Half::Body) => '┃',
    }
}

fn fill(candle: &StoredCandle, scale: &Scale, half: usize) -> Half {
    let (top, bottom) = (scale.half(candle.open.max(candle.close)), scale.half(candle.open.min(candle.close)));
    if (top..=bottom).contains(&half) {
        return Half::Body;
    }
    if (scale.half(candle.high)..=scale.half(candle.low)).contains(&half) { Half::Wick } else { Half::None }
}

/// Volumes, from none to most.
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The bar of a volume; `most` fills the cell.
pub fn bar(volume: f64, most: f64) -> char {
    BARS[(volume / most * 8.0).ceil().clamp(0.0, 8.0) as usize]
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A candle of the `n`th minute.
    pub fn candle(n: u64, open: f64, high: f64, low: f64, close: f64) -> StoredCandle {
        let window_start_ms = 1_381_152_600_000 + 60_000 * n;
        let (volume, notional, vwap) = (n as f64, 1.0, 1.0);
        StoredCandle { window_start_ms, open, high, low, close, volume, notional, vwap, trades: 1, as_of: 0 }
    }

    fn column(candles: &[StoredCandle], at: usize, rows: usize, coloured: bool) -> String {
        let scale = Scale::of(candles, rows);
        (0..rows).map(|row| cell(&candles[at], &scale, row, coloured)).collect()
    }

    #[test]
    fn halves_match_the_prices() {
        // Eight halves, from 8 down to 0.
        let candles = [candle(1, 6.5, 8.0, 0.0, 3.5), candle(2, 1.0, 4.5, 1.0, 4.5), candle(3, 8.0, 8.0, 0.0, 8.0)];
        assert_eq!(column(&candles, 0, 4, true), "╽┃╿│");
        assert_eq!(column(&candles, 0, 4, false), "███│");
        assert_eq!(column(&candles, 1, 4, true), " ╻┃┃");
        assert_eq!(column(&candles, 1, 4, false), " ░░░");
        assert_eq!(column(&candles, 2, 4, true), "╿│││", "an empty body is visible");
    }

    #[test]
    fn a_single_price_is_a_middle_line() {
        let flat = [candle(1, 5.0, 5.0, 5.0, 5.0)];
        assert_eq!(column(&flat, 0, 5, true), "  ╻  ");
        assert_eq!(Scale::of(&flat, 5).label(2, 10), "5");
        assert_eq!(Scale::of(&[], 5).half(1.0), 5);
    }

    #[test]
    fn bars_fit() {
        assert_eq!([bar(0.0, 5.0), bar(0.1, 5.0), bar(5.0, 5.0), bar(0.0, 0.0)], [' ', '▁', '█', ' ']);
    }
}
