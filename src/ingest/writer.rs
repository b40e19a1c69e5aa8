//! The thread that appends to the log, its queue, and what the log has acknowledged.

pub(super) mod ack_tracker;
pub(super) mod queue;
pub(super) mod thread;
