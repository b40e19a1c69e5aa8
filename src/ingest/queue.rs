//! The bounded queue to the thread that writes the log.
//!
//! Writing may block, the feed must not: so the log's writer has a thread of its own. Trades are refused, and told so,
//! when the queue is full; a part of it is kept for control records.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use super::record::Record;
use crate::log::{LogError, LogWriter};

/// Places that only control records may take.
const CONTROL_PLACES: usize = 64;
/// Records written between two flushes, when the queue is never empty.
const FLUSH_RECORDS_MAX: u64 = 4_096;

/// What the thread is asked to write.
enum Job {
    /// Records as they are.
    Records(Vec<Record>),
    /// One record to every partition, then everything made durable.
    Everywhere(Vec<u8>),
}

/// Limits of the queue.
#[derive(Clone, Copy, Debug)]
pub struct QueueLimits {
    /// Frames that wait.
    pub frames_max: usize,
    /// Bytes of trades that wait.
    pub bytes_max: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { frames_max: 8_192, bytes_max: 64 << 20 }
    }
}

/// The sending side. Dropping it lets the thread write what waits, and end.
pub struct Queue {
    jobs: Sender<Job>,
    bytes: Arc<AtomicUsize>,
    limits: QueueLimits,
    partitions: u32,
}

/// The thread is gone; the receiver from [`start`] says why.
#[derive(Debug, PartialEq, Eq)]
pub struct Gone;

/// Starts the thread. Its result arrives when it ends: records written, or the error that ended it.
pub fn start(
    writer: Box<dyn LogWriter>,
    limits: QueueLimits,
) -> std::io::Result<(Queue, oneshot::Receiver<Result<u64, LogError>>)> {
    let (jobs, waiting) = bounded(limits.frames_max.max(1) + CONTROL_PLACES);
    let bytes = Arc::new(AtomicUsize::new(0));
    let (ended, result) = oneshot::channel();
    let partitions = writer.partitions();
    let waiting_bytes = Arc::clone(&bytes);
    thread::Builder::new().name("log-writer".to_owned()).spawn(move || {
        // Nobody listens any more when the ingest itself was dropped.
        let _ = ended.send(write_all(writer, &waiting, &waiting_bytes));
    })?;
    Ok((Queue { jobs, bytes, limits, partitions }, result))
}

impl Queue {
    /// Number of partitions of the log.
    pub fn partitions(&self) -> u32 {
        self.partitions
    }

    /// Queues the records of one frame, all or none; false when there is no room.
    pub fn offer(&self, records: Vec<Record>) -> Result<bool, Gone> {
        let size = records.iter().map(|(_, record)| record.len()).sum();
        let full = self.jobs.len() >= self.limits.frames_max.max(1)
            || self.bytes.load(Ordering::Relaxed).saturating_add(size) > self.limits.bytes_max;
        if full {
            return Ok(false);
        }
        self.bytes.fetch_add(size, Ordering::Relaxed);
        let taken = sent(&self.jobs.try_send(Job::Records(records)));
        if taken != Ok(true) {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
        }
        taken
    }

    /// Queues a control record for every partition; false when not even a place for it is left.
    pub fn offer_everywhere(&self, record: Vec<u8>) -> Result<bool, Gone> {
        sent(&self.jobs.try_send(Job::Everywhere(record)))
    }

    /// Queues last control records, waits for room, and closes the queue. Blocks.
    pub fn finish(self, records: Vec<Vec<u8>>) {
        for record in records {
            if self.jobs.send(Job::Everywhere(record)).is_err() {
                // The thread has ended with an error, which its result tells.
                return;
            }
        }
    }
}

fn sent(result: &Result<(), TrySendError<Job>>) -> Result<bool, Gone> {
    match result {
        Ok(()) => Ok(true),
        Err(TrySendError::Full(_)) => Ok(false),
        Err(TrySendError::Disconnected(_)) => Err(Gone),
    }
}

fn write_all(mut writer: Box<dyn LogWriter>, jobs: &Receiver<Job>, bytes: &AtomicUsize) -> Result<u64, LogError> {
    let (mut written, mut flushed) = (0, 0);
    for job in jobs {
        match job {
            Job::Records(records) => {
                for (partition, record) in &records {
                    writer.append(*partition, record)?;
                    written += 1;
                    bytes.fetch_sub(record.len(), Ordering::Relaxed);
                }
            }
            Job::Everywhere(record) => {
                for partition in 0..writer.partitions() {
                    writer.append(partition, &record)?;
                    written += 1;
                }
                writer.sync()?;
                flushed = written;
            }
        }
        if written > flushed && (jobs.is_empty() || written - flushed >= FLUSH_RECORDS_MAX) {
            writer.flush()?;
            flushed = written;
        }
    }
    writer.sync()?;
    Ok(written)
}
