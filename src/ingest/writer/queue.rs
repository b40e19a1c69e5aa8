//! The bounded queue to the thread that writes the log.
//!
//! Writing may block, the feed must not: so the log's writer has a thread of its own (`writing`). Trades are refused,
//! and told so, when the queue is full; a part of it is kept for control records.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use super::thread::{Ended, Writing};
use crate::ingest::metrics::Meter;
use crate::ingest::router::Record;
use crate::ingest::state_file::StateFile;
use crate::log::{LogError, LogWriter};

/// Places that only control records may take.
const CONTROL_PLACES: usize = 64;

/// What the thread is asked to write.
pub(in crate::ingest) enum Job {
    /// Records as they are, from a text that was taken from the socket then.
    Records { records: Vec<Record>, taken: Instant },
    /// The first connection: from this Unix time (ms) on, everything is this process' to tell.
    Begin { complete_ms: u64 },
    /// A record that promises, for every partition; once it is there, all before this Unix time (ms) is.
    Progress { record: Vec<u8>, complete_ms: u64 },
    /// A record for every partition that tells a gap from this Unix time (ms) on.
    Gap { record: Vec<u8>, from_ms: u64 },
    /// The end: with a `bye` when it is a clean one.
    End { bye: Option<Vec<u8>> },
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

/// Whose records these are, and what follows them.
#[derive(Clone, Debug)]
pub struct QueueConfig {
    /// What waits at most.
    pub limits: QueueLimits,
    /// The source's name.
    pub source: String,
    /// A trade that comes this much later than it happened is still on time, in milliseconds.
    pub max_out_of_orderness_ms: u64,
    /// Where settled promises are written down.
    pub state: Option<StateFile>,
    /// Where records are counted.
    pub meter: Meter,
}

/// Records that the log did not take in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// From when on trades may be missing, in Unix milliseconds.
    pub from_ms: u64,
    /// How many records.
    pub records: u64,
}

/// What both sides see.
#[derive(Debug, Default)]
pub(in crate::ingest) struct Shared {
    /// Bytes of trades that wait.
    pub bytes: AtomicUsize,
    /// Lost records that no gap tells yet.
    pub loss: Mutex<Option<Loss>>,
}

/// The sending side. Dropping it lets the thread write what waits, and end.
pub struct Queue {
    jobs: Sender<Job>,
    shared: Arc<Shared>,
    limits: QueueLimits,
    partitions: u32,
}

/// The thread is gone; the receiver from [`start`] says why.
#[derive(Debug, PartialEq, Eq)]
pub struct Gone;

/// How the thread ends: what it did, or the error that ended it.
pub type Result = oneshot::Receiver<std::result::Result<Ended, LogError>>;

/// Starts the thread. Its result arrives when it ends.
pub fn start(writer: Box<dyn LogWriter>, config: QueueConfig) -> std::io::Result<(Queue, Result)> {
    let limits = config.limits;
    let (jobs, waiting) = bounded(limits.frames_max.max(1) + CONTROL_PLACES);
    let shared = Arc::new(Shared::default());
    let (ended, result) = oneshot::channel();
    let partitions = writer.partitions();
    let writing = Writing::new(writer, config, Arc::clone(&shared));
    thread::Builder::new().name("log-writer".to_owned()).spawn(move || {
        // Nobody listens any more when the ingest itself was dropped.
        let _ = ended.send(writing.run(&waiting));
    })?;
    Ok((Queue { jobs, shared, limits, partitions }, result))
}

impl Queue {
    /// Number of partitions of the log.
    pub fn partitions(&self) -> u32 {
        self.partitions
    }

    /// Queues the records of one frame, all or none; false when there is no room.
    pub fn offer(&self, records: Vec<Record>, taken: Instant) -> std::result::Result<bool, Gone> {
        let size = records.iter().map(|record| record.bytes.len()).sum();
        let bytes = &self.shared.bytes;
        let full = self.jobs.len() >= self.limits.frames_max.max(1)
            || bytes.load(Ordering::Relaxed).saturating_add(size) > self.limits.bytes_max;
        if full {
            return Ok(false);
        }
        bytes.fetch_add(size, Ordering::Relaxed);
        let taken = self.send(Job::Records { records, taken });
        if taken != Ok(true) {
            bytes.fetch_sub(size, Ordering::Relaxed);
        }
        taken
    }

    /// Has it written down that this source lives, before any of its records; false when there is no place.
    pub fn begin(&self, complete_ms: u64) -> std::result::Result<bool, Gone> {
        self.send(Job::Begin { complete_ms })
    }

    /// Queues a promise for every partition; false when not even a place for it is left.
    pub fn progress(&self, record: Vec<u8>, complete_ms: u64) -> std::result::Result<bool, Gone> {
        self.send(Job::Progress { record, complete_ms })
    }

    /// Queues a gap for every partition; false when not even a place for it is left.
    pub fn gap(&self, record: Vec<u8>, from_ms: u64) -> std::result::Result<bool, Gone> {
        self.send(Job::Gap { record, from_ms })
    }

    /// What was lost since the last call.
    pub fn take_loss(&self) -> Option<Loss> {
        self.shared.loss.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Queues the last gaps and a `bye`, waits for room, and closes the queue. Blocks.
    pub fn finish(self, gaps: Vec<(Vec<u8>, u64)>, bye: Option<Vec<u8>>) {
        let gaps = gaps.into_iter().map(|(record, from_ms)| Job::Gap { record, from_ms });
        for job in gaps.chain([Job::End { bye }]) {
            if self.jobs.send(job).is_err() {
                // The thread has ended with an error, which its result tells.
                return;
            }
        }
    }

    fn send(&self, job: Job) -> std::result::Result<bool, Gone> {
        match self.jobs.try_send(job) {
            Ok(()) => Ok(true),
            Err(TrySendError::Full(_)) => Ok(false),
            Err(TrySendError::Disconnected(_)) => Err(Gone),
        }
    }
}
