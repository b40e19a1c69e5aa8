//! Everything of Tickline that touches the world: feed, log, store, worker host, page, command line.
//!
//! What a row holds and when it is complete is decided in the pure crate `dataflows`, never here.

mod candlestick;
pub mod cluster;
pub mod command;
pub mod dashboard;
mod fault;
pub mod finnhub;
pub mod ingest;
pub mod log;
pub mod metrics;
pub mod partitioner;
pub mod pause;
pub mod rejected;
pub mod simulate;
pub mod store;
pub mod supervisor;
pub mod symbols;
pub mod timestamp;
pub mod tls;
pub mod top;
pub mod worker;
