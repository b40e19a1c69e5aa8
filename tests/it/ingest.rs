//! From a feed into a log: each trade once, byte for byte, in its partition; promises everywhere; gaps told.
//!
//! The feed is a script, or the simulator with a fault; the log is a list in memory, or a directory when it runs
//! as a process.

mod faults;
mod memory;
mod run;
mod script;
mod tls;
