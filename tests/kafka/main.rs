//! What Tickline does with a real Kafka broker. One binary, so that one broker serves all of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

#[path = "../ingest/account.rs"]
mod account;
mod broker;
#[path = "../foreign/clients.rs"]
mod clients;
mod foreign;
#[path = "../pipeline/process.rs"]
#[allow(dead_code, reason = "the tests of the embedded pipeline use the rest")]
mod home;
mod ingest;
mod log;
mod mirror;
mod pipeline;
mod process;
mod setup;
mod show;
#[path = "../log/suite.rs"]
mod suite;
mod symbols;
#[path = "../pipeline/tables.rs"]
#[allow(dead_code, reason = "the tests of the embedded pipeline use the rest")]
mod tables;
