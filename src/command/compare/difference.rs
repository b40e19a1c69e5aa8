//! Rows that differ between a store and a replay.

use crate::store::{Cell, RowTable};
use crate::time::rfc3339_of;

/// A row that differs: all its values on each side that has it, in the order of [`RowTable::columns`].
#[derive(Clone, Debug)]
pub struct Difference {
    /// Its table.
    pub table: RowTable,
    /// The row of the store.
    pub stored: Option<Vec<Cell>>,
    /// The row of the replay.
    pub replayed: Option<Vec<Cell>>,
}

/// A column that differs: its name, the store's value and the replay's.
pub type ColumnPair<'a> = (String, &'a Cell, &'a Cell);

impl Difference {
    /// The key of the row, for people: buckets follow from the rest.
    pub fn key(&self) -> String {
        let row = self.stored.as_ref().or(self.replayed.as_ref()).map_or(&[][..], Vec::as_slice);
        let part = |(name, cell): (&&str, &Cell)| match (*name, cell) {
            ("bucket", _) => None,
            ("symbol", Cell::Text(symbol)) => Some(symbol.clone()),
            ("window_start", Cell::Int(start)) => Some(format!("window {}", rfc3339_of(*start))),
            ("gap_start", Cell::Int(start)) => Some(format!("from {}", rfc3339_of(*start))),
            (name, cell) => Some(format!("{} {cell}", name.trim_start_matches("log_"))),
        };
        self.table.key().iter().zip(row).filter_map(part).collect::<Vec<_>>().join(", ")
    }

    /// The columns that differ; none where one side lacks the row.
    pub fn columns(&self) -> Vec<ColumnPair<'_>> {
        let (Some(stored), Some(replayed)) = (&self.stored, &self.replayed) else { return Vec::new() };
        let pairs = self.table.columns().into_iter().zip(stored.iter().zip(replayed));
        pairs.filter(|(_, (ours, theirs))| ours != theirs).map(|(name, (ours, theirs))| (name, ours, theirs)).collect()
    }
}

/// The first differences of each table.
#[derive(Clone, Debug)]
pub struct Differences {
    shown: Vec<Difference>,
    max: usize,
}

impl Differences {
    /// None yet; at most `max` of each table will be kept.
    pub const fn new(max: usize) -> Self {
        Self { shown: Vec::new(), max }
    }

    /// Keeps one, unless there are enough.
    pub fn add(&mut self, table: RowTable, stored: Option<&[Cell]>, replayed: Option<&[Cell]>) {
        if self.of(table).count() < self.max {
            let (stored, replayed) = (stored.map(<[Cell]>::to_vec), replayed.map(<[Cell]>::to_vec));
            self.shown.push(Difference { table, stored, replayed });
        }
    }

    /// Those that were kept.
    pub fn all(&self) -> &[Difference] {
        &self.shown
    }

    /// Those of one table.
    pub fn of(&self, table: RowTable) -> impl Iterator<Item = &Difference> {
        self.shown.iter().filter(move |difference| difference.table == table)
    }
}
