//! The whole binary on the embedded log and store: every test runs `tickline` as a process, as its users do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]

mod bad_input;
mod disk;
mod faults;
mod growing;
mod live;
mod mirror;
mod part;
#[path = "../shared/process.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod process;
mod recovery;
mod rejected;
mod scan;
mod show;
mod sources;
#[path = "../shared/tables.rs"]
mod tables;
mod waiting;
