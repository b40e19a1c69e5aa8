//! The manifest of a checkpoint: which segments it is made of, each saved with this checkpoint or an earlier one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::progress::time::Time;
use crate::state::snapshot::memory_shard;

/// Names a segment that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SegmentKey {
    /// Number of the shard.
    pub shard: u32,
    /// The epoch that wrote it.
    pub epoch: u64,
    /// The checkpoint that it was written for.
    pub frontier: Time,
}

/// Number of the shard whose segments are headers of checkpoints that are kept.
pub const HEADER_SHARD: u32 = u32::MAX;

impl SegmentKey {
    /// The header of a checkpoint that is kept.
    pub const fn header(epoch: u64, frontier: Time) -> Self {
        Self { shard: HEADER_SHARD, epoch, frontier }
    }
}

/// The segments of a checkpoint: by shard, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Encoded", try_from = "Encoded")]
pub struct Manifest {
    shards: BTreeMap<u32, Vec<(u64, Time)>>,
}

impl Manifest {
    /// Goes on to the next checkpoint, for which these shards have a segment, each with whether it is a base.
    pub fn advance(&mut self, epoch: u64, frontier: Time, written: &[(u32, bool)]) {
        // What a partition remembers is whole in every checkpoint, or empty.
        self.shards.split_off(&memory_shard(0));
        for &(shard, is_base) in written {
            let segments = self.shards.entry(shard).or_default();
            if is_base {
                segments.clear();
            }
            segments.push((epoch, frontier));
        }
    }

    /// Leaves out the other shards.
    pub fn retain(&mut self, is_kept: impl Fn(u32) -> bool) {
        self.shards.retain(|shard, _| is_kept(*shard));
    }

    /// Numbers of the shards, ascending.
    pub fn shards(&self) -> impl Iterator<Item = u32> {
        self.shards.keys().copied()
    }

    /// The segments of a shard, the oldest first.
    pub fn segments_of(&self, shard: u32) -> Vec<SegmentKey> {
        let of = self.shards.get(&shard).into_iter().flatten();
        of.map(|&(epoch, frontier)| SegmentKey { shard, epoch, frontier }).collect()
    }

    /// All segments.
    pub fn segments(&self) -> BTreeSet<SegmentKey> {
        self.shards().flat_map(|shard| self.segments_of(shard)).collect()
    }
}

/// A manifest as it is encoded: most shards have segments for the same checkpoints, which are written out once.
#[derive(Serialize, Deserialize)]
struct Encoded {
    /// Epoch and frontier, ascending.
    checkpoints: Vec<(u64, Time)>,
    /// By shard: indices of the above.
    shards: Vec<(u32, Vec<u16>)>,
}

impl From<Manifest> for Encoded {
    fn from(manifest: Manifest) -> Self {
        let all: BTreeSet<(u64, Time)> = manifest.shards.values().flatten().copied().collect();
        let checkpoints: Vec<(u64, Time)> = all.into_iter().collect();
        let index = |of: &(u64, Time)| checkpoints.partition_point(|other| other < of) as u16;
        let shard = |(shard, of): (&u32, &Vec<(u64, Time)>)| (*shard, of.iter().map(index).collect());
        Self { shards: manifest.shards.iter().map(shard).collect(), checkpoints }
    }
}

impl TryFrom<Encoded> for Manifest {
    type Error = &'static str;

    fn try_from(encoded: Encoded) -> Result<Self, Self::Error> {
        let Encoded { checkpoints, shards } = encoded;
        let of = |at: u16| checkpoints.get(usize::from(at)).copied();
        let segments = |indices: Vec<u16>| indices.into_iter().map(of).collect::<Option<Vec<_>>>();
        let shards: Option<BTreeMap<_, _>> =
            shards.into_iter().map(|(shard, indices)| Some((shard, segments(indices)?))).collect();
        Ok(Self { shards: shards.ok_or("a manifest names a checkpoint that it does not list")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::codec;

    #[test]
    fn a_base_takes_the_place_of_all_before_it() {
        let mut manifest = Manifest::default();
        manifest.advance(1, 5, &[(3, true), (4, true), (memory_shard(0), true)]);
        manifest.advance(1, 10, &[(3, false), (memory_shard(1), true)]);
        manifest.advance(2, 15, &[(3, false), (4, true)]);
        let key = |shard, epoch, frontier| SegmentKey { shard, epoch, frontier };
        assert_eq!(manifest.segments_of(3), [key(3, 1, 5), key(3, 1, 10), key(3, 2, 15)]);
        assert_eq!(manifest.segments_of(4), [key(4, 2, 15)]);
        assert_eq!(manifest.shards().collect::<Vec<_>>(), [3, 4]);
        assert_eq!(manifest.segments().len(), 4);
        let bytes = codec::encode(&manifest).unwrap();
        assert_eq!(codec::decode::<Manifest>(&bytes).unwrap(), manifest);
        let unknown = Encoded { checkpoints: vec![(1, 5)], shards: vec![(3, vec![0, 1])] };
        assert!(codec::decode::<Manifest>(&codec::encode(&unknown).unwrap()).is_err());
        manifest.advance(2, 20, &[(3, true), (memory_shard(0), true)]);
        assert_eq!(manifest.segments_of(3), [key(3, 2, 20)]);
        assert_eq!(manifest.segments_of(memory_shard(0)), [key(memory_shard(0), 2, 20)]);
    }
}
