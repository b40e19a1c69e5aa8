//! One worker's partitions: which of them may be read now, how far, and whether the end is reached.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use dataflows::ingress::Ingress;
use dataflows::log::batch::RecordBatch;
use dataflows::progress::time::Time;

use super::host::Shared;
use super::{PartitionRead, Watch, WorkerError};
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
            let frontier = ingress.partition_frontier(at);
            if is_past(shared.config.until, frontier) || frontier > durable.saturating_add(shared.config.read_ahead_ms)
            {
                continue;
            }
            let waiting = ingress.records_from(at, durable);
            if waiting > shared.config.read_ahead_records {
                if frontier <= durable {
                    let (log, partition) = (shared.log.name(), partition.number);
                    return Err(WorkerError::Stalled { log, partition, records: waiting });
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

    /// Whether everything that the log contained at the start has been read, up to the end of the run.
    pub(super) fn at_end(&self, ingress: &Ingress, until: Option<Time>) -> bool {
        let is_past = |at| is_past(until, ingress.partition_frontier(at));
        self.readers.iter().enumerate().all(|(at, p)| p.reader.position() >= p.end || is_past(at))
    }
}

/// Whether a partition has been read up to the end of the run.
fn is_past(until: Option<Time>, frontier: Time) -> bool {
    until.is_some_and(|until| frontier >= until)
}
