//! The frontier row: the frontier, with the digest and counters of everything before it.

use serde::{Deserialize, Serialize};

use crate::log::reject::Reason;
use crate::output::counters::{COUNTERS, Counter};
use crate::output::digest::Digest;
use crate::progress::time::Time;

/// Everything that is exact as of one frontier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrontierRow {
    /// Complete up to this time (exclusive).
    pub frontier: Time,
    /// Multiset hash of all rows as of the frontier.
    pub digest: Digest,
    /// Number of rows as of the frontier.
    pub rows: i64,
    /// Counts as of the frontier, by [`Counter::index`].
    pub counters: Vec<u64>,
}

impl FrontierRow {
    /// Empty, at frontier 0.
    pub fn empty() -> Self {
        Self { frontier: 0, digest: Digest::default(), rows: 0, counters: vec![0; COUNTERS] }
    }

    /// One counter; 0 if a row of an older version lacks it.
    pub fn counter(&self, counter: Counter) -> u64 {
        self.counters.get(counter.index()).copied().unwrap_or(0)
    }

    /// Rejections of all reasons. The rows that say how many have none are not rejections themselves.
    pub fn rejected(&self) -> u64 {
        let reasons = Reason::ALL.into_iter().filter(|reason| *reason != Reason::MoreRejected);
        reasons.map(|reason| self.counter(Counter::Rejected(reason))).sum()
    }
}
