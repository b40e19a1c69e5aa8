//! A trade that waits, with what is needed to accept or reject it later.

use serde::{Deserialize, Serialize};

use crate::log::decode::RawTrade;
use crate::log::reject::ORIGINAL_BYTES_MAX;
use crate::progress::leap::Leaping;

/// Where something was read: what a row says of its record.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    /// Offset of the record.
    pub(super) offset: u64,
    /// Index in the record.
    pub(super) index: u32,
    /// What was read: the record or its element of a frame, or its beginning.
    pub(super) bytes: &'a [u8],
    /// Length of it in the log.
    pub(super) total_len: u64,
}

/// A trade that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WaitingTrade {
    pub(super) offset: u64,
    index: u32,
    bytes: Box<[u8]>,
    total_len: u64,
    symbol: Box<str>,
    conditions: Box<str>,
    price: i128,
    volume: i128,
    event_ms: u64,
    rounded: bool,
    id: Box<str>,
}

impl WaitingTrade {
    /// Copies a trade.
    pub(super) fn new(origin: &Origin<'_>, trade: &RawTrade<'_>) -> Self {
        Self {
            offset: origin.offset,
            index: origin.index,
            bytes: origin.bytes[..origin.bytes.len().min(ORIGINAL_BYTES_MAX)].into(),
            total_len: origin.total_len,
            symbol: trade.symbol.into(),
            conditions: trade.conditions.into(),
            price: trade.price,
            volume: trade.volume,
            event_ms: trade.event_ms,
            rounded: trade.rounded,
            id: trade.id.into(),
        }
    }

    /// Copies a trade that is accepted already: nothing will be said of its bytes.
    pub(super) fn accepted(origin: &Origin<'_>, trade: &RawTrade<'_>) -> Self {
        Self::new(&Origin { bytes: &[], ..*origin }, &RawTrade { id: "", ..*trade })
    }

    /// Where it was read.
    pub(super) fn origin(&self) -> Origin<'_> {
        Origin { offset: self.offset, index: self.index, bytes: &self.bytes, total_len: self.total_len }
    }

    /// The trade.
    pub(super) fn trade(&self) -> RawTrade<'_> {
        RawTrade {
            symbol: &self.symbol,
            price: self.price,
            volume: self.volume,
            event_ms: self.event_ms,
            conditions: &self.conditions,
            rounded: self.rounded,
            id: &self.id,
            bytes: &self.bytes,
        }
    }
}

impl Leaping for WaitingTrade {
    fn event_ms(&self) -> u64 {
        self.event_ms
    }

    fn symbol(&self) -> &str {
        &self.symbol
    }
}
