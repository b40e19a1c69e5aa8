//! How store and log disagree: exit code 1.

use super::frontiers::matching;
use crate::command::compare::counts::Counts;
use crate::command::compare::difference::Difference;
use crate::command::compare::rows::RowCheck;

/// A disagreement of store and log.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Mismatch {
    /// The first frontier row that differs.
    #[error("store and log disagree: {}; first mismatch at {at}: {what}", matching(*.agree))]
    Frontier {
        /// Frontier rows that matched.
        agree: u64,
        /// The frontier that does not.
        at: String,
        /// Both rows.
        what: String,
    },
    /// Rows that differ.
    #[error(
        "store and log disagree in their rows: {different} different, {missing} missing in the store, {unexpected} \
         that the log does not lead to; `tickline replay --write-to NEW` makes a store that agrees"
    )]
    Rows {
        /// Rows with a value that differs.
        different: u64,
        /// Rows that the store does not hold.
        missing: u64,
        /// Rows that the replay does not produce.
        unexpected: u64,
    },
}

impl Mismatch {
    /// An error if any row differs, is missing or unexpected.
    pub fn of_rows(check: &RowCheck) -> Result<(), Self> {
        let sum = |of: fn(&Counts) -> u64| check.counts.iter().map(|(_, counts)| of(counts)).sum();
        if check.counts.iter().all(|(_, counts)| counts.agree()) {
            return Ok(());
        }
        let (different, missing) = (sum(|counts| counts.different), sum(|counts| counts.missing));
        Err(Self::Rows { different, missing, unexpected: sum(|counts| counts.unexpected) })
    }

    /// What differs in a row, for people: one line for each value, or one for the row.
    pub fn lines(difference: &Difference) -> Vec<String> {
        let line = |what: String| format!("{} {}: {what}", difference.table.name(), difference.key());
        match (&difference.stored, &difference.replayed) {
            (None, _) => vec![line("missing in the store".to_owned())],
            (_, None) => vec![line("the log does not lead to this row".to_owned())],
            _ => {
                let pairs = difference.columns().into_iter();
                pairs
                    .map(|(name, ours, theirs)| {
                        line(format!("{name}: the store has {ours}, the log leads to {theirs}"))
                    })
                    .collect()
            }
        }
    }
}
