//! What a comparison of rows has found in one table.

use std::fmt;

use crate::store::{Cell, RowTable};
use crate::time::rfc3339_of;

/// Numbers of rows of one table, by the outcome of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Equal in every value.
    pub equal: u64,
    /// Different in a value.
    pub different: u64,
    /// Of these, different in `as_of` alone.
    pub as_of_alone: u64,
    /// Not in the store.
    pub missing: u64,
    /// In the store, and not produced by the replay.
    pub unexpected: u64,
    /// Changed since the frontier, by a live pipeline.
    pub changed: u64,
    /// Not in the store, and older than the table's time to live.
    pub expired: u64,
    /// In the store, and not decided by the records that the log still has.
    pub undecided: u64,
    /// Start of the first and end of the last equal row, in Unix milliseconds.
    span: Option<(i64, i64)>,
}

impl Counts {
    /// Whether the store holds what it should.
    pub const fn agree(&self) -> bool {
        self.different == 0 && self.missing == 0 && self.unexpected == 0
    }

    /// Counts an equal row.
    pub fn add_equal(&mut self, table: RowTable, row: &[Cell]) {
        self.equal += 1;
        let time = match table.window_ms() {
            Some(_) => row.get(table.key().len() - 1),
            None => row.last(),
        };
        if let Some(start) = time.and_then(Cell::int) {
            let end = start.saturating_add(table.window_ms().unwrap_or(0) as i64);
            let (first, last) = self.span.unwrap_or((start, end));
            self.span = Some((first.min(start), last.max(end)));
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} equal", self.equal)?;
        if let Some((first, last)) = self.span {
            write!(f, ", from {} to {}", rfc3339_of(first), rfc3339_of(last))?;
        }
        let others = [
            (self.different, "different"),
            (self.missing, "missing"),
            (self.unexpected, "unexpected"),
            (self.changed, "not compared (changed since by the live pipeline)"),
            (self.expired, "not compared (removed after the table's time to live)"),
            (self.undecided, "not compared (they depend on records that the log no longer has)"),
        ];
        others.iter().filter(|(count, _)| *count > 0).try_for_each(|(count, what)| write!(f, "; {count} {what}"))
    }
}
