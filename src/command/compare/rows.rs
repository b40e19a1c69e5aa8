//! Comparison of rows: every row of the store is taken out of those that the replay has written. What is left then is
//! missing in the store. Memory does not grow with the number of rows.

use super::beginning::Beginning;
use super::counts::Counts;
use super::difference::Differences;
use super::expiry::Expiry;
use crate::store::sqlite::ExpectedRows;
use crate::store::{Cell, RowTable, StoreError, StoreReader};
use crate::time::now_ms;

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
    /// The first differences of each table.
    pub differences: Differences,
}

impl RowCheck {
    /// A comparison with the rows of a replay up to `frontier`, of which at most `shown_max` differences of each table
    /// are kept.
    pub fn new(expected: ExpectedRows, frontier: u64, beginning: Beginning, shown_max: usize) -> Self {
        let (expiry, counts, differences) = (Expiry::default(), Vec::new(), Differences::new(shown_max));
        Self { expected, frontier, beginning, expiry, counts, differences }
    }

    /// Compares all rows of the store.
    pub fn run(&mut self, reader: &mut dyn StoreReader) -> Result<(), StoreError> {
        self.expiry = Expiry::new(reader.times_to_live()?, self.frontier, now_ms());
        for table in RowTable::ALL {
            let mut counts = Counts::default();
            reader.scan(table, &mut |row, left_s| {
                self.expiry.is_there(table, &row, left_s);
                self.compare(table, &row, &mut counts)
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
                    differences.add(*table, None, Some(&row));
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Compares one row of the store.
    fn compare(&mut self, table: RowTable, row: &[Cell], counts: &mut Counts) -> Result<(), StoreError> {
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
                counts.as_of_alone += u64::from(row[..row.len() - 1] == expected[..expected.len() - 1]);
                self.differences.add(table, Some(row), Some(&expected));
            }
        } else {
            counts.unexpected += 1;
            self.differences.add(table, Some(row), None);
        }
        Ok(())
    }
}
