//! The symbols that one worker has read, numbered in order of appearance.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::symbols::symbol::Symbol;

/// Numbers for symbols. The table's iteration order is never used.
pub(crate) struct Symbols {
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    pub(crate) known: Vec<Known>,
    pub(crate) serial: u64,
    peers: u32,
    /// The only one that is sent on; all, if none.
    pub(crate) only: Option<Symbol>,
}

/// One symbol.
pub(crate) struct Known {
    pub(crate) symbol: Symbol,
    /// Its condition scheme.
    pub(crate) scheme: u32,
    /// The worker that keeps its state.
    pub(crate) receiver: u32,
    /// Index of its newest partial in its receiver's delivery, while `serial` is current.
    pub(crate) at: u32,
    pub(crate) serial: u64,
    /// Whether its trades are sent on.
    pub(crate) is_sent: bool,
}

impl Symbols {
    pub(crate) fn new(peers: usize) -> Self {
        let hasher = DefaultHashBuilder::default();
        Self { table: HashTable::new(), hasher, known: Vec::new(), serial: 1, peers: peers as u32, only: None }
    }

    /// The number of a known symbol.
    #[inline]
    pub(crate) fn number(&self, text: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(text.as_bytes());
        self.table.find(hash, |&n| self.known[n as usize].symbol.as_str() == text).copied()
    }

    /// Adds a new symbol.
    pub(crate) fn add(&mut self, symbol: Symbol, scheme: u32) -> u32 {
        let number = self.known.len() as u32;
        let hash = self.hasher.hash_one(symbol.as_str().as_bytes());
        let receiver = symbol.shard() % self.peers;
        let is_sent = self.only.as_ref().is_none_or(|only| *only == symbol);
        self.known.push(Known { symbol, scheme, receiver, at: 0, serial: 0, is_sent });
        let (known, hasher) = (&self.known, &self.hasher);
        self.table.insert_unique(hash, number, |&n| hasher.hash_one(known[n as usize].symbol.as_str().as_bytes()));
        number
    }

    /// Invalidates all indices: the deliveries have been taken.
    pub(crate) fn next_serial(&mut self) {
        self.serial += 1;
    }
}
