//! The pure half of Tickline: what a window holds, and when it is complete.
//!
//! No clock, no randomness, no iteration order of a hash map, no IO: rows, frontier and digest are functions of the
//! log's bytes. Read [`row`] for what comes out, `ingress` for what goes in, `build` for the dataflow between them.

#![forbid(unsafe_code)]

pub mod batch;
pub mod build;
pub mod candle;
pub mod codec;
pub mod conditions;
pub mod decimal;
pub mod decode;
pub mod delivery;
pub mod digest;
pub mod digests;
pub mod directory;
pub mod edge;
pub mod frontier;
pub mod history;
pub mod indicator;
pub mod ingress;
pub mod ledger;
pub mod local;
pub mod progress;
pub mod reject;
pub mod resume;
pub mod row;
pub mod series;
pub mod settings;
pub mod snapshot;
pub mod symbol;
pub mod tally;
pub mod time;
pub mod window_state;
pub mod windows;
