//! A snapshot that is encoded a little at a time, while the state goes on: what changed since the one before.
//!
//! Encoding everything at once would hold up rows for as long as it takes. So some symbols are encoded in each round,
//! and one that is about to change is encoded before. What a part holds is what all symbols were at its frontier,
//! whenever they were encoded.

use std::collections::BTreeMap;

use crate::candles::symbol_state::SymbolState;
use crate::progress::time::Time;
use crate::state::changes::Wanted;
use crate::state::codec::{CodecError, SequenceEncoder};
use crate::state::snapshot::Shard;

/// Bytes that are encoded in one round: a millisecond or two. Few where this is tested, so that changes come in
/// between.
pub const ROUND_BYTES: usize = if cfg!(debug_assertions) { 4 << 10 } else { 1 << 18 };

/// The symbols of one worker as of a frontier, as far as they are encoded.
pub struct GradualSnapshot {
    frontier: Time,
    /// By symbol number: it is still to be encoded. Symbols that came later have no place here.
    is_wanted: Vec<bool>,
    /// All before this one are encoded.
    next: usize,
    /// By shard: whether all its symbols are in it.
    shards: BTreeMap<u32, (bool, SequenceEncoder)>,
    bytes: usize,
    error: Option<CodecError>,
}

impl GradualSnapshot {
    /// Begins with what has changed until now.
    pub fn new(frontier: Time, wanted: Wanted) -> Self {
        let encoder = |(shard, (count, is_base))| (shard, (is_base, SequenceEncoder::new(count)));
        let shards = wanted.shards.into_iter().map(encoder).collect();
        Self { frontier, is_wanted: wanted.symbols, next: 0, shards, bytes: 0, error: None }
    }

    /// The state is as of this time.
    pub const fn frontier(&self) -> Time {
        self.frontier
    }

    /// Encodes a symbol unless it is encoded already. To be called before it changes.
    #[inline]
    pub fn keep(&mut self, number: usize, symbols: &mut [SymbolState]) {
        if self.is_wanted.get(number) == Some(&true) {
            self.encode(number, &mut symbols[number]);
        }
    }

    fn encode(&mut self, number: usize, state: &mut SymbolState) {
        self.is_wanted[number] = false;
        // Its shard was counted when the snapshot began.
        let Some((is_base, encoder)) = self.shards.get_mut(&state.symbol.shard()) else {
            self.error = Some(CodecError::Count);
            return;
        };
        if *is_base {
            state.mark_unsaved();
        }
        match encoder.push(state) {
            Ok(bytes) => self.bytes += bytes,
            Err(error) => self.error = Some(error),
        }
        state.mark_saved();
    }

    /// Encodes the next symbols, about this many bytes of them. Returns whether all are encoded.
    pub fn advance(&mut self, symbols: &mut [SymbolState], bytes_max: usize) -> bool {
        let upper = self.bytes.saturating_add(bytes_max);
        while self.next < self.is_wanted.len() && self.bytes < upper {
            self.keep(self.next, symbols);
            self.next += 1;
        }
        self.next == self.is_wanted.len()
    }

    /// A segment of each shard that has changed, ascending.
    pub fn finish(self) -> Result<Vec<Shard>, CodecError> {
        let Self { frontier, shards, error, .. } = self;
        if let Some(error) = error {
            return Err(error);
        }
        let seal = |(shard, (is_base, encoder)): (u32, (bool, SequenceEncoder))| {
            Ok(Shard { frontier, shard, is_base, bytes: encoder.finish()? })
        };
        shards.into_iter().map(seal).collect()
    }
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;
    use crate::candles::candle::{Candle, Place, Trade};
    use crate::candles::group::Group;
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
        apply_late(state, window, 0, symbols);
    }

    /// The same, each by this number of windows late.
    fn apply_late(state: &mut WindowState, window: u64, late: u64, symbols: impl Iterator<Item = u32>) {
        let time = NOON + window * 5_000;
        let of = |symbol: u32| {
            let window_start_ms = time - late * 5_000;
            let place = Place { event_ms: window_start_ms, partition: 0, offset: window, index: symbol };
            let price = 10_i128.pow(18) * i128::from(u64::from(symbol) + window % 7 + 1);
            let trade = Trade { place, price, volume: 10_i128.pow(10), flags: Flags::ALL };
            Partial { candle: Candle::of(&trade), window_start_ms, time, symbol }
        };
        let mut group = Group::new(vec![(time, symbols.map(of).collect())]);
        assert!(state.apply(&mut group, &mut { usize::MAX }, |_| (), |_| ()));
    }

    fn begun() -> WindowState {
        let mut state = new_state();
        (0..BEFORE).for_each(|window| apply(&mut state, window, 0..SYMBOLS));
        state.begin_snapshot(NOON + BEFORE * 5_000);
        state
    }

    fn finished(state: &mut WindowState) -> Vec<Shard> {
        state.continue_snapshot(usize::MAX).unwrap().1.unwrap()
    }

    /// Length and hash of each symbol's state, from the segments of some snapshots.
    fn content(segments: &[Shard]) -> BTreeMap<String, (usize, u64)> {
        let mut shards: BTreeMap<u32, Vec<&[u8]>> = BTreeMap::new();
        segments.iter().for_each(|segment| shards.entry(segment.shard).or_default().push(&segment.bytes));
        let states = shards.into_iter().flat_map(|(shard, of)| decode_shard(shard, &of).unwrap().states);
        states
            .map(|mut state| {
                state.mark_unsaved();
                (state.symbol.as_str().to_owned(), codec::encode(&state).unwrap())
            })
            .map(|(symbol, bytes)| (symbol, (bytes.len(), xxh3_64(&bytes))))
            .collect()
    }

    #[test]
    fn what_comes_meanwhile_is_not_in_it() {
        let expected = content(&finished(&mut begun()));
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
        let mut segments = finished(&mut state);
        assert_eq!(content(&segments), expected);
        // The others were packed meanwhile.
        state.begin_snapshot(NOON);
        segments.extend(finished(&mut state));
        let later = content(&segments);
        assert!(later["S39"].0 * 2 < expected["S39"].0, "S39 was not packed");
        assert_eq!(later.len(), expected.len() + 1);
    }

    #[test]
    fn a_run_continues_the_segments_that_it_resumes_from() {
        let segments = finished(&mut begun());
        let mut state = WindowState::new(&Settings::new(ConditionTable::neutral()));
        for segment in &segments {
            state.add_shard(decode_shard(segment.shard, &[&segment.bytes]).unwrap());
        }
        state.begin_snapshot(NOON);
        assert_eq!(finished(&mut state), [], "nothing has changed");
        apply(&mut state, BEFORE, 3..4);
        state.begin_snapshot(NOON);
        let next = finished(&mut state);
        assert!(next.len() == 1 && !next[0].is_base, "{next:?}");
        let [whole] = segments.iter().filter(|segment| segment.shard == next[0].shard).collect::<Vec<_>>()[..] else {
            panic!("one base for each shard")
        };
        assert!(next[0].bytes.len() * 4 < whole.bytes.len());
        decode_shard(whole.shard, &[&whole.bytes, &next[0].bytes]).unwrap();
        assert!(matches!(decode_shard(whole.shard, &[&next[0].bytes]), Err(CodecError::Inconsistent)));
    }

    /// As the state of a run that saves nothing, however many segments it is read from.
    #[test]
    fn segments_together_are_the_state() {
        let (mut state, mut whole) = (new_state(), new_state());
        let mut segments: BTreeMap<u32, Vec<Shard>> = BTreeMap::new();
        let (mut bases, mut later, mut bytes, mut whole_bytes) = (0, 0, 0, 0);
        for round in 0..60 {
            // The first trade in every window, the others now and then; some are packed and trade again.
            for window in round * 12..round * 12 + 12 {
                let of = |symbol: &u32| *symbol < 5 || (window + u64::from(*symbol) * 31).is_multiple_of(293);
                // A late trade changes a candle, or makes one where there was none.
                let late = if window % 7 == 6 { window.min(170) / 2 } else { 0 };
                for state in [&mut state, &mut whole] {
                    apply_late(state, window, late, (0..SYMBOLS).filter(of));
                }
            }
            state.begin_snapshot(NOON + round);
            let written = finished(&mut state);
            bytes += written.iter().map(|segment| segment.bytes.len()).sum::<usize>();
            for segment in written {
                let of = segments.entry(segment.shard).or_default();
                if segment.is_base {
                    of.clear();
                }
                (bases, later) = (bases + u32::from(segment.is_base), later + u32::from(!segment.is_base));
                of.push(segment);
            }
            let segments: Vec<Shard> = segments.values().flatten().cloned().collect();
            whole.begin_snapshot(NOON + round);
            whole.symbols.iter_mut().for_each(SymbolState::mark_unsaved);
            let whole_now: BTreeMap<_, _> = whole
                .symbols
                .iter()
                .map(|state| (state.symbol.as_str().to_owned(), codec::encode(state).unwrap()))
                .map(|(symbol, bytes)| (symbol, (bytes.len(), xxh3_64(&bytes))))
                .collect();
            assert_eq!(content(&segments), whole_now, "round {round}");
            whole_bytes += whole_now.values().map(|(bytes, _)| bytes).sum::<usize>();
        }
        assert!(bases > 2 * SYMBOLS && later > bases, "{bases} and {later}");
        assert!(bytes * 2 < whole_bytes, "{bytes} of {whole_bytes}");
    }
}
