//! A checkpoint as stores keep it: the header to resume from.

use dataflows::progress::time::Time;
use dataflows::state::manifest::{HEADER_SHARD, SegmentKey};

use crate::time::rfc3339;

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
    let (at, epoch) = (rfc3339(key.frontier), key.epoch);
    match key.shard {
        HEADER_SHARD => format!("the kept checkpoint as of {at} of epoch {epoch} has no header"),
        shard => {
            format!("the segment of shard {shard} that epoch {epoch} wrote for the checkpoint as of {at} is missing")
        }
    }
}
