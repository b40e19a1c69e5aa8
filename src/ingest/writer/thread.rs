//! Writer thread: appends records, tracks acknowledgements, and reports all losses before it ends.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use dataflows::log::control;
use dataflows::symbols::symbol::Symbol;
use tracing::{error, warn};

use super::ack_tracker::AckTracker;
use super::job::{Ended, Job, Loss, QueueConfig, Shared};
use crate::ingest::metrics::GapKind;
use crate::ingest::router::Record;
use crate::log::{LogError, LogWriter};

/// Maximum records between two flushes.
const FLUSH_RECORDS_MAX: u64 = 4_096;
/// Interval of reading delivery reports while the queue is empty.
const IDLE: Duration = Duration::from_millis(50);
/// Attempts to report losses at the end.
const END_TRIES: u32 = 3;

pub(in crate::ingest) struct Writing {
    writer: Box<dyn LogWriter>,
    config: QueueConfig,
    shared: Arc<Shared>,
    ack_tracker: AckTracker,
    records: u64,
    flushed: u64,
    /// The state file could not be written; logged once.
    state_failed: bool,
}

impl Writing {
    pub fn new(writer: Box<dyn LogWriter>, config: QueueConfig, shared: Arc<Shared>) -> Self {
        let ack_tracker = AckTracker::new(writer.partitions(), Instant::now());
        Self { writer, config, shared, ack_tracker, records: 0, flushed: 0, state_failed: false }
    }

    pub fn run(mut self, jobs: &Receiver<Job>) -> Result<Ended, LogError> {
        loop {
            match jobs.recv_timeout(IDLE) {
                Ok(Job::Records { records, taken }) => {
                    for Record { partition, key, bytes } in &records {
                        self.append(*partition, key.as_ref(), bytes, taken)?;
                        self.shared.bytes.fetch_sub(bytes.len(), Ordering::Relaxed);
                    }
                }
                Ok(Job::Begin { complete_ms }) => self.write_state(complete_ms, false),
                Ok(Job::Progress { record, complete_ms }) => self.progress(&record, complete_ms)?,
                Ok(Job::Gap { record, from_ms }) => self.gap(&record, from_ms)?,
                Ok(Job::End { last }) => return self.end(last.as_ref()),
                Err(RecvTimeoutError::Timeout) => self.acknowledge(),
                // The ingest was dropped: queued records are written, without a last gap or `bye`.
                Err(RecvTimeoutError::Disconnected) => {
                    self.sync()?;
                    return Ok(Ended { records: self.records, all_reported: false });
                }
            }
            if self.records > self.flushed && (jobs.is_empty() || self.records - self.flushed >= FLUSH_RECORDS_MAX) {
                self.writer.flush()?;
                self.flushed = self.records;
                self.acknowledge();
            }
        }
    }

    fn append(&mut self, partition: u32, key: Option<&Symbol>, record: &[u8], taken: Instant) -> Result<(), LogError> {
        self.ack_tracker.append(partition, taken, Instant::now());
        self.writer.append(partition, key.map(|symbol| symbol.as_str().as_bytes()), record)?;
        self.records += 1;
        self.config.meter.records.inc();
        Ok(())
    }

    fn everywhere(&mut self, record: &[u8]) -> Result<(), LogError> {
        let now = Instant::now();
        (0..self.writer.partitions()).try_for_each(|partition| self.append(partition, None, record, now))
    }

    /// Appends progress. A log without delivery reports is made durable each time.
    fn progress(&mut self, record: &[u8], complete_ms: u64) -> Result<(), LogError> {
        self.everywhere(record)?;
        self.ack_tracker.progress(complete_ms, Instant::now());
        if self.writer.has_delivery_reports() { Ok(()) } else { self.sync() }
    }

    fn gap(&mut self, record: &[u8], from_ms: u64) -> Result<(), LogError> {
        self.ack_tracker.gap(from_ms, Instant::now());
        self.everywhere(record)
    }

    fn sync(&mut self) -> Result<(), LogError> {
        self.writer.sync()?;
        self.flushed = self.records;
        if self.writer.has_delivery_reports() {
            self.acknowledge();
        } else {
            let complete_ms = self.ack_tracker.acknowledge_all();
            self.complete(complete_ms);
        }
        Ok(())
    }

    /// Processes the log's delivery reports.
    fn acknowledge(&mut self) {
        let mut delivery_reports = Vec::new();
        self.writer.delivery_reports(&mut |report| delivery_reports.push(report));
        let meter = &self.config.meter;
        let now = Instant::now();
        let now = (now, self.config.time.ms(now));
        let acknowledged =
            self.ack_tracker.acknowledge(&delivery_reports, now, self.config.max_out_of_orderness_ms, |after| {
                meter.acknowledged(after)
            });
        if let Some((from_ms, records)) = acknowledged.lost {
            error!(records, from_ms, "records not acknowledged in time");
            meter.lost.inc_by(records);
            let mut loss = self.shared.loss.lock().unwrap_or_else(PoisonError::into_inner);
            let earlier = loss.unwrap_or(Loss { from_ms, records: 0 });
            *loss = Some(Loss { from_ms: earlier.from_ms.min(from_ms), records: earlier.records + records });
        }
        self.complete(acknowledged.complete_ms);
    }

    /// The log is complete up to this time, apart from gaps in it.
    fn complete(&mut self, complete_ms: Option<u64>) {
        let Some(complete_ms) = complete_ms else { return };
        self.config.meter.acknowledged_ms.set(i64::try_from(complete_ms).unwrap_or(i64::MAX));
        self.write_state(complete_ms, false);
    }

    fn now_ms(&self) -> u64 {
        self.config.time.ms(Instant::now())
    }

    fn write_state(&mut self, complete_ms: u64, bye: bool) {
        let Some(state) = &self.config.state else { return };
        match state.write(complete_ms, bye) {
            Ok(()) => self.state_failed = false,
            Err(error) if !self.state_failed => {
                warn!(%error, "state file not written; after a restart the reported gap will be longer");
                self.state_failed = true;
            }
            Err(_) => {}
        }
    }

    /// Waits for all acknowledgements, records any losses as gaps, and writes `bye` once nothing is unreported.
    fn end(mut self, last: Option<&Vec<Vec<u8>>>) -> Result<Ended, LogError> {
        self.sync()?;
        for _ in 0..END_TRIES {
            let loss = self.shared.loss.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some(Loss { from_ms, records }) = loss else { break };
            self.config.meter.gap(GapKind::Lost);
            let gap = control::gap(&self.config.source, from_ms, self.now_ms(), &control::lost_cause(records));
            self.gap(&gap, from_ms)?;
            self.sync()?;
        }
        if self.ack_tracker.has_unreported_loss() {
            return Ok(Ended { records: self.records, all_reported: false });
        }
        if let Some(last) = last {
            last.iter().try_for_each(|record| self.everywhere(record))?;
            self.sync()?;
            if self.ack_tracker.has_unreported_loss() {
                return Ok(Ended { records: self.records, all_reported: false });
            }
            self.write_state(self.now_ms(), true);
        }
        Ok(Ended { records: self.records, all_reported: true })
    }
}
