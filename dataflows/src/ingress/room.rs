//! The symbols of one partition: as many as there is room for. Each costs memory for ever, and the writers of the log
//! name them.

use crate::symbols::symbol::Symbol;

/// No record of the partition has named the symbol.
const NEVER: u64 = u64::MAX;

/// The symbols of the trades accepted in one partition, by the number that their worker gives them.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// The offset of the first record with each; [`NEVER`] for symbols of other partitions.
    first: Vec<u64>,
    symbols: u64,
}

impl Room {
    /// Whether a symbol is known, or there is room for it among at most `max`.
    #[inline]
    pub(super) fn admits(&self, number: Option<u32>, max: u64) -> bool {
        let is_known = number.is_some_and(|number| self.first.get(number as usize).is_some_and(|at| *at != NEVER));
        is_known || self.symbols < max
    }

    /// A trade of this symbol is accepted.
    #[inline]
    pub(super) fn take(&mut self, number: u32, offset: u64) {
        let at = number as usize;
        if self.first.len() <= at {
            self.first.resize(at + 1, NEVER);
        }
        if self.first[at] == NEVER {
            self.first[at] = offset;
            self.symbols += 1;
        }
    }

    /// The symbols of the records before `offset`; `name` is that of a number.
    pub(super) fn before<'a>(&self, offset: u64, name: impl Fn(u32) -> &'a Symbol) -> Vec<Symbol> {
        let known = self.first.iter().enumerate().filter(|(_, first)| **first < offset);
        known.map(|(number, _)| name(number as u32).clone()).collect()
    }
}
