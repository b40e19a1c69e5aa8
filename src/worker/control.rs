//! Control messages between workers, and what they add up to.

pub(super) mod cluster_view;
pub(super) mod messages;
