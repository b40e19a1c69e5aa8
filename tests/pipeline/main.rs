//! The whole binary on the embedded log and store: every test runs `tickline` as a process, as its users do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]

mod bad_input;
mod disk;
mod faults;
mod growing;
mod live;
mod mirror;
#[allow(dead_code, reason = "other binaries use the rest")]
mod process;
mod recovery;
mod rejected;
mod scan;
mod show;
mod tables;
