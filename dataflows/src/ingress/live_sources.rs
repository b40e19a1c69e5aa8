//! The live sources of one partition, and the last progress record of each.
//!
//! A source that repeats its progress is alive though its progress is stalled. The frontier does not show the
//! difference, displays must. Nothing here is part of the state: a resumed run starts without it.

use std::collections::BTreeMap;

use crate::progress::partition::PartitionFrontier;

/// Progress records of one source since reading began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Number of them.
    pub records: u64,
    /// When the log took the last one, in Unix milliseconds, where it keeps such times.
    pub timestamp_ms: Option<i64>,
}

/// One live source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveSource<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its progress, in event time.
    pub progress_ms: u64,
    /// Its progress records.
    pub received: Received,
}

/// Progress records by source.
#[derive(Debug, Default)]
pub(super) struct LiveSources(BTreeMap<String, Received>);

impl LiveSources {
    /// A source that is live now reports progress.
    pub(super) fn progress(&mut self, source: &str, timestamp_ms: Option<i64>) {
        if let Some(received) = self.0.get_mut(source) {
            *received = Received { records: received.records + 1, timestamp_ms };
        } else {
            self.0.insert(source.to_owned(), Received { records: 1, timestamp_ms });
        }
    }

    /// A source leaves.
    pub(super) fn bye(&mut self, source: &str) {
        self.0.remove(source);
    }

    /// The live sources of this partition's frontier.
    pub(super) fn of<'a>(&'a self, frontier: &'a PartitionFrontier) -> impl Iterator<Item = LiveSource<'a>> {
        frontier.sources().map(|(name, progress_ms)| {
            let received = self.0.get(name).copied().unwrap_or_default();
            LiveSource { name, progress_ms, received }
        })
    }
}
