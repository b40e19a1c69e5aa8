//! Checkpoints on the worker's side. The path of one:
//!
//! 1. The first worker's loop asks [`schedule`] whether one is due, and requests it from its dataflow as of the next
//!    window. Its own frontier holds back all workers until they know of it.
//! 2. Each worker's dataflow emits its shards as of that time; [`parts`] hands them to the store thread.
//! 3. The store thread writes the shards between other commands ([`collect`]) and acknowledges them; [`parts`] then
//!    reports the worker's part, with its resume points, to the first worker, which passes it to its store thread.
//! 4. With all parts, the exact frontier row, and that frontier published, [`collect`] commits the checkpoint. The
//!    first worker announces it to all, which then forget older resume points.
//! 5. The next run reads it back with [`load`].

pub(super) mod anchors;
pub(super) mod collect;
pub(crate) mod load;
pub(super) mod parts;
pub(super) mod schedule;
