//! The log: the source of all trades, from which every row can be computed again.
//!
//! One trait per role, two implementations: a directory of JSON Lines files ([`dir`]) and Kafka ([`kafka`]).

use std::thread::Thread;
use std::time::Duration;

use dataflows::log::batch::{RecordBatch, RecordSpan};

pub mod address;
mod delivery_report;
pub mod dir;
mod error;
pub mod kafka;
pub mod paced;
pub mod partitioner;
pub mod progress_log;
pub mod range;

pub use delivery_report::DeliveryReport;
pub use error::LogError;
use progress_log::ProgressLog;

/// Bytes per read of [`read_to_end`].
const READ_BYTES: usize = 1 << 20;
/// Pause of [`read_to_end`] while records are still being fetched.
const PAUSE: Duration = Duration::from_millis(1);

/// The records that a log removes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleanup {
    /// It removes records that a later one replaces, so that a replay would not see them.
    pub is_compacted: bool,
    /// It removes records older than this, in milliseconds.
    pub retention_ms: Option<u64>,
}

/// A log: partitions, each a sequence of records with ascending offsets.
pub trait Log: Send + Sync {
    /// Number of partitions, constant during a run.
    fn partitions(&self) -> u32;
    /// First offset in the partition; equal to the end offset if the partition is empty.
    fn first_offset(&self, partition: u32) -> Result<u64, LogError>;
    /// One past the last offset in the partition now.
    fn end_offset(&self, partition: u32) -> Result<u64, LogError>;
    /// Opens a reader at `offset`, which must be between the first offset and the end offset.
    fn reader(&self, partition: u32, offset: u64) -> Result<Box<dyn PartitionReader>, LogError>;
    /// Name for messages.
    fn name(&self) -> String;
    /// The records that the log removes.
    fn cleanup(&self) -> Result<Cleanup, LogError> {
        Ok(Cleanup::default())
    }
    /// Identity that distinguishes this log from an earlier one of the same name; empty if unknown.
    fn identity(&self) -> String {
        String::new()
    }
    /// The progress log beside it, if there is one.
    fn progress_log(&self) -> Option<&ProgressLog> {
        None
    }
}

/// Reader of one partition, in order.
pub trait PartitionReader: Send {
    /// Replaces the batch with the next records, about `bytes_max` bytes of them, without blocking. An empty batch
    /// means that no record is available now; compare the position with the end offset to find the end. After an error
    /// every later call fails too. Records longer than [`dataflows::log::reject::RECORD_BYTES_MAX`] are truncated.
    fn read(&mut self, batch: &mut RecordBatch, bytes_max: usize) -> Result<(), LogError>;
    /// Offset of the next record, or the end offset if only unused offsets are left before it.
    fn position(&self) -> u64;
    /// Number of records between the position and the end offset, if known without a request.
    fn unread(&self) -> Option<u64> {
        None
    }
    /// Unparks this thread from now on when there are new records, where the log knows. It may be unparked without any.
    fn wake(&mut self, _thread: Thread) {}
}

/// Writer of a log. A directory log has one writer at a time; a topic has any number.
pub trait LogWriter: Send {
    /// Number of partitions.
    fn partitions(&self) -> u32;
    /// Appends one record, which must not contain a line end. A topic keeps the key with the record, a directory
    /// ignores it. The record may stay in memory until [`LogWriter::flush`]. Blocks while the log accepts no more.
    fn append(&mut self, partition: u32, key: Option<&[u8]>, record: &[u8]) -> Result<(), LogError>;
    /// Sends all records that are still in memory, without waiting for acknowledgements.
    fn flush(&mut self) -> Result<(), LogError>;
    /// Makes all records durable, except those reported as [`DeliveryReport::Lost`].
    fn sync(&mut self) -> Result<(), LogError>;
    /// Whether [`LogWriter::delivery_reports`] reports every record once, in order within a partition. If not, all
    /// records are durable when [`LogWriter::sync`] returns.
    fn has_delivery_reports(&self) -> bool {
        false
    }
    /// Passes on the delivery reports since the last call.
    fn delivery_reports(&mut self, _visit: &mut dyn FnMut(DeliveryReport)) {}
}

/// Makes all records durable. Fails if any was lost since delivery reports were last taken: the log `name` then lacks
/// records without a gap record for them.
pub fn sync_all(writer: &mut dyn LogWriter, name: &str) -> Result<(), LogError> {
    writer.sync()?;
    let mut lost = 0_u64;
    writer.delivery_reports(&mut |report| lost += u64::from(matches!(report, DeliveryReport::Lost { .. })));
    if lost == 0 {
        return Ok(());
    }
    let why =
        format!("{lost} records were not acknowledged in time and are lost: check the log, then write them again");
    Err(LogError::Failed { path: name.to_owned(), what: "cannot append", why })
}

/// The first offset that a log still has, by partition.
pub fn first_offsets(log: &dyn Log) -> Result<Vec<u64>, LogError> {
    (0..log.partitions()).map(|partition| log.first_offset(partition)).collect()
}

/// Visits the records of a partition from `from` up to the current end offset, in order. Blocks while they are being
/// fetched.
pub fn read_to_end<E: From<LogError>>(
    log: &dyn Log,
    partition: u32,
    from: u64,
    mut visit: impl FnMut(&RecordSpan, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let end = log.end_offset(partition)?;
    let mut reader = log.reader(partition, from)?;
    let mut batch = RecordBatch::default();
    while reader.position() < end {
        reader.read(&mut batch, READ_BYTES)?;
        if batch.records.is_empty() {
            std::thread::sleep(PAUSE);
        }
        for span in batch.records.iter().filter(|span| span.offset < end) {
            visit(span, batch.record(span))?;
        }
    }
    Ok(())
}
