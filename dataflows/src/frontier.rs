//! The frontier row: what is complete, and what everything before it adds up to.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::tally::{TALLIES, Tally};
use crate::time::Time;

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

    /// One count.
    pub fn tally(&self, tally: Tally) -> u64 {
        self.tallies[tally.index()]
    }
}
