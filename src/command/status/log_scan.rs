//! Reads a partition from its resume point on, to count what is not complete and to find its live sources.
//!
//! The rules are those of the dataflow: a record's time is fixed by the partition's frontier when it is read
//! (`docs/definitions.md`, section 3). A record is complete when its time is before the durable frontier.

use std::time::Instant;

use dataflows::log::batch::RecordBatch;
use dataflows::log::control::Control;
use dataflows::log::decode::{RawTrade, Visitor, decode};
use dataflows::log::reject::Reason;
use dataflows::progress::partition::PartitionFrontier;
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::{MAX_AHEAD_MS, STEP_MS, Time, floor_step};

use crate::log::{Log, LogError};

/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;
/// Pause while a log is still being fetched.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(1);

/// What one partition holds from its resume point on.
pub struct LogScan {
    /// Records with trades or rejected content before `read_to` whose time is not before the durable frontier.
    pub waiting: u64,
    /// The partition's frontier and live sources at `scanned_to`.
    pub frontier: PartitionFrontier,
    /// Offset of the first record that was not scanned. Before the end only when the deadline passed.
    pub scanned_to: u64,
}

/// Scans one partition from `start` to `end`, or until `deadline`. Records at or after `read_to` are not counted: no
/// worker has read them yet.
pub fn scan(
    log: &dyn Log,
    start: &ResumePoint,
    (read_to, end): (u64, u64),
    durable: Time,
    deadline: Instant,
) -> Result<LogScan, LogError> {
    let mut times = RecordTimes { frontier: start.frontier.clone(), durable, is_waiting: false };
    let mut reader = log.reader(start.partition, start.offset)?;
    let mut batch = RecordBatch::default();
    let mut waiting = 0;
    while reader.position() < end && Instant::now() < deadline {
        reader.read(&mut batch, READ_BYTES)?;
        if batch.records.is_empty() {
            std::thread::sleep(PAUSE);
        }
        for span in batch.records.iter().filter(|span| span.offset < end) {
            times.is_waiting = false;
            decode(batch.record(span), span.total_len, &mut times);
            waiting += u64::from(times.is_waiting && span.offset < read_to);
        }
    }
    Ok(LogScan { waiting, frontier: times.frontier, scanned_to: reader.position().min(end) })
}

/// Follows the partition's frontier, and notes whether the record at hand is complete.
struct RecordTimes {
    frontier: PartitionFrontier,
    durable: Time,
    is_waiting: bool,
}

impl RecordTimes {
    fn now(&self) -> u64 {
        self.frontier.frontier_ms().unwrap_or(0)
    }

    fn note(&mut self, time: u64) {
        self.frontier.note(floor_step(time, STEP_MS));
        // The durable frontier is a whole time step, so that milliseconds compare as their steps do.
        self.is_waiting |= time >= self.durable;
    }
}

impl Visitor for RecordTimes {
    fn trade(&mut self, _: u32, trade: &RawTrade<'_>) {
        let now = self.now();
        let is_rejected =
            self.frontier.frontier_ms().is_some_and(|now| trade.event_ms > now.saturating_add(MAX_AHEAD_MS));
        self.note(if is_rejected { now } else { trade.event_ms.max(now) });
    }

    fn reject(&mut self, _: u32, _: Reason) {
        self.note(self.now());
    }

    fn control(&mut self, control: Control<'_>) {
        // The dataflow rejects one source too many as well.
        let _ = control.apply(&mut self.frontier, STEP_MS);
    }
}
