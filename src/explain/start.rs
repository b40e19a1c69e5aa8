//! Where the scan begins: at a checkpoint from which on everything of the window is read again, or with the log.
//!
//! An ingress that begins at a checkpoint as of C passes over what was decided before C. An accepted trade counts at
//! its own time step or later, so with C at or before the window's start none of its accepted trades is passed over;
//! those that were read before the checkpoint's resume point are in its memory. A trade may be rejected, or be a
//! duplicate, as much earlier as it is ahead of its partition's frontier: C is that much earlier too where there is
//! such a checkpoint.

use dataflows::ingress::PartitionMemory;
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::{Resolution, Time};
use dataflows::settings::Settings;
use dataflows::state::snapshot::memory_shard;

use super::{ExplainError, SEARCHED_MS, Window};
use crate::log::{Log, first_offsets};
use crate::store::StoreReader;
use crate::store::anchor::{Anchor, WarmStart, anchors};
use crate::worker::checkpoint::load;

/// A place to begin the scan.
pub(super) struct Start {
    /// Frontier of the checkpoint; `None` where the scan begins with the log.
    pub(super) from: Option<Time>,
    /// Where each partition is read from.
    pub(super) points: Vec<ResumePoint>,
    /// What the checkpoint remembers of each partition.
    pub(super) memories: Vec<PartitionMemory>,
}

/// Chooses the place for windows of which this is the first one.
pub(super) fn choose(
    log: &dyn Log,
    settings: &Settings,
    reader: &mut dyn StoreReader,
    first: &Window,
) -> Result<Start, ExplainError> {
    let offsets = first_offsets(log)?;
    let begins = |from: Time| move |anchor: &Anchor| anchor.checkpoint.frontier <= from;
    let is_covered = |anchor: &Anchor| anchor.header.is_covered(&offsets);
    let reach_ms = settings.max_ahead_trade_ms.saturating_add(SEARCHED_MS);
    let early = begins(first.start_ms.saturating_sub(reach_ms));
    let narrow = |anchor: Anchor| anchor.narrow(|shard| shard >= memory_shard(0));
    let last = |all: Vec<Anchor>| all.into_iter().rev().filter(&early).filter(is_covered).filter_map(narrow).collect();
    if let Some(start) = WarmStart::read(reader, last)? {
        return Start::of(start, log, settings);
    }
    if offsets.iter().all(|offset| *offset == 0) {
        return Ok(Start::with_the_log(&offsets));
    }
    // Less is found of what was left out, and everything of what was accepted.
    let in_time = begins(first.start_ms);
    let oldest = |all: Vec<Anchor>| all.into_iter().filter(&in_time).filter(is_covered).filter_map(narrow).collect();
    if let Some(start) = WarmStart::read(reader, oldest)? {
        return Start::of(start, log, settings);
    }
    let oldest = anchors(reader)?.into_iter().find(is_covered).map(|anchor| anchor.checkpoint.frontier);
    let oldest = oldest.map(|from| next_window(first.resolution, from));
    Err(ExplainError::Gone { log: log.name(), starts: starts(&offsets), oldest })
}

impl Start {
    fn with_the_log(offsets: &[u64]) -> Self {
        let points = (0..).zip(offsets).map(|(partition, offset)| ResumePoint::fresh(partition, *offset)).collect();
        Self { from: None, points, memories: Vec::new() }
    }

    fn of(mut start: WarmStart, log: &dyn Log, settings: &Settings) -> Result<Self, ExplainError> {
        let header = load::read_header(&start.checkpoint, settings, log)?;
        let memories = load::read_memory(&mut |keys| start.take(keys), Some(&header), |_| true)?;
        Ok(Self { from: Some(start.checkpoint.frontier), points: header.resume, memories })
    }
}

/// Start of the first window that begins at or after a time.
const fn next_window(resolution: Resolution, from: Time) -> u64 {
    let start_ms = resolution.window_start_ms(from);
    if start_ms == from { start_ms } else { start_ms + resolution.length_ms() }
}

/// Where the partitions of a log begin, for people.
fn starts(offsets: &[u64]) -> String {
    let one = |(partition, offset): (usize, &u64)| format!("offset {offset} of partition {partition}");
    offsets.iter().enumerate().map(one).collect::<Vec<_>>().join(", ")
}
