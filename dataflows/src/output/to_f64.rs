//! Conversion of rows to doubles: each exact value is rounded once; roots are taken here.

use ethnum::I256;

use crate::log::decimal::{
    AVERAGE_ONE, NOTIONAL_ONE, PRICE_ONE, VOLUME_ONE, notional_per_volume_f64, ratio_f64, wide_f64, wide_ratio_f64,
};
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

/// A price as a double.
pub fn price_f64(value: i128) -> f64 {
    ratio_f64(value, PRICE_ONE)
}

/// A volume as a double.
pub fn volume_f64(value: i128) -> f64 {
    ratio_f64(value, VOLUME_ONE)
}

/// A notional as a double.
fn notional_f64(value: I256) -> f64 {
    wide_ratio_f64(value, I256::from(NOTIONAL_ONE))
}

/// A candle as doubles.
pub fn candle(row: &CandleRow) -> CandleEdge {
    CandleEdge {
        open: price_f64(row.open),
        high: price_f64(row.high),
        low: price_f64(row.low),
        close: price_f64(row.close),
        volume: volume_f64(row.volume),
        notional: notional_f64(row.notional),
        // Without volume there is nothing to weight by.
        vwap: if row.volume > 0 { notional_per_volume_f64(row.notional, row.volume) } else { price_f64(row.close) },
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
    let mean = |sum: i128, n: u64| ratio_f64(sum, seen(n) * PRICE_ONE);
    let average = |value: i128| ratio_f64(value, AVERAGE_ONE);
    let macd = v.ema[0] - v.ema[1];
    let middle = mean(v.bollinger_sum, 20);
    let band = 2.0 * deviation(seen(20), v.bollinger_sum, v.bollinger_sum_sq) / PRICE_ONE as f64;
    [
        mean(v.close_sums[0], 12),
        mean(v.close_sums[1], 60),
        mean(v.close_sums[2], 240),
        average(v.ema[0]),
        average(v.ema[1]),
        average(macd),
        average(v.macd_signal),
        average(macd - v.macd_signal),
        if v.volume_60 > 0 { notional_per_volume_f64(v.notional_60, v.volume_60) } else { mean(v.close_sums[1], 60) },
        volume_f64(v.volume_60),
        rsi(v.rsi_gain, v.rsi_loss),
        middle,
        middle + band,
        middle - band,
        deviation(i128::from(v.returns), v.return_sum, I256::from(v.return_sum_sq)) / 1e16,
        volume_f64(v.cumulative_volume),
        notional_f64(v.cumulative_notional),
    ]
}

fn rsi(gain: i128, loss: i128) -> f64 {
    let both = I256::from(gain + loss);
    if both == 0 { 50.0 } else { wide_ratio_f64(I256::from(gain) * 100, both) }
}

/// Population standard deviation from the exact sums of `n` integers: sqrt((n Σx² − (Σx)²) / n²).
fn deviation(n: i128, sum: i128, sum_sq: I256) -> f64 {
    if n == 0 {
        return 0.0;
    }
    let spread = I256::from(n) * sum_sq - I256::from(sum) * I256::from(sum);
    libm::sqrt(wide_f64(spread)) / n as f64
}
