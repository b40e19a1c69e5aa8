//! The pure half of Tickline: what a window holds, and when it is complete.
//!
//! No clock, no randomness, no iteration order of a hash map, no IO: rows, frontier and digest are functions of the
//! log's bytes. Read [`row`] for what comes out, `ingress` for what goes in, `build` for the dataflow between them.

pub mod batch;
pub mod decimal;
pub mod digest;
pub mod edge;
pub mod frontier;
pub mod reject;
pub mod row;
pub mod symbol;
pub mod tally;
pub mod time;
