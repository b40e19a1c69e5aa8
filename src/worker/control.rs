//! Control messages between workers, and the cluster view built from them.

pub(super) mod cluster_view;
pub(super) mod messages;
