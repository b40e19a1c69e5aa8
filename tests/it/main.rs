//! Everything that runs against the whole: the binary as a process, real servers, the page in a browser. One test
//! binary, so that one Kafka broker and one Cassandra node serve all of it; a module for each subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]

mod bench;
mod calendar;
mod cases;
mod cassandra;
mod cluster;
mod dashboard;
mod documents;
mod durable_files;
mod explain;
mod foreign;
mod grafana;
mod import;
mod ingest;
mod kafka;
mod log;
mod metrics;
mod names;
mod page;
mod pipeline;
mod read;
mod real_data;
mod secrets;
mod shared;
mod simulate;
mod store;
mod symbols;
mod terminal;
