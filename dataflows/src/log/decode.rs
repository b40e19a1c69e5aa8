//! Decoding of one record in place: trades, control records, and what is rejected and why.
//!
//! Two readers for one grammar (`docs/definitions.md`, section 2): [`fast`] reads the shapes that Finnhub and our own
//! ingest write, and gives up on anything else; [`general`] reads all JSON. They are tested against each other.

use crate::log::control::Control;
use crate::log::decimal::{Decimal, PRICE_MAX, ROUNDED_PRICE_MIN, VOLUME_MAX};
use crate::log::reject::{RECORD_BYTES_MAX, Reason};
use crate::progress::time::{EVENT_MS_END, EVENT_MS_MIN};

pub mod fast;
pub mod general;

/// A trade as decoded, with numbers within range and no dataflow time yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawTrade<'a> {
    /// Its symbol: 1 to 128 bytes, no hidden characters.
    pub symbol: &'a str,
    /// Price (10^-18).
    pub price: i128,
    /// Volume (10^-10).
    pub volume: i128,
    /// Event time.
    pub event_ms: u64,
    /// The JSON text of `c`: `null` or an array of texts; empty when absent.
    pub conditions: &'a str,
    /// Price or volume had more digits than are kept.
    pub rounded: bool,
    /// Its id: 1 to 64 bytes; empty when it has none.
    pub id: &'a str,
    /// What it was decoded from: its record, or its element of a frame.
    pub bytes: &'a [u8],
}

/// Longest id of a trade, in bytes.
pub const TRADE_ID_BYTES_MAX: usize = 64;

/// Receiver of a record's contents, in order.
pub trait Visitor {
    /// The trade at `index` of its record.
    fn trade(&mut self, index: u32, trade: &RawTrade<'_>);
    /// A control record.
    fn control(&mut self, control: Control<'_>);
    /// An invalid record, or an invalid element of one, and its bytes.
    fn reject(&mut self, index: u32, reason: Reason, bytes: &[u8]);
}

/// Decodes one record. `total_len` is its length in the log, of which `record` may be only the beginning.
#[inline]
pub fn decode(record: &[u8], total_len: u64, visitor: &mut impl Visitor) {
    if total_len > RECORD_BYTES_MAX as u64 {
        visitor.reject(0, Reason::TooLarge, record);
    } else if !fast::decode(record, visitor) {
        general::decode(record, visitor);
    }
}

/// The range checks that both readers share.
#[inline]
fn in_range(price: Decimal, volume: Decimal, event_ms: i64) -> bool {
    let magnitude = price.value.abs();
    magnitude <= PRICE_MAX
        && (!price.rounded || magnitude >= ROUNDED_PRICE_MIN)
        && (0..=VOLUME_MAX).contains(&volume.value)
        && (EVENT_MS_MIN..EVENT_MS_END).contains(&event_ms)
}
