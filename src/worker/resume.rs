//! Opening a partition where a checkpoint ends: the last record before that place is read again first.
//!
//! The proof of a start covers what is read after the checkpoint. A log that was cut before it and has grown again has
//! other records at the same offsets, and the rows would go on from records that are gone.

use std::time::{Duration, Instant};

use dataflows::log::batch::RecordBatch;
use dataflows::progress::last_record::LastRecord;
use dataflows::progress::resume::ResumePoint;

use crate::log::{Log, LogError, PartitionReader};

/// Bytes of the first read.
const READ_BYTES: usize = 256 << 10;
/// Timeout for the first record.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Pause while it is being fetched.
const PAUSE: Duration = Duration::from_millis(1);

/// Reader of a partition, and what it has already read: the batch, and the number of the first record to feed.
pub(super) type Opened = (Box<dyn PartitionReader>, Option<(RecordBatch, usize)>);

/// Opens a reader at a resume point. Fails if the log holds another record before it than was read there; where it no
/// longer holds that one, nothing can be said.
pub(super) fn open(log: &dyn Log, start: &ResumePoint, is_stopped: impl Fn() -> bool) -> Result<Opened, LogError> {
    let number = start.partition;
    let Some(last) = start.last else { return Ok((log.reader(number, start.offset)?, None)) };
    if last.offset < log.first_offset(number)? || log.end_offset(number)? < start.offset {
        // A reader past the end fails, and says so.
        return Ok((log.reader(number, start.offset)?, None));
    }
    let mut reader = log.reader(number, last.offset)?;
    let (begun, mut batch) = (Instant::now(), RecordBatch::default());
    while reader.position() <= last.offset && !is_stopped() {
        reader.read(&mut batch, READ_BYTES)?;
        if let Some(first) = batch.records.first() {
            if LastRecord::of(first, batch.record(first)) != last {
                return Err(regrown(log, number, last.offset));
            }
            let has_more = batch.records.len() > 1;
            return Ok((reader, has_more.then_some((batch, 1))));
        }
        if begun.elapsed() > TIMEOUT {
            let why = format!("partition {number}: no record came within {} s: check the log", TIMEOUT.as_secs());
            return Err(LogError::Failed {
                path: log.name(),
                what: "cannot read the record before the resume point",
                why,
            });
        }
        std::thread::sleep(PAUSE);
    }
    if is_stopped() {
        return Ok((log.reader(number, start.offset)?, None));
    }
    // Its offset is unused.
    Err(regrown(log, number, last.offset))
}

fn regrown(log: &dyn Log, partition: u32, offset: u64) -> LogError {
    LogError::Regrown { path: log.name(), partition, offset }
}
