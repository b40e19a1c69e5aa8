//! Ingest from a feed into a log: each trade once, byte for byte, in its partition; progress and gaps in every
//! partition.
//!
//! The feed is a script or the simulator with a fault; the log is in memory, or a directory log for processes.

mod faults;
mod life;
mod memory;
mod run;
mod script;
mod tls;
