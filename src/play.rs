//! Playing a log at a chosen speed: a clock that maps wall time to event time, and a log that gives each record when
//! that clock has reached it. The workers are the same as always, so the clock decides when rows appear, and never
//! what they are.

pub mod clock;
pub mod log;
