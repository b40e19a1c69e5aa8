//! A symbol whose candles no late trade can reach any more is packed: what its next candle needs, in a few kilobytes,
//! until it trades again. A timer wheel in event time finds them, so that a symbol
//! that never trades again (an expired option) does not keep its candles for ever.

use std::collections::BTreeMap;

use crate::progress::time::{MINUTE_MS, Time};

/// Symbols packed after one time step, at most: thousands become idle together when a market closes.
const PACKED_MAX: usize = 128;

/// The symbols that trade, by the time at which they may have become idle.
#[derive(Debug, Default)]
pub(super) struct Wheel {
    due: BTreeMap<Time, Vec<u32>>,
}

impl Wheel {
    /// Looks at a symbol again at this time, or up to a minute later.
    pub(super) fn watch(&mut self, symbol: u32, time: Time) {
        self.due.entry((time / MINUTE_MS + 1) * MINUTE_MS).or_default().push(symbol);
    }

    /// Some symbols to look at by now.
    pub(super) fn take(&mut self, now: Time) -> Vec<u32> {
        let Some(mut first) = self.due.first_entry().filter(|first| *first.key() <= now) else { return Vec::new() };
        let symbols = first.get_mut();
        if symbols.len() > PACKED_MAX { symbols.split_off(symbols.len() - PACKED_MAX) } else { first.remove() }
    }
}
