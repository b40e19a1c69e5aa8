//! The log: where trades come from, and the only thing that is needed to make every row again.
//!
//! One trait a role, two implementations: a directory of JSON Lines files ([`dir`]) and Kafka ([`kafka`]).

use std::time::Duration;

use dataflows::log::batch::{RecordBatch, RecordSpan};

use crate::exit_code::ExitCode;

pub mod address;
pub mod dir;
pub mod kafka;
pub mod partitioner;

/// Bytes that [`read_to_end`] takes at once.
const READ_BYTES: usize = 1 << 20;
/// Between two looks at a log that is still being fetched.
const PAUSE: Duration = Duration::from_millis(1);

/// What can go wrong with a log. Every message names the partition and the offset.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The text after `--log` is not one.
    #[error("{text:?} is no log: write dir:PATH or kafka://HOST:PORT[,HOST:PORT]/TOPIC[?config=FILE]")]
    BadAddress {
        /// What was given.
        text: String,
    },
    /// The file that says how to reach the log cannot be used.
    #[error("the settings in {path} cannot be used: {why}")]
    BadConfig {
        /// The file.
        path: String,
        /// What is wrong with it; never a value.
        why: String,
    },
    /// There is no log there.
    #[error("there is no log at {path}: {hint}")]
    Missing {
        /// Where it was looked for.
        path: String,
        /// What to do next.
        hint: String,
    },
    /// The log does not hold what is needed: data was lost.
    #[error("{path}, partition {partition}: offset {wanted} is wanted, but the log holds {first}..{end}: {cause}")]
    OffsetLost {
        /// The log.
        path: String,
        /// Its partition.
        partition: u32,
        /// The offset to be read.
        wanted: u64,
        /// The first offset there is.
        first: u64,
        /// One past the last offset there is.
        end: u64,
        /// How it may have come to this, and what to do.
        cause: String,
    },
    /// Another process writes to it.
    #[error("{path} is being written by another process ({holder}): stop that one first")]
    Locked {
        /// The log.
        path: String,
        /// What is known of the other process.
        holder: String,
    },
    /// There was a log under this name, and now there is another one.
    #[error("{path} is not the log that it was: it had identity {was} and has {is}; {hint}")]
    Replaced {
        /// The log.
        path: String,
        /// The identity that is expected.
        was: String,
        /// The identity that was found.
        is: String,
        /// What to do next.
        hint: &'static str,
    },
    /// The number of partitions changed while the log was read.
    #[error(
        "{path} had {was} partitions and now has {is}: symbols may have moved to other partitions, out of order; \
         make a new topic with the number you want, copy the log into it (import --from-log), and use a new store"
    )]
    PartitionsChanged {
        /// The log.
        path: String,
        /// How many it had.
        was: u32,
        /// How many it has.
        is: u32,
    },
    /// The log has another number of partitions than is asked for; that number never changes.
    #[error("{path} has {has} partitions, not {wanted}: leave --partitions out, or choose another directory")]
    Partitions {
        /// The log.
        path: String,
        /// How many it has.
        has: u32,
        /// How many were asked for.
        wanted: u32,
    },
    /// A topic is not as it was asked for; it was left as it is.
    #[error(
        "{path} is not as wanted: {differences}; nothing was changed: ask for what there is, or change the topic by \
         hand (partitions: by a new topic)"
    )]
    Drift {
        /// The topic.
        path: String,
        /// What differs: wanted, and there.
        differences: String,
    },
    /// What is there cannot be a log, or is no longer one.
    #[error("{path} is damaged: {what}; {hint}")]
    Damaged {
        /// The log.
        path: String,
        /// What was found.
        what: String,
        /// What to do next.
        hint: String,
    },
    /// What concerns the log as a whole failed.
    #[error("{path}: {what}: {why}")]
    Failed {
        /// The log.
        path: String,
        /// What was being done.
        what: &'static str,
        /// Why it failed, and what to do next where that is known.
        why: String,
    },
    /// The system refused.
    #[error("{path}, partition {partition}: {what}: {why}")]
    Io {
        /// The log.
        path: String,
        /// Its partition.
        partition: u32,
        /// What was being done.
        what: &'static str,
        /// Why it failed, and what to do next where that is known.
        why: String,
        /// The system's own error.
        source: std::io::Error,
    },
}

impl ExitCode for LogError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::BadAddress { .. }
            | Self::BadConfig { .. }
            | Self::Missing { .. }
            | Self::Partitions { .. }
            | Self::Drift { .. } => 2,
            Self::OffsetLost { .. } | Self::Damaged { .. } | Self::Replaced { .. } | Self::PartitionsChanged { .. } => {
                3
            }
            Self::Locked { .. } | Self::Failed { .. } | Self::Io { .. } => 1,
        }
    }
}

/// A log of partitions, each a sequence of records under ascending offsets.
pub trait Log: Send + Sync {
    /// Number of partitions; it never changes during a run.
    fn partitions(&self) -> u32;
    /// The first offset that the partition still holds; equal to the end where it holds nothing.
    fn first_offset(&self, partition: u32) -> Result<u64, LogError>;
    /// One past the last offset that the partition holds now.
    fn end_offset(&self, partition: u32) -> Result<u64, LogError>;
    /// Reads from `offset`, which must lie between the first offset and the end.
    fn reader(&self, partition: u32, offset: u64) -> Result<Box<dyn PartitionReader>, LogError>;
    /// How messages name it.
    fn name(&self) -> String;
    /// Tells this log from another one under the same name; empty where that cannot be known.
    fn identity(&self) -> String {
        String::new()
    }
}

/// Reads one partition in order.
pub trait PartitionReader: Send {
    /// Replaces the batch by the next records, about `bytes_max` bytes of them. An empty batch means that there is
    /// nothing to hand over now; the end is reached when the position says so. Never waits. An error stays: every later
    /// call fails as well. Records longer than [`dataflows::log::reject::RECORD_BYTES_MAX`] are cut to what is kept of them.
    fn read(&mut self, batch: &mut RecordBatch, bytes_max: usize) -> Result<(), LogError>;
    /// Offset of the next record, or the log's end where nothing but gaps lie before it.
    fn position(&self) -> u64;
    /// Records between the position and the log's end, where that is known without asking anybody.
    fn unread(&self) -> Option<u64> {
        None
    }
}

/// What became of one record that was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryReport {
    /// The log has acknowledged it.
    Acknowledged {
        /// Its partition.
        partition: u32,
        /// Time from [`LogWriter::append`] to the acknowledgement.
        after: Duration,
    },
    /// The log did not take it in time and it was given up. It may be in the log none the less.
    Lost {
        /// Its partition.
        partition: u32,
        /// Time from [`LogWriter::append`] until then.
        after: Duration,
    },
}

/// Appends records. One writer a directory; any number to Kafka.
pub trait LogWriter: Send {
    /// Number of partitions.
    fn partitions(&self) -> u32;
    /// Adds one record, which holds no line end. It may stay in memory until [`LogWriter::flush`]. Waits while the log
    /// takes no more.
    fn append(&mut self, partition: u32, record: &[u8]) -> Result<(), LogError>;
    /// Sends everything on its way, without waiting for it to arrive.
    fn flush(&mut self) -> Result<(), LogError>;
    /// Makes everything durable, except what is told as [`DeliveryReport::Lost`].
    fn sync(&mut self) -> Result<(), LogError>;
    /// Whether [`LogWriter::fates`] tells of each record once, those of one partition in order. Where it does not,
    /// everything is durable when [`LogWriter::sync`] returns.
    fn has_delivery_reports(&self) -> bool {
        false
    }
    /// Tells what became of records since the last call.
    fn delivery_reports(&mut self, _tell: &mut dyn FnMut(DeliveryReport)) {}
}

/// Makes everything durable. Fails when records were given up since their fates were asked for last: `name` then has a
/// hole that nothing tells.
pub fn sync_whole(writer: &mut dyn LogWriter, name: &str) -> Result<(), LogError> {
    writer.sync()?;
    let mut lost = 0_u64;
    writer.delivery_reports(&mut |report| lost += u64::from(matches!(report, DeliveryReport::Lost { .. })));
    if lost == 0 {
        return Ok(());
    }
    let why =
        format!("{lost} records were not taken in time, so it lacks them now: see that it is up, and write again");
    Err(LogError::Failed { path: name.to_owned(), what: "cannot append", why })
}

/// Hands over the records of a partition from `from` up to the end that it has now, one after the other. Waits for a
/// log that is still being fetched.
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
