//! The digest: a 128-bit multiset hash of rows, the same whatever the order, the grouping and the number of workers.
//!
//! A row's canonical bytes are: table number (1 byte: 0..=4 candles by resolution, 16 indicators, 17 rejected, 18
//! gaps), then the fields in the order in which `row.rs` declares them, integers little-endian in their own width,
//! texts and byte strings after their length (8 bytes), a rejection's reason as its name. Their XXH3-128 is the row's
//! hash; the digest is the wrapping sum of diff x hash. Nothing here may change without a new pipeline revision: golden
//! tests hold it.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::output::row::{CandleRow, GapRow, IndicatorRow, RejectedRow};

/// Wrapping sum of diff x hash over rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest(pub u128);

impl Digest {
    /// Adds a row `diff` times; -1 removes it.
    #[inline]
    pub fn update(&mut self, hash: u128, diff: i64) {
        self.0 = self.0.wrapping_add(hash.wrapping_mul(i128::from(diff) as u128));
    }

    /// Adds another digest.
    #[inline]
    pub fn merge(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A row that has canonical bytes.
pub trait Canonical {
    /// Appends the canonical bytes.
    fn canonical(&self, bytes: &mut Vec<u8>);

    /// XXH3-128 of the canonical bytes. `scratch` is overwritten.
    #[inline]
    fn hash(&self, scratch: &mut Vec<u8>) -> u128 {
        scratch.clear();
        self.canonical(scratch);
        xxh3_128(scratch)
    }
}

#[inline]
fn put_text(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
    bytes.extend_from_slice(text);
}

impl Canonical for CandleRow {
    #[inline]
    fn canonical(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.resolution as u8);
        put_text(bytes, self.symbol.as_str().as_bytes());
        bytes.push(self.resolution as u8);
        bytes.extend_from_slice(&self.window_start_ms.to_le_bytes());
        for value in [self.open, self.high, self.low, self.close, self.volume] {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        bytes.extend_from_slice(&self.notional.to_le_bytes());
        bytes.extend_from_slice(&self.trades.to_le_bytes());
        bytes.extend_from_slice(&self.as_of.to_le_bytes());
    }
}

impl Canonical for IndicatorRow {
    #[inline]
    fn canonical(&self, bytes: &mut Vec<u8>) {
        let v = &self.values;
        bytes.push(16);
        put_text(bytes, self.symbol.as_str().as_bytes());
        bytes.extend_from_slice(&self.window_start_ms.to_le_bytes());
        bytes.extend_from_slice(&v.candles.to_le_bytes());
        for value in v.close_sums.into_iter().chain([v.ema[0], v.ema[1], v.macd_signal]) {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        bytes.extend_from_slice(&v.notional_60.to_le_bytes());
        for value in [v.volume_60, v.rsi_gain, v.rsi_loss, v.bollinger_sum] {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        bytes.extend_from_slice(&v.bollinger_sum_sq.to_le_bytes());
        bytes.extend_from_slice(&v.returns.to_le_bytes());
        for value in [v.return_sum, v.return_sum_sq, v.cumulative_volume] {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        bytes.extend_from_slice(&v.cumulative_notional.to_le_bytes());
        bytes.extend_from_slice(&v.cumulative_trades.to_le_bytes());
        bytes.extend_from_slice(&self.as_of.to_le_bytes());
    }
}

impl Canonical for GapRow {
    fn canonical(&self, bytes: &mut Vec<u8>) {
        bytes.push(18);
        bytes.extend_from_slice(&self.partition.to_le_bytes());
        bytes.extend_from_slice(&self.offset.to_le_bytes());
        put_text(bytes, self.source.as_bytes());
        bytes.extend_from_slice(&self.from_ms.to_le_bytes());
        bytes.extend_from_slice(&self.to_ms.to_le_bytes());
        put_text(bytes, self.cause.as_bytes());
        bytes.extend_from_slice(&self.as_of.to_le_bytes());
    }
}

impl Canonical for RejectedRow {
    fn canonical(&self, bytes: &mut Vec<u8>) {
        bytes.push(17);
        bytes.extend_from_slice(&self.partition.to_le_bytes());
        bytes.extend_from_slice(&self.offset.to_le_bytes());
        bytes.extend_from_slice(&self.index.to_le_bytes());
        put_text(bytes, self.reason.name().as_bytes());
        put_text(bytes, &self.original);
        bytes.extend_from_slice(&self.original_bytes_total.to_le_bytes());
        bytes.extend_from_slice(&self.as_of.to_le_bytes());
    }
}
