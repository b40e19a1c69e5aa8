//! The doubles that rows leave as: each value once more, as an exact rational, and then the nearest double of it.

use dataflows::output::row::{CandleRow, IndicatorValues};
use dataflows::output::to_f64::{CandleEdge, INDICATOR_COLUMNS};
use ethnum::I256;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, Zero};

use super::number::{exactly, nearest_double, ratio, ten_to, two_to};

/// A candle in doubles.
pub fn candle(row: &CandleRow) -> CandleEdge {
    CandleEdge {
        open: nearest_double(&units(row.open, 18)),
        high: nearest_double(&units(row.high, 18)),
        low: nearest_double(&units(row.low, 18)),
        close: nearest_double(&units(row.close, 18)),
        volume: nearest_double(&units(row.volume, 10)),
        notional: nearest_double(&notional(row.notional)),
        vwap: nearest_double(&weighted(row.notional, row.volume, units(row.close, 18))),
    }
}

/// Expected double of a row of indicators.
pub enum Expected {
    /// Exactly this.
    Exactly(f64),
    /// No further from the value than this.
    Within(BigRational, BigRational),
}

/// What each of the columns must be.
pub fn indicators(v: &IndicatorValues) -> Vec<Expected> {
    let mean = |sum: i128, n: u64| units(sum, 18) / whole(n.min(v.candles));
    let macd = v.ema[0] - v.ema[1];
    let middle = mean(v.bollinger_sum, 20);
    let sum_sq = big(v.bollinger_sum_sq);
    let band = whole(2) * deviation(v.candles.min(20), v.bollinger_sum, &sum_sq) / ten_to(18);
    let volatility = deviation(v.returns, v.return_sum, &BigInt::from(v.return_sum_sq)) / ten_to(16);
    let unit = two_to(-53);
    // Before the band is added or taken away: the spread is rounded to a double (a half of that error is left by the
    // root), then the root, the division by n and the one by the unit round: less than 4 relative errors of 2^-53.
    let root_error = |value: &BigRational| value * whole(4) * &unit;
    // The middle rounds once, and so does the sum.
    let edge = |value: BigRational| {
        let error = root_error(&band) + (middle.abs() + value.abs() + &band) * &unit;
        Expected::Within(value, error)
    };
    let exact = |value: BigRational| Expected::Exactly(nearest_double(&value));
    let both = units(v.rsi_gain, 24) + units(v.rsi_loss, 24);
    let rsi = if both.is_zero() { whole(50) } else { whole(100) * units(v.rsi_gain, 24) / both };
    vec![
        exact(mean(v.close_sums[0], 12)),
        exact(mean(v.close_sums[1], 60)),
        exact(mean(v.close_sums[2], 240)),
        exact(units(v.ema[0], 24)),
        exact(units(v.ema[1], 24)),
        exact(units(macd, 24)),
        exact(units(v.macd_signal, 24)),
        exact(units(macd - v.macd_signal, 24)),
        exact(weighted(v.notional_60, v.volume_60, mean(v.close_sums[1], 60))),
        exact(units(v.volume_60, 10)),
        exact(rsi),
        exact(middle.clone()),
        edge(&middle + &band),
        edge(&middle - &band),
        Expected::Within(volatility.clone(), root_error(&volatility)),
        exact(units(v.cumulative_volume, 10)),
        exact(notional(v.cumulative_notional)),
    ]
}

/// Fails, naming the column, when a double is not what it must be.
pub fn check_indicators(v: &IndicatorValues, doubles: &[f64; 17]) {
    for ((name, expected), got) in INDICATOR_COLUMNS.iter().zip(indicators(v)).zip(doubles) {
        match expected {
            Expected::Exactly(double) => assert_eq!(*got, double, "{name} of {v:?}"),
            Expected::Within(value, error) => {
                assert!((exactly(*got) - &value).abs() <= error, "{name} is {got}, not near {value}: {v:?}");
            }
        }
    }
}

fn units(count: i128, digits: i64) -> BigRational {
    ratio(count, 1) / ten_to(digits)
}

fn big(value: I256) -> BigInt {
    value.to_string().parse().unwrap()
}

fn notional(value: I256) -> BigRational {
    BigRational::from_integer(big(value)) / ten_to(28)
}

/// notional / volume; without volume, the price that stands for it.
fn weighted(notional_sum: I256, volume: i128, otherwise: BigRational) -> BigRational {
    if volume == 0 { otherwise } else { notional(notional_sum) / units(volume, 10) }
}

fn whole(n: u64) -> BigRational {
    BigRational::from_integer(BigInt::from(n))
}

/// sqrt((n Σx² − (Σx)²) / n²), cut at the 200th binary digit.
fn deviation(n: u64, sum: i128, sum_sq: &BigInt) -> BigRational {
    if n == 0 {
        return BigRational::zero();
    }
    let spread = BigInt::from(n) * sum_sq - BigInt::from(sum) * BigInt::from(sum);
    let root = (spread << 400_usize).sqrt();
    BigRational::from_integer(root) * two_to(-200) / whole(n)
}
