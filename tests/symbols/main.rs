//! The symbol directory against the simulator: syncing, what happens to symbols between two days, finding them again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]

mod binary;
mod merge;
mod sync;
mod work;
mod world;

#[path = "../shared/process.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod process;
