//! A second program made from `docs/definitions.md` alone: slow, obvious, and sharing no computation with what it
//! checks.
//!
//! From the crate it uses the plain types of the rows, so that results can be compared; every value in them is its own.
//! `mod.rs` and not `oracle.rs`: that name would be a test binary.
#![allow(dead_code, reason = "every test binary uses another part of it")]
#![allow(unused_imports, reason = "every test binary uses another part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

pub mod candle;
pub mod conditions;
pub mod digest;
pub mod edge;
pub mod generate;
pub mod history;
pub mod indicator;
pub mod json;
pub mod name;
pub mod number;
pub mod partition;

pub use conditions::{Conditions, Flags};
pub use history::Oracle;
pub use partition::Trade;

/// Settings that the definitions leave open. Times in milliseconds.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Grain of time.
    pub step_ms: u64,
    /// How old a trade may be to correct its candle.
    pub allowed_lateness_ms: u64,
    /// How far ahead progress may be that nothing confirms.
    pub max_ahead_ms: u64,
    /// How far ahead a trade may be.
    pub max_ahead_trade_ms: u64,
    /// How many symbols a partition may have.
    pub symbols_max: usize,
    /// Set in out-of-orderness mode.
    pub max_out_of_orderness_ms: Option<u64>,
    /// The records of a progress log, where there is one: partition, offset, event time.
    pub bindings: Option<Vec<(u32, u64, i64)>>,
    /// What conditions mean.
    pub conditions: Conditions,
    /// Whether ids make duplicates.
    pub dedup: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            step_ms: 1_000,
            allowed_lateness_ms: 900_000,
            max_ahead_ms: 300_000,
            max_ahead_trade_ms: 3_600_000,
            symbols_max: 100_000,
            max_out_of_orderness_ms: None,
            bindings: None,
            conditions: Conditions::finnhub(),
            dedup: false,
        }
    }
}

/// One record of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its offset; ascending, gaps allowed.
    pub offset: u64,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Without a value; `bytes` are empty then.
    pub is_tombstone: bool,
    /// The log's own timestamp, where it has one.
    pub timestamp_ms: Option<i64>,
}

/// Records by partition.
pub type Log = Vec<Vec<Record>>;

/// A log from lines, one list a partition, offsets from 0.
pub fn log_of(partitions: &[&[&str]]) -> Log {
    let record = |(at, line): (usize, &&str)| Record {
        offset: at as u64,
        bytes: line.as_bytes().to_vec(),
        is_tombstone: false,
        timestamp_ms: None,
    };
    partitions.iter().map(|lines| lines.iter().enumerate().map(record).collect()).collect()
}
