//! Delivery reports: whether the log acknowledged an appended record.

use std::time::Duration;

/// Outcome of one appended record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryReport {
    /// The log has acknowledged it.
    Acknowledged {
        /// The record's partition.
        partition: u32,
        /// Time from [`LogWriter::append`](super::LogWriter::append) to the acknowledgement.
        after: Duration,
    },
    /// The log did not acknowledge it in time, and the writer gave up. The log may nevertheless contain it.
    Lost {
        /// The record's partition.
        partition: u32,
        /// Time from [`LogWriter::append`](super::LogWriter::append) until the writer gave up.
        after: Duration,
    },
}
