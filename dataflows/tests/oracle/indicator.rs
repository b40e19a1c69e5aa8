//! Indicators: the formulas, one after the other, over the list of all 5 s candles of a symbol.

use dataflows::output::row::IndicatorValues;
use ethnum::I256;
use num_bigint::BigInt;

use super::candle::Candle;
use super::number::{divide, exactly, half_even, nearest_double, ratio, ten_to, wide};
use num_traits::ToPrimitive;

/// From the unit of prices to that of averages.
const FINER: i128 = 10_i128.pow(6);
const POWER_8: i128 = 10_i128.pow(8);
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// The values of each candle's row.
pub fn indicators(candles: &[Candle]) -> Vec<IndicatorValues> {
    let closes: Vec<i128> = candles.iter().map(|c| c.close).collect();
    let ema_12 = ema(&closes, 12);
    let ema_26 = ema(&closes, 26);
    let signal = signal(&ema_12, &ema_26);
    let gains = smoothed(&closes, |close, before| (close - before).max(0));
    let losses = smoothed(&closes, |close, before| (before - close).max(0));
    let returns: Vec<Option<i128>> = closes.windows(2).map(|pair| log_return(pair[0], pair[1])).collect();
    let row = |at: usize| {
        let last = |n: usize| &candles[(at + 1).saturating_sub(n)..=at];
        let closes = |n: usize| last(n).iter().map(|c| c.close);
        // The candle at 0 has no return: up to here there are `at` of them.
        let returns: Vec<i128> = returns[at.saturating_sub(60)..at].iter().copied().flatten().collect();
        let day = candles[at].window_start_ms / DAY_MS;
        let today: Vec<&Candle> = candles[..=at].iter().filter(|c| c.window_start_ms / DAY_MS == day).collect();
        IndicatorValues {
            candles: at as u64 + 1,
            close_sums: [closes(12).sum(), closes(60).sum(), closes(240).sum()],
            ema: [ema_12[at], ema_26[at]],
            macd_signal: signal[at],
            notional_60: last(60).iter().map(|c| c.notional).sum(),
            volume_60: last(60).iter().map(|c| c.volume).sum(),
            rsi_gain: gains[at],
            rsi_loss: losses[at],
            bollinger_sum: closes(20).sum(),
            bollinger_sum_sq: wide(&closes(20).map(|c| BigInt::from(c) * BigInt::from(c)).sum()),
            returns: returns.len() as u64,
            return_sum: returns.iter().sum(),
            return_sum_sq: returns.iter().map(|r| r * r).sum(),
            cumulative_volume: today.iter().map(|c| c.volume).sum(),
            cumulative_notional: today.iter().map(|c| c.notional).sum::<I256>(),
            cumulative_trades: today.iter().map(|c| c.trades).sum(),
        }
    };
    (0..candles.len()).map(row).collect()
}

/// e1 = close1; e = (2·close + (n−1)·e') / (n+1). In 10^-24.
fn ema(closes: &[i128], n: i128) -> Vec<i128> {
    let mut values: Vec<i128> = Vec::new();
    for close in closes {
        let value = match values.last() {
            None => close * FINER,
            Some(before) => divide(2 * close * FINER + (n - 1) * before, n + 1),
        };
        values.push(value);
    }
    values
}

/// s1 = macd1; s = (2·macd + 8·s') / 10. In 10^-24.
fn signal(ema_12: &[i128], ema_26: &[i128]) -> Vec<i128> {
    let mut values: Vec<i128> = Vec::new();
    for (fast, slow) in ema_12.iter().zip(ema_26) {
        let macd = fast - slow;
        let value = match values.last() {
            None => macd,
            Some(before) => divide(2 * macd + 8 * before, 10),
        };
        values.push(value);
    }
    values
}

/// From 0; after the j-th change (change + (m−1)·before) / m, m = min(j, 14). In 10^-24.
fn smoothed(closes: &[i128], change: impl Fn(i128, i128) -> i128) -> Vec<i128> {
    let mut values: Vec<i128> = Vec::new();
    for k in 0..closes.len() {
        let value = if k == 0 {
            0
        } else {
            let m = k.min(14) as i128;
            divide(change(closes[k], closes[k - 1]) * FINER + (m - 1) * values[k - 1], m)
        };
        values.push(value);
    }
    values
}

/// ln(close / before), where both are above 0.
pub fn log_return(before: i128, close: i128) -> Option<i128> {
    // Only their quotient counts, and that of smaller numbers is found sooner.
    let unit = if before % POWER_8 == 0 && close % POWER_8 == 0 { POWER_8 } else { 1 };
    (before.min(close) > 0).then(|| logarithm(before / unit, close / unit))
}

/// log1p((close − before) / before): the quotient a double, the result a count of 10^-16.
fn logarithm(before: i128, close: i128) -> i128 {
    let change = nearest_double(&ratio(close - before, before));
    if change == -1.0 {
        // After such a fall the rest is lost in the double, whose logarithm would be infinite.
        return -logarithm(close, before);
    }
    half_even(&(exactly(libm::log1p(change)) * ten_to(16))).to_i128().unwrap()
}
