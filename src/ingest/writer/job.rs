//! Messages between the ingest and the thread that writes the log.

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use tokio::sync::oneshot;

use crate::ingest::clock::UnixTime;
use crate::ingest::metrics::Meter;
use crate::ingest::router::Record;
use crate::ingest::state_file::StateFile;
use crate::log::LogError;

/// Job of the writer thread.
pub(in crate::ingest) enum Job {
    /// Records of one text, which was taken from the socket at `taken`.
    Records { records: Vec<Record>, taken: Instant },
    /// First connection: gaps from this Unix time (ms) on are reported by this process.
    Begin { complete_ms: u64 },
    /// A progress record for every partition: once it is acknowledged, the log is complete up to this Unix time (ms).
    Progress { record: Vec<u8>, complete_ms: u64 },
    /// A gap record for every partition, for a gap from this Unix time (ms) on.
    Gap { record: Vec<u8>, from_ms: u64 },
    /// The end; after a clean stop with the last progress and a `bye`.
    End { last: Option<Vec<Vec<u8>>> },
}

/// Limits of the queue.
#[derive(Clone, Copy, Debug)]
pub struct QueueLimits {
    /// Maximum number of queued frames.
    pub frames_max: usize,
    /// Maximum bytes of queued trades.
    pub bytes_max: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { frames_max: 8_192, bytes_max: 64 << 20 }
    }
}

/// Settings of the queue and its thread.
#[derive(Clone, Debug)]
pub struct QueueConfig {
    /// Limits of the queue.
    pub limits: QueueLimits,
    /// The source's name.
    pub source: String,
    /// Maximum delay of an on-time trade, in milliseconds.
    pub max_out_of_orderness_ms: u64,
    /// File that records acknowledged progress.
    pub state: Option<StateFile>,
    /// Counters.
    pub meter: Meter,
    /// Unix time.
    pub time: UnixTime,
}

/// Records that the log did not take in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Start of the time in which trades may be missing, in Unix milliseconds.
    pub from_ms: u64,
    /// Number of records.
    pub records: u64,
}

/// State shared by both sides.
#[derive(Debug, Default)]
pub(in crate::ingest) struct Shared {
    /// Bytes of queued trades.
    pub bytes: AtomicUsize,
    /// Lost records that are not in a gap record yet.
    pub loss: Mutex<Option<Loss>>,
}

/// Report of a thread that ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Records handed to the log.
    pub records: u64,
    /// Whether all losses are in gap records and a requested `bye` is in the log.
    pub all_reported: bool,
}

/// The thread has ended; the receiver from [`start`](super::queue::start) has the reason.
#[derive(Debug, PartialEq, Eq)]
pub struct Gone;

/// Receiver of the thread's report or error.
pub type Result = oneshot::Receiver<std::result::Result<Ended, LogError>>;
