//! One worker's partitions: which of them may be read now, how far, and whether the end is reached.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use dataflows::ingress::Ingress;
use dataflows::log::batch::RecordBatch;
use dataflows::progress::time::Time;

use super::control::messages::Reading;
use super::host::Shared;
use super::{PartitionRead, Watch, WorkerConfig, WorkerError};
use crate::log::{LogError, PartitionReader};

/// Maximum bytes per read of a partition: enough to make the cost of a loop iteration small.
const READ_BYTES_MAX: usize = 4 << 20;

/// The readers of the partitions that one worker owns.
pub(super) struct Readers {
    readers: Vec<Partition>,
    batch: RecordBatch,
}

struct Partition {
    number: u32,
    reader: Box<dyn PartitionReader>,
    /// The end of the log when the run began.
    end: u64,
}

impl Readers {
    /// Opens the partitions p with p % peers == index, each at its resume point.
    pub(super) fn open(shared: &Shared, index: usize, peers: usize) -> Result<Self, LogError> {
        let mut readers = Vec::new();
        for start in shared.starts.iter().skip(index).step_by(peers) {
            let number = start.partition;
            let reader = shared.log.reader(number, start.offset)?;
            let end = shared.log.end_offset(number)?;
            shared.watch.records_total.fetch_add(end.saturating_sub(start.offset), Ordering::Relaxed);
            readers.push(Partition { number, reader, end });
        }
        Ok(Self { readers, batch: RecordBatch::default() })
    }

    /// Feeds the next records of each partition that may be read. None is read beyond the durable frontier by more than
    /// the bounds, so that partitions go in step and a slow store slows down reading. Returns the number of records.
    pub(super) fn feed(&mut self, shared: &Shared, ingress: &mut Ingress, durable: Time) -> Result<u64, WorkerError> {
        let (mut records, mut bytes) = (0, 0);
        for (at, partition) in self.readers.iter_mut().enumerate() {
            if is_past(shared.config.until, ingress.partition_frontier(at)) {
                continue;
            }
            if is_blocked(&shared.config, ingress, at, durable) {
                if ingress.partition_frontier(at) <= durable {
                    let (log, partition) = (shared.log.name(), partition.number);
                    let records = ingress.records_from(at, durable);
                    return Err(WorkerError::Stalled { log, partition, records });
                }
                continue;
            }
            partition.reader.read(&mut self.batch, READ_BYTES_MAX)?;
            ingress.feed(at, &self.batch);
            records += self.batch.records.len() as u64;
            bytes += self.batch.bytes.len() as u64;
        }
        shared.watch.records.fetch_add(records, Ordering::Relaxed);
        shared.watch.record_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.publish(&shared.watch, ingress, durable);
        Ok(records)
    }

    /// Publishes the read position of each partition.
    pub(super) fn publish(&self, watch: &Watch, ingress: &Ingress, durable: Time) {
        let mut partitions = watch.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        for (at, Partition { number, reader, .. }) in self.readers.iter().enumerate() {
            let (offset, unread, frontier) = (reader.position(), reader.unread(), ingress.partition_frontier(at));
            let waiting = ingress.records_from(at, durable);
            partitions.insert(*number, PartitionRead { offset, unread, waiting, frontier });
        }
    }

    /// Number of each partition, and its records not read yet, if known.
    pub(super) fn unread_by_partition(&self) -> impl Iterator<Item = (u32, Option<u64>)> {
        self.readers.iter().map(|partition| (partition.number, partition.reader.unread()))
    }

    /// Whether everything that the log contained at the start has been read, up to the end of the run.
    pub(super) fn at_end(&self, ingress: &Ingress, until: Option<Time>) -> bool {
        self.readers
            .iter()
            .enumerate()
            .all(|(at, partition)| partition.has_ended(ingress.partition_frontier(at), until))
    }

    /// How far the partitions are in a run until the end of the log.
    pub(super) fn reading(&self, ingress: &Ingress, until: Option<Time>) -> Reading {
        let mut reading = Reading::default();
        for (at, partition) in self.readers.iter().enumerate() {
            let frontier = ingress.partition_frontier(at);
            let least = if partition.has_ended(frontier, until) { &mut reading.ended } else { &mut reading.open };
            *least = Some(least.map_or(frontier, |least| least.min(frontier)));
            reading.past = reading.past.max(ingress.end(at));
        }
        reading
    }

    /// Whether every partition with more records is too far ahead of the durable frontier to be read.
    pub(super) fn are_blocked(&self, config: &WorkerConfig, ingress: &Ingress, durable: Time) -> bool {
        let waits = |(at, partition): (usize, &Partition)| {
            partition.has_ended(ingress.partition_frontier(at), config.until)
                || is_blocked(config, ingress, at, durable)
        };
        self.readers.iter().enumerate().all(waits)
    }

    /// Records that the log held at the start and that were not read.
    pub(super) fn unread(&self) -> u64 {
        self.readers.iter().map(|partition| partition.end.saturating_sub(partition.reader.position())).sum()
    }

    /// Lets the partitions that were read to their end follow the others.
    pub(super) fn follow(&self, ingress: &mut Ingress, frontier: Time) {
        let ended = self.readers.iter().enumerate().filter(|(_, partition)| partition.is_at_end());
        ended.for_each(|(at, _)| ingress.follow(at, frontier));
    }
}

impl Partition {
    /// Whether everything that it held at the start has been read.
    fn is_at_end(&self) -> bool {
        self.reader.position() >= self.end
    }

    /// Whether nothing of it is left to read in a run until the end of the log or up to a frontier.
    fn has_ended(&self, frontier: Time, until: Option<Time>) -> bool {
        self.is_at_end() || is_past(until, frontier)
    }
}

/// Whether a partition is further ahead of the durable frontier than the bounds allow.
fn is_blocked(config: &WorkerConfig, ingress: &Ingress, at: usize, durable: Time) -> bool {
    ingress.partition_frontier(at) > durable.saturating_add(config.read_ahead_ms)
        || ingress.records_from(at, durable) > config.read_ahead_records
}

/// Whether a partition has been read up to the end of the run.
fn is_past(until: Option<Time>, frontier: Time) -> bool {
    until.is_some_and(|until| frontier >= until)
}
