//! A snapshot that is encoded a little at a time, while the state goes on.
//!
//! Encoding everything at once would hold up rows for as long as it takes. So some symbols are encoded in each round,
//! and one that is about to change is encoded before. What a part holds is what all symbols were at its frontier,
//! whenever they were encoded.

use std::collections::BTreeMap;

use crate::candles::state::SymbolState;
use crate::progress::time::Time;
use crate::state::codec::{CodecError, SequenceEncoder};
use crate::state::snapshot::Shard;

/// Bytes that are encoded in one round: some milliseconds. Few where this is tested, so that changes come in between.
pub const ROUND_BYTES: usize = if cfg!(debug_assertions) { 4 << 10 } else { 1 << 20 };

/// The symbols of one worker as of a frontier, as far as they are encoded.
pub struct GradualSnapshot {
    frontier: Time,
    /// By symbol number: it is encoded. Symbols that came later have no place here.
    is_encoded: Vec<bool>,
    /// All before this one are encoded.
    next: usize,
    shards: BTreeMap<u32, SequenceEncoder>,
    bytes: usize,
    error: Option<CodecError>,
}

impl GradualSnapshot {
    /// Begins with the symbols that are there now.
    pub fn new(frontier: Time, symbols: usize) -> Self {
        let (is_encoded, shards) = (vec![false; symbols], BTreeMap::new());
        Self { frontier, is_encoded, next: 0, shards, bytes: 0, error: None }
    }

    /// The state is as of this time.
    pub const fn frontier(&self) -> Time {
        self.frontier
    }

    /// Encodes a symbol unless it is encoded already. To be called before it changes.
    #[inline]
    pub fn keep(&mut self, number: usize, symbols: &[SymbolState]) {
        if self.is_encoded.get(number) == Some(&false) {
            self.encode(number, &symbols[number]);
        }
    }

    fn encode(&mut self, number: usize, state: &SymbolState) {
        self.is_encoded[number] = true;
        let shard = self.shards.entry(state.symbol.shard()).or_default();
        match shard.push(state) {
            Ok(bytes) => self.bytes += bytes,
            Err(error) => self.error = Some(error),
        }
    }

    /// Encodes the next symbols, about this many bytes of them. Returns whether all are encoded.
    pub fn advance(&mut self, symbols: &[SymbolState], bytes_max: usize) -> bool {
        let upper = self.bytes.saturating_add(bytes_max);
        while self.next < self.is_encoded.len() && self.bytes < upper {
            self.keep(self.next, symbols);
            self.next += 1;
        }
        self.next == self.is_encoded.len()
    }

    /// The shards that hold a symbol, ascending.
    pub fn finish(self) -> Result<Vec<Shard>, CodecError> {
        let Self { frontier, shards, error, .. } = self;
        if let Some(error) = error {
            return Err(error);
        }
        let seal = |(shard, encoder): (u32, SequenceEncoder)| Ok(Shard { frontier, shard, bytes: encoder.finish()? });
        shards.into_iter().map(seal).collect()
    }
}
