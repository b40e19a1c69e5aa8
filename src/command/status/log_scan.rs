//! Reads a partition from its resume point on, to count what is not complete and to find its live sources.
//!
//! The rules are those of the dataflow: a record's time is fixed by the partition's frontier when it is read
//! (`docs/definitions.md`, section 3). A record is complete when its time is before the durable frontier.

use std::time::Instant;

use dataflows::ingress::frontier_scan::FrontierScan;
use dataflows::log::batch::RecordBatch;
use dataflows::progress::partition::PartitionFrontier;
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::Time;

use crate::log::{Log, LogError};

/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;
/// Pause while a log is still being fetched.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(1);

/// Contents of one partition from its resume point on.
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
    let mut frontier_scan = FrontierScan::new(start.frontier.clone());
    let mut reader = log.reader(start.partition, start.offset)?;
    let mut batch = RecordBatch::default();
    let mut waiting = 0;
    while reader.position() < end && Instant::now() < deadline {
        reader.read(&mut batch, READ_BYTES)?;
        if batch.records.is_empty() {
            std::thread::sleep(PAUSE);
        }
        for span in batch.records.iter().filter(|span| span.offset < end) {
            let time = frontier_scan.read(span, batch.record(span), |_| ());
            waiting += u64::from(time.is_some_and(|time| time >= durable) && span.offset < read_to);
        }
    }
    Ok(LogScan { waiting, frontier: frontier_scan.frontier, scanned_to: reader.position().min(end) })
}
