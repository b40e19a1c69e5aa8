//! Counters of the frontier row, exact as of its frontier.

use serde::{Deserialize, Serialize};

use crate::log::reject::Reason;

/// A counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Counter {
    /// Accepted trades, including price updates and excluded ones.
    Trades,
    /// Late trades that corrected an old window.
    Late,
    /// Trades with `v == 0`.
    PriceUpdates,
    /// Trades excluded by their conditions.
    Excluded,
    /// Trades whose price or volume had more than ten fraction digits.
    Rounded,
    /// Progress records.
    Progress,
    /// Gaps reported by sources.
    Gaps,
    /// Sources that left.
    Byes,
    /// Rejected records and trades, by reason.
    Rejected(Reason),
    /// Imports that began or ended.
    Imports,
    /// Trades that were delivered again, with the id of an earlier one.
    Duplicates,
}

/// Number of different counters.
pub const COUNTERS: usize = 10 + Reason::ALL.len();

/// [`Counter::index`] of each reason, by its number.
const REASON_INDICES: [usize; Reason::ALL.len()] = [8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 25, 26];

impl Counter {
    /// Its index below [`COUNTERS`], for arrays. It never changes, since checkpoints hold counters by it: a new counter
    /// comes last.
    pub const fn index(self) -> usize {
        match self {
            Self::Trades => 0,
            Self::Late => 1,
            Self::PriceUpdates => 2,
            Self::Excluded => 3,
            Self::Rounded => 4,
            Self::Progress => 5,
            Self::Gaps => 6,
            Self::Byes => 7,
            Self::Rejected(reason) => REASON_INDICES[reason as usize],
            Self::Imports => 21,
            Self::Duplicates => 24,
        }
    }

    /// All of them, in the order of [`Counter::index`].
    pub fn all() -> impl Iterator<Item = Self> {
        let counts = [
            Self::Trades,
            Self::Late,
            Self::PriceUpdates,
            Self::Excluded,
            Self::Rounded,
            Self::Progress,
            Self::Gaps,
            Self::Byes,
        ];
        let rejected = Reason::ALL.into_iter().map(Self::Rejected);
        let mut all: Vec<Self> = counts.into_iter().chain(rejected).chain([Self::Imports, Self::Duplicates]).collect();
        all.sort_unstable_by_key(|counter| counter.index());
        all.into_iter()
    }

    /// The name in the frontier row: `trades`, `late`, ..., `rejected_bad_json`, ...
    pub fn name(self) -> String {
        match self {
            Self::Trades => "trades".into(),
            Self::Late => "late".into(),
            Self::PriceUpdates => "price_updates".into(),
            Self::Excluded => "excluded".into(),
            Self::Rounded => "rounded".into(),
            Self::Progress => "progress".into(),
            Self::Gaps => "gaps".into(),
            Self::Byes => "byes".into(),
            Self::Rejected(reason) => format!("rejected_{}", reason.name()),
            Self::Imports => "imports".into(),
            Self::Duplicates => "duplicates".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_is_used_once() {
        let indices: Vec<_> = Counter::all().map(Counter::index).collect();
        assert_eq!(indices, (0..COUNTERS).collect::<Vec<_>>());
    }

    #[test]
    fn an_index_never_changes() {
        let index = |name: &str| Counter::all().find(|counter| counter.name() == name).map(Counter::index);
        let known = [
            "rejected_too_large",
            "rejected_too_far_ahead",
            "imports",
            "rejected_tombstone",
            "duplicates",
            "rejected_more_rejected",
            "rejected_too_many_symbols",
        ];
        assert_eq!(known.map(index), [8, 20, 21, 22, 24, 25, 26].map(Some));
    }
}
