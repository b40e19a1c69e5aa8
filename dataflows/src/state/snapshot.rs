//! A snapshot: the symbols' state as of one frontier, by shard, so that any number of workers can load it. A shard is
//! saved in segments: a base with all its symbols, and after it what changed from snapshot to snapshot.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::candles::symbol_state::{SymbolRows, SymbolState};
use crate::ingress::PartitionMemory;
use crate::output::ledger::LedgerState;
use crate::progress::resume::ResumePoint;
use crate::progress::time::Time;
use crate::state::changes::Segments;
use crate::state::codec::{self, CodecError};
use crate::state::manifest::{Manifest, SegmentKey};
use crate::symbols::symbol::{SHARDS, Symbol};

/// A segment of one shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// The state is as of this time.
    pub frontier: Time,
    /// Number of the shard: [`crate::symbols::symbol::Symbol::shard`], or [`memory_shard`].
    pub shard: u32,
    /// Whether it is whole, and needs no segment before it.
    pub is_base: bool,
    /// State of its symbols that changed, or the memory of a partition, by [`codec`].
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
    /// Every segment of it, so that a missing one is not mistaken for an empty one.
    pub manifest: Manifest,
    /// Headers of earlier checkpoints that are kept, ascending by frontier.
    pub anchors: Vec<SegmentKey>,
}

impl SnapshotHeader {
    /// Whether a log that begins at these offsets, by partition, holds everything after it.
    pub fn is_covered(&self, first_offsets: &[u64]) -> bool {
        self.resume.len() == first_offsets.len()
            && self.resume.iter().zip(first_offsets).all(|(point, first)| *first <= point.offset)
    }
}

/// A shard of the symbols, as a run resumes with it.
#[derive(Clone, Debug, Default)]
pub struct LoadedShard {
    /// Its number.
    pub number: u32,
    /// Its symbols.
    pub states: Vec<SymbolState>,
    /// The segments that it was read from, which the next ones continue.
    pub segments: Segments,
}

impl LoadedShard {
    /// Rows of a symbol as of the snapshot: those of [`SymbolState::rows`], none if it has not traded.
    pub fn rows(&self, symbol: &Symbol, after_ms: u64) -> Result<SymbolRows, CodecError> {
        let state = self.states.iter().find(|state| state.symbol == *symbol);
        state.map_or_else(|| Ok(SymbolRows::default()), |state| state.rows(after_ms))
    }

    /// All of it is encoded next, as the base of a new shard would be.
    pub fn mark_unsaved(&mut self) {
        self.states.iter_mut().for_each(SymbolState::mark_unsaved);
    }
}

/// Number of the shard that holds the memory of a partition.
pub const fn memory_shard(partition: u32) -> u32 {
    SHARDS + partition
}

/// Decodes the shard of a partition's memory.
pub fn decode_memory(bytes: &[u8]) -> Result<PartitionMemory, CodecError> {
    codec::decode(bytes)
}

/// Decodes a shard from its segments, the oldest first. What is packed in it is decoded as well, and stays packed.
pub fn decode_shard<B: AsRef<[u8]>>(number: u32, encoded: &[B]) -> Result<LoadedShard, CodecError> {
    let (mut states, mut segments): (Vec<SymbolState>, _) = (Vec::new(), Segments::default());
    let mut places: BTreeMap<Symbol, usize> = BTreeMap::new();
    for bytes in encoded.iter().map(AsRef::as_ref) {
        for mut state in codec::decode::<Vec<SymbolState>>(bytes)? {
            match places.get(&state.symbol) {
                Some(&place) => {
                    let before = std::mem::replace(&mut states[place], SymbolState::new(state.symbol.clone()));
                    if !state.continue_from(before) {
                        return Err(CodecError::Inconsistent);
                    }
                    states[place] = state;
                }
                None => {
                    places.insert(state.symbol.clone(), states.len());
                    states.push(state);
                }
            }
        }
        segments.add(segments.count == 0, bytes.len());
    }
    for state in &mut states {
        let is_good = state.is_consistent() && state.unpacked()?.is_none_or(|unpacked| unpacked.is_consistent());
        if !is_good {
            return Err(CodecError::Inconsistent);
        }
        state.mark_saved();
    }
    Ok(LoadedShard { number, states, segments })
}
