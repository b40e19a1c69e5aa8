//! Checkpoints on the worker's side.

pub(super) mod load;
