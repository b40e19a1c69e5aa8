//! What Tickline does with a real Kafka broker. One binary, so that one broker serves all of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

#[path = "../shared/account.rs"]
mod account;
#[path = "../shared/broker.rs"]
mod broker;
#[path = "../shared/clients.rs"]
mod clients;
mod foreign;
#[path = "../shared/process.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod home;
mod ingest;
mod lives;
mod log;
mod mirror;
#[path = "../shared/pids.rs"]
mod pids;
mod pipeline;
#[path = "../shared/server.rs"]
mod server;
mod setup;
mod show;
#[path = "../shared/log_suite.rs"]
mod suite;
mod symbols;
#[path = "../shared/tables.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod tables;
