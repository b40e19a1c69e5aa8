//! The targets of the fuzzer: what parses input from outside, with what must hold for any input.
//!
//! Each is a function of bytes that panics when something does not hold. `fuzz_targets/` hands them to libFuzzer,
//! `tests/corpus.rs` to the files of `corpus/`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use std::sync::{Mutex, PoisonError};

pub mod args;
pub mod batches;
mod canary;
pub mod control;
mod decoded;
mod exact;
pub mod finnhub;
pub mod handshake;
pub mod http;
pub mod import;
mod memory;
mod scratch;
pub mod settings;
pub mod state;
mod symbol_list;
pub mod texts;
pub mod trades;

/// A target: it panics when something does not hold.
pub type Check = fn(&[u8]);

/// The targets by name: the names of the binaries, and of the folders of `corpus/`.
pub const TARGETS: [(&str, Check); 11] = [
    ("trades", trades::check),
    ("control", control::check),
    ("import", import::check),
    ("finnhub", finnhub::check),
    ("state", state::check),
    ("handshake", handshake::check),
    ("http", http::check),
    ("settings", settings::check),
    ("texts", texts::check),
    ("args", args::check),
    ("batches", batches::check),
];

/// One run at a time: the memory that a target may use is the process's.
static RUNNING: Mutex<()> = Mutex::new(());

/// Runs one target.
///
/// # Panics
/// If what it checks does not hold.
pub fn run(check: Check, data: &[u8]) {
    let _running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    check(data);
}
