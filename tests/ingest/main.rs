//! From a feed into a log: each trade once, byte for byte, in its partition; promises everywhere; gaps told.
//!
//! The feed is a script, or the simulator with a fault; the log is a list in memory, or a directory when it runs
//! as a process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../shared/account.rs"]
mod account;
mod faults;
mod memory;
#[path = "../shared/process.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod process;
mod run;
mod script;
mod tls;
