//! What Tickline does with a real Kafka broker. One binary, so that one broker serves all of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

mod broker;
mod log;
mod process;
#[path = "../log/suite.rs"]
mod suite;
