//! A trade that waits to be confirmed, with what is needed to accept or reject it later.

use std::sync::Arc;

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
    /// The record, or its beginning.
    pub(super) record: &'a [u8],
    /// Length of the record in the log.
    pub(super) total_len: u64,
}

/// A trade that waits.
#[derive(Debug)]
pub(super) struct WaitingTrade {
    offset: u64,
    index: u32,
    /// Shared by the trades of one record.
    record: Arc<[u8]>,
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
    /// Copies a trade. `before` is the trade that waits before it, if any.
    pub(super) fn new(origin: &Origin<'_>, trade: &RawTrade<'_>, before: Option<&Self>) -> Self {
        let record = before.filter(|before| before.offset == origin.offset).map(|before| Arc::clone(&before.record));
        Self {
            offset: origin.offset,
            index: origin.index,
            record: record.unwrap_or_else(|| origin.record[..origin.record.len().min(ORIGINAL_BYTES_MAX)].into()),
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

    /// Where it was read.
    pub(super) fn origin(&self) -> Origin<'_> {
        Origin { offset: self.offset, index: self.index, record: &self.record, total_len: self.total_len }
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
