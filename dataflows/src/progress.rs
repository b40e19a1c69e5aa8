//! Progress: event time, the frontier of a partition, and resume points.

pub mod last_record;
pub mod leap;
pub mod partition;
pub mod positions;
pub mod resume;
pub mod time;
