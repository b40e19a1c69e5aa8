//! Checkpoints as stores keep them: the header to resume from, and what an operator sees.

use dataflows::progress::time::Time;

/// The committed checkpoint, without its shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The state is as of this time.
    pub frontier: Time,
    /// Opaque header (digest, counters, resume points, settings), encoded by the worker.
    pub header: Vec<u8>,
}

/// Summary of a checkpoint for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointInfo {
    /// The state is as of this time.
    pub frontier: Time,
    /// The epoch that wrote it.
    pub epoch: u64,
    /// Number of stored shards; shards without symbols are not stored.
    pub shards: u64,
    /// Size of the shards in bytes; `None` where the store would have to read them to know it.
    pub bytes: Option<u64>,
    /// Whether this is the checkpoint to resume from; otherwise it is unfinished or was abandoned by an older epoch.
    pub is_committed: bool,
}
