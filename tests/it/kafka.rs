//! What Tickline does with a real Kafka broker. One binary, so that one broker serves all of it.

mod foreign;
mod ingest;
mod lives;
mod log;
mod mirror;
mod pipeline;
mod setup;
mod show;
mod symbols;
