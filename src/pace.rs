//! Progress for logs of other producers, which hold trades and nothing that says how far they are complete.
//!
//! The pacer reads such a log and writes bindings into a progress log beside it: "in partition p, from offset o on,
//! trades on time have event time t or later". It may look at a clock, to tell that a partition is quiet. A command
//! that computes rows reads the two logs and no clock, so rows and digest stay functions of what is written.

mod pacer;
mod partition;

pub use pacer::{PaceConfig, Pacer};
