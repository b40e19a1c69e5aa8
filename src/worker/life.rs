//! Life of the sources, as one worker sees it: which of them write, and whose progress moves, by the wall clock.
//!
//! Looked at about once a second. Nothing but displays depends on it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dataflows::ingress::Ingress;
use dataflows::ingress::live_sources::LiveSource;
use dataflows::progress::time::Time;

use super::clock::Clock;
use super::partition_readers::Readers;
use crate::store::{Heartbeat, PartitionLife, SourceLife};

/// Minimum time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Life of the sources in one worker's partitions.
#[derive(Debug)]
pub(super) struct LifeWatch {
    /// When this worker started.
    started_ms: u64,
    /// What the last heartbeat of an earlier run said, so that a restart makes no old outage look new.
    before: BTreeMap<(u32, String), SourceLife>,
    seen: BTreeMap<(u32, String), Seen>,
    looked: Option<Instant>,
    /// By partition: whether it was read to its end at the last look.
    at_end: BTreeMap<u32, bool>,
}

/// A source in a partition.
#[derive(Clone, Copy, Debug)]
struct Seen {
    records: u64,
    life: SourceLife,
}

impl LifeWatch {
    /// Nothing seen yet.
    pub(super) fn new(before: Option<&Heartbeat>, started_ms: u64) -> Self {
        let partitions = before.into_iter().flat_map(|heartbeat| &heartbeat.life.partitions);
        let sources = partitions.flat_map(|partition| {
            partition.sources.iter().map(|(name, life)| ((partition.partition, name.clone()), *life))
        });
        Self { started_ms, before: sources.collect(), seen: BTreeMap::new(), looked: None, at_end: BTreeMap::new() }
    }

    /// Whether the last look is some time ago.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.looked.is_none_or(|looked| now.duration_since(looked) >= LOOK_EVERY)
    }

    /// Looks at all partitions of the worker.
    pub(super) fn look(
        &mut self,
        ingress: &Ingress,
        readers: &Readers,
        durable: Time,
        clock: &Clock,
    ) -> Vec<PartitionLife> {
        self.looked = Some(clock.now());
        let now_ms = clock.wall_ms();
        let partitions = readers.unread_by_partition().enumerate();
        partitions
            .map(|(at, (partition, unread))| {
                let frontier_ms = Some(ingress.partition_frontier(at)).filter(|frontier| *frontier > 0);
                let life = self.look_at((partition, unread), frontier_ms, ingress.sources(at), now_ms);
                PartitionLife { waiting: ingress.records_from(at, durable), ..life }
            })
            .collect()
    }

    fn look_at<'a>(
        &mut self,
        (partition, unread): (u32, Option<u64>),
        frontier_ms: Option<u64>,
        sources: impl Iterator<Item = LiveSource<'a>>,
        now_ms: u64,
    ) -> PartitionLife {
        let was_at_end = self.at_end.insert(partition, unread == Some(0)).unwrap_or(false);
        let sources: BTreeMap<String, SourceLife> =
            sources.map(|source| (source.name.to_owned(), self.see(partition, &source, was_at_end, now_ms))).collect();
        // A source that has left is as good as new when it returns.
        self.seen.retain(|(of, name), _| *of != partition || sources.contains_key(name));
        PartitionLife { partition, unread, waiting: 0, frontier_ms, sources }
    }

    fn see(&mut self, partition: u32, source: &LiveSource<'_>, was_at_end: bool, now_ms: u64) -> SourceLife {
        let key = (partition, source.name.to_owned());
        let (progress_ms, records) = (source.progress_ms, source.received.records);
        let last = self.seen.get(&key).copied();
        // A heartbeat that was further than this source is of another life of the log.
        let before = self.before.get(&key).copied().filter(|before| before.progress_ms <= progress_ms);
        let known = last.map(|seen| seen.life).or(before);
        let is_new = records > last.map_or(0, |seen| seen.records);
        let has_moved = known.is_none_or(|known| known.progress_ms != progress_ms);
        // The time at which a record was read is that of its writing only if the reader waited for it.
        let written_ms = source.received.timestamp_ms.map(|ms| u64::try_from(ms).unwrap_or(0).min(now_ms));
        let last_record_ms = match (is_new, written_ms, known) {
            (true, Some(written_ms), _) => written_ms,
            (true, None, Some(known)) if !was_at_end && !has_moved => known.last_record_ms,
            (true, None, _) => now_ms,
            (false, _, known) => known.map_or(self.started_ms, |known| known.last_record_ms),
        };
        let moved_ms = known.filter(|_| !has_moved).map_or(last_record_ms, |known| known.moved_ms);
        let life = SourceLife { progress_ms, last_record_ms, moved_ms };
        self.seen.insert(key, Seen { records, life });
        life
    }
}

#[cfg(test)]
mod tests {
    use dataflows::ingress::live_sources::Received;

    use super::*;

    fn look(watch: &mut LifeWatch, unread: u64, source: (u64, u64, Option<i64>), now_ms: u64) -> (u64, u64) {
        let (progress_ms, records, timestamp_ms) = source;
        let source = LiveSource { name: "a", progress_ms, received: Received { records, timestamp_ms } };
        let life = watch.look_at((0, Some(unread)), Some(5), std::iter::once(source), now_ms);
        (life.sources["a"].last_record_ms, life.sources["a"].moved_ms)
    }

    #[test]
    fn a_source_that_repeats_itself_is_new_and_does_not_move() {
        let mut watch = LifeWatch::new(None, 1_000);
        assert_eq!(look(&mut watch, 0, (7, 0, None), 1_000), (1_000, 1_000), "live before the resume point");
        assert_eq!(look(&mut watch, 0, (8, 1, None), 2_000), (2_000, 2_000));
        assert_eq!(look(&mut watch, 0, (8, 2, None), 3_000), (3_000, 2_000));
        assert_eq!(look(&mut watch, 0, (8, 2, None), 9_000), (3_000, 2_000), "silent");
        assert_eq!(look(&mut watch, 0, (9, 3, None), 10_000), (10_000, 10_000));
    }

    #[test]
    fn reading_old_records_is_not_hearing_them() {
        let life = SourceLife { progress_ms: 8, last_record_ms: 500, moved_ms: 400 };
        let sources = BTreeMap::from([("a".to_owned(), life)]);
        let partitions = vec![PartitionLife { sources, ..PartitionLife::default() }];
        let before =
            Heartbeat { epoch: 1, written_ms: 600, life: crate::store::Life { partitions, ..Default::default() } };
        let mut watch = LifeWatch::new(Some(&before), 90_000);
        assert_eq!(look(&mut watch, 3, (8, 1, None), 90_000), (500, 400), "as the run before saw it");
        assert_eq!(look(&mut watch, 0, (8, 2, None), 91_000), (500, 400));
        assert_eq!(look(&mut watch, 0, (8, 3, None), 92_000), (92_000, 400), "it still writes");
        // A log that keeps times says when a record was written, whenever it is read.
        let mut watch = LifeWatch::new(None, 90_000);
        assert_eq!(look(&mut watch, 3, (8, 1, Some(700)), 90_000), (700, 700));
        assert_eq!(look(&mut watch, 0, (8, 2, Some(99_000)), 91_000), (91_000, 700), "never in the future");
    }
}
