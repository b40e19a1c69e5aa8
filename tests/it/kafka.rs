//! Tests with a real Kafka broker, which they share.

mod backlog;
mod damage;
mod foreign;
mod ingest;
mod lives;
mod log;
mod mirror;
mod pace;
mod pipeline;
mod producers;
mod setup;
mod show;
mod symbols;
mod takeover;
