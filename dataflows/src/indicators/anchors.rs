//! The anchors of one symbol's chain of indicators: every few points the chain as it was there, so that a correction
//! runs from the nearest one and not from the start.

use std::collections::VecDeque;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::indicators::chain::{Chain, WINDOW_MAX};

/// Points between two anchors.
const ANCHOR_POINTS: u64 = 32;

/// The chain before the point with number `before`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Number of a point.
    pub before: u64,
    /// The chain up to it.
    pub chain: Chain,
}

/// Anchors, ascending. They know which of them were set since they were last saved, and only those are encoded.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    all: VecDeque<Anchor>,
    /// Those before a point below this number are as they were when they were saved.
    saved: u64,
    /// Of a decoded part: the first anchor, where the part before it has it.
    missing: Option<u64>,
}

impl Anchors {
    /// Whether an anchor is due before the point with this number.
    #[inline]
    pub const fn is_due(number: u64) -> bool {
        number.is_multiple_of(ANCHOR_POINTS)
    }

    /// Sets one after all others.
    pub fn push(&mut self, anchor: Anchor) {
        self.all.push_back(anchor);
    }

    /// The first one.
    pub fn first(&self) -> Option<&Anchor> {
        self.all.front()
    }

    /// The last one at or before a point.
    pub fn before(&self, number: u64) -> Option<Anchor> {
        self.all.iter().rev().find(|anchor| anchor.before <= number).copied()
    }

    /// Removes those after a point.
    pub fn remove_after(&mut self, number: u64) {
        while self.all.pop_back_if(|anchor| anchor.before > number).is_some() {}
        self.saved = self.saved.min(number + 1);
    }

    /// Removes those that no correction needs: all before the last one at or before the first point that may change.
    pub fn remove_fixed(&mut self, fixed: u64) {
        while self.all.get(1).is_some_and(|next| next.before <= fixed) {
            self.all.pop_front();
        }
    }

    /// They are saved as they are now.
    pub fn mark_saved(&mut self) {
        self.saved = self.all.back().map_or(0, |last| last.before + 1);
    }

    /// None is saved.
    pub const fn mark_unsaved(&mut self) {
        self.saved = 0;
    }

    /// Makes a decoded part whole: `before` is what was saved before it. Returns whether the two fit together.
    pub fn continue_from(&mut self, mut earlier: Self) -> bool {
        let Some(first) = self.missing else { return true };
        let from = self.saved;
        earlier.all.retain(|anchor| (first..from).contains(&anchor.before));
        let fits = earlier.missing.is_none() && earlier.all.front().is_some_and(|anchor| anchor.before == first);
        earlier.all.append(&mut self.all);
        (self.all, self.missing, self.saved) = (earlier.all, None, 0);
        fits
    }

    /// Whether a correction can run from each of them: with points from number `first` on and before number `end`.
    pub fn are_consistent(&self, first: u64, end: u64) -> bool {
        let is_good = |anchor: &Anchor| {
            (first..=end).contains(&anchor.before)
                && first <= anchor.before.saturating_sub(WINDOW_MAX)
                && anchor.chain.values.candles == anchor.before
        };
        self.missing.is_none() && self.all.iter().all(is_good) && self.all.iter().is_sorted_by_key(|a| a.before)
    }
}

/// The first anchor's number, the first one here, and what is set from there on.
#[derive(Serialize, Deserialize)]
struct Encoded {
    first: u64,
    from: u64,
    anchors: Vec<Anchor>,
}

impl Serialize for Anchors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let first = self.all.front().map_or(0, |anchor| anchor.before);
        let from = self.saved.max(first);
        let anchors = self.all.iter().filter(|anchor| anchor.before >= from).copied().collect();
        Encoded { first, from, anchors }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Anchors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Encoded { first, from, anchors } = Encoded::deserialize(deserializer)?;
        let missing = (from > first).then_some(first);
        Ok(Self { all: anchors.into(), saved: if missing.is_some() { from } else { 0 }, missing })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::codec;

    fn anchor(before: u64) -> Anchor {
        let mut chain = Chain::default();
        chain.values.candles = before;
        Anchor { before, chain }
    }

    /// Saves what changed. The parts together are the anchors.
    fn save(anchors: &mut Anchors, saved: &mut Anchors) -> usize {
        let bytes = codec::encode(anchors).unwrap();
        anchors.mark_saved();
        let mut part: Anchors = codec::decode(&bytes).unwrap();
        let count = part.all.len();
        assert!(part.continue_from(std::mem::take(saved)));
        assert_eq!(part.all, anchors.all);
        *saved = part;
        count
    }

    #[test]
    fn parts_together_are_the_anchors() {
        let (mut anchors, mut saved) = (Anchors::default(), Anchors::default());
        assert_eq!(save(&mut anchors, &mut saved), 0);
        [0, 32, 64, 96].into_iter().for_each(|before| anchors.push(anchor(before)));
        assert_eq!(save(&mut anchors, &mut saved), 4);
        assert_eq!(save(&mut anchors, &mut saved), 0);
        // Some are no longer needed, one is new.
        anchors.remove_fixed(70);
        anchors.push(anchor(128));
        assert_eq!((anchors.first().unwrap().before, save(&mut anchors, &mut saved)), (64, 1));
        // A correction sets the last two again.
        anchors.remove_after(64);
        anchors.push(anchor(96));
        assert_eq!(save(&mut anchors, &mut saved), 1);
        anchors.mark_unsaved();
        assert_eq!(save(&mut anchors, &mut saved), 2);
    }

    #[test]
    fn parts_that_do_not_fit_are_found() {
        let mut anchors = Anchors::default();
        [32, 64].into_iter().for_each(|before| anchors.push(anchor(before)));
        anchors.mark_saved();
        let part = codec::encode(&anchors).unwrap();
        let continued = |from: &[u64]| {
            let mut part: Anchors = codec::decode(&part).unwrap();
            let all = from.iter().map(|&before| anchor(before)).collect();
            part.continue_from(Anchors { all, ..Anchors::default() })
        };
        assert_eq!(
            [continued(&[]), continued(&[64]), continued(&[32, 64]), continued(&[0, 32])],
            [false, false, true, true]
        );
    }

    #[test]
    fn what_no_correction_can_run_from_is_found() {
        let of = |before: &[u64]| Anchors { all: before.iter().map(|&at| anchor(at)).collect(), ..Anchors::default() };
        assert!(of(&[32, 64]).are_consistent(0, 64));
        assert!(!of(&[32, 64]).are_consistent(0, 63), "after the last point");
        assert!(!of(&[288, 320]).are_consistent(49, 400), "the windows before it are gone");
        assert!(of(&[288, 320]).are_consistent(48, 400));
        assert!(!of(&[320, 288]).are_consistent(48, 400), "they do not ascend");
        let mut other = of(&[32]);
        other.all[0].chain.values.candles = 31;
        assert!(!other.are_consistent(0, 64), "of another point");
    }
}
