//! A progress log: what `tickline pace` writes beside a log of other producers, and every command that computes rows
//! reads.
//!
//! It has one partition. Its first record names the log that it is about, the others are bindings
//! ([`dataflows::log::binding`]).

use std::fmt;

use dataflows::log::batch::RecordBatch;
use dataflows::log::binding::{Binding, ProgressRecord, is_torn};

use super::address::LogAddress;
use super::{Log, LogError, PartitionReader};

/// Bytes per read.
const READ_BYTES: usize = 1 << 20;
/// Pause while the first record is being fetched.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(1);

/// A progress log that is about the log at hand.
pub struct ProgressLog {
    log: Box<dyn Log>,
}

impl ProgressLog {
    /// Opens the progress log, which must be about `about`.
    pub fn open(address: &LogAddress, about: &dyn Log) -> Result<Self, LogError> {
        Self::over(address.open()?, about, address)
    }

    /// Takes a log as the progress log, which must be about `about`; `address` is how a command names it.
    pub fn over(log: Box<dyn Log>, about: &dyn Log, address: &dyn fmt::Display) -> Result<Self, LogError> {
        match log.partitions() {
            1 => {}
            has => return Err(LogError::Partitions { path: log.name(), has, wanted: 1 }),
        }
        let opened = Self { log };
        opened.check(address, about)?;
        Ok(opened)
    }

    fn check(&self, address: &dyn fmt::Display, about: &dyn Log) -> Result<(), LogError> {
        let name = self.log.name();
        if self.log.end_offset(0)? == 0 {
            let hint = format!("it is empty: start `tickline pace --log {} --progress {address}`", about.name());
            return Err(LogError::Missing { path: name, hint });
        }
        let mut first = None;
        let mut reader = self.log.reader(0, self.log.first_offset(0)?)?;
        let mut batch = RecordBatch::default();
        while batch.records.is_empty() {
            reader.read(&mut batch, 1)?;
            std::thread::sleep(PAUSE);
        }
        if let Some(span) = batch.records.first() {
            first = ProgressRecord::decode(span.offset, batch.record(span));
        }
        let (was, partitions) = match first {
            Some(ProgressRecord::Paces { log, partitions }) => (log, partitions),
            // Retention has removed the record that names the log. The store still knows both.
            Some(ProgressRecord::Binding(binding)) if binding.place > 0 => return Ok(()),
            _ => {
                let what = "its first record does not name the log that it is about".to_owned();
                return Err(LogError::Damaged { path: name, what, hint: not_a_progress_log() });
            }
        };
        if partitions != about.partitions() {
            return Err(LogError::Partitions { path: about.name(), has: about.partitions(), wanted: partitions });
        }
        let is = about.identity();
        if !was.is_empty() && !is.is_empty() && was != is {
            let hint = "the progress log is about another log: use the right one, or pace into a new progress log";
            return Err(LogError::Replaced { path: about.name(), was, is, hint });
        }
        Ok(())
    }

    /// Identity of the progress log; empty if unknown.
    pub fn identity(&self) -> String {
        self.log.identity()
    }

    /// Opens a reader of its bindings from an offset on.
    pub fn reader(&self, from: u64) -> Result<BindingReader, LogError> {
        let from = from.max(self.log.first_offset(0)?);
        let end = self.log.end_offset(0)?;
        if from > end {
            // Bindings that a store has applied are gone; later ones would be read at their places.
            let (path, first) = (self.log.name(), self.log.first_offset(0)?);
            let cause = "the progress log is shorter than what the store has applied: restore it, or use a new store";
            return Err(LogError::OffsetLost { path, partition: 0, wanted: from, first, end, cause: cause.to_owned() });
        }
        let reader = self.log.reader(0, from)?;
        Ok(BindingReader { name: self.log.name(), reader, batch: RecordBatch::default(), end })
    }
}

fn not_a_progress_log() -> String {
    "it is not a progress log; `tickline pace` makes one".to_owned()
}

/// Reader of bindings, in order.
pub struct BindingReader {
    name: String,
    reader: Box<dyn PartitionReader>,
    batch: RecordBatch,
    end: u64,
}

impl BindingReader {
    /// Passes on the next bindings, without blocking. Returns how many records were read.
    pub fn read(&mut self, mut visit: impl FnMut(Binding)) -> Result<u64, LogError> {
        self.reader.read(&mut self.batch, READ_BYTES)?;
        for span in &self.batch.records {
            match ProgressRecord::decode(span.offset, self.batch.record(span)) {
                Some(ProgressRecord::Binding(binding)) => visit(binding),
                Some(ProgressRecord::Paces { .. }) => {}
                None if is_torn(self.batch.record(span)) => {
                    let (log, offset) = (&self.name, span.offset);
                    tracing::warn!(%log, offset, "a binding was not written to its end; the next one counts");
                }
                None => {
                    let what = format!("the record at offset {} is not a binding", span.offset);
                    return Err(LogError::Damaged { path: self.name.clone(), what, hint: not_a_progress_log() });
                }
            }
        }
        Ok(self.batch.records.len() as u64)
    }

    /// Whether everything that the progress log held when the reader was opened has been read.
    pub fn is_at_end(&self) -> bool {
        self.reader.position() >= self.end
    }
}
