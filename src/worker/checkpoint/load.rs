//! Loading a checkpoint: its header is checked, its shards are decoded and distributed to the workers.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use dataflows::ingress::PartitionMemory;
use dataflows::settings::Settings;
use dataflows::state::codec::{self, CodecError};
use dataflows::state::manifest::SegmentKey;
use dataflows::state::snapshot::{LoadedShard, SnapshotHeader, decode_memory, decode_shard, memory_shard};

use crate::log::Log;
use crate::store::{Checkpoint, StoreError, StoreIdentity};
use crate::time::rfc3339;
use crate::worker::{WorkerError, identity};

/// Decodes the header, and checks that it was made with these settings and from this log.
pub(crate) fn read_header(
    checkpoint: &Checkpoint,
    settings: &Settings,
    log: &dyn Log,
) -> Result<SnapshotHeader, WorkerError> {
    let frontier = checkpoint.frontier;
    let header: SnapshotHeader = codec::decode(&checkpoint.header)
        .map_err(|error| WorkerError::Checkpoint { frontier, source: error.into() })?;
    // An encoded state of another revision has another fingerprint.
    let ours = identity::of(settings, log);
    let theirs = StoreIdentity {
        log: header.log.clone(),
        partitions: header.resume.len() as u32,
        settings: header.fingerprint,
        revision: ours.revision,
        named: BTreeMap::new(),
        begins: None,
    };
    identity::check(&theirs, &ours, &log.name())?;
    let inner = header.ledger.row.frontier;
    if inner != frontier {
        let source = format!("damaged: it is stored under another frontier than its own, {}", rfc3339(inner)).into();
        return Err(WorkerError::Checkpoint { frontier, source });
    }
    Ok(header)
}

/// Reads segments from where the checkpoint is.
type Segments<'a> = &'a mut dyn FnMut(&[SegmentKey]) -> Result<Vec<Vec<u8>>, StoreError>;

/// Shards read from the store at once.
const SHARDS_AT_ONCE: usize = 16;

/// Reads some shards of a checkpoint.
pub(in crate::worker) fn read_shards(
    segments: Segments<'_>,
    header: Option<&SnapshotHeader>,
    is_needed: impl Fn(u32) -> bool,
) -> Result<Vec<LoadedShard>, WorkerError> {
    let needed = |shard: &u32| *shard < memory_shard(0) && is_needed(*shard);
    read(segments, header, needed, decode_shard)
}

/// Reads the memory of some partitions, by partition.
pub(crate) fn read_memory(
    segments: Segments<'_>,
    header: Option<&SnapshotHeader>,
    is_needed: impl Fn(u32) -> bool,
) -> Result<Vec<PartitionMemory>, WorkerError> {
    let mut memories = vec![PartitionMemory::default(); header.map_or(0, |header| header.resume.len())];
    let partition_of = |shard: u32| shard.checked_sub(memory_shard(0)).filter(|p| (*p as usize) < memories.len());
    let needed = |shard: &u32| partition_of(*shard).is_some_and(&is_needed);
    let found = read(segments, header, needed, |shard, encoded| {
        let memory = encoded.last().map_or_else(|| Ok(PartitionMemory::default()), |bytes| decode_memory(bytes))?;
        Ok(((shard - memory_shard(0)) as usize, memory))
    })?;
    found.into_iter().for_each(|(partition, memory)| memories[partition] = memory);
    Ok(memories)
}

/// Reads shards, a few at a time, and decodes each from its segments, the oldest first.
fn read<R>(
    segments: Segments<'_>,
    header: Option<&SnapshotHeader>,
    is_needed: impl Fn(&u32) -> bool,
    decode: impl Fn(u32, &[Vec<u8>]) -> Result<R, CodecError>,
) -> Result<Vec<R>, WorkerError> {
    let Some(header) = header else { return Ok(Vec::new()) };
    let needed: Vec<u32> = header.manifest.shards().filter(is_needed).collect();
    let mut all = Vec::with_capacity(needed.len());
    for shards in needed.chunks(SHARDS_AT_ONCE) {
        let keys: Vec<Vec<SegmentKey>> = shards.iter().map(|&shard| header.manifest.segments_of(shard)).collect();
        let mut packed = segments(&keys.concat())?.into_iter();
        for (&shard, keys) in shards.iter().zip(&keys) {
            let encoded = packed.by_ref().take(keys.len()).map(|bytes| codec::unpack(&bytes));
            let decoded = encoded.collect::<Result<Vec<_>, _>>().and_then(|encoded| decode(shard, &encoded));
            let bad = |error| {
                let source = format!("shard {shard}: {error}").into();
                WorkerError::Checkpoint { frontier: header.ledger.row.frontier, source }
            };
            all.push(decoded.map_err(bad)?);
        }
    }
    Ok(all)
}

/// Removes and returns the shards that one worker owns.
pub(in crate::worker) fn take_own(shards: &Mutex<Vec<LoadedShard>>, index: usize, peers: usize) -> Vec<LoadedShard> {
    let mut shards = shards.lock().unwrap_or_else(PoisonError::into_inner);
    shards.extract_if(.., |shard| shard.number as usize % peers == index).collect()
}
