//! When things are complete: event time, the frontier of a partition, and where a restart resumes.

pub mod partition;
pub mod positions;
pub mod resume;
pub mod time;
