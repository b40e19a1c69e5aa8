//! Loading a checkpoint: its header is checked, its shards are decoded and distributed to the workers.

use std::sync::{Mutex, PoisonError};

use dataflows::candles::state::SymbolState;
use dataflows::ingress::PartitionMemory;
use dataflows::settings::Settings;
use dataflows::state::codec;
use dataflows::state::snapshot::{SnapshotHeader, decode_memory, decode_shard, memory_shard};
use dataflows::symbols::symbol::SHARDS;

use crate::log::Log;
use crate::store::{Checkpoint, Store, StoreIdentity};
use crate::time::rfc3339;
use crate::worker::{WorkerError, identity};

/// Decodes the header, and checks that it was made with these settings and from this log.
pub(in crate::worker) fn read_header(
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
    };
    identity::check(&theirs, &ours, &log.name())?;
    let inner = header.ledger.row.frontier;
    if inner != frontier {
        let source = format!("damaged: it is stored under another frontier than its own, {}", rfc3339(inner)).into();
        return Err(WorkerError::Checkpoint { frontier, source });
    }
    Ok(header)
}

/// Reads some shards of a checkpoint. Also returns the number of shards found.
pub(in crate::worker) fn read_shards(
    store: &mut dyn Store,
    header: Option<&SnapshotHeader>,
    is_needed: impl Fn(u32) -> bool,
) -> Result<(Vec<Vec<SymbolState>>, u32), WorkerError> {
    let Some(header) = header else { return Ok((Vec::new(), 0)) };
    let frontier = header.ledger.row.frontier;
    let needed: Vec<u32> = (0..SHARDS).filter(|&shard| is_needed(shard)).collect();
    let mut shards: Vec<Vec<SymbolState>> = vec![Vec::new(); SHARDS as usize];
    let found = store.shards(frontier, &needed)?;
    let count = found.len() as u32;
    for (shard, packed) in found {
        let states = codec::unpack(&packed).and_then(|bytes| decode_shard(&bytes));
        let bad = |error| WorkerError::Checkpoint { frontier, source: format!("shard {shard}: {error}").into() };
        shards[shard as usize] = states.map_err(bad)?;
    }
    Ok((shards, count))
}

/// Reads the memory of some partitions, by partition. Also returns the number of shards found.
pub(in crate::worker) fn read_memory(
    store: &mut dyn Store,
    header: Option<&SnapshotHeader>,
    is_needed: impl Fn(u32) -> bool,
) -> Result<(Vec<PartitionMemory>, u32), WorkerError> {
    let Some(header) = header else { return Ok((Vec::new(), 0)) };
    let frontier = header.ledger.row.frontier;
    let partitions = header.resume.len() as u32;
    let needed: Vec<u32> = (0..partitions).filter(|&partition| is_needed(partition)).map(memory_shard).collect();
    let mut memories = vec![PartitionMemory::default(); header.resume.len()];
    let found = store.shards(frontier, &needed)?;
    let count = found.len() as u32;
    for (shard, packed) in found {
        let decoded = codec::unpack(&packed).and_then(|bytes| decode_memory(&bytes));
        let bad = |error| WorkerError::Checkpoint { frontier, source: format!("shard {shard}: {error}").into() };
        memories[(shard - memory_shard(0)) as usize] = decoded.map_err(bad)?;
    }
    Ok((memories, count))
}

/// Removes and returns the state of the shards that one worker owns.
pub(in crate::worker) fn take_own(
    shards: &Mutex<Vec<Vec<SymbolState>>>,
    index: usize,
    peers: usize,
) -> Vec<SymbolState> {
    let mut shards = shards.lock().unwrap_or_else(PoisonError::into_inner);
    shards.iter_mut().skip(index).step_by(peers).flat_map(std::mem::take).collect()
}
