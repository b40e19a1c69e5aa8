//! What Tickline does with a real Kafka broker. One binary, so that one broker serves all of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

mod broker;
#[path = "../foreign/clients.rs"]
mod clients;
mod foreign;
#[path = "../pipeline/process.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod home;
mod log;
mod mirror;
mod process;
#[path = "../log/suite.rs"]
mod suite;
