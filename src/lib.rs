//! Everything of Tickline that touches the world: feed, log, store, worker host, page, command line.
//!
//! What a row holds and when it is complete is decided in the pure crate `dataflows`, never here.

pub mod command;
mod fault;
pub mod log;
pub mod partitioner;
pub mod store;
