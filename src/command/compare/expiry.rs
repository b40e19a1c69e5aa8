//! Which missing rows a store has removed because their time to live is over.
//!
//! A store that removes rows counts from the moment of the write, which nobody knows for a row that is gone. But rows
//! are written in the order of `as_of`. So a row that will stay for a while proves that rows with a later `as_of` and
//! no shorter time to live must be there, too: only what lies before all such rows can have been removed.

use std::collections::BTreeMap;

use crate::store::{Cell, RowTable};

/// A row that is removed within this time proves nothing: writes are not strictly in order, and a comparison takes
/// time.
const MARGIN_S: u64 = 3_600;

/// Times to live, and what the rows that are there prove.
#[derive(Clone, Debug, Default)]
pub struct Expiry {
    /// In milliseconds, by table; without those that keep their rows for ever.
    live_ms: BTreeMap<String, u64>,
    /// The least `as_of` of the rows that are there, by the time to live of their table.
    least: BTreeMap<u64, u64>,
    /// The published frontier: rows of windows that had expired before it are not written.
    frontier: u64,
    /// The wall clock when the comparison began.
    now_ms: u64,
}

impl Expiry {
    /// With times to live in seconds.
    pub fn new(seconds: BTreeMap<String, u64>, frontier: u64, now_ms: u64) -> Self {
        let live_ms = seconds.into_iter().filter(|(_, seconds)| *seconds > 0);
        let live_ms = live_ms.map(|(table, seconds)| (table, seconds.saturating_mul(1_000))).collect();
        Self { live_ms, least: BTreeMap::new(), frontier, now_ms }
    }

    /// Notes a row that is in the store, which removes it in `left_s` seconds.
    pub fn is_there(&mut self, table: RowTable, row: &[Cell], left_s: Option<u64>) {
        let stays = left_s.is_some_and(|left_s| left_s > MARGIN_S);
        if let (true, Some(live_ms), Some(as_of)) = (stays, self.live_ms.get(table.name()), time(row.last())) {
            let least = self.least.entry(*live_ms).or_insert(as_of);
            *least = as_of.min(*least);
        }
    }

    /// Whether a row that is not in the store can have been removed in due time, or never written because of it.
    pub fn explains(&self, table: RowTable, row: &[Cell]) -> bool {
        let Some(&live_ms) = self.live_ms.get(table.name()) else { return false };
        let (Some(as_of), Some(length_ms)) = (time(row.last()), table.window_ms()) else { return false };
        let window_end = time(row.get(table.key().len() - 1)).map_or(0, |start| start + length_ms);
        if window_end.saturating_add(live_ms) < self.frontier {
            return true;
        }
        let there = self.least.range(..=live_ms).map(|(_, least)| *least).min();
        as_of.saturating_add(live_ms) < self.now_ms && there.is_none_or(|there| as_of < there)
    }
}

fn time(cell: Option<&Cell>) -> Option<u64> {
    cell.and_then(Cell::int).and_then(|time| u64::try_from(time).ok())
}

#[cfg(test)]
mod tests {
    use dataflows::progress::time::{DAY_MS, Resolution};

    use super::*;

    const S5: RowTable = RowTable::Candles(Resolution::S5);
    const M1: RowTable = RowTable::Candles(Resolution::M1);
    const D1: RowTable = RowTable::Candles(Resolution::D1);

    fn expiry(now_ms: u64) -> Expiry {
        let seconds = [("candles_5s", 30 * 86_400), ("candles_1m", 180 * 86_400), ("candles_1d", 0)];
        Expiry::new(seconds.map(|(table, seconds)| (table.to_owned(), seconds)).into(), 1_000 * DAY_MS, now_ms)
    }

    fn row(day: u64) -> Vec<Cell> {
        let time = Cell::Int((day * DAY_MS) as i64);
        vec![Cell::Text("A".to_owned()), time.clone(), time.clone(), time]
    }

    #[test]
    fn rows_before_all_that_are_there_may_have_been_removed() {
        let mut expiry = expiry(1_010 * DAY_MS);
        assert!(expiry.explains(S5, &row(969)), "never written: expired before the frontier");
        assert!(expiry.explains(S5, &row(975)) && !expiry.explains(S5, &row(981)));
        expiry.is_there(S5, &row(971), Some(MARGIN_S));
        assert!(expiry.explains(S5, &row(975)), "a row about to be removed proves nothing");
        expiry.is_there(S5, &row(976), Some(MARGIN_S + 1));
        assert!(expiry.explains(S5, &row(975)) && !expiry.explains(S5, &row(977)), "later rows must be there");
    }

    #[test]
    fn a_row_proves_that_rows_that_live_longer_are_there() {
        // Rows written long after their time, as by an import: only what is there says whether they are removed.
        let mut expiry = expiry(9_000 * DAY_MS);
        assert!(expiry.explains(M1, &row(990)));
        expiry.is_there(S5, &row(985), Some(86_400));
        assert!(!expiry.explains(M1, &row(990)) && expiry.explains(M1, &row(980)));
        assert!(!expiry.explains(D1, &row(1)) && !expiry.explains(RowTable::Rejected, &row(1)), "kept for ever");
    }
}
