//! Rows as of an earlier time: what the store showed when its durable frontier was there, before the corrections that
//! came later.
//!
//! A row that has not changed since is in the store, and its own `as_of` says so. Another one is computed again
//! ([`Recomputed`]): from the last checkpoint at or before the time, or from the log's beginning.
//!
//! Which rows can have changed since T: a record with time >= T has event time >= T - allowed lateness, so it changes
//! candles whose windows end after that, and indicators of these windows and of later ones. Windows that start at T or
//! later have no row as of T: a record's time is not before its window.

use dataflows::progress::time::{Resolution, Time};
use dataflows::settings::Settings;

use crate::store::{Range, RowTable, StoreError, StoreReader, StoredCandle, StoredIndicators, is_complete};

mod error;
mod recomputed;

pub use error::AsOfError;
pub use recomputed::{Recomputed, Recomputing};

/// A time as of which rows are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsOf {
    /// The time: a time step, at or before the durable frontier.
    pub time: Time,
    allowed_lateness_ms: u64,
}

/// A row as of a time.
#[derive(Clone, Debug, PartialEq)]
pub struct RowThen<R> {
    /// The row.
    pub row: R,
    /// Whether it was complete.
    pub complete: bool,
    /// Whether it was complete, and has changed since.
    pub corrected: bool,
}

/// Rows as of a time, ascending.
#[derive(Clone, Debug, PartialEq)]
pub struct RowsThen<R> {
    /// The rows.
    pub rows: Vec<RowThen<R>>,
    /// Windows of the range that were complete without a row, and have one now.
    pub added: usize,
}

/// A row of a window.
trait WindowRow: Clone + PartialEq {
    fn window_start_ms(&self) -> u64;
    fn as_of(&self) -> Time;
}

impl WindowRow for StoredCandle {
    fn window_start_ms(&self) -> u64 {
        self.window_start_ms
    }

    fn as_of(&self) -> Time {
        self.as_of
    }
}

impl WindowRow for StoredIndicators {
    fn window_start_ms(&self) -> u64 {
        self.window_start_ms
    }

    fn as_of(&self) -> Time {
        self.as_of
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The symbol.
    pub symbol: &'a str,
    /// The windows.
    pub range: Range,
    /// Of changed rows, their earlier versions; without them only rows that need none are found.
    pub recomputed: Option<&'a Recomputed>,
}

impl AsOf {
    /// The time step of a time up to which the store is complete.
    pub fn new(reader: &mut dyn StoreReader, settings: &Settings, time_ms: u64) -> Result<Self, AsOfError> {
        let (time, frontier) = (settings.step(time_ms), reader.complete_up_to()?);
        if time > frontier || frontier == 0 {
            return Err(AsOfError::Ahead { time, frontier });
        }
        Ok(Self { time, allowed_lateness_ms: settings.allowed_lateness_ms })
    }

    /// Windows that end at or before this have not changed since.
    pub const fn fixed_ms(self) -> u64 {
        self.time.saturating_sub(self.allowed_lateness_ms)
    }

    /// Most windows that may have changed since.
    pub const fn changed_max(self, resolution: Resolution) -> usize {
        (self.allowed_lateness_ms / resolution.length_ms()) as usize + 2
    }

    /// Candles as of then; `None` if some have to be recomputed.
    pub fn candles(
        self,
        reader: &mut dyn StoreReader,
        resolution: Resolution,
        wanted: &Wanted<'_>,
    ) -> Result<Option<RowsThen<StoredCandle>>, AsOfError> {
        let then = wanted.recomputed.map(|recomputed| recomputed.candles(resolution));
        let read = |range| reader.candles(wanted.symbol, resolution, range);
        self.rows(RowTable::Candles(resolution), resolution, wanted, then, read)
    }

    /// Indicators as of then; `None` if some have to be recomputed.
    pub fn indicators(
        self,
        reader: &mut dyn StoreReader,
        wanted: &Wanted<'_>,
    ) -> Result<Option<RowsThen<StoredIndicators>>, AsOfError> {
        let then = wanted.recomputed.map(Recomputed::indicators);
        let read = |range| reader.indicators(wanted.symbol, range);
        self.rows(RowTable::Indicators, Resolution::S5, wanted, then, read)
    }

    /// `then` has all rows as of the time whose windows may have changed since, ascending.
    fn rows<R: WindowRow>(
        self,
        table: RowTable,
        resolution: Resolution,
        wanted: &Wanted<'_>,
        then: Option<impl Iterator<Item = R>>,
        mut read: impl FnMut(Range) -> Result<Vec<R>, StoreError>,
    ) -> Result<Option<RowsThen<R>>, AsOfError> {
        let Range { from_ms, to_ms, limit } = wanted.range;
        let to_ms = to_ms.min(self.time);
        if to_ms <= from_ms {
            return Ok(Some(RowsThen { rows: Vec::new(), added: 0 }));
        }
        let now = read(Range { from_ms, to_ms, limit })?;
        let complete = |row: &R| is_complete(row.window_start_ms(), resolution, self.time);
        if now.iter().all(|row| row.as_of() < self.time) {
            let unchanged = |row: R| RowThen { complete: complete(&row), row, corrected: false };
            return Ok(Some(RowsThen { rows: now.into_iter().map(unchanged).collect(), added: 0 }));
        }
        let Some(then) = then else { return Ok(None) };
        let changed_from_ms = resolution.window_start_ms(self.fixed_ms()).max(from_ms).min(to_ms);
        let now = read(Range { from_ms: changed_from_ms, to_ms, limit: usize::MAX >> 1 })?;
        let is_wanted = |row: &R| (changed_from_ms..to_ms).contains(&row.window_start_ms());
        let mut then: Vec<R> = then.filter(is_wanted).collect();
        check(&now, &then, self.time).map_err(|window_start_ms| AsOfError::Differs {
            symbol: wanted.symbol.to_owned(),
            table: table.name(),
            window_start_ms,
        })?;
        let is_changed = |row: &R| find(&now, row.window_start_ms()).is_some_and(|now| now.as_of() >= self.time);
        then.drain(..then.len().saturating_sub(limit));
        let older = Range { from_ms, to_ms: changed_from_ms, limit: limit - then.len() };
        let older = if older.limit > 0 { read(older)? } else { Vec::new() };
        let first_ms = older.first().or(then.first()).map_or(from_ms, R::window_start_ms);
        let is_added = |row: &&R| {
            row.window_start_ms() >= first_ms && complete(row) && find(&then, row.window_start_ms()).is_none()
        };
        let added = now.iter().filter(is_added).count();
        let older = older.into_iter().map(|row| RowThen { complete: complete(&row), row, corrected: false });
        let then = then.iter().map(|row| {
            let complete = complete(row);
            RowThen { row: row.clone(), complete, corrected: complete && is_changed(row) }
        });
        Ok(Some(RowsThen { rows: older.chain(then).collect(), added }))
    }
}

/// The row of a window, among some that ascend.
fn find<R: WindowRow>(rows: &[R], window_start_ms: u64) -> Option<&R> {
    rows.binary_search_by_key(&window_start_ms, R::window_start_ms).ok().map(|at| &rows[at])
}

/// Fails with the window of a row that has not changed since `time`, and that is another one in `then`.
fn check<R: WindowRow>(now: &[R], then: &[R], time: Time) -> Result<(), u64> {
    let mut unchanged = now.iter().filter(|row| row.as_of() < time);
    let other = unchanged.find(|row| find(then, row.window_start_ms()) != Some(row));
    other.map_or(Ok(()), |row| Err(row.window_start_ms()))
}
