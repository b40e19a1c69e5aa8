//! One pipeline on many processes: every test starts real ones, over a directory log. Nothing is kept in a store, so
//! that what is seen is the cluster's own doing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

mod cluster;
mod digests;
#[path = "../shared/process.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod home;
mod loss;
#[path = "../shared/pids.rs"]
mod pids;
mod restart;
mod strangers;
mod tls;
