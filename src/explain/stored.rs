//! The row of the store, and how it compares with the one that the log leads to.

use std::collections::BTreeMap;

use dataflows::progress::time::{Resolution, Time};

use super::{Verdict, Window};
use crate::store::{Range, StoreError, StoreReader, StoredCandle, table};
use crate::time::now_ms;

/// What decides whether a row must be there.
pub(super) struct Context<'a> {
    pub(super) window: &'a Window,
    /// The published frontier, read before the row.
    pub(super) frontier: Time,
    /// Time to live of the table, in seconds; 0 if it keeps its rows.
    pub(super) live_s: u64,
}

/// Reads the row of a window.
pub(super) fn read(reader: &mut dyn StoreReader, window: &Window) -> Result<Option<StoredCandle>, StoreError> {
    let range = Range { from_ms: window.start_ms, to_ms: window.start_ms + 1, limit: 1 };
    Ok(reader.candles(window.symbol.as_str(), window.resolution, range)?.pop())
}

/// Time to live of a table of candles, in seconds; 0 if it keeps its rows.
pub(super) fn live_s(lives: &BTreeMap<String, u64>, resolution: Resolution) -> u64 {
    lives.get(table::candles(resolution)).copied().unwrap_or(0)
}

/// Compares the rows.
pub(super) fn compare(
    computed: Option<&StoredCandle>,
    stored: Option<&StoredCandle>,
    context: &Context<'_>,
) -> Verdict {
    match (computed, stored) {
        (_, Some(stored)) if stored.as_of >= context.frontier => Verdict::ChangedSince,
        (Some(_), Some(_)) if differences(computed, stored).is_empty() => Verdict::Equal,
        (Some(_), Some(_)) => Verdict::Differs,
        (Some(computed), None) if has_expired(computed, context) => Verdict::Expired,
        (Some(_), None) => Verdict::Missing,
        (None, Some(_)) => Verdict::Unexpected,
        (None, None) => Verdict::NoRow,
    }
}

/// Whether a store with a time to live may have removed the row, or never have written it: it is written with the time
/// of its last change, or not at all when the window had expired by the frontier.
fn has_expired(computed: &StoredCandle, context: &Context<'_>) -> bool {
    let live_ms = context.live_s.saturating_mul(1_000);
    let is_past = |from_ms: u64, now_ms: u64| from_ms.saturating_add(live_ms) < now_ms;
    live_ms > 0 && (is_past(computed.as_of, now_ms()) || is_past(context.window.end_ms(), context.frontier))
}

/// Names of the columns that differ, bit by bit; none if a row is missing.
pub(super) fn differences(computed: Option<&StoredCandle>, stored: Option<&StoredCandle>) -> Vec<&'static str> {
    let (Some(computed), Some(stored)) = (computed, stored) else { return Vec::new() };
    let values = computed.bits().into_iter().zip(stored.bits());
    let columns = StoredCandle::COLUMNS.into_iter().zip(values);
    columns.filter(|(_, (ours, theirs))| ours != theirs).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use dataflows::symbols::symbol::Symbol;

    use super::*;

    fn row(close: f64) -> StoredCandle {
        let (open, high, low, volume, notional, vwap) = (1.0, 2.0, 0.5, 3.0, 3.0, 1.0);
        StoredCandle { window_start_ms: 5_000, open, high, low, close, volume, notional, vwap, trades: 3, as_of: 7_000 }
    }

    #[test]
    fn every_bit_counts() {
        let window = Window { symbol: Symbol::new("A").unwrap(), resolution: Resolution::S5, start_ms: 5_000 };
        let context = |frontier, live_s| Context { window: &window, frontier, live_s };
        let (ours, same, other) = (row(1.5), row(1.5), row(1.5_f64.next_up()));
        let verdict = |theirs, frontier| compare(Some(&ours), theirs, &context(frontier, 0));
        assert_eq!(verdict(Some(&same), 8_000), Verdict::Equal);
        assert_eq!(verdict(Some(&other), 8_000), Verdict::Differs);
        assert_eq!(differences(Some(&ours), Some(&other)), ["close"]);
        let zero = |zero: f64| StoredCandle { open: zero, ..row(1.5) };
        assert_eq!(differences(Some(&zero(0.0)), Some(&zero(-0.0))), ["open"]);
        assert_eq!(verdict(Some(&other), 7_000), Verdict::ChangedSince);
        assert_eq!(verdict(None, 8_000), Verdict::Missing);
        assert_eq!(compare(None, Some(&same), &context(8_000, 0)), Verdict::Unexpected);
        assert_eq!(compare(None, None, &context(8_000, 0)), Verdict::NoRow);
        assert_eq!(compare(Some(&ours), None, &context(8_000, 60)), Verdict::Expired, "7 s after 1970, plus 60 s");
        let centuries = 10_000_000_000;
        assert_eq!(compare(Some(&ours), None, &context(8_000, centuries)), Verdict::Missing);
        let expired = context(10_000 + centuries * 1_000 + 1, centuries);
        assert_eq!(compare(Some(&ours), None, &expired), Verdict::Expired, "by the frontier");
    }
}
