//! A snapshot: the symbols' state as of one frontier, by shard, so that any number of workers can load it.

use serde::{Deserialize, Serialize};

use crate::candles::state::SymbolState;
use crate::ingress::PartitionMemory;
use crate::output::ledger::LedgerState;
use crate::progress::resume::ResumePoint;
use crate::progress::time::Time;
use crate::state::codec::{self, CodecError};
use crate::symbols::symbol::SHARDS;

/// One encoded shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// The state is as of this time.
    pub frontier: Time,
    /// Number of the shard: [`crate::symbols::symbol::Symbol::shard`], or [`memory_shard`].
    pub shard: u32,
    /// Its symbols' state, or the memory of a partition, by [`codec`].
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// Header of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotHeader {
    /// The ledger as of the snapshot's frontier.
    pub ledger: LedgerState,
    /// Resume points, by partition.
    pub resume: Vec<ResumePoint>,
    /// [`crate::settings::Settings::fingerprint`] of the run that made it.
    pub fingerprint: u64,
    /// Identity of the log that it was made from; empty when unknown.
    pub log: String,
    /// Number of shards, so that a missing shard is not mistaken for an empty one.
    pub shards: u32,
}

/// Number of the shard that holds the memory of a partition.
pub const fn memory_shard(partition: u32) -> u32 {
    SHARDS + partition
}

/// Decodes the shard of a partition's memory.
pub fn decode_memory(bytes: &[u8]) -> Result<PartitionMemory, CodecError> {
    codec::decode(bytes)
}

/// Decodes one shard. What is packed in it is decoded as well, and stays packed.
pub fn decode_shard(bytes: &[u8]) -> Result<Vec<SymbolState>, CodecError> {
    let states: Vec<SymbolState> = codec::decode(bytes)?;
    states.iter().filter(|state| state.packed.is_some()).try_for_each(|state| state.clone().unpack())?;
    Ok(states)
}
