//! Candlesticks in 80 columns of text, with a line of volumes below.

use std::fmt::Write;

use crate::store::StoredCandle;
use crate::timestamp::rfc3339;

/// Columns of the whole chart.
const COLUMNS: usize = 80;
/// Columns of a price, and the space behind it.
const LABEL: usize = 14;
/// Rows between the highest and the lowest price.
const ROWS: usize = 16;
/// Volumes, from none to most.
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws the newest candles that fit, oldest to the left. A window that did not trade has no column.
pub fn chart(candles: &[StoredCandle]) -> String {
    let shown = &candles[candles.len().saturating_sub(COLUMNS - LABEL)..];
    let (Some(first), Some(last)) = (shown.first(), shown.last()) else { return "no candles\n".to_string() };
    let high = shown.iter().map(|c| c.high).fold(f64::NEG_INFINITY, f64::max);
    let low = shown.iter().map(|c| c.low).fold(f64::INFINITY, f64::min);
    // Row 0 is the highest.
    let row_of = |price: f64| match high - low {
        span if span > 0.0 => ((high - price) / span * (ROWS - 1) as f64).round() as usize,
        _ => ROWS / 2,
    };
    let mut text = String::new();
    for row in 0..ROWS {
        let price = high - (high - low) * row as f64 / (ROWS - 1) as f64;
        let label = if row.is_multiple_of(5) { label(price) } else { String::new() };
        let cells: String = shown.iter().map(|c| cell(c, row, row_of)).collect();
        let _ = writeln!(text, "{label:>width$}  {}", cells.trim_end(), width = LABEL - 2);
    }
    let most = shown.iter().map(|c| c.volume).fold(0.0, f64::max);
    let bars: String = shown.iter().map(|c| BARS[(c.volume / most * 8.0).ceil().clamp(0.0, 8.0) as usize]).collect();
    let _ = writeln!(text, "{:>width$}  {bars}", "volume", width = LABEL - 2);
    let (from, to) = (rfc3339(first.window_start_ms), rfc3339(last.window_start_ms));
    let _ = writeln!(text, "{:LABEL$}{from} .. {to}  ░ up █ down", "");
    text
}

fn cell(candle: &StoredCandle, row: usize, row_of: impl Fn(f64) -> usize) -> char {
    // Open and close may lie outside high and low: each has conditions of its own.
    let (top, bottom) = (row_of(candle.open.max(candle.close)), row_of(candle.open.min(candle.close)));
    if (top..=bottom).contains(&row) {
        return if candle.close < candle.open { '█' } else { '░' };
    }
    if (row_of(candle.high)..=row_of(candle.low)).contains(&row) { '│' } else { ' ' }
}

/// A price in at most 12 columns.
fn label(price: f64) -> String {
    let text = format!("{price:.6}");
    let short: String = text.chars().take(LABEL - 2).collect();
    let fits = short.contains('.') || text.find('.') == Some(LABEL - 2);
    if fits { short.trim_end_matches('.').to_string() } else { format!("{price:.3e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candle(n: u64, open: f64, high: f64, low: f64, close: f64) -> StoredCandle {
        let window_start_ms = 1_381_152_600_000 + 60_000 * n;
        let (volume, notional, vwap) = (n as f64, 1.0, 1.0);
        StoredCandle { window_start_ms, open, high, low, close, volume, notional, vwap, trades: 1, as_of: 0 }
    }

    #[test]
    fn up_down_and_wicks_are_told_apart() {
        let text = chart(&[candle(1, 0.0, 15.0, 0.0, 10.0), candle(8, 10.0, 10.0, 5.0, 5.0)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), ROWS + 2);
        assert_eq!(lines[0], "   15.000000  │");
        assert_eq!(lines[5], "   10.000000  ░█");
        assert_eq!(lines[11], "              ░");
        assert_eq!(lines[ROWS], "      volume  ▁█");
    }

    #[test]
    fn it_fits_80_columns_whatever_comes() {
        for (count, price) in [(0, 1.0), (1, 1e-9), (200, 123_456_789_012.5), (66, 1e15), (3, 0.1)] {
            let candles: Vec<_> = (0..count).map(|n| candle(n, price, price * 1.5, price * 0.5, price)).collect();
            assert!(chart(&candles).lines().all(|line| line.chars().count() <= COLUMNS), "{}", chart(&candles));
        }
        let flat = chart(&[candle(1, 5.0, 5.0, 5.0, 5.0)]);
        assert!(flat.contains('░'), "{flat}");
    }
}
