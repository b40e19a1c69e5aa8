//! The frontier row: what is complete, and what everything before it adds up to.

use serde::{Deserialize, Serialize};

use crate::log::reject::Reason;
use crate::output::counters::{TALLIES, Tally};
use crate::output::digest::Digest;
use crate::progress::time::Time;

/// Everything that is exact as of one frontier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrontierRow {
    /// Everything before it is complete.
    pub frontier: Time,
    /// Multiset hash of all rows as of the frontier.
    pub digest: Digest,
    /// Number of rows as of the frontier.
    pub rows: i64,
    /// Counts as of the frontier, by [`Tally::index`].
    pub tallies: Vec<u64>,
}

impl FrontierRow {
    /// Nothing yet, at frontier 0.
    pub fn empty() -> Self {
        Self { frontier: 0, digest: Digest::default(), rows: 0, tallies: vec![0; TALLIES] }
    }

    /// One count; 0 of what a row of an older program did not count yet.
    pub fn tally(&self, tally: Tally) -> u64 {
        self.tallies.get(tally.index()).copied().unwrap_or(0)
    }

    /// All that was refused, whatever the reason.
    pub fn rejected(&self) -> u64 {
        Reason::ALL.into_iter().map(|reason| self.tally(Tally::Rejected(reason))).sum()
    }
}
