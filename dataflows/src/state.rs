//! The state of a checkpoint, as bytes.

pub mod codec;
pub mod gradual;
pub mod snapshot;
pub mod wide;
