//! Writer of the log: a bounded queue, the thread behind it, and the tracking of acknowledgements.

pub(super) mod ack_tracker;
pub(super) mod job;
pub(super) mod queue;
pub(super) mod thread;
