//! Bounded queue to the thread that writes the log.
//!
//! Writing may block and the feed must not, so the log has its own thread. Trades are rejected when the queue is full;
//! some of its slots are reserved for control records.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use super::job::{Gone, Job, Loss, QueueConfig, QueueLimits, Result, Shared};
use super::thread::Writing;
use crate::ingest::router::Record;
use crate::log::LogWriter;

/// Slots reserved for control records.
const CONTROL_SLOTS: usize = 64;

/// Sending side. After it is dropped the thread writes the queued records and ends.
pub struct Queue {
    jobs: Sender<Job>,
    shared: Arc<Shared>,
    limits: QueueLimits,
    partitions: u32,
}

/// Starts the thread. Its result arrives when it ends.
pub fn start(writer: Box<dyn LogWriter>, config: QueueConfig) -> std::io::Result<(Queue, Result)> {
    let limits = config.limits;
    let (jobs, waiting) = bounded(limits.frames_max.max(1) + CONTROL_SLOTS);
    let shared = Arc::new(Shared::default());
    let (ended, result) = oneshot::channel();
    let partitions = writer.partitions();
    let writing = Writing::new(writer, config, Arc::clone(&shared));
    thread::Builder::new().name("log-writer".to_owned()).spawn(move || {
        // Fails only if the ingest itself was dropped.
        let _ = ended.send(writing.run(&waiting));
    })?;
    Ok((Queue { jobs, shared, limits, partitions }, result))
}

impl Queue {
    /// Number of partitions of the log.
    pub fn partitions(&self) -> u32 {
        self.partitions
    }

    /// Queues the records of one frame, all or none; false if the queue is full.
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

    /// Queues writing the state file, before any record of this source; false if the queue is full.
    pub fn begin(&self, complete_ms: u64) -> std::result::Result<bool, Gone> {
        self.send(Job::Begin { complete_ms })
    }

    /// Queues a progress record for every partition; false if even the reserved slots are full.
    pub fn progress(&self, record: Vec<u8>, complete_ms: u64) -> std::result::Result<bool, Gone> {
        self.send(Job::Progress { record, complete_ms })
    }

    /// Queues a gap record for every partition; false if even the reserved slots are full.
    pub fn gap(&self, record: Vec<u8>, from_ms: u64) -> std::result::Result<bool, Gone> {
        self.send(Job::Gap { record, from_ms })
    }

    /// Losses since the last call.
    pub fn take_loss(&self) -> Option<Loss> {
        self.shared.loss.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Queues the last gaps and a `bye` and closes the queue. Blocks while the queue is full.
    pub fn finish(self, gaps: Vec<(Vec<u8>, u64)>, last: Option<Vec<Vec<u8>>>) {
        let gaps = gaps.into_iter().map(|(record, from_ms)| Job::Gap { record, from_ms });
        for job in gaps.chain([Job::End { last }]) {
            if self.jobs.send(job).is_err() {
                // The thread has ended with an error, which is in its result.
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
