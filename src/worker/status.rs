//! Live status of the workers of one process, for progress lines, metrics and health checks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::time::Time;

use super::metrics::StoreMeter;
use crate::store::PartitionLife;
use crate::time::rfc3339;

/// Live status of the workers of one process.
#[derive(Debug, Default)]
pub struct Watch {
    /// The durable frontier; 0 before the first. See [`Watch::durable_frontier`].
    pub frontier: AtomicU64,
    /// Records read.
    pub records: AtomicU64,
    /// Bytes of the records read.
    pub record_bytes: AtomicU64,
    /// Read position of each partition of this process.
    pub partitions: Mutex<BTreeMap<u32, PartitionRead>>,
    /// Life of the sources in each partition of this process.
    pub life: Mutex<BTreeMap<u32, PartitionLife>>,
    /// Records between the resume points and the end of the log, both as of the start.
    pub records_total: AtomicU64,
    /// Records that the log held at the start and that were not read; set at the end.
    pub records_unread: AtomicU64,
    /// Set to stop the workers: they read no more, complete what they have read as far as they can, and make a last
    /// checkpoint.
    pub stop: AtomicBool,
    /// The last frontier row; set at the end, in the process that wrote it.
    pub row: Mutex<Option<FrontierRow>>,
    /// The epoch; 0 until all processes have joined.
    pub epoch: AtomicU64,
    /// Processes that this one is connected to.
    pub peers: AtomicU64,
    /// Counter of rejected connections on the cluster port.
    pub rejected_connections: OnceLock<Arc<AtomicU64>>,
    /// Processes that this one should be connected to.
    pub peers_expected: AtomicU64,
    /// Loop heartbeat: the last iteration of this process's first worker.
    pub stepped: Mutex<Option<Instant>>,
    /// The frontier of the last committed checkpoint; 0 before the first.
    pub checkpoint: AtomicU64,
    /// Store metrics.
    pub store: StoreMeter,
}

/// Read position of a partition.
#[derive(Clone, Copy, Debug, Default)]
pub struct PartitionRead {
    /// The offset of the next record.
    pub offset: u64,
    /// Records between that offset and the end of the log, if known.
    pub unread: Option<u64>,
    /// Records read that wait for the durable frontier.
    pub waiting: u64,
    /// The frontier of the partition.
    pub frontier: Time,
}

impl Watch {
    /// The durable frontier, once there is one.
    pub fn durable_frontier(&self) -> Option<Time> {
        Some(self.frontier.load(Ordering::SeqCst)).filter(|&frontier| frontier > 0)
    }

    /// `complete up to T`, or `nothing complete yet`.
    pub fn complete_up_to(&self) -> String {
        self.durable_frontier().map_or_else(
            || "nothing complete yet".to_owned(),
            |frontier| format!("complete up to {}", rfc3339(frontier)),
        )
    }

    /// Publishes the life of sources, as a worker of this process has just seen it.
    pub fn publish_life(&self, seen: &[PartitionLife]) {
        let mut life = self.life.lock().unwrap_or_else(PoisonError::into_inner);
        life.extend(seen.iter().map(|partition| (partition.partition, partition.clone())));
    }

    /// Records read that wait for the durable frontier, in the partitions of this process.
    pub fn records_waiting(&self) -> u64 {
        let partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        partitions.values().map(|read| read.waiting).sum()
    }

    /// The partitions of this process that hold back the frontier, when records wait for it.
    pub fn holding_back(&self) -> Vec<u32> {
        let partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        let least = partitions.values().map(|read| read.frontier).min();
        partitions.iter().filter(|(_, read)| Some(read.frontier) == least).map(|(number, _)| *number).collect()
    }

    /// Records still to be read in the partitions of this process, if known for all of them.
    pub fn records_unread(&self) -> Option<u64> {
        let partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        partitions.values().map(|read| read.unread).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_frontier_is_not_shown_as_1970() {
        let watch = Watch::default();
        assert_eq!((watch.durable_frontier(), watch.complete_up_to().as_str()), (None, "nothing complete yet"));
        watch.frontier.store(1_381_152_600_000, Ordering::SeqCst);
        assert_eq!(watch.complete_up_to(), "complete up to 2013-10-07T13:30:00Z");
    }

    #[test]
    fn unread_records_are_known_for_all_or_not() {
        let watch = Watch::default();
        let read = |unread, waiting| PartitionRead { unread, waiting, ..PartitionRead::default() };
        watch.partitions.lock().unwrap().extend([(0, read(Some(3), 5)), (1, read(Some(4), 6))]);
        assert_eq!((watch.records_unread(), watch.records_waiting()), (Some(7), 11));
        watch.partitions.lock().unwrap().insert(2, read(None, 1));
        assert_eq!((watch.records_unread(), watch.records_waiting()), (None, 12));
    }
}
