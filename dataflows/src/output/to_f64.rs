//! Conversion of rows to doubles: each exact value is rounded once; roots are taken here.

use ethnum::I256;

use crate::log::decimal::{ONE, ONE_20, notional_per_volume_f64, ratio_f64, wide_f64};
use crate::output::row::{CandleRow, IndicatorValues};

/// A candle in doubles.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of CandleRow")]
pub struct CandleEdge {
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub volume: f64,
    pub notional: f64,
    pub vwap: f64,
}

/// A price or volume as a double.
pub fn price_f64(value: i128) -> f64 {
    ratio_f64(value, ONE)
}

/// A candle as doubles.
pub fn candle(row: &CandleRow) -> CandleEdge {
    CandleEdge {
        open: price_f64(row.open),
        high: price_f64(row.high),
        low: price_f64(row.low),
        close: price_f64(row.close),
        volume: price_f64(row.volume),
        notional: ratio_f64(row.notional, ONE_20),
        vwap: notional_per_volume_f64(row.notional, row.volume),
    }
}

/// Names of the doubles of a row of indicators, in the order of [`indicators`].
pub const INDICATOR_COLUMNS: [&str; 17] = [
    "sma_12",
    "sma_60",
    "sma_240",
    "ema_12",
    "ema_26",
    "macd",
    "macd_signal",
    "macd_histogram",
    "vwap_60",
    "volume_60",
    "rsi_14",
    "bollinger_middle",
    "bollinger_upper",
    "bollinger_lower",
    "volatility_60",
    "cumulative_volume",
    "cumulative_notional",
];

/// A row of indicators as doubles, in the order of [`INDICATOR_COLUMNS`].
pub fn indicators(v: &IndicatorValues) -> [f64; 17] {
    let seen = |n: u64| i128::from(v.candles.min(n));
    let mean = |sum: i128, n: u64| ratio_f64(sum, seen(n) * ONE);
    let macd = v.ema[0] - v.ema[1];
    let middle = mean(v.bollinger_sum, 20);
    let band = 2.0 * deviation(seen(20), v.bollinger_sum, v.bollinger_sum_sq) / ONE as f64;
    let returns = i128::from((v.candles - 1).min(60));
    [
        mean(v.close_sums[0], 12),
        mean(v.close_sums[1], 60),
        mean(v.close_sums[2], 240),
        ratio_f64(v.ema[0], ONE_20),
        ratio_f64(v.ema[1], ONE_20),
        ratio_f64(macd, ONE_20),
        ratio_f64(v.macd_signal, ONE_20),
        ratio_f64(macd - v.macd_signal, ONE_20),
        notional_per_volume_f64(v.notional_60, v.volume_60),
        price_f64(v.volume_60),
        rsi(v.rsi_gain, v.rsi_loss),
        middle,
        middle + band,
        middle - band,
        deviation(returns, v.return_sum, I256::from(v.return_sum_sq)) / 1e16,
        price_f64(v.cumulative_volume),
        ratio_f64(v.cumulative_notional, ONE_20),
    ]
}

fn rsi(gain: i128, loss: i128) -> f64 {
    if gain + loss == 0 { 50.0 } else { ratio_f64(100 * gain, gain + loss) }
}

/// Population standard deviation from the exact sums of `n` integers: sqrt((n Σx² − (Σx)²) / n²).
fn deviation(n: i128, sum: i128, sum_sq: I256) -> f64 {
    if n == 0 {
        return 0.0;
    }
    let spread = I256::from(n) * sum_sq - I256::from(sum) * I256::from(sum);
    libm::sqrt(wide_f64(spread)) / n as f64
}
