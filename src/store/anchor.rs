//! Checkpoints of a store as a replay begins from them: those that are kept, and the committed one.

use std::collections::BTreeMap;

use dataflows::progress::time::Time;
use dataflows::state::codec;
use dataflows::state::manifest::SegmentKey;
use dataflows::state::snapshot::SnapshotHeader;

use super::checkpoint::missing_segment;
use super::{Checkpoint, StoreError, StoreReader};

/// A checkpoint that a replay can begin from.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// As the store has it.
    pub checkpoint: Checkpoint,
    /// Its header.
    pub header: SnapshotHeader,
}

impl Anchor {
    /// The checkpoint, if this version of the program reads its header.
    fn new(frontier: Time, header: Vec<u8>) -> Option<Self> {
        let decoded = codec::decode(&header).ok()?;
        Some(Self { checkpoint: Checkpoint { frontier, header }, header: decoded })
    }

    /// Whether a log that begins at these offsets, by partition, holds everything after it.
    pub fn is_covered(&self, first_offsets: &[u64]) -> bool {
        let resume = &self.header.resume;
        resume.len() == first_offsets.len()
            && resume.iter().zip(first_offsets).all(|(point, first)| *first <= point.offset)
    }
}

/// The checkpoints that a replay can begin from, ascending by frontier. Those of another version of the program are
/// left out.
pub fn anchors(reader: &mut dyn StoreReader) -> Result<Vec<Anchor>, StoreError> {
    let Some((_, committed)) = reader.checkpoint()? else { return Ok(Vec::new()) };
    let Some(committed) = Anchor::new(committed.frontier, committed.header) else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for key in &committed.header.anchors {
        match reader.read_segments(&[*key]) {
            Ok(header) => all.extend(header.into_iter().find_map(|header| Anchor::new(key.frontier, header))),
            // A live pipeline has let go of it since.
            Err(StoreError::Corrupt { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    if all.last().is_none_or(|newest| newest.checkpoint.frontier < committed.checkpoint.frontier) {
        all.push(committed);
    }
    Ok(all)
}

/// A checkpoint with all its segments, to begin a replay from.
#[derive(Clone, Debug)]
pub struct WarmStart {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    segments: BTreeMap<SegmentKey, Vec<u8>>,
}

impl WarmStart {
    /// Reads its segments.
    pub fn read(reader: &mut dyn StoreReader, anchor: &Anchor) -> Result<Self, StoreError> {
        let keys: Vec<SegmentKey> = anchor.header.manifest.segments().into_iter().collect();
        let segments = reader.read_segments(&keys)?;
        Ok(Self { checkpoint: anchor.checkpoint.clone(), segments: keys.into_iter().zip(segments).collect() })
    }

    /// Some of its segments.
    pub fn segments(&self, wanted: &[SegmentKey]) -> Result<Vec<Vec<u8>>, StoreError> {
        let one = |key: &SegmentKey| {
            let missing = || StoreError::Corrupt {
                path: "the checkpoint".to_owned(),
                what: missing_segment(key),
                hint: "begin at another one".to_owned(),
            };
            self.segments.get(key).cloned().ok_or_else(missing)
        };
        wanted.iter().map(one).collect()
    }
}
