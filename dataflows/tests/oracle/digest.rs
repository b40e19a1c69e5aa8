//! The digest from the layout's words, with another implementation of XXH3-128 than the program's.

use dataflows::output::row::{CandleRow, GapRow, IndicatorRow, RejectedRow};
use twox_hash::XxHash3_128;

/// Canonical bytes under construction.
struct Layout(Vec<u8>);

impl Layout {
    fn table(number: u8) -> Self {
        Self(vec![number])
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    fn u32(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn u64(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn i64(mut self, value: i64) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn i128(mut self, value: i128) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn i256(mut self, value: ethnum::I256) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
}

/// The wrapping sum of the hashes of all rows.
pub fn digest(candles: &[CandleRow], indicators: &[IndicatorRow], rejected: &[RejectedRow], gaps: &[GapRow]) -> u128 {
    let layouts = candles.iter().map(candle).chain(indicators.iter().map(indicator)).chain(rejected.iter().map(reject));
    let layouts = layouts.chain(gaps.iter().map(gap));
    layouts.fold(0, |sum, layout| sum.wrapping_add(XxHash3_128::oneshot(&layout.0)))
}

fn candle(row: &CandleRow) -> Layout {
    let resolution = row.resolution as u8;
    Layout::table(resolution)
        .bytes(row.symbol.as_str().as_bytes())
        .u8(resolution)
        .u64(row.window_start_ms)
        .i128(row.open)
        .i128(row.high)
        .i128(row.low)
        .i128(row.close)
        .i128(row.volume)
        .i256(row.notional)
        .u64(row.trades)
        .u64(row.as_of)
}

fn indicator(row: &IndicatorRow) -> Layout {
    let v = &row.values;
    Layout::table(16)
        .bytes(row.symbol.as_str().as_bytes())
        .u64(row.window_start_ms)
        .u64(v.candles)
        .i128(v.close_sums[0])
        .i128(v.close_sums[1])
        .i128(v.close_sums[2])
        .i128(v.ema[0])
        .i128(v.ema[1])
        .i128(v.macd_signal)
        .i256(v.notional_60)
        .i128(v.volume_60)
        .i128(v.rsi_gain)
        .i128(v.rsi_loss)
        .i128(v.bollinger_sum)
        .i256(v.bollinger_sum_sq)
        .u64(v.returns)
        .i128(v.return_sum)
        .i128(v.return_sum_sq)
        .i128(v.cumulative_volume)
        .i256(v.cumulative_notional)
        .u64(v.cumulative_trades)
        .u64(row.as_of)
}

fn reject(row: &RejectedRow) -> Layout {
    Layout::table(17)
        .u32(row.partition)
        .u64(row.offset)
        .u32(row.index)
        .bytes(row.reason.name().as_bytes())
        .bytes(&row.original)
        .u64(row.original_bytes_total)
        .u64(row.as_of)
}

fn gap(row: &GapRow) -> Layout {
    Layout::table(18)
        .u32(row.partition)
        .u64(row.offset)
        .bytes(row.source.as_bytes())
        .i64(row.from_ms)
        .i64(row.to_ms)
        .bytes(row.cause.as_bytes())
        .u64(row.as_of)
}
