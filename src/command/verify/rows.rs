//! Comparison of rows: every row of the store is taken out of those that the replay has written. What is left then is
//! missing in the store. Memory does not grow with the number of rows.

use super::beginning::Beginning;
use super::counts::Counts;
use super::expiry::Expiry;
use super::mismatch::Mismatch;
use crate::store::sqlite::ExpectedRows;
use crate::store::{Cell, RowTable, StoreError, StoreReader};
use crate::time::{now_ms, rfc3339_of};

/// Number of differences that are shown.
const SHOWN_MAX: usize = 10;

/// A comparison of rows.
#[derive(Debug)]
pub struct RowCheck {
    expected: ExpectedRows,
    /// Rows are compared as of this published frontier.
    pub frontier: u64,
    beginning: Beginning,
    expiry: Expiry,
    /// What was found, by table.
    pub counts: Vec<(RowTable, Counts)>,
    differences: Differences,
}

/// The first differences, one line for each.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    /// The lines.
    pub shown: Vec<String>,
}

impl Differences {
    fn add(&mut self, table: RowTable, row: &[Cell], what: impl FnOnce() -> String) {
        if self.shown.len() < SHOWN_MAX {
            self.shown.push(format!("{} {}: {}", table.name(), key_text(table, row), what()));
        }
    }
}

impl RowCheck {
    /// A comparison with the rows of a replay up to `frontier`.
    pub fn new(expected: ExpectedRows, frontier: u64, beginning: Beginning) -> Self {
        let (expiry, counts, differences) = (Expiry::default(), Vec::new(), Differences::default());
        Self { expected, frontier, beginning, expiry, counts, differences }
    }

    /// Compares all rows of the store. Returns the first differences.
    pub fn run(&mut self, reader: &mut dyn StoreReader) -> Result<Differences, StoreError> {
        self.expiry = Expiry::new(reader.times_to_live()?, self.frontier, now_ms());
        for table in RowTable::ALL {
            let mut counts = Counts::default();
            let columns = table.columns();
            reader.scan(table, &mut |row, left_s| {
                self.expiry.is_there(table, &row, left_s);
                self.compare(table, &columns, &row, &mut counts)
            })?;
            self.counts.push((table, counts));
        }
        // Only now is it known which rows are there, and so which ones may have been removed.
        let Self { expected, beginning, expiry, counts, differences, .. } = self;
        for (table, counts) in counts {
            expected.rest(*table, &mut |row, _| {
                if !beginning.decides(*table, &row) {
                    return Ok(());
                }
                if expiry.explains(*table, &row) {
                    counts.expired += 1;
                } else {
                    counts.missing += 1;
                    differences.add(*table, &row, || "missing in the store".to_owned());
                }
                Ok(())
            })?;
        }
        Ok(self.differences.clone())
    }

    /// Compares one row of the store.
    fn compare(
        &mut self,
        table: RowTable,
        columns: &[String],
        row: &[Cell],
        counts: &mut Counts,
    ) -> Result<(), StoreError> {
        let expected = self.expected.take(table, row)?;
        let as_of = row.last().and_then(Cell::int).and_then(|time| u64::try_from(time).ok());
        let decides = |row: &[Cell]| self.beginning.decides(table, row);
        // A row that the log changes later than the store says is decided.
        if !decides(row) && expected.as_ref().is_none_or(|expected| !decides(expected)) {
            counts.undecided += 1;
        } else if as_of.is_some_and(|as_of| as_of >= self.frontier) {
            counts.changed += 1;
        } else if let Some(expected) = expected {
            if row == expected {
                counts.add_equal(table, row);
            } else {
                counts.different += 1;
                for (name, (stored, expected)) in columns.iter().zip(row.iter().zip(&expected)) {
                    if stored != expected {
                        self.differences
                            .add(table, row, || format!("{name}: the store has {stored}, the log leads to {expected}"));
                    }
                }
            }
        } else {
            counts.unexpected += 1;
            self.differences.add(table, row, || "the log does not lead to this row".to_owned());
        }
        Ok(())
    }

    /// An error if any row differs, is missing or unexpected.
    pub fn result(&self) -> Result<(), Mismatch> {
        if self.counts.iter().all(|(_, counts)| counts.agree()) {
            return Ok(());
        }
        let sum = |of: fn(&Counts) -> u64| self.counts.iter().map(|(_, counts)| of(counts)).sum();
        let (different, missing) = (sum(|counts| counts.different), sum(|counts| counts.missing));
        Err(Mismatch::Rows { different, missing, unexpected: sum(|counts| counts.unexpected) })
    }
}

/// The key of a row, for people: buckets follow from the rest.
fn key_text(table: RowTable, row: &[Cell]) -> String {
    let part = |(name, cell): (&&str, &Cell)| match (*name, cell) {
        ("bucket", _) => None,
        ("symbol", Cell::Text(symbol)) => Some(symbol.clone()),
        ("window_start", Cell::Int(start)) => Some(format!("window {}", rfc3339_of(*start))),
        ("gap_start", Cell::Int(start)) => Some(format!("from {}", rfc3339_of(*start))),
        (name, cell) => Some(format!("{} {cell}", name.trim_start_matches("log_"))),
    };
    table.key().iter().zip(row).filter_map(part).collect::<Vec<_>>().join(", ")
}
