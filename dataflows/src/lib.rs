//! The pure half of Tickline: what a window holds, and when it is complete.
//!
//! No clock, no randomness, no iteration order of a hash map, no IO: rows, frontier and digest are functions of the
//! log's bytes. Read [`output::row`] for the outputs, `ingress` for the inputs, `build` for the dataflow between them.

#![forbid(unsafe_code)]

pub mod build;
pub mod calendar;
pub mod candles;
pub mod compact;
pub mod held;
pub mod indicators;
pub mod ingress;
pub mod log;
pub mod name_policy;
pub mod output;
pub mod progress;
pub mod settings;
pub mod state;
pub mod symbols;
pub mod testing;
pub mod toml_error;
