//! Tests with a real Kafka broker, which they share.

mod anchors;
mod backlog;
mod damage;
mod foreign;
mod gone;
mod ingest;
mod lives;
mod log;
mod mirror;
mod outages;
mod pace;
mod pipeline;
mod producers;
pub mod setup;
mod show;
mod symbols;
mod takeover;
mod twin;
