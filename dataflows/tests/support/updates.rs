//! Updates of a collection, added up: the rows as of any time, and that no key ever has two.

use std::collections::BTreeMap;
use std::fmt::Debug;

use dataflows::candles::state::Update;
use dataflows::output::row::{CandleRow, GapRow, IndicatorRow, RejectedRow};
use dataflows::progress::time::{Resolution, Time};
use dataflows::symbols::symbol::Symbol;
use dataflows::testing::Outcome;

/// A row with the key that its table has.
pub trait Keyed: Clone + Ord + Debug {
    /// The key.
    type Key: Clone + Ord + Debug;
    /// Its key.
    fn key(&self) -> Self::Key;
    /// The time step of its last change.
    fn as_of(&self) -> Time;
}

impl Keyed for CandleRow {
    type Key = (Resolution, Symbol, u64);
    fn key(&self) -> Self::Key {
        (self.resolution, self.symbol.clone(), self.window_start_ms)
    }
    fn as_of(&self) -> Time {
        self.as_of
    }
}

impl Keyed for IndicatorRow {
    type Key = (Symbol, u64);
    fn key(&self) -> Self::Key {
        (self.symbol.clone(), self.window_start_ms)
    }
    fn as_of(&self) -> Time {
        self.as_of
    }
}

impl Keyed for RejectedRow {
    type Key = (u32, u64, u32);
    fn key(&self) -> Self::Key {
        (self.partition, self.offset, self.index)
    }
    fn as_of(&self) -> Time {
        self.as_of
    }
}

impl Keyed for GapRow {
    type Key = (u32, u64);
    fn key(&self) -> Self::Key {
        (self.partition, self.offset)
    }
    fn as_of(&self) -> Time {
        self.as_of
    }
}

/// History of each key: at each time of a change, the row before and the row from then on.
#[derive(Clone, Debug)]
pub struct Versions<R: Keyed>(BTreeMap<R::Key, Vec<(Time, R)>>);

impl<R: Keyed> Versions<R> {
    /// Adds up updates in any order. Fails unless, at every time, each change takes away the very row that was there
    /// and puts another one in its place, dated by that time.
    pub fn of(updates: &[Update<R>]) -> Result<Self, String> {
        let mut changes = BTreeMap::<_, Vec<(i64, &R)>>::new();
        for (row, time, diff) in updates {
            changes.entry((row.key(), *time)).or_default().push((*diff, row));
        }
        let mut versions: BTreeMap<R::Key, Vec<(Time, R)>> = BTreeMap::new();
        for ((key, time), mut change) in changes {
            change.sort_unstable();
            let of_key = versions.entry(key).or_default();
            let before = of_key.last().map(|(_, row)| row);
            let new = match (before, change.as_slice()) {
                (None, [(1, new)]) => *new,
                (Some(before), [(-1, old), (1, new)]) if before == *old && old != new => *new,
                _ => return Err(format!("at {time} there was {before:?}, and the change is {change:?}")),
            };
            if new.as_of() != time {
                return Err(format!("a row changed at {time}, and says otherwise: {new:?}"));
            }
            of_key.push((time, new.clone()));
        }
        Ok(Self(versions))
    }

    /// The rows as of a frontier, ascending.
    pub fn as_of(&self, frontier: Time) -> Vec<R> {
        let row = |of_key: &Vec<(Time, R)>| {
            of_key.iter().rev().find(|(time, _)| *time < frontier).map(|(_, row)| row.clone())
        };
        let mut rows: Vec<R> = self.0.values().filter_map(row).collect();
        rows.sort_unstable();
        rows
    }
}

/// All collections.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Candles.
    pub candles: Versions<CandleRow>,
    /// Indicators.
    pub indicators: Versions<IndicatorRow>,
    /// Rejected records.
    pub rejected: Versions<RejectedRow>,
    /// Gaps.
    pub gaps: Versions<GapRow>,
}

/// Adds up what came out.
pub fn tables(outcome: &Outcome) -> Result<Tables, String> {
    Ok(Tables {
        candles: Versions::of(&outcome.candles)?,
        indicators: Versions::of(&outcome.indicators)?,
        rejected: Versions::of(&outcome.rejected)?,
        gaps: Versions::of(&outcome.gaps)?,
    })
}

/// Output of a run up to a cut, and of another after it.
pub fn joined(before: &Outcome, cut: Time, after: &Outcome) -> Outcome {
    fn join<R: Clone>(before: &[Update<R>], cut: Time, after: &[Update<R>]) -> Vec<Update<R>> {
        before.iter().filter(|(_, time, _)| *time < cut).chain(after).cloned().collect()
    }
    let kept = before.kept.iter().filter(|row| row.frontier <= cut).chain(&after.kept);
    Outcome {
        passed: after.passed.clone(),
        candles: join(&before.candles, cut, &after.candles),
        indicators: join(&before.indicators, cut, &after.indicators),
        rejected: join(&before.rejected, cut, &after.rejected),
        gaps: join(&before.gaps, cut, &after.gaps),
        kept: kept.cloned().collect(),
        last: after.last.clone(),
        snapshots: Vec::new(),
    }
}
