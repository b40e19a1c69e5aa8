//! Synthetic rows as advances of the frontier produce them, and the same rows in doubles for the driver baseline.

use dataflows::output::row::{CandleRow, IndicatorRow, IndicatorValues};
use dataflows::progress::time::Resolution;
use dataflows::symbols::symbol::Symbol;
use ethnum::I256;
use tickline::store::RowBatch;

/// 2024-01-02 14:30 UTC.
pub const START_MS: u64 = 1_704_205_800_000;
const PRICE: i128 = 1_000_000_000_000_000_000;
const ONE: i128 = 10_000_000_000;

/// All windows of a number of symbols that overlap the seconds before a time.
pub fn rows(symbols: u64, end_ms: u64, seconds: u64) -> RowBatch {
    let mut batch = RowBatch::default();
    for symbol in (0..symbols).map(|n| Symbol::new(&format!("BINANCE:SYM{n:05}USDT")).unwrap()) {
        for resolution in Resolution::ALL {
            let length_ms = resolution.length_ms();
            let first_ms = resolution.window_start_ms(end_ms - seconds * 1_000);
            for window_start_ms in (first_ms..end_ms).step_by(length_ms as usize) {
                batch.candles.push(candle(&symbol, resolution, window_start_ms, end_ms));
                if resolution == Resolution::S5 {
                    batch.indicators.push(indicators(&symbol, window_start_ms, end_ms));
                }
            }
        }
    }
    batch
}

fn candle(symbol: &Symbol, resolution: Resolution, window_start_ms: u64, as_of: u64) -> CandleRow {
    let price = i128::from(10_000 + as_of % 977 + window_start_ms / 5_000 % 89) * PRICE / 100;
    let volume = i128::from(1 + as_of / 1_000 % 500) * ONE;
    CandleRow {
        symbol: symbol.clone(),
        resolution,
        window_start_ms,
        open: price,
        high: price + PRICE,
        low: price - PRICE,
        close: price + PRICE / 7,
        volume,
        notional: I256::from(volume * price),
        trades: 1 + as_of % 50,
        as_of,
    }
}

fn indicators(symbol: &Symbol, window_start_ms: u64, as_of: u64) -> IndicatorRow {
    let price = i128::from(10_000 + as_of % 977) * PRICE / 100;
    let values = IndicatorValues {
        candles: 300,
        close_sums: [12 * price, 60 * price, 240 * price],
        ema: [price * 1_000_000, price * 1_000_000 + PRICE],
        macd_signal: PRICE,
        notional_60: I256::from(60 * price * ONE),
        volume_60: 60 * ONE,
        rsi_gain: price,
        rsi_loss: price / 3,
        returns: 60,
        return_sum_sq: ONE,
        cumulative_volume: 300 * ONE,
        cumulative_notional: I256::from(300 * price * ONE),
        cumulative_trades: 300,
        ..IndicatorValues::default()
    };
    IndicatorRow { symbol: symbol.clone(), window_start_ms, values, as_of }
}
