//! A log with a progress log beside it: what both hold decides the rows, so both make its identity.

use super::address::LogAddress;
use super::progress_log::ProgressLog;
use super::{Log, LogError, PartitionReader};

/// Between the two identities in that of both.
pub const PACED_BY: &str = " paced by ";

/// A log and its progress log.
pub struct PacedLog {
    log: Box<dyn Log>,
    progress: ProgressLog,
}

impl PacedLog {
    /// Opens the progress log beside a log.
    pub fn open(log: Box<dyn Log>, progress: &LogAddress) -> Result<Self, LogError> {
        let progress = ProgressLog::open(progress, &*log)?;
        Ok(Self::new(log, progress))
    }

    /// A log, and the progress log that is about it.
    pub const fn new(log: Box<dyn Log>, progress: ProgressLog) -> Self {
        Self { log, progress }
    }
}

impl Log for PacedLog {
    fn partitions(&self) -> u32 {
        self.log.partitions()
    }

    fn first_offset(&self, partition: u32) -> Result<u64, LogError> {
        self.log.first_offset(partition)
    }

    fn end_offset(&self, partition: u32) -> Result<u64, LogError> {
        self.log.end_offset(partition)
    }

    fn reader(&self, partition: u32, offset: u64) -> Result<Box<dyn PartitionReader>, LogError> {
        self.log.reader(partition, offset)
    }

    fn name(&self) -> String {
        self.log.name()
    }

    fn identity(&self) -> String {
        let (log, progress) = (self.log.identity(), self.progress.identity());
        if log.is_empty() || progress.is_empty() { String::new() } else { format!("{log}{PACED_BY}{progress}") }
    }

    fn progress_log(&self) -> Option<&ProgressLog> {
        Some(&self.progress)
    }
}
