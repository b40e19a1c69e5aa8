//! A checkpoint as stores keep it: the header to resume from.

use dataflows::progress::time::Time;
use dataflows::state::manifest::SegmentKey;

/// The committed checkpoint, without its segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The state is as of this time.
    pub frontier: Time,
    /// Opaque header (digest, counters, resume points, settings, names of the segments), encoded by the worker.
    pub header: Vec<u8>,
}

/// What is wrong with a store without this segment.
pub(super) fn missing_segment(key: &SegmentKey) -> String {
    format!("shard {} of the checkpoint as of {} has no segment of epoch {}", key.shard, key.frontier, key.epoch)
}
