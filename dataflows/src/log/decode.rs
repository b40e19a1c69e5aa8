//! Decoding of one record in place: trades, control records, and what is rejected and why.
//!
//! Two readers for one grammar (`docs/definitions.md`, section 2): [`fast`] reads the shapes that Finnhub and our own
//! ingest write, and gives up on anything else; [`general`] reads all JSON. They are tested against each other.

use crate::log::control::Control;
use crate::log::decimal::{Decimal, NOTIONAL_MAX, PRICE_MAX, VOLUME_MAX};
use crate::log::reject::{RECORD_BYTES_MAX, Reason};
use crate::progress::time::{EVENT_MS_END, EVENT_MS_MIN};

pub mod fast;
pub mod general;

/// A trade as decoded, with numbers within range and no dataflow time yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawTrade<'a> {
    /// Its symbol: 1 to 128 bytes, no control characters.
    pub symbol: &'a str,
    /// Price (10^-10).
    pub price: i128,
    /// Volume (10^-10).
    pub volume: i128,
    /// Price x volume (10^-20).
    pub notional: i128,
    /// Event time.
    pub event_ms: u64,
    /// The JSON text of `c`: `null` or an array of texts; empty when absent.
    pub conditions: &'a str,
    /// Price or volume had more digits than are kept.
    pub rounded: bool,
}

/// Receiver of a record's contents, in order.
pub trait Visitor {
    /// The trade at `index` of its record.
    fn trade(&mut self, index: u32, trade: &RawTrade<'_>);
    /// A control record.
    fn control(&mut self, control: Control<'_>);
    /// An invalid record, or an invalid element of one.
    fn reject(&mut self, index: u32, reason: Reason);
}

/// Decodes one record. `total_len` is its length in the log, of which `record` may be only the beginning.
#[inline]
pub fn decode(record: &[u8], total_len: u64, visitor: &mut impl Visitor) {
    if total_len > RECORD_BYTES_MAX as u64 {
        visitor.reject(0, Reason::TooLarge);
    } else if !fast::decode(record, visitor) {
        general::decode(record, visitor);
    }
}

/// The range checks that both readers share. Returns price x volume.
#[inline]
fn in_range(price: Decimal, volume: Decimal, event_ms: i64) -> Option<i128> {
    let (p, v) = (price.value, volume.value);
    if p <= 0 || p > PRICE_MAX || !(0..=VOLUME_MAX).contains(&v) || !(EVENT_MS_MIN..EVENT_MS_END).contains(&event_ms) {
        return None;
    }
    let notional = match (u64::try_from(p), u64::try_from(v)) {
        (Ok(p), Ok(v)) => i128::try_from(u128::from(p) * u128::from(v)).ok()?,
        _ => p.checked_mul(v)?,
    };
    (notional <= NOTIONAL_MAX).then_some(notional)
}
