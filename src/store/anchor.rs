//! Checkpoints of a store as a replay begins from them: those that are kept, and the committed one.

use std::collections::BTreeMap;

use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::time::Time;
use dataflows::state::codec::{self, CodecError};
use dataflows::state::manifest::SegmentKey;
use dataflows::state::snapshot::{LoadedShard, SnapshotHeader, decode_shard, memory_shard};
use dataflows::symbols::symbol::Symbol;

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

    /// Whether it is at or before a time, and a log that begins at these offsets, by partition, holds everything after
    /// it.
    fn is_usable(&self, first_offsets: &[u64], time: Time) -> bool {
        self.checkpoint.frontier <= time && self.header.is_covered(first_offsets)
    }

    /// The same with these shards only. `None` if its header cannot be encoded.
    pub fn narrow(mut self, is_needed: impl Fn(u32) -> bool) -> Option<Self> {
        self.header.manifest.retain(is_needed);
        self.checkpoint.header = codec::encode(&self.header).ok()?;
        Some(self)
    }

    /// The one that is kept under this name, from what a store has `read` of it. `None` if it is gone, as where a live
    /// pipeline has let go of it, or if another version of the program has written it.
    pub fn kept(key: &SegmentKey, read: Result<Vec<Vec<u8>>, StoreError>) -> Result<Option<Self>, StoreError> {
        match read {
            Ok(found) => Ok(found.into_iter().next().and_then(|header| Self::new(key.frontier, header))),
            Err(StoreError::Corrupt { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The checkpoints that a replay can begin from, ascending by frontier. Those of another version of the program are
/// left out.
pub fn anchors(reader: &mut dyn StoreReader) -> Result<Vec<Anchor>, StoreError> {
    let Some((_, committed)) = reader.checkpoint()? else { return Ok(Vec::new()) };
    let Some(committed) = Anchor::new(committed.frontier, committed.header) else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for key in &committed.header.anchors {
        all.extend(Anchor::kept(key, reader.read_segments(&[*key]))?);
    }
    if all.last().is_none_or(|newest| newest.checkpoint.frontier < committed.checkpoint.frontier) {
        all.push(committed);
    }
    Ok(all)
}

/// How often the checkpoints are read again when segments of the wanted ones are gone.
const ATTEMPTS: usize = 3;

/// A checkpoint with all its segments, to begin a replay from.
#[derive(Clone, Debug)]
pub struct WarmStart {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The ledger's row as of it.
    pub row: FrontierRow,
    segments: BTreeMap<SegmentKey, Vec<u8>>,
}

impl WarmStart {
    /// Reads the first checkpoint that `wanted` chooses, in its order. A live pipeline may let go of segments
    /// meanwhile, so the next one is tried, and all are read again.
    pub fn read(
        reader: &mut dyn StoreReader,
        wanted: impl Fn(Vec<Anchor>) -> Vec<Anchor>,
    ) -> Result<Option<Self>, StoreError> {
        let mut gone = Ok(None);
        for _ in 0..ATTEMPTS {
            let wanted = wanted(anchors(reader)?);
            if wanted.is_empty() {
                return Ok(None);
            }
            for anchor in wanted {
                match Self::of(reader, anchor) {
                    Ok(start) => return Ok(Some(start)),
                    Err(error @ StoreError::Corrupt { .. }) => gone = Err(error),
                    Err(error) => return Err(error),
                }
            }
        }
        gone
    }

    /// The last checkpoint at or before a time after which a log that begins at these offsets, by partition, holds
    /// everything.
    pub fn last_before(
        reader: &mut dyn StoreReader,
        first_offsets: &[u64],
        time: Time,
    ) -> Result<Option<Self>, StoreError> {
        let is_usable = |anchor: &Anchor| anchor.is_usable(first_offsets, time);
        Self::read(reader, |all| all.into_iter().rev().filter(is_usable).collect())
    }

    /// [`Self::last_before`], with no more of it than the rows of one symbol follow from: not those of other symbols.
    pub fn last_before_of(
        reader: &mut dyn StoreReader,
        symbol: &Symbol,
        first_offsets: &[u64],
        time: Time,
    ) -> Result<Option<Self>, StoreError> {
        let is_usable = |anchor: &Anchor| anchor.is_usable(first_offsets, time);
        let narrow = |anchor: Anchor| anchor.narrow(|shard| shard == symbol.shard() || shard >= memory_shard(0));
        Self::read(reader, |all| all.into_iter().rev().filter(is_usable).filter_map(narrow).collect())
    }

    /// One of its shards.
    pub fn shard(&self, number: u32) -> Result<LoadedShard, CodecError> {
        let header: SnapshotHeader = codec::decode(&self.checkpoint.header)?;
        let segments = header.manifest.segments_of(number).into_iter().filter_map(|key| self.segments.get(&key));
        decode_shard(number, &segments.map(|bytes| codec::unpack(bytes)).collect::<Result<Vec<_>, _>>()?)
    }

    fn of(reader: &mut dyn StoreReader, anchor: Anchor) -> Result<Self, StoreError> {
        let keys: Vec<SegmentKey> = anchor.header.manifest.segments().into_iter().collect();
        let segments = keys.iter().copied().zip(reader.read_segments(&keys)?).collect();
        Ok(Self { checkpoint: anchor.checkpoint, row: anchor.header.ledger.row, segments })
    }

    /// Takes some of its segments out.
    pub fn take(&mut self, wanted: &[SegmentKey]) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut one = |key: &SegmentKey| {
            self.segments.remove(key).ok_or_else(|| StoreError::Corrupt {
                path: "the checkpoint".to_owned(),
                what: missing_segment(key),
                hint: "begin at another one".to_owned(),
            })
        };
        wanted.iter().map(&mut one).collect()
    }
}
