//! What was heard of the live sources of one partition: the last progress record of each.
//!
//! A source that repeats its progress is alive though its progress stands still. The frontier cannot tell; displays
//! must. Nothing here is part of the state: a resumed run starts without it.

use std::collections::BTreeMap;

use crate::progress::partition::PartitionFrontier;

/// Progress records of one source since reading began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Number of them.
    pub records: u64,
    /// When the log took the last one, in Unix milliseconds, where it keeps such times.
    pub timestamp_ms: Option<i64>,
}

/// One live source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeardSource<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its progress, in event time.
    pub progress_ms: u64,
    /// Its progress records.
    pub heard: Heard,
}

/// Progress records by source.
#[derive(Debug, Default)]
pub(super) struct HeardSources(BTreeMap<String, Heard>);

impl HeardSources {
    /// A source that is live now reports progress.
    pub(super) fn progress(&mut self, source: &str, timestamp_ms: Option<i64>) {
        if let Some(heard) = self.0.get_mut(source) {
            *heard = Heard { records: heard.records + 1, timestamp_ms };
        } else {
            self.0.insert(source.to_owned(), Heard { records: 1, timestamp_ms });
        }
    }

    /// A source leaves.
    pub(super) fn bye(&mut self, source: &str) {
        self.0.remove(source);
    }

    /// The live sources of this partition's frontier.
    pub(super) fn of<'a>(&'a self, frontier: &'a PartitionFrontier) -> impl Iterator<Item = HeardSource<'a>> {
        frontier.sources().map(|(name, progress_ms)| {
            let heard = self.0.get(name).copied().unwrap_or_default();
            HeardSource { name, progress_ms, heard }
        })
    }
}
