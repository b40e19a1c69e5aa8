//! A log up to given offsets: the rest of each of these partitions is not there.

use std::collections::BTreeMap;
use std::thread::Thread;

use dataflows::log::batch::RecordBatch;

use super::progress_log::ProgressLog;
use super::{Cleanup, Log, LogError, PartitionReader};

/// A log of which some partitions end earlier.
pub struct RangeLog {
    log: Box<dyn Log>,
    /// One past the last offset, by partition.
    ends: BTreeMap<u32, u64>,
}

impl RangeLog {
    /// The log up to these offsets, each exclusive; a partition that is not named ends at its end.
    pub const fn new(log: Box<dyn Log>, ends: BTreeMap<u32, u64>) -> Self {
        Self { log, ends }
    }
}

impl Log for RangeLog {
    fn partitions(&self) -> u32 {
        self.log.partitions()
    }

    fn first_offset(&self, partition: u32) -> Result<u64, LogError> {
        self.log.first_offset(partition)
    }

    fn end_offset(&self, partition: u32) -> Result<u64, LogError> {
        let (end, first) = (self.log.end_offset(partition)?, self.log.first_offset(partition)?);
        Ok(self.ends.get(&partition).map_or(end, |to| end.min((*to).max(first))))
    }

    fn reader(&self, partition: u32, offset: u64) -> Result<Box<dyn PartitionReader>, LogError> {
        let reader = self.log.reader(partition, offset)?;
        Ok(match self.ends.get(&partition) {
            Some(end) => Box::new(RangeReader { reader, end: (*end).max(offset) }),
            None => reader,
        })
    }

    fn name(&self) -> String {
        self.log.name()
    }

    fn cleanup(&self) -> Result<Cleanup, LogError> {
        self.log.cleanup()
    }

    fn identity(&self) -> String {
        self.log.identity()
    }

    fn progress_log(&self) -> Option<&ProgressLog> {
        self.log.progress_log()
    }
}

/// Reader of a partition up to an offset.
struct RangeReader {
    reader: Box<dyn PartitionReader>,
    end: u64,
}

impl PartitionReader for RangeReader {
    fn read(&mut self, batch: &mut RecordBatch, bytes_max: usize) -> Result<(), LogError> {
        if self.reader.position() >= self.end {
            batch.clear();
            return Ok(());
        }
        self.reader.read(batch, bytes_max)?;
        batch.records.truncate(batch.records.partition_point(|record| record.offset < self.end));
        Ok(())
    }

    fn position(&self) -> u64 {
        self.reader.position().min(self.end)
    }

    fn unread(&self) -> Option<u64> {
        let left = self.end - self.position();
        if left == 0 { Some(0) } else { self.reader.unread().map(|unread| unread.min(left)) }
    }

    fn wake(&mut self, thread: Thread) {
        self.reader.wake(thread);
    }
}
