//! What a snapshot has to hold: the symbols that changed since the last one, and now and then all symbols of a shard,
//! so that a start does not read ever more segments.

use std::collections::BTreeMap;

use crate::state::snapshot::Shard;

/// Segments of a shard at most, and how far the shards differ in it: they must not all be due in one snapshot.
const SEGMENTS_MAX: u32 = 48;
const SPREAD: u32 = 16;

/// The segments of a shard that are saved: a base, which has all its symbols, and what changed after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segments {
    /// Their number.
    pub count: u32,
    /// Encoded bytes of the base.
    pub base_bytes: u64,
    /// Encoded bytes of the others.
    pub later_bytes: u64,
}

impl Segments {
    /// Adds one that was saved.
    pub const fn add(&mut self, is_base: bool, bytes: usize) {
        if is_base {
            *self = Self { count: 1, base_bytes: bytes as u64, later_bytes: 0 };
        } else {
            self.count += 1;
            self.later_bytes += bytes as u64;
        }
    }

    /// Whether the next one must be a base: there is none, the others have grown to about its size, or they are many.
    const fn needs_base(&self, shard: u32) -> bool {
        let spread = shard % SPREAD;
        let later_max = self.base_bytes / 2 + self.base_bytes * spread as u64 / SPREAD as u64;
        self.count == 0 || self.later_bytes > later_max || self.count >= SEGMENTS_MAX + spread
    }
}

/// The symbols of one worker that changed since the last snapshot, by their numbers.
#[derive(Debug, Default)]
pub struct Changes {
    shards: Vec<u32>,
    is_changed: Vec<bool>,
    segments: BTreeMap<u32, Segments>,
}

/// What is to be encoded.
#[derive(Debug, Default)]
pub struct Wanted {
    /// By number of the symbol.
    pub symbols: Vec<bool>,
    /// By number of the shard: its symbols among them, and whether these are all of it.
    pub shards: BTreeMap<u32, (u64, bool)>,
}

impl Changes {
    /// Adds a new symbol of a shard, and numbers it.
    pub fn add_symbol(&mut self, shard: u32) {
        self.shards.push(shard);
        self.is_changed.push(true);
    }

    /// A symbol is about to change.
    #[inline]
    pub fn mark(&mut self, symbol: u32) {
        self.is_changed[symbol as usize] = true;
    }

    /// A symbol is as it was saved.
    pub fn mark_saved(&mut self, symbol: u32) {
        self.is_changed[symbol as usize] = false;
    }

    /// The segments of a shard that a run resumes from.
    pub fn add_loaded(&mut self, shard: u32, segments: Segments) {
        self.segments.insert(shard, segments);
    }

    /// A segment that continues those before it.
    pub fn add_segment(&mut self, segment: &Shard) {
        self.segments.entry(segment.shard).or_default().add(segment.is_base, segment.bytes.len());
    }

    /// What the next snapshot has to hold. What changes from here on is for the one after it.
    pub fn take(&mut self) -> Wanted {
        let mut wanted = Wanted { symbols: std::mem::take(&mut self.is_changed), ..Wanted::default() };
        self.is_changed.resize(wanted.symbols.len(), false);
        let is_due = |shard: &u32| self.segments.get(shard).copied().unwrap_or_default().needs_base(*shard);
        for (shard, _) in self.shards.iter().zip(&wanted.symbols).filter(|(_, is_changed)| **is_changed) {
            wanted.shards.entry(*shard).or_insert_with(|| (0, is_due(shard)));
        }
        for (shard, is_wanted) in self.shards.iter().zip(&mut wanted.symbols) {
            let Some((count, is_base)) = wanted.shards.get_mut(shard) else { continue };
            *is_wanted |= *is_base;
            *count += u64::from(*is_wanted);
        }
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(shard: u32, is_base: bool, bytes: usize) -> Shard {
        Shard { frontier: 0, shard, is_base, bytes: vec![0; bytes] }
    }

    #[test]
    fn only_what_changed_is_wanted_until_a_base_is_due() {
        let mut changes = Changes::default();
        [7, 7, 9, 9].into_iter().for_each(|shard| changes.add_symbol(shard));
        let first = changes.take();
        assert_eq!((first.symbols, first.shards), (vec![true; 4], BTreeMap::from([(7, (2, true)), (9, (2, true))])));
        [7, 9].into_iter().for_each(|shard| changes.add_segment(&segment(shard, true, 1_000)));
        assert!(changes.take().shards.is_empty(), "nothing changed");
        changes.mark(1);
        let next = changes.take();
        assert_eq!(next.symbols, [false, true, false, false]);
        assert_eq!(next.shards, BTreeMap::from([(7, (1, false))]));
        // The seventh of sixteen has its base again when the rest is 1/2 + 7/16 of it.
        changes.add_segment(&segment(7, false, 937));
        changes.mark(1);
        assert_eq!(changes.take().shards[&7], (1, false));
        changes.add_segment(&segment(7, false, 1));
        changes.mark(1);
        let next = changes.take();
        assert_eq!((next.symbols, next.shards), (vec![true, true, false, false], BTreeMap::from([(7, (2, true))])));
    }

    #[test]
    fn shards_are_due_at_different_times() {
        let due_after = |shard| {
            let mut segments = Segments::default();
            segments.add(true, 1_000_000);
            (1..).find(|_| {
                segments.add(false, 1);
                segments.needs_base(shard)
            })
        };
        let due: Vec<u32> = (0..SPREAD * 2).filter_map(due_after).collect();
        assert_eq!((due[0], due[15], due[16], due[31]), (47, 62, 47, 62));
    }
}
