//! The state of a checkpoint, as bytes.

pub mod changes;
pub mod codec;
pub mod gradual;
pub mod manifest;
pub mod snapshot;
pub mod wide;
