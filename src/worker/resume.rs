//! Opening a partition where a checkpoint ends: the last record that the checkpoint relies on is read again first.
//!
//! The proof of a start covers what comes after the checkpoint. A log that was cut before that and has grown again has
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

/// Opens a reader at a resume point. Fails if the log ends before the last record that the checkpoint relies on, or has
/// another one in its place; where it no longer begins before it, nothing can be said.
pub(super) fn open(log: &dyn Log, start: &ResumePoint, is_stopped: impl Fn() -> bool) -> Result<Opened, LogError> {
    let number = start.partition;
    let at_start = || Ok((log.reader(number, start.offset)?, None));
    let Some(last) = start.last else { return at_start() };
    let needed = start.offset.max(last.offset + 1);
    if log.end_offset(number)? < needed {
        // A reader past the end fails, and says so.
        return Ok((log.reader(number, needed)?, None));
    }
    if last.offset < log.first_offset(number)? {
        return at_start();
    }
    let mut reader = log.reader(number, last.offset)?;
    let Some(batch) = first_batch(log, &mut *reader, last.offset, number, is_stopped)? else { return at_start() };
    let is_same = batch.records.first().is_some_and(|first| LastRecord::of(first, batch.record(first)) == last);
    if !is_same {
        return Err(LogError::Regrown { path: log.name(), partition: number, offset: last.offset });
    }
    if last.offset + 1 != start.offset {
        // Between the two there may be nothing, and it may expire.
        return at_start();
    }
    let has_more = batch.records.len() > 1;
    Ok((reader, has_more.then_some((batch, 1))))
}

/// What a reader gives first; nothing if its offset is unused. `None` if the run is to stop before it comes.
fn first_batch(
    log: &dyn Log,
    reader: &mut dyn PartitionReader,
    offset: u64,
    number: u32,
    is_stopped: impl Fn() -> bool,
) -> Result<Option<RecordBatch>, LogError> {
    let (begun, mut batch) = (Instant::now(), RecordBatch::default());
    while reader.position() <= offset {
        if is_stopped() {
            return Ok(None);
        }
        reader.read(&mut batch, READ_BYTES)?;
        if !batch.records.is_empty() {
            break;
        }
        if begun.elapsed() > TIMEOUT {
            let why = format!("partition {number}: no record came within {} s: check the log", TIMEOUT.as_secs());
            let what = "cannot read the record before the resume point";
            return Err(LogError::Failed { path: log.name(), what, why });
        }
        std::thread::sleep(PAUSE);
    }
    Ok(Some(batch))
}
