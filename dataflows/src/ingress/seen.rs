//! The ids of one partition's trades, by which a second delivery of a trade is recognised. `docs/definitions.md`,
//! section 3.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_128;

use crate::log::decode::TRADE_ID_BYTES_MAX;
use crate::progress::time::Time;
use crate::settings::Settings;
use crate::symbols::symbol::SYMBOL_BYTES_MAX;

/// Name of a trade: XXH3-128 of symbol and id. Of 10^9 names that are kept at once two are equal with a probability
/// below 10^-20.
pub type TradeName = u128;

/// Names by the time step of their trades, in the order of the log: what a checkpoint holds of a partition.
pub type SeenNames = Vec<(Time, Vec<TradeName>)>;

/// The name of a trade.
pub(super) fn trade_name(symbol: &str, id: &str) -> TradeName {
    let mut bytes = [0; SYMBOL_BYTES_MAX + 1 + TRADE_ID_BYTES_MAX];
    // A symbol has no hidden character, so the zero between the two is its end.
    let (symbol, id) = (symbol.as_bytes(), id.as_bytes());
    let len = symbol.len() + 1 + id.len();
    bytes[..symbol.len()].copy_from_slice(symbol);
    bytes[symbol.len() + 1..len].copy_from_slice(id);
    xxh3_128(&bytes[..len])
}

/// The names of trades before this time step are not compared any more, at a partition frontier.
pub(super) fn seen_from(settings: &Settings, frontier_ms: Option<u64>) -> Time {
    frontier_ms.map_or(0, |ms| settings.step(ms.saturating_sub(settings.allowed_lateness_ms)))
}

/// The names of the trades of a partition.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The time step of the last trade of each name.
    steps: HashMap<TradeName, Time>,
    /// All trades by time step: name and offset.
    trades: BTreeMap<Time, Vec<(TradeName, u64)>>,
}

impl Seen {
    /// The names of a checkpoint, which precede every record that is read.
    pub(super) fn restore(names: SeenNames) -> Self {
        let mut seen = Self::default();
        for (step, names) in names {
            names.into_iter().for_each(|name| seen.insert(name, step, 0));
        }
        seen
    }

    /// Whether a trade of this name, and of the time step `from` or a later one, was accepted.
    #[inline]
    pub(super) fn has(&self, name: TradeName, from: Time) -> bool {
        self.steps.get(&name).is_some_and(|step| *step >= from)
    }

    /// A trade was accepted.
    #[inline]
    pub(super) fn insert(&mut self, name: TradeName, step: Time, offset: u64) {
        self.steps.insert(name, step);
        self.trades.entry(step).or_default().push((name, offset));
    }

    /// Forgets the trades before a time step.
    pub(super) fn forget(&mut self, from: Time) {
        while let Some(first) = self.trades.first_entry().filter(|first| *first.key() < from) {
            let (step, trades) = first.remove_entry();
            for (name, _) in trades {
                // The name may have come again with a later time.
                if self.steps.get(&name) == Some(&step) {
                    self.steps.remove(&name);
                }
            }
        }
    }

    /// The names as they were before the record at `offset`, without those before the time step `from`.
    pub(super) fn before(&self, offset: u64, from: Time) -> SeenNames {
        let names = |trades: &[(TradeName, u64)]| {
            trades.iter().filter(|(_, at)| *at < offset).map(|(name, _)| *name).collect::<Vec<_>>()
        };
        let steps = self.trades.range(from..).map(|(step, trades)| (*step, names(trades)));
        steps.filter(|(_, names)| !names.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_and_forgotten_by_time() {
        let mut seen = Seen::default();
        for (name, step, offset) in [(1, 10, 5), (2, 20, 6), (3, 10, 7), (1, 30, 8)] {
            seen.insert(name, step, offset);
        }
        assert_eq!([1, 2, 3, 4].map(|name| seen.has(name, 20)), [true, true, false, false]);
        assert_eq!(seen.before(8, 0), [(10, vec![1, 3]), (20, vec![2])]);
        assert_eq!(seen.before(7, 20), [(20, vec![2])]);
        seen.forget(20);
        assert_eq!([1, 2, 3].map(|name| seen.has(name, 0)), [true, true, false], "1 came again at 30");
        let restored = Seen::restore(seen.before(9, 0));
        assert_eq!([1, 2, 3].map(|name| restored.has(name, 0)), [true, true, false]);
        assert_eq!(restored.before(1, 0), [(20, vec![2]), (30, vec![1])]);
        seen.forget(100);
        assert!(seen.trades.is_empty() && seen.steps.is_empty());
    }

    #[test]
    fn names_differ_by_symbol_and_id() {
        let names = [("A", "1"), ("A", "2"), ("B", "1"), ("A1", ""), ("A", "11"), ("A1", "1")];
        let mut names: Vec<_> = names.iter().map(|(symbol, id)| trade_name(symbol, id)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 6);
        assert_eq!(trade_name("A", "1"), xxh3_128(b"A\x001"));
    }
}
