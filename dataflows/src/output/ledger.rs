//! The ledger: from changes of digest, rows and counts to frontier rows, exact as of each frontier.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::output::counters::{COUNTERS, Counter};
use crate::output::digest::Digest;
use crate::output::frontier_row::FrontierRow;
use crate::progress::time::{MINUTE_MS, Time};

/// Changes at one time, summed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LedgerChange {
    /// The time.
    pub time: Time,
    /// Change of the digest.
    pub digest: Digest,
    /// Change of the number of rows.
    pub rows: i64,
    /// Counts, by [`Counter::index`].
    pub counters: Vec<(u8, u64)>,
    /// The row changes from `time` to this time step were joined: as of a frontier after
    /// `time` and up to this time step the digest is not known.
    pub joined_from: Option<Time>,
}

/// State of a ledger as of a frontier, from which another one continues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerState {
    /// The row as of the frontier.
    pub row: FrontierRow,
    /// Whether the frontier is within a minute in which something changed, so that a row as of its end is to be kept.
    pub has_open_minute: bool,
}

/// Sums changes, by time, up to a frontier.
#[derive(Debug)]
pub struct Ledger {
    sum: FrontierRow,
    pending: BTreeMap<Time, LedgerChange>,
    /// First and last time step of each stretch of joined changes.
    joined: Vec<(Time, Time)>,
    /// End of the last minute in which something changed, until its row is kept.
    open_minute_end: Option<Time>,
}

impl Ledger {
    /// Continues from a state.
    pub fn new(start: LedgerState) -> Self {
        let LedgerState { row: mut sum, has_open_minute } = start;
        // A row kept before a counter existed lacks it.
        sum.counters.resize(COUNTERS.max(sum.counters.len()), 0);
        let open_minute_end = has_open_minute.then(|| minute_end(sum.frontier));
        Self { sum, pending: BTreeMap::new(), joined: Vec::new(), open_minute_end }
    }

    /// The state as of the last frontier.
    pub fn state(&self) -> LedgerState {
        LedgerState { row: self.sum.clone(), has_open_minute: self.open_minute_end.is_some() }
    }

    /// The row as of the last frontier.
    pub fn row(&self) -> &FrontierRow {
        &self.sum
    }

    /// Adds a change. Its time is not before the frontier.
    pub fn add(&mut self, change: &LedgerChange) {
        if let Some(first) = change.joined_from {
            self.joined.push((first, change.time));
            return;
        }
        let entry = self.pending.entry(change.time).or_default();
        entry.digest.merge(change.digest);
        entry.rows += change.rows;
        for &(counter, count) in &change.counters {
            bump(&mut entry.counters, counter, count);
        }
    }

    /// The greatest time up to `frontier` as of which the row is exact. Full minutes always are.
    pub fn exact(&self, frontier: Time) -> Time {
        let mut exact = frontier;
        while let Some((first, _)) = self.joined.iter().find(|(first, last)| (first + 1..=*last).contains(&exact)) {
            exact = *first;
        }
        exact
    }

    /// Moves to a later frontier, which is exact. Returns the rows that are kept: one as of the end of each minute of
    /// event time in which anything changed, once the frontier has reached that end; however far it jumped.
    pub fn advance(&mut self, frontier: Time) -> Vec<FrontierRow> {
        let rest = self.pending.split_off(&frontier);
        let mut kept = Vec::new();
        for (time, change) in std::mem::replace(&mut self.pending, rest) {
            let own_end = minute_end(time);
            kept.extend(self.close_minute(|end| end < own_end));
            self.open_minute_end = Some(own_end);
            self.apply(&change);
        }
        kept.extend(self.close_minute(|end| end <= frontier));
        self.sum.frontier = self.sum.frontier.max(frontier);
        self.joined.retain(|(_, last)| *last >= frontier);
        kept
    }

    fn close_minute(&mut self, is_over: impl Fn(Time) -> bool) -> Option<FrontierRow> {
        let end = self.open_minute_end.filter(|&end| is_over(end))?;
        self.open_minute_end = None;
        Some(FrontierRow { frontier: end, ..self.sum.clone() })
    }

    fn apply(&mut self, change: &LedgerChange) {
        self.sum.digest.merge(change.digest);
        self.sum.rows += change.rows;
        for &(counter, count) in &change.counters {
            self.sum.counters[usize::from(counter)] += count;
        }
    }
}

/// End of the minute that a time is within.
fn minute_end(time: Time) -> Time {
    time - time % MINUTE_MS + MINUTE_MS
}

/// Adds to one of a few counts.
fn bump(counters: &mut Vec<(u8, u64)>, counter: u8, count: u64) {
    match counters.iter_mut().find(|(t, _)| *t == counter) {
        Some((_, sum)) => *sum += count,
        None => counters.push((counter, count)),
    }
}

impl LedgerState {
    /// The beginning: nothing, at frontier 0.
    pub fn empty() -> Self {
        Self { row: FrontierRow::empty(), has_open_minute: false }
    }
}

impl LedgerChange {
    /// Empty, at a time.
    pub fn at(time: Time) -> Self {
        Self { time, ..Self::default() }
    }

    /// Adds to a counter.
    #[inline]
    pub fn count(&mut self, counter: Counter, count: u64) {
        bump(&mut self.counters, counter.index() as u8, count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(steps: &[Time]) -> Vec<(Time, u128)> {
        let mut ledger = Ledger::new(LedgerState::empty());
        let mut kept = Vec::new();
        for time in [1_000, 61_000, 62_000, 200_000, 299_000] {
            ledger.add(&LedgerChange { digest: Digest(u128::from(time)), rows: 1, ..LedgerChange::at(time) });
        }
        for &frontier in steps {
            kept.extend(ledger.advance(frontier));
            assert_eq!(ledger.row().frontier, frontier);
            // A resumed run continues from there with what was not due yet.
            let pending = std::mem::take(&mut ledger.pending);
            ledger = Ledger { pending, ..Ledger::new(ledger.state()) };
        }
        kept.into_iter().map(|row| (row.frontier, row.digest.0)).collect()
    }

    #[test]
    fn no_exact_row_between_joined_steps() {
        let mut ledger = Ledger::new(LedgerState::empty());
        for (first, last) in [(10_000, 30_000), (25_000, 50_000), (70_000, 80_000)] {
            ledger.add(&LedgerChange { joined_from: Some(first), ..LedgerChange::at(last) });
        }
        let exact = |frontier| ledger.exact(frontier);
        assert_eq!(
            [9_000, 10_000, 11_000, 30_000, 50_000, 51_000].map(exact),
            [9_000, 10_000, 10_000, 10_000, 10_000, 51_000]
        );
        assert_eq!([60_000, 70_000, 80_000, 81_000].map(exact), [60_000, 70_000, 70_000, 81_000]);
    }

    #[test]
    fn kept_rows_are_independent_of_steps() {
        let whole = rows(&[300_000]);
        assert_eq!(whole, [(60_000, 1_000), (120_000, 124_000), (240_000, 324_000), (300_000, 623_000)]);
        assert_eq!(rows(&[2_000, 61_500, 61_600, 130_000, 250_000, 300_000]), whole);
        assert_eq!(rows(&[59_000, 60_000, 120_000, 299_999, 300_000]), whole);
        assert_eq!(rows(&[299_999]), whole[..3], "the last minute is not over");
    }
}
