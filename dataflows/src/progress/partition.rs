//! The frontier of one partition, by the progress of its sources alone.
//!
//! A source is live from its first progress to its `bye`. The frontier is the least progress of the live sources, and
//! never goes back: a source that joins with older progress brings late trades. When the last live source leaves, the
//! frontier moves past every time that was given to a record before: a log whose sources have left is complete to its
//! last record. `docs/definitions.md`, section 3.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::progress::time::{EVENT_MS_END, Time};
use crate::settings::ProgressMode;

/// Maximum number of live sources in a partition.
pub const SOURCES_MAX: usize = 1024;
/// Longest name of a source, in bytes.
pub const SOURCE_BYTES_MAX: usize = 128;

/// State of a partition's frontier. Part of each resume point, so that a resumed run continues as if never stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionFrontier {
    sources: BTreeMap<String, u64>,
    frontier_ms: Option<u64>,
    newest_ms: Option<u64>,
    /// The greatest time given to a record.
    time_max: Option<Time>,
}

/// Progress of a new source while the partition has [`SOURCES_MAX`] live sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManySources;

impl PartitionFrontier {
    /// A frontier with these live sources, as it was published. It says nothing of the newest trade.
    pub fn at(frontier_ms: Option<u64>, sources: BTreeMap<String, u64>) -> Self {
        Self { sources, frontier_ms, newest_ms: None, time_max: None }
    }

    /// The frontier in event milliseconds; `None` before the first progress.
    #[inline]
    pub fn frontier_ms(&self) -> Option<u64> {
        self.frontier_ms
    }

    /// Names and progress of the live sources.
    pub fn sources(&self) -> impl Iterator<Item = (&str, u64)> {
        self.sources.iter().map(|(name, progress)| (name.as_str(), *progress))
    }

    /// A source reports progress: its on-time trades from here on have `event_ms` or more.
    pub fn progress(&mut self, source: &str, event_ms: u64) -> Result<(), TooManySources> {
        if let Some(progress) = self.sources.get_mut(source) {
            *progress = event_ms.max(*progress);
        } else if self.sources.len() < SOURCES_MAX {
            self.sources.insert(source.to_owned(), event_ms);
        } else {
            return Err(TooManySources);
        }
        self.advance(self.sources.values().min().copied());
        Ok(())
    }

    /// A record, or a part of one, was given this time.
    #[inline]
    pub fn note(&mut self, time: Time) {
        self.time_max = self.time_max.max(Some(time));
    }

    /// Nothing more comes in this partition: the frontier follows the others. For a finished log in out-of-orderness
    /// mode.
    pub fn follow(&mut self, frontier_ms: u64) {
        self.advance(Some(frontier_ms));
    }

    /// The greatest time given to a record.
    pub fn time_max(&self) -> Option<Time> {
        self.time_max
    }

    /// A source leaves. When it was the last one, the frontier moves past every time given so far, by one time step.
    pub fn bye(&mut self, source: &str, step_ms: u64) {
        if self.sources.remove(source).is_some() {
            self.rest(step_ms);
        }
        self.advance(self.sources.values().min().copied());
    }

    /// Moves past every time given so far, by one time step, unless a source is live or there was none yet.
    pub fn rest(&mut self, step_ms: u64) {
        if self.sources.is_empty() && self.frontier_ms.is_some() {
            self.advance(self.time_max.map(|time| time + step_ms));
        }
    }

    /// A trade was accepted: in out-of-orderness mode it moves the frontier.
    #[inline]
    pub fn observe(&mut self, event_ms: u64, mode: ProgressMode) {
        if let ProgressMode::BoundedOutOfOrderness { max_out_of_orderness_ms } = mode
            && self.newest_ms.is_none_or(|newest_ms| newest_ms < event_ms)
        {
            self.newest_ms = Some(event_ms);
            self.advance(Some(event_ms.saturating_sub(max_out_of_orderness_ms)));
        }
    }

    fn advance(&mut self, to_ms: Option<u64>) {
        self.frontier_ms = self.frontier_ms.max(to_ms);
    }
}

/// Whether a progress time is valid: 1970 to 2100.
pub fn is_progress_time(event_ms: i64) -> bool {
    (0..EVENT_MS_END).contains(&event_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slowest_source_holds_back_the_frontier() {
        let mut partition = PartitionFrontier::default();
        assert_eq!(partition.frontier_ms(), None);
        partition.bye("a", 10);
        assert_eq!(partition.frontier_ms(), None);
        partition.progress("a", 100).unwrap();
        assert_eq!(partition.frontier_ms(), Some(100));
        partition.progress("b", 40).unwrap();
        assert_eq!(partition.frontier_ms(), Some(100), "never back");
        partition.progress("a", 200).unwrap();
        assert_eq!(partition.frontier_ms(), Some(100), "b holds it back");
        partition.progress("b", 150).unwrap();
        assert_eq!(partition.frontier_ms(), Some(150));
        partition.progress("b", 20).unwrap();
        partition.note(190);
        partition.bye("b", 10);
        assert_eq!(partition.frontier_ms(), Some(200));
        partition.note(230);
        partition.bye("c", 10);
        assert_eq!(partition.frontier_ms(), Some(200), "a source that is not live cannot leave");
        partition.bye("a", 10);
        assert_eq!(partition.frontier_ms(), Some(240), "past every time given");
        partition.bye("a", 10);
        assert_eq!(partition.frontier_ms(), Some(240));
    }

    #[test]
    fn sources_are_bounded() {
        let mut partition = PartitionFrontier::default();
        for n in 0..SOURCES_MAX {
            partition.progress(&n.to_string(), 5).unwrap();
        }
        assert_eq!(partition.progress("one more", 5), Err(TooManySources));
        assert_eq!(partition.progress("7", 6), Ok(()));
    }

    #[test]
    fn out_of_orderness_follows_newest_trade() {
        let mode = ProgressMode::BoundedOutOfOrderness { max_out_of_orderness_ms: 10 };
        let mut partition = PartitionFrontier::default();
        for (event_ms, frontier_ms) in [(5, 0), (30, 20), (25, 20), (31, 21)] {
            partition.observe(event_ms, mode);
            assert_eq!(partition.frontier_ms(), Some(frontier_ms));
        }
    }
}
