//! The records that an import writes, in order: a function of its content, its source and the number of partitions.
//!
//! Trades come by event time, in all partitions together. Each partition has progress up to the time step of its next
//! trade before that trade, and all of them have it whenever the trades enter another minute, so that no trade is late
//! or too far ahead, however long nothing was traded.

use dataflows::log::control::{ImportContent, ImportState, bye, import, progress};
use dataflows::progress::time::{MAX_AHEAD_TRADE_MS, MINUTE_MS, STEP_MS, floor_step};

use super::ImportError;
use super::shape::Shape;
use super::sorter::Sorted;

/// Receiver of the records.
pub trait Sink {
    /// The next record of a partition.
    fn append(&mut self, partition: u32, key: Option<&str>, record: &[u8]) -> Result<(), ImportError>;
    /// What precedes must be durable before what follows.
    fn sync(&mut self) -> Result<(), ImportError>;
}

/// The content, and what else decides the records.
pub struct Sequence<'a> {
    /// Its records.
    pub sorted: &'a Sorted,
    /// Its description.
    pub content: &'a ImportContent,
    /// Name of the source.
    pub source: &'a str,
    /// Number of partitions of the log.
    pub partitions: u32,
    /// Progress follows the newest time, as that of a live source does.
    pub as_live: bool,
}

impl Sequence<'_> {
    /// Passes on all records. Returns the number of trades that are too far ahead; only `as_live` leaves any.
    pub fn emit(&self, sink: &mut dyn Sink) -> Result<u64, ImportError> {
        let mut emitter = Emitter {
            sequence: self,
            sink,
            progress_ms: vec![0; self.partitions as usize],
            newest_ms: None,
            minute: 0,
            too_far_ahead: 0,
        };
        emitter.mark(ImportState::Begin)?;
        if !self.as_live {
            emitter.report_everywhere(floor_step(self.content.from_ms, STEP_MS))?;
        }
        let mut shape = Shape::new(self.partitions);
        self.sorted.for_each(|record| {
            shape.read(record);
            emitter.record(&shape, record)
        })?;
        emitter.end()?;
        Ok(emitter.too_far_ahead)
    }
}

struct Emitter<'a> {
    sequence: &'a Sequence<'a>,
    sink: &'a mut dyn Sink,
    /// Last progress by partition.
    progress_ms: Vec<u64>,
    /// Newest time of any trade that will be accepted.
    newest_ms: Option<u64>,
    /// Start of the minute in which all partitions last had progress.
    minute: u64,
    too_far_ahead: u64,
}

impl Emitter<'_> {
    fn record(&mut self, shape: &Shape, record: &[u8]) -> Result<(), ImportError> {
        if shape.trades > 0 && self.sequence.as_live {
            self.report_newest(shape.greatest_ms)?;
            // The dataflow rejects trades too far ahead; the last progress must not include such a time either.
            if shape.greatest_ms > self.progress_ms[shape.partition as usize] + MAX_AHEAD_TRADE_MS {
                self.too_far_ahead += 1;
            } else {
                self.newest_ms = self.newest_ms.max(Some(shape.greatest_ms));
            }
        } else if shape.trades > 0 {
            let step_ms = floor_step(shape.least_ms, STEP_MS);
            if floor_step(step_ms, MINUTE_MS) > self.minute {
                self.report_everywhere(step_ms)?;
            }
            self.report(shape.partition, step_ms)?;
            self.newest_ms = self.newest_ms.max(Some(shape.greatest_ms));
        }
        self.sink.append(shape.partition, shape.key(), record)
    }

    /// Reports progress up to the time step of the newest trade, as a live source does.
    fn report_newest(&mut self, newest_ms: u64) -> Result<(), ImportError> {
        let step_ms = floor_step(newest_ms, STEP_MS);
        if self.newest_ms.is_some_and(|seen| floor_step(seen, STEP_MS) >= step_ms) {
            return Ok(());
        }
        self.report_everywhere(step_ms)
    }

    fn report_everywhere(&mut self, event_ms: u64) -> Result<(), ImportError> {
        self.minute = floor_step(event_ms, MINUTE_MS);
        (0..self.sequence.partitions).try_for_each(|partition| self.report(partition, event_ms))
    }

    /// Reports progress in one partition, where it moves.
    fn report(&mut self, partition: u32, event_ms: u64) -> Result<(), ImportError> {
        if self.progress_ms[partition as usize] >= event_ms {
            return Ok(());
        }
        self.progress_ms[partition as usize] = event_ms;
        self.sink.append(partition, None, &progress(self.sequence.source, event_ms))
    }

    fn mark(&mut self, state: ImportState) -> Result<(), ImportError> {
        let record = import(self.sequence.source, state, self.sequence.content);
        (0..self.sequence.partitions).try_for_each(|partition| self.sink.append(partition, None, &record))
    }

    /// Reports progress past the newest trade, and leaves. That the import has ended is said once all else is durable.
    fn end(&mut self) -> Result<(), ImportError> {
        if let Some(newest_ms) = self.newest_ms {
            self.report_everywhere(floor_step(newest_ms, STEP_MS) + STEP_MS)?;
        }
        let bye = bye(self.sequence.source);
        (0..self.sequence.partitions).try_for_each(|partition| self.sink.append(partition, None, &bye))?;
        self.sink.sync()?;
        self.mark(ImportState::End)?;
        self.sink.sync()
    }
}
