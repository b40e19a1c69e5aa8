//! The embedded log: a directory with one append-only JSON Lines file a partition.
