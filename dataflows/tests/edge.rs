//! Doubles are rounded once: what leaves at the edge against exact rationals.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use dataflows::output::row::IndicatorValues;
use ethnum::I256;

mod oracle;

use oracle::{Oracle, edge, generate};

#[test]
fn generated_rows_give_nearest_doubles() {
    for seed in 0..150 {
        let (settings, log) = generate::case(seed);
        check(&Oracle::new(&settings, &log));
    }
    let (settings, log) = generate::long_case(0);
    check(&Oracle::new(&settings, &log));
}

fn check(oracle: &Oracle) {
    for row in oracle.candle_rows(u64::MAX) {
        assert_eq!(dataflows::output::to_f64::candle(&row), edge::candle(&row), "{row:?}");
    }
    for row in oracle.indicator_rows(u64::MAX) {
        edge::check_indicators(&row.values, &dataflows::output::to_f64::indicators(&row.values));
    }
}

#[test]
fn great_and_small_values_round_once_too() {
    let (most, least) = (10_i128.pow(30), 1);
    for (close, other) in
        [(most, most - 1), (most, least), (least, most), (least, least), (most - 1, most), (-most, most)]
    {
        let values = IndicatorValues {
            candles: 2,
            close_sums: [close + other; 3],
            ema: [close * 10_i128.pow(6), other * 10_i128.pow(6) + 1],
            macd_signal: -close,
            notional_60: I256::from(close) * I256::from(10_i128.pow(26) - 1),
            volume_60: 10_i128.pow(26) * i128::from(close != least),
            rsi_gain: close.abs() * 10_i128.pow(6),
            rsi_loss: other,
            bollinger_sum: close + other,
            bollinger_sum_sq: I256::from(close) * I256::from(close) + I256::from(other) * I256::from(other),
            returns: 1,
            return_sum: 506_568_720_457_236_736,
            return_sum_sq: 506_568_720_457_236_736_i128.pow(2),
            cumulative_volume: 10_i128.pow(38),
            cumulative_notional: I256::MAX / 8 - I256::from(other),
            cumulative_trades: 2,
        };
        edge::check_indicators(&values, &dataflows::output::to_f64::indicators(&values));
    }
}
