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
    pub fn new(frontier: Time, symbols: &[SymbolState]) -> Self {
        let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
        symbols.iter().for_each(|state| *counts.entry(state.symbol.shard()).or_default() += 1);
        let shards = counts.into_iter().map(|(shard, count)| (shard, SequenceEncoder::new(count))).collect();
        Self { frontier, is_encoded: vec![false; symbols.len()], next: 0, shards, bytes: 0, error: None }
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
        match self.shards.get_mut(&state.symbol.shard()).map(|shard| shard.push(state)) {
            Some(Ok(bytes)) => self.bytes += bytes,
            Some(Err(error)) => self.error = Some(error),
            // Its shard was counted when the snapshot began.
            None => self.error = Some(CodecError::Count),
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

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;
    use crate::candles::candle::{Candle, Place, Trade};
    use crate::candles::state::WindowState;
    use crate::ingress::delivery::Partial;
    use crate::log::conditions::{ConditionTable, Flags};
    use crate::settings::Settings;
    use crate::state::codec;
    use crate::state::snapshot::decode_shard;
    use crate::symbols::symbol::Symbol;

    const NOON: u64 = 1_570_881_600_000;
    const SYMBOLS: u32 = 40;

    /// Windows before the snapshot begins: ten minutes.
    const BEFORE: u64 = 120;

    fn new_state() -> WindowState {
        let mut state = WindowState::new(&Settings::new(ConditionTable::neutral()));
        for n in 0..SYMBOLS {
            state.add_symbol(Symbol::new(&format!("S{n}")).unwrap());
        }
        state
    }

    /// Applies a trade of each of these symbols in one window.
    fn apply(state: &mut WindowState, window: u64, symbols: impl Iterator<Item = u32>) {
        let time = NOON + window * 5_000;
        let of = |symbol: u32| {
            let place = Place { event_ms: time, partition: 0, offset: window, index: symbol };
            let price = 10_i128.pow(18) * i128::from(u64::from(symbol) + window % 7 + 1);
            let trade = Trade { place, price, volume: 10_i128.pow(10), flags: Flags::ALL };
            Partial { candle: Candle::of(&trade), window_start_ms: time, time, symbol }
        };
        state.apply(time, &symbols.map(of).collect::<Vec<_>>(), |_| ());
        state.flush(usize::MAX, |_| (), |_| ());
    }

    fn begun() -> WindowState {
        let mut state = new_state();
        (0..BEFORE).for_each(|window| apply(&mut state, window, 0..SYMBOLS));
        state.begin_snapshot(NOON + BEFORE * 5_000);
        state
    }

    /// Length and hash of each symbol's encoded state.
    fn content(snapshot: GradualSnapshot) -> BTreeMap<String, (usize, u64)> {
        let shards = snapshot.finish().unwrap();
        let states = shards.iter().flat_map(|shard| decode_shard(&shard.bytes).unwrap());
        states
            .map(|state| (state.symbol.as_str().to_owned(), codec::encode(&state).unwrap()))
            .map(|(symbol, bytes)| (symbol, (bytes.len(), xxh3_64(&bytes))))
            .collect()
    }

    #[test]
    fn what_comes_meanwhile_is_not_in_it() {
        let mut at_once = begun();
        let expected = content(at_once.continue_snapshot(usize::MAX).unwrap());
        assert_eq!(expected.len(), SYMBOLS as usize);
        // Some trade on, a new one comes, and after a while the others are packed.
        let mut state = begun();
        let new = state.add_symbol(Symbol::new("NEW").unwrap());
        for window in BEFORE..BEFORE + 400 {
            apply(&mut state, window, (0..SYMBOLS / 4).chain([new]));
            let is_round = window < BEFORE + 100 && window % 40 == 0;
            assert!(!is_round || state.continue_snapshot(1).is_none(), "a round is one symbol");
        }
        assert!(state.has_snapshot());
        let snapshot = state.continue_snapshot(usize::MAX).unwrap();
        assert_eq!(content(snapshot), expected);
        // The others were packed meanwhile.
        state.begin_snapshot(NOON);
        let later = content(state.continue_snapshot(usize::MAX).unwrap());
        assert!(later["S39"].0 * 2 < expected["S39"].0, "S39 was not packed");
    }
}
