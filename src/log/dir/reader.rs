//! Reader of one partition's file: large reads directly into the batch, line ends by memchr, no copy and no allocation
//! per record.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use dataflows::log::batch::{RecordBatch, RecordSpan};
use dataflows::log::reject::{ORIGINAL_BYTES_MAX, RECORD_BYTES_MAX};

use super::lines::{Lines, read_at};
use super::{PartitionReader, file_name, io_error};
use crate::log::LogError;

/// Minimum number of bytes per read.
const READ_BYTES_MIN: usize = 4 << 10;

/// Reader of one partition, in order.
#[derive(Debug)]
pub struct DirReader {
    log: PathBuf,
    partition: u32,
    file: File,
    /// Offset of the next record.
    offset: u64,
    /// Position of the next record in the file.
    start: u64,
    /// Number of bytes from `start` known to contain no line end.
    searched: u64,
    /// Whether the last read reached the end of the file.
    at_end: bool,
}

impl DirReader {
    /// Opens a reader at `offset`, which is at most the end offset.
    pub(super) fn open(log: &Path, partition: u32, file: File, offset: u64) -> Result<Self, LogError> {
        let mut lines = Lines::default();
        lines.skip(&file, offset).map_err(|e| io_error(log, partition, "cannot skip to the offset", e))?;
        let reader =
            Self { log: log.to_path_buf(), partition, file, offset, start: lines.bytes, searched: 0, at_end: false };
        if lines.lines == offset {
            Ok(reader)
        } else {
            Err(reader.lost(lines.lines, "the file was truncated, or belongs to another log: restore the right one"))
        }
    }

    /// Number of bytes of the file from `start`.
    fn available(&self) -> Result<u64, LogError> {
        let len = self.file.metadata().map_err(|e| self.io_error("cannot read the file's length", e))?.len();
        match len.checked_sub(self.start) {
            Some(available) if available >= self.searched => Ok(available),
            _ => {
                let end = Lines::default().count_on(&self.file).unwrap_or(0);
                Err(self.lost(end, "the file was truncated while it was read: restore it, since a log only grows"))
            }
        }
    }

    /// Reads at most `bytes_max` bytes, and adds the complete lines in them.
    fn read_lines(&mut self, batch: &mut RecordBatch, bytes_max: usize, available: u64) -> Result<(), LogError> {
        batch.bytes.resize(bytes_max.min(usize::try_from(available).unwrap_or(usize::MAX)), 0);
        let len = read_at(&self.file, &mut batch.bytes, self.start).map_err(|e| self.io_error("cannot read", e))?;
        let searched = usize::try_from(self.searched).map_or(len, |s| s.min(len));
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', &batch.bytes[searched..len]).map(|at| at + searched) {
            batch.records.push(span(self.offset, start, (end - start) as u64));
            self.offset += 1;
            start = end + 1;
        }
        batch.bytes.truncate(start);
        self.start += start as u64;
        self.searched = (len - start) as u64;
        Ok(())
    }

    /// Continues through a line that is longer than one read, in the batch's memory, and adds it once it is complete.
    fn read_long_line(&mut self, batch: &mut RecordBatch, bytes_max: usize) -> Result<(), LogError> {
        loop {
            batch.bytes.resize(bytes_max, 0);
            let at = self.start + self.searched;
            let len = read_at(&self.file, &mut batch.bytes, at).map_err(|e| self.io_error("cannot read", e))?;
            let Some(end) = memchr::memchr(b'\n', &batch.bytes[..len]) else {
                self.searched += len as u64;
                if len < bytes_max {
                    batch.bytes.clear();
                    return Ok(());
                }
                continue;
            };
            let record = span(self.offset, 0, self.searched + end as u64);
            batch.bytes.resize(record.len, 0);
            let kept = read_at(&self.file, &mut batch.bytes, self.start);
            if kept.map_err(|e| self.io_error("cannot read", e))? < record.len {
                return self.available().map(drop);
            }
            self.start += record.total_len + 1;
            self.searched = 0;
            self.offset += 1;
            batch.records.push(record);
            return Ok(());
        }
    }

    /// Checks that the path still leads to this file: a replaced file never grows, and waiting for it would never end.
    fn check_still_there(&self) -> Result<(), LogError> {
        let path = self.log.join(file_name(self.partition));
        let ours = self.file.metadata().map_err(|e| self.io_error("cannot read the file's metadata", e))?;
        match std::fs::metadata(path) {
            Ok(named) if (named.dev(), named.ino()) == (ours.dev(), ours.ino()) => Ok(()),
            Ok(_) => Err(self.lost(0, "the file was replaced by another while it was read")),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(self.lost(0, "the file was removed")),
            Err(e) => Err(self.io_error("cannot read the file's metadata", e)),
        }
    }

    fn lost(&self, end: u64, cause: &str) -> LogError {
        LogError::OffsetLost {
            path: self.log.display().to_string(),
            partition: self.partition,
            wanted: self.offset,
            first: 0,
            end,
            cause: cause.to_string(),
        }
    }

    fn io_error(&self, what: &'static str, source: std::io::Error) -> LogError {
        io_error(&self.log, self.partition, what, source)
    }
}

impl PartitionReader for DirReader {
    fn read(&mut self, batch: &mut RecordBatch, bytes_max: usize) -> Result<(), LogError> {
        let bytes_max = bytes_max.max(READ_BYTES_MIN);
        batch.records.clear();
        let available = self.available()?;
        if available > self.searched {
            // A line that is already known to be longer than one read comes before the others.
            if self.searched < bytes_max as u64 {
                self.read_lines(batch, bytes_max, available)?;
            }
            if batch.records.is_empty() && self.searched >= bytes_max as u64 {
                self.read_long_line(batch, bytes_max)?;
            }
        }
        self.at_end = batch.bytes.len() as u64 + self.searched >= available;
        if batch.records.is_empty() {
            batch.bytes.clear();
            self.check_still_there()?;
        }
        Ok(())
    }

    fn position(&self) -> u64 {
        self.offset
    }

    fn unread(&self) -> Option<u64> {
        self.at_end.then_some(0)
    }
}

/// A line as a record; one that is too long to decode is truncated.
fn span(offset: u64, start: usize, total_len: u64) -> RecordSpan {
    let len = if total_len > RECORD_BYTES_MAX as u64 { ORIGINAL_BYTES_MAX } else { total_len as usize };
    RecordSpan { offset, start, len, total_len, timestamp_ms: None, leader_epoch: None, is_tombstone: false }
}
